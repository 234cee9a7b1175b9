"""How fast a rescaling symmetry relaxes to its noise equilibrium."""

from __future__ import annotations

from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.law import Law, mutant_result
from theory.source import DERIVED
from theory.symmetry.noise import (
    LAMBDA,
    N_U,
    N_W,
    NOISY,
    NORMS,
    RATES,
    SDE,
    TEMPERATURE,
    solve_drift,
    two_block_drift,
)
from theory.symmetry.process_oracles import OrbitProcess, decreasing_root


def _derive_relaxation() -> Derivation:
    drift = two_block_drift(TEMPERATURE)
    charge = sp.exp(2 * LAMBDA) * N_U - sp.exp(-2 * LAMBDA) * N_W
    rate = sp.simplify(-sp.diff(drift, LAMBDA) / sp.diff(charge, LAMBDA))
    position = solve_drift(drift)
    return derivation(
        ("rate at lambda", rate, "d lambda/dt = D/C', linearised: -D'/C' at D = 0"),
        ("rate at lambda*", rate.subs(LAMBDA, position), "insert the equilibrium"),
    )


def _define_relaxation(first_norm_squared: Any, second_norm_squared: Any, first_noise: Any, second_noise: Any,
                       learning_rate: Any, batch_size: Any, weight_decay: Any) -> Any:  # fmt: skip
    components = mpmath.sqrt(first_norm_squared), mpmath.sqrt(second_norm_squared)
    noises, t = (first_noise, second_noise), learning_rate / batch_size
    process = OrbitProcess((1, -1), components, noises, t, weight_decay)
    return -mpmath.diff(process.velocity, decreasing_root(process.drift))


relaxation_rescale = Law(
    id="symmetry.noise_equilibrium.relaxation_rate.rescale",
    title="relaxation rate to the noise equilibrium of a rescaling symmetry",
    statement="2 wd + T (s_u e^{-2l} + s_w e^{2l})/(|u|^2 e^{2l} + |w|^2 e^{-2l}) at l = lambda*, per unit time",
    quantity=sp.Symbol("rate"),
    parameters=(*NORMS, *RATES),
    derive=_derive_relaxation,
    definition=_define_relaxation,
    sources=(DERIVED,),
    mutants=(
        mutant_result("4 wd", lambda value, weight_decay, **_: value + 2 * weight_decay),
        mutant_result("twice the noise part", lambda value, weight_decay, **_: 2 * value - 2 * weight_decay),
    ),
    regime=SDE,
    constraints=(NOISY,),
    rungs=("algebra", "flow", "sgd"),
    gate_points=10,
)
LAWS = (relaxation_rescale,)
