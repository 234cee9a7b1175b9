"""Discrete laws to rounding on real training runs: torch.optim.SGD, minibatches of digits, decay and momentum."""

from __future__ import annotations

from checks.check import REFUTED, Case, Check, Margin
from checks.symmetry import runs
from checks.symmetry.runs import EXACT, recorded

_DECAY = {"learning_rate": 0.1, "weight_decay": 0.02}
_FAST = {"learning_rate": 0.1, "weight_decay": 0.02, "momentum": 0.83}
_FREE = {"learning_rate": 0.04, "momentum": 0.83}
_PLACES = {
    "relu-first": ("first layer", "relu"),
    "relu-second": ("second layer", "relu"),
    "batch-norm-filters": ("filters", "batch-norm"),
    "batch-norm-gains": ("gains", "batch-norm"),
}

step = Check(
    law="symmetry.discrete.charge_step",
    rung="net",
    measure=runs.outcome,
    cases={label: recorded(runs.one_step, *place, **_DECAY) for label, place in _PLACES.items()},
    margin=EXACT,
)
whole_run = Check(
    law="symmetry.discrete.charge_sum",
    rung="net",
    measure=runs.outcome,
    cases={label: recorded(runs.whole_run, *place, **_DECAY) for label, place in _PLACES.items()}
    | {
        f"{label}-updates": recorded(runs.whole_run_of_updates, *place, **_DECAY)
        for label, place in list(_PLACES.items())[::2]
    },
    margin=EXACT,
)
exponential = Check(
    law="symmetry.discrete.exponential_sum",
    rung="net",
    measure=runs.outcome,
    cases={
        f"{label}-1%": recorded(runs.exponential, *_PLACES[label], **_DECAY)
        for label in ("relu-first", "batch-norm-filters")
    },
    margin=Margin(relative=0.01),
)
exponential_to_rounding = Check(
    law="symmetry.discrete.exponential_sum",
    rung="net",
    measure=runs.outcome,
    cases={
        f"{label}-1e-6": recorded(runs.exponential, *_PLACES[label], **_DECAY)
        for label in ("relu-first", "batch-norm-filters")
    },
    margin=Margin(relative=1e-6),
    expected=REFUTED,
    reason="SGD multiplies the charge by 1 - 2 eta wd, not by exp(-2 eta wd), in every step: O(eta wd) off at the end",
    rival=runs.exact_sum,
)
heavy_ball_step = Check(
    law="symmetry.momentum.charge_step",
    rung="net",
    measure=runs.outcome,
    cases={label: recorded(runs.heavy_ball_step, *place, **_FAST) for label, place in _PLACES.items()},
    margin=EXACT,
)
heavy_ball_run = Check(
    law="symmetry.momentum.charge_sum",
    rung="net",
    measure=runs.outcome,
    cases={label: recorded(runs.heavy_ball_run, *place, **_FREE) for label, place in _PLACES.items()},
    margin=EXACT,
)
column_sums = Check(
    law="symmetry.discrete.translation",
    rung="net",
    measure=runs.outcome,
    cases={"softmax": recorded(runs.column_sums, "", "softmax", **_DECAY)},
    margin=EXACT,
)
heavy_ball_column_sums = Check(
    law="symmetry.momentum.translation_charge",
    rung="net",
    measure=runs.outcome,
    cases={"softmax": recorded(runs.column_sums, "", "softmax", **_FAST)},
    margin=EXACT,
)
_SMALL = ("1 - 2 eta wd with the raw gradient", "decay inside the form")
single_precision = Check(
    law="symmetry.discrete.charge_step",
    rung="net",
    measure=runs.outcome,
    cases={
        "relu-float32": Case(
            recorded(runs.one_step, "second layer", "relu", **_DECAY, single=True).values,
            spared=dict.fromkeys(_SMALL, "below the rounding of float32"),
        )
    },
    margin=Margin(relative=1e-4),
)  # fmt: skip
