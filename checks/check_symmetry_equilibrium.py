"""Noise equilibria of minibatch SGD: reached from both sides, their rates, their sharpness; and the divergence class."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from checks.check import Case, Check, Margin
from checks.symmetry import equilibria
from checks.symmetry.equilibria import label_noise_values
from numerics.statistics import Mean, Plan

# Each replica is a time average over hundreds of steps, with a spread of a few hundredths.
LONG = Mean(minimum=256)
SHORT_PLAN = Plan(first=256, looks=4)
_POINT = ([1.1, 0.5], [1.0])
_COVARIANCE = [[0.3, 0.0], [0.0, 3.6]]
_NOISES = label_noise_values(_POINT, _COVARIANCE)
_NORMS = {"first_norm_squared": 1.46, "second_norm_squared": 1.0}
_EQUAL = {"statistic": LONG, "plan": SHORT_PLAN, "chunk": 256, "rung": "sgd"}
# SGD is O(eta) off the equilibrium of its SDE, with a constant that the theory does not give: these are extrapolated
_LIMIT = {**_EQUAL, "plan": Plan(first=512, looks=3), "chunk": 512}


def _rescale_case(start: float, spared: dict[str, str] | None = None, **rates: Any) -> Case:
    return Case({**_NORMS, **_NOISES, "batch_size": 1, **rates}, settings={"shift": start}, spared=spared or {})


_SPARED_MOMENTUM = {"T unchanged by momentum": "no momentum here"}
_DECAYED = {"learning_rate": 0.02, "weight_decay": 0.06}
rescale = Check(
    law="symmetry.noise_equilibrium.rescale",
    simulate=equilibria.decayed_position,
    cases={
        "from-above": _rescale_case(0.5, _SPARED_MOMENTUM, **_DECAYED),
        "from-below": _rescale_case(-0.4, _SPARED_MOMENTUM, **_DECAYED),
        "momentum": _rescale_case(0.5, learning_rate=0.01, weight_decay=0.06, momentum=0.5),
    },
    settings={"point": _POINT, "residual_covariance": _COVARIANCE, "steps": 1800},
    margin=Margin(absolute=0.015),
    **_EQUAL,
)
gamma_zero = Check(
    law="symmetry.noise_equilibrium.gamma_zero",
    simulate=equilibria.orbit_position,
    cases={
        f"eta={eta}-S={size}-from-{side}": Case(
            {key: noise * size for key, noise in _NOISES.items()},
            settings={"learning_rate": eta, "batch_size": size, "shift": start, "steps": steps,
                      "residual_covariance": [[size * x for x in row] for row in _COVARIANCE]},
        )
        for eta, size, side, start, steps in (
            (0.02, 1, "above", 0.34, 1800),
            (0.02, 1, "below", 0.1, 1800),
            (0.02, 2, "below", 0.1, 1800),
            (0.025, 1, "above", 0.33, 1300),
        )
    },
    settings={"point": _POINT},
    margin=Margin(absolute=0.02),
    **_EQUAL,
)  # fmt: skip
extrapolated = Check(
    law="symmetry.noise_equilibrium.gamma_zero",
    simulate=equilibria.extrapolated_position,
    cases={"eta-to-0": _NOISES},
    settings={"point": _POINT, "residual_covariance": _COVARIANCE, "learning_rate": 0.08, "shift": 0.4, "steps": 200},
    margin=Margin(absolute=0.02),
    **_EQUAL,
)
_SLOW = {"learning_rate": 0.01, "batch_size": 1, "weight_decay": 0.06}
relaxation = Check(
    law="symmetry.noise_equilibrium.relaxation_rate.rescale",
    simulate=equilibria.decay_from_pilot,
    observable=equilibria.log_decay,
    cases={"both-sides": {**_NORMS, **_NOISES, **_SLOW}},
    settings={
        "point": _POINT, "residual_covariance": _COVARIANCE, "shift": 0.1, "steps": equilibria.RELAXATION_STEPS,
        "averaged": 1, "late": 1200,
    },
    margin=Margin(relative=0.06),
    **{**_EQUAL, "plan": Plan(first=1024, looks=3), "chunk": 1024},
)  # fmt: skip
_INPUTS, _TARGETS = [0.7, -1.3, 0.4, 1.1], [1.2, -0.1, -0.9, 1.9]
scalar_balance = Check(
    law="symmetry.noise_equilibrium.scalar_balance",
    simulate=equilibria.scalar_ratio,
    cases={
        f"wd={decay}": {
            "first_weight": start, "second_weight": 0.7, "inputs": _INPUTS, "targets": _TARGETS, "learning_rate": 0.12,
            "batch_size": 2, "weight_decay": decay,
        }
        for decay, start in ((0.0, 1.4), (0.03, 0.4))
    },
    settings={"steps": 1500},
    margin=Margin(absolute=0.003),
    **_EQUAL,
)  # fmt: skip


def _filter_values(learning_rate: float, weight_decay: float, target_std: float, dimension: int) -> dict[str, Any]:
    # at the minimum g = -2 error (x - its part along theta)/|theta|: Tr Sigma = 4 std^2 (d - 1)/|theta|^2
    norm = 1.7
    return {
        "norm_squared": norm, "noise_trace": 4 * target_std**2 * (dimension - 1) / norm,
        "learning_rate": learning_rate, "batch_size": 1, "weight_decay": weight_decay,
    }  # fmt: skip


scale = Check(
    law="symmetry.noise_equilibrium.scale",
    simulate=equilibria.norm_of_filter,
    observable=equilibria.stretched,
    cases={
        f"from-{side}": Case(_filter_values(0.05, 0.012, 1.5, 3), settings={"start": start})
        for side, start in (("above", 9.0), ("below", 4.0))
    },
    settings={"steps": 3000, "target_std": 1.5, "dimension": 3},
    margin=Margin(relative=0.03),
    **_EQUAL,
)

_U, _W = [0.9, 0.4], [0.7, -0.8]
_S_X, _S_E = [[1.3, 0.4], [0.4, 0.6]], [[0.2, 0.08], [0.08, 2.0]]
_RANK_ONE = {"first_weights": _U, "second_weights": _W, "input_covariance": _S_X, "residual_covariance": _S_E}
_STEEP = {**_RANK_ONE, "residual_covariance": [[1.7, 0.2], [0.2, 0.15]]}
rank_one = Check(
    law="symmetry.two_layer_linear.rank_one_equilibrium",
    simulate=equilibria.extrapolated_position,
    cases={
        f"from-{side}": Case(_STEEP, settings={"shift": start}) for side, start in (("above", 0.2), ("below", -0.4))
    },
    settings={"point": (_U, _W), "learning_rate": 0.06, "steps": 600},
    margin=Margin(absolute=0.02),
    **_LIMIT,
)
_RATES = {"learning_rate": 0.03, "batch_size": 1}


def _left_over(value: list[float], **_: Any) -> list[float]:
    """Return lambda* and exp(-300/steps)."""
    return [value[0], math.exp(-300 / value[1])]


warmup = Check(
    law="symmetry.two_layer_linear.warmup",
    simulate=equilibria.position_and_decay,
    observable=_left_over,
    cases={
        "eta=0.03-S=1": Case({**_RANK_ONE, **_RATES}),
        "eta=0.04-S=2": Case({**_RANK_ONE, "learning_rate": 0.04, "batch_size": 2}),
    },
    settings={"point": (_U, _W), "equilibrium": 0.05, "shift": 0.1, "steps": 300, "late": 1200},
    margin=Margin(absolute=0.02, relative=0.05),
    **_EQUAL,
)


def _hessian_trace(u: list[float], w: list[float]) -> float:
    seen = float(np.array(w) @ np.array(_S_X) @ np.array(w))
    return 2 * (len(u) * seen + sum(x * x for x in u) * 1.9)


def sharpened(value: float, *, first_weights: list[float], second_weights: list[float], **_: Any) -> float:
    """Return ln Tr H(lambda*) from its change since the start."""
    return value + math.log(_hessian_trace(first_weights, second_weights))


def above_flattest(value: float, *, first_weights: list[float], second_weights: list[float], **_: Any) -> float:
    """Return ln Tr H(lambda*) from its ratio to the flattest point, 4 sqrt(d_y a b)."""
    seen = float(np.array(second_weights) @ np.array(_S_X) @ np.array(second_weights))
    return math.log(value * 4 * math.sqrt(2 * seen * sum(x * x for x in first_weights) * 1.9))


_TILTED = [[2.4, 0.0], [0.0, 0.24]]
_TALL = [0.3, 1.1]
_HIGH = ([1.6, 0.7], [0.4, -0.46])
sharpening = Check(
    law="symmetry.two_layer_linear.sharpening_sign",
    simulate=equilibria.extrapolated_sharpness,
    observable=sharpened,
    cases={
        "flattens": Case(
            {**_RANK_ONE, "first_weights": _HIGH[0], "second_weights": _HIGH[1]},
            settings={"point": _HIGH},
            spared={"always flattens": "here it does; the other case refutes it"},
        ),
        "sharpens": Case(
            {**_RANK_ONE, "first_weights": _TALL, "residual_covariance": _TILTED}, settings={"point": (_TALL, _W)}
        ),
    },
    settings={"learning_rate": 0.05, "steps": 600},
    margin=Margin(absolute=0.03),
    **_LIMIT,
)
sharpness_ratio = Check(
    law="symmetry.two_layer_linear.sharpness_ratio",
    simulate=equilibria.extrapolated_sharpness,
    observable=above_flattest,
    cases={"tilted-noise": {**_RANK_ONE, "residual_covariance": _TILTED, "first_weights": _TALL}},
    settings={"point": (_TALL, _W), "shift": 0.2, "learning_rate": 0.05, "steps": 600},
    margin=Margin(absolute=0.03),
    **_LIMIT,
)
_FACTORS = {
    "first_factor": [[0.9, 0.3], [-0.2, 1.1]], "second_factor": [[0.8, -0.5], [0.4, 1.2]], "input_covariance": _S_X,
    "residual_covariance": [[0.3, 0.1], [0.1, 0.9]],
}  # fmt: skip
_ONE_STEP = {"rung": "sgd", "statistic": Mean(), "plan": Plan(first=131072, looks=4), "chunk": 65536}
noise_balance = Check(
    law="symmetry.two_layer_linear.noise_balance",
    simulate=equilibria.matrix_kick,
    cases={"width-2": _FACTORS},
    settings={"learning_rate": 0.01, "sign": 1},
    margin=Margin(absolute=0.15),
    **_ONE_STEP,
)
_GAMMAS = {
    "first_noise_matrix": (4 * 1.9 * np.array(_FACTORS["residual_covariance"])).tolist(),
    "second_noise_matrix": (4 * 1.2 * np.array(_S_X)).tolist(),
}
balance = Check(
    law="symmetry.matrix_factorisation.balance",
    simulate=equilibria.matrix_kick,
    cases={
        "width-2": {
            "first_factor": _FACTORS["first_factor"], "second_factor": _FACTORS["second_factor"], **_GAMMAS,
            "learning_rate": 0.05, "batch_size": 2, "weight_decay": 0.06,
        }
    },
    settings={"sign": -1, "input_covariance": _S_X, "residual_covariance": _FACTORS["residual_covariance"]},
    margin=Margin(absolute=0.05, relative=0.02),
    **{**_ONE_STEP, "plan": Plan(first=524288, looks=4), "chunk": 131072},
)  # fmt: skip

_ANGLE = {"generator_eigenvalues": [1.0] * 3, "components": [1.0, 0.0, 0.0], "noise_components": [0.0, 9.0, 9.0]}
_PAIR = {
    "generator_eigenvalues": [1.0, 1.0, -1.0], "components": [1.1, 0.5, 1.0],
    "noise_components": [4 * 0.3, 4 * 3.6, 4 * (1.21 * 0.3 + 0.25 * 3.6)],
}  # fmt: skip
_SLOWLY = {"learning_rate": 0.02, "batch_size": 1}
classes = Check(
    law="symmetry.noise_equilibrium.classes",
    rung="sgd",
    measure=equilibria.class_and_existence,
    cases={
        "rescale-rests": Case({**_PAIR, **_SLOWLY, "weight_decay": 0.0}, settings={"kind": "rescale"}),
        "scale-diverges": Case(
            {**_ANGLE, **_SLOWLY, "weight_decay": 0.0},
            settings={"kind": "scale"},
            spared={"class by the sign of the trace": "right for a definite A"},
        ),
        "scale-rests-with-decay": Case(
            {**_ANGLE, "learning_rate": 0.05, "batch_size": 1, "weight_decay": 0.02},
            settings={"kind": "scale"},
            spared={"class by the sign of the trace": "right for a definite A"},
        ),
    },
    margin=Margin(absolute=0.1),
)
