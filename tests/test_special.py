"""Every special function against mpmath at 40 digits, inside and outside its domain."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from numerics import special
from numerics.errors import NumericsError

Grid = np.ndarray


def _log(low: float, high: float, n: int = 25) -> Grid:
    """Log-spaced points at irrational offsets."""
    return np.exp(np.log(low) + (np.log(high) - np.log(low)) * ((np.arange(n) * 0.6180339887 + 0.1) % 1))


def _lin(low: float, high: float, n: int = 25) -> Grid:
    return low + (high - low) * ((np.arange(n) * 0.6180339887 + 0.2871) % 1)


def _both(points: Grid) -> Grid:
    return points * np.where(np.arange(len(points)) % 2, 1.0, -1.0)


def _join(*parts: Grid) -> Grid:
    return np.concatenate(parts)


def _relative(got: Any, want: Any) -> Any:
    return abs(got - want) / abs(want)


def _absolute(got: Any, want: Any) -> Any:
    return abs(got - want)


def _smaller(got: Any, want: Any) -> Any:
    return abs(got - want) / max(1, abs(want))


def _over(scale: float) -> Callable[[Any, Any], Any]:
    return lambda got, want: abs(got - want) / max(scale, abs(want))


@dataclass(frozen=True)
class Grid1:
    """One function on one grid; ``published`` is the bound written in its docstring."""

    name: str
    function: Callable[..., torch.Tensor]
    reference: Callable[..., Any]
    arguments: tuple[Grid, ...]
    published: str
    measure: Callable[[Any, Any], Any] = _relative
    documented: Callable[..., Any] | None = None


def _dawson(x: Any) -> Any:
    return mp.exp(-x * x) * mp.sqrt(mp.pi) / 2 * mp.erfi(x)


def _log_moment(mean: Any, deviation: Any) -> Any:
    x = mean**2 / (2 * deviation**2)
    constant = mp.log(deviation) - (mp.euler + mp.log(2)) / 2
    return constant + x * mp.hyp2f2(1, 1, mp.mpf(3) / 2, 2, -x)


def _hurwitz(s: Any, a: Any) -> Any:
    # mpmath's own zeta(s, a) has an absolute error target: at 40 digits it is wrong by 1e-9 where the value is 1e-63.
    with mp.workdps(160):
        return mp.zeta(s, a)


_LEFT_OF_BRANCH = -math.exp(-1.0) + _log(1e-15, 0.2)
_WIDE = _log(1e-8, 700.0)
_B = _log(0.1, 20.0)
_N = _lin(-0.99, 150.0)

CASES = [
    Grid1("dawson", special.dawson, _dawson, (_join(_lin(-7, 7), _both(_log(1e-10, 18)), _lin(0.9, 1.1, 9)),), "1e-14"),
    Grid1("erfi", special.erfi, mp.erfi, (_join(_lin(-26, 26), _both(_log(1e-10, 1))),), "1e-13"),
    Grid1(
        "gaussian_log_moment",
        special.gaussian_log_moment,
        _log_moment,
        (_join(_lin(-10, 10), _both(_log(1e-5, 10))), _log(0.2, 5, 50)),
        "3e-15",
        _smaller,
    ),
    Grid1(
        "hyp2f2",
        special.hyp2f2_log_moment,
        lambda z: mp.hyp2f2(1, 1, mp.mpf(3) / 2, 2, z),
        (_join(-_log(1e-6, 1e8, 30), _log(1e-6, 700), _lin(38, 42, 9), _lin(-37, -35, 9)),),
        "3e-13",
    ),
    Grid1(
        "expint_e1",
        special.expint_e1,
        mp.e1,
        (_join(_log(1e-300, 1), _log(1e-3, 700), _lin(1.9, 2.2)),),
        "1e-14",
    ),
    Grid1(
        "ei",
        special.ei,
        mp.ei,
        (_join(_both(_log(1e-300, 1e-3)), _both(_log(1e-3, 700)), _lin(38, 42), _lin(0.383, 0.6)),),
        "6e-15",
    ),
    Grid1("ei beside its zero", special.ei, mp.ei, (_lin(0.3626, 0.3825),), "6e-15", _absolute),
    Grid1("gamma", special.gamma, mp.gamma, (_join(_lin(-170, 171.6, 60), _log(1e-300, 20)),), "2e-13"),
    Grid1(
        "loggamma",
        special.loggamma,
        mp.loggamma,
        (_join(_log(1e-300, 1), _lin(0.5, 12), _log(1, 1e300)),),
        "2e-14",
        _smaller,
    ),
    Grid1("digamma", special.digamma, mp.digamma, (_join(_lin(-100, 20, 50), _log(1e-8, 1e8)),), "4e-15", _smaller),
    Grid1("hurwitz_zeta", special.hurwitz_zeta, _hurwitz, (1 + _log(1e-3, 39, 30), _log(0.01, 1e3, 30)[::-1]), "3e-15"),
    Grid1("zeta", special.zeta, mp.zeta, (1 + _log(1e-6, 99),), "2e-15"),
    Grid1("zeta left of 1", special.zeta, mp.zeta, (_lin(-1, 0.999),), "1e-13", _absolute),
    Grid1("beta", special.beta, mp.beta, (_log(0.01, 80), _log(0.01, 80)[::-1]), "1e-13"),
    Grid1("binomial", special.binomial, mp.binomial, (_N, -1 + (_N + 2) * _lin(0.01, 0.99)[::-1]), "2e-13"),
    Grid1(
        "lower_gamma",
        special.lower_gamma,
        lambda s, x: mp.gammainc(s, 0, x),
        (_log(0.05, 50), _log(1e-6, 500)[::-1]),
        "1e-14",
    ),
    Grid1(
        "upper_gamma",
        special.upper_gamma,
        lambda s, x: mp.gammainc(s, x),
        (_join(_log(0.05, 50), _log(0.05, 50)), _join(_log(1e-6, 500)[::-1], (1 + _log(0.05, 50)) * 1.02)),
        "5e-13",
    ),
    Grid1("hyp1f1", special.hyp1f1, mp.hyp1f1, (_B * _lin(0, 1), _B, _lin(-80, 80)), "2e-14"),
    Grid1(
        "lambert_w",
        special.lambert_w,
        mp.lambertw,
        (_join(_both(_log(1e-300, 0.3678)), _log(0.01, 1e300), _LEFT_OF_BRANCH),),
        "1e-15",
    ),
    Grid1(
        "lambert_w, branch -1",
        lambda x: special.lambert_w(x, -1),
        lambda x: mp.lambertw(x, -1),
        (_join(-_log(1e-300, 0.3678), -_lin(0.01, 0.3678), _LEFT_OF_BRANCH),),
        "1e-15",
        documented=special.lambert_w,
    ),
    Grid1("sinc", special.sinc, mp.sinc, (_join(_lin(-3, 3), _both(_log(1e-9, 1))),), "5e-16"),
]
CASES += [
    Grid1(
        f"expint, order {n}",
        lambda x, n=n: special.expint(n, x),
        lambda x, n=n: mp.expint(n, x),
        (_join(_WIDE, _lin(1.9, 2.2, 20)),),
        "5e-14",
        documented=special.expint,
    )
    for n in (2, 8)
]
CASES += [
    Grid1(
        f"polygamma, order {n}{side}",
        lambda x, n=n: special.polygamma(n, x),
        lambda x, n=n: mp.psi(n, x),
        (grid,),
        bound,
        measure,
        special.polygamma,
    )
    for n in (1, 2, 6)
    for side, grid, bound, measure in (
        ("", _log(0.01, 1e3, 30), "3e-15", _relative),
        (", left", _lin(-20, 0, 30), "3e-14", _over(math.pi ** (n + 1))),
    )
]
CASES += [
    Grid1(
        f"bessel_j, order {n}",
        lambda x, n=n: special.bessel_j(n, x),
        lambda x, n=n: mp.besselj(n, x),
        (_join(_lin(-50, 50), _log(30, 1000, 20), _lin(2.9, 3.1, 9)),),
        "4e-15",
        _absolute,
        special.bessel_j,
    )
    for n in (0, 1, 10)
]
CASES += [
    Grid1(
        f"{function.__name__}, order {n}",
        lambda x, f=function, n=n: f(n, x),
        lambda x, f=reference, n=n: f(n, x),
        (_join(_WIDE, _lin(38, 42, 9), _lin(1.9, 2.1, 9)),),
        bound,
        documented=function,
    )
    for function, reference, bound in (
        (special.bessel_i, mp.besseli, "1e-14"),
        (special.bessel_k, mp.besselk, "2e-14"),
    )
    for n in (0, 1, 2.5, 10)
]


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_error_against_mpmath_is_within_the_published_bound(case: Grid1) -> None:
    values = case.function(*(torch.from_numpy(a.copy()) for a in case.arguments))
    with mp.workdps(40):
        errors = [
            case.measure(mp.mpf(value), case.reference(*(mp.mpf(float(a)) for a in point)))
            for value, *point in zip(values.tolist(), *case.arguments, strict=True)
        ]
        assert max(errors) <= float(case.published) <= 1e-12
    assert f"at most {case.published}" in " ".join((inspect.getdoc(case.documented or case.function) or "").split())


@given(st.floats(-1e4, 1e4))
@settings(max_examples=60, deadline=None)
def test_dawson_is_odd_and_bounded_by_its_maximum(x: float) -> None:
    value = float(special.dawson(x))
    assert value == -float(special.dawson(-x))
    assert abs(value) <= 0.54104422463518170


@given(st.floats(-0.3678794, 1e100))
@settings(max_examples=60, deadline=None)
def test_lambert_w_inverts_w_exp_w(x: float) -> None:
    w = float(special.lambert_w(x))
    assert w * math.exp(w) == pytest.approx(x, rel=1e-12 * (1 + abs(w)), abs=1e-15)


@given(st.floats(0.1, 30.0))
@settings(max_examples=40, deadline=None)
def test_incomplete_gammas_add_up_to_gamma(s: float) -> None:
    total = float(special.lower_gamma(s, 2.3) + special.upper_gamma(s, 2.3))
    assert total == pytest.approx(math.gamma(s), rel=1e-13)


def test_log_moment_of_zero_deviation_is_the_logarithm() -> None:
    mean = torch.tensor([-2.5, 0.7], dtype=torch.float64, requires_grad=True)
    value = special.gaussian_log_moment(mean, 0.0)
    torch.testing.assert_close(value, mean.abs().log())
    assert torch.isfinite(torch.autograd.grad(value.sum(), mean)[0]).all()


def test_values_outside_the_real_domain_are_nan() -> None:
    assert special.lambert_w(-0.5).isnan()
    assert special.lambert_w(0.1, -1).isnan()
    assert special.expint_e1(-1.0).isnan()
    assert special.loggamma(-1.5).isnan()
    assert special.gaussian_log_moment(0.0, -1.0).isnan()
    assert special.bessel_k(0, -1.0).isnan()


def test_values_at_the_singular_points_are_infinite() -> None:
    assert float(special.expint_e1(0.0)) == math.inf
    assert float(special.ei(0.0)) == -math.inf
    assert float(special.gamma(0.0)) == math.inf
    assert float(special.loggamma(0.0)) == math.inf
    assert float(special.lambert_w(math.inf)) == math.inf


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: special.lambert_w(1.0, 2), "branch 2"),
        (lambda: special.polygamma(-1, 1.0), "order of at least 0, got -1"),
        (lambda: special.expint(0, 1.0), "order of at least 1, got 0"),
        (lambda: special.bessel_j(1.5, 1.0), "integer order between 0 and 10, got 1.5"),  # type: ignore[arg-type]
        (lambda: special.bessel_k(11, 1.0), "between 0 and 10, got 11"),
        (lambda: special.dawson(torch.tensor(1j)), "dawson takes real arguments"),
    ],
)
def test_wrong_use_is_named(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(NumericsError, match=message):
        call()
