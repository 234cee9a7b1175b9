"""SymPy -> torch: lists, sums and products; complex numbers; every torch transform."""

from __future__ import annotations

import math
from typing import Any

import pytest
import sympy as sp
import torch

from numerics.errors import NumericsError
from numerics.printer import Compiled, compile_torch

x, y = sp.symbols("x y")
R = sp.Rational
X = [0.3, 0.7, 1.9]
Y = [1.2, 0.4, 2.2]


def _points(values: list[float] = X, **options: Any) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64, **options)


def _law(expression: Any, *arguments: Any, **options: Any) -> Compiled:
    return compile_torch(expression, arguments or (x, y), **options)


# Lists, sums, products

h, g = sp.IndexedBase("h"), sp.IndexedBase("g")
i, j = sp.symbols("i j", integer=True)
N = sp.Symbol("N", integer=True, positive=True)


def test_indexed_argument_indexes_the_last_axis() -> None:
    data = torch.arange(6.0).reshape(2, 3)
    torch.testing.assert_close(_law(h[0] - 2 * h[2] + x, h, x)(data, 1.0), data[:, 0] - 2 * data[:, 2] + 1)
    matrix = torch.arange(12.0).reshape(2, 2, 3)
    torch.testing.assert_close(_law(h[1, 2] * x, h, x)(matrix, 2.0), 2 * matrix[:, 1, 2])


def test_sum_over_a_list_runs_along_its_axis() -> None:
    law = _law(sp.Sum(h[i] ** 2 / (x + h[i]), (i, 0, N - 1)), h, x, N)
    data = torch.rand(5, 4, dtype=torch.float64)
    scale = torch.rand(7, 1, dtype=torch.float64)
    want = (data**2 / (scale[..., None] + data)).sum(-1)
    torch.testing.assert_close(law(data, scale, 4), want)
    assert "range" not in law.source
    assert law([1.0, 2.0], 0.5, 2).shape == ()


def test_product_shifts_and_empty_ranges() -> None:
    data = torch.rand(3, 6, dtype=torch.float64)
    law = _law(sp.Product(1 + h[i + 1] - h[i], (i, 1, N)), h, N)
    torch.testing.assert_close(law(data, 3), (1 + data[:, 2:5] - data[:, 1:4]).prod(-1))
    torch.testing.assert_close(law(data, 0), torch.ones(3, dtype=torch.float64))


def test_nested_triangular_sum_with_the_index_as_a_value() -> None:
    form = sp.Sum(sp.Sum(h[i] * g[j] * sp.sqrt(j + 1) / (x + i), (j, 0, i)), (i, 0, N - 1))
    a, b, c = torch.rand(3, 4, dtype=torch.float64), torch.rand(4, dtype=torch.float64), 0.7
    want = sum(a[:, m] * b[n] * math.sqrt(n + 1) / (c + m) for m in range(4) for n in range(m + 1))
    torch.testing.assert_close(_law(form, h, g, x, N)(a, b, c, 4), want)


def test_double_limits_kronecker_and_lists_of_other_indices() -> None:
    form = sp.Sum(h[i] * h[j] * (1 - sp.KroneckerDelta(i, j)) + h[0], (i, 0, N - 1), (j, 0, N - 1))
    a = torch.rand(3, 4, dtype=torch.float64)
    want = a.sum(-1) ** 2 - (a**2).sum(-1) + 16 * a[:, 0]
    torch.testing.assert_close(_law(form, h, N)(a, 4), want)
    single = _law(sp.Sum(h[i] * h[0], (i, 0, N - 1)), h, N)
    torch.testing.assert_close(single(a, 4), a.sum(-1) * a[:, 0])


def test_bound_is_also_a_value_and_a_plain_sum_needs_no_list() -> None:
    law = _law(sp.Sum(x**i / i, (i, 1, N)) / sp.sqrt(N), x, N)
    want = (_points() + _points() ** 2 / 2 + _points() ** 3 / 3) / math.sqrt(3)
    torch.testing.assert_close(law(_points(), 3), want)
    torch.testing.assert_close(law(_points(), torch.tensor(3)), want)


def test_piecewise_inside_a_sum_has_no_nan_gradient() -> None:
    form = sp.Sum(sp.Piecewise((sp.log(h[i]), h[i] > 0), (0, True)) * x, (i, 0, N - 1))
    data = torch.tensor([[0.0, 2.0, -1.0]], dtype=torch.float64, requires_grad=True)
    value = _law(form, h, x, N)(data, 3.0, 3)
    torch.testing.assert_close(value, torch.tensor([3 * math.log(2.0)], dtype=torch.float64))
    torch.testing.assert_close(torch.autograd.grad(value.sum(), data)[0], _points([0.0, 1.5, 0.0])[None])


def test_symbol_free_infinite_sum_is_a_constant() -> None:
    value = _law(x * sp.Sum(1 / i**2, (i, 1, sp.oo)), x)(1.0)
    assert float(value) == pytest.approx(math.pi**2 / 6, rel=1e-15)


