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
    return integrate(lambda t, y, rows: field(y), x, time, rtol=rtol, atol=rtol * 1e-5).state


def error_of(values: dict[str, Any], x: torch.Tensor) -> float:
    """Return the generalisation error of a packed state."""
    problem = committee(values)
    q, m, a = unpack(x, problem.students, problem.teachers)
    p = torch.tensor(values["teacher_overlap"], dtype=torch.float64)[..., None]
    v = torch.tensor(problem.teacher_layer, dtype=torch.float64)[:, None]
    return float(generalisation_error(problem_means(values), q, m, p, a, v))


def _plateau(students: int, teachers: int, norm: float) -> tuple[float, float, float]:
    """Find [Q, M] of the plateau by relaxing the ODE at a tiny rate from a nearby symmetric state, and their error.

    Equal students stay equal, so one student of weight p stands for all: dM and dQ per unit of p times the rate.
    """
    q = norm / (teachers * (1 + norm))
    values = {
        "activation": "erf",
        "student_overlap": [[q]],
        "teacher_student_overlap": [[math.sqrt(q * norm / teachers)] * teachers],
        "teacher_overlap": [[norm * float(r == s) for s in range(teachers)] for r in range(teachers)],
        "student_second_layer": [float(students)],
        "learning_rate": 1e-8,
    }
    late = run_flow(values, 36.0 / 1e-8 / students, rtol=1e-8)
    end = run_flow(values, 4.0 / 1e-8 / students, late, rtol=1e-8)
    # what still moves, the integrator's tolerance, and the term of second order in the rate
    error = float((end - late).abs().max()) + 1e-7
    return float(end[0, 0]), float(end[1, 0]), error


def plateau_overlaps(context: Context, *, width: int, teacher_norm: float) -> Measured:
    """Measure [Q, M] where the ODE settles from a symmetric start."""
    q, m, error = _plateau(width, width, teacher_norm)
    return Measured([q, m], error)


def rectangular_overlaps(context: Context, *, students: int, teachers: int, teacher_norm: float) -> Measured:
    """Measure [Q, M] of p equal students of k teachers where the ODE settles."""
    q, m, error = _plateau(students, teachers, teacher_norm)
    return Measured([q, m], error)


def plateau_error(context: Context, *, width: int, teacher_norm: float) -> Measured:
    """Measure the error of the state where the ODE settles."""
    q, m, error = _plateau(width, width, teacher_norm)
    values = _state(width, teacher_norm, q, q, m, m) | {"learning_rate": 1.0}
    start = initial(committee(values), values["student_overlap"], values["teacher_student_overlap"])
    return Measured(error_of(values, start), error)


def plateau_escape(context: Context, *, width: int, teacher_norm: float, learning_rate: float) -> Measured:
    """Measure the growth rate of M_11 - M_12 from a small asymmetry on the plateau."""
    q, m, _ = _plateau(width, width, teacher_norm)
    tilt = 1e-5
    values = _state(width, teacher_norm, q, q, m + tilt, m - tilt / (width - 1)) | {"learning_rate": learning_rate}
    place = width * (width + 1) // 2

    def rate(tolerance: float) -> float:
        first = run_flow(values, 2.0 / learning_rate, rtol=tolerance)
        second = run_flow(values, 2.0 / learning_rate, first, rtol=tolerance)
        gaps = [float(x[place, 0] - x[place + 1, 0]) for x in (first, second)]
        return math.log(gaps[1] / gaps[0]) / (2.0 / learning_rate)

    fine = rate(1e-10)
    return Measured(fine, abs(fine - rate(1e-8)))


def retrieval_norm(context: Context, *, learning_rate: float, noise_variance: float, teacher_norm: float) -> Measured:
    """Measure the norm of the student where phase retrieval waits, at no overlap with the teacher."""
    values = {
        "activation": "quadratic",
        "student_overlap": [[0.2 * teacher_norm]],
        "teacher_student_overlap": [[0.0]],
        "teacher_overlap": [[teacher_norm]],
        "learning_rate": learning_rate,
        "noise_variance": noise_variance,
    }
    end = run_flow(values, 4.0 / (learning_rate * teacher_norm), rtol=1e-8)
    return Measured(float(end[0, 0]), 1e-6)


def idle_pair(
    context: Context, *, width: int, idle_overlap: float, learning_rate: float, noise_variance: float, time: float
) -> Measured:
    """Measure [Q of an idle student, error] of two idle students of opposite sign under label noise."""
    p = width + 2
    values = {
        "activation": "erf",
        "student_overlap": [
            [float(i == j) if i < width or j < width else idle_overlap * (1 if i == j else -1) for j in range(p)]
            for i in range(p)
        ],
        "teacher_student_overlap": [[float(i == r) for r in range(width)] for i in range(p)],
        "teacher_overlap": [[float(r == s) for s in range(width)] for r in range(width)],
        "learning_rate": learning_rate,
        "noise_variance": noise_variance,
    }
    # off the singular point where the pair cancels exactly
    values["student_overlap"][width][width] *= 1 + 1e-9
    end = run_flow(values, time, rtol=1e-7)
    place = width * p - width * (width - 1) // 2
    return Measured([float(end[place, 0]), error_of(values, end)], 1e-5)


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
    settled = run_flow(values, 4.0 / (learning_rate * teacher_norm), rtol=1e-8)
    later = run_flow(values, 1.0 / (learning_rate * teacher_norm), settled, rtol=1e-8)
    time = 1.0 / (learning_rate * teacher_norm)
    return Measured(math.log(float(later[1, 0] / settled[1, 0])) / time, 1e-5 * learning_rate)
