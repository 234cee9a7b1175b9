"""Sampling experiments: one step, whole trajectories and stationary states of simulated committees."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from checks.order_parameters.means import committee, problem_means
from numerics.committee import Overlaps, brute_force, projected_chain
from numerics.committee_field import pack, twin_chain
from numerics.digits import digits
from numerics.ensemble import Chunk


def _start(values: dict[str, Any]) -> tuple[Any, Any]:
    return values["student_overlap"], values["teacher_student_overlap"]


def _full(values: dict[str, Any]) -> dict[str, Any]:
    return {"activation": "erf", **values}


def chain_increment(chunk: Chunk, *, which: str, dimension: float, **values: Any) -> torch.Tensor:
    """Return d times the change of Q or M (flat, row by row) in one step of the projected chain."""
    values = _full(values)
    q0, m0 = _start(values)
    end = projected_chain(chunk, committee(values), q0, m0, dimension, 1)
    return _change(end, q0, m0, which) * dimension


def brute_increment(chunk: Chunk, *, which: str, dimension: int, **values: Any) -> torch.Tensor:
    """Return the change of Q or M (flat) in one step of real SGD with d-dimensional weights."""
    values = _full(values)
    q0, m0 = _start(values)
    return _change(brute_force(chunk, committee(values), q0, m0, dimension, 1), q0, m0, which)


def _change(end: Overlaps, q0: Any, m0: Any, which: str) -> torch.Tensor:
    new, old = (end.q, q0) if which == "q" else (end.m, m0)
    start = torch.tensor(old, dtype=torch.float64, device=new.device)[..., None]
    return (new - start).reshape(-1, new.shape[-1]).T


def chain_pair(chunk: Chunk, *, dimension: float, **values: Any) -> torch.Tensor:
    """Return d times the changes of (M, Q) of one unit in one step of the projected chain."""
    values = _full(values)
    q0, m0 = _start(values)
    end = projected_chain(chunk, committee(values), q0, m0, dimension, 1)
    return torch.stack([end.m[0, 0] - m0[0][0], end.q[0, 0] - q0[0][0]], 1) * dimension


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


def linear_floor(
    chunk: Chunk,
    *,
    dimension: int,
    learning_rate: float,
    noise_variance: float,
    batch_size: int,
    burn: int,
    average: int,
) -> torch.Tensor:
    """Return the time-averaged error of a linear unit that starts on its teacher, by the projected chain."""
    values = {
        "activation": "linear",
        "student_overlap": [[1.0]],
        "teacher_student_overlap": [[1.0]],
        "teacher_overlap": [[1.0]],
        "learning_rate": learning_rate,
        "noise_variance": noise_variance,
        "batch_size": batch_size,
    }
    total = torch.zeros(chunk.replicas, dtype=torch.float64)

    def observe(step: int, state: Overlaps) -> None:
        if step > burn:
            total.add_((state.q[0, 0] - 2 * state.m[0, 0] + 1.0) / 2)

    projected_chain(chunk, committee(values), *_start(values), dimension, burn + average, observe=observe)
    return total / average


def linear_error(
    chunk: Chunk, *, dimension: int, learning_rate: float, noise_variance: float, steps: int
) -> torch.Tensor:
    """Return sqrt(d) times the error of a linear unit after ``steps`` steps from its teacher (variance: the law)."""
    error = linear_floor(
        chunk,
        dimension=dimension,
        learning_rate=learning_rate,
        noise_variance=noise_variance,
        batch_size=1,
        burn=steps - 1,
        average=1,
    )
    return error * dimension**0.5


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
