"""Noise floors: where the ODE settles, and time averages of simulated committees that start on their teacher."""

from __future__ import annotations

import math
from typing import Any

import torch

from checks.check import Context, Measured
from checks.order_parameters.flow import error_of, run_flow
from checks.order_parameters.means import committee, problem_means
from numerics.committee import Overlaps, brute_force, projected_chain
from numerics.committee_field import generalisation_error
from numerics.ensemble import Chunk


def per_dimension(prediction: float, *, dimension: float, **_: Any) -> float:
    """Leading correction of the growth rate of deviations, 2/d relative (exact for linear units: (d+B+1)/(Bd))."""
    return 2 * prediction / dimension


def on_teacher(activation: str, width: int, norm: float, excess: int = 0, **values: Any) -> dict[str, Any]:
    """Return a committee whose first students are the units of an orthogonal teacher, the others nearly zero."""
    p = width + excess
    return {
        "activation": activation,
        # a student of exactly no length is a singular point of the square roots in the derived means
        "student_overlap": [
            [norm * (1 + 1e-9) if i == j < width else 1e-9 * float(i == j) for j in range(p)] for i in range(p)
        ],
        "teacher_student_overlap": [[norm * float(i == r) for r in range(width)] for i in range(p)],
        "teacher_overlap": [[norm * float(r == s) for s in range(width)] for r in range(width)],
        **values,
    }


def settled(values: dict[str, Any], relaxation: float, rtol: float = 1e-9) -> Measured:
    """Measure the error after ``relaxation`` and a third more; their difference is the numerical error."""
    middle = run_flow(values, relaxation, rtol=rtol)
    end = run_flow(values, relaxation / 3, middle, rtol=rtol)
    return Measured(error_of(values, end), abs(error_of(values, end) - error_of(values, middle)))


def committee_floor(
    context: Context, *, width: int, learning_rate: float, noise_variance: float, teacher_norm: float = 1.0,
    excess_width: int = 0, activation: str = "erf", relaxations: float = 5.0,
) -> Measured:  # fmt: skip
    """Measure the error where a committee on its teacher settles under label noise."""
    values = on_teacher(
        activation,
        width,
        teacher_norm,
        excess_width,
        learning_rate=learning_rate,
        noise_variance=noise_variance,
    )
    slow = learning_rate * 2 / math.pi * (1 + 2 * teacher_norm) ** -1.5
    return settled(values, relaxations / slow)


def single_floor(
    context: Context,
    *,
    activation: str = "quadratic",
    teacher_norm: float,
    learning_rate: float,
    noise_variance: float,
    batch_size: int = 1,
    relaxation: float,
) -> Measured:
    """Measure the error of one unit where the ODE settles, started on the teacher."""
    values = on_teacher(
        activation,
        1,
        teacher_norm,
        learning_rate=learning_rate,
        noise_variance=noise_variance,
        batch_size=batch_size,
    )
    return settled(values, relaxation)


def scaled_floor(
    context: Context,
    *,
    scaled_learning_rate: float,
    scaled_width: float,
    noise_variance: float,
    kappa: float,
    delta: float,
    dimension: float,
) -> Measured:
    """Measure the floor in the mean normalisation, with p = p0 d^kappa units and gamma = gamma0 d^-delta."""
    width = round(scaled_width * dimension**kappa)
    gamma = scaled_learning_rate * dimension**-delta
    values = on_teacher("erf", width, 1.0, learning_rate=gamma, noise_variance=noise_variance)
    values |= {"student_second_layer": [1 / width] * width, "teacher_second_layer": [1 / width] * width}
    slow = gamma / width**2 * 2 / math.pi * 3**-1.5
    return settled(values, 5.0 / slow)


def floor_slope(context: Context, *, kappa: float, delta: float, widths: tuple[int, ...]) -> Measured:
    """Measure the exponent of the floor in d between dimensions at which p = d^kappa is an integer."""
    floors, dimensions = [], []
    for width in widths:
        d = width ** (1 / kappa)
        measured = scaled_floor(
            context, scaled_learning_rate=0.3, scaled_width=1.0, noise_variance=1e-4, kappa=kappa, delta=delta,
            dimension=d,
        )  # fmt: skip
        floors.append(measured.estimate)
        dimensions.append(d)
    return Measured(-math.log(floors[-1] / floors[0]) / math.log(dimensions[-1] / dimensions[0]), 1e-3)


def simulated_floor(
    chunk: Chunk, *, dimension: int, burn: int, average: int, width: int = 1, teacher_norm: float = 1.0,
    activation: str = "linear", every: int = 8, brute: bool = False, **values: Any,
) -> torch.Tensor:  # fmt: skip
    """Return the time-averaged error of a committee that starts on its teacher, by the projected chain.

    With ``brute`` the error after ``burn`` steps of d-dimensional SGD, not averaged.
    """
    if "teacher_overlap" in values:
        teacher_norm = values.pop("teacher_overlap")
    full = on_teacher(activation, width, teacher_norm, **values)
    problem, means = committee(full), problem_means(full)
    p = torch.tensor(full["teacher_overlap"], dtype=torch.float64)[..., None]
    v = torch.tensor(problem.teacher_layer, dtype=torch.float64)[:, None]

    def error(state: Overlaps) -> torch.Tensor:
        rows = state.q.shape[-1]
        return generalisation_error(
            means, state.q, state.m, p.expand(-1, -1, rows), state.a[:, :rows], v.expand(-1, rows)
        )

    begin = full["student_overlap"], full["teacher_student_overlap"]
    if brute:
        return error(brute_force(chunk, problem, *begin, dimension, burn))
    total = torch.zeros(chunk.replicas, dtype=torch.float64)

    def observe(step: int, state: Overlaps) -> None:
        if step > burn:
            total.add_(error(state))

    projected_chain(chunk, problem, *begin, dimension, burn + average, observe=observe, every=every)
    return total / (average // every)


def anisotropic_floor(
    chunk: Chunk, *, input_variances: list[float], learning_rate: float, noise_variance: float, batch_size: int,
    burn: int, average: int,
) -> torch.Tensor:  # fmt: skip
    """Return the time-averaged error of SGD of a linear unit on Gaussian inputs of given variances."""
    scales = torch.tensor(input_variances, dtype=torch.float64)[:, None]
    d, r = scales.shape[0], chunk.replicas
    w = torch.zeros(d, r, dtype=torch.float64)
    total = torch.zeros(r, dtype=torch.float64)
    for step in range(burn + average):
        push = torch.zeros_like(w)
        for _ in range(batch_size):
            x = scales.sqrt() * chunk.normal(d, r)
            residual = noise_variance**0.5 * chunk.normal(r) - (w * x).sum(0) / d**0.5
            push += residual * x
        w += learning_rate / batch_size / d**0.5 * push
        if step >= burn:
            total += (scales * w * w).sum(0) / (2 * d)
    return total / average
