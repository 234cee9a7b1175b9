"""Checks of the modified fields of Adam and RMSProp, and of cyclic learning rates."""

from __future__ import annotations

from typing import Any

from checks.check import Check, Margin
from checks.principal_flow import manifold

FINE = Margin(relative=0.01)
_GRADIENT = [0.83, -0.57]
_HESSIAN = [[1.37, 0.42], [0.42, -0.81]]


def _adaptive_term(
    value: list[float], *, learning_rate: float, gradient: list[float], epsilon: float, outside: bool = False, **_: Any
) -> list[float]:
    first = manifold.adaptive_first("adam-outside" if outside else "adam", gradient, epsilon)
    return [(v - f) / learning_rate for v, f in zip(value, first)]


def _outside_term(value: list[float], **values: Any) -> list[float]:
    return _adaptive_term(value, outside=True, **values)


_ADAM = {
    "learning_rate": 0.05, "momentum": 0.63, "second_moment_decay": 0.81, "epsilon": 0.27,
    "gradient": _GRADIENT, "hessian": _HESSIAN,
}  # fmt: skip
adam_inside = Check(
    law="principal_flow.modified_field.adam.epsilon_inside",
    rung="chain",
    measure=manifold.adaptive_term,
    observable=_adaptive_term,
    settings={"method": "adam"},
    cases={"2d": _ADAM},
    margin=Margin(relative=0.01, absolute=0.002),
)
adam_outside = Check(
    law="principal_flow.modified_field.adam.epsilon_outside",
    rung="chain",
    measure=manifold.adaptive_term,
    observable=_outside_term,
    settings={"method": "adam-outside"},
    cases={"2d": _ADAM},
    margin=Margin(relative=0.01, absolute=0.002),
)
rmsprop = Check(
    law="principal_flow.modified_field.rmsprop",
    rung="chain",
    measure=manifold.adaptive_term,
    observable=_adaptive_term,
    settings={"method": "adam"},
    cases={"2d": {k: v for k, v in _ADAM.items() if k != "momentum"}},
    margin=Margin(relative=0.01, absolute=0.002),
)
cyclic = Check(
    law="principal_flow.modified_loss.cyclic_two_rates",
    rung="chain",
    measure=manifold.cyclic_loss,
    cases={"1:4": {"first_learning_rate": 0.13, "second_learning_rate": 0.52}},
    margin=FINE,
)
