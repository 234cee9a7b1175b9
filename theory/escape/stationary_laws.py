"""Laws of the stationary distribution of the SDE with noise proportional to the loss, and of its rivals."""

from __future__ import annotations

import math
from typing import Any

import mpmath
import numpy as np
import sympy as sp
from scipy.optimize import brentq

from theory.escape import stationary
from theory.escape.notation import (
    BATCH_SIZE,
    CURVATURE,
    DIMENSION,
    ITO,
    KURTOSIS_ABOVE_ONE,
    LEARNING_RATE,
    MINIMUM_LOSS,
    REAL_BATCH,
    TEMPERATURE,
    temperature_of,
)
from theory.escape.oracles import beta_prime_integral, log_density_change, power_of
from theory.escape.sources import MORI
from theory.escape.update_oracles import covariance_step, squared_growth
from theory.law import Law, mutant_value
from theory.parameter import Constraint
from theory.source import DERIVED

NORMALISABLE = Constraint(
    lambda v: 1 + 1 / v["temperature"] > v["dimension"] / 2, "needs 1 + 1/temperature > dimension/2"
)


def _isotropic_definition(learning_rate: Any, batch_size: Any, curvature: Any) -> Any:
    t = temperature_of(learning_rate, batch_size, curvature)
    loss = lambda x: mpmath.mpf("0.7") + curvature * x * x / 2  # noqa: E731
    a, b = mpmath.mpf("0.3"), mpmath.mpf("2.1")
    change = log_density_change(lambda x: curvature * x, lambda x: t * loss(x), a, b)
    return power_of(change, loss(a), loss(b))


ISOTROPIC = Law(
    id="escape.stationary_exponent.isotropic",
    title="Stationary density L^-phi of the SDE",
    statement="P ~ L^-phi with phi = 1 + B/(eta h) = 1 + 1/T for D = T L in an isotropic well.",
    quantity=sp.Symbol("phi"),
    # the chain has a batch size of any positive number
    parameters=(LEARNING_RATE, REAL_BATCH, CURVATURE),
    derive=stationary.isotropic,
    definition=_isotropic_definition,
    sources=(MORI,),
    published=lambda learning_rate, batch_size, curvature: 1 + batch_size / (learning_rate * curvature),
    mutants=(
        mutant_value("without 1", lambda learning_rate, batch_size, curvature: batch_size / learning_rate / curvature),
        mutant_value(
            "1 + 2 B/(eta h)",
            lambda learning_rate, batch_size, curvature: 1 + 2 * batch_size / learning_rate / curvature,
        ),
        mutant_value(
            "exp(-v/T): local power at v = 1",
            lambda learning_rate, batch_size, curvature: 2 * batch_size / learning_rate / curvature,
        ),
    ),
    rungs=("algebra", "flow", "chain", "sgd"),
)


def _alpha_drift(slope: Any, diffusion: Any, alpha: Any, place: Any) -> Any:
    """Ito drift of dx = -L' dt + sqrt(2 D(x + alpha dx)) dW: mean of the implicit increment over two-point noise / dt."""
    with mpmath.workdps(34):

        def rate(root_dt: Any) -> Any:
            moves = []
            for sign in (1, -1):
                move = mpmath.mpf(0)
                for _ in range(7):
                    move = -slope * root_dt**2 + sign * mpmath.sqrt(2 * diffusion(place + alpha * move)) * root_dt
                moves.append(move)
            return sum(moves) / 2 / root_dt**2

        small = mpmath.mpf(10) ** -5
        return (4 * rate(small / 2) - rate(small)) / 3


def _convention_definition(temperature: Any, ito_parameter: Any) -> Any:
    loss = lambda x: 1 + x * x / 2  # noqa: E731
    diffusion = lambda x: temperature * loss(x)  # noqa: E731
    a, b = mpmath.mpf("0.4"), mpmath.mpf("1.7")
    change = log_density_change(lambda x: -_alpha_drift(x, diffusion, ito_parameter, x), diffusion, a, b)
    return power_of(change, loss(a), loss(b))


