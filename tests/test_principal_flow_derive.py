"""`derive modified-equation` and `derive principal-flow`: exact known results, independent routes, clear errors."""

from __future__ import annotations

import json

import numpy as np
import pytest
import sympy as sp
from scipy.linalg import logm
from typer.testing import CliRunner

from checks.cli import app
from theory.errors import TheoryError
from theory.principal_flow.modified_equation import derive_modified_equation
from theory.principal_flow.principal import derive_principal_flow

LOSS = {"losses": ["x**4/4 + cos(x)*y + y**2"], "variables": "x,y"}


def test_trees_are_listed_with_both_normalisations():
    result = derive_modified_equation("gd", 4)
    rows = {row["tree"]: row for row in result["trees"]}
    assert (rows["[..]"]["coefficient"], rows["[..]"]["b_coefficient"], rows["[..]"]["symmetry"]) == ("1/12", "1/6", 2)
    assert rows["[[.].]"]["levels"] == [0, 1, 2, 1]
    assert result["next_order"] == 4


def test_momentum_values_need_the_momentum():
    assert derive_modified_equation("heavy-ball", 2)["value"] is None
    assert derive_modified_equation("heavy-ball", 2, at="momentum=1/2")["value"] == [[2.0], [-6.0]]


def test_second_order_field_is_the_regularised_gradient_flow():
    x, y = sp.symbols("x y", real=True)
    result = derive_modified_equation("gd", 2, **LOSS)
    names = {"x": x, "y": y, "learning_rate": sp.Symbol("learning_rate", real=True)}
    from theory.parse import parse_expression

    loss = parse_expression(result["modified_loss"], names)
    for text, v in zip(result["field"], (x, y), strict=True):
        assert sp.expand(parse_expression(text, names) + sp.diff(loss, v)) == 0


def test_third_order_is_no_gradient_in_two_dimensions_but_is_in_one_and_on_quadratics():
    assert derive_modified_equation("gd", 3, **LOSS)["gradient_field"] == [True, True, False]
    assert derive_modified_equation("gd", 4, losses=["x**3+x"], variables="x")["gradient_field"] == [True] * 4
    assert derive_modified_equation("gd", 4, losses=["x**2+x*y+y**2"], variables="x,y")["gradient_field"] == [True] * 4


@pytest.mark.parametrize("method", ["gd", "heavy-ball", "nesterov", "proximal"])
def test_fields_at_a_point_survive_the_independent_route(method):
    extra = ",momentum=0.7" if method in ("heavy-ball", "nesterov") else ""
    result = derive_modified_equation(method, 4, **LOSS, at="x=0.2,y=1.1,learning_rate=0.03" + extra)
    total = [sum(0.03**p * row[c] for p, row in enumerate(result["terms"])) for c in range(2)]
    assert result["value"] == pytest.approx(total, rel=1e-12)


def test_the_field_predicts_the_step_to_its_order():
    """One step of gradient descent against the flow of the field with four terms, in one dimension."""
    from scipy.integrate import solve_ivp

    h, start = 0.05, 0.3

    def field(_t, state):
        at = f"x={float(state[0])!r},learning_rate={h}"
        return derive_modified_equation("gd", 4, losses=["x**4/4+x**2"], variables="x", at=at)["value"]

    flow = solve_ivp(field, (0, h), [start], rtol=1e-9, atol=1e-12).y[0, -1]
    next_term = derive_modified_equation(
        "gd", 5, losses=["x**4/4+x**2"], variables="x", at=f"x={start},learning_rate={h}"
    )
    error = start - h * (start**3 + 2 * start) - flow
    assert error == pytest.approx(h**5 * next_term["terms"][4][0], rel=0.15)


def test_shuffled_and_iid_fields_differ_and_are_gradients():
    losses = {"losses": ["x**2+sin(x)", "x**4", "exp(x)"], "variables": "x", "at": "x=0.3,learning_rate=0.1"}
    shuffled = derive_modified_equation("sgd-shuffled", 2, **losses)
    iid = derive_modified_equation("sgd-iid", 2, **losses)
    assert shuffled["terms"][0] == iid["terms"][0]
    assert shuffled["terms"][1] != pytest.approx(iid["terms"][1], rel=0.05)
    assert shuffled["gradient_field"] == iid["gradient_field"] == [True, True]


def test_the_inverse_integrator_has_the_opposite_second_term():
    point = {"at": "x=0.2,y=1.1,learning_rate=0.03"}
    forward = derive_modified_equation("gd", 2, **LOSS, **point)["terms"]
    inverse = derive_modified_equation("gd", 2, **LOSS, **point, inverse=True)["terms"]
    assert inverse[0] == forward[0]
    assert inverse[1] == pytest.approx([-v for v in forward[1]])


