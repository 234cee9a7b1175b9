"""Checks of the principal_flow family: the gate of every law, and the truncated modified fields."""

from __future__ import annotations

from typing import Any

import theory
from checks.check import Case, Check, Gate, Margin
from checks.principal_flow import flows, manifold, one_step
from checks.principal_flow.orders import order_of

gate = Gate(laws=tuple(law for law in theory.laws("principal_flow") if law.definition is not None))

FINE = Margin(relative=0.01)
_JET = [0.83, 1.21, -0.94, 0.71, 1.13, -0.62, 0.55]
_GRADIENT = [0.83, -0.57]
_HESSIAN = [[1.37, 0.42], [0.42, -0.81]]
_THIRD = [0.93, -1.48]


def _field(**extra: Any) -> dict[str, Any]:
    return {"learning_rate": 0.13, "gradient": _GRADIENT, "hessian": _HESSIAN, **extra}


truncated_constant = Check(
    law="principal_flow.local_error.truncated",
    rung="flow",
    measure=flows.truncated_local_error,
    cases={
        f"N={order}": Case(
            {"gradient_jet": _JET, "learning_rate": 0.17, "order": order},
            settings={"largest": largest},
            spared={"N in place of N+1": "order 0 is no field"} if order == 1 else {},
        )
        for order, largest in ((1, 0.02), (2, 0.04), (3, 0.06), (4, 0.08), (5, 0.09))
    },
    margin=FINE,
)


def _slope(value: float, **values: Any) -> float:
    return order_of("principal_flow.local_error.truncated", value, values)


truncated_order = Check(
    law="principal_flow.local_error.truncated",
    rung="flow",
    measure=flows.truncated_local_order,
    observable=_slope,
    cases={
        f"slope-N={order}": Case(
            {"gradient_jet": _JET, "learning_rate": 0.17, "order": order}, settings={"largest": largest}
        )
        for order, largest in ((1, 0.02), (2, 0.04), (3, 0.06), (4, 0.08))
    },
    margin=Margin(absolute=0.05),
    mutants=(),
)


def _second_term(value: list[float], *, learning_rate: float, gradient: list[float], **_: Any) -> list[float]:
    return [(v + g) / learning_rate for v, g in zip(value, gradient)]


def _third_term(
    value: list[float], *, learning_rate: float, gradient: list[float], hessian: list[list[float]], **_: Any
) -> list[float]:
    h = learning_rate
    product = [sum(a * g for a, g in zip(row, gradient)) for row in hessian]
    return [(v + g + h / 2 * p) / h**2 for v, g, p in zip(value, gradient, product)]


second_order = Check(
    law="principal_flow.modified_field.second_order",
    rung="flow",
    measure=flows.field_term,
    observable=_second_term,
    settings={"power": 1},
    cases={"2d": _field()},
    margin=FINE,
)
third_order = Check(
    law="principal_flow.modified_field.third_order",
    rung="flow",
    measure=flows.field_term,
    observable=_third_term,
    settings={"power": 2},
    cases={"2d": _field(third_derivative_contraction=_THIRD)},
    margin=FINE,
)
drift = Check(
    law="principal_flow.drift.per_step",
    rung="flow",
    measure=flows.drift,
    cases={"2d": _field()},
    margin=FINE,
)


def _trees(name: str, method: str) -> Check:
    momentum: dict[str, Any] = {} if method == "gd" else {"momentum": 0.34}
    return Check(
        law=f"principal_flow.tree_coefficient.{name}",
        rung="flow",
        measure=manifold.tree_coefficient,
        settings={"method": method},
        cases={
            "path": Case(
                {"tree": [0, 1, 2], **momentum},
                spared={"b(t) in place of c(t)": "the ladder has no symmetry"} if method == "gd" else {},
            ),
            "bush": {"tree": [0, 1, 1], **momentum},
        },
        margin=Margin(relative=0.02),
    )


trees_gd = _trees("gd", "gd")
trees_heavy_ball = _trees("heavy_ball", "heavy-ball")
trees_nesterov = _trees("nesterov", "nesterov")
scalar_field = Check(
    law="principal_flow.modified_field.scalar",
    rung="flow",
    measure=flows.scalar_field,
    cases={f"N={order}": {"gradient_jet": _JET, "learning_rate": 0.11, "order": order} for order in (2, 3, 4)},
    margin=Margin(relative=1e-4),
)
modifying_integrator = Check(
    law="principal_flow.tree_coefficient.modifying_integrator",
    rung="flow",
    measure=one_step.modifying_coefficient,
    cases={
        "path": Case({"tree": [0, 1, 2]}, spared={"1/gamma": "the ladder has no symmetry"}),
        "bush": {"tree": [0, 1, 1]},
    },
    margin=FINE,
)
_TABLEAU = {"stage_matrix": [[0.0, 0.0], [0.7, 0.0]], "stage_weights": [0.35, 0.6]}
runge_kutta = Check(
    law="principal_flow.tree_coefficient.runge_kutta",
    rung="flow",
    measure=one_step.runge_kutta_coefficient,
    cases={"path": {"tree": [0, 1, 2], **_TABLEAU}, "bush": {"tree": [0, 1, 1], **_TABLEAU}},
    margin=FINE,
)
