"""Charges, balanced products and their collapse under the SDE of SGD, by Euler-Maruyama with small steps."""

from __future__ import annotations

from functools import partial
from typing import Any

from checks.check import Check, Margin
from checks.symmetry import diffusions, stationary
from checks.symmetry.onestep import COVARIANCE, INPUTS, NOISE_FORM, POINT, TARGETS
from numerics.statistics import Crossing, Mean, Plan, Quantile

_FACTORS = {"first_factor": [[0.9, 0.3], [-0.2, 1.1]], "second_factor": [[0.8, -0.5], [0.4, 1.2]]}
_S_X, _S_E = [[1.3, 0.4], [0.4, 0.6]], [[0.3, 0.1], [0.1, 0.9]]
_GAMMAS = {
    "first_noise_matrix": [[4 * 1.9 * x for x in row] for row in _S_E],
    "second_noise_matrix": [[4 * 1.2 * x for x in row] for row in _S_X],
}
_RATES = {"learning_rate": 0.1, "batch_size": 2, "weight_decay": 0.06}
_SHORT = {"rung": "flow", "statistic": Mean(), "plan": Plan(first=65536, looks=4), "chunk": 65536}
_NOISE = {"input_covariance": _S_X, "residual_covariance": _S_E}
matrix = Check(
    law="symmetry.matrix_factorisation.charge_sde",
    simulate=diffusions.matrix_drift,
    cases={"width-2": {**_FACTORS, **_GAMMAS, **_RATES}},
    settings=_NOISE,
    margin=Margin(absolute=0.004, relative=0.02),
    **_SHORT,
)


def _balance(chunk: Any, **values: Any) -> Any:
    return diffusions.matrix_drift(chunk, sign=-1.0, per_temperature=True, **values)


def _noise_balance(chunk: Any, **values: Any) -> Any:
    return diffusions.matrix_drift(
        chunk, per_temperature=True, **values, learning_rate=0.05, batch_size=1, weight_decay=0.0
    )


balance = Check(
    law="symmetry.matrix_factorisation.balance",
    simulate=_balance,
    cases={"width-2": {**_FACTORS, **_GAMMAS, **_RATES}},
    settings=_NOISE,
    margin=Margin(absolute=0.08, relative=0.02),
    **_SHORT,
)
noise_balance = Check(
    law="symmetry.two_layer_linear.noise_balance",
    simulate=_noise_balance,
    cases={"width-2": {**_FACTORS, **_NOISE}},
    margin=Margin(absolute=0.08, relative=0.02),
    **_SHORT,
)
charge = Check(
    law="symmetry.noise.charge_sde",
    simulate=diffusions.scalar_drift,
    cases={"at-minimum": {"charge": 0.42, "noise_form": NOISE_FORM, **_RATES}},
    settings={"point": POINT, "input_covariance": [[1.0]], "residual_covariance": COVARIANCE},
    margin=Margin(absolute=0.0015),
    **_SHORT,
)
vectors = Check(
    law="symmetry.balance.vector_rate",
    simulate=diffusions.scalar_drift,
    cases={
        "at-minimum": {"first_weights": [0.9, 0.5], "second_weights": [0.7, -0.8], **_GAMMAS, **_RATES},
    },
    settings={"point": ([0.9, 0.5], [0.7, -0.8]), **_NOISE},
    margin=Margin(absolute=0.0055),
    **_SHORT,
)
martingale = Check(
    law="symmetry.noether.no_martingale",
    rung="flow",
    simulate=diffusions.fluctuation,
    statistic=Mean(),
    cases={"scalar-net": {"first_weight": 1.13, "second_weight": 0.62, "inputs": INPUTS, "targets": TARGETS}},
    settings={"temperature": 0.1, "duration": 0.01, "steps": 50},
    margin=Margin(absolute=0.01),
    plan=Plan(first=16384, looks=3),
)
_PAIR = {"charge": 0.7, "batch_size": 1, "weight_decay": 0.03, "gradient_variance": 4.0}
_LONG = {"rung": "flow", "statistic": Mean(minimum=256), "plan": Plan(first=512, looks=4), "chunk": 512}
decay = Check(
    law="symmetry.balance.sde_decay",
    simulate=diffusions.charge_of_pair,
    cases={"T=0.02": {**_PAIR, "learning_rate": 0.02, "steps": 200}},
    settings={"finer": 8},
    margin=Margin(relative=0.01),
    **_LONG,
)
kinetics = Check(
    law="symmetry.depth_n.kinetics",
    simulate=diffusions.charge_of_pair,
    cases={
        "three-factors": {
            "charge": 0.5, "other_product": 1.3, "learning_rate": 0.01, "batch_size": 1, "gradient_variance": 1.5,
            "steps": 300,
        }
    },
    settings={"finer": 6},
    margin=Margin(relative=0.02),
    **_LONG,
)  # fmt: skip