@pytest.mark.parametrize(
    ("method", "order", "options", "message"),
    [
        ("foo", 2, {}, "choose one of gd"),
        ("gd", 11, {}, r"1\.\.10"),
        ("nesterov", 9, {}, r"1\.\.8"),
        ("sgd-iid", 3, {}, r"1\.\.2"),
        ("sgd-iid", 2, {"losses": ["x"], "variables": "x"}, "at least twice"),
        ("gd", 2, {"losses": ["x", "x"], "variables": "x"}, "one loss"),
        ("gd", 2, {"losses": ["Max(x,0)"], "variables": "x"}, "not differentiable"),
        ("gd", 2, {"losses": ["x*z"], "variables": "x"}, "'z' is unknown"),
        ("gd", 2, {"losses": ["x**2"], "variables": "x", "at": "x=1"}, "lacks 'learning_rate'"),
        ("gd", 2, {"losses": ["x**2"], "variables": "x", "at": "x=1,learning_rate=.1,q=2"}, "'q'"),
        ("heavy-ball", 2, {"at": "momentum=1"}, r"\[0, 1\)"),
        ("adam", 3, {"losses": ["x**2"], "variables": "x"}, "give --at"),
        ("gd", 3, {"losses": ["log(x)"], "variables": "x", "at": "x=0,learning_rate=.1"}, "move the point"),
        ("rmsprop", 2, {"losses": ["x"], "variables": "x",
                        "at": "x=1,learning_rate=.1,second_moment_decay=.9,epsilon=0"}, "epsilon"),
    ],
)  # fmt: skip
def test_wrong_requests_name_the_remedy(method, order, options, message):
    with pytest.raises(TheoryError, match=message):
        derive_modified_equation(method, order, **options)


@pytest.mark.parametrize("placement", ["inside", "outside"])
def test_adam_is_checked_against_its_formal_orbit(placement):
    at = "x=0.3,y=0.2,learning_rate=0.01,momentum=0.6,second_moment_decay=0.8,epsilon=0.1"
    result = derive_modified_equation(
        "adam", 3, losses=["x**2+sin(x*y)"], variables="x,y", at=at, epsilon_placement=placement
    )
    assert len(result["terms"]) == 3


def test_principal_flow_equals_the_matrix_logarithm():
    at = "x=0.2,y=1.1,learning_rate=0.3"
    result = derive_principal_flow("x**4/4 + cos(x)*y + y**2", "x,y", at=at)
    h, hess = 0.3, np.array(result["hessian_value"])
    field = logm(np.eye(2) - h * hess) @ np.linalg.solve(h * hess, np.array(result["gradient_value"]))
    assert np.array(result["field"]) == pytest.approx(np.stack([field.real, 0 * field.real], 1), abs=1e-12)
    assert result["exactness"] == "asymptotic"
    assert result["local_error_order"] == 3


def test_regimes_and_the_branch_of_the_logarithm():
    result = derive_principal_flow(
        "x**2/2 + 1.5*y**2 - z**2 + 0*w + 0.25*u**2", "x,y,z,w,u", at="x=1,y=1,z=1,w=1,u=1,learning_rate=1.5"
    )
    assert result["regimes"] == ["diverging", "oscillating", "real", "neutral", "repelling"]
    assert result["alpha"][0][1] == pytest.approx(np.pi / 4.5)
    assert result["alpha"][3] == [-1.0, 0.0]


def test_degenerate_eigenvalues_share_one_component():
    result = derive_principal_flow("x**2+3*y**2+z**2", "x,y,z", at="x=1,y=2,z=0.5,learning_rate=0.2")
    coefficients = [re for re, _ in result["stability_coefficients"]]
    assert coefficients[2] == 0.0
    assert coefficients[1] == pytest.approx(np.log(1 - 0.4) / 0.4 * np.hypot(2, 1))


def test_one_step_convergence_is_an_error():
    with pytest.raises(TheoryError, match="one-step convergence"):
        derive_principal_flow("x**2/2", "x", at="x=1,learning_rate=1")


def test_symbolic_field_of_two_variables_agrees_with_its_numbers():
    text = derive_principal_flow("x**2 + x*y + 1.5*y**2", "x,y")["field"]
    numbers = derive_principal_flow("x**2 + x*y + 1.5*y**2", "x,y", at="x=0.4,y=0.7,learning_rate=0.1")["field"]
    namespace = {"x": 0.4, "y": 0.7, "learning_rate": 0.1}
    symbols = {name: sp.Symbol(name, real=True) for name in namespace}
    from theory.parse import parse_expression

    values = [parse_expression(f, symbols).subs({symbols[k]: v for k, v in namespace.items()}) for f in text]
    assert [float(v) for v in values] == pytest.approx([a for a, _ in numbers])


def test_commands_print_one_json_document():
    runner = CliRunner()
    args = ["derive", "modified-equation", "--method", "gd", "--order", "3", "--json"]
    done = runner.invoke(app, args)
    assert done.exit_code == 0
    assert json.loads(done.stdout)["value"][2] == pytest.approx([1 / 3, 1 / 12])
    args = ["derive", "principal-flow", "--loss", "x**2", "--variables", "x", "--json"]
    args += ["--at", "x=1,learning_rate=0.75"]
    assert json.loads(runner.invoke(app, args).stdout)["regimes"] == ["oscillating"]
