"""Experiments of the phase diagram: one erf unit of a network of d^kappa units, learning rate d^-delta.

The other units are left out: the student's own weight is a = d^-kappa, the teacher's is large, so that the residual
does not change with d. Everything runs on the projected chain, whose cost does not depend on d.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import torch

from checks.check import Context, Measured
from checks.order_parameters.means import committee, problem_means
from numerics.committee import Overlaps, projected_chain
from numerics.committee_field import drift, generalisation_error, initial, packed_field
from numerics.ensemble import Chunk
from numerics.ode import integrate

_Q, _M = 0.8, 0.3


def unit(d: float, kappa: float, delta: float, noise: float) -> dict[str, Any]:
    """Return the problem of one unit at a dimension."""
    return {
        "activation": "erf",
        "student_overlap": [[_Q]],
        "teacher_student_overlap": [[_M]],
        "teacher_overlap": [[1.1]],
        "student_second_layer": [d**-kappa],
        "teacher_second_layer": [2.0],
        "learning_rate": d**-delta,
        "noise_variance": noise,
    }


@functools.lru_cache(maxsize=64)
def _ode(kappa: float, delta: float, d: float, noise: float, time: float, keep: str) -> torch.Tensor:
    """Integrate the ODE with both terms, or with the part of the drift that is linear or quadratic in the rate."""
    values = unit(d, kappa, delta, noise)
    sign = {"both": 0.0, "learning": 1.0, "noise": -1.0}[keep]
    opposite = values | {"learning_rate": -values["learning_rate"]}
    up, down = (packed_field(problem_means(v), committee(v)) for v in (values, opposite))

    def field(t: torch.Tensor, y: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        ahead = up(y)
        return ahead if keep == "both" else (ahead - sign * down(y)) / 2

    start = initial(committee(values), [[_Q]], [[_M]])
    return integrate(field, start, time, rtol=1e-7, atol=1e-9).state[:2]


def distances(
    chunk: Chunk, *, kappa: float, delta: float, dimensions: tuple[float, ...], time: float, exponent: float,
    keep: str = "both", noise_variance: float = 0.5,
) -> torch.Tensor:  # fmt: skip
    """Return the squared distance of (Q, M) from an ODE at each dimension, after time * d^-exponent steps.

    ``keep`` names the terms of the ODE; ``exponent`` is that of the time step, so that time is the same for all d.
    """
    columns = []
    for n, d in enumerate(dimensions):
        values = unit(d, kappa, delta, noise_variance)
        steps = round(time * d**-exponent)
        own = Chunk(chunk.replicas, chunk.seed + n, chunk.device)
        end = projected_chain(own, committee(values), [[_Q]], [[_M]], d, steps)
        target = _ode(kappa, delta, d, noise_variance, steps / d, keep)
        columns.append((end.q[0, 0] - target[0]) ** 2 + (end.m[0, 0] - target[1]) ** 2)
    return torch.stack(columns, 1)


def passages(
    chunk: Chunk, *, kappa: float, delta: float, dimensions: tuple[float, ...], far: float, group: int = 16
) -> torch.Tensor:
    """Return the number of steps until (Q, M) has moved by ``far``, at each dimension (collapse of the curves).

    The path is the mean of a group of replicas, so that its fluctuations hardly shift the passage; the number is
    interpolated between steps.
    """
    columns = []
    for n, d in enumerate(dimensions):
        groups = chunk.replicas // group
        found = torch.full((groups,), math.nan, dtype=torch.float64)
        before = torch.zeros(groups, dtype=torch.float64)

        def observe(step: int, state: Overlaps, found: torch.Tensor = found, before: torch.Tensor = before) -> bool:
            moved = [(x[0, 0] - x0).view(-1, group).mean(1).abs() for x, x0 in ((state.q, _Q), (state.m, _M))]
            now = moved[0] + moved[1]
            first = torch.isnan(found) & (now > far)
            found[first] = step - ((now - far) / (now - before))[first]
            before.copy_(now)
            return not bool(torch.isnan(found).any())

        values = unit(d, kappa, delta, 0.5)
        own = Chunk(chunk.replicas, chunk.seed + n, chunk.device)
        projected_chain(own, committee(values), [[_Q]], [[_M]], d, _LONGEST, observe=observe)
        columns.append(found)
    return torch.stack(columns, 1)


_LONGEST = 100_000


def step_sizes(chunk: Chunk, *, which: str, kappa: float, delta: float, exponents: tuple[int, ...]) -> torch.Tensor:
    """Return the learning or noise term of one step of one unit of a wide network, at d = 10^n for each exponent.

    With the same random numbers the part of dQ that is even in the rate is the noise term; dM is the learning term.
    """
    columns = []
    for n in exponents:
        d = 10.0**n
        values = unit(d, kappa, delta, 0.0) | {"teacher_second_layer": [1.0]}
        ends = []
        for sign in (1.0, -1.0):
            same = Chunk(chunk.replicas, chunk.seed + n, chunk.device)
            given = values | {"learning_rate": sign * values["learning_rate"]}
            ends.append(projected_chain(same, committee(given), [[_Q]], [[_M]], d, 1))
        if which == "noise":
            columns.append((ends[0].q[0, 0] + ends[1].q[0, 0]) / 2 - _Q)
        else:
            columns.append((ends[0].m[0, 0] - ends[1].m[0, 0]) / 2)
    return torch.stack(columns, 1)


_WORDS = ("perfect_learning", "plateau", "bad_learning", "no_ode")


def phase_code(value: str, **_: Any) -> float:
    """Number the phases."""
    return float(_WORDS.index(value))


def simulated_phase(
    context: Context, *, kappa: float, delta: float, replicas: int = 200_000, exponents: tuple[int, ...] = (4, 8)
) -> Measured:
    """Decide the phase from the simulated sizes of both terms in one step: which one is larger, and does it vanish."""
    slopes = []
    for which in ("learning", "noise"):
        chunk = Chunk(replicas, context.seed + 17)
        means = step_sizes(chunk, which=which, kappa=kappa, delta=delta, exponents=exponents).mean(0).log()
        slopes.append(float(means[1] - means[0]) / (math.log(10.0) * (exponents[1] - exponents[0])))
    sigma, largest = slopes[0] - slopes[1], max(slopes)
    close = 0.03
    if largest > -close:
        word = "no_ode"
    elif abs(sigma) < close:
        word = "plateau"
    else:
        word = "perfect_learning" if sigma > 0 else "bad_learning"
    return Measured(float(_WORDS.index(word)), 0.0)


def frozen_step(
    chunk: Chunk, *, kappa: float, delta: float, dimension: float, student_overlap: float,
    teacher_student_overlap: float, teacher_overlap: float, noise_variance: float, scaled_learning_rate: float,
    scaled_width: float,
) -> torch.Tensor:  # fmt: skip
    """Return the changes of (Q, M) in one step over the time step of the noise phase, d^-(1+2 sigma)."""
    sigma = kappa + delta
    values = {
        "activation": "erf",
        "student_overlap": [[student_overlap]],
        "teacher_student_overlap": [[teacher_student_overlap]],
        "teacher_overlap": [[teacher_overlap]],
        "learning_rate": scaled_learning_rate / scaled_width * dimension**-sigma,
        "noise_variance": noise_variance,
    }
    begin = values["student_overlap"], values["teacher_student_overlap"]
    end = projected_chain(chunk, committee(values), *begin, dimension, 1)
    scale = dimension ** (1 + 2 * sigma)
    return scale * torch.stack([end.q[0, 0] - student_overlap, end.m[0, 0] - teacher_student_overlap], 1)


def _noise_flow(time: float, teacher_overlap: float, noise_variance: float) -> torch.Tensor:
    """Integrate Q of one erf unit under the noise term alone, at no overlap with its teacher."""
    means = problem_means({"activation": "erf"})
    p = torch.full((1, 1, 2), teacher_overlap, dtype=torch.float64)
    one, zero = torch.ones(1, 2, dtype=torch.float64), torch.zeros(1, 1, 2, dtype=torch.float64)
    rates = torch.tensor([1.0, -1.0], dtype=torch.float64)

    def field(t: torch.Tensor, y: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        # the noise term is the part of the drift that is even in the rate; both rates are rows of one call
        both = drift(means, y[None].expand(1, 1, 2), zero, p, one, one, rates, noise_variance).q[0]
        return both.mean(1, keepdim=True)

    return integrate(field, torch.full((1, 1), 1.0, dtype=torch.float64), time, rtol=1e-6).state


def noise_phase_norm(context: Context, *, time: float, teacher_overlap: float, noise_variance: float) -> Measured:
    """Measure Q(t) of one erf unit under the noise term alone."""
    q = float(_noise_flow(time, teacher_overlap, noise_variance)[0, 0])
    return Measured(q, 1e-4 * q)


def noise_phase_error(context: Context, *, teacher_overlap: float, time: float, noise_variance: float) -> Measured:
    """Measure the error of one erf unit after a long time under the noise term alone."""
    q = _noise_flow(time, teacher_overlap, noise_variance)[None]
    p = torch.full((1, 1, 1), teacher_overlap, dtype=torch.float64)
    one, zero = torch.ones(1, 1, dtype=torch.float64), torch.zeros(1, 1, 1, dtype=torch.float64)
    return Measured(float(generalisation_error(problem_means({"activation": "erf"}), q, zero, p, one, one)), 1e-5)
