"""Saddle types: the catalogue's examples, a numeric implementation on finite data, and every refusal."""

from __future__ import annotations

import itertools
import json
import random
from typing import Any

import numpy as np
import pytest
import sympy as sp

from theory.errors import DerivationError, ParseError, TheoryError
from theory.stability.data_moments import MomentTable, data_polynomial
from theory.stability.eigenspaces import directions, eigenspaces
from theory.stability.saddle import classify_saddle, saddle_report_from_text

u, w, b, x, y = sp.symbols("u w b x y", real=True)


def _E(text: str, **assumptions: bool) -> sp.Symbol:
    return sp.Symbol(f"E[{text}]", **(assumptions or {"real": True}))


def test_the_scalar_net_is_type_two_for_every_sign_of_the_correlation():
    report = saddle_report_from_text("(u*w*x - y)**2", "u,w", "x,y")
    assert (report.type, report.critical, report.conditions) == ("II", True, ("E[x*y] != 0",))
    assert report.sample_hessian == sp.ImmutableMatrix([[0, -2 * x * y], [-2 * x * y, 0]])
    assert report.hessian_eigenvalues == (-2 * _E("x*y"), 2 * _E("x*y"))
    assert report.escape_directions == (sp.ImmutableMatrix([[1, 1]]) / sp.sqrt(2),)
    assert (report.escape_noise, report.noise_trace, report.commuting) == (0, 0, True)
    assert report.as_dict()["multipliers"] == ["1 - eta*(-2*x*y)", "1 - eta*(2*x*y)"]


def test_numeric_moments_give_numbers():
    report = saddle_report_from_text("(u*w*x - y)^2/2", "u,w", "x,y", moments_text="x*y=-0.3")
    assert report.as_dict()["hessian_eigenvalues"] == [-0.3, 0.3]
    assert report.as_dict()["escape_directions"] == [[pytest.approx(0.5**0.5), pytest.approx(-(0.5**0.5))]]
    assert report.conditions == ()
    assert report.multipliers == (x * y, -x * y)


@pytest.mark.parametrize("activation", ["", "tanh", "gelu", "swish", "sin", "erf"])
def test_a_local_linear_net_without_output_bias_is_type_two(activation: str):
    hidden = [f"{activation}(w{i}*x + v{i}*z)" for i in (1, 2)]
    report = saddle_report_from_text(f"(u1*{hidden[0]} + u2*{hidden[1]} - y)^2", "u1,u2,w1,w2,v1,v2", "x,z,y")
    assert report.type == "II"
    assert report.noise_covariance.is_zero_matrix
    assert len(report.escape_directions) == 2
    assert not report.commuting
    assert report.multipliers is None
    slope = sp.Rational(1, 2) if activation in ("gelu", "swish") else (2 / sp.sqrt(sp.pi) if activation == "erf" else 1)
    square = (2 * slope) ** 2 * (_E("x*y") ** 2 + _E("z*y") ** 2)
    lowest = report.hessian_eigenvalues[0].subs({_E("x*y"): 0.3, _E("z*y"): -1.1, _E("y*z"): -1.1})
    assert float(lowest) == pytest.approx(-float(sp.sqrt(square.subs({_E("x*y"): 0.3, _E("z*y"): -1.1}))))


def test_an_activation_with_an_offset_feels_noise():
    report = saddle_report_from_text("(u*sigmoid(w*x) - y)**2", "u,w", "x,y", moments_text="y=0")
    assert report.type == "I"
    assert report.conditions[0] == "E[x*y] != 0"
    assert "E[y**2]" in report.conditions[1]
    assert sp.expand(report.noise_covariance[0, 0] - _E("y**2", positive=True)) == 0


@pytest.mark.parametrize("activation", ["", "tanh"])
def test_identical_neurons_feel_no_antisymmetric_noise(activation: str):
    loss = f"(u1*{activation}(w1*x) + u2*{activation}(w2*x) - y)**2"
    if activation:
        with pytest.raises(DerivationError, match="not polynomial in the data"):
            saddle_report_from_text(loss, "u1,u2,w1,w2", "x,y", "u1=0.7,u2=0.7,w1=0.3,w2=0.3", "", "u1-u2,w1-w2")
        return
    report = saddle_report_from_text(loss, "u1,u2,w1,w2", "x,y", "u1=a,u2=a,w1=c,w2=c", "", "u1-u2,w1-w2")
    a, c = sp.symbols("a c", real=True)
    residual = 2 * a * c * x - y
    block = sp.ImmutableMatrix([[0, 2 * residual * x], [2 * residual * x, 0]])
    assert (report.sample_hessian - block).applyfunc(sp.expand).is_zero_matrix
    assert report.sample_gradient.is_zero_matrix
    assert (report.type, report.closed, report.commuting) == ("II", True, True)
    assert report.conditions == ("2*E[x**2]*a*c - E[x*y] != 0",)
    row = report.escape_directions[0]
    assert row[0] == -row[1]
    assert row[2] == -row[3]


