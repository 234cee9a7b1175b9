"""Rates of small deviations from the teacher, read off the derived ODE: thresholds, relaxation, passage times."""

from __future__ import annotations

import math
from typing import Any

import torch

from checks.check import Context, Measured
from checks.order_parameters.means import committee, problem_means
from numerics.committee_field import initial, packed_field
from numerics.ode import integrate


def _single(activation: str, q: float, m: float, norm: float, rate: float, batch: int = 1) -> dict[str, Any]:
    return {
        "activation": activation,
        "student_overlap": [[q]],
        "teacher_student_overlap": [[m]],
        "teacher_overlap": [[norm]],
        "learning_rate": rate,
        "batch_size": batch,
    }


def _drift(values: dict[str, Any]) -> torch.Tensor:
    problem = committee(values)
    start = initial(problem, values["student_overlap"], values["teacher_student_overlap"])
    return packed_field(problem_means(values), problem)(start)[:, 0]


def _even_zero(growth: Any, around: float) -> float:
    """Return the zero of growth(rate)/rate, a straight line in the rate, from two points on both sides of it."""
    low, high = 0.9 * around, 1.1 * around
    below, above = growth(low) / low, growth(high) / high
    return low - below * (high - low) / (above - below)


def threshold(
    context: Context, *, activation: str, around: float, teacher_norm: float, batch_size: int = 1
) -> Measured:
    """Measure the learning rate at which a small deviation orthogonal to the teacher neither grows nor shrinks."""

    def growth(rate: float) -> float:
        found = _drift(_single(activation, teacher_norm + 1e-6, teacher_norm, teacher_norm, rate, batch_size))
        return float(found[0] - 2 * found[1])

    return Measured(_even_zero(growth, around), 1e-4 * around)


def committee_modes(width: int, teacher_norm: float, rate: float) -> torch.Tensor:
    """Return the matrix of the drift of (r1, r2) for deviations r1 I + r2 J of a committee from its teacher.

    Read off the derived ODE at a small deviation r = Q - M - M' + P.
    """
    h = 1e-6
    eye = [[teacher_norm * float(i == j) for j in range(width)] for i in range(width)]
    columns = []
    for own, other in ((h, 0.0), (h, h)):
        q = [[x + (own if i == j else other) for j, x in enumerate(row)] for i, row in enumerate(eye)]
        found = _drift({**_single("erf", 1.0, 1.0, 1.0, rate), "student_overlap": q, "teacher_student_overlap": eye,
                        "teacher_overlap": eye})  # fmt: skip
        place = width * (width + 1) // 2
        diagonal = float(found[0] - 2 * found[place])
        off = float(found[1] - found[place + 1] - found[place + width])
        columns.append([(diagonal - off) / h, off / h])
    # (own, other) = (h, 0) is the mode I alone, (h, h) the mode J alone
    return torch.tensor(columns, dtype=torch.float64).T


def committee_threshold(context: Context, *, width: int, teacher_norm: float, around: float) -> Measured:
    """Measure where the error of a committee near its teacher stops shrinking: the largest growth rate is zero."""

    def growth(rate: float) -> float:
        return float(torch.linalg.eigvals(committee_modes(width, teacher_norm, rate)).real.max())

    low, high = 0.7 * around, 1.3 * around
    while high - low > 1e-6 * around:
        middle = (low + high) / 2
        low, high = (middle, high) if growth(middle) < 0 else (low, middle)
    return Measured((low + high) / 2, 1e-5 * around)


def relaxation(context: Context, *, activation: str, learning_rate: float, teacher_norm: float) -> Measured:
    """Measure the growth rates of a small deviation across and along the teacher."""
    across, along = 1e-6, 1e-4
    found = _drift(_single(activation, teacher_norm + across, teacher_norm, teacher_norm, learning_rate))
    perpendicular = float(found[0] - 2 * found[1]) / across
    ends = []
    for sign in (1.0, -1.0):
        x = 1 + sign * along
        ends.append(
            float(_drift(_single(activation, teacher_norm * x * x, teacher_norm * x, teacher_norm, learning_rate))[1])
        )
    return Measured([perpendicular, (ends[0] - ends[1]) / (2 * along * teacher_norm)], 2e-5 * learning_rate)


