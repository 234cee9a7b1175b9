"""Lyapunov spectrum of linear regression on one normal sample a step: products of I - eta x x^T."""

from __future__ import annotations

import functools
import itertools
from typing import Any

import mpmath
import numpy as np
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.errors import DomainError
from theory.evaluation import converged
from theory.law import Law, mutant_value
from theory.parameter import Parameter, positive
from theory.stability import symbols as sy
from theory.stability.guard import require_zero
from theory.stability.matrix_direction import critical_rate
from theory.stability.matrix_product import A, chi_squared_density, dimension, spectrum
from theory.stability.matrix_quadrature import beta_nodes, chi_squared_nodes, mean

eta = sy.eta
Bq = sp.Symbol("B", positive=True)
INPUT_STD = Parameter(
    "input_std", sy.s_x, "standard deviation of every input component", positive(0.5, 1.4), 1.0, False
)


def _gram_determinant(d: int, k: int) -> sp.Expr:
    """det of the Gram matrix of the first k columns of I - eta x x^T, in A = sum_{i<=k} x_i^2 and B = the rest."""
    xs = sp.symbols(f"x1:{d + 1}", real=True)
    x = sp.Matrix(xs)
    columns = (sp.eye(d) - eta * x * x.T)[:, :k]
    found = sp.expand((columns.T * columns).det(method="berkowitz"))
    head, tail = sum(v**2 for v in xs[:k]), sum(v**2 for v in xs[k:])
    expected = (1 - eta * head) ** 2 + eta**2 * head * tail
    require_zero(sp.expand(found - expected), "the Gram determinant")
    return (1 - eta * A) ** 2 + eta**2 * A * Bq


def _volume_integral(d: int, k: int) -> sp.Expr:
    step = eta * sy.s_x**2
    if k == d:
        return sp.Integral(sp.log(sp.Abs(1 - step * A)) * chi_squared_density(A, d), (A, 0, sp.oo))
    logarithm = sp.log((1 - step * A) ** 2 + step**2 * A * Bq) / 2
    density = chi_squared_density(A, k) * chi_squared_density(Bq, d - k)
    return sp.Integral(logarithm * density, (Bq, 0, sp.oo), (A, 0, sp.oo))


def _rank_one_steps(d: int) -> list[tuple[str, Any, str]]:
    w, x, y = sp.symbols("w x y", real=True)
    for size, k in ((2, 1), (2, 2), (3, 1), (3, 2)):
        _gram_determinant(size, k)
    gram = sp.eye(2) + sp.Symbol("c") * sp.Matrix([[A, 0], [0, 0]])
    return [
        ("loss of one sample", (w * x - y) ** 2 / 2, "linear regression, y = w*.x; w and x have d components"),
        ("multiplier", 1 - eta * x**2, "the error obeys e <- (I - eta x x^T) e"),
        ("Gram matrix", gram, "of k columns: I + c a a^T, a = first k components of x, c = eta^2 |x|^2 - 2 eta"),
        ("squared volume", (1 - eta * A) ** 2 + eta**2 * A * Bq,
         "determinant lemma 1 + c |a|^2; A = |a|^2 ~ chi2_k, B = |x|^2 - A ~ chi2_{d-k}, independent"),
        ("densities", sp.Tuple(chi_squared_density(A, sp.Symbol("k")), chi_squared_density(Bq, d - sp.Symbol("k"))),
         "x has independent standard normal components (eta is scaled by input_std^2)"),
    ]  # fmt: skip


def _rank_one(dimension: int = 2) -> Derivation:
    d = int(dimension)
    sums = [sp.Integer(0), *(_volume_integral(d, k) for k in range(1, d + 1))]
    result = sp.Tuple(*[sums[k] - sums[k - 1] for k in range(1, d + 1)])
    return derivation(
        *_rank_one_steps(d),
        ("spectrum", result, "Lambda_k = difference of successive mean log volumes; at k = d, B = 0"),
    )


def volume_growth(step: float, first: int, second: int) -> float:
    """E log[(1 - step A)^2 + step^2 A B]/2 of A ~ chi2_first and B ~ chi2_second."""
    a, b = chi_squared_nodes(first, 1 / step), chi_squared_nodes(second)
    square = (step * a.distance[:, None]) ** 2 + step**2 * a.value[:, None] * b.value
    return mean(a.weight, np.log(square), b.weight) / 2


def _precise_volume_growth(step: Any, first: int, second: int) -> Any:
    def density(x: Any, degrees: int) -> Any:
        half = mpmath.mpf(degrees) / 2
        return x ** (half - 1) * mpmath.exp(-x / 2) / (2**half * mpmath.gamma(half))

    def integrand(a: Any, b: Any = None) -> Any:
        square = (1 - step * a) ** 2 + (0 if b is None else step**2 * a * b)
        weight = density(a, first) * (1 if b is None else density(b, second))
        return weight * mpmath.log(square) / 2 if square > 0 else mpmath.mpf(0)

    tail = 5 * mpmath.mp.dps
    outer = [0, *sorted([1 / step, mpmath.mpf(first + 8), mpmath.mpf(first + tail)])]
    return mpmath.quad(integrand, outer, *([] if second == 0 else [[0, second + 8, second + tail]]))


def spectrum_value(step: Any, d: int, digits: int = 15) -> list[Any]:
    """The d exponents of I - step x x^T with standard normal x: in doubles up to 15 digits, mpmath beyond."""
    if digits <= 15:
        sums = [0.0, *(volume_growth(float(step), k, d - k) for k in range(1, d + 1))]
        return [mpmath.mpf(b - a) for a, b in itertools.pairwise(sums)]
    if d > 2:
        raise DomainError(f"more than 15 digits are available up to dimension 2, not {d}; ask for 15 digits.")
    sums = [
        mpmath.mpf(0),
        *(converged(lambda k=k: _precise_volume_growth(step, k, d - k), digits) for k in range(1, d + 1)),
    ]
    return [b - a for a, b in itertools.pairwise(sums)]


