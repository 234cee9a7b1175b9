"""Every law of the family against its definition, and the identities which tie the laws together."""

from __future__ import annotations

import math

import pytest
import sympy as sp

from theory.errors import DomainError
from theory.gate import gate
from theory.principal_flow.jets import jet_terms
from theory.principal_flow.laws import LAWS
from theory.principal_flow.minimalist_laws import final_gap
from theory.trees import coefficient
from theory.trees.rooted import path

BY_ID = {law.id.removeprefix("principal_flow."): law for law in LAWS}


@pytest.mark.parametrize("name", sorted(n for n, law in BY_ID.items() if law.definition is not None))
def test_closed_form_equals_definition(name):
    for point in gate(BY_ID[name], points=3, seed=5):
        assert point.error <= BY_ID[name].tolerance, point


@pytest.mark.parametrize("name", sorted(BY_ID))
def test_every_declared_mutant_differs_from_the_law(name):
    law = BY_ID[name]
    points = law.generic_points(30 if law.parameters else 1, seed=2)
    for mutant in law.mutants:
        assert any(_differ(mutant.evaluate(law, v), law(**v)) for v in points), mutant.name


def _differ(wrong, right):
    return wrong != (right if isinstance(right, str) else pytest.approx(right, rel=1e-9))


def test_a_measured_claim_names_its_experiment_instead_of_a_number():
    law = BY_ID["aligned_gain"]
    assert law.definition is None
    assert "sgdlaws check aligned_gain" in law.evaluate()


def test_jet_ring_gives_the_printed_fifth_term():
    g = sp.symbols("g0:6")
    printed = (
        g[0] ** 4 * g[4] / 720 + g[0] ** 3 * g[1] * g[3] / 360 - g[0] ** 3 * g[2] ** 2 / 120
        - sp.Rational(29, 120) * g[0] ** 2 * g[1] ** 2 * g[2] - g[0] * g[1] ** 4 / 5
    )  # fmt: skip
    assert sp.expand(jet_terms(5)[0][4].as_expr(*g) - printed) == 0


def test_principal_coefficient_sums_the_ladders_inside_the_unit_circle():
    law = BY_ID["coefficient.principal"]
    x = 0.31
    ladders = sum(float(coefficient(path(n))) * (-1) ** n * x ** (n - 1) for n in range(1, 41))
    assert law(scaled_curvature=x) == pytest.approx([ladders, 0.0], abs=1e-14)


def test_truncations_leave_the_principal_coefficient_outside_the_unit_circle():
    exact = BY_ID["coefficient.principal"](scaled_curvature=1.4)[0]
    errors = [abs(BY_ID["coefficient.truncated"](scaled_curvature=1.4, order=n) - exact) for n in (2, 6, 12)]
    assert errors[0] < errors[1] < errors[2]


def test_principal_coefficient_at_zero_is_minus_one():
    assert BY_ID["coefficient.principal"](scaled_curvature=0.0) == [-1.0, 0.0]
    assert BY_ID["coefficient.principal"](scaled_curvature=1e-14) == pytest.approx([-1.0, 0.0])


def test_singular_coefficient_is_refused():
    with pytest.raises(DomainError, match="singular"):
        BY_ID["coefficient.principal"](scaled_curvature=1.0)


def test_the_solution_equals_the_iterates_at_integer_steps():
    value = BY_ID["quadratic_solution"](learning_rate=0.4, curvature=6.3, initial_value=0.7, steps=3)
    assert value == pytest.approx([0.7 * (1 - 0.4 * 6.3) ** 3, 0.0], abs=1e-13)


def test_sign_change_of_the_fourth_truncation():
    law = BY_ID["coefficient.truncated_sign_change"]
    assert law(order=2) == pytest.approx(-2.0)
    assert law(order=4) == pytest.approx(-1.6214, abs=5e-5)
    with pytest.raises(DomainError, match="even"):
        law(order=3)


def test_momentum_zero_reduces_to_gradient_descent():
    for name in ("heavy_ball", "nesterov"):
        value = BY_ID[f"coefficient.{name}"](scaled_curvature=0.37, momentum=0.0)
        assert value == pytest.approx(BY_ID["coefficient.principal"](scaled_curvature=0.37))
        assert BY_ID[f"modified_loss.{name}"](learning_rate=0.2, momentum=0.0) == pytest.approx(0.05)
        assert BY_ID[f"stability_limit.{name}"](momentum=0.0) == pytest.approx(2.0)