def test_without_directions_the_tied_point_is_not_critical():
    loss = "(u1*w1*x + u2*w2*x - y)**2"
    report = saddle_report_from_text(loss, "u1,u2,w1,w2", "x,y", "u1=0.7,u2=0.7,w1=0.3,w2=0.3")
    assert report.type == "not_critical"
    assert not report.critical


def test_directions_that_couple_to_the_rest_are_reported():
    report = saddle_report_from_text("u*w*x + u**2", "u,w", "x", directions_text="u")
    assert not report.closed


def test_noise_away_from_the_escape_plane_leaves_type_two():
    report = saddle_report_from_text("(u*w*x + b - y)**2", "u,w,b", "x,y", "b=m", "y=m,x*y=0.4,x=0.1,y^2=3")
    m = sp.Symbol("m", real=True)
    assert report.type == "II"
    assert report.noise_covariance[2, 2] == sp.expand(4 * (3 - m**2))
    assert report.escape_noise == 0
    assert report.hessian_eigenvalues[-1] == 2


def test_linear_noise_is_type_one_with_the_full_second_moment():
    report = saddle_report_from_text("(w^2 - 1)^2/4 + y*w", "w", "y", moments_text="y=0")
    assert (report.type, report.hessian_eigenvalues) == ("I", (-1,))
    assert report.escape_noise == _E("y**2", positive=True)
    assert report.conditions == ("E[y**2] != 0",)
    assert report.multipliers == (sp.Integer(-1),)
    numeric = saddle_report_from_text("(w^2 - 1)^2/4 + y*w", "w", "y", moments_text="y=0,y**2=0.25")
    assert numeric.as_dict()["escape_noise"] == 0.25


def test_depth_three_is_degenerate():
    report = saddle_report_from_text("(u*v*w*x - y)**2", "u,v,w", "x,y")
    assert (report.type, report.escape_noise, report.escape_directions) == ("degenerate", None, ())
    assert report.multipliers == (0, 0, 0)


def test_a_nonzero_mean_gradient_is_not_critical_under_its_condition():
    report = saddle_report_from_text("(w^2 - 1)^2/4 + y*w", "w", "y")
    assert (report.type, report.critical, report.conditions) == ("not_critical", False, ("E[y] != 0",))


def test_least_squares_is_a_minimum_although_its_moments_are_symbols():
    report = saddle_report_from_text("(a*x + c*z - y)^2", "a,c", "x,z,y", moments_text="y=0,x*y=0,z*y=0")
    assert report.type == "minimum"
    assert report.escape_noise is None


def test_a_sign_that_decides_becomes_the_condition():
    report = saddle_report_from_text("3*x*y*w**2", "w", "x,y")
    assert (report.type, report.conditions) == ("II", ("E[x*y] < 0",))


def test_an_indefinite_block_with_a_known_diagonal_is_a_saddle_for_either_sign():
    report = saddle_report_from_text("u*w*x + w**2", "u,w", "x")
    assert (report.type, report.conditions) == ("II", ("E[x] != 0",))


def test_a_tolerance_turns_small_eigenvalues_into_zero():
    text = ("u**2 - w**2/1000", "u,w")
    assert saddle_report_from_text(*text).type == "II"
    assert saddle_report_from_text(*text, tolerance=0.01).type == "degenerate"


def test_repeated_eigenvalues_are_split_by_the_sample_hessians():
    report = saddle_report_from_text("x*u*w + y*(u^2 + w^2)/2 + y*b^2/2", "u,w,b", "x,y", moments_text="x=0,y=-1")
    assert report.commuting
    assert report.hessian_eigenvalues == (-1, -1, -1)
    assert sorted(map(str, report.multipliers or ())) == ["-x + y", "x + y", "y"]


def test_sample_hessians_that_commute_with_the_mean_only_have_no_multipliers():
    report = saddle_report_from_text("x*u*w + y*(u^2 - w^2)/2 + (u^2 + w^2)/2", "u,w", "x,y", moments_text="x=0,y=0")
    assert report.commuting
    assert report.multipliers is None


