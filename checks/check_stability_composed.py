"""Checks of mixtures, batches through the characteristic function, the phase as a fate, and the largest batch."""

from __future__ import annotations

from typing import Any

from checks.check import Case, Check, Margin
from checks.stability import composed
from numerics.statistics import Mean, Plan, Probability

GROWTH = Margin(relative=0.02, absolute=0.003)
_MIXTURE = {
    "probability": 0.37,
    "curvature_mean": 1.43,
    "curvature_std": 0.46,
    "second_mean": -0.92,
    "second_std": 0.71,
}

mixture = Check(
    law="stability.exponent.mixture",
    rung="chain",
    simulate=composed.mixture_growth,
    statistic=Mean(),
    cases={
        "one sample": Case(
            {"learning_rate": 0.83, **_MIXTURE},
            spared={"mixture of batches": "equal at batch size 1"},
        ),
        "batch=2": {"learning_rate": 1.21, **_MIXTURE, "batch_size": 2},
    },
    margin=GROWTH,
    plan=Plan(first=16384, looks=6),
)
_SAME_AT_ONE = {"phi(-eta t)^B": "equal at batch size 1"}
characteristic = Check(
    law="stability.exponent.characteristic",
    rung="chain",
    simulate=composed.text_growth,
    statistic=Mean(),
    cases={
        "laplace, batch=3": {"learning_rate": 1.27, "curvature": "Laplace(0.4, 0.7)", "batch_size": 3},
        "reflected exponential, batch=2": {
            "learning_rate": 1.61, "curvature": "0.3 - Exponential(0.8)", "batch_size": 2,
        },
        "semicircle": Case(
            {"learning_rate": 1.13, "curvature": "Semicircle(-0.2, 1.9)", "batch_size": 1}, spared=_SAME_AT_ONE
        ),
    },
    margin=GROWTH,
    plan=Plan(first=16384, looks=6),
)  # fmt: skip

_SPARED = {
    "collapse": {"only plus decides collapse": "decides alike in the collapse phase"},
    "correct": {
        "only plus decides collapse": "decides alike in the correct phase",
        "the Hessian decides: never collapse": "decides alike in the correct phase",
    },
}


def _phase(rung: str, steps: int, points: dict[str, dict[str, Any]]) -> Check:
    return Check(
        law="stability.phase.scalar_net",
        rung=rung,
        simulate=composed.fates,
        statistic=Probability(),
        cases={label: Case(values, spared=_SPARED.get(label, {})) for label, values in points.items()},
        settings={"sgd": rung == "sgd", "steps": steps},
        margin=Margin(absolute=0.03),
        observable=composed.fates_of_phase,
        plan=Plan(first=1024, looks=4),
        chunk=1024,
    )


_POINTS = {
    "correct": {"learning_rate": 0.31, "curvature_mean": 0.83, "curvature_std": 0.57},
    "collapse": {"learning_rate": 0.73, "curvature_mean": 0.03, "curvature_std": 1.02},
    "neither": {"learning_rate": 2.13, "curvature_mean": 0.09, "curvature_std": 1.02},
}
phase_as_fate = _phase("chain", 800, _POINTS)
phase_as_fate_sgd = _phase("sgd", 400, _POINTS)


def _largest_batch(rung: str) -> Check:
    return Check(
        law="stability.maximum_batch.normal",
        rung=rung,
        simulate=composed.collapsing_batches if rung == "chain" else composed.collapsing_batches_of_sgd,
        statistic=Probability(),
        cases={"generic": {"curvature_mean": -0.33, "curvature_std": 1.23}},
        settings={"batches": (1, 2), "steps": 5000},
        margin=Margin(absolute=0.03),
        observable=lambda largest, **_: [float(size <= largest) for size in (1, 2)],
        plan=Plan(first=512, looks=3),
        chunk=512,
    )


largest_batch, largest_batch_sgd = _largest_batch("chain"), _largest_batch("sgd")

type_one_chain = Check(
    law="stability.type_one.linear_noise",
    rung="chain",
    simulate=composed.kicked_out,
    statistic=Mean(),
    cases={"start at the saddle": {"noise_std": 1.23}},
    settings={"learning_rate": 0.004, "steps": 60},
    margin=Margin(relative=0.03),
    plan=Plan(first=65536, looks=6),
)
