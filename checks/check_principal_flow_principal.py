"""Checks of the principal flow: exactness on quadratics, its error elsewhere, escape from saddles and minima."""

from __future__ import annotations

from typing import Any

from checks.check import REFUTED, Case, Check, Margin
from checks.principal_flow import flows, growth
from checks.principal_flow.orders import order_of

FINE = Margin(relative=0.01)
_THIRD = [0.93, -1.48]

principal_constant = Check(
    law="principal_flow.local_error.principal",
    rung="flow",
    measure=flows.principal_local_error,
    cases={"2d": {"learning_rate": 0.21, "third_derivative_contraction": _THIRD}},
    margin=FINE,
)
principal_is_of_fourth_order = Check(
    law="principal_flow.local_error.principal",
    rung="flow",
    measure=flows.principal_local_order,
    observable=lambda value, **_: 4.0,
    cases={"2d": {"learning_rate": 0.21, "third_derivative_contraction": _THIRD}},
    margin=Margin(absolute=0.1),
    expected=REFUTED,
    reason="off quadratics -(h^3/12) T(g,g) remains: the measured local order is 3.00, that of IGR, not 4",
)
principal_is_of_third_order = Check(
    law="principal_flow.local_error.principal",
    rung="flow",
    measure=flows.principal_local_order,
    observable=lambda value, **values: order_of("principal_flow.local_error.principal", value, values),
    cases={
        "slope": {"learning_rate": 0.21, "third_derivative_contraction": _THIRD},
        "complex-start": Case(
            {"learning_rate": 0.21, "third_derivative_contraction": _THIRD}, settings={"imaginary": 0.4}
        ),
        "hermitian": Case(
            {"learning_rate": 0.21, "third_derivative_contraction": _THIRD},
            settings={"imaginary": 0.4, "hermitian": True},
            expected=REFUTED,
            reason="conj(V)^T g with unit vectors is no component at complex points: measured order 1.00",
        ),
    },
    margin=Margin(absolute=0.05),
    mutants=(),
)
corrected_order = Check(
    law="principal_flow.local_error.principal",
    rung="flow",
    measure=flows.principal_local_order,
    observable=lambda value, **_: 4.0,
    cases={
        "corrected": Case({"learning_rate": 0.21, "third_derivative_contraction": _THIRD}, settings={"weight": 1 / 12}),
        "wrong-sign": Case(
            {"learning_rate": 0.21, "third_derivative_contraction": _THIRD},
            settings={"weight": -1 / 12},
            expected=REFUTED,
            reason="with + (h^2/12) T(g,g) the measured slope stays 3.00",
        ),
    },
    margin=Margin(absolute=0.1),
    mutants=(),
)
_UNSEEN = "below x = 1 the logarithm is real"
quadratic = Check(
    law="principal_flow.quadratic_solution",
    rung="flow",
    measure=flows.quadratic_flow,
    cases={
        "x=0.62": Case(
            {"learning_rate": 0.4, "curvature": 1.55, "initial_value": 0.9, "steps": 2.6},
            spared={"i pi missing": _UNSEEN},
        ),
        "x=1.46": {"learning_rate": 0.4, "curvature": 3.65, "initial_value": 0.9, "steps": 2.6},
        "x=2.44": {"learning_rate": 0.4, "curvature": 6.1, "initial_value": 0.9, "steps": 1.7},
        "x=-1.2": Case(
            {"learning_rate": 0.4, "curvature": -3.0, "initial_value": 0.9, "steps": 1.6},
            spared={"i pi missing": _UNSEEN},
        ),
    },
    margin=Margin(absolute=0.002),
)
loss_rate = Check(
    law="principal_flow.loss_rate",
    rung="flow",
    measure=flows.loss_rate,
    cases={"mixed": {"learning_rate": 0.4, "curvatures": [3.9, 1.3, -0.8], "gradient_components": [0.7, -1.1, 0.4]}},
    margin=FINE,
)

