"""Laws of signs and slopes: orthant probabilities, products of slopes of error functions."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.evaluation import to_mp
from theory.gaussian import covariance_symbols, gaussian_mean
from theory.gaussian.quadrature import kinked_mean, smooth_mean
from theory.law import mutant_value
from theory.order_parameters.covariance_law import Z, covariance_law, floats, on_covariance
from theory.parameter import Constraint, Domain, Parameter
from theory.source import Source

PLACKETT = Source(
    "plackett1954",
    "R. L. Plackett",
    "A reduction formula for normal multivariate integrals",
    1954,
    venue="Biometrika 41, 351",
)


def _orthant(size: int) -> Derivation:
    form = gaussian_mean(sp.prod([sp.Heaviside(z) for z in Z[:size]]), Z[:size])
    return derivation(
        ("probability", sp.prod([sp.Heaviside(z) for z in Z[:size]]), "all fields positive, theta = (1 + sign)/2"),
        ("closed form", form.form, "means of two signs (asin) and of four (Plackett's integral)"),
    )


def _orthant_evaluate(_: Derivation, values: dict[str, Any], digits: int) -> Any:
    size = len(values["covariance"])
    with mpmath.workdps(digits + 5):
        return on_covariance(_orthant(size).result, covariance_symbols(size), to_mp(values["covariance"]))


def _orthant_definition(covariance: Any) -> float:
    """Integrate over all fields but the last, which is positive with probability Phi(mean/deviation) given them."""
    import numpy as np
    from scipy.special import ndtr

    c = np.array(floats(covariance))
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
        return on_covariance(d.result, covariance_symbols(size), to_mp(values["covariance"]))


def _product_definition(covariance: Any, exponents: Any) -> float:
    import numpy as np

    weights = [float(n) for n in exponents]
    size, scale = len(weights), (2 / math.pi) ** (sum(weights) / 2)

    def integrand(*z: Any) -> Any:
        return scale * np.exp(-sum(n * x**2 for n, x in zip(weights, z, strict=True)) / 2)

    return float(smooth_mean(integrand, floats(covariance), {1: 200, 2: 160, 3: 90}[size]))


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


LAWS = (
    covariance_law(
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
    covariance_law(
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