CONVENTION = Law(
    id="escape.stationary_exponent.convention",
    title="Stationary exponent in the alpha convention",
    statement="phi = 1 + 1/T - alpha: Ito 1 + 1/T, Stratonovich 1/2 + 1/T, anti-Ito 1/T.",
    quantity=sp.Symbol("phi_alpha"),
    parameters=(TEMPERATURE, ITO),
    derive=stationary.convention,
    definition=_convention_definition,
    sources=(DERIVED,),
    mutants=(
        mutant_value("sign of alpha", lambda temperature, ito_parameter: 1 + 1 / temperature + ito_parameter),
        mutant_value("alpha/2", lambda temperature, ito_parameter: 1 + 1 / temperature - ito_parameter / 2),
    ),
    rungs=("algebra", "flow"),
)


def _kurtosis_definition(temperature: Any, feature_kurtosis: Any) -> Any:
    k = feature_kurtosis - 1
    loss = lambda x: 1 + x**2 + x**4 / 3  # noqa: E731
    slope = lambda x: 2 * x + 4 * x**3 / 3  # noqa: E731
    diffusion = lambda x: temperature * (1 + k * (loss(x) - 1))  # noqa: E731
    a, b = mpmath.mpf("0.4"), mpmath.mpf("1.3")
    return power_of(log_density_change(slope, diffusion, a, b), diffusion(a), diffusion(b))


KURTOSIS_EXPONENT = Law(
    id="escape.stationary_exponent.kurtosis",
    title="Stationary exponent for any feature kurtosis",
    statement="P ~ (1 + (K-1) v)^-phi_K with phi_K = 1 + 1/((K-1) T) for D = T [L_* + (K-1)(L - L_*)], any 1-D loss.",
    quantity=sp.Symbol("phi_K"),
    parameters=(TEMPERATURE, KURTOSIS_ABOVE_ONE),
    derive=stationary.kurtosis_exponent,
    definition=_kurtosis_definition,
    sources=(DERIVED,),
    mutants=(
        mutant_value("(K-1)/T", lambda temperature, feature_kurtosis: 1 + (feature_kurtosis - 1) / temperature),
        mutant_value("K for K-1", lambda temperature, feature_kurtosis: 1 + 1 / (feature_kurtosis * temperature)),
    ),
    rungs=("algebra", "flow"),
)


def _radial_exponent(temperature: Any, dimension: Any) -> Any:
    """Cartesian zero current along a ray: P' D_rr + (div D)_r P + r P = 0, with numerical divergences."""
    size = int(dimension)

    def entry(point: list[Any], a: int, b: int) -> Any:
        square = mpmath.fsum(x * x for x in point)
        return temperature / 2 * ((1 + square) * (a == b) + point[a] * point[b])

    def integrand(r: Any) -> Any:
        def along(b: int, x: Any) -> Any:
            point = [r] + [mpmath.mpf(0)] * (size - 1)
            point[b] = point[b] + x
            return entry(point, 0, b)

        step = mpmath.mpf("1e-3")
        divergence = mpmath.fsum((along(b, step) - along(b, -step)) / (2 * step) for b in range(size))
        return -(r + divergence) / entry([r] + [mpmath.mpf(0)] * (size - 1), 0, 0)

    a, b = mpmath.mpf("0.5"), mpmath.mpf("1.9")
    return power_of(mpmath.quad(integrand, [a, b]), 1 + 2 * a * a, 1 + 2 * b * b)


GAUSSIAN_FEATURES_EXPONENT = Law(
    id="escape.stationary_exponent.gaussian_features",
    title="Stationary exponent with the exact covariance of Gaussian features",
    statement="density of v ~ v^(n/2-1) (1+2v)^-psi with psi = 1 + 1/(2T) + (n-1)/4.",
    quantity=sp.Symbol("psi"),
    parameters=(TEMPERATURE, DIMENSION),
    derive=stationary.gaussian_features_exponent,
    definition=_radial_exponent,
    sources=(DERIVED,),
    mutants=(
        mutant_value("1 + 1/(2T)", lambda temperature, dimension: 1 + 0.5 / temperature),
        mutant_value("(n+1)/4", lambda temperature, dimension: 1 + 1 / (2 * temperature) + (dimension + 1) / 4),
        mutant_value("phi of proportional noise", lambda temperature, dimension: 1 + 1 / temperature),
    ),
    rungs=("algebra", "flow", "sgd"),
)


