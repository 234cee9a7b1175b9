"""The Hamiltonian of real SGD with Gaussian features, and what its truncation at second order gives."""

from __future__ import annotations

import math
from typing import Any

import mpmath
import numpy as np
import sympy as sp

from theory.escape import large_deviations
from theory.escape.large_deviation_laws import SMALL_STEP
from theory.escape.notation import (
    BARRIER_RATIO,
    BATCH_SIZE,
    CURVATURE,
    DISPLACEMENT,
    NOISE_VARIANCE,
    p,
)
from theory.escape.sources import MORI
from theory.law import Law, mutant_value
from theory.parameter import Constraint, Parameter, real
from theory.source import DERIVED

MOMENTUM_VARIABLE = Parameter("momentum_variable", p, "p of the Hamiltonian", real(-0.2, 0.5))


def _hamiltonian_definition(displacement: Any, momentum_variable: Any, batch_size: Any, noise_variance: Any) -> Any:
    """B log E exp(-(p/B) g) by quadrature over the feature and the label noise's cumulant."""
    q = momentum_variable / batch_size
    rate = q * displacement - q * q * noise_variance / 2
    mean = mpmath.quad(lambda x: mpmath.npdf(x) * mpmath.exp(-rate * x * x), [-mpmath.inf, -3, 0, 3, mpmath.inf])
    return batch_size * mpmath.log(mean)


def _bracket(v: dict[str, Any]) -> float:
    q = v["momentum_variable"] / v["batch_size"]
    return 1 + 2 * q * v["displacement"] - q * q * v["noise_variance"]


def _truncated(displacement: float, momentum_variable: float, batch_size: int, noise_variance: float) -> float:
    strength = (noise_variance + 2 * displacement**2) / batch_size
    return -momentum_variable * displacement + momentum_variable**2 * strength / 2


HAMILTONIAN = Law(
    id="escape.hamiltonian.gaussian_features",
    title="Hamiltonian of real SGD with Gaussian features and labels",
    statement="H(d, p) = -(B/2) log(1 + 2 p d/B - p^2 sigma^2/B^2), h = 1, where the logarithm is real.",
    quantity=sp.Symbol("H"),
    parameters=(DISPLACEMENT, MOMENTUM_VARIABLE, BATCH_SIZE, NOISE_VARIANCE),
    derive=large_deviations.hamiltonian,
    definition=_hamiltonian_definition,
    constraints=(Constraint(lambda v: _bracket(v) > 0, "H is finite only where 1 + 2 p d/B - p^2 sigma^2/B^2 > 0"),),
    sources=(DERIVED,),
    mutants=(
        mutant_value("truncated at p^2", _truncated),
        mutant_value(
            "sign of d", lambda **v: HAMILTONIAN.value({**v, "displacement": -v["displacement"]}, check=False)
        ),
        mutant_value("B -> 1 in the prefactor", lambda **v: HAMILTONIAN(**v) / v["batch_size"]),
    ),
    priority="B",
)


def _diffusion_definition(barrier_ratio: Any, batch_size: Any, curvature: Any) -> Any:
    """int -2 H_p/H_pp with the moments of one gradient by Gauss-Hermite quadrature, sigma = 1."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(8)
    weights = weights / weights.sum()
    fourth, second = float(weights @ nodes**4), float(weights @ nodes**2)

    def momentum(y: Any) -> Any:
        first = y * second
        variance = y * y * (fourth - second**2) + second
        return 2 * first * batch_size / (variance * curvature)

    return mpmath.quad(momentum, [0, mpmath.sqrt(barrier_ratio - 1)])


DIFFUSION = Law(
    id="escape.quasi_potential.diffusion",
    title="Quasi-potential of the diffusion approximation",
    statement="Truncation of H at p^2: W_2 = (B/(2h)) log(1 + 2v), v = c - 1, against W = B v/h of real SGD.",
    quantity=sp.Symbol("W_2"),
    parameters=(BARRIER_RATIO, BATCH_SIZE, CURVATURE),
    derive=large_deviations.diffusion,
    definition=_diffusion_definition,
    sources=(DERIVED, MORI),
    mutants=(
        mutant_value(
            "log(1+v)",
            lambda barrier_ratio, batch_size, curvature: batch_size / (2 * curvature) * math.log(barrier_ratio),
        ),
        mutant_value(
            "2v", lambda barrier_ratio, batch_size, curvature: batch_size / (2 * curvature) * 2 * (barrier_ratio - 1)
        ),
    ),
    rungs=("algebra", "flow", "sgd"),
    regime=SMALL_STEP,
    priority="B",
)

HAMILTONIAN_LAWS = (HAMILTONIAN, DIFFUSION)
