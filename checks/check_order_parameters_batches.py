"""Checks of the minibatch collapse: the rates at another batch size that give the same overlaps."""

from __future__ import annotations

import math
from typing import Any

from checks.check import REFUTED, Case, Check, Margin
from checks.order_parameters import batches
from numerics.statistics import Crossing, Plan

_LAW = "order_parameters.mapping.minibatch"


def _around(centre: float, share: float) -> tuple[float, ...]:
    return ((1 - share) * centre, centre, (1 + share) * centre)


_PLACES = {"rate": 0, "layer": 1, "decay": 2, "time": 3}


def _pairs_of_samples(
    prediction: list[float], *, batch_size: int, other_batch_size: int, dimension: int, **_: Any
) -> list[float]:
    """Different samples of a batch raise the noise term by at most (B - 1)/d of itself (Cauchy-Schwarz)."""
    return [abs(other_batch_size - batch_size) / dimension * x for x in prediction]


def _collapse(
    rung: str, label: str, rates: dict[str, float], batch: int, other: int, dimension: int,
    varied: tuple[str, ...] = ("rate", "layer", "decay", "time"),
) -> Check:  # fmt: skip
    """Vary each rate and the time at the other batch size around the collapse, and find where the overlaps agree."""
    r = other / batch
    trials = {
        "rate": _around(rates["learning_rate"] * r, 0.2),
        "layer": _around(rates["second_layer_learning_rate"] * r, 0.3),
        "decay": _around(rates["weight_decay_rate"] * r, 0.5),
        "time": _around(rates["time"] / r, 0.2),
    }
    missing = {"rate": (), "layer": ("layer unchanged",), "decay": ("decay unchanged",), "time": ("time unchanged",)}
    return Check(
        law=_LAW,
        rung=rung,
        simulate=batches.matching,
        statistic=Crossing(tuple(trials[name] for name in varied)),
        cases={label: {**rates, "batch_size": batch, "other_batch_size": other, "dimension": dimension}},
        settings={"trials": trials, "varied": varied, "brute": rung == "sgd"},
        observable=lambda value, **_: [value[_PLACES[name]] for name in varied],
        margin=Margin(relative=0.03, model=_pairs_of_samples),
        plan=Plan(first=2048, looks=4),
        chunk=2048,
        spared={
            mutant: "not varied here; the chain refutes it"
            for name, mutants in missing.items()
            for mutant in mutants
            if name not in varied
        },
    )


_RATES = {"learning_rate": 1.2, "second_layer_learning_rate": 0.5, "weight_decay_rate": 0.4, "time": 0.6}
collapse = _collapse("chain", "B=2 and 8", _RATES, 2, 8, 400)
collapse_fast = _collapse("chain", "B=1 and 6", _RATES | {"learning_rate": 0.9}, 1, 6, 500)
collapse_sgd = _collapse("sgd", "B=2 and 4", _RATES, 2, 4, 100, ("rate", "time"))


def _linear_rate(**values: float) -> list[float]:
    """Rate at which the exact mean error of a linear unit at d falls as much with the other batch size.

    One step multiplies the error by 1 - 2 eta/d + eta^2 (d + B + 1)/(B d^2); the smaller of the two rates.
    """
    d, b, other = _LINEAR["dimension"], values["batch_size"], values["other_batch_size"]
    x = values["learning_rate"] / d
    wanted = (1 - 2 * x + x * x * (d + b + 1) / b) ** (other / b)
    square = (d + other + 1) / other
    return [d * (1 - math.sqrt(1 - square * (1 - wanted))) / square]


_LINEAR = {"learning_rate": 0.5, "batch_size": 2, "other_batch_size": 40, "dimension": 20}
_TRIALS = _around(9.3, 0.16)
scaling_rule_at_small_dimension = Check(
    law=_LAW,
    rung="chain",
    simulate=batches.linear_matching,
    statistic=Crossing((_TRIALS,)),
    cases={
        "B'=2d": Case(
            {**_LINEAR, "second_layer_learning_rate": 0.0, "weight_decay_rate": 0.0},
            expected=REFUTED,
            reason="the rate in proportion to the batch (linear scaling rule) fails once it is of the order of d: "
            "pairs of different samples of a batch add (eta/d)^2, which no batch size averages out",
        )
    },
    settings={"samples": 80, "trials": _TRIALS},
    observable=lambda value, **_: value[:1],
    rival=_linear_rate,
    margin=Margin(relative=0.015),
    plan=Plan(first=16384, looks=4),
    chunk=16384,
    mutants=(),
)
