"""Checks of heavy ball and of the Nesterov method: growth, branch points, slow manifold and modified loss."""

from __future__ import annotations

from typing import Any

from checks.check import Case, Check, Margin
from checks.principal_flow import growth, manifold

FINE = Margin(relative=0.01)
_CHAIN_MARGIN = Margin(relative=0.005, absolute=0.0005)
_BEYOND = "below the second branch point r_+ dominates or both moduli agree"


def _growth_check(name: str, method: str, cases: dict[str, Any]) -> Check:
    return Check(
        law=f"principal_flow.growth_exponent.{name}",
        rung="chain",
        measure=growth.growth,
        settings={"method": method},
        cases=cases,
        margin=_CHAIN_MARGIN,
    )


growth_heavy_ball = _growth_check(
    "heavy_ball",
    "heavy-ball",
    {
        "slow": Case({"scaled_curvature": 0.031, "momentum": 0.62}, spared={"log|r_+|": _BEYOND}),
        "oscillating": Case({"scaled_curvature": 1.4, "momentum": 0.62}, spared={"log|r_+|": _BEYOND}),
        "second-branch": {"scaled_curvature": 3.41, "momentum": 0.62},
    },
)
growth_nesterov = _growth_check(
    "nesterov",
    "nesterov",
    {
        "slow": Case({"scaled_curvature": 0.022, "momentum": 0.62}, spared={"log|r_+|": _BEYOND}),
        "oscillating": Case({"scaled_curvature": 0.44, "momentum": 0.62}, spared={"log|r_+|": _BEYOND}),
        "beyond-one": {"scaled_curvature": 1.51, "momentum": 0.62},
    },
)
oscillatory_heavy_ball = Check(
    law="principal_flow.oscillatory_rate.heavy_ball",
    rung="chain",
    measure=growth.growth,
    settings={"method": "heavy-ball"},
    cases={f"x={x}": {"scaled_curvature": x, "momentum": 0.71} for x in (0.3, 1.7, 2.9)},
    margin=_CHAIN_MARGIN,
)
oscillatory_nesterov = Check(
    law="principal_flow.oscillatory_rate.nesterov",
    rung="chain",
    measure=growth.growth,
    settings={"method": "nesterov"},
    cases={f"x={x}": {"scaled_curvature": x, "momentum": 0.71} for x in (0.3, 0.7)},
    margin=_CHAIN_MARGIN,
)
limit_heavy_ball = Check(
    law="principal_flow.stability_limit.heavy_ball",
    rung="chain",
    measure=growth.stability_limit,
    settings={"method": "heavy-ball"},
    cases={"b=0.43": {"momentum": 0.43}},
    margin=Margin(absolute=0.02),
)
limit_nesterov = Check(
    law="principal_flow.stability_limit.nesterov",
    rung="chain",
    measure=growth.stability_limit,
    settings={"method": "nesterov"},
    cases={"b=0.43": {"momentum": 0.43}},
    margin=Margin(absolute=0.02),
)
branch_heavy_ball = Check(
    law="principal_flow.branch_point.heavy_ball",
    rung="chain",
    measure=growth.branch_point,
    settings={"method": "heavy-ball"},
    cases={"b=0.43": {"momentum": 0.43}},
    margin=Margin(relative=0.01),
)
branch_nesterov = Check(
    law="principal_flow.branch_point.nesterov",
    rung="chain",
    measure=growth.branch_point,
    settings={"method": "nesterov"},
    cases={"b=0.43": {"momentum": 0.43}},
    margin=Margin(relative=0.01),
)
slow_heavy_ball = Check(
    law="principal_flow.coefficient.heavy_ball",
    rung="flow",
    measure=growth.slow_alpha,
    settings={"method": "heavy-ball"},
    cases={f"x={x}": {"scaled_curvature": x, "momentum": 0.38} for x in (-0.9, 0.09)},
    margin=Margin(relative=0.002, absolute=1e-6),
)
slow_nesterov = Check(
    law="principal_flow.coefficient.nesterov",
    rung="flow",
    measure=growth.slow_alpha,
    settings={"method": "nesterov"},
    cases={f"x={x}": {"scaled_curvature": x, "momentum": 0.38} for x in (-0.9, 0.13)},
    margin=Margin(relative=0.002, absolute=1e-6),
)

loss_heavy_ball = Check(
    law="principal_flow.modified_loss.heavy_ball",
    rung="chain",
    measure=manifold.modified_loss,
    settings={"method": "heavy-ball"},
    cases={f"b={b}": {"learning_rate": 0.1, "momentum": b} for b in (0.37, 0.72)},
    margin=FINE,
)
loss_nesterov = Check(
    law="principal_flow.modified_loss.nesterov",
    rung="chain",
    measure=manifold.modified_loss,
    settings={"method": "nesterov"},
    cases={f"b={b}": {"learning_rate": 0.1, "momentum": b} for b in (0.37, 0.72)},
    margin=FINE,
)


def _over_time(name: str, method: str) -> Check:
    return Check(
        law=f"principal_flow.modified_loss.{name}",
        rung="flow",
        measure=manifold.modified_loss_over_time,
        settings={"method": method},
        cases={f"b={b}": {"learning_rate": 0.1, "momentum": b} for b in (0.37, 0.72)},
        margin=FINE,
    )


loss_heavy_ball_over_time = _over_time("heavy_ball", "heavy-ball")
loss_nesterov_over_time = _over_time("nesterov", "nesterov")
