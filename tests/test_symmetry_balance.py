"""The stationary law of the balanced model on data: closed forms, simulation of the diffusion, messages."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest

from theory.errors import TheoryError
from theory.symmetry.balance_report import derive_balance
from theory.symmetry.density_grid import density_from_log, density_grid

DATA = "x=1,1.5,-0.5,2; y=0.8,2,-1,1"


def test_label_noise_alone_gives_a_gamma_law() -> None:
    found = derive_balance(2, samples="x=1,1; y=0,2", at="learning_rate=0.1", weight_decay="0.2")
    # b = 0.9, T s^2 = 0.1: mean b - T s^2
    assert found["mean"] == pytest.approx(0.8)
    assert found["collapse_learning_rate_sde"] == pytest.approx(0.9)
    shape = 0.9 / 0.2 - 0.5
    median = mpmath.findroot(lambda v: mpmath.gammainc(shape, 0, v / 0.2, regularized=True) - 0.5, 0.7)
    assert found["median"] == pytest.approx(float(median), rel=1e-9)


def test_samples_and_their_moments_agree() -> None:
    x, y = np.array([1, 1.5, -0.5, 2]), np.array([0.8, 2, -1, 1])
    moments = {"x**2": x**2, "x*y": x * y, "x**4": x**4, "x**3*y": x**3 * y, "x**2*y**2": x**2 * y**2}
    text = ",".join(f"{k}={v.mean():.15g}" for k, v in moments.items())
    by_samples = derive_balance(3, samples=DATA, at="learning_rate=0.05,batch_size=2")
    by_moments = derive_balance(3, moments=text, at="learning_rate=0.05,batch_size=2")
    assert by_moments["median"] == pytest.approx(by_samples["median"], rel=1e-9)


@pytest.mark.parametrize("rate", [1e-2, 1e-5, 1e-8])
def test_small_rates_contract_to_the_least_squares_solution(rate: float) -> None:
    found = derive_balance(3, samples=DATA, at=f"learning_rate={rate}")
    assert found["mean"] == pytest.approx(1.575 / 1.875, abs=5 * rate)


def test_collapse_leaves_no_stationary_law() -> None:
    found = derive_balance(2, samples=DATA, at="learning_rate=2")
    assert (found["normalisable"], found["mean"], found["median"]) == (False, None, None)


def test_decay_and_three_factors_always_collapse() -> None:
    assert derive_balance(3, samples=DATA, at="learning_rate=0.01", weight_decay="0.1")["normalisable"] is False


def test_one_factor_is_a_linear_diffusion() -> None:
    found = derive_balance(1, samples=DATA, at="learning_rate=0.1", weight_decay="0.5")
    assert found["mean"] == pytest.approx(1.575 / (1.875 + 0.25))
    assert found["tail_exponent"] == pytest.approx(-2 - 2.125 / (0.1 * 2.015625))


def test_grids_by_slope_and_by_logarithm_give_a_normal_law() -> None:
    # z = ln v normal with mean 0.3 and deviation 0.01
    by_log = density_from_log(lambda v: -((np.log(v) - 0.3) ** 2) / 2e-4 - np.log(v), -30.0, 40.0)
    by_slope = density_grid(lambda v: -(np.log(v) - 0.3) / 1e-4 - 1, -30.0, 40.0)
    for grid in (by_log, by_slope):
        assert grid.mean(np.log) == pytest.approx(0.3, abs=1e-12)
        assert grid.quantile(0.841344746068543) == pytest.approx(np.exp(0.31), rel=1e-10)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"factors": 0}, "outside"),
        ({"samples": None}, "either"),
        ({"samples": "x=1,2; y=1"}, "lengths"),
        ({"samples": "x=1,2; y=1,2"}, "vanishes"),
        ({"samples": "x=1,1; y=1,1"}, "no noise"),
        ({"samples": "x=1e90,1; y=1,2"}, "rescale"),
        ({"samples": None, "moments": "x**2=1"}, "lacks"),
        ({"samples": None, "moments": "x**2=1,x*y=1,x**4=0.5,x**3*y=1,x**2*y**2=2"}, "inconsistent"),
        ({"weight_decay": "-1"}, "weight_decay"),
        ({"at": "learning_rate=0"}, "learning_rate"),
        ({"at": "batch_size=2"}, "learning_rate"),
    ],
)
def test_wrong_input_is_refused_with_a_reason(options: dict[str, Any], message: str) -> None:
    full = {"factors": 2, "samples": DATA} | options
    with pytest.raises(TheoryError, match=message):
        derive_balance(full.pop("factors"), **full)
