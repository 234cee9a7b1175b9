"""Checks of the modified fields on a real network: one hidden unit of a tanh network on the digits moves."""

from __future__ import annotations

from typing import Any

import theory
from checks.check import REFUTED, Check, Margin
from checks.principal_flow import slices

_FINE = Margin(relative=0.01, absolute=2e-5)
# the library keeps a transient of its averages, which the error of the measurement includes
_ADAPTIVE = Margin(relative=0.01, absolute=1e-4)
_POINT = {"learning_rate": 0.3, "gradient": slices.GRADIENT, "hessian": slices.HESSIAN}


def _second(value: list[float], *, learning_rate: float, gradient: list[float], **_: Any) -> list[float]:
    return [(v + g) / learning_rate for v, g in zip(value, gradient)]


def _third(
    value: list[float], *, learning_rate: float, gradient: list[float], hessian: list[list[float]], **_: Any
) -> list[float]:
    h = learning_rate
    product = [sum(a * g for a, g in zip(row, gradient)) for row in hessian]
    return [(v + g + h / 2 * p) / h**2 for v, g, p in zip(value, gradient, product)]


second_order = Check(
    law="principal_flow.modified_field.second_order",
    rung="net",
    measure=slices.field_term,
    observable=_second,
    settings={"power": 1},
    cases={"digits": _POINT},
    margin=_FINE,
)
third_order = Check(
    law="principal_flow.modified_field.third_order",
    rung="net",
    measure=slices.field_term,
    observable=_third,
    settings={"power": 2},
    cases={"digits": {**_POINT, "third_derivative_contraction": slices.THIRD}},
    margin=_FINE,
)
drift = Check(
    law="principal_flow.drift.per_step",
    rung="net",
    measure=slices.drift,
    cases={"digits": _POINT},
    margin=_FINE,
)


def _momentum(name: str, method: str) -> Check:
    return Check(
        law=f"principal_flow.modified_loss.{name}",
        rung="net",
        measure=slices.momentum_loss,
        settings={"method": method},
        cases={"digits": {"learning_rate": 0.1, "momentum": 0.56}},
        margin=_FINE,
    )


loss_heavy_ball = _momentum("heavy_ball", "heavy-ball")
loss_nesterov = _momentum("nesterov", "nesterov")


def _inside(value: list[float], *, learning_rate: float, epsilon: float, **_: Any) -> list[float]:
    first = slices.first_term(epsilon, outside=False)
    return [(v - f) / learning_rate for v, f in zip(value, first)]


def _outside(value: list[float], *, learning_rate: float, epsilon: float, **_: Any) -> list[float]:
    first = slices.first_term(epsilon, outside=True)
    return [(v - f) / learning_rate for v, f in zip(value, first)]


_ADAM = {**_POINT, "learning_rate": 0.05, "momentum": 0.37, "second_moment_decay": 0.58, "epsilon": 0.23}
_RMSPROP = {key: value for key, value in _ADAM.items() if key != "momentum"}
adam_inside = Check(
    law="principal_flow.modified_field.adam.epsilon_inside",
    rung="net",
    measure=slices.adaptive_term,
    observable=_inside,
    settings={"method": "adam"},
    cases={"digits": _ADAM},
    margin=_ADAPTIVE,
)
rmsprop = Check(
    law="principal_flow.modified_field.rmsprop",
    rung="net",
    measure=slices.adaptive_term,
    observable=_inside,
    settings={"method": "adam"},
    cases={"digits": _RMSPROP},
    margin=_ADAPTIVE,
)
adam_of_the_library = Check(
    law="principal_flow.modified_field.adam.epsilon_outside",
    rung="net",
    measure=slices.library_term,
    observable=_outside,
    settings={"library": "adam"},
    cases={"digits,torch.optim.Adam": _ADAM},
    margin=_ADAPTIVE,
)


