"""Flow experiments: the derived ODE integrated finely, and what it does at plateaus, floors and thresholds."""

from __future__ import annotations

import math
from typing import Any

import torch

from checks.check import Context, Measured
from checks.order_parameters.means import committee, problem_means
from numerics.committee_field import generalisation_error, initial, packed_field, unpack
from numerics.ode import integrate


def _state(width: int, norm: float, q: float, cross: float, m: float, off: float) -> dict[str, Any]:
    eye = [[1.0 if i == j else 0.0 for j in range(width)] for i in range(width)]
    return {
        "activation": "erf",
        "student_overlap": [[q if e else cross for e in row] for row in eye],
        "teacher_student_overlap": [[m if e else off for e in row] for row in eye],
        "teacher_overlap": [[norm * e for e in row] for row in eye],
    }


def run_flow(
    values: dict[str, Any], time: float, start: torch.Tensor | None = None, rtol: float = 1e-10
) -> torch.Tensor:
    """Integrate the derived ODE of a problem from its overlaps (or a packed start) for some time."""
    problem = committee(values)
    field = packed_field(problem_means(values), problem)
    x = initial(problem, values["student_overlap"], values["teacher_student_overlap"]) if start is None else start
    return integrate(lambda t, y, rows: field(y), x, time, rtol=rtol, atol=rtol * 1e-3).state


def error_of(values: dict[str, Any], x: torch.Tensor) -> float:
    """Return the generalisation error of a packed state."""
    problem = committee(values)
    q, m, a = unpack(x, problem.students, problem.teachers)
    p = torch.tensor(values["teacher_overlap"], dtype=torch.float64)[..., None]
    v = torch.tensor(problem.teacher_layer, dtype=torch.float64)[:, None]
    return float(generalisation_error(problem_means(values), q, m, p, a, v))


def _plateau(width: int, norm: float) -> tuple[float, float]:
    """Find the plateau by relaxing the ODE at a tiny rate from a nearby symmetric state."""
    q = norm / (width * (1 + norm))
    values = _state(width, norm, q, q, math.sqrt(q * norm / width), math.sqrt(q * norm / width)) | {
        "learning_rate": 1e-7
    }
    end = run_flow(values, 40.0 / 1e-7)
    return float(end[0, 0]), float(end[width * (width + 1) // 2, 0])


def plateau_overlaps(context: Context, *, width: int, teacher_norm: float) -> Measured:
    """Measure [Q, M] where the ODE settles from a symmetric start."""
    return Measured(list(_plateau(width, teacher_norm)), 1e-7)


def plateau_error(context: Context, *, width: int, teacher_norm: float) -> Measured:
    """Measure the error of the state where the ODE settles."""
    q, m = _plateau(width, teacher_norm)
    values = _state(width, teacher_norm, q, q, m, m) | {"learning_rate": 1.0}
    start = initial(committee(values), values["student_overlap"], values["teacher_student_overlap"])
    return Measured(error_of(values, start), 1e-7)


def plateau_escape(context: Context, *, width: int, teacher_norm: float, learning_rate: float) -> Measured:
    """Measure the growth rate of M_11 - M_12 from a small asymmetry on the plateau."""
    q, m = _plateau(width, teacher_norm)
    tilt = 1e-5
    values = _state(width, teacher_norm, q, q, m + tilt, m - tilt / (width - 1)) | {"learning_rate": learning_rate}
    first = run_flow(values, 2.0 / learning_rate)
    second = run_flow(values, 4.0 / learning_rate)
    place = width * (width + 1) // 2
    gaps = [float(x[place, 0] - x[place + 1, 0]) for x in (first, second)]
    return Measured(math.log(gaps[1] / gaps[0]) / (2.0 / learning_rate), 1e-6 * learning_rate)


def retrieval_rate(context: Context, *, learning_rate: float, noise_variance: float, teacher_norm: float) -> Measured:
    """Measure the growth rate of a small overlap after the norm has settled, in phase retrieval."""
    values = {
        "activation": "quadratic",
        "student_overlap": [[teacher_norm / 3]],
        "teacher_student_overlap": [[1e-9]],
        "teacher_overlap": [[teacher_norm]],
        "learning_rate": learning_rate,
        "noise_variance": noise_variance,
    }
    settled = run_flow(values, 4.0 / (learning_rate * teacher_norm))
    later = run_flow(values, 1.0 / (learning_rate * teacher_norm), settled)
    time = 1.0 / (learning_rate * teacher_norm)
    return Measured(math.log(float(later[1, 0] / settled[1, 0])) / time, 1e-6 * learning_rate)