_MANY = {"rung": "flow", "plan": Plan(first=16384, looks=4), "chunk": 8192}
_GAMMA = {"target_mean": 1.3, "target_std": 1.1, "learning_rate": 0.2, "batch_size": 1, "weight_decay": 0.1}
gamma_low, gamma_high = (
    Check(
        law="symmetry.stationary.gamma",
        simulate=diffusions.gamma_product,
        statistic=Quantile(probability),
        observable=partial(stationary.gamma_quantile, probability),
        cases={"T=0.2": _GAMMA},
        settings={"duration": 4.0, "substeps": 500},
        margin=Margin(relative=0.06),
        **_MANY,
    )
    for probability in (0.2, 0.9)
)
_MOMENTS = {
    "input_second_moment": 1.1, "input_target_moment": 1.4, "noise_quadratic": 1.3, "noise_cross": 0.3,
    "noise_constant": 1.2, "learning_rate": 0.4, "batch_size": 1, "weight_decay": 0.1,
}  # fmt: skip
two_factor = Check(
    law="symmetry.stationary.two_factor",
    rung="flow",
    measure=diffusions.quantile_of_chain,
    cases={f"q={q}": {**_MOMENTS, "quantity": "quantile", "probability": q} for q in (0.1, 0.5, 0.9)},
    margin=Margin(relative=0.002),
)
_DEEP = {**_MOMENTS, "factors": 3, "weight_decay": 0.0, "quantity": "quantile"}
n_factor = Check(
    law="symmetry.stationary.n_factor",
    rung="flow",
    measure=diffusions.quantile_of_chain,
    cases={f"n=3-q={q}": {**_DEEP, "probability": q} for q in (0.1, 0.5, 0.9)},
    margin=Margin(relative=0.002),
)
moment_identity = Check(
    law="symmetry.stationary.moment_identity",
    rung="flow",
    measure=diffusions.moment_of_chain,
    cases={"two-factors": _MOMENTS},
    margin=Margin(relative=0.002),
)
tail = Check(
    law="symmetry.stationary.tail",
    rung="flow",
    measure=diffusions.tail_of_chain,
    cases={f"n={n}": {"factors": n} for n in (2, 3)},
    settings={key: value for key, value in _MOMENTS.items() if key != "weight_decay"},
    margin=Margin(absolute=0.02),
)
_AROUND = tuple(round(0.306 * c, 4) for c in (0.7, 0.85, 1.0, 1.15, 1.3))
collapse = Check(
    law="symmetry.collapse.sde_learning_rate",
    rung="flow",
    simulate=diffusions.growth_rates,
    statistic=Crossing((_AROUND,)),
    cases={"S=2": {"input_target_moment": 0.35, "noise_constant": 1.96, "batch_size": 2, "weight_decay": 0.1}},
    settings={"rates": _AROUND, "duration": 30.0, "substeps": 60},
    margin=Margin(relative=0.02),
    plan=Plan(first=4096, looks=4),
    chunk=4096,
)
