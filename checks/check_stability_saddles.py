"""Checks of the types of saddles: gradients, noise and Hessians of small networks, on data and under SGD."""

from __future__ import annotations

from checks.check import Check, Margin
from checks.stability import saddles
from numerics.statistics import Mean

_ROUNDING = Margin(absolute=1e-9)

scalar_net_origin = Check(
    law="stability.type_two.scalar_net",
    rung="net",
    measure=saddles.scalar_net_on_digits,
    cases={"digits": {}},
    margin=_ROUNDING,
)
local_linear_origin = Check(
    law="stability.type_two.local_linear_net",
    rung="net",
    measure=saddles.origin_of_tanh_net,
    cases={"tanh on digits": {"width": 3, "dimension": 64}},
    margin=_ROUNDING,
)
identical_units = Check(
    law="stability.type_two.identical_neurons",
    rung="net",
    measure=saddles.tied_units_on_digits,
    cases={"tanh on digits": {}},
    margin=_ROUNDING,
)
identical_units_sgd = Check(
    law="stability.type_two.identical_neurons",
    rung="sgd",
    measure=saddles.tied_units_of_sgd,
    cases={"linear units": {}},
    settings={"learning_rate": 0.01, "steps": 12},
    margin=Margin(absolute=1e-6),
)
biased_net = Check(
    law="stability.type_two.biased_net",
    rung="sgd",
    simulate=saddles.biased_net_noise,
    statistic=Mean(),
    cases={"generic": {"noise_std": 0.83}},
    margin=Margin(relative=0.03, absolute=1e-9),
)
linear_noise = Check(
    law="stability.type_one.linear_noise",
    rung="sgd",
    simulate=saddles.linear_noise,
    statistic=Mean(),
    cases={"generic": {"noise_std": 1.37}},
    margin=Margin(relative=0.03),
)
