"""Checks of the orders of truncated flows over random losses: slopes and leading constants, local and global."""

from __future__ import annotations

from typing import Any

from checks.check import Case, Check, Margin
from checks.principal_flow import orders

_FIRST = {"N in place of N+1": "order 0 is no field"}

local_constants = Check(
    law="principal_flow.local_error.truncated",
    rung="flow",
    measure=orders.local_constant,
    cases={
        f"N={order},loss={seed}": Case(
            {"gradient_jet": orders.random_jet(seed), "learning_rate": 0.17, "order": order},
            spared=_FIRST if order == 1 else {},
        )
        for order in range(1, 7)
        for seed in (1, 2, 3)
    },
    margin=Margin(relative=0.002),
)


def _one_more(value: float, **values: Any) -> float:
    return orders.order_of("principal_flow.local_error.truncated", value, values)


local_slopes = Check(
    law="principal_flow.local_error.truncated",
    rung="flow",
    measure=orders.local_slopes,
    observable=_one_more,
    settings={"losses": 12},
    cases={
        f"N={order}": {"gradient_jet": orders.random_jet(1), "learning_rate": 0.17, "order": order}
        for order in range(1, 7)
    },
    margin=Margin(absolute=0.05),
    mutants=(),
)
_GLOBAL = {
    f"N={order},loss={seed}": {
        "gradient_jet": orders.random_jet(seed), "learning_rate": 0.17, "order": order, "end_point": end,
    }
    for order in range(1, 7)
    for seed, end in ((1, -0.25), (2, 0.35))
}  # fmt: skip
global_constants = Check(
    law="principal_flow.global_error.truncated",
    rung="flow",
    measure=orders.global_constant,
    cases=_GLOBAL,
    margin=Margin(relative=0.01),
)


def _same(value: float, **values: Any) -> float:
    return orders.order_of("principal_flow.global_error.truncated", value, values)


global_slopes = Check(
    law="principal_flow.global_error.truncated",
    rung="flow",
    measure=orders.global_slope,
    observable=_same,
    cases=_GLOBAL,
    margin=Margin(absolute=0.02),
    mutants=(),
)
