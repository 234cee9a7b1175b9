"""The Gaussian engine against quadrature of the definition, and the boundary of its class."""

from __future__ import annotations

import random

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.gaussian import NoClosedForm, gaussian_mean
from theory.gaussian.self_check import numeric_form, random_covariance, self_check
from theory.gaussian.wick import moment

X, Y, Z, U = sp.symbols("x y z u", real=True)
ROOT = sp.sqrt(2)
ILLUSTRATION = [[1.1, 0.4, -0.2, 0.3], [0.4, 0.7, 0.15, 0.1], [-0.2, 0.15, 1.25, -0.35], [0.3, 0.1, -0.35, 0.9]]

EXPRESSIONS = {
    "two erf": (sp.erf(X / ROOT) * sp.erf(Y / ROOT), (X, Y)),
    "squared erf": (sp.erfc(X) ** 2 * X * Y, (X, Y)),
    "waves": (sp.sin(X) ** 2 * sp.cos(Y) * Y**2, (X, Y)),
    "exponential times erf": (sp.erf(X) * sp.exp(Y / 2) * Y, (X, Y)),
    "wave times erf": (sp.erf(X) * sp.sin(X + Y), (X, Y)),
    "absolute value": (sp.Abs(X) * sp.Max(Y, 0) * X**2, (X, Y)),
    "shifted step": (sp.Max(X - sp.Rational(1, 2), 0) * Y, (X, Y)),
    "negative step": (sp.Max(-X, 0) * sp.Max(2 * Y, 0), (X, Y)),
    "combination": (sp.erf(X + Y) * X, (X, Y)),
    "hyperbolic": (sp.exp(-(X**2) / 2) * sp.cosh(Y) * X**2, (X, Y)),
    "four signs": (sp.erf(X) * sp.erf(X / 3) * sp.erf(Y) * sp.erf(Z), (X, Y, Z)),
    "three steps": (sp.Heaviside(X) * sp.Heaviside(Y) * sp.Heaviside(Z), (X, Y, Z)),
    "gelu": (X * (1 + sp.erf(X / ROOT)) / 2 * Y * (1 + sp.erf(Y / ROOT)) / 2, (X, Y)),
}


@pytest.mark.parametrize("label", EXPRESSIONS)
def test_closed_form_matches_quadrature(label: str) -> None:
    expression, variables = EXPRESSIONS[label]
    assert self_check(gaussian_mean(expression, variables), points=2)["passed"]


def test_relu_four_point_function_has_one_integral_and_the_known_value() -> None:
    expression = sp.Heaviside(X) * sp.Heaviside(Y) * sp.Max(Z, 0) * sp.Max(U, 0)
    result = gaussian_mean(expression, (X, Y, Z, U))
    values = {result.covariance[i, j]: ILLUSTRATION[i][j] for i in range(4) for j in range(i, 4)}
    assert result.integral is not None
    assert numeric_form(result.form, values) == pytest.approx(0.0420284358, abs=1e-10)


def test_squared_sign_is_one() -> None:
    assert gaussian_mean(sp.sign(X) ** 2, (X,)).form == 1


@given(st.integers(0, 10_000))
@settings(max_examples=10, deadline=None)
def test_moment_obeys_stein(seed: int) -> None:
    c = sp.Matrix(
        [[sp.Rational(round(100 * v), 100) for v in row] for row in random_covariance(3, random.Random(seed))]
    )
    left = moment((2, 1, 3), c)
    right = c[1, 0] * 2 * moment((1, 0, 3), c) + c[1, 2] * 3 * moment((2, 0, 2), c)
    assert sp.expand(left - right) == 0


@pytest.mark.parametrize(
    ("expression", "word"),
    [(sp.tanh(X), "tanh"), (sp.erf(X + 1) * sp.erf(Y + 1), "Owen"), (sp.erf(X**2), "linear"),
     (sp.erf(X) ** 6, "6 signs"),
     (sp.sqrt(X), "power"), (sp.exp(X * Y), "mixes")],
)  # fmt: skip
def test_outside_the_class_is_refused_with_its_reason(expression: sp.Expr, word: str) -> None:
    with pytest.raises(NoClosedForm, match=word):
        gaussian_mean(expression, (X, Y))


def test_price_theorem_holds_for_the_derived_form() -> None:
    result = gaussian_mean(sp.erf(X / ROOT) * sp.erf(Y / ROOT), (X, Y))
    slope = gaussian_mean(sp.diff(result.expression, X, Y), (X, Y)).form
    derivative = sp.diff(result.form, result.covariance[0, 1])
    point = dict(zip(result.symbols, (0.8, 0.31, 1.3), strict=True))
    assert numeric_form(derivative - slope, point) == pytest.approx(0, abs=1e-14)
