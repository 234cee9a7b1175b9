"""The mean of one unit at finite dimension: exact for linear units, and the second order of the bias."""

from __future__ import annotations

from typing import Any

import pytest

import theory
from checks.check_order_parameters_fluctuations import FAST, SECOND_ORDER
from theory.errors import DerivationError
from theory.order_parameters.closure import finite_mean
from theory.order_parameters.trajectory import integrate


def test_closure_of_a_linear_unit_is_its_exact_recursion() -> None:
    eta, noise, d, steps, q, m, p = 0.7, 0.4, 60, 6, 0.9, 0.3, 1.2
    found = finite_mean(
        {"activation": "linear", "student_overlap": q, "teacher_student_overlap": m, "teacher_overlap": p,
         "learning_rate": eta, "noise_variance": noise, "dimension": d, "time": steps / d}
    )  # fmt: skip
    x, r = m, q - 2 * m + p
    for _ in range(steps):
        x += eta / d * (p - x)
        r += (-2 * eta * r + eta**2 * ((d + 2) / d * r + noise)) / d
    assert found == pytest.approx([x, r + 2 * x - p], rel=1e-10)


def test_margin_of_the_bias_is_its_second_order() -> None:
    given: dict[str, Any] = {k: v for k, v in FAST.items() if k != "time"}
    q, m, _ = integrate(given, FAST["time"])
    dimension = 320
    bias = theory.law("order_parameters.fluctuation.mean_bias")(**FAST, dimension=dimension)
    means = finite_mean({**FAST, "dimension": dimension})
    found = [(x - y - b) * dimension**2 for x, y, b in zip(means, (m, q), bias, strict=True)]
    # at d = 640 it is 1.169 and 7.43
    assert found == pytest.approx([1.166, 7.066], rel=2e-3)
    assert found == pytest.approx(SECOND_ORDER, rel=0.12)


def test_dimension_too_small_for_the_expansion_is_refused() -> None:
    with pytest.raises(DerivationError, match="larger dimension"):
        finite_mean({**FAST, "dimension": 40})


def test_batches_and_committees_are_refused() -> None:
    with pytest.raises(DerivationError, match="batch one"):
        finite_mean({**FAST, "dimension": 40, "batch_size": 2})
