"""Discrete laws to rounding on real training runs: torch.optim.SGD, minibatches of digits, decay and momentum."""

from __future__ import annotations

from dataclasses import replace

from checks.check import REFUTED, Case, Check, Margin
from checks.symmetry import networks, runs
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
    reason="SGD multiplies the charge by 1 - 2 eta wd, not by exp(-2 eta wd), in every step: O(eta wd) off, "
    "measured over claimed charge at the end 0.9984 (both networks)",
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
        "relu-float32": replace(
            recorded(runs.one_step, "second layer", "relu", **_DECAY, single=True),
            spared=dict.fromkeys(_SMALL, "below the rounding of float32"),
        )
    },
    margin=Margin(relative=1e-4),
)  # fmt: skip

_POINT = {"first_weight": 0.83, "second_weight": -1.17, "input": 0.74, "target": 0.39}
orthogonality = Check(
    law="symmetry.noether.orthogonality",
    rung="net",
    measure=networks.largest_cosine,
    cases={label: Case(_POINT, settings={"network": net, "form": form}) for label, (form, net) in _PLACES.items()},
    margin=Margin(absolute=1e-12),
)
no_symmetry = Check(
    law="symmetry.noether.orthogonality",
    rung="net",
    measure=networks.largest_cosine,
    cases={
        "tanh-first": Case(
            _POINT,
            settings={"network": "tanh", "form": "first layer"},
            reason="tanh has no rescaling symmetry: |g . A theta| is 0.039 of its scale",
        ),
        "relu-without-bias": Case(
            _POINT,
            settings={"network": "relu", "form": "first layer without bias"},
            reason="the bias of a ReLU unit scales with its incoming weights and belongs to the generator: |g . A theta| "
            "is 0.037 of its scale without it",
        ),
    },
    margin=Margin(absolute=1e-3),
    expected=REFUTED,
    reason="no symmetry of this network",
)
hessian = Check(
    law="symmetry.noether.hessian",
    rung="net",
    measure=networks.hessian_share,
    observable=networks.share_of_generator,
    cases={label: Case(_POINT, settings={"network": net, "form": form}) for label, (form, net) in _PLACES.items()},
    margin=Margin(absolute=1e-11),
)
_UNDECAYED = {"learning_rate": 0.1}
charges = Check(
    law="symmetry.noether.kinds",
    rung="net",
    measure=runs.outcome,
    cases={
        "scale": replace(
            recorded(networks.scaled_filter, "filters", "batch-norm", **_UNDECAYED),
            spared={"sum of squares for every kind": "the charge of a scale symmetry is the sum of squares"},
        ),
        "rescale": recorded(networks.rescaled_gain, "gains", "batch-norm", **_UNDECAYED),
        "translation": recorded(networks.shifted_logits, "", "softmax", **_UNDECAYED),
    },
    margin=EXACT,
)
unit = Check(
    law="symmetry.noether.relu_unit",
    rung="net",
    measure=runs.outcome,
    cases={
        place[0].replace(" ", "-"): recorded(networks.biased_unit, *place, **_UNDECAYED)
        for place in list(_PLACES.values())[:2]
    },
    margin=EXACT,
)
factors = Check(
    law="symmetry.discrete.matrix_step",
    rung="net",
    measure=runs.outcome,
    cases={
        "linear": replace(
            recorded(networks.factor_step, "", "linear", learning_rate=0.3, weight_decay=0.04, steps=20),
            spared={"one g transposed": "g is not square here, its transpose does not fit"},
        ),
        "attention": recorded(networks.factor_step, "", "attention", learning_rate=0.7, weight_decay=0.04, steps=20),
    },
    margin=Margin(model=networks.largest_entry),
)
stationary = Check(
    law="symmetry.discrete.stationarity",
    rung="net",
    measure=runs.outcome,
    cases={
        "batch-norm-filter": recorded(
            networks.stationary_filter, "filters", "batch-norm", learning_rate=0.2, weight_decay=0.5, batch_size=300,
            steps=900, decayed=("first.weight",), whole_every=30,
        )
    },
    margin=Margin(relative=0.01),
)  # fmt: skip
count_relu = Check(
    law="symmetry.count.relu",
    rung="net",
    measure=networks.relu_count,
    cases={"3-3-2": {"widths": [3, 3, 2], "bias": "with"}, "4-2-3": {"widths": [4, 2, 3], "bias": "with"}},
    settings={"samples": 400},
    margin=Margin(absolute=0.1),
)
count_softmax = Check(
    law="symmetry.count.softmax",
    rung="net",
    measure=networks.softmax_count,
    cases={"4x5": {"classes": 4, "features": 5}, "5x3": {"classes": 5, "features": 3}},
    settings={"samples": 400},
    margin=Margin(absolute=0.1),
)
hessian_trace = Check(
    law="symmetry.two_layer_linear.hessian_trace",
    rung="net",
    measure=networks.trace_of_hessian,
    cases={"digits": recorded(networks.digit_factors, "", "linear", learning_rate=0.0)},
    margin=Margin(relative=1e-9),
)
convolution = Check(
    law="symmetry.conv.charge",
    rung="net",
    measure=runs.outcome,
    cases={
        activation: recorded(networks.convolution_run, "", activation, learning_rate=0.05, steps=60)
        for activation in ("linear", "relu")
    },
    margin=EXACT,
)
