"""`derive escape`, `gradient-noise` and `quasi-potential`: examples of the manual, properties, and errors."""

from __future__ import annotations

import math

import pytest
import sympy as sp
from scipy.integrate import solve_ivp

import theory
from theory.errors import TheoryError
from theory.escape.derive_noise import derive_gradient_noise
from theory.escape.derive_potential import derive_quasi_potential
from theory.escape.derive_rate import derive_escape
from theory.parse import parse_expression

WELL = "1+(c-1)*(x**2-1)**2"


def test_double_well_has_the_tabled_rate_time_and_correction():
    found = derive_escape(WELL, "x", "-1", "0", at="temperature=0.1,c=3")
    assert found["barrier_ratio"] == 3
    assert found["mfpt"] == pytest.approx(56245.94, rel=1e-7)
    assert found["rate_times_mfpt"] == pytest.approx(0.990246, abs=1e-6)
    c = sp.Symbol("c")
    formula = parse_expression(found["correction_formula"], {"c": c})
    assert sp.simplify(formula - (11 - 5 * c) / (16 * (c - 1))) == 0
    assert found["self_check"]["passed"]


def test_mirrored_well_gives_the_same_time():
    left = derive_escape(WELL, "x", "-1", "0", at="temperature=0.13,c=2.3", noise="kurtosis=1.7")
    right = derive_escape(WELL, "x", "1", "0", at="temperature=0.13,c=2.3", noise="kurtosis=1.7")
    assert left["mfpt"] == pytest.approx(right["mfpt"], rel=1e-9)


def test_derived_time_agrees_with_the_law():
    found = derive_escape(WELL, "x", "-1", "0", at="temperature=0.17,c=1.9", noise="kurtosis=2.6")
    law = theory.law("escape.mean_passage_time.double_well")
    assert found["mfpt"] == pytest.approx(law(temperature=0.17, barrier_ratio=1.9, feature_kurtosis=2.6), rel=1e-8)


def test_custom_diffusion_reproduces_the_named_one():
    named = derive_escape(WELL, "x", "-1", "0", at="temperature=0.13,c=2.3")
    custom = derive_escape(WELL, "x", "-1", "0", diffusion=f"temperature*({WELL})", at="temperature=0.13,c=2.3")
    for key in ("rate", "mfpt", "log_barrier", "correction", "normaliser"):
        assert custom[key] == pytest.approx(named[key], rel=1e-8)


def test_learning_rate_and_batch_size_give_the_numbers_per_iteration():
    found = derive_escape(WELL, "x", "-1", "0", at="learning_rate=0.01,batch_size=2,c=2")
    assert found["temperature"] == pytest.approx(0.04)
    assert found["rate_per_iteration"] == pytest.approx(0.01 * found["rate"])
    assert found["mfpt_iterations"] == pytest.approx(100 * found["mfpt"])


def test_two_variables_give_langers_rate():
    found = derive_escape(WELL + "+k*y**2/2", "x,y", "-1,0", "0,0", at="temperature=0.1,c=3,k=4")
    law = theory.law("escape.escape_rate.multi_dimensional")
    assert found["rate"] == pytest.approx(
        law(temperature=0.1, barrier_ratio=3, minimum_curvatures=[16, 4], saddle_curvatures=[-8, 4])
    )
    shaped = derive_escape(
        WELL + "+k*y**2/2", "x,y", "-1,0", "0,0", at="temperature=0.1,c=3,k=4", noise_shape="hessian"
    )
    assert shaped["rate"] is None
    assert shaped["effective_dimension"] == pytest.approx(1.25)


def test_without_numbers_formulas_remain():
    found = derive_escape(WELL, "x", "-1", "0")
    assert found["rate"] is None
    assert found["mfpt"] is None
    assert found["log_barrier_formula"] == "log(c)"


@pytest.mark.parametrize(
    ("arguments", "options", "word"),
    [
        ((WELL, "x", "-1", "0.5"), {}, "critical point"),
        ((WELL, "x", "0", "-1"), {"at": "temperature=0.1,c=3"}, "not higher"),
        ((WELL, "x", "-1", "0"), {"at": "temperature=0.1"}, "lacks c"),
        ((WELL, "x", "-1", "0"), {"at": "temperature=0.1,learning_rate=0.1,c=3"}, "either temperature"),
        (("(x**2-1)**2", "x", "-1", "0"), {}, "lyapunov"),
        ((WELL, "x", "-1", "0"), {"noise": "kurtosis=0.5"}, "below 1"),
        ((WELL, "x", "-1", "0"), {"diffusion": "temperature**2"}, "linear"),
        ((WELL, "x", "-1", "0"), {"diffusion": "temperature*x", "at": "temperature=0.1,c=3"}, "not positive"),
        ((WELL + "+y**2", "x,y", "-1,0", "0,0"), {"noise": "gaussian-features"}, "several variables"),
        ((WELL + "-y**2", "x,y", "-1,0", "0,0"), {"at": "temperature=0.1,c=3"}, "positive"),
    ],
)
def test_wrong_models_are_refused_with_a_reason(arguments, options, word):
    with pytest.raises(TheoryError, match=word):
        derive_escape(*arguments, **options)


