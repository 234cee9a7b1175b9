"""Escapes by simulation: how fast SGD leaves a plateau or mediocrity, from twin runs on common random numbers.

Two runs start with opposite small asymmetries and see the same inputs, so that half their difference is the response to
the asymmetry: it grows at the escape rate, and the random walk of the asymmetry itself cancels to first order.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from checks.order_parameters.means import committee
from numerics.committee import Overlaps, projected_chain
from numerics.ensemble import Chunk


def _response(
    chunk: Chunk, values: dict[str, Any], starts: list[tuple[Any, Any]], dimension: int, times: tuple[float, ...],
    asymmetry: Any,
) -> torch.Tensor:  # fmt: skip
    """Return half the difference of the asymmetries of twin runs at times that are multiples of the first."""
    every = round(times[0] * dimension)
    wanted = {round(t / times[0]) * every for t in times}
    runs = []
    for q0, m0 in starts:
        seen: list[torch.Tensor] = []

        def observe(step: int, state: Overlaps, seen: list[torch.Tensor] = seen) -> None:
            if step in wanted:
                seen.append(asymmetry(state))

        same = Chunk(chunk.replicas, chunk.seed, chunk.device)
        projected_chain(same, committee(values), q0, m0, dimension, max(wanted), observe=observe, every=every)
        runs.append(torch.stack(seen, 1))
    return (runs[0] - runs[1]) / 2


def plateau_response(
    chunk: Chunk, *, width: int, teacher_norm: float, learning_rate: float, dimension: int, times: tuple[float, ...],
    tilt: float,
) -> torch.Tensor:  # fmt: skip
    """Return the response of M_11 - M_12 to a small asymmetry of equal students on the symmetric plateau."""
    q = teacher_norm / (width * (1 + teacher_norm) - teacher_norm)
    m = math.sqrt(q * teacher_norm / width)
    starts = []
    for sign in (1.0, -1.0):
        rows = [[m + sign * tilt * (1.0 if i == j else -1 / (width - 1)) for j in range(width)] for i in range(width)]
        # students in the span of the teachers have Q = M M'/T
        own = [[sum(a * b for a, b in zip(x, y, strict=True)) / teacher_norm for y in rows] for x in rows]
        starts.append((own, rows))
    values = {
        "activation": "erf",
        "student_overlap": starts[0][0],
        "teacher_overlap": [[teacher_norm * float(i == j) for j in range(width)] for i in range(width)],
        "learning_rate": learning_rate,
    }
    return _response(chunk, values, starts, dimension, times, lambda state: state.m[0, 0] - state.m[0, 1])


def retrieval_response(
    chunk: Chunk, *, learning_rate: float, noise_variance: float, teacher_norm: float, dimension: int,
    times: tuple[float, ...], start: float, norm: float,
) -> torch.Tensor:  # fmt: skip
    """Return the response of M to a small initial overlap in phase retrieval, started at a given norm."""
    values = {
        "activation": "quadratic",
        "student_overlap": [[norm]],
        "teacher_overlap": [[teacher_norm]],
        "learning_rate": learning_rate,
        "noise_variance": noise_variance,
    }
    starts = [([[norm]], [[sign * start]]) for sign in (1.0, -1.0)]
    return _response(chunk, values, starts, dimension, times, lambda state: state.m[0, 0])


def norm_change(
    chunk: Chunk, *, learning_rate: float, noise_variance: float, teacher_norm: float, dimension: int, time: float,
    trials: tuple[float, ...],
) -> torch.Tensor:  # fmt: skip
    """Return the change of Q of a student of phase retrieval that starts across its teacher, at trial norms."""
    columns = []
    for norm in trials:
        values = {
            "activation": "quadratic",
            "student_overlap": [[norm]],
            "teacher_overlap": [[teacher_norm]],
            "learning_rate": learning_rate,
            "noise_variance": noise_variance,
        }
        same = Chunk(chunk.replicas, chunk.seed, chunk.device)
        end = projected_chain(same, committee(values), [[norm]], [[0.0]], dimension, round(time * dimension))
        columns.append(end.q[0, 0] - norm)
    return torch.stack(columns, 1)


def passages(
    chunk: Chunk, *, growth: float, response: Callable[..., torch.Tensor], initial: str, times: tuple[float, ...],
    **values: Any,
) -> torch.Tensor:  # fmt: skip
    """Return the response at each time but the first, less ``growth`` times that at the first.

    The law's initial asymmetry (parameter ``initial``) is that of a passage to a target; the response is linear in it,
    so that the time of a passage is proportional to the logarithm of its ratio.
    """
    for key in (initial, "target_overlap"):
        values.pop(key, None)
    found = response(chunk, times=times, **values)
    return found[:, 1:] - growth * found[:, :1]
