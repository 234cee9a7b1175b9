"""The laws of the family at the printed illustrations, and their boundary."""

from __future__ import annotations

import pytest

import theory
from theory.gate import gate
from theory.order_parameters.laws import LAWS

C4 = [[1.1, 0.4, -0.2, 0.3], [0.4, 0.7, 0.15, 0.1], [-0.2, 0.15, 1.25, -0.35], [0.3, 0.1, -0.35, 0.9]]
ILLUSTRATIONS = {
    "i2.erf": 0.135801542, "i3.erf": 0.0553226693, "i4.erf": -0.0355318894, "j2.erf": 0.344748935,
    "i2.relu": 0.254436365, "i3.relu": 0.100277660, "i4.relu": 0.0420284358, "j2.relu": 0.325330952,
    "i3.sine": 0.0721229478, "i4.sine": -0.0491083027, "i3.hermite2": 0.08, "i4.hermite2": 0.296,
    "i2.cubic": 3.156, "i3.cubic": 0.16425,
}  # fmt: skip
COSTLY = (
    "i4.relu", "orthant_probability", "spectrum", "clt", "mehler", "escape_rate", "escape_time", "mean_bias",
    "relaxation", "small_rate", "general", "nonlinear", "identical_students", "one_step.student_overlap",
    "plateau.error", "plateau.rectangular", "trajectory.overlaps", "whitened_inputs", "raw_pixels",
)  # fmt: skip
CHEAP = [law for law in LAWS if not law.id.endswith(COSTLY)]


def _value(name: str, **values: object) -> object:
    return theory.law(f"order_parameters.{name}")(**values)


@pytest.mark.parametrize("name", ILLUSTRATIONS)
def test_expectations_have_the_printed_values(name: str) -> None:
    assert _value(name, covariance=C4) == pytest.approx(ILLUSTRATIONS[name], rel=1e-8)


@pytest.mark.parametrize("law", CHEAP, ids=lambda law: law.id.split(".", 1)[1])
def test_law_agrees_with_its_definition(law: theory.Law) -> None:
    assert max(point.error for point in gate(law, 1, seed=3)) <= law.tolerance


def test_plateau_has_the_printed_values() -> None:
    assert _value("plateau.overlaps", width=2, teacher_norm=1.3) == pytest.approx(
        [0.3939393939393939, 0.5060243137049902]
    )
    assert _value("plateau.error", width=2, teacher_norm=1.3) == pytest.approx(0.0176163, abs=1e-7)
    assert _value("plateau.escape_rate", width=2, teacher_norm=1.3, learning_rate=1.0) == pytest.approx(
        0.0826536, abs=1e-7
    )


def test_committee_threshold_has_the_printed_values() -> None:
    assert _value("critical_learning_rate.committee_erf", width=5, teacher_norm=1.0) == pytest.approx(
        1.0164483, abs=1e-7
    )
    assert _value("critical_learning_rate.committee_erf", width=6, teacher_norm=2.2) == pytest.approx(
        1.0810198, abs=1e-7
    )


def test_one_unit_is_a_committee_of_one() -> None:
    single = _value("critical_learning_rate.erf", teacher_norm=1.4)
    assert _value("critical_learning_rate.committee_erf", width=1, teacher_norm=1.4) == pytest.approx(single)


def test_weight_decay_floor_has_the_printed_value() -> None:
    found = _value(
        "noise_floor.linear_weight_decay",
        learning_rate=0.7,
        weight_decay_rate=0.1,
        teacher_overlap=1.2,
        noise_variance=0.3,
    )
    assert found == pytest.approx(0.0797297, abs=1e-7)


def test_quadratic_increment_variance_is_the_printed_polynomial() -> None:
    q, m, r, eta, noise = 0.9, 0.35, 1.2, 0.7, 0.4
    found = _value("increment_covariance.quadratic", student_overlap=[[q]], teacher_student_overlap=[[m]],
                   teacher_overlap=[[r]], learning_rate=eta, noise_variance=noise)  # fmt: skip
    printed = 8 * noise * m**2 + 4 * noise * q * r - 192 * m**4 + 324 * m**2 * q**2 - 504 * m**2 * q * r
    printed += 324 * m**2 * r**2 + 60 * q**3 * r - 72 * q**2 * r**2 + 60 * q * r**3
    assert found[0] == pytest.approx(eta**2 * printed)


def test_plateau_line_is_found_exactly() -> None:
    assert _value("phase.regime", kappa=0.3, delta=-0.3) == "plateau"
    assert _value("phase.limit_exponent", kappa=0.3, delta=-0.3) == pytest.approx(0.5)
    assert _value("phase.convergence_exponent", kappa=0.1, delta=-0.9) is None


def test_identical_relu_students_use_the_coincident_form() -> None:
    twin = [[1.1, 1.1, 0.3, 0.2], [1.1, 1.1, 0.3, 0.2], [0.3, 0.3, 0.8, 0.1], [0.2, 0.2, 0.1, 0.9]]
    same = _value("i4.relu", covariance=twin, indices=[1, 2, 3, 4])
    assert same == pytest.approx(_value("i4.relu", covariance=twin, indices=[1, 1, 3, 4]))


def test_number_stands_for_a_one_by_one_matrix() -> None:
    point = {
        "activation": "erf",
        "student_overlap": 0.9,
        "teacher_student_overlap": 0.3,
        "teacher_overlap": 1.1,
        "learning_rate": 0.5,
    }
    assert _value("ode.student_overlap", **point)[0][0] == pytest.approx(
        _value("ode.student_overlap", **(point | {"student_overlap": [[0.9]]}))[0][0])  # fmt: skip


@pytest.mark.parametrize(
    ("name", "values", "word"),
    [
        ("i2.erf", {"covariance": [[1.0, 2.0], [2.0, 1.0]]}, "semidefinite"),
        ("i2.erf", {"covariance": C4, "indices": [1, 9]}, "positions"),
        ("noise_floor.quadratic", {"learning_rate": 0.4, "noise_variance": 0.1, "teacher_norm": 1.0}, "below"),
        ("phase.learning_term_exponent", {"kappa": -0.1, "delta": 0.0}, "kappa"),
    ],
)
def test_values_outside_the_domain_are_errors(name: str, values: dict[str, object], word: str) -> None:
    with pytest.raises(theory.DomainError, match=word):
        _value(name, **values)
