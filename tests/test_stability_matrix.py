"""Laws of products of random matrices: gates, limits and known values."""

from __future__ import annotations

import itertools
import math

import mpmath
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.errors import DomainError
from theory.gate import gate
from theory.law import Law
from theory.stability.exponents_elementary import NORMAL
from theory.stability.matrix_criteria import NORM_BOUND, SCALAR
from theory.stability.matrix_laws import MATRIX_LAWS
from theory.stability.matrix_product import PRODUCT_IID
from theory.stability.matrix_quadrature import beta_nodes, chi_squared_nodes, from_laplace, normal_nodes
from theory.stability.matrix_rank_one import CRITICAL, RANK_ONE_NORMAL
from theory.stability.matrix_symmetric import GOE, GOE_SMALL
from theory.stability.matrix_vector import VECTOR_INPUT


@pytest.mark.parametrize("law", MATRIX_LAWS, ids=lambda law: law.id)
def test_law_agrees_with_its_definition(law: Law) -> None:
    assert max(point.error for point in gate(law, points=3, seed=5)) <= law.tolerance


@pytest.mark.parametrize("degrees", [1, 2, 7])
def test_chi_squared_nodes_integrate_a_logarithm_across_its_pole(degrees: int) -> None:
    nodes = chi_squared_nodes(degrees, pole=1.3)
    exact = mpmath.quad(
        lambda r: (
            r ** (degrees - 1) * mpmath.exp(-r * r / 2) * mpmath.log(abs(r * r - 1.3))
            * 2 ** (1 - mpmath.mpf(degrees) / 2) / mpmath.gamma(mpmath.mpf(degrees) / 2)
        ),
        [0, mpmath.sqrt(1.3), 3, 8, 16],
    )  # fmt: skip
    assert float(nodes.weight @ [math.log(abs(x)) for x in nodes.distance]) == pytest.approx(float(exact), abs=1e-11)


def test_normal_and_beta_nodes_have_the_right_moments() -> None:
    z = normal_nodes(0.7)
    u, v, weight = beta_nodes(0.5, 1.5)
    assert float(z.weight @ z.value**4) == pytest.approx(3.0, rel=1e-12)
    assert float(weight @ (u * v)) == pytest.approx(0.25 * 0.75 / 1.5, rel=1e-12)


def test_laplace_transform_gives_the_mean_log_of_chi_squared_at_thirty_digits() -> None:
    with mpmath.workdps(30):
        found = from_laplace(lambda t, _: (1 + 2 * t) ** mpmath.mpf("-1.5"), 30)
        assert abs(found - mpmath.log(2) - mpmath.digamma(mpmath.mpf(3) / 2)) < mpmath.mpf(10) ** -28


@settings(max_examples=15, deadline=None)
@given(step=st.floats(0.05, 2.0), dimension=st.integers(2, 5))
def test_spectrum_descends_and_sums_to_the_log_determinant(step: float, dimension: int) -> None:
    found = RANK_ONE_NORMAL(learning_rate=step, dimension=dimension)
    nodes = chi_squared_nodes(dimension, 1 / step)
    determinant = float(nodes.weight @ [math.log(step * abs(x)) for x in nodes.distance])
    assert all(a > b for a, b in itertools.pairwise(found))
    assert sum(found) == pytest.approx(determinant, abs=1e-10)


@pytest.mark.parametrize(("dimension", "value"), [(1, 2.42124952), (2, 0.937087), (3, 0.593113)])
def test_critical_learning_rate_has_the_known_value(dimension: int, value: float) -> None:
    assert CRITICAL(dimension=dimension) == pytest.approx(value, abs=2e-6)


def test_critical_ratio_approaches_one_like_twelve_over_d_squared() -> None:
    ratios = [CRITICAL(dimension=d) * (d + 2) / 2 for d in (40, 80)]
    scaled = [(r - 1) * d * d for r, d in zip(ratios, (40, 80), strict=True)]
    # One Richardson step removes the 1/d correction; what is left is of order 400/d^2.
    assert 2 * scaled[1] - scaled[0] == pytest.approx(12.0, abs=0.5)


def test_input_std_scales_the_learning_rate_by_its_square() -> None:
    scaled = RANK_ONE_NORMAL(learning_rate=0.37, dimension=3, input_std=1.3)
    assert scaled == pytest.approx(RANK_ONE_NORMAL(learning_rate=0.37 * 1.69, dimension=3), rel=1e-12)


def test_one_dimensional_product_is_the_mean_log_of_a_normal() -> None:
    assert PRODUCT_IID(dimension=1, entry_std=1.0) == pytest.approx([-(math.log(2) + 0.5772156649015329) / 2])


def test_spectrum_in_high_dimension_refuses_more_digits_than_it_has() -> None:
    with pytest.raises(DomainError, match="15 digits"):
        RANK_ONE_NORMAL.evaluate(30, learning_rate=0.37, dimension=5)


@pytest.mark.parametrize("dimension", [3, 4, 7, 12])
def test_vector_coefficient_is_the_ratio_of_tricomi_functions(dimension: int) -> None:
    z, b = mpmath.mpf(dimension - 1) / 2, mpmath.mpf(dimension + 1) / 2
    ratio = mpmath.hyperu(1.5, b, z) / mpmath.hyperu(0.5, b, z)
    assert VECTOR_INPUT(dimension=dimension) == pytest.approx(float((dimension - 2) * ratio / 4), rel=1e-12)


def test_vector_net_neither_grows_nor_shrinks_in_two_dimensions() -> None:
    assert VECTOR_INPUT(dimension=2) == 0.0


def test_isotropic_noise_in_one_dimension_is_normal_curvature() -> None:
    values = {"learning_rate": 0.7, "curvature_mean": 0.3}
    one = GOE(**values, curvature_std=0.5, dimension=1)
    assert one == pytest.approx(NORMAL(**values, curvature_std=0.5 * 2**0.5), abs=1e-12)


def test_isotropic_noise_has_twenty_digits() -> None:
    point = {"learning_rate": 0.7, "curvature_mean": 0.3, "curvature_std": 0.5, "dimension": 3}
    high, low = GOE.evaluate(20, **point), GOE.evaluate(12, **point)
    assert abs(high - low) < 1e-12


@settings(max_examples=20, deadline=None)
@given(m=st.floats(-0.8, 0.8), s=st.floats(0.2, 1.0), dimension=st.integers(1, 7))
def test_small_rate_expansion_leaves_a_third_order_remainder(m: float, s: float, dimension: int) -> None:
    point = {"curvature_mean": m, "curvature_std": s, "dimension": dimension}
    gaps = [abs(GOE(learning_rate=e, **point) - GOE_SMALL(learning_rate=e, **point)) for e in (2e-3, 1e-3)]
    assert gaps[0] <= 30 * (2e-3) ** 3 * (1 + dimension)
    assert gaps[1] <= gaps[0] / 6 + 1e-13


def test_norm_bound_is_positive_where_the_scalar_net_collapses() -> None:
    point = {"learning_rate": 0.5, "noise_std": 0.8, "dimension": 1}
    assert SCALAR(**point) < 0 < NORM_BOUND(**point)