def test_the_dictionary_has_all_keys_and_is_json():
    for text in ("(u*w*x - y)**2", "u*x + w**2 + y", "u**2 - w**2 + sqrt(2)*u*w"):
        result = saddle_report_from_text(text, "u,w", "x,y").as_dict()
        json.dumps(result, allow_nan=False)
        keys = "type critical conditions mean_gradient hessian hessian_eigenvalues noise_covariance noise_trace"
        assert set(result) >= {*keys.split(), "escape_directions", "escape_noise", "commuting", "multipliers"}


def test_the_derivation_starts_at_the_loss_and_names_every_rule():
    steps = saddle_report_from_text("(u*w*x - y)**2", "u,w", "x,y").derivation.steps
    assert steps[0].expression == (u * w * x - y) ** 2
    assert [s.name for s in steps][-2:] == ["escape noise", "curvatures of one sample"]
    assert all(s.rule for s in steps)


REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("is unknown", {"loss_text": "u*w*q"}),
    ("not finite and real", {"loss_text": "log(u)*w"}),
    ("not finite and real", {"loss_text": "sqrt(u**2 + w**2)"}),
    ("not finite and real", {"loss_text": "sqrt(u)*w", "point_text": "u=-1"}),
    ("not differentiable", {"loss_text": "relu(u*x)*w"}),
    ("not differentiable", {"loss_text": "abs(u - 1)", "point_text": "u=1"}),
    ("needs a data law", {"loss_text": "exp(u*x)*w", "point_text": "u=1,w=1"}),
    ("is no parameter", {"point_text": "x=1"}),
    ("holds x", {"point_text": "u=x"}),
    ("given twice", {"data_text": "u,x,y"}),
    ("no parameter is given", {"loss_text": "x*y", "parameters_text": ""}),
    ("limit is 8", {"parameters_text": "u,w," + ",".join(f"p{i}" for i in range(7))}),
    ("no linear form", {"directions_text": "u*w"}),
    ("no linear form", {"directions_text": "u+1"}),
    ("depends on the ones before", {"directions_text": "u-w,2*w-2*u"}),
    ("depends on the ones before", {"directions_text": "u-u"}),
    ("is unknown", {"directions_text": "x"}),
    ("never negative", {"moments_text": "x**2=-1"}),
    ("impossible", {"loss_text": "u*x - w**2", "moments_text": "x=1,x**2=0.5"}),
    ("no monomial", {"moments_text": "x+y=1"}),
    ("not of the form", {"point_text": "u"}),
    ("not a finite", {"point_text": "u=nan"}),
    (
        "closed form",
        {"loss_text": "x*u**2 + 3*x**2*w**2 + x**3*p**2 + y*u*w + y**2*w*p + x*y*u*p", "parameters_text": "u,w,p"},
    ),
]


@pytest.mark.parametrize(("message", "changes"), REFUSED, ids=[f"{m}-{i}" for i, (m, _) in enumerate(REFUSED)])
def test_wrong_input_is_refused_with_the_reason(message: str, changes: dict[str, Any]):
    given = {"loss_text": "(u*w*x - y)**2", "parameters_text": "u,w", "data_text": "x,y"} | changes
    with pytest.raises(TheoryError, match=message) as caught:
        saddle_report_from_text(**given)
    assert isinstance(caught.value, (ParseError, DerivationError))


def _finite_law(rng: random.Random, size: int = 6) -> tuple[np.ndarray, dict[sp.Expr, sp.Expr]]:
    """Return equally likely samples of (x, y) with mean zero of y, and their exact moments up to degree 6."""
    points = [[sp.Rational(rng.randint(-20, 20), 10) for _ in range(2)] for _ in range(size)]
    mean = sum(p[1] for p in points) / size
    points = [[p[0], p[1] - mean] for p in points]
    moments = {
        x**i * y**j: sum(p[0] ** i * p[1] ** j for p in points) / size
        for i, j in itertools.product(range(7), repeat=2)
        if i + j
    }
    return np.array(points, dtype=float), moments


def _random_loss(rng: random.Random, parameters: list[sp.Symbol], noisy: bool) -> sp.Expr:
    loss = sp.Integer(0)
    for _ in range(7):
        chosen = [rng.choice(parameters) for _ in range(rng.choice([2, 2, 3]))]
        loss += sp.Rational(rng.randint(-9, 9), 4) * sp.Mul(*chosen) * x ** rng.randint(0, 1) * y ** rng.randint(0, 2)
    return loss + (sum(rng.randint(-2, 2) * p * y for p in parameters) if noisy else 0)


