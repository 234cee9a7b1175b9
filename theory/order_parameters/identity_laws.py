"""Laws of the rules themselves: tilt, Stein, Price, orthant probabilities, products of Gaussian slopes."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.evaluation import to_mp
from theory.gaussian import covariance_symbols, gaussian_mean
from theory.gaussian.numeric import form_function
from theory.gaussian.quadrature import kinked_mean, smooth_mean
from theory.law import Law, mutant_value
from theory.order_parameters.domains import COVARIANCE, symmetric
from theory.parameter import Constraint, Domain, Parameter
from theory.source import DERIVED, Source

STANDARD = Source(
    "price1958",
    "R. Price",
    "A useful theorem for nonlinear devices having Gaussian inputs",
    1958,
    venue="IRE Transactions on Information Theory 4, 69",
)
PLACKETT = Source(
    "plackett1954",
    "R. L. Plackett",
    "A reduction formula for normal multivariate integrals",
    1954,
    venue="Biometrika 41, 351",
)
Z = sp.symbols("z1:5", real=True)
_T = sp.Symbol("t", real=True)


def _on_covariance(form: Any, matrix: Any, covariance: Any) -> Any:
    n = matrix.rows
    symbols = tuple(matrix[i, j] for i in range(n) for j in range(i, n))
    return form_function(form, symbols)(*(mpmath.mpmathify(covariance[i][j]) for i in range(n) for j in range(i, n)))


def _evaluate(size: int, d: Derivation, values: dict[str, Any], digits: int) -> Any:
    with mpmath.workdps(digits + 10):
        return _on_covariance(d.result, covariance_symbols(size), to_mp(values["covariance"]))


def _complete_square() -> Derivation:
    """Tilt by one Gaussian factor, in two fields, by completing the square in the density."""
    c, q = covariance_symbols(2), sp.Symbol("q", positive=True)
    a = sp.Matrix([[q, 0], [0, 0]])
    changed = (c.inv() + a).inv().applyfunc(sp.cancel)
    factor = sp.sqrt(sp.cancel(changed.det() / c.det()))
    form = factor * sp.cancel(changed[0, 0] * changed[1, 1] + 2 * changed[0, 1] ** 2)
    return derivation(
        ("density", sp.exp(-(sp.Matrix([Z[:2]]) * c.inv() * sp.Matrix(Z[:2]))[0] / 2), "N(0, C)"),
        ("new precision", sp.ImmutableMatrix(c.inv() + a), "exp(-q z1^2/2) adds to the exponent"),
        ("new covariance", sp.ImmutableMatrix(changed), "its inverse, (I + C A)^(-1) C"),
        ("factor", factor, "ratio of the normalisations, det(I + C A)^(-1/2)"),
        ("mean of exp(-q z1^2/2) z1^2 z2^2", form.subs(q, 2), "Wick under the new covariance, q = 2"),
    )


def _tilt_definition(covariance: Any) -> float:
    import numpy as np

    return float(smooth_mean(lambda x, y: np.exp(-(x**2)) * x**2 * y**2, _floats(covariance), 140))


def _floats(matrix: Any) -> list[list[float]]:
    return [[float(x) for x in row] for row in matrix]


def _tilted(covariance: Any, inverse: bool, power: float) -> float:
    (a, b), (_, d) = covariance
    if inverse:
        new = (a * (1 + 2 * a), b * (1 + 2 * a), d + 2 * b * b)
    else:
        new = (a / (1 + 2 * a), b / (1 + 2 * a), d - 2 * b * b / (1 + 2 * a))
    return (1 + 2 * a) ** power * (new[0] * new[2] + 2 * new[1] ** 2)


def _stein() -> Derivation:
    c = covariance_symbols(3)
    slope = gaussian_mean(2 * Z[1] * sp.Heaviside(Z[2]), Z[:3]).form
    pinned = (c[1, 1] - c[1, 2] ** 2 / c[2, 2]) / sp.sqrt(2 * sp.pi * c[2, 2])
    form = c[0, 1] * slope + c[0, 2] * pinned
    return derivation(
        ("random variable", Z[0] * Z[1] ** 2 * sp.Heaviside(Z[2]), "z1 g with g = z2^2 theta(z3)"),
        ("smooth part", c[0, 1] * slope, "C12 E[d_2 g]"),
        ("delta", c[0, 2] * pinned, "C13 E[delta(z3) z2^2], Schur complement of z3"),
        ("sum", form, "Stein"),
    )


def _stein_definition(covariance: Any) -> float:
    return float(kinked_mean(lambda x, y, z: x * y**2 * (z > 0), _floats(covariance), [None, None, 0.0]))


def _stein_wrong(covariance: Any, schur: bool) -> float:
    c = covariance
    rest = c[1][1] - (c[1][2] ** 2 / c[2][2] if schur else 0.0)
    first = c[0][1] * 2 * c[1][2] / math.sqrt(2 * math.pi * c[2][2])
    return first + (c[0][2] if not schur else 1 / c[0][2]) * rest / math.sqrt(2 * math.pi * c[2][2])


def _price() -> Derivation:
    g = sp.erf(Z[0] / sp.sqrt(2)) * sp.erf(Z[1] / sp.sqrt(2))
    mixed = sp.diff(g, Z[0], Z[1])
    return derivation(
        ("function", g, "two error functions"),
        ("mixed derivative", mixed, "d_1 d_2 g"),
        ("its mean", gaussian_mean(mixed, Z[:2]).form, "Price: d E[g] / d C12"),
    )


def _price_definition(covariance: Any) -> float:
    from scipy.special import erf

    root = math.sqrt(2)
    c = _floats(covariance)

    def mean(shift: float) -> float:
        moved = [[c[0][0], c[0][1] + shift], [c[0][1] + shift, c[1][1]]]
        return float(smooth_mean(lambda x, y: erf(x / root) * erf(y / root), moved, 100))

    h = 0.02 * min(c[0][0], c[1][1])
    weights = {1: 4 / 5, 2: -1 / 5, 3: 4 / 105, 4: -1 / 280}
    return sum(w * (mean(n * h) - mean(-n * h)) for n, w in weights.items()) / h


def _orthant(size: int) -> Derivation:
    form = gaussian_mean(sp.prod([sp.Heaviside(z) for z in Z[:size]]), Z[:size])
    return derivation(
        ("probability", sp.prod([sp.Heaviside(z) for z in Z[:size]]), "all fields positive, theta = (1 + sign)/2"),
        ("closed form", form.form, "means of two signs (asin) and of four (Plackett's integral)"),
    )


def _orthant_evaluate(_: Derivation, values: dict[str, Any], digits: int) -> Any:
    size = len(values["covariance"])
    with mpmath.workdps(digits + 5):
        return _on_covariance(_orthant(size).result, covariance_symbols(size), to_mp(values["covariance"]))


def _orthant_definition(covariance: Any) -> float:
    """Integrate over all fields but the last, which is positive with probability Phi(mean/deviation) given them."""
    import numpy as np
    from scipy.special import ndtr

    c = np.array(_floats(covariance))
    if len(c) == 1:
        return 0.5
    inner = np.linalg.solve(c[:-1, :-1], c[:-1, -1])
    deviation = math.sqrt(c[-1, -1] - inner @ c[:-1, -1])

    def last(*z: Any) -> Any:
        inside = np.logical_and.reduce([x > 0 for x in z])
        return inside * ndtr(np.tensordot(inner, np.stack(z), 1) / deviation)

    return float(kinked_mean(last, c[:-1, :-1], [0.0] * (len(c) - 1)))


def _correlations(covariance: Any) -> list[float]:
    n = len(covariance)
    return [
        covariance[i][j] / math.sqrt(covariance[i][i] * covariance[j][j]) for i in range(n) for j in range(i + 1, n)
    ]


def _orthant_without_integral(covariance: Any) -> float:
    n = len(covariance)
    return 2.0**-n + sum(math.asin(r) for r in _correlations(covariance)) / (2**n * math.pi / 2)


def _orthant_raw(covariance: Any) -> float:
    r12, r13, r14, r23, r24, r34 = _correlations(covariance)
    total = 0.0
    for first, second in ((r12, r34), (r13, r24), (r14, r23), (r23, r14), (r24, r13), (r34, r12)):
        f = lambda t, a=first, b=second: a / mpmath.sqrt(1 - t * t * a * a) * mpmath.asin(t * b)  # noqa: E731
        total += float(mpmath.quad(f, [0, 1]))
    return _orthant_without_integral(covariance) + total / (4 * math.pi**2)


def _product_erf(exponents: tuple[int, ...] = (1, 2)) -> Derivation:
    slopes = [sp.sqrt(2 / sp.pi) * sp.exp(-(z**2) / 2) for z in sp.symbols(f"z1:{len(exponents) + 1}", real=True)]
    variable = sp.prod([s**n for s, n in zip(slopes, exponents, strict=True)])
    variable = sp.powsimp(variable, force=True)
    z = sp.symbols(f"z1:{len(exponents) + 1}", real=True)
    total, quadratic = sum(exponents), sum(n * x**2 for n, x in zip(exponents, z, strict=True))
    form = (2 / sp.pi) ** sp.Rational(total, 2) * gaussian_mean(sp.exp(-quadratic / 2), z).form
    return derivation(
        ("slopes", variable, "s(x) = erf(x/sqrt 2)"),
        ("mean", form, "one tilt per field: (2/pi)^(N/2) det(I + C diag(n))^(-1/2)"),
    )


def _product_evaluate(d: Derivation, values: dict[str, Any], digits: int) -> Any:
    with mpmath.workdps(digits + 10):
        size = len(values["exponents"])
        return _on_covariance(d.result, covariance_symbols(size), to_mp(values["covariance"]))


def _product_definition(covariance: Any, exponents: Any) -> float:
    import numpy as np

    weights = [float(n) for n in exponents]
    size, scale = len(weights), (2 / math.pi) ** (sum(weights) / 2)

    def integrand(*z: Any) -> Any:
        return scale * np.exp(-sum(n * x**2 for n, x in zip(weights, z, strict=True)) / 2)

    return float(smooth_mean(integrand, _floats(covariance), {1: 200, 2: 160, 3: 90}[size]))


def _product_wrong(covariance: Any, exponents: Any, root: float, power: float) -> float:
    size, total = len(exponents), sum(exponents)
    matrix = mpmath.eye(size) + mpmath.matrix(covariance) * mpmath.diag(list(exponents))
    return float((2 / math.pi) ** (power * total) * mpmath.det(matrix) ** root)


class _Integers(Domain):
    """A list of nonnegative integers."""

    def problem(self, value: Any) -> str | None:
        """Return why the list is not one of nonnegative integers, or None."""
        found = super().problem(value)
        bad = found is None and any(int(x) != x or x < 0 for x in value)
        return "must be a list of nonnegative integers" if bad else found

    def draw(self, rng: Any) -> Any:
        """Draw three small exponents."""
        return [rng.randint(0, 3) for _ in range(2)] + [rng.randint(1, 2)]


def _law(
    name: str,
    title: str,
    statement: str,
    quantity: str,
    size: int,
    derive: Any,
    definition: Any,
    mutants: Any,
    **more: Any,
) -> Law:
    covariance = COVARIANCE.within(symmetric("covariance", size))
    fits = Constraint(lambda v: len(v["covariance"]) == size, f"the covariance must be {size} x {size}")
    more = {"evaluator": partial(_evaluate, size), "constraints": (fits,), "sources": (STANDARD, DERIVED)} | more
    return Law(
        id=f"order_parameters.{name}",
        title=title,
        statement=statement,
        quantity=sp.Symbol(quantity),
        parameters=(covariance, *more.pop("extra", ())),
        derive=derive,
        definition=definition,
        mutants=mutants,
        **more,
    )


LAWS = (
    _law(
        "identity.tilt",
        "a Gaussian factor tilts the covariance",
        "E_C[exp(-z'Az/2) g] = det(I + CA)^(-1/2) E_C'[g] with C' = (I + CA)^(-1) C; stated for A = diag(2, 0) and "
        "g = z1^2 z2^2.",
        "E[exp(-z1**2) z1**2 z2**2]",
        2,
        _complete_square,
        _tilt_definition,
        (
            mutant_value("C' = (I + AC) C", lambda covariance: _tilted(covariance, True, -0.5)),
            mutant_value("det^(-1)", lambda covariance: _tilted(covariance, False, -1.0)),
        ),
    ),
    _law(
        "identity.stein",
        "Stein's identity with a step function",
        "E[z_i g] = sum_j C_ij E[d_j g]; a step gives a delta, the mean at z_k = 0 with the Schur complement of k; "
        "stated for i = 1 and g = z2^2 theta(z3).",
        "E[z1 z2**2 theta(z3)]",
        3,
        _stein,
        _stein_definition,
        (
            mutant_value("C^(-1) for C", lambda covariance: _stein_wrong(covariance, True)),
            mutant_value("forgets the Schur complement", lambda covariance: _stein_wrong(covariance, False)),
        ),
    ),
    _law(
        "identity.price",
        "Price's theorem",
        "d E[g] / d C_ij = E[d_i d_j g] for i != j; stated for g = erf(z1/sqrt 2) erf(z2/sqrt 2).",
        "dE[g]/dC12",
        2,
        _price,
        _price_definition,
        (
            mutant_value(
                "factor 1/2 for i != j",
                lambda covariance: (
                    1 / math.pi / math.sqrt((1 + covariance[0][0]) * (1 + covariance[1][1]) - covariance[0][1] ** 2)
                ),
            ),
        ),
    ),
    _law(
        "orthant_probability",
        "probability that all fields are positive",
        "P(z_1 > 0, ..., z_n > 0) for n = 1 to 4; the fourth has one elementary integral.",
        "P",
        4,
        partial(_orthant, 4),
        _orthant_definition,
        (
            mutant_value("without the integral", _orthant_without_integral),
            mutant_value("r_kl for the partial correlation", _orthant_raw),
        ),
        evaluator=_orthant_evaluate,
        sources=(PLACKETT,),
        gate_points=10,
        constraints=(Constraint(lambda v: 1 <= len(v["covariance"]) <= 4, "1 to 4 fields are possible"),),
    ),
    _law(
        "gaussian_product.erf",
        "mean of a product of slopes of erf(x/sqrt 2)",
        "E[prod s'(z_i)^(n_i)] = (2/pi)^(N/2) det(I + C diag(n))^(-1/2), N = sum n_i.",
        "E[prod s'(z_i)**n_i]",
        3,
        _product_erf,
        _product_definition,
        (
            mutant_value(
                "det(I + C)",
                lambda covariance, exponents: _product_wrong(
                    covariance, [1] * len(exponents), -0.5, 0.5 * sum(exponents) / len(exponents)
                ),
            ),
            mutant_value(
                "power N for N/2", lambda covariance, exponents: _product_wrong(covariance, exponents, -0.5, 1.0)
            ),
        ),
        evaluator=_product_evaluate,
        structure=("exponents",),
        display={"exponents": (1, 2)},
        extra=(
            Parameter(
                "exponents", None, "how often each slope occurs", _Integers("list", low=0, region=(0, 3), sizes=(3, 3))
            ),
        ),
        constraints=(
            Constraint(
                lambda v: len(v["covariance"]) == len(v["exponents"]),
                "exponents and covariance must have the same size",
            ),
        ),
    ),
)
