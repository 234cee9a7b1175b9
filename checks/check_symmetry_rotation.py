"""Matrix charges under label noise: SGD makes them rotate, and its shape rests where the rotation lets it."""

from __future__ import annotations

from typing import Any

import theory
from checks.check import REFUTED, Check, Margin
from checks.symmetry.equilibria import spread_of_representation
from checks.symmetry.rotation import rotation_speed
from numerics.statistics import Mean, Plan

_COVARIANCES = {"input_covariance": [[2.0, 0.5], [0.5, 0.3]], "residual_covariance": [[0.6, 0.2], [0.2, 1.8]]}
_FACTORS = {"first_factor": [[0.9, 0.3], [-0.2, 1.1]], "second_factor": [[0.8, -0.5], [0.4, 1.2]], **_COVARIANCES}
# close to where the shape rests on this orbit, so that the rotation is steady from the start
_RESTING = {
    "first_factor": [[0.978, 0.454], [0.049, 0.867]], "second_factor": [[0.728, -0.875], [0.282, 1.686]], **_COVARIANCES,
}  # fmt: skip
_LONG_RUN = {
    "rung": "sgd", "simulate": spread_of_representation, "cases": {"width-2": _FACTORS},
    "settings": {"learning_rate": 0.02, "steps": 8000}, "margin": Margin(absolute=0.012),
    "statistic": Mean(minimum=256), "plan": Plan(first=256, looks=4), "chunk": 256,
}  # fmt: skip


def _spread(value: list[float], **_: Any) -> float:
    return value[0]


def _clockwise(value: list[float], **_: Any) -> float:
    """The charge of this network turns clockwise."""
    return -value[1]


rotation_shape = Check(
    law="symmetry.two_layer_linear.rotation",
    observable=_spread,
    mutants=("noise balance, no rotation",),
    **{**_LONG_RUN, "cases": {"shape": _FACTORS}},
)
rotation = Check(
    law="symmetry.two_layer_linear.rotation",
    rung="sgd",
    simulate=rotation_speed,
    observable=_clockwise,
    cases={"speed": _RESTING},
    settings={"learning_rate": 0.02, "begin": 0.2, "end": 1.0, "window": 0.1},
    margin=Margin(absolute=0.03),
    statistic=Mean(minimum=256),
    plan=Plan(first=1024, looks=3),
    chunk=1024,
)
representation = Check(
    law="symmetry.two_layer_linear.representation",
    expected=REFUTED,
    rival=lambda **values: theory.law("symmetry.two_layer_linear.rotation")(**values)[0],
    reason="the charges of a matrix symmetry rotate and shift the point where the shape rests: long runs give 0.337 at eta = "
    "0.02 and 0.335 at 0.0025, noise balance 0.383, the rotating equilibrium 0.336",
    **_LONG_RUN,
)
