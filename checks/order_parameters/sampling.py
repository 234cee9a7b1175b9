"""Sampling experiments: one step, whole trajectories and stationary states of simulated committees."""

from __future__ import annotations

import functools
import json
from typing import Any

import numpy as np
import torch

from checks.order_parameters.flow import run_flow
from checks.order_parameters.means import committee, problem_means
from numerics.committee import Committee, Overlaps, brute_force, frame, projected_chain
from numerics.committee_field import pack
from numerics.committee_problem import residual_of
from numerics.committee_twin import twin_chain
from numerics.digits import digits
from numerics.ensemble import Chunk


def _start(values: dict[str, Any]) -> tuple[Any, Any]:
    return values["student_overlap"], values["teacher_student_overlap"]


def _full(values: dict[str, Any]) -> dict[str, Any]:
    return {"activation": "erf", **values}


def chain_increment(chunk: Chunk, *, which: str, dimension: float, **values: Any) -> torch.Tensor:
    """Return d times the change of Q, M (flat, row by row) or a in one step of the projected chain."""
    values = _full(values)
    problem = committee(values)
    end = projected_chain(chunk, problem, *_start(values), dimension, 1)
    return _change(end, problem, values, which) * dimension


def chain_increments(chunk: Chunk, *, dimension: float, **values: Any) -> torch.Tensor:
    """Return d times the changes of Q and of M in one step of the projected chain."""
    problem = committee(values)
    end = projected_chain(chunk, problem, *_start(values), dimension, 1)
    return torch.cat([_change(end, problem, values, which) for which in "qm"], 1) * dimension


def brute_increment(chunk: Chunk, *, which: str, dimension: int, scaled: bool = False, **values: Any) -> torch.Tensor:
    """Return the change (d times it, if ``scaled``) of Q, M or a in one step of SGD with d-dimensional weights."""
    values = _full(values)
    problem = committee(values)
    end = brute_force(chunk, problem, *_start(values), dimension, 1)
    return _change(end, problem, values, which) * (dimension if scaled else 1)


def digit_increment(chunk: Chunk, *, which: str, components: int, **values: Any) -> torch.Tensor:
    """Return d times the change in one step of SGD on whitened digits, d components, labels of a random teacher."""
    problem = committee(values)
    inputs = whitened_digits(components)
    end = brute_force(chunk, problem, *_start(values), components, 1, inputs=inputs)
    return _change(end, problem, values, which) * components


def _change(end: Overlaps, problem: Committee, values: dict[str, Any], which: str) -> torch.Tensor:
    old = {"q": values["student_overlap"], "m": values["teacher_student_overlap"], "a": problem.student_layer}[which]
    new = {"q": end.q, "m": end.m, "a": end.a}[which]
    start = torch.tensor(old, dtype=torch.float64, device=new.device)[..., None]
    return (new - start).reshape(-1, new.shape[-1]).T


def twin_rates(chunk: Chunk, *, dimension: int, **values: Any) -> torch.Tensor:
    """Return the rates of the last student and of its copy in one step: dM, dQ with the others, itself, its twin, da."""
    q, m = _start(values)
    doubled = values | {
        "student_overlap": [[*row, row[-1]] for row in [*q, q[-1]]],
        "teacher_student_overlap": [*m, m[-1]],
        "student_second_layer": [*values["student_second_layer"], values["student_second_layer"][-1]],
    }
    problem, p = committee(doubled), len(q) + 1
    end = brute_force(chunk, problem, *_start(doubled), dimension, 1)
    dm, dq, da = (
        _change(end, problem, doubled, which).T.reshape(shape)
        for which, shape in (("m", (p, -1, chunk.replicas)), ("q", (p, p, chunk.replicas)), ("a", (p, chunk.replicas)))
    )
    rows = []
    for j in (p - 2, p - 1):
        rows += [*dm[j], *dq[j, : p - 2], dq[j, j], dq[p - 2, p - 1], da[j]]
    return torch.stack(rows, 1) * dimension


def fresh_error(chunk: Chunk, *, dimension: int | None = None, **values: Any) -> torch.Tensor:
    """Return the clean squared residual over two on fresh inputs, in the frame or with d-dimensional weights."""
    values = _full(values)
    problem = committee(values)
    lower, along, own = frame(problem, *_start(values))
    rows = torch.cat([torch.cat([lower, lower.new_zeros(len(lower), len(own))], 1), torch.cat([along, own], 1)])
    if dimension is None:
        fields = rows @ chunk.normal(rows.shape[1], chunk.replicas)
    else:
        axes = torch.linalg.qr(chunk.normal(dimension, rows.shape[1])).Q
        weights = dimension**0.5 * rows @ axes.T
        fields = weights @ chunk.normal(dimension, chunk.replicas) / dimension**0.5
    k = len(lower)
    layer = torch.tensor(problem.student_layer, dtype=torch.float64)[:, None]
    return residual_of(problem, fields[k:], fields[:k], layer, None)[0] ** 2 / 2


def chain_pair(chunk: Chunk, *, dimension: float, **values: Any) -> torch.Tensor:
    """Return d times the changes of M (row by row) and of Q (upper triangle) in one step of the projected chain."""
    values = _full(values)
    problem = committee(values)
    end = projected_chain(chunk, problem, *_start(values), dimension, 1)
    p = problem.students
    q = _change(end, problem, values, "q")
    upper = [i * p + j for i in range(p) for j in range(i, p)]
    return torch.cat([_change(end, problem, values, "m"), q[:, upper]], 1) * dimension


