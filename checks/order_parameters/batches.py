"""Experiments of the minibatch collapse: which rates bring another batch size to the same overlaps."""

from __future__ import annotations

import functools
from typing import Any

import torch

from checks.order_parameters.means import committee
from numerics.committee import Overlaps, brute_force, projected_chain
from numerics.committee_field import pack
from numerics.ensemble import Chunk

STATE: dict[str, Any] = {
    "activation": "erf",
    "student_overlap": [[0.9]],
    "teacher_student_overlap": [[-0.3]],
    "teacher_overlap": [[1.3]],
    "student_second_layer": [0.8],
    "teacher_second_layer": [2.0],
    "noise_variance": 0.6,
}

# Replicas of the other batch size have streams of their own, the same ones at all trial values of a rate.
_OTHER_STREAM = 7919


def matching(
    chunk: Chunk, *, learning_rate: float, batch_size: int, other_batch_size: int, second_layer_learning_rate: float,
    weight_decay_rate: float, time: float, dimension: int, trials: dict[str, tuple[float, ...]],
    varied: tuple[str, ...], brute: bool = False,
) -> torch.Tensor:  # fmt: skip
    """Return overlaps at the other batch size minus those at the first, at trial values of each rate and of the time.

    ``trials`` holds values of "rate", "layer" (its rate), "decay" and "time" (steps over d); those ``varied`` are
    varied one at a time, the others kept at the middle of their values. The rate and the decay are matched on Q, the
    layer's rate on a, the time on M.
    """
    run = brute_force if brute else projected_chain

    def overlaps(generator: Chunk, batch: int, rates: tuple[float, ...]) -> torch.Tensor:
        eta, second, decay, duration = rates
        values = STATE | {
            "learning_rate": eta,
            "second_layer_learning_rate": second,
            "weight_decay_rate": decay,
            "batch_size": batch,
        }
        begin = values["student_overlap"], values["teacher_student_overlap"]
        end = run(generator, committee(values), *begin, dimension, round(duration * dimension))
        return pack(end.q, end.m, end.a)

    first = overlaps(chunk, batch_size, (learning_rate, second_layer_learning_rate, weight_decay_rate, time))
    middle = {name: group[len(group) // 2] for name, group in trials.items()}

    @functools.cache
    def shifted(rates: tuple[float, ...]) -> torch.Tensor:
        same = Chunk(chunk.replicas, chunk.seed + _OTHER_STREAM, chunk.device)
        return overlaps(same, other_batch_size, rates) - first

    columns = []
    for name in varied:
        for trial in trials[name]:
            rates = middle | {name: trial}
            found = shifted(tuple(rates[key] for key in _FUNCTIONALS))
            columns.append(torch.tensor(_FUNCTIONALS[name], dtype=torch.float64) @ found)
    return torch.stack(columns, 1)


# Functionals of (Q, M, a) on which each rate is matched.
_FUNCTIONALS = {"rate": (1.0, 0.0, 0.0), "layer": (0.0, 0.0, 1.0), "decay": (1.0, 0.0, 0.0), "time": (0.0, 1.0, 0.0)}


def linear_matching(
    chunk: Chunk, *, learning_rate: float, batch_size: int, other_batch_size: int, samples: int, dimension: int,
    trials: tuple[float, ...], second_layer_learning_rate: float = 0.0, weight_decay_rate: float = 0.0,
) -> torch.Tensor:  # fmt: skip
    """Return the error of a linear unit at the other batch size over that at the first minus one, at trial rates.

    Nothing but the first layer is trained, without weight decay.
    """

    def error(generator: Chunk, batch: int, eta: float) -> torch.Tensor:
        values = {
            "activation": "linear",
            "student_overlap": [[0.5]],
            "teacher_student_overlap": [[0.0]],
            "teacher_overlap": [[1.0]],
            "learning_rate": eta,
            "batch_size": batch,
        }
        begin = values["student_overlap"], values["teacher_student_overlap"]
        end: Overlaps = projected_chain(generator, committee(values), *begin, dimension, samples // batch)
        return (end.q[0, 0] - 2 * end.m[0, 0] + 1.0) / 1.5

    first = error(chunk, batch_size, learning_rate)
    columns = []
    for eta in trials:
        same = Chunk(chunk.replicas, chunk.seed + _OTHER_STREAM, chunk.device)
        columns.append(error(same, other_batch_size, eta) - first)
    return torch.stack(columns, 1)