@pytest.mark.parametrize(
    ("form", "values", "message"),
    [
        (sp.Sum(h[i], (i, 0, N)), ([1.0, 2.0], 2), "reads entries 0..2 of a list of 2"),
        (sp.Sum(h[i] * i, (i, 0, N)), ([1.0, 2.0], 2), "index 2 is outside 0..1"),
        (h[N - 3], ([1.0, 2.0], 2), "index -1 is outside"),
        (sp.Sum(i, (i, 0, N)), ([1.0], 2.5), "must be one whole number"),
        (sp.Sum(i, (i, 5, N)), ([1.0], 2), "runs from 5 to 2"),
    ],
)
def test_index_errors_name_the_index_and_the_length(form: sp.Expr, values: tuple[Any, ...], message: str) -> None:
    with pytest.raises(NumericsError, match=message):
        _law(form, h, N)(*values)


# Complex numbers


def test_principal_branches_are_followed_when_i_occurs() -> None:
    law = _law(sp.log(x) + sp.sqrt(x) + sp.I * x ** R(1, 3), x)
    for point in (-2.0, 1.5):
        want = complex(sp.N((sp.log(x) + sp.sqrt(x) + sp.I * x ** R(1, 3)).subs(x, sp.Float(point, 25)), 20))
        assert complex(law(point)) == pytest.approx(want, rel=1e-14)
    assert _law(sp.log(x), x)(-2.0).isnan()


@pytest.mark.parametrize(
    "function", [sp.log, sp.asin, sp.acos, sp.acosh, sp.atanh, sp.asec, sp.acsc, sp.asech, sp.acoth, sp.sqrt]
)
@pytest.mark.parametrize("point", [-3.0, -0.4, 0.4, 3.0])
def test_real_arguments_on_a_branch_cut_take_the_side_sympy_takes(function: Any, point: float) -> None:
    want = complex(sp.N(function(sp.Float(point, 25)), 20)) * 1j
    assert complex(_law(sp.I * function(x), x)(point)) == pytest.approx(want, rel=1e-14)


def test_parts_of_complex_expressions_are_real() -> None:
    z = (x + sp.I * y) ** 2
    value = _law((sp.re(z), sp.im(z), sp.Abs(x + sp.I * y), sp.arg(x + sp.I * y), z * sp.conjugate(z)))(3.0, 4.0)
    assert [complex(v) for v in value] == pytest.approx([-7, 24, 5, math.atan2(4, 3), 625], rel=1e-14)
    assert not value[0].is_complex()


def test_real_functions_of_real_parts_inside_complex_expressions() -> None:
    law = _law(sp.exp(sp.I * x) * sp.Max(sp.re(sp.exp(sp.I * x)), y) * sp.erf(sp.Abs(y + sp.I)))
    want = complex(math.cos(1.0), math.sin(1.0)) * math.cos(1.0) * math.erf(abs(0.1 + 1j))
    assert complex(law(1.0, 0.1)) == pytest.approx(want, rel=1e-14)


def test_complex_arguments_and_float32_keep_their_precision() -> None:
    assert _law(sp.exp(sp.I * x), x)(torch.ones(2)).dtype == torch.complex64
    assert complex(_law(sp.exp(x) * y)(1j, 2.0)) == pytest.approx(2 * complex(math.cos(1), math.sin(1)))


# Transforms and devices

RICH = (
    sp.Piecewise((sp.log(x), x > 1), (sp.sqrt(2) * x**2, True)) * sp.exp(-y)
    + sp.Max(x, R(1, 2)) * sp.Ei(y)
    + sp.polygamma(1, x + 2)
)


def test_float32_meta_vmap_and_jacobian_work() -> None:
    law = _law(RICH)
    a, b = _points(requires_grad=True), _points(Y)
    assert law(a.float(), b.float()).dtype == torch.float32
    assert law(a.to("meta"), b.to("meta")).device.type == "meta"
    assert _law((RICH, sp.pi, sp.Matrix([x, 1])))(a.to("meta"), 2.0)[2].shape == (3, 2, 1)
    torch.testing.assert_close(torch.func.vmap(law)(a, b), law(a, b))
    (slope,) = torch.autograd.grad(law(a, b).sum(), a)
    torch.testing.assert_close(torch.func.vmap(torch.func.jacfwd(law))(a.detach(), b), slope)
    torch.testing.assert_close(torch.func.vmap(torch.func.grad(law))(a.detach(), b), slope)
    assert torch.autograd.gradcheck(law, (a, b.requires_grad_()))
    assert torch.autograd.gradgradcheck(law, (a, b))


def test_sum_works_under_vmap() -> None:
    law = _law(sp.Sum(sp.sqrt(h[i]) * x, (i, 0, N - 1)), h, x, N)
    data = torch.rand(5, 4, dtype=torch.float64)
    mapped = torch.func.vmap(lambda row, scale: law(row, scale, 4))
    torch.testing.assert_close(mapped(data, _points([1.0, 2.0, 3.0, 4.0, 5.0])), law(data, torch.arange(1.0, 6.0), 4))


def test_compiles_as_one_graph() -> None:
    law = _law((RICH, sp.Matrix([[x, y], [1, x * y]])))
    compiled = torch.compile(law, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(_points(), _points(Y)), law(_points(), _points(Y)))


def test_common_subexpressions_are_computed_once() -> None:
    law = _law((sp.exp(x * y) + sp.sqrt(2), sp.sin(sp.exp(x * y)), sp.Max(sp.exp(x * y), x)))
    assert law.source.count("torch.exp") == 1
