"""Checks of the phase diagram in the exponents (kappa, delta), with dimensions up to 1e8."""

from __future__ import annotations

import math

from checks.check import Case, Check, Margin
from checks.order_parameters import flow, sampling
from numerics.statistics import Plan, Slope

bad_learning_growth = Check(
    law="order_parameters.bad_learning.growth",
    rung="flow",
    measure=flow.noise_phase_norm,
    cases={"late": {"time": 1e5, "teacher_overlap": 1.3, "noise_variance": 0.4}},
    margin=Margin(relative=0.005),
)

_LOG_D = tuple(math.log(10.0) * n for n in (4, 6, 8))

_PHASES = {
    "perfect": {"kappa": 0.2, "delta": 0.15},
    "plateau": {"kappa": 0.15, "delta": -0.15},
    "bad": {"kappa": 0.1, "delta": -0.35},
    "none": {"kappa": 0.05, "delta": -0.7},
}

phase_learning = Check(
    law="order_parameters.phase.learning_term_exponent",
    rung="chain",
    simulate=sampling.step_sizes,
    statistic=Slope(abscissae=_LOG_D, log=True),
    cases=_PHASES | {"plateau": Case(_PHASES["plateau"], spared={"sign of sigma": "sigma is zero: no sign"})},
    settings={"which": "learning", "exponents": (4, 6, 8)},
    margin=Margin(absolute=0.02),
    plan=Plan(first=65536, looks=4),
    chunk=32768,
)

phase_noise = Check(
    law="order_parameters.phase.noise_term_exponent",
    rung="chain",
    simulate=sampling.step_sizes,
    statistic=Slope(abscissae=_LOG_D, log=True),
    cases=_PHASES,
    settings={"which": "noise", "exponents": (4, 6, 8)},
    margin=Margin(absolute=0.02),
    plan=Plan(first=65536, looks=4),
    chunk=32768,
)
