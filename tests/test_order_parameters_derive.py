"""The derive commands of the family: results, errors, JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from checks.derive_order_parameters import register
from theory.errors import TheoryError
from theory.order_parameters.derive_equations import derive_order_parameters
from theory.order_parameters.derive_mean import derive_gaussian_expectation
from theory.order_parameters.derive_phase import derive_perfect_learning, derive_phase

STATE = {"Q": [[1.0, 0.2], [0.2, 0.9]], "M": [[0.3], [0.1]], "P": [[1.1]], "learning_rate": 0.5, "noise_variance": 0.1}


def test_hermite_committee_is_expanded_and_checked() -> None:
    found = derive_order_parameters("x**3 - 3*x", 2, 1, at=STATE)
    assert found["self_check"]["passed"]
    assert len(found["equations"]["dQ"]) == 2
    assert found["dQ"] == [
        [a + b for a, b in zip(r, s, strict=True)] for r, s in zip(found["dQ_learning"], found["dQ_noise"], strict=True)
    ]


def test_mixed_activation_with_a_parameter_and_trained_layer() -> None:
    state = {**STATE, "second_layer_learning_rate": 0.3, "parameters": {"c": 0.4}}
    found = derive_order_parameters("erf(x/sqrt(2)) + c*x", 2, 1, second_layer="trained", at=state)
    assert found["self_check"]["passed"]
    assert len(found["da"]) == 2


def test_relu_lists_one_form_per_coincidence() -> None:
    found = derive_order_parameters("relu", 1, 1)
    patterns = [tuple(e["pattern"]) for e in found["expectations"]["I4"] if e["kind"] == "ss"]
    assert len(patterns) == len(set(patterns)) == 15
    assert sum(e["remaining_integral"] is not None for e in found["expectations"]["I4"] if e["kind"] == "ss") == 1


def test_teacher_may_be_a_sign() -> None:
    found = derive_order_parameters("erf", 1, 1, teacher_activation="sign(x)")
    assert found["equations"]["dM"][0][0]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"activation_text": "sign(x)", "students": 1, "teachers": 1}, "gradient"),
        ({"activation_text": "tanh(x)", "students": 1, "teachers": 1}, "tanh"),
        ({"activation_text": "erf", "students": 9, "teachers": 9}, "at most 12"),
        ({"activation_text": "erf", "students": 1, "teachers": 1, "batch": 0}, "at least 1"),
        ({"activation_text": "erf", "students": 2, "teachers": 1, "at": {**STATE, "colour": 1}}, "colour"),
        ({"activation_text": "erf", "students": 2, "teachers": 1, "at": {**STATE, "M": [[3.0], [0.1]]}}, "eigenvalue"),
        (
            {"activation_text": "erf", "students": 2, "teachers": 1, "at": {**STATE, "batch_size": 2}, "batch": 3},
            "differ",
        ),
    ],
)
def test_wrong_models_are_errors_with_a_remedy(arguments: dict[str, object], word: str) -> None:
    with pytest.raises(TheoryError, match=word):
        derive_order_parameters(**arguments)


def test_quadrature_replaces_a_missing_closed_form_on_request() -> None:
    found = derive_order_parameters("tanh(x)", 2, 1, at=STATE, allow_quadrature=True)
    assert found["method"] == "quadrature"
    assert found["equations"] is None
    assert found["value"]["generalisation_error"] > 0


def test_gaussian_expectation_with_numbers() -> None:
    at = {"covariance": [[1.1, 0.4], [0.4, 0.7]], "parameters": {"g": 1.2}}
    found = derive_gaussian_expectation("erf(g*x)*y", "x,y", at)
    assert found["value"] == pytest.approx(2 * 1.2 * 0.4 / (3.141592653589793 * (1 + 2 * 1.44 * 1.1)) ** 0.5)


def test_identical_variables_are_merged_in_numbers() -> None:
    at = {"covariance": [[1.3, 1.3], [1.3, 1.3]]}
    assert derive_gaussian_expectation("Max(x,0)*Max(y,0)", "x,y", at)["value"] == pytest.approx(0.65)


@pytest.mark.parametrize(
    ("expression", "at", "word"),
    [
        ("tanh(x)", None, "tanh"),
        ("x*y", {"covariance": [[1, 2], [2, 1]]}, "semidefinite"),
        ("erf(g*x)*y", {"covariance": [[1, 0], [0, 1]]}, "'g'"),
        ("exp(x**2)*y**2", {"covariance": [[1, 0], [0, 1]]}, "infinite"),
    ],
)
def test_wrong_means_are_errors(expression: str, at: dict[str, object] | None, word: str) -> None:
    with pytest.raises(TheoryError, match=word):
        derive_gaussian_expectation(expression, "x,y", at)


def test_growing_exponential_is_checked_where_its_mean_exists() -> None:
    small = {"covariance": [[0.1]]}
    assert derive_gaussian_expectation("exp(x**2)", "x", small)["value"] == pytest.approx((1 - 0.2) ** -0.5)


def test_mean_of_two_growing_exponentials_is_not_continued_past_infinity() -> None:
    with pytest.raises(TheoryError, match="infinite"):
        derive_gaussian_expectation("exp(x**2 + y**2)", "x,y", {"covariance": [[1.0, 0.0], [0.0, 1.0]]})


def test_network_of_growing_units_needs_small_overlaps() -> None:
    with pytest.raises(TheoryError, match="infinite"):
        derive_order_parameters("exp(x**2/4)", 2, 1, at=STATE)


def test_quadrature_that_does_not_settle_is_withheld() -> None:
    with pytest.raises(TheoryError, match="settle"):
        derive_order_parameters("Max(tanh(x), 0)", 2, 1, at=STATE, allow_quadrature=True)


@pytest.mark.parametrize("exponent", ["1e400", "1e-99999999", "9" * 60, "1001"])
def test_endless_exponents_are_refused(exponent: str) -> None:
    with pytest.raises(TheoryError, match="limit"):
        derive_phase(exponent, "0")


def test_infinite_moments_have_no_threshold() -> None:
    with pytest.raises(TheoryError, match="infinite"):
        derive_perfect_learning("exp(x**2/3)", at={"teacher_norm": 1.0, "learning_rate": 0.1})


def test_perfect_learning_offers_no_option_it_lacks() -> None:
    with pytest.raises(TheoryError, match="closed form") as caught:
        derive_perfect_learning("tanh(x)")
    assert "--allow-quadrature" not in str(caught.value)


def test_phase_reads_exponents_exactly() -> None:
    assert derive_phase("0.3", "-3/10")["regime"] == "plateau"
    assert derive_phase("1", "-1.5")["regime"] == "no_ode"
    assert derive_phase("0.2", "0.15")["limit_exponent"] == pytest.approx(0.35)


def test_perfect_learning_has_no_floor_above_the_threshold() -> None:
    found = derive_perfect_learning("quadratic", at={"teacher_norm": 1.0, "learning_rate": 0.3, "noise_variance": 0.1})
    assert found["noise_floor"] is None
    assert found["critical_learning_rate"] == pytest.approx(1 / 6)


def test_commands_print_one_json_document(tmp_path: Path) -> None:
    app, runner = typer.Typer(), CliRunner()
    register(app)
    state = tmp_path / "state.json"
    state.write_text(json.dumps(STATE))
    calls = [
        ["phase", "--kappa", ".2", "--delta", "-0.2", "--json"],
        ["phase", "--kappa=.2", "--delta=-0.2", "--json"],
        [
            "perfect-learning",
            "--activation",
            "erf",
            "--at",
            "teacher_norm=1,learning_rate=0.4,noise_variance=0.1",
            "--json",
        ],
        ["gaussian-expectation", "--expression", "x*y", "--variables", "x,y", "--json"],
        ["order-parameters", "--activation", "erf", "--students", "2", "--teachers", "1", "--at", str(state), "--json"],
    ]
    for call in calls:
        result = runner.invoke(app, call)
        assert result.exit_code == 0, result.output
        json.loads(result.output)
