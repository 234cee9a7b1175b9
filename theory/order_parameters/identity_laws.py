"""Laws of the rules themselves: tilt, Stein, Price."""

from __future__ import annotations

import math
from typing import Any

import sympy as sp

from theory.derivation import Derivation, derivation
from theory.gaussian import covariance_symbols, gaussian_mean
from theory.gaussian.quadrature import kinked_mean, smooth_mean
from theory.law import mutant_value
from theory.order_parameters.covariance_law import Z, covariance_law, floats


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

    return float(smooth_mean(lambda x, y: np.exp(-(x**2)) * x**2 * y**2, floats(covariance), 140))


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
    return float(kinked_mean(lambda x, y, z: x * y**2 * (z > 0), floats(covariance), [None, None, 0.0]))


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
    c = floats(covariance)

    def mean(shift: float) -> float:
        moved = [[c[0][0], c[0][1] + shift], [c[0][1] + shift, c[1][1]]]
        return float(smooth_mean(lambda x, y: erf(x / root) * erf(y / root), moved, 100))

    h = 0.02 * min(c[0][0], c[1][1])
    weights = {1: 4 / 5, 2: -1 / 5, 3: 4 / 105, 4: -1 / 280}
    return sum(w * (mean(n * h) - mean(-n * h)) for n, w in weights.items()) / h


LAWS = (
    covariance_law(
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
    covariance_law(
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
    covariance_law(
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
)