def _without_momentum(**values: Any) -> Any:
    """Adam with epsilon outside and no momentum."""
    return theory.law("principal_flow.modified_field.adam.epsilon_outside")(momentum=0.0, **values)


rmsprop_of_the_library = Check(
    law="principal_flow.modified_field.rmsprop",
    rung="net",
    measure=slices.library_term,
    observable=_outside,
    settings={"library": "rmsprop"},
    cases={"digits,torch.optim.RMSprop": _RMSPROP},
    margin=_ADAPTIVE,
    expected=REFUTED,
    reason="the library adds epsilon outside the root; the law has it inside: measured second term -0.033, the claimed "
    "one 0.83",
    rival=_without_momentum,
)


def _epoch(value: float, *, learning_rate: float, **_: Any) -> float:
    """Second term of an epoch: the field's own plus m/2 times the pull of a flow over the epoch."""
    m = len(slices.BATCH_GRADIENTS)
    slope = sum(slices.BATCH_GRADIENTS) / m
    return (value + slope) / learning_rate + slope * sum(slices.BATCH_CURVATURES) / 2


_BATCHES = {
    "rung": "net",
    "measure": slices.epoch_term,
    "observable": _epoch,
    "cases": {
        "digits,m=3": {
            "learning_rate": 0.1,
            "batch_gradients": slices.BATCH_GRADIENTS,
            "batch_curvatures": slices.BATCH_CURVATURES,
        }
    },
    "margin": _FINE,
}
shuffled = Check(law="principal_flow.modified_field.sgd_shuffled", settings={"shuffled": True}, **_BATCHES)
iid = Check(law="principal_flow.modified_field.sgd_iid", settings={"shuffled": False}, **_BATCHES)
iid_flow_for_shuffled = Check(
    law="principal_flow.modified_field.sgd_iid",
    settings={"shuffled": True},
    expected=REFUTED,
    reason="the mean over the permutations of three batches of digits has no pairs j = k: "
    "measured second term 0.00082, the claimed one -0.0051",
    rival="principal_flow.modified_field.sgd_shuffled",
    **_BATCHES,
)
shuffled_flow_for_iid = Check(
    law="principal_flow.modified_field.sgd_shuffled",
    settings={"shuffled": False},
    expected=REFUTED,
    reason="batches of digits drawn with replacement follow the iid field: measured second term -0.0051, the "
    "claimed one 0.00082",
    rival="principal_flow.modified_field.sgd_iid",
    **_BATCHES,
)


def _third_of_epoch(value: float, *, learning_rate: float, **_: Any) -> float:
    """Third term of an epoch: the field's own, and what a flow over the time m h adds at this order."""
    m = len(slices.BATCH_GRADIENTS)
    g, c, t = (_mean(values) for values in (slices.BATCH_GRADIENTS, slices.BATCH_CURVATURES, slices.BATCH_THIRDS))
    pull = _mean([a * b for a, b in zip(slices.BATCH_GRADIENTS, slices.BATCH_CURVATURES)])
    bent = _mean([a * b for a, b in zip(slices.BATCH_GRADIENTS, slices.BATCH_THIRDS)])
    square = _mean([a * a for a in slices.BATCH_CURVATURES])
    own = (value + g + learning_rate / 2 * pull) / learning_rate**2
    return own + m / 4 * (c * pull + (bent + square) * g) - m**2 / 6 * (t * g * g + c * c * g)


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


shuffled_third_order = Check(
    law="principal_flow.modified_field.sgd_shuffled_third_order",
    rung="net",
    measure=slices.epoch_term,
    observable=_third_of_epoch,
    settings={"shuffled": True, "power": 2},
    cases={
        "digits,m=3": {
            "learning_rate": 0.1,
            "batch_gradients": slices.BATCH_GRADIENTS,
            "batch_curvatures": slices.BATCH_CURVATURES,
            "batch_third_derivatives": slices.BATCH_THIRDS,
        }
    },
    margin=Margin(relative=0.01, absolute=1e-5),
)
