"""Exponents of the scalar network on data: normal inputs with noisy linear labels, and finite data sets."""

from __future__ import annotations

import itertools
from typing import Any

import mpmath
import sympy as sp

import theory.stability.symbols as sy
from theory.derivation import Derivation, derivation
from theory.law import Law, mutant_parameters, mutant_value
from theory.parameter import Parameter, integer, positive
from theory.stability.exponents_empirical import EMPIRICAL_LAWS
from theory.stability.phase_signs import NORMAL_NET, Values, exponents, linearisation

EMPIRICAL = next(law for law in EMPIRICAL_LAWS if law.id == "stability.exponent.empirical")
LOSS_FACTOR = Parameter("loss_factor", None, "1: half-square loss, 2: square loss", integer(1, (1, 2), 2), 2, False)


def _data_pair(v: Values, digits: int) -> list[Any]:
    return [_data_exponent(sign, **v) for sign in (1, -1)]


def _data_exponent(
    sign: int, learning_rate: Any, teacher_slope: Any, label_noise_std: Any, input_std: Any, loss_factor: int
) -> Any:
    """E_x g(1 + sign eta c k x^2, eta c |x| s): the label noise integrated in closed form, the input by quadrature."""
    rate = mpmath.mpf(learning_rate) * int(loss_factor)

    def inner(t: Any) -> Any:
        point = input_std * t
        mean, spread = 1 + sign * rate * teacher_slope * point**2, rate * abs(point) * label_noise_std
        if spread < mpmath.mpf(10) ** -12:
            return mpmath.log(abs(mean))
        ratio = mean**2 / (2 * spread**2)
        if ratio > 60:
            tail = (mpmath.mpf(-1) / 4, mpmath.mpf(-3) / 16, mpmath.mpf(-5) / 16, mpmath.mpf(-105) / 128)
            return mpmath.log(abs(mean)) + mpmath.fsum(c / ratio ** (n + 1) for n, c in enumerate(tail))
        special = ratio * mpmath.hyp2f2(1, 1, mpmath.mpf(3) / 2, 2, -ratio)
        return mpmath.log(spread) - (mpmath.euler + mpmath.log(2)) / 2 + special

    breaks = {mpmath.mpf(b) for b in (0, 0.5, 1.5, 4, 9)}
    if sign < 0:
        # Where the mean passes through zero the logarithm has a dip as narrow as the noise.
        zero = 1 / (mpmath.sqrt(rate * teacher_slope) * input_std)
        width = label_noise_std / (2 * teacher_slope * input_std)
        breaks |= {zero + step * width for step in (-30, -5, 0, 5, 30)}
    ends = sorted(b for b in breaks if 0 <= b <= 9)
    return 2 * mpmath.quad(lambda t: inner(t) * mpmath.npdf(t), ends)


def _data_definition(**v: Any) -> list[Any]:
    """The same two means, label noise and input both by Gauss-Legendre panels in double precision."""
    import numpy as np

    nodes, weights = np.polynomial.legendre.leggauss(400)
    rate, slope = float(v["learning_rate"]) * int(v["loss_factor"]), float(v["teacher_slope"])
    noise, spread = float(v["label_noise_std"]), float(v["input_std"])
    result = []
    for sign in (1, -1):
        total = 0.0
        for low, high in itertools.pairwise((0.0, 0.3, 0.8, 1.6, 3.0, 5.0, 9.0)):
            t = (low + high) / 2 + (high - low) / 2 * nodes
            for ti, wi in zip(t, weights * (high - low) / 2, strict=True):
                xi = spread * ti
                total += (
                    2
                    * wi
                    * np.exp(-ti * ti / 2)
                    / np.sqrt(2 * np.pi)
                    * _log_mean_double(1 + sign * rate * slope * xi * xi, rate * xi * noise)
                )
        result.append(mpmath.mpf(total))
    return result


def _log_mean_double(mean: float, spread: float) -> float:
    """E log|N(mean, spread^2)| by a double-exponential rule on both sides of its pole."""
    import numpy as np

    pole = -mean / spread
    k = np.arange(-90, 91) * 0.05
    inner, outer = np.pi / 2 * np.sinh(k), np.pi / 2 * np.cosh(k)
    total = 0.0
    for low, high in itertools.pairwise(sorted({-12.0, min(max(pole, -12.0), 12.0), 12.0})):
        half = (high - low) / 2
        short = half * np.exp(-np.abs(inner)) / np.cosh(inner)
        from_low = np.where(inner < 0, short, 2 * half - short)
        points = low + from_low
        # Next to the pole the distance itself is known, not as a difference of nearly equal numbers.
        distance = from_low if low == pole else np.where(inner < 0, 2 * half - short, short)
        size = distance if pole in (low, high) else np.abs(points - pole)
        density = np.exp(-points * points / 2) / np.sqrt(2 * np.pi)
        weight = 0.05 * half * outer / np.cosh(inner) ** 2
        total += float(np.sum(weight * density * (np.log(spread) + np.log(np.maximum(size, 1e-300)))))
    return total