_CHAIN_MARGIN = Margin(relative=0.005, absolute=0.0005)
growth_gd = Check(
    law="principal_flow.growth_exponent.gd",
    rung="chain",
    measure=growth.growth,
    settings={"method": "gd"},
    cases={f"x={x}": {"scaled_curvature": x} for x in (-0.7, 0.43, 1.37, 2.61)},
    margin=_CHAIN_MARGIN,
)
regime = Check(
    law="principal_flow.stability_regime",
    rung="chain",
    measure=growth.growth_sign,
    cases={
        "x=1.7": Case({"scaled_curvature": 1.7}, spared={"threshold 4": "agrees below 2"}),
        "x=2.6": Case({"scaled_curvature": 2.6}, spared={"threshold 1": "agrees above 2"}),
        "x=-0.8": Case(
            {"scaled_curvature": -0.8},
            spared={"threshold 1": "agrees below 1", "threshold 4": "agrees below 2"},
        ),
    },
    margin=Margin(absolute=0.1),
)


def _attraction(value: float, *, scaled_curvature: float, **_: Any) -> float:
    """Sign of the growth along the flow thetadot = alpha lambda theta."""
    return 1.0 if value * scaled_curvature > 0 else -1.0


truncations_miss_the_instability = Check(
    law="principal_flow.truncation_keeps_minima",
    rung="chain",
    measure=growth.loses_height,
    observable=_attraction,
    cases={f"N={order}": {"scaled_curvature": 2.4, "order": order} for order in (1, 2, 3, 6)},
    margin=Margin(absolute=0.1),
    expected=REFUTED,
    reason="gradient descent with h lambda = 2.4 leaves the minimum (measured sign of growth +1, the "
    "claim's -1); no truncated real flow shows it",
)
igr_attracts_at_a_steep_saddle = Check(
    law="principal_flow.coefficient.truncated",
    rung="chain",
    measure=growth.loses_height,
    observable=_attraction,
    cases={"x=-2.5": {"scaled_curvature": -2.5, "order": 2}, "x=-1.8,N=4": {"scaled_curvature": -1.8, "order": 4}},
    margin=Margin(absolute=0.1),
    expected=REFUTED,
    reason="below its zero the even truncation attracts along a direction from which gradient descent escapes: "
    "measured sign of growth +1, the claim's -1",
)
principal_attracts_and_repels_as_gd = Check(
    law="principal_flow.stability_regime",
    rung="chain",
    measure=growth.loses_height,
    observable=_attraction,
    cases={f"x={x}": {"scaled_curvature": x} for x in (-2.5, -1.8, 1.4, 2.4)},
    margin=Margin(absolute=0.1),
    mutants=(),
)
where_igr_attracts = Check(
    law="principal_flow.coefficient.truncated_sign_change",
    rung="flow",
    measure=flows.sign_change,
    cases={"order=2": {"order": 2}},
    margin=Margin(absolute=0.001),
)
corrected_constant = Check(
    law="principal_flow.local_error.principal_corrected",
    rung="flow",
    measure=flows.corrected_local_error,
    cases={
        "2d": {"loss": "x^4/4 - x^2*y + y^3/3 + 0.7*y^2", "point": [0.83, -0.46], "learning_rate": 0.23},
    },
    margin=FINE,
)


def _real_part(value: Any, **_: Any) -> float:
    return value[0] if isinstance(value, list) else value


more_orders_help_beyond_one = Check(
    law="principal_flow.coefficient.truncated",
    rung="chain",
    measure=growth.alpha,
    observable=_real_part,
    cases={f"x={x},N={order}": {"scaled_curvature": x, "order": order} for x in (-1.6, 1.6) for order in (3, 6, 12)},
    margin=Margin(relative=0.02),
    expected=REFUTED,
    reason="the series has radius 1: beyond |h lambda| = 1 the truncations move away from gradient descent: "
    "claimed over measured exponent 1.8, -0.7, -13.6 (N = 3, 6, 12 at x = -1.6) and 8.3, 21, 153 at x = 1.6",
    rival="principal_flow.coefficient.principal",
)
