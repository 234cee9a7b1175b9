"""SymPy -> torch: values against mpmath, and everything SymPy's own torch printer gets wrong."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import sympy as sp
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from numerics.errors import NumericsError, UnsupportedFunction
from numerics.printer import Compiled, compile_torch

x, y = sp.symbols("x y")
h, N = sp.IndexedBase("h"), sp.Symbol("N", integer=True, positive=True)
i = sp.Symbol("i", integer=True)
R = sp.Rational
X = [0.3, 0.7, 1.9]
Y = [1.2, 0.4, 2.2]


def _points(values: list[float] = X, **options: Any) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64, **options)


def _law(expression: Any, *arguments: Any, **options: Any) -> Compiled:
    return compile_torch(expression, arguments or (x, y), **options)


FORMS: list[sp.Expr] = [
    # constants next to tensors
    sp.sqrt(2) * x, x * sp.log(2), x + sp.asin(R(1, 3)), sp.exp(-(x**2) / 2) / sp.sqrt(2 * sp.pi),
    x**-3 * y ** R(2, 3) - sp.exp(x) / sp.sqrt(y), 2**x, x**y, x ** sp.sqrt(2), (x**2 + 1) ** R(-3, 2),
    # piecewise linear functions
    sp.Max(x, R(1, 2)), sp.Min(x, y, 1), sp.Heaviside(x - R(1, 2)), sp.Heaviside(x - y, 0),
    sp.Abs(x - 1) * sp.sign(x - 1), sp.floor(3 * x), sp.ceiling(x), sp.Mod(x, R(1, 3)), sp.frac(4 * x),
    # special functions
    sp.erf(x), sp.erfc(x), sp.erfinv(x / 3), sp.erfi(x), sp.gamma(x), sp.beta(x, y), sp.loggamma(x), sp.digamma(x),
    sp.polygamma(1, x), sp.polygamma(3, x), sp.Ei(x), sp.li(x), sp.expint(1, x), sp.expint(3, x), sp.LambertW(x),
    sp.LambertW(-x / 6, -1), sp.besseli(1, x), sp.besselk(0, x), sp.besselj(2, x), sp.besselk(R(3, 2), x),
    sp.lowergamma(x, y), sp.uppergamma(x, y), sp.factorial(x), sp.binomial(x, y), sp.binomial(x, 3), sp.harmonic(x),
    sp.harmonic(x, 2), sp.zeta(x + 1), sp.zeta(2, x), sp.RisingFactorial(x, y), sp.catalan(x),
    sp.hyper((1, 1), (R(3, 2), 2), -x * y), sp.hyper((1, 1), (2, R(3, 2)), x), sp.hyper((1, 1), (2,), x / 3),
    sp.hyper((x,), (y,), R(1, 3)),
    # elementary functions
    sp.atan2(1, x), sp.atan2(x, -y), sp.sinc(x), sp.sech(x), sp.csch(x), sp.sec(x), sp.csc(x), sp.cot(x), sp.acot(x),
    sp.coth(x), sp.asech(x / 3), sp.acsch(x), sp.acoth(1 + x), sp.asec(1 + x), sp.acsc(1 + x), sp.tanh(y - x),
]  # fmt: skip


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_value_matches_mpmath(form: sp.Expr) -> None:
    values = _law(form)(_points(X), _points(Y))
    assert values.dtype == torch.float64
    for got, a, b in zip(values.tolist(), X, Y, strict=True):
        want = complex(sp.N(form.subs({x: sp.Float(a, 30), y: sp.Float(b, 30)}), 20))
        if want.imag:
            assert math.isnan(got)
        else:
            assert got == pytest.approx(want.real, rel=1e-13, abs=1e-14)


def test_functions_sympy_cannot_evaluate_match_their_definition() -> None:
    a, b = _points(), _points(Y)
    torch.testing.assert_close(_law(sp.erf2(x, y))(a, b), torch.erf(b) - torch.erf(a))
    torch.testing.assert_close(torch.erfc(_law(sp.erfcinv(x))(a, b))[:2], a[:2])


def test_constants_are_folded_to_full_precision() -> None:
    law = _law(x + sp.sqrt(2) + sp.polygamma(1, R(1, 3)) * sp.LambertW(1))
    assert float(law(0.0, 0.0)) == float(sp.N(sp.sqrt(2) + sp.polygamma(1, R(1, 3)) * sp.LambertW(1), 25))
    assert "sqrt" not in law.source


@pytest.mark.parametrize("constant", [sp.Integer(3), sp.pi, sp.oo, sp.nan, 2.5, sp.Integer(10) ** 40])
def test_constant_broadcasts_against_the_arguments(constant: Any) -> None:
    value = _law(constant)(torch.zeros(4, 1), torch.zeros(3))
    assert value.shape == (4, 3)
    assert value.dtype == torch.float32
    torch.testing.assert_close(value[0, 0], torch.tensor(float(constant)), equal_nan=True)


def test_result_has_the_common_shape_even_if_an_argument_is_unused() -> None:
    first, second = _law((x, y**2))(torch.zeros(4, 1), 2.0)
    assert first.shape == second.shape == (4, 1)


def test_numbers_arrays_and_tensors_mix() -> None:
    value = _law(x * y)(np.array([1.0, 2.0]), 3)
    torch.testing.assert_close(value, torch.tensor([3.0, 6.0], dtype=torch.float64))
    assert _law(x * y)(2, 3).dtype == torch.float64
    assert _law(x * y)(torch.tensor([1, 2]), True).dtype == torch.float64
    for single in (np.float64(2.0), 2, [2.0, 3.0], torch.tensor(2.0, dtype=torch.float64)):
        assert _law(sp.sqrt(x) * y + sp.pi)(torch.ones(2), single).dtype == torch.float32
    assert _law(sp.pi)(torch.ones(2), torch.tensor(2.0, dtype=torch.float64)).dtype == torch.float32


def test_matrix_has_trailing_axes_and_gradients() -> None:
    matrix = sp.Matrix([[x, sp.Integer(1), sp.sin(y)], [0, x * y, sp.pi]])
    a, b = _points(requires_grad=True), _points(Y)
    value = _law(matrix)(a[:, None], b)
    assert value.shape == (3, 3, 2, 3)
    transposed = _law(matrix.T)(a[:, None], b)
    torch.testing.assert_close(transposed, value.mT)
    value.sum().backward()
    assert a.grad is not None
    torch.testing.assert_close(a.grad, (1 + b).sum().expand(3))


def test_matrix_expressions_of_matrix_symbols() -> None:
    m, v = sp.MatrixSymbol("M", 2, 2), sp.MatrixSymbol("v", 2, 1)
    a, b = torch.rand(5, 2, 2, dtype=torch.float64), torch.rand(2, 1, dtype=torch.float64)
    law = _law(m.T * v + 2 * v, m, v)
    torch.testing.assert_close(law(a, b), a.mT @ b + 2 * b)
    torch.testing.assert_close(_law(m.T, m)(a), a.mT)
    torch.testing.assert_close(_law(sp.Determinant(m) * sp.Trace(m), m)(a), torch.det(a) * a[:, 0, 0].add(a[:, 1, 1]))
    torch.testing.assert_close(_law(sp.Inverse(m), m)(a), torch.linalg.inv(a))


def test_empty_matrix_keeps_its_shape() -> None:
    assert _law(sp.zeros(0, 3))(torch.zeros(4), 0.0).shape == (4, 0, 3)


def test_tuple_gives_a_tuple_and_may_hold_matrices() -> None:
    value = _law((x, sp.Matrix([x, y]), 1))(_points(), 1.0)
    assert [tuple(v.shape) for v in value] == [(3,), (3, 2, 1), (3,)]
    assert isinstance(_law(sp.Tuple(x))(1.0, 2.0), tuple)


# Branches


BRANCHES: list[tuple[sp.Expr, list[float], list[float]]] = [
    (sp.Piecewise((sp.log(x), x > 0), (0, True)), [-1.0, 0.0, 2.0], [0.0, 0.0, 0.5]),
    (sp.Piecewise((sp.sqrt(1 - x**2), sp.Abs(x) < 1), (0, True)), [0.6, 1.0, 3.0], [-0.75, 0.0, 0.0]),
    (sp.Piecewise((sp.sin(x) / x, sp.Ne(x, 0)), (1, True)), [0.0, math.pi / 2], [0.0, -4 / math.pi**2]),
    (sp.Piecewise((0, x <= 0), (sp.exp(-1 / x), True)), [-1.0, 0.0, 1.0], [0.0, 0.0, math.exp(-1)]),
    (sp.Piecewise((sp.exp(x), x < 0), (1 + x, True)), [-1.0, 5e3], [math.exp(-1), 1.0]),
    (
        sp.Piecewise((sp.asin(x), x**2 < 1), (x / sp.sqrt(x**2 - 1), True)),
        [0.0, 1.0, 2.0],
        [1.0, -math.inf, -(3**-1.5)],
    ),
]


@pytest.mark.parametrize(("form", "points", "slopes"), BRANCHES, ids=[str(b[0]) for b in BRANCHES])
def test_gradient_of_the_branch_taken_has_no_nan_from_the_other(
    form: sp.Expr, points: list[float], slopes: list[float]
) -> None:
    a = _points(points, requires_grad=True)
    (gradient,) = torch.autograd.grad(_law(form, x)(a).sum(), a)
    finite = torch.isfinite(torch.tensor(slopes))
    torch.testing.assert_close(gradient[finite], _points(slopes)[finite])


def test_first_matching_branch_wins_and_none_gives_nan() -> None:
    form = sp.Piecewise((1, sp.And(x > 0, x < 1)), (2, sp.Or(x < -3, x > R(1, 2))), (3, sp.Not(sp.Eq(x, 0))))
    value = _law(form, x)(_points([0.7, 5.0, -1.0, 0.0]))
    torch.testing.assert_close(value, _points([1.0, 2.0, 3.0, math.nan]), equal_nan=True)


def test_relations_give_booleans() -> None:
    value = _law(sp.And(x > y, sp.Xor(x > 1, y > 1)))(_points(), 0.5)
    assert value.tolist() == [False, False, True]
    assert _law(sp.ITE(x > 1, y > 1, y < 1))(_points(), 0.5).tolist() == [True, True, False]


@given(st.lists(st.floats(-3, 3), min_size=1, max_size=5), st.floats(-2, 2))
@settings(max_examples=25, deadline=None)
def test_branches_agree_with_python(points: list[float], border: float) -> None:
    want = [p**2 if p < border else abs(p) ** 0.5 for p in points]
    torch.testing.assert_close(_SPLIT(_points(points), border), _points(want))


_SPLIT = _law(sp.Piecewise((x**2, x < y), (sp.sqrt(sp.Abs(x)), True)))


# Names


@pytest.mark.parametrize(
    "text", ["x; import os", "lambda", "torch", "rt", "ref", "x0", "a0", "__import__('os')", "é ∂"]
)
def test_symbol_names_never_reach_the_source(text: str) -> None:
    odd, other = sp.Symbol(text), sp.Symbol("x0")
    law = compile_torch(sp.sin(odd) + sp.cos(other) * sp.sin(odd), [odd] if odd == other else [odd, other])
    values = [0.3] if odd == other else [0.3, 0.4]
    assert float(law(*values)) == pytest.approx(math.sin(0.3) * (1 + math.cos(values[-1])))
    assert text in ("x0", "a0", "rt", "ref", "torch") or text not in law.source


def test_dummies_and_symbols_of_one_name_stay_apart() -> None:
    one, two, three = sp.Dummy("x"), sp.Dummy("x"), sp.Symbol("x", positive=True)
    assert float(compile_torch(one + 2 * two + 4 * three, [one, two, three])(1.0, 10.0, 100.0)) == 421.0


def test_repeated_argument_is_read_at_its_first_place() -> None:
    assert float(compile_torch(x + y, [x, y, x])(1.0, 2.0, 5.0)) == 3.0


# Refusals


@pytest.mark.parametrize(
    ("form", "function"),
    [
        (sp.Function("mystery")(x), "mystery"),
        (sp.Function("mystery")(2) * x, "mystery"),
        (sp.fresnels(x), "fresnels"),
        (sp.besselj(y, x), "besselj"),
        (sp.polygamma(y, x), "polygamma"),
        (sp.LambertW(x, 2), "LambertW"),
        (sp.jn(1, x), "jn"),
        (sp.hyper((x, 1), (2, 3, 4), y), "hyper"),
        (sp.Integral(sp.exp(-(x**2) * y**4), (x, 0, y)), "Integral"),
        (sp.Sum(x**i / sp.factorial(i), (i, 0, sp.oo)), "infinite Sum"),
        (sp.DiracDelta(x), "DiracDelta"),
    ],
    ids=str,
)
def test_unknown_function_is_refused_when_compiled(form: sp.Expr, function: str) -> None:
    with pytest.raises(UnsupportedFunction, match=f"escape.rate: .*{function}.*plain floats.*numerics/special"):
        compile_torch(form, [x, y], name="escape.rate")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: compile_torch(x + y, [x]), "symbol y is not among the arguments; add it"),
        (lambda: compile_torch(x, [sp.Symbol("x", positive=True)]), "other assumptions"),
        (lambda: compile_torch("x + 1", [x]), "cannot compile str"),
        (lambda: compile_torch(x, [x + 1]), "is no symbol"),
        (lambda: compile_torch(x, [x])(1.0, 2.0), "takes 1 values"),
        (lambda: _law(x + y)(torch.ones(2), torch.ones(3)), r"\(2,\) and, of y, \(3,\) do not broadcast"),
        (lambda: _law(h[0], h)(1.0), "h has 0 axes, needs 1"),
        (lambda: _law(h[0] + h[0, 1], h), "occurs with"),
        (lambda: _law(h[sp.floor(N / 2)], h, N), "not a polynomial in whole numbers"),
        (lambda: _law(x, x)(["a"]), "pass tensors"),
        (lambda: _law(sp.MatrixSymbol("M", N, N), x), "concrete shape"),
    ],
)
def test_wrong_use_is_named(call: Any, message: str) -> None:
    with pytest.raises(NumericsError, match=message):
        call()


def test_derivatives_left_in_an_expression_are_carried_out() -> None:
    form = sp.Derivative(sp.sin(x) * y, x)
    torch.testing.assert_close(_law(form)(_points(), 2.0), 2 * torch.cos(_points()))
