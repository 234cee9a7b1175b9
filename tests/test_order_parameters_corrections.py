"""Corrections and limits beyond the ODE: mean bias, idle students, information exponents, anisotropic inputs."""

from __future__ import annotations

from typing import Any

import pytest

import theory
from theory.gate import gate
from theory.order_parameters.response import linearise, slow_drift, wide_floor

STATE = {
    "activation": "erf",
    "student_overlap": [[0.9, 0.2], [0.2, 0.7]],
    "teacher_student_overlap": [[0.3], [-0.2]],
    "teacher_overlap": [[1.1]],
    "learning_rate": 0.8,
    "noise_variance": 0.3,
}


def _value(name: str, **values: Any) -> Any:
    return theory.law(f"order_parameters.{name}")(**values)


def test_mean_bias_of_a_linear_unit_is_that_of_the_exact_recursion() -> None:
    eta, noise, batch, time, q, m = 0.6, 0.4, 2, 0.25, 0.9, 0.3
    found = _value(
        "fluctuation.mean_bias", activation="linear", student_overlap=q, teacher_student_overlap=m, teacher_overlap=1.2,
        learning_rate=eta, noise_variance=noise, batch_size=batch, time=time, dimension=1,
    )  # fmt: skip
    excess = []
    for d in (2000, 4000):
        x, r = m, q - 2 * m + 1.2
        for _ in range(int(time * d)):
            x += eta / d * (1.2 - x)
            length = (d + 2) / d / batch + (batch - 1) / batch / d
            r += (-2 * eta * r + eta**2 * (length * r + noise / batch)) / d
        law = _value(
            "trajectory.linear", student_overlap=q, teacher_student_overlap=m, teacher_overlap=1.2,
            learning_rate=eta, noise_variance=noise, batch_size=batch, time=time,
        )  # fmt: skip
        excess.append([d * (x - law[1]), d * (r + 2 * x - 1.2 - law[0])])
    limit = [2 * b - a for a, b in zip(*excess, strict=True)]
    assert found == pytest.approx(limit, abs=1e-5)


def test_idle_pair_grows_late_as_the_two_thirds_power_of_time() -> None:
    point = {"width": 1, "idle_overlap": 1.0, "learning_rate": 0.1, "noise_variance": 0.1}
    early, late = (_value("overparametrised.relaxation", **point, time=t)[0] for t in (1e9, 8e9))
    assert late / early == pytest.approx(4, rel=1e-3)


def test_idle_pair_raises_the_floor_less_the_longer_it_is() -> None:
    assert slow_drift(1, 2.0)[1] < slow_drift(1, 0.5)[1] < wide_floor(1, 2)


def test_one_extra_student_relaxes_exponentially() -> None:
    import numpy as np

    near = linearise(np.diag([1.0, 0.0]), np.array([[1.0], [0.0]]))
    assert np.linalg.eigvals(near.jacobian).real.max() < -0.03


@pytest.mark.parametrize(("unit", "power"), [("x**3 - 3*x", 1), ("x**4 - 6*x**2 + 3", 2)])
def test_escape_time_is_a_power_of_the_initial_overlap(unit: str, power: int) -> None:
    slow, fast = (
        _value("information_exponent.escape_time", activation=unit, learning_rate=0.2, initial_overlap=m, target_overlap=0.2)
        for m in (1e-6, 2e-6)
    )  # fmt: skip
    assert slow / fast == pytest.approx(2**power, rel=1e-4)


def test_units_without_a_common_component_have_no_escape_time() -> None:
    with pytest.raises(theory.DomainError, match="share"):
        _value("information_exponent.escape_time", activation="hermite2", teacher_activation="erf", learning_rate=0.2,
               initial_overlap=0.01, target_overlap=0.2)  # fmt: skip


def test_copies_of_a_student_have_equal_rates() -> None:
    first, second = _value("ode.identical_students", **STATE)
    assert first == pytest.approx(second)


def test_isotropic_inputs_close_in_the_overlaps() -> None:
    found = _value("anisotropic.nonlinear", activation="erf", input_variances=[1.0, 1.0], student_weights=[0.9, 0.4],
                   teacher_weights=[0.2, 1.1], learning_rate=0.7, noise_variance=0.2)  # fmt: skip
    overlaps = {"student_overlap": (0.81 + 0.16) / 2, "teacher_student_overlap": (0.18 + 0.44) / 2,
                "teacher_overlap": (0.04 + 1.21) / 2}  # fmt: skip
    ode = {"activation": "erf", **overlaps, "learning_rate": 0.7, "noise_variance": 0.2}
    assert found[0] == pytest.approx(_value("ode.student_overlap", **ode)[0][0])
    assert found[1] == pytest.approx(_value("ode.teacher_overlap", **ode)[0][0])


@pytest.mark.parametrize("name", ["fluctuation.general", "anisotropic.nonlinear", "information_exponent.escape_time"])
def test_law_agrees_with_its_definition(name: str) -> None:
    law = theory.law(f"order_parameters.{name}")
    assert max(point.error for point in gate(law, 1, seed=4)) <= law.tolerance


def test_covariance_of_transcendental_units_is_refused() -> None:
    with pytest.raises(theory.DomainError, match="polynomial"):
        _value("fluctuation.general", **STATE)