def polar_growth(step: float, first: int, second: int) -> float:
    """The same mean log volume over the length and the direction of x: A = R u, B = R (1 - u), u beta distributed."""
    r = chi_squared_nodes(first + second, 1 / step)
    if second == 0:
        return mean(r.weight, np.log(step * np.abs(r.distance)))
    u, v, weight = beta_nodes(first / 2, second / 2)
    turn = (step * r.value * (step * r.value - 2))[:, None]
    # 1 + u t written from the end where it may vanish: (1 - step R)^2 - (1 - u) t.
    square = np.where(v < 0.5, (step * r.distance[:, None]) ** 2 - v * turn, 1 + u * turn)
    return mean(r.weight, np.log(square), weight) / 2


def _rank_one_definition(dimension: int, learning_rate: Any, input_std: Any) -> list[float]:
    d, step = int(dimension), float(learning_rate * input_std**2)
    sums = [0.0, *(polar_growth(step, k, d - k) for k in range(1, d + 1))]
    return [b - a for a, b in itertools.pairwise(sums)]


def _rank_one_mutant(first: Any, second: Any) -> Any:
    def value(dimension: int, learning_rate: float, input_std: float) -> list[float]:
        d, step = int(dimension), learning_rate * input_std**2
        sums = [0.0, *(volume_growth(step, first(k, d), second(k, d)) for k in range(1, d + 1))]
        return [b - a for a, b in itertools.pairwise(sums)]

    return value


RANK_ONE_NORMAL = Law(
    id="stability.matrix.rank_one_normal",
    title="Spectrum of linear regression on one normal sample a step",
    statement="M = I - eta x x^T, x ~ N(0, input_std^2 I_d): Lambda_1 + ... + Lambda_k = "
    "E log[(1 - e A)^2 + e^2 A B]/2, e = eta input_std^2, A ~ chi2_k, B ~ chi2_{d-k}. Value: the list, descending.",
    quantity=spectrum,
    parameters=(sy.learning_rate(0.12, 1.1), dimension(1, 6), INPUT_STD),
    derive=_rank_one,
    definition=_rank_one_definition,
    evaluator=lambda _, v, digits: spectrum_value(
        mpmath.mpf(repr(float(v["learning_rate"]))) * mpmath.mpf(repr(float(v["input_std"]))) ** 2,
        int(v["dimension"]),
        digits,
    ),
    sources=(sy.HERE,),
    mutants=(
        mutant_value("A ~ chi2_1 for every k", _rank_one_mutant(lambda k, d: 1, lambda k, d: d - k)),
        mutant_value("B ~ chi2_d", _rank_one_mutant(lambda k, d: k, lambda k, d: d)),
    ),
    rungs=("algebra", "chain", "sgd"),
    structure=("dimension",),
    display={"dimension": 2},
    gate_points=12,
    priority="B",
)


@functools.lru_cache(maxsize=64)
def _root(growth: Any, d: int) -> float:
    """Zero of the top exponent; it lies above the mean-square boundary 2/(d + 2), and it is the only one."""
    low, high = 1.0 / (d + 2), 8.0 / (d + 2)
    return float(mpmath.fp.findroot(lambda e: growth(float(e), 1, d - 1), (low, high), solver="anderson", tol=1e-26))


_LARGEST_PRECISE = 48
"""Beyond it the odd dimensions take seconds."""


def _critical_value(d: int, digits: int) -> Any:
    found = _root(volume_growth, d)
    if digits <= 15:
        return mpmath.mpf(found)
    if d > _LARGEST_PRECISE:
        raise DomainError(
            f"more than 15 digits are available up to dimension {_LARGEST_PRECISE}, not {d}; ask for 15 digits."
        )
    return critical_rate(found, d, digits)


def _critical(dimension: int = 2) -> Derivation:
    d = int(dimension)
    growth = _volume_integral(d, 1).subs(sy.s_x, 1)
    return derivation(
        *_rank_one_steps(d),
        ("top exponent", growth, "k = 1"),
        ("critical learning rate", sp.Eq(growth, 0, evaluate=False), "its positive root in eta"),
    )


CRITICAL = Law(
    id="stability.matrix.rank_one_normal_critical",
    title="Largest stable learning rate of linear regression on one normal sample a step",
    statement="The learning rate at which Lambda_1 of I - eta x x^T, x ~ N(0, I_d), vanishes. It exceeds the "
    "mean-square boundary 2/(d+2) by a factor 1 + 12/d^2 + ...: both stabilities merge in high dimension.",
    quantity=sp.Symbol("eta_c"),
    parameters=(dimension(1, 12),),
    derive=_critical,
    definition=lambda dimension: _root(polar_growth, int(dimension)),
    evaluator=lambda _, v, digits: _critical_value(int(v["dimension"]), digits),
    sources=(sy.HERE,),
    mutants=(
        mutant_value("mean-square boundary 2/(d+2)", lambda dimension: 2 / (dimension + 2)),
        mutant_value("ratio 1 + 6/d", lambda dimension: 2 / (dimension + 2) * (1 + 6 / dimension)),
    ),
    rungs=("algebra", "chain"),
    structure=("dimension",),
    display={"dimension": 2},
    gate_points=8,
    priority="B",
)

RANK_ONE_LAWS: tuple[Law, ...] = (RANK_ONE_NORMAL, CRITICAL)
