"""Top exponent of I - eta H with H = m I + s G, G from the Gaussian orthogonal ensemble."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.evaluation import to_mp
from theory.law import Law, Regime, mutant_form, mutant_value
from theory.parameter import Parameter, integer
from theory.stability import symbols as sy
from theory.stability.guard import require_zero
from theory.stability.matrix_product import chi_squared_density
from theory.stability.matrix_quadrature import chi_squared_nodes, from_laplace, mean, normal_nodes

eta, m, s = sy.eta, sy.m, sy.s
d = sp.Symbol("d", integer=True, positive=True)
t = sp.Symbol("t", positive=True)
z = sp.Symbol("z", real=True)
DIMENSION = Parameter("dimension", d, "dimension d", integer(1, (2, 9)))
MEAN = sy.curvature_mean(-0.9, 0.9)
STD = sy.curvature_std(0.3, 1.2)


def _square() -> tuple[sp.Expr, sp.Symbol]:
    """|M e_1|^2 in terms of the diagonal entry sqrt(2) z and the squared length of the others."""
    rest = sp.Symbol("A", positive=True)
    return (1 - eta * m - eta * s * sp.sqrt(2) * z) ** 2 + eta**2 * s**2 * rest, rest


def _goe() -> Derivation:
    square, rest = _square()
    mu, c = sp.Symbol("mu", real=True), sp.Symbol("c", positive=True)
    first = sp.integrate(sp.exp(-t * (mu - c * z) ** 2 - z**2 / 2) / sp.sqrt(2 * sp.pi), (z, -sp.oo, sp.oo))
    expected = sp.exp(-t * mu**2 / (1 + 2 * t * c**2)) / sp.sqrt(1 + 2 * t * c**2)
    require_zero(sp.simplify(first / expected) - 1, "the Laplace transform of a squared normal")
    n = sp.Symbol("n", positive=True)
    second = sp.integrate(sp.expand(sp.exp(-t * rest) * chi_squared_density(rest, n)), (rest, 0, sp.oo))
    require_zero(sp.powsimp(sp.simplify(second * (1 + 2 * t) ** (n / 2)), force=True) - 1, "a chi-squared transform")
    shrunk = expected.subs({mu: 1 - eta * m, c: sp.sqrt(2) * eta * s}, simultaneous=True)
    transform = shrunk * (1 + 2 * t * eta**2 * s**2) ** (-(d - 1) / 2)
    return derivation(
        ("multiplier", 1 - eta * (m + s * sp.Symbol("G")), "theta <- (I - eta (m I + s G)) theta"),
        ("squared length", square, "of M e_1: G_11 = sqrt(2) z, the other d - 1 entries give A ~ chi2_{d-1}"),
        ("top exponent as a mean", sp.log(square) / 2, "rotation invariance: the growth of any vector, averaged"),
        ("Laplace transform", transform, "of the squared length: one shifted normal, d - 1 central ones"),
        ("top exponent", sp.Integral((sp.exp(-t) - transform) / t, (t, 0, sp.oo)) / 2,
         "E log Y = int (e^-t - E e^(-t Y)) dt/t"),
    )  # fmt: skip


def _goe_value(_: Derivation, v: dict[str, Any], digits: int) -> Any:
    keys = ("learning_rate", "curvature_mean", "curvature_std", "dimension")

    def transform(x: Any, context: Any) -> Any:
        number = float if context is np else to_mp
        rate, centre, std, dimension = (number(v[key]) for key in keys)
        mu, variance = 1 - rate * centre, (rate * std) ** 2
        shrink = 1 + 4 * x * variance
        return context.exp(-x * mu**2 / shrink) / context.sqrt(shrink) * (1 + 2 * x * variance) ** ((1 - dimension) / 2)

    return from_laplace(transform, digits) / 2


def _length_mean(rate: float, centre: float, std: float, degrees: int, diagonal: float = 2**0.5) -> float:
    """E log of the length of M e_1, over the normal diagonal entry and the chi-squared rest."""
    scale = rate * std * diagonal
    first = normal_nodes((1 - rate * centre) / scale)
    rest = chi_squared_nodes(degrees)
    square = (scale * first.distance[:, None]) ** 2 + (rate * std) ** 2 * rest.value
    return mean(first.weight, np.log(square), rest.weight) / 2


GOE = Law(
    id="stability.matrix.goe",
    title="Top exponent of isotropic symmetric curvature noise",
    statement="M = I - eta (m I + s G), G symmetric normal with variances 1 off and 2 on the diagonal: Lambda_1 = "
    "E log[(1 - eta m - eta s sqrt(2) z)^2 + eta^2 s^2 chi2_{d-1}]/2.",
    quantity=sp.Symbol("Lambda_1", real=True),
    parameters=(sy.learning_rate(0.15, 1.4), MEAN, STD, DIMENSION),
    derive=_goe,
    definition=lambda learning_rate, curvature_mean, curvature_std, dimension: _length_mean(
        float(learning_rate), float(curvature_mean), float(curvature_std), int(dimension) - 1
    ),
    evaluator=_goe_value,
    sources=(sy.HERE, sy.COHEN_NEWMAN),
    mutants=(
        mutant_value(
            "diagonal of variance one",
            lambda learning_rate, curvature_mean, curvature_std, dimension: _length_mean(
                learning_rate, curvature_mean, curvature_std, int(dimension) - 1, 1.0
            ),
        ),
        mutant_value(
            "chi2_d for the rest",
            lambda learning_rate, curvature_mean, curvature_std, dimension: _length_mean(
                learning_rate, curvature_mean, curvature_std, int(dimension)
            ),
        ),
    ),
    rungs=("algebra", "chain"),
    priority="B",
)


def _small() -> Derivation:
    square, rest = _square()
    expansion = sp.expand(sp.series(sp.log(square) / 2, eta, 0, 3).removeO())
    moments = {z: sp.S.Zero, z**2: sp.S.One, rest: d - 1}
    averaged = sp.expand(expansion).subs(z**2, sp.Symbol("zz")).subs({z: 0, sp.Symbol("zz"): 1, rest: moments[rest]})
    first = sp.expand(averaged).coeff(eta, 1)
    second = sp.factor(sp.expand(averaged).coeff(eta, 2))
    require_zero(second - (s**2 * (d - 3) - m**2) / 2, "the second order")
    return derivation(
        ("squared length", square, "of M e_1, A ~ chi2_{d-1}"),
        ("expansion", expansion, "Taylor of log |M e_1| to eta^2"),
        ("mean", eta * first + eta**2 * (s**2 * (d - 3) - m**2) / 2, "E z = 0, E z^2 = 1, E A = d - 1"),
    )


def _small_definition(learning_rate: Any, curvature_mean: Any, curvature_std: Any, dimension: Any) -> Any:
    """Numerical derivatives of log |M e_1| at eta = 0, averaged over nodes exact to second moments."""
    spread = mpmath.sqrt(2 * (dimension - 1))
    total = mpmath.mpf(0)
    for normal, weight in ((-mpmath.sqrt(3), 1), (mpmath.mpf(0), 4), (mpmath.sqrt(3), 1)):
        for rest in (dimension - 1 - spread, dimension - 1 + spread):

            def length(rate: Any, normal: Any = normal, rest: Any = rest) -> Any:
                diagonal = 1 - rate * (curvature_mean + curvature_std * mpmath.sqrt(2) * normal)
                return mpmath.log(diagonal**2 + (rate * curvature_std) ** 2 * rest) / 2

            coefficients = mpmath.taylor(length, 0, 2)
            total += weight * (coefficients[1] * learning_rate + coefficients[2] * learning_rate**2) / 12
    return total


GOE_SMALL = Law(
    id="stability.matrix.goe_small_rate",
    title="Isotropic symmetric noise stabilises only below three dimensions",
    statement="Lambda_1 = -eta m + eta^2 [s^2 (d-3) - m^2]/2 + O(eta^3) for I - eta (m I + s G).",
    quantity=sp.Symbol("Lambda_1", real=True),
    parameters=(sy.learning_rate(0.02, 0.2), MEAN, STD, DIMENSION),
    derive=_small,
    definition=_small_definition,
    sources=(sy.HERE,),
    mutants=(
        mutant_form("(d - 2)/2", lambda form: form + eta**2 * s**2 / 2),
        mutant_form("(d - 1)/2", lambda form: form + eta**2 * s**2),
    ),
    rungs=("algebra", "chain"),
    regime=Regime("learning_rate -> 0", "O(learning_rate^3)"),
    priority="B",
)

SYMMETRIC_MATRIX_LAWS: tuple[Law, ...] = (GOE, GOE_SMALL)