def test_linear_model_has_the_rank_one_term():
    found = derive_gradient_noise("w*x", "a*x", "w", "x", feature_covariance="h", label_noise_variance="s")
    w, a, h, s = sp.symbols("w a h s")
    names = {"w": w, "a": a, "h": h, "s": s}
    assert (
        sp.expand(parse_expression(found["covariance_formula"][0][0], names) - (2 * h**2 * (w - a) ** 2 + h * s)) == 0
    )
    assert found["rank_one_factor"] == "1"


def test_gradient_noise_agrees_with_the_law():
    found = derive_gradient_noise(
        "w1*x1+w2*x2", "a*x1", "w1,w2", "x1,x2", feature_covariance="1.2,0.3;0.3,0.7", label_noise_variance="s",
        batch_size="B", at="w1=1,w2=0.3,a=0.2,s=0.5,B=3",
    )  # fmt: skip
    law = theory.law("escape.gradient_noise.gaussian_features")
    expected = law(
        feature_covariance=[[1.2, 0.3], [0.3, 0.7]], displacement=[0.8, 0.3], noise_variance=0.5, batch_size=3
    )
    assert found["covariance"][0] == pytest.approx(expected[0])


@pytest.mark.parametrize(
    ("arguments", "options", "word"),
    [
        (("tanh(w*x)", "x", "w", "x"), {}, "not polynomial"),
        (("w*x**2", "x", "w", "x"), {"feature_law": "kurtosis=3"}, r"x\^8"),
        (("w*x", "x", "w", "w"), {}, "different names"),
        (("w*x", "x", "w", "x"), {"feature_covariance": "-1"}, "semidefinite"),
        (("w*x", "x", "w", "x"), {"feature_law": "kurtosis=0.5"}, "below 1"),
        (("w*x", "x", "w", "x"), {"feature_law": "moments=-1,3"}, "must be > 0"),
        (("w*x", "x", "w", "x"), {"feature_law": "moments=2,3"}, "no law has that"),
        (("w*x", "x", "w", "x"), {"batch_size": "B", "at": "w=2,B=0"}, "batch-size is 0"),
        (("w*x", "x", "w", "x"), {"at": "w=2,q=1"}, "does not contain"),
        (("w*x", "a*x", "w", "x"), {"at": "w=2"}, "lacks a"),
    ],
)
def test_wrong_noise_models_are_refused_with_a_reason(arguments, options, word):
    with pytest.raises(TheoryError, match=word):
        derive_gradient_noise(*arguments, **options)


def test_quasi_potential_of_real_sgd_beats_its_diffusion_truncation():
    found = derive_quasi_potential(
        "-(B/2)*log(1+2*p*d/B-p**2*s/B**2)", "d", "p", "0", "b", at="s=0.7,b=0.5,B=2"
    )  # fmt: skip
    assert found["quasi_potential"] == pytest.approx(2 * 0.25 / 0.7, rel=1e-9)
    assert found["diffusion_approximation"] == pytest.approx(math.log1p(2 * 0.25 / 0.7), rel=1e-9)
    assert found["quasi_potential_formula"] == "B*b**2/s"


def test_bounded_labels_give_an_infinite_barrier():
    assert derive_quasi_potential("-p*d+log(cosh(p))", "d", "p", "0", "1.2", at="")["quasi_potential"] == math.inf


def test_hamiltonians_that_do_not_vanish_or_push_away_are_refused():
    with pytest.raises(TheoryError, match="must vanish"):
        derive_quasi_potential("1-p*d+p**2", "d", "p", "0", "0.6")
    with pytest.raises(TheoryError, match="no noise"):
        derive_quasi_potential("-p*d", "d", "p", "0", "0.6")
    with pytest.raises(TheoryError, match="point back"):
        derive_quasi_potential("p*d+p**2", "d", "p", "0", "0.6")


def test_custom_noise_without_an_antiderivative_ends_and_stays_numeric():
    found = derive_escape(
        WELL, "x", "-1", "0", diffusion="temperature*(2+sin(x*exp(x)))", at="temperature=0.2,c=2", reflect="-2"
    )
    assert found["potential_formula"] is None
    outer, _ = _nested_time(lambda x: 4 * x * (x * x - 1), lambda x: 0.2 * (2 + math.sin(x * math.exp(x))), -2.0)
    assert found["mfpt"] == pytest.approx(outer, rel=1e-6)


def test_asymmetric_well_agrees_with_the_backward_equation():
    found = derive_escape(
        "2+x**2/2-x**3/3", "x", "0", "1", target="1.5", reflect="-1", noise="kurtosis=2.5", at="temperature=0.05"
    )
    outer, _ = _nested_time(
        lambda x: x - x * x, lambda x: 0.05 * (2 + 1.5 * (x * x / 2 - x**3 / 3)), -1.0, start=0.0, end=1.5
    )
    assert found["mfpt"] == pytest.approx(outer, rel=1e-7)


def _nested_time(slope, noise, wall, start=-1.0, end=1.0):
    """Mean passage time by y' = (L' y + 1)/D, u' = y, from the reflecting wall."""
    ode = solve_ivp(
        lambda x, y: [(slope(x) * y[0] + 1) / noise(x), y[0] if x >= start else 0.0], (wall, end), [0.0, 0.0],
        rtol=1e-10, atol=1e-12, max_step=0.01,
    )  # fmt: skip
    return ode.y[1, -1], ode


def test_correction_beyond_its_reach_is_null():
    found = derive_escape(WELL, "x", "-1", "0", at="temperature=20,c=3")
    assert found["rate_corrected"] is None