@pytest.mark.parametrize("seed", range(24))
def test_random_polynomial_losses_agree_with_a_numeric_implementation(seed: int):
    rng = random.Random(seed)
    parameters = list(sp.symbols("p q r", real=True)[: 1 + seed % 3])
    samples, moments = _finite_law(rng)
    loss = _random_loss(rng, parameters, noisy=seed % 2 == 0)
    centre = {p: sp.Rational(rng.randint(-9, 9), 7) for p in parameters}
    shifted = loss.xreplace({p: p - c for p, c in centre.items()})
    report = classify_saddle(shifted, parameters, [x, y], centre, moments)

    gradient = sp.lambdify([*parameters, x, y], [sp.diff(loss, p) for p in parameters])
    hessian = sp.lambdify([*parameters, x, y], sp.hessian(loss, parameters).tolist())
    zeros = [0.0] * len(parameters)
    g = np.array([gradient(*zeros, *s) for s in samples], dtype=float)
    h = np.array([hessian(*zeros, *s) for s in samples], dtype=float)
    mean = h.mean(0)
    covariance = g.T @ g / len(samples) - np.outer(g.mean(0), g.mean(0))
    values, vectors = np.linalg.eigh(mean)
    escape = vectors[:, values < -1e-9]
    noise = np.trace(escape.T @ covariance @ escape)
    if escape.size:
        expected = "II" if noise <= 1e-9 else "I"
    else:
        expected = "degenerate" if np.abs(values).min() <= 1e-9 else "minimum"
    assert report.type == expected
    result = report.as_dict()
    np.testing.assert_allclose(result["hessian_eigenvalues"], values, atol=1e-12)
    np.testing.assert_allclose(result["noise_covariance"], covariance, atol=1e-12)
    if escape.size:
        assert result["escape_noise"] == pytest.approx(noise, abs=1e-12)
        rows = np.array(result["escape_directions"])
        np.testing.assert_allclose(rows.T @ rows, escape @ escape.T, atol=1e-12)
    commutators = h @ mean - mean @ h
    assert report.commuting or np.abs(commutators).max() > 1e-9


@pytest.mark.parametrize("seed", range(6))
def test_symbolic_and_numeric_moments_agree(seed: int):
    rng = random.Random(100 + seed)
    _, moments = _finite_law(rng)
    loss = (u * w * x * rng.randint(1, 3) - y) ** 2 + y * x * u**2 * rng.randint(-2, 2)
    symbolic = classify_saddle(loss, [u, w], [x, y])
    numeric = classify_saddle(loss, [u, w], [x, y], moments=moments)
    table = MomentTable([x, y])
    values = {table.moment(tuple(map(int, sp.Poly(m, x, y).monoms()[0]))): v for m, v in moments.items()}
    got = sorted(float(v.xreplace(values)) for v in symbolic.hessian_eigenvalues)
    np.testing.assert_allclose(got, [float(v) for v in numeric.hessian_eigenvalues], atol=1e-12)
    assert symbolic.type == numeric.type


def test_floats_are_read_as_the_decimals_they_print():
    report = classify_saddle(0.1 * u**2 * x, [u], [x], moments={x: 0.3 + 0 * x})
    assert report.hessian_eigenvalues == (sp.Rational(3, 50),)


@pytest.mark.parametrize("seed", range(5))
def test_eigenspaces_resolve_the_identity_and_the_matrix(seed: int):
    rng = random.Random(seed)
    size = 2 + seed
    lower = sp.Matrix(size, size, lambda i, j: rng.randint(-3, 3))
    matrix = (lower + lower.T).as_immutable()
    spaces = eigenspaces(matrix)
    total = sum((s.projector for s in spaces), sp.zeros(size, size))
    rebuilt = sum((s.value * s.projector for s in spaces), sp.zeros(size, size))
    np.testing.assert_allclose(np.array(total.evalf(), dtype=float), np.eye(size), atol=1e-14)
    np.testing.assert_allclose(np.array(rebuilt.evalf(), dtype=float), np.array(matrix, dtype=float), atol=1e-13)
    for space in spaces:
        rows = np.array([[float(v) for v in row] for row in directions(space.projector)])
        np.testing.assert_allclose(rows @ rows.T, np.eye(len(rows)), atol=1e-14)


def test_polynomials_in_the_data_are_recognised():
    assert data_polynomial(sp.sin(u) * x + y**2, [x, y], "g") == {(1, 0): sp.sin(u), (0, 2): 1}
    for expression in (sp.exp(x), x**-1, sp.sqrt(x) * y):
        with pytest.raises(DerivationError):
            data_polynomial(expression, [x, y], "g")