def _mean_square_input(learning_rate: float, loss_factor: int, input_std: float, **v: float) -> list[float]:
    mean, std = loss_factor * v["teacher_slope"] * input_std**2, loss_factor * input_std * v["label_noise_std"]
    return NORMAL_NET.value({"learning_rate": learning_rate, "curvature_mean": mean, "curvature_std": std})


DATA_NET = Law(
    id="stability.phase.scalar_net_normal_data",
    title="Both exponents of the scalar network for normal inputs and noisy linear labels",
    statement="x ~ N(0, input_std^2), y = k x + s N: Lambda_+- = E_x g(1 +- eta c k x^2, eta c |x| s), c = "
    "loss_factor. Value: "
    "[plus, minus].",
    quantity=exponents,
    parameters=(
        sy.learning_rate(0.1, 0.9),
        Parameter("teacher_slope", None, "slope k of the teacher", positive(0.1, 0.8)),
        Parameter("label_noise_std", None, "standard deviation s of the label noise", positive(0.5, 1.6)),
        Parameter("input_std", None, "standard deviation of the input", positive(0.6, 1.4)),
        LOSS_FACTOR,
    ),
    derive=lambda: derivation(
        *linearisation(),
        ("z given x", sp.Symbol("N(c k x^2, c^2 x^2 s^2)"), "y = k x + s N"),
        ("exponents", sp.Tuple(*[sp.Symbol(f"E g(1 {sign} eta c k x^2, eta c |x| s)") for sign in "+-"]),
         "noise in closed form, input by quadrature"),
    ),
    evaluator=lambda _, v, digits: _data_pair(v, digits),
    definition=_data_definition,
    sources=(sy.HERE,),
    mutants=(
        mutant_parameters("loss factor ignored", lambda v: {"loss_factor": 3 - int(v["loss_factor"])}),
        mutant_value("x^2 replaced by its mean", _mean_square_input),
    ),
    rungs=("algebra", "chain", "sgd"),
    tolerance=1e-8,
    gate_points=2,
)  # fmt: skip


def _empirical_pair(_: Derivation, v: Values, digits: int) -> list[Any]:
    rest = {k: v[k] for k in ("learning_rate", "batch_size", "replacement")}
    return [EMPIRICAL.evaluate(digits, curvatures=[sign * h for h in v["curvatures"]], **rest) for sign in (-1, 1)]


def _empirical_sums(learning_rate: Any, curvatures: list[Any], batch_size: int, replacement: str) -> list[Any]:
    draws = (
        itertools.product(curvatures, repeat=batch_size)
        if replacement == "with"
        else itertools.permutations(curvatures, batch_size)
    )
    means = [mpmath.fsum(d) / batch_size for d in draws]
    return [mpmath.fsum(mpmath.log(abs(1 + sign * learning_rate * z)) for z in means) / len(means) for sign in (1, -1)]


def _fitted_normal(learning_rate: float, curvatures: list[float], batch_size: int, **_: Any) -> list[float]:
    mean = sum(curvatures) / len(curvatures)
    variance = sum(c**2 for c in curvatures) / len(curvatures) - mean**2
    spread = (variance / batch_size) ** 0.5
    return NORMAL_NET.value(
        {"learning_rate": learning_rate, "curvature_mean": mean, "curvature_std": spread}, check=False
    )


EMPIRICAL_NET = Law(
    id="stability.phase.empirical",
    title="Both exponents of the scalar network on a finite data set",
    statement="The phase of a net trained on a finite data set is that of the exact sums over z_i = loss_factor x_i "
    "y_i. Value: "
    "[plus, minus].",
    quantity=exponents,
    parameters=(
        sy.learning_rate(0.3, 1.5),
        sy.curvatures(),
        Parameter("batch_size", None, "samples per batch", integer(1, (1, 2)), 1, False),
        sy.REPLACEMENT,
    ),
    derive=lambda **_: derivation(
        *linearisation(),
        ("exponent of u = -w", EMPIRICAL.closed_form, "derived in stability.exponent.empirical with h_i = z_i"),
        ("both exponents", sp.Tuple(sp.Symbol("Lambda(-z)"), sp.Symbol("Lambda(z)")), "u = w: h_i = -z_i"),
    ),
    evaluator=_empirical_pair,
    definition=_empirical_sums,
    sources=(sy.HERE,),
    mutants=(
        mutant_value("normal z with the same two moments", _fitted_normal),
        mutant_value("the Hessian decides: -+ eta mean z", lambda learning_rate, curvatures, **_: [
            learning_rate * sum(curvatures) / len(curvatures), -learning_rate * sum(curvatures) / len(curvatures)]),
    ),
    structure=("batch_size", "replacement"),
    rungs=("algebra", "net"),
)  # fmt: skip
