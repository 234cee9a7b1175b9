"""Checks of the stability family: tied units of a two-layer tanh network on the digits, products of real matrices."""

from __future__ import annotations

from checks.check import REFUTED, Case, Check, Margin
from checks.stability import tied_net
from checks.stability.tied_net import BATCH_SIZE
from numerics.statistics import Mean, Plan, Probability
from numerics.tied_network import noise_per_component

LAW = "stability.matrix.vector_input_noise"
GROWTH_PLAN = Plan(first=4096, looks=5)

tied_units_growth = Check(
    law=LAW,
    rung="net",
    simulate=tied_net.growth,
    statistic=Mean(minimum=4000),
    observable=tied_net.growth_rate,
    cases={
        "tied units, d=3": {"learning_rate": 0.21, "label_noise_std": 0.67, "dimension": 3},
        "tied units, d=4": {"learning_rate": 0.19, "label_noise_std": 0.83, "dimension": 4},
        # One learning rate and one decay: w = 0.027 is balanced by label noise of 1.05.
        "tied units, below": {"learning_rate": 0.15, "label_noise_std": 0.3, "dimension": 5, "weight_decay": 0.027},
        "tied units, above": {"learning_rate": 0.15, "label_noise_std": 1.4, "dimension": 5, "weight_decay": 0.027},
    },
    settings={"steps": 300, "burn_in": 200},
    margin=Margin(relative=0.04, model=tied_net.next_order),
    plan=GROWTH_PLAN,
    chunk=4096,
)

tied_units_fate = Check(
    law=LAW,
    rung="net",
    simulate=tied_net.fate,
    statistic=Probability(),
    observable=tied_net.predicted_fate,
    # One learning rate and one decay: w = 0.128 is balanced by label noise of 1.05.
    cases={
        "stay tied below": Case(
            {"learning_rate": 0.4, "label_noise_std": 0.5, "dimension": 8, "weight_decay": 0.128},
            spared={"scalar value -1/2 in every dimension": "it predicts collapse on both sides, wrongly above only"},
        ),
        "separate above": Case(
            {"learning_rate": 0.4, "label_noise_std": 1.9, "dimension": 8, "weight_decay": 0.128},
            spared={"(d-2)/4": "it predicts separation on both sides, wrongly below only"},
        ),
    },
    settings={"steps": 900, "exit_radius": 0.3},
    margin=Margin(absolute=0.05),
    plan=Plan(first=512, looks=4),
    chunk=512,
)

scalar_criterion_tied_units = Check(
    law="stability.matrix.scalar_criterion_vector",
    rung="net",
    simulate=tied_net.growth,
    statistic=Mean(minimum=4000),
    cases={
        "tied units, d=4": Case(
            {"learning_rate": 0.23, "noise_std": noise_per_component(0.59, BATCH_SIZE), "dimension": 4},
            settings={"label_noise_std": 0.59},
        )
    },
    settings={"steps": 300, "burn_in": 200},
    margin=Margin(relative=0.1),
    plan=GROWTH_PLAN,
    chunk=4096,
    expected=REFUTED,
    reason="on four components of the digits tied units separate by label noise alone, where the scalar net collapses",
    rival=tied_net.vector_growth,
)
