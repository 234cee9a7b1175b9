"""Excess kurtosis of real SGD, exact for any feature law, and its distance from the SDE."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np
import sympy as sp

from theory.escape import discrete
from theory.escape.discrete_laws import chi_squared_moment
from theory.escape.moment_laws import coordinate_kurtosis
from theory.escape.notation import (
    BATCH_SIZE,
    CURVATURE,
    LEARNING_RATE,
    eta,
)
from theory.escape.update_oracles import atoms_with_moments, stationary_moments
from theory.evaluation import converged, to_mp
from theory.law import Law, mutant_value
from theory.parameter import Constraint, Domain, Parameter, positive
from theory.source import DERIVED


@dataclass(frozen=True)
class MomentsDomain(Domain):
    """E A, E A^2, E A^3, E A^4 of a non-negative variable."""

    def problem(self, value: Any) -> str | None:
        """Return why these are no moments of a non-negative variable, or None."""
        found = super().problem(value)
        if found is not None:
            return found
        if len(value) != 4:
            return f"must be the four moments E A, .., E A^4, not {len(value)} numbers"
        a = [1.0, *map(float, value)]
        one = np.linalg.eigvalsh([[a[i + j] for j in range(3)] for i in range(3)])[0]
        two = np.linalg.eigvalsh([[a[i + j + 1] for j in range(2)] for i in range(2)])[0]
        return None if min(one, two) > -1e-9 * max(a) else "must be moments of a non-negative variable"

    def draw(self, rng: random.Random) -> Any:
        """Draw the moments of a variable on three atoms."""
        atoms = [rng.uniform(0.1, 2.0) for _ in range(3)]
        weights = [rng.uniform(0.2, 1.0) for _ in range(3)]
        total = sum(weights)
        return [round(sum(w * x**k for w, x in zip(weights, atoms, strict=True)) / total, 9) for k in range(1, 5)]


MOMENTS = Parameter(
    "batch_curvature_moments",
    None,
    "E A, E A^2, E A^3, E A^4 of the batch curvature",
    MomentsDomain("list", region=(0.1, 2.0)),
)


def _general_value(derived: Any, values: dict[str, Any], digits: int) -> Any:
    function = sp.lambdify((eta, *discrete.moments), derived.result, modules="mpmath")
    return converged(
        lambda: function(to_mp(values["learning_rate"]), *to_mp(values["batch_curvature_moments"])), digits
    )


def _general_definition(learning_rate: Any, batch_curvature_moments: Any) -> Any:
    second, fourth = stationary_moments(learning_rate, batch_curvature_moments, mpmath.mpf("0.31"))
    return fourth / second**2 - 3


def _fourth_contracts(values: Any) -> bool:
    a1, a2, a3, a4 = values["batch_curvature_moments"]
    e = values["learning_rate"]
    return 4 * a1 - 6 * a2 * e + 4 * a3 * e**2 - a4 * e**3 > 0


EXCESS_GENERAL = Law(
    id="escape.excess_kurtosis.general",
    title="Excess kurtosis of real SGD for any feature law",
    statement="n = 1, Gaussian label noise: 3 eta^3 (a1^2 a4 - 2 a1 a2 a3 + a2^3)/{a1^2 (4 a1 - 6 a2 eta + 4 a3 eta^2 "
    "- a4 eta^3)}, a_j = E A^j; independent of sigma, >= 0, O(eta^3).",
    quantity=sp.Symbol("kappa_4"),
    parameters=(LEARNING_RATE, MOMENTS),
    derive=discrete.excess_general,
    evaluator=_general_value,
    definition=_general_definition,
    constraints=(Constraint(_fourth_contracts, "the fourth moment is infinite here; reduce learning_rate"),),
    sources=(DERIVED,),
    mutants=(
        mutant_value("eta^2", lambda learning_rate, batch_curvature_moments: EXCESS_GENERAL(
            learning_rate=learning_rate, batch_curvature_moments=batch_curvature_moments) / learning_rate),
        mutant_value("central-moment numerator", lambda learning_rate, batch_curvature_moments: _central(
            learning_rate, *batch_curvature_moments)),
        mutant_value("SDE law", lambda learning_rate, batch_curvature_moments: _sde_kurtosis(
            learning_rate, *batch_curvature_moments[:2])),
    ),
    rungs=("algebra", "sgd"),
)  # fmt: skip


def _central(e: float, a1: float, a2: float, a3: float, a4: float) -> float:
    fourth = a4 - 4 * a1 * a3 + 6 * a1**2 * a2 - 3 * a1**4
    return 3 * e**3 * fourth / (4 * a1 - 6 * a2 * e + 4 * a3 * e**2 - a4 * e**3)


def _sde_kurtosis(e: float, a1: float, a2: float) -> float:
    spread = e * (a2 - a1**2) / a1
    return 3 * spread / (1 - 1.5 * spread)


def _excess_definition(learning_rate: Any, batch_size: Any, curvature: Any) -> Any:
    a = [chi_squared_moment(batch_size, k) * (curvature / batch_size) ** k for k in (1, 2, 3, 4)]
    contracts = mpmath.fsum(w * (1 - learning_rate * x) ** 4 for x, w in atoms_with_moments(a)) < 1
    if not contracts:
        return mpmath.inf
    second, fourth = stationary_moments(learning_rate, a, learning_rate**2 / batch_size)
    return fourth / second**2 - 3


def _wrong_excess(learning_rate: float, batch_size: int, curvature: float) -> float:
    t = learning_rate * curvature / batch_size
    return 3 / (1 / t - 1.5) if t < 2 / 3 else float("inf")


EXCESS_GAUSSIAN = Law(
    id="escape.excess_kurtosis.gaussian_features",
    title="Excess kurtosis of real SGD with Gaussian features",
    statement="6 e^3 (B+2)(B+6)/[4B^3 - 6B^2(B+2)e + 4B(B+2)(B+4)e^2 - (B+2)(B+4)(B+6)e^3], e = eta h, while the "
    "denominator is positive; else infinite.",
    quantity=sp.Symbol("kappa_4"),
    parameters=(LEARNING_RATE, BATCH_SIZE, CURVATURE),
    derive=discrete.excess_gaussian,
    definition=_excess_definition,
    sources=(DERIVED,),
    mutants=(
        mutant_value("SDE law", _wrong_excess),
        mutant_value(
            "SDE law with the exact covariance",
            lambda learning_rate, batch_size, curvature: _wrong_excess(2 * learning_rate, batch_size, curvature),
        ),
        mutant_value(
            "without (B+6)",
            lambda learning_rate, batch_size, curvature: EXCESS_GAUSSIAN(
                learning_rate=learning_rate, batch_size=batch_size, curvature=curvature
            ) / (batch_size + 6),
        ),
    ),
    rungs=("algebra", "sgd"),
    # its definition is a quadrature of a tenth of a second
    gate_points=10,
)  # fmt: skip


def _discriminator_definition(learning_rate: Any, batch_size: Any) -> Any:
    sde = coordinate_kurtosis(mpmath.mpf(1), 1 + batch_size / learning_rate, 1)
    return sde / _excess_definition(learning_rate, batch_size, mpmath.mpf(1))


def _discriminator(learning_rate: float, batch_size: float, power: int) -> float:
    return batch_size**2 / 2 * 4 / ((batch_size + 2) * (batch_size + 6)) * learning_rate**power


DISCRIMINATOR = Law(
    id="escape.excess_kurtosis.discriminator",
    title="Excess kurtosis of the SDE over that of real SGD",
    statement="n = h = 1: the ratio of 3/(1/T - 3/2) to the exact excess kurtosis; diverges as eta^-2.",
    quantity=sp.Symbol("ratio"),
    parameters=(LEARNING_RATE.within(positive(0.03, 0.25)), BATCH_SIZE),
    derive=discrete.discriminator,
    definition=_discriminator_definition,
    constraints=(
        Constraint(
            lambda v: v["learning_rate"] * 3 / 2 < v["batch_size"] and _excess_finite(v),
            "both kurtoses must be finite; reduce learning_rate",
        ),
    ),
    sources=(DERIVED,),
    mutants=(
        mutant_value("constant", lambda learning_rate, batch_size: _discriminator(learning_rate, batch_size, 0)),
        mutant_value("eta^-1", lambda learning_rate, batch_size: _discriminator(learning_rate, batch_size, -1)),
    ),
    # its definition is a quadrature of a tenth of a second
    gate_points=10,
    priority="B",
)


def _excess_finite(v: dict[str, Any]) -> bool:
    e, b = v["learning_rate"], v["batch_size"]
    low = 4 * b**3 - 6 * b**2 * (b + 2) * e + 4 * b * (b + 2) * (b + 4) * e**2 - (b + 2) * (b + 4) * (b + 6) * e**3
    return low > 0


EXCESS_LAWS = (EXCESS_GENERAL, EXCESS_GAUSSIAN)
EXCESS_LAWS_B = (DISCRIMINATOR,)