def test_rmsprop_is_adam_without_momentum():
    values = {
        "learning_rate": 0.05, "second_moment_decay": 0.8, "epsilon": 0.3, "gradient": [0.7, -0.4],
        "hessian": [[1.1, 0.3], [0.3, -0.6]],
    }  # fmt: skip
    rms = BY_ID["modified_field.rmsprop"](**values)
    assert rms == pytest.approx(BY_ID["modified_field.adam.epsilon_inside"](momentum=0.0, **values))


def test_dal_rate_without_cap_and_with_a_binding_cap():
    law = BY_ID["dal.learning_rate"]
    values = {"gradient_components": [0.7, -0.4], "curvatures": [2.0, 0.5], "dal_power": 1.0}
    free = law(**values)
    assert free == pytest.approx(2 * math.hypot(0.7, 0.4) / math.hypot(1.4, 0.2))
    assert law(**values, learning_rate_cap=0.5) == 0.5


def test_a_heavy_ball_coefficient_may_be_asked_at_any_level_sequence():
    law = BY_ID["tree_coefficient.heavy_ball"]
    assert law(tree=[0, 1, 1, 2], momentum=0.4) == law(tree=[0, 1, 2, 1], momentum=0.4)
    with pytest.raises(DomainError, match="level sequence"):
        law(tree=[0, 2], momentum=0.4)


def test_global_error_of_gradient_flow_on_a_quadratic_is_half_h_lambda_squared_time():
    law = BY_ID["global_error.truncated"]
    value = law(gradient_jet=[0.8, 0.5], learning_rate=0.1, order=1, end_point=-0.4)
    assert value == pytest.approx(-0.05 * 0.6 * math.log(0.8 / 0.6))
    with pytest.raises(DomainError, match="downhill"):
        law(gradient_jet=[0.8, 0.5], learning_rate=0.1, order=1, end_point=0.4)


@pytest.mark.parametrize("tree", [[0, 1], [0, 1, 1], [0, 1, 2, 1]])
def test_runge_kutta_tableaux_of_euler_give_the_explicit_and_the_proximal_step(tree):
    law = BY_ID["tree_coefficient.runge_kutta"]
    explicit = law(tree=tree, stage_matrix=[[0.0]], stage_weights=[1.0])
    implicit = law(tree=tree, stage_matrix=[[1.0]], stage_weights=[1.0])
    assert explicit == pytest.approx(BY_ID["tree_coefficient.gd"](tree=tree))
    assert implicit == pytest.approx(BY_ID["tree_coefficient.proximal"](tree=tree))


def test_shuffling_equal_batches_is_gradient_descent_to_third_order():
    value = BY_ID["modified_field.sgd_shuffled_third_order"](
        learning_rate=0.1, batch_gradients=[0.7] * 3, batch_curvatures=[1.3] * 3, batch_third_derivatives=[-0.8] * 3
    )
    expected = BY_ID["modified_field.scalar"](gradient_jet=[0.7, 1.3, -0.8], learning_rate=0.1, order=3)
    assert value == pytest.approx(expected)


def test_the_correction_of_the_principal_flow_vanishes_on_quadratics():
    law = BY_ID["local_error.principal_corrected"]
    assert law(loss="x^2 + x*y/3 + y^2/5", point=[0.7, -1.1], learning_rate=0.2) == pytest.approx([0.0, 0.0])


def test_the_end_of_the_edge_of_stability_does_not_depend_on_the_start():
    gaps = [final_gap(0.06, excess, offset) for excess, offset in ((0.3, 0.01), (0.18, 0.04), (0.45, 0.02))]
    assert gaps == pytest.approx([gaps[0]] * 3, rel=1e-8)
    assert gaps[0] == pytest.approx(0.03, rel=0.04)


def test_one_eigenvalue_at_the_edge_is_the_case_of_several():
    several, one = BY_ID["central_flow.variances"], BY_ID["central_flow.variance"]
    row, gradient = [1.4, -0.5], [-0.31, 0.12]
    assert several(gradient=gradient, sharpness_gradients=[row]) == pytest.approx(
        [one(gradient=gradient, sharpness_gradient=row)]
    )
