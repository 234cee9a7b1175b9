"""Checks of the exact maps close to the edge of stability."""

from __future__ import annotations

from typing import Any

from checks.check import REFUTED, Case, Check, Margin
from checks.principal_flow import central, maps

catapult = Check(
    law="principal_flow.catapult.map",
    rung="net",
    measure=maps.literal_catapult,
    cases={"n=23": {"learning_rate": 0.63, "width": 23, "network_output": 1.31, "tangent_kernel": 2.13}},
    margin=Margin(absolute=1e-11),
)


def _returns(value: float, *, tangent_kernel: float, product: float, **_: Any) -> float:
    return 1.0 if product / tangent_kernel < value else 0.0


_SAME_SIDE = "the same side of this threshold and of the law's"
threshold = Check(
    law="principal_flow.catapult.threshold",
    rung="chain",
    measure=maps.catapult_returns,
    observable=_returns,
    cases={
        f"hl={p}": Case({"tangent_kernel": 1.7, "product": p}, spared=dict.fromkeys(spared, _SAME_SIDE))
        for p, spared in (
            (1.8, ("2/l_0", "12/l_0")), (2.7, ("12/l_0",)), (3.6, ("12/l_0",)), (4.3, ("2/l_0", "1/l_0")),
        )
    },
    margin=Margin(absolute=0.1),
)  # fmt: skip
imbalance = Check(
    law="principal_flow.scalar_factor.imbalance_map",
    rung="chain",
    measure=maps.imbalance,
    cases={"a": {"learning_rate": 0.41, "first_weight": 1.3, "second_weight": -0.7, "target": 0.9}},
    margin=Margin(absolute=1e-10),
)
sharpness = Check(
    law="principal_flow.scalar_factor.gradient_flow_sharpness",
    rung="flow",
    measure=maps.gradient_flow_sharpness,
    cases={"a": {"first_weight": 1.3, "second_weight": -0.2, "target": 0.7}},
    margin=Margin(relative=0.001),
)
_FLIP = {"second_derivative": 1.7, "third_derivative": 1.3, "fourth_derivative": -2.1}
flip = Check(
    law="principal_flow.flip.amplitude",
    rung="chain",
    measure=maps.flip_amplitude,
    cases={"a": {"excess": 0.004, **_FLIP}},
    margin=Margin(relative=0.01),
)
flip_exists = Check(
    law="principal_flow.flip.existence",
    rung="chain",
    measure=maps.flip_exists,
    cases={
        "yes": Case({"second_derivative": 1.7, "third_derivative": 1.3, "fourth_derivative": 1.9},
                    spared={"L3^2 > L2 L4": "not here", "always": "it does exist"}),
        "no": Case({"second_derivative": 1.7, "third_derivative": 0.6, "fourth_derivative": 2.6},
                   spared={"L3^2 > L2 L4": "agrees here", "never": "it does not exist"}),
        "between": Case({"second_derivative": 1.7, "third_derivative": 1.3, "fourth_derivative": 1.6},
                        spared={"always": "it does exist"}),
    },
    margin=Margin(absolute=0.1),
)  # fmt: skip
period = Check(
    law="principal_flow.self_stabilization.period",
    rung="chain",
    measure=maps.spiral,
    settings={"what": "period"},
    cases={"h=0.17": {"learning_rate": 0.17, "sharpening_rate": 0.83}},
    margin=Margin(relative=0.003),
)
spiral = Check(
    law="principal_flow.self_stabilization.growth",
    rung="chain",
    measure=maps.spiral,
    settings={"what": "growth"},
    cases={"h=0.07": {"learning_rate": 0.07, "sharpening_rate": 0.83}},
    margin=Margin(relative=0.01),
)
the_flow_spirals_too = Check(
    law="principal_flow.self_stabilization.growth",
    rung="flow",
    measure=maps.centre,
    cases={"h=0.07": {"learning_rate": 0.07, "sharpening_rate": 0.83}},
    margin=Margin(relative=0.01),
    expected=REFUTED,
    reason="the differential equation of the map has a centre: only the discrete map spirals out; "
    "measured growth of the flow 0.000, the law of the map 0.0041 per step",
    rival=lambda **_: 0.0,
)
dal_two_cycle = Check(
    law="principal_flow.dal.period_two",
    rung="chain",
    measure=maps.dal_two_cycle,
    cases={"a": {"curvature": 1.37}},
    margin=Margin(absolute=1e-8),
)
dal_always_converges = Check(
    law="principal_flow.dal.period_two",
    rung="chain",
    measure=maps.dal_loss_ratio,
    observable=lambda value, **_: 0.0,
    cases={"a": {"curvature": 1.37}},
    margin=Margin(absolute=0.01),
    expected=REFUTED,
    reason="along an eigenvector DAL with power 1 jumps to and fro: loss over its start 1.000, the claim 0",
)
dal_limit = Check(
    law="principal_flow.dal.quadratic_limit",
    rung="chain",
    measure=maps.dal_limit,
    cases={"d=3": {"curvatures": [3.1, 1.2, 0.5]}},
    margin=Margin(relative=0.001),
)
descent_sharpness = Check(
    law="principal_flow.scalar_factor.gradient_flow_sharpness",
    rung="chain",
    measure=maps.descent_sharpness,
    cases={"a": {"first_weight": 1.3, "second_weight": -0.2, "target": 0.7}},
    margin=Margin(relative=0.001),
)
central_flow = Check(
    law="principal_flow.central_flow.variance",
    rung="chain",
    measure=lambda context, *, sharpness_gradient, **v: central.oscillation_variances(
        context, sharpness_gradients=[sharpness_gradient], **v
    ),
    settings={"rate": 0.0025},
    cases={
        "progressive": Case(
            {"gradient": [-0.31, 0.12], "sharpness_gradient": [1.4, -0.5]},
            spared={"without the maximum": "positive here"},
        ),
        "falling": Case(
            {"gradient": [0.31, 0.12], "sharpness_gradient": [1.4, -0.5]},
            spared=dict.fromkeys(("factor 1", "|grad S|"), "no oscillation either"),
        ),
    },
    margin=Margin(relative=0.005, absolute=0.002),
)
central_flow_of_two = Check(
    law="principal_flow.central_flow.variances",
    rung="chain",
    measure=central.oscillation_variances,
    settings={"rate": 0.0025},
    cases={
        "both": Case(
            {"gradient": [-0.31, -0.32], "sharpness_gradients": [[1.4, -0.5], [0.3, 1.1]]},
            spared={"all of them oscillate": "they do here"},
        ),
        "one-falls": Case(
            {"gradient": [-0.31, 0.12], "sharpness_gradients": [[1.4, -0.5], [0.3, 1.1]]},
            spared={"every eigenvalue alone": "only one oscillates, by itself"},
        ),
    },
    margin=Margin(relative=0.005, absolute=0.002),
)
minimalist = Check(
    law="principal_flow.minimalist.final_sharpness_gap",
    rung="chain",
    measure=maps.final_sharpness_gap,
    cases={
        f"h={h}-first={first}": Case({"learning_rate": h}, settings={"first": first})
        for h, first in ((0.08, 1.1), (0.05, 1.17))
    },
    margin=Margin(relative=0.002),
)