def _moment_fit_definition(learning_rate: Any, batch_size: Any, curvature: Any) -> Any:
    """Equate E v of the literal update (three directions, features by quadrature) with that of L^-phi, by quadrature."""
    e, size = float(learning_rate * curvature), 3
    growth = squared_growth(e, int(batch_size), size)
    source = float(np.trace(covariance_step(e, int(batch_size), [1.0] * size, 1.0, np.zeros((size, size)))))
    mean, places = source / (1 - growth), np.linspace(-90.0, 90.0, 18001)

    def gap(power: float) -> float:
        """Mean of v under v^(n/2-1) (1+v)^-power by the trapezoidal rule in log v, less the mean of the process."""
        log_density = size / 2 * places - power * np.logaddexp(0.0, places)
        density = np.exp(log_density - log_density.max())
        return float(np.sum(density * np.exp(places)) / np.sum(density)) - mean

    # a power law with a finite mean has more than 1 + n/2; mean is a decreasing function of the power
    low, high = 1 + size / 2 + 0.3, 1 + size / 2 + size / mean + 10
    return mpmath.mpf(float(brentq(gap, low, high, xtol=1e-13, rtol=1e-14)))


def _fit_bounded(values: Any) -> bool:
    e = values["learning_rate"] * values["curvature"]
    return e * (1 + 4 / values["batch_size"]) < 2


MOMENT_FIT = Law(
    id="escape.stationary_exponent.moment_fit",
    title="Exponent that the mean loss of real SGD suggests",
    statement="Equating the mean of v of real SGD (Gaussian features, isotropic H, any n) with that of L^-phi gives "
    "phi_fit = B/(eta h) - (B-1)/2.",
    quantity=sp.Symbol("phi_fit"),
    parameters=(LEARNING_RATE, BATCH_SIZE, CURVATURE),
    derive=stationary.moment_fit,
    definition=_moment_fit_definition,
    constraints=(Constraint(_fit_bounded, "the variance is finite only for eta h < 2/(1 + 4/B)"),),
    sources=(DERIVED,),
    mutants=(
        mutant_value(
            "1 + B/(eta h)", lambda learning_rate, batch_size, curvature: 1 + batch_size / learning_rate / curvature
        ),
        mutant_value(
            "+ (B-1)/2",
            lambda learning_rate, batch_size, curvature: batch_size / learning_rate / curvature + (batch_size - 1) / 2,
        ),
        mutant_value(
            "- B/2",
            lambda learning_rate, batch_size, curvature: batch_size / learning_rate / curvature - batch_size / 2,
        ),
    ),
    rungs=("algebra", "sgd"),
    gate_points=8,
)


def _normaliser_definition(temperature: Any, dimension: Any, curvature: Any, minimum_loss: Any) -> Any:
    power = 1 + 1 / temperature
    radial = beta_prime_integral(dimension / 2 - 1, power) / 2
    sphere = 2 * mpmath.pi ** (dimension / 2) / mpmath.gamma(dimension / 2)
    return sphere * radial * (2 * minimum_loss / curvature) ** (dimension / 2) * minimum_loss**-power


def _normaliser_wrong(
    temperature: Any, dimension: Any, curvature: Any, minimum_loss: Any, below: int, volume: int
) -> float:
    power = 1 + 1 / temperature
    shape = (2 * math.pi * minimum_loss / curvature) ** (dimension / 2 * volume)
    ratio = math.lgamma(power - dimension / 2) - math.lgamma(power + below * dimension / 2)
    return minimum_loss**-power * shape * math.exp(ratio)


NORMALISER = Law(
    id="escape.normaliser.isotropic",
    title="Normaliser of L^-phi in n dimensions",
    statement="Z = L_*^-phi (2 pi L_*/h)^(n/2) Gamma(phi - n/2)/Gamma(phi) for phi = 1 + 1/T > n/2.",
    quantity=sp.Symbol("Z"),
    parameters=(TEMPERATURE, DIMENSION, CURVATURE, MINIMUM_LOSS),
    derive=stationary.normaliser,
    definition=_normaliser_definition,
    constraints=(NORMALISABLE,),
    sources=(DERIVED,),
    mutants=(
        mutant_value("Gamma(phi + n/2) below", lambda **v: _normaliser_wrong(**v, below=1, volume=1)),
        mutant_value("without the power n/2", lambda **v: _normaliser_wrong(**v, below=0, volume=0)),
    ),
    # its definition is a quadrature of a tenth of a second
    gate_points=8,
)


STATIONARY_LAWS = (ISOTROPIC, CONVENTION, KURTOSIS_EXPONENT, GAUSSIAN_FEATURES_EXPONENT, MOMENT_FIT, NORMALISER)