def passage(
    values: dict[str, Any], starts: torch.Tensor, functional: torch.Tensor, targets: list[float]
) -> torch.Tensor:
    """Return when the ODE brings a growing linear functional of the state to its target, one time per start.

    The logarithm of the functional is the clock: dx/ds = f(x)/(d ln g/dt), dt/ds = 1/(d ln g/dt).
    """
    field = packed_field(problem_means(values), committee(values))
    first = (functional[:, None] * starts).sum(0)

    def clocked(s: torch.Tensor, y: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        slope = field(y[:-1])
        speed = (functional[:, None] * slope).sum(0) / (functional[:, None] * y[:-1]).sum(0)
        return torch.cat([slope, torch.ones_like(speed)[None]]) / speed

    state = torch.cat([starts, torch.zeros(1, starts.shape[1], dtype=starts.dtype)])
    span = torch.log(torch.tensor(targets, dtype=starts.dtype) / first)
    return integrate(clocked, state, span, rtol=1e-8, atol=1e-12).state[-1]


def retrieval_time(
    context: Context,
    *,
    learning_rate: float,
    noise_variance: float,
    teacher_norm: float,
    initial_overlap: float,
    target_overlap: float,
) -> Measured:
    """Measure the slope of phase retrieval's time in -ln of the initial overlap, times the logarithm in question."""
    values = {**_single("quadratic", 0.5, 0.1, teacher_norm, learning_rate), "noise_variance": noise_variance}
    begins = [initial_overlap, initial_overlap / 100]
    starts = torch.tensor([[teacher_norm / 3] * 2, begins, [1.0] * 2], dtype=torch.float64)
    short, long = passage(values, starts, torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64), [target_overlap] * 2)
    share = math.log(target_overlap / initial_overlap) / math.log(100)
    return Measured(float(long - short) * share, 1e-6 * float(long))


def plateau_time(
    context: Context, *, width: int, teacher_norm: float, learning_rate: float, initial_asymmetry: float
) -> Measured:
    """Measure the slope of the plateau's length in -ln of the initial asymmetry, times that logarithm."""
    q = teacher_norm / (width * (1 + teacher_norm) - teacher_norm)
    m = math.sqrt(q * teacher_norm / width)
    columns = []
    for tilt in (initial_asymmetry, initial_asymmetry / 100):
        across = [[m + tilt if i == j else m - tilt / (width - 1) for j in range(width)] for i in range(width)]
        values = {
            **_single("erf", 1.0, 1.0, 1.0, learning_rate),
            "student_overlap": [[q] * width] * width,
            "teacher_student_overlap": across,
            "teacher_overlap": [[teacher_norm * float(i == j) for j in range(width)] for i in range(width)],
        }
        columns.append(initial(committee(values), values["student_overlap"], across))
    place = width * (width + 1) // 2
    functional = torch.zeros(columns[0].shape[0], dtype=torch.float64)
    functional[place], functional[place + 1] = 1.0, -1.0
    short, long = passage(values, torch.cat(columns, 1), functional, [10 * initial_asymmetry] * 2)
    share = -math.log(initial_asymmetry) / math.log(100)
    return Measured(float(long - short) * share, 1e-6 * float(long))


def spherical_passage(
    context: Context,
    *,
    activation: str,
    learning_rate: float,
    initial_overlap: float,
    target_overlap: float,
) -> Measured:
    """Measure the time of the flow on the sphere Q = P = 1 from one overlap to another: the ODE's learning terms.

    The gradient on the sphere is that of the free unit minus its part along the weights: dM - M dQ_learning/2.
    """
    field = packed_field(problem_means({"activation": activation}), committee(_single(activation, 1, 0.5, 1, 1.0)))
    back = packed_field(problem_means({"activation": activation}), committee(_single(activation, 1, 0.5, 1, -1.0)))

    def slope(m: torch.Tensor) -> torch.Tensor:
        state = torch.stack([torch.ones_like(m), m, torch.ones_like(m)])
        # the part of the drift odd in the rate is the learning term
        odd = (field(state) - back(state)) / 2
        return learning_rate * (odd[1] - m * odd[0] / 2)

    nodes, weights = (torch.tensor(x) for x in _gauss(60))
    low, high = math.log(initial_overlap), math.log(target_overlap)
    m = torch.exp(low + (high - low) * (nodes + 1) / 2)
    time = float((weights * m / slope(m)).sum()) * (high - low) / 2
    return Measured(time, 1e-8 * time)


def _gauss(nodes: int) -> Any:
    import numpy as np

    return np.polynomial.legendre.leggauss(nodes)
