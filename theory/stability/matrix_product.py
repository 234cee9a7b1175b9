"""Lyapunov spectra of products of matrices whose law is invariant under rotations: one step tells everything.

If M and M O have the same law for every rotation O, the growth of the volume of k vectors in one step is independent
of the vectors and of the past, so that Lambda_1 + ... + Lambda_k = E log vol_k(M e_1, ..., M e_k) (exterior powers).
"""

from __future__ import annotations

import functools
from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.law import Law, Mutant, mutant_result, mutant_value
from theory.parameter import Parameter, integer, positive
from theory.stability import symbols as sy
from theory.stability.guard import require_zero

sigma = sp.Symbol("sigma", positive=True)
A, q, n = sp.symbols("A q n", positive=True)
spectrum = sp.Function("Lambda")(sp.Symbol("k", integer=True, positive=True))


def dimension(low: int, high: int) -> Parameter:
    """Dimension d of the matrices; the form depends on it."""
    return Parameter("dimension", None, "dimension d", integer(1, (low, high)))


ENTRY_STD = Parameter("entry_std", sigma, "standard deviation of the matrix entries", positive(0.3, 2.5))


def chi_squared_density(x: sp.Symbol, degrees: Any) -> sp.Expr:
    """Density of a chi-squared variable."""
    half = sp.Rational(1, 2) * degrees
    return x ** (half - 1) * sp.exp(-x / 2) / (2**half * sp.gamma(half))


@functools.lru_cache(maxsize=1)
def log_chi_squared() -> tuple[sp.Expr, sp.Expr]:
    """Mellin moment E (chi2_n)^q, and E log chi2_n as its derivative at q = 0."""
    moment = sp.integrate(sp.expand(A**q * chi_squared_density(A, n)), (A, 0, sp.oo))
    mean_log = sp.expand_log(sp.simplify(sp.diff(moment, q).subs(q, 0)), force=True)
    require_zero(mean_log - sp.log(2) - sp.digamma(n / 2), "the mean of log chi2")
    return sp.simplify(moment), sp.log(2) + sp.digamma(n / 2)


def _iid(dimension: int = 3) -> Derivation:
    d = int(dimension)
    moment, mean_log = log_chi_squared()
    result = sp.Tuple(*[sp.log(sigma) + mean_log.subs(n, d - k + 1) / 2 for k in range(1, d + 1)])
    return derivation(
        ("volumes", sp.Eq(sp.Symbol("vol_k") ** 2, sp.Product(A, (sp.Symbol("j"), 1, sp.Symbol("k")))),
         "squared volume of k columns: product of squared distances of column j from the span of the j - 1 before it"),
        ("law of a distance", chi_squared_density(A, n), "the projection off j - 1 directions: chi2_{d-j+1} sigma^2"),
        ("Mellin moment", moment, "E (chi2_n)^q"),
        ("mean logarithm", mean_log, "derivative at q = 0"),
        ("spectrum", result, "Lambda_k = E log of the k-th distance, n = d - k + 1"),
    )  # fmt: skip


def _log_length(degrees: int, power: int = 1) -> Any:
    """E (log r)^power of the length r of a normal vector, by quadrature over r."""

    def weighted(r: Any) -> Any:
        return r ** (degrees - 1) * mpmath.exp(-r * r / 2) * mpmath.log(r) ** power

    norm = mpmath.mpf(2) ** (mpmath.mpf(degrees) / 2 - 1) * mpmath.gamma(mpmath.mpf(degrees) / 2)
    root = mpmath.sqrt(degrees)
    return mpmath.quad(weighted, [0, 1, root + 1, root + 5, root + 16]) / norm


def _iid_definition(dimension: int, entry_std: Any) -> list[Any]:
    return [mpmath.log(entry_std) + _log_length(dimension - k) for k in range(int(dimension))]


def _iid_mutant(name: str, degrees: Any) -> Mutant:
    def value(dimension: int, entry_std: float) -> list[float]:
        terms = [degrees(int(dimension) - k) for k in range(int(dimension))]
        return [float(mpmath.log(entry_std) + (mpmath.log(2) + mpmath.digamma(x)) / 2) for x in terms]

    return mutant_value(name, value)


PRODUCT_IID = Law(
    id="stability.matrix.product_iid",
    title="Spectrum of products of matrices with iid normal entries",
    statement="Products of d x d matrices with iid N(0, entry_std^2) entries: Lambda_k = log(entry_std) + "
    "[log 2 + psi((d-k+1)/2)]/2, k = 1 .. d. Value: the list, descending.",
    quantity=spectrum,
    parameters=(dimension(2, 9), ENTRY_STD),
    derive=_iid,
    definition=_iid_definition,
    sources=(sy.COHEN_NEWMAN,),
    mutants=(
        _iid_mutant("psi(d-k+1)", lambda left: mpmath.mpf(left)),
        # psi(0) is a pole, so the last exponent keeps its value.
        _iid_mutant("psi((d-k)/2)", lambda left: mpmath.mpf(max(left - 1, 1)) / 2),
    ),
    rungs=("algebra", "chain"),
    structure=("dimension",),
    display={"dimension": 3},
    gate_points=8,
    priority="B",
)


def _iid_variance(dimension: int = 3) -> Derivation:
    d = int(dimension)
    moment, _ = log_chi_squared()
    variance = sp.diff(sp.log(moment), q, 2).subs(q, 0)
    require_zero(variance - sp.polygamma(1, n / 2), "the variance of log chi2")
    result = sp.Tuple(*[sp.polygamma(1, sp.Rational(d - k + 1, 2)) / 4 for k in range(1, d + 1)])
    return derivation(
        ("Mellin moment", moment, "E (chi2_n)^q of a squared distance"),
        ("variance of the logarithm", sp.polygamma(1, n / 2), "second derivative of its logarithm at q = 0"),
        ("variances", result, "log distance = log chi2_n / 2 + constant, n = d - k + 1"),
    )


PRODUCT_IID_VARIANCE = Law(
    id="stability.matrix.product_iid_variance",
    title="Fluctuations of products of matrices with iid normal entries",
    statement="The logarithms of the k-th distances grow with variance psi'((d-k+1)/2)/4 per step, whatever the scale "
    "of the entries. Value: the list k = 1 .. d.",
    quantity=sp.Function("V")(sp.Symbol("k", integer=True, positive=True)),
    parameters=(dimension(2, 9),),
    derive=_iid_variance,
    definition=lambda dimension: [
        _log_length(dimension - k, 2) - _log_length(dimension - k) ** 2 for k in range(int(dimension))
    ],
    sources=(sy.HERE,),
    mutants=(
        mutant_result("without the factor 1/4 of the square root", lambda v, **_: [4 * x for x in v]),
        mutant_result("variance of log chi2_1 for every k", lambda v, **_: [v[-1]] * len(v)),
    ),
    rungs=("algebra", "chain"),
    structure=("dimension",),
    display={"dimension": 3},
    gate_points=8,
    priority="B",
)

PRODUCT_LAWS: tuple[Law, ...] = (PRODUCT_IID, PRODUCT_IID_VARIANCE)