def overlaps_at(
    chunk: Chunk, *, time: float, dimension: int, brute: bool = False, component: str = "all", **values: Any
) -> torch.Tensor:
    """Return the packed overlaps at ``time`` after time * d steps, by the chain or by brute force."""
    values = _full(values)
    run = brute_force if brute else projected_chain
    end = run(chunk, committee(values), *_start(values), dimension, round(time * dimension))
    packed = pack(end.q, end.m, end.a)
    return (packed if component == "all" else packed[:-1]).T


def twin_overlaps_at(chunk: Chunk, *, time: float, dimension: int, **values: Any) -> torch.Tensor:
    """Return overlaps minus their control variate: the same mean, about 1/d of the variance."""
    values = _full(values)
    end, deviation = twin_chain(
        chunk, committee(values), problem_means(values), *_start(values), dimension, round(time * dimension)
    )
    return (pack(end.q, end.m, end.a) - deviation).T


def linear_error(
    chunk: Chunk, *, dimension: int, learning_rate: float, noise_variance: float, steps: int
) -> torch.Tensor:
    """Return sqrt(d) times the error of a linear unit after ``steps`` steps from its teacher (variance: the law)."""
    values = {
        "activation": "linear",
        "teacher_overlap": [[1.0]],
        "learning_rate": learning_rate,
        "noise_variance": noise_variance,
    } | {key: [[1.0]] for key in ("student_overlap", "teacher_student_overlap")}
    end = projected_chain(chunk, committee(values), *_start(values), dimension, steps)
    return (end.q[0, 0] - 2 * end.m[0, 0] + 1.0) / 2 * dimension**0.5


@functools.lru_cache(maxsize=16)
def _ode_end(described: str, time: float) -> torch.Tensor:
    """Return where the ODE ends, once for all chunks; ``described`` are the values as JSON."""
    return run_flow(json.loads(described), time)


def mean_bias(chunk: Chunk, *, time: float, dimension: int, brute: bool = False, **values: Any) -> torch.Tensor:
    """Return the overlaps minus the ODE, M row by row, then Q: by the chain minus its control variate, or brute force."""
    values = _full(values)
    problem, steps = committee(values), round(time * dimension)
    if brute:
        end = brute_force(chunk, problem, *_start(values), dimension, steps)
        found = pack(end.q, end.m, end.a)
    else:
        end, deviation = twin_chain(chunk, problem, problem_means(values), *_start(values), dimension, steps)
        found = pack(end.q, end.m, end.a) - deviation
    away = found - _ode_end(json.dumps(values), steps / dimension)
    upper = problem.students * (problem.students + 1) // 2
    cross = problem.students * problem.teachers
    return torch.cat([away[upper : upper + cross], away[:upper]]).T


def whitened_digits(components: int) -> torch.Tensor:
    """Return the digits' left singular vectors times sqrt(N): unit covariance, real higher moments."""
    images, _ = digits()
    left = np.linalg.svd(images, full_matrices=False)[0]
    return torch.from_numpy(np.ascontiguousarray(left[:, :components]) * len(images) ** 0.5)


def raw_digits() -> torch.Tensor:
    """Return the centred nonconstant pixels over their overall standard deviation: the covariance is far from one."""
    images, _ = digits()
    kept = images[:, images.std(0) > 0]
    return torch.from_numpy(np.ascontiguousarray(kept / kept.std()))


def digit_overlaps_at(chunk: Chunk, *, inputs: str, time: float, **values: Any) -> torch.Tensor:
    """Return overlaps and second layer of SGD on real inputs with a teacher's labels."""
    data = raw_digits() if inputs == "raw" else whitened_digits(int(inputs))
    dimension = data.shape[1]
    end = brute_force(chunk, committee(values), *_start(values), dimension, round(time * dimension), inputs=data)
    return pack(end.q, end.m, end.a).T


def scaled_overlaps(chunk: Chunk, *, time: float, dimension: int, **values: Any) -> torch.Tensor:
    """Return sqrt(d) times (M, Q) of one unit at ``time``, so that their covariance is the law's."""
    values = _full(values)
    end = projected_chain(chunk, committee(values), *_start(values), dimension, round(time * dimension))
    return torch.stack([end.m[0, 0], end.q[0, 0]], 1) * dimension**0.5


def digit_regression(samples: int, components: int) -> dict[str, Any]:
    """Return inputs and targets: whitened leading components of the first digits, labels +1 for 5 to 9, else -1."""
    labels = digits()[1]
    scaled = whitened_digits(components)[:samples].numpy()
    return {"inputs": scaled.round(6).tolist(), "targets": np.where(labels[:samples] >= 5, 1.0, -1.0).tolist()}


def linear_excess_loss(
    chunk: Chunk, *, inputs: Any, targets: Any, initial_weights: Any, learning_rate: float, batch_size: int, steps: int
) -> torch.Tensor:
    """Return the excess half-square loss over least squares after minibatch SGD of a linear student on a data set."""
    x = torch.tensor(inputs, dtype=torch.float64)
    y = torch.tensor(targets, dtype=torch.float64)
    scale = x.shape[1] ** 0.5
    best = torch.linalg.lstsq(x / scale, y[:, None], driver="gelsd").solution[:, 0]
    w = torch.tensor(initial_weights, dtype=torch.float64)[:, None].expand(-1, chunk.replicas).clone()
    for _ in range(steps):
        push = torch.zeros_like(w)
        for _ in range(batch_size):
            drawn = chunk.integers(len(y), chunk.replicas)
            row = x[drawn].T
            push += (y[drawn] - (row * w).sum(0) / scale) * row
        w += learning_rate / batch_size / scale * push
    return ((x @ (w - best[:, None]) / scale) ** 2).mean(0) / 2
