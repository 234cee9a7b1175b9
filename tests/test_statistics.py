"""Coverage of every interval on known laws, false alarms and power of the verdict rule, guards, merging."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from numerics.errors import InvalidSample
from numerics.statistics import (
    Budget,
    Comparison,
    Covariance,
    Crossing,
    Distribution,
    Mean,
    Plan,
    Probability,
    Quantile,
    Rate,
    Slope,
    Variance,
    Verdict,
    decide,
    exact,
    replicas_needed,
    resolution,
    state_count,
)

ALPHA, TRIALS = 0.05, 1500


def _misses(statistic, draw: Callable[[np.random.Generator], np.ndarray], truth, seed: int = 3) -> int:
    rng = np.random.default_rng(seed)
    missed = 0
    for _ in range(TRIALS):
        c = statistic.compare(statistic.reduce(torch.from_numpy(draw(rng))), truth, ALPHA)
        missed += any(t < low or t > high for t, low, high in zip(c.target, c.low, c.high, strict=True))
    return missed


EXACT_COVERAGE = {
    "mean of normal": (Mean(minimum=2), lambda r: r.normal(0.3, 2.0, 200), 0.3),
    "mean of log|normal|": (Mean(minimum=2), lambda r: np.log(np.abs(r.normal(size=400))), -0.6351814227307),
    "variance of normal": (Variance(minimum=2), lambda r: r.normal(0.0, 1.5, 2000), 2.25),
    "slope": (
        Slope((0.2, 0.5, 1.1, 1.9)),
        lambda r: 0.7 * np.array([0.2, 0.5, 1.1, 1.9]) + 0.3 + r.normal(size=(100, 4)),
        0.7,
    ),
    "crossing": (
        Crossing(((0.5, 0.8, 1.3),)),
        lambda r: r.normal(size=(300, 1)) * 0.3 + np.array([0.5, 0.8, 1.3]) ** 2 - 0.81 + 0.1 * r.normal(size=(300, 3)),
        0.9,
    ),
    "log-log slope": (
        Slope(tuple(np.log([0.2, 0.5, 1.1, 1.9])), log=True),
        lambda r: (
            3 * np.array([0.2, 0.5, 1.1, 1.9]) ** 1.5 * r.gamma(4.0, 0.25, (1000, 1)) * r.gamma(9, 1 / 9, (1000, 4))
        ),
        1.5,
    ),
}
CONSERVATIVE_COVERAGE = {
    "probability": (Probability(), lambda r: (r.random(60) < 0.23).astype(float), 0.23),
    "rate": (Rate(), lambda r: np.stack([r.poisson(0.4 * 1.3, 12), np.full(12, 1.3)], 1).astype(float), 0.4),
    "median": (Quantile(0.5), lambda r: r.exponential(1.0, 101), np.log(2)),
    "upper quantile": (Quantile(0.9), lambda r: r.exponential(1.0, 200), np.log(10)),
    "vector mean": (Mean(minimum=2), lambda r: r.normal(size=(200, 3)) @ np.triu(np.ones((3, 3))), [0, 0, 0]),
    "covariance": (
        Covariance(minimum=2),
        lambda r: r.normal(size=(2000, 2)) @ np.array([[1.0, 0.6], [0.0, 0.8]]),
        [1.0, 0.6, 1.0],
    ),
    "two events": (
        Probability(),
        lambda r: np.eye(3)[r.choice(3, 80, p=[0.2, 0.5, 0.3])],
        [0.2, 0.5, 0.3],
    ),
}


@pytest.mark.parametrize("name", sorted(EXACT_COVERAGE))
def test_intervals_miss_as_often_as_they_say(name: str) -> None:
    statistic, draw, truth = EXACT_COVERAGE[name]
    assert stats.binomtest(_misses(statistic, draw, truth), TRIALS, ALPHA).pvalue > 1e-3


@pytest.mark.parametrize("name", sorted(CONSERVATIVE_COVERAGE))
def test_conservative_intervals_miss_no_more_than_they_say(name: str) -> None:
    statistic, draw, truth = CONSERVATIVE_COVERAGE[name]
    missed = _misses(statistic, draw, truth)
    assert stats.binomtest(missed, TRIALS, ALPHA, alternative="greater").pvalue > 1e-3
    assert missed > 0


def test_band_of_a_distribution_contains_the_truth_as_often_as_it_says() -> None:
    rng, missed = np.random.default_rng(1), 0
    for _ in range(TRIALS):
        s = Distribution()
        c = s.compare(s.reduce(torch.from_numpy(rng.normal(size=100))), stats.norm.cdf, ALPHA)
        missed += c.low[0] > 0
    assert stats.binomtest(missed, TRIALS, ALPHA, alternative="greater").pvalue > 1e-3
    assert missed > TRIALS * ALPHA / 4


def _verdicts(bias: float, trials: int = 400) -> dict[Verdict, float]:
    plan, margin, alpha, rng = Plan(first=1000, looks=6), 0.05, 1e-3, np.random.default_rng(11)
    found: list[Verdict] = []
    for _ in range(trials):
        count, total, squares, verdict = 0, 0.0, 0.0, Verdict.INCONCLUSIVE
        for n in plan.sizes():
            x = rng.normal(bias, 1.0, n - count)
            count, total, squares = n, total + x.sum(), squares + (x**2).sum()
            mean = total / n
            half = stats.t.isf(plan.share(alpha) / 2, n - 1) * np.sqrt((squares / n - mean**2) / (n - 1))
            verdict = decide(Comparison((mean,), (mean - half,), (mean + half,), (0.0,), n), margin)
            if verdict is not Verdict.INCONCLUSIVE:
                break
        found.append(verdict)
    return {v: found.count(v) / trials for v in Verdict}


@pytest.mark.parametrize(
    ("bias", "verdict", "share"),
    [
        (0.0, Verdict.CONFIRMED, 0.99),
        (0.02, Verdict.CONFIRMED, 0.90),
        (0.05, Verdict.INCONCLUSIVE, 0.95),
        (0.08, Verdict.REFUTED, 0.90),
        (0.10, Verdict.REFUTED, 0.99),
    ],
)
def test_verdict_rule_has_its_power(bias: float, verdict: Verdict, share: float) -> None:
    assert _verdicts(bias)[verdict] >= share


def test_guard_lets_finite_variance_pass() -> None:
    rng, mean, alarms = np.random.default_rng(5), Mean(), 0
    draws = (
        lambda: rng.normal(size=10_000),
        lambda: rng.exponential(size=10_000),
        lambda: np.log(np.abs(rng.normal(size=10_000))),
        lambda: rng.normal(size=10_000) ** 2,
    )
    for _ in range(150):
        for draw in draws:
            alarms += mean.compare(mean.reduce(torch.from_numpy(draw())), 0.0, 1e-3).invalid is not None
    assert alarms == 0


@pytest.mark.parametrize("heavy", ["pareto", "cauchy"])
def test_guard_refuses_infinite_variance(heavy: str) -> None:
    rng, mean, refused = np.random.default_rng(7), Mean(), 0
    for _ in range(200):
        x = rng.pareto(1.5, 10_000) if heavy == "pareto" else rng.standard_cauchy(10_000)
        c = mean.compare(mean.reduce(torch.from_numpy(x)), 0.0, 1e-3)
        refused += c.invalid is not None and "heavy tail" in c.invalid
    assert refused >= 190


STATISTICS = {
    "mean": (Mean(minimum=2), 1),
    "vector mean": (Mean(minimum=2), 3),
    "quantile": (Quantile(0.3), 1),
    "slope": (Slope((0.1, 0.4, 0.9)), 3),
    "rate": (Rate(), 2),
}


@pytest.mark.parametrize("name", sorted(STATISTICS))
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), split=st.integers(2, 98))
def test_merging_chunks_equals_one_sample(name: str, seed: int, split: int) -> None:
    statistic, components = STATISTICS[name]
    x = torch.rand(100, components, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) + 0.5
    whole = statistic.reduce(x)
    parts = statistic.merge(statistic.reduce(x[:split]), statistic.reduce(x[split:]))
    prediction = [0.7] * (1 if name in ("slope", "rate", "quantile", "mean") else components)
    a, b = (statistic.compare(s, prediction, 0.01) for s in (whole, parts))
    assert a.replicas == b.replicas == state_count(parts) == 100
    assert np.allclose([a.estimate, a.low, a.high], [b.estimate, b.low, b.high], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("statistic", [Mean(minimum=2), Quantile(0.4), Variance(), Covariance(), Slope((0.0, 1.0))])
def test_states_survive_json_bit_for_bit(statistic) -> None:
    x = torch.randn(50, 2 if statistic.kind in ("slope", "covariance") else 1, dtype=torch.float64)
    state = statistic.reduce(x)
    assert json.loads(json.dumps(state)) == state


def test_batch_means_count_as_entries() -> None:
    statistic = Mean(batch=1000)
    state = statistic.reduce(torch.randn(30_000, dtype=torch.float64))
    assert statistic.compare(state, 0.0, 1e-3).invalid is None
    with pytest.raises(InvalidSample, match="no multiple of batch=1000"):
        statistic.reduce(torch.zeros(1500))


def test_small_or_non_finite_samples_are_invalid() -> None:
    x = torch.randn(20_000, dtype=torch.float64)
    few = Mean().compare(Mean().reduce(x[:100]), 0.0, 0.01)
    assert few.invalid is not None
    assert "needs 10000" in few.invalid
    x[3] = float("inf")
    assert decide(Mean().compare(Mean().reduce(x), 0.0, 0.01), 1.0) is Verdict.INVALID


def test_resolution_and_replicas_needed_speak_of_the_same_interval() -> None:
    c = Comparison((1.02,), (0.92,), (1.12,), (1.0,), 1000)
    assert resolution(c, 0.05) == pytest.approx(0.1)
    assert replicas_needed(c, 0.05) == pytest.approx(1000 * (0.1 / 0.03) ** 2, rel=0.01)


def test_exact_measurements_carry_their_error() -> None:
    c = exact([1.0, 2.0], 0.1, [1.05, 2.0])
    assert decide(c, 0.2) is Verdict.CONFIRMED
    assert decide(c, 0.12) is Verdict.INCONCLUSIVE
    assert exact(float("nan"), 0.1, 1.0).invalid is not None


def test_wrong_shapes_are_refused_with_the_remedy() -> None:
    with pytest.raises(InvalidSample, match="2 predictions for 1 components"):
        Mean().compare(Mean().reduce(torch.zeros(10)), [1.0, 2.0], 0.01)
    with pytest.raises(InvalidSample, match="give \\(replicas,\\)"):
        Mean().reduce(torch.zeros(2, 2, 2))
    with pytest.raises(InvalidSample, match="indicators"):
        Probability().reduce(torch.tensor([0.5]))
    with pytest.raises(InvalidSample, match="prediction is nan"):
        Mean().compare(Mean().reduce(torch.zeros(10)), float("nan"), 0.01)


def test_budget_and_plan_share_the_error() -> None:
    assert Budget(1e-3, 1000).per_claim == pytest.approx(1e-6)
    assert sum([Plan(100, 5).share(1e-6)] * 5) == pytest.approx(1e-6)


def test_a_crossing_outside_its_bracket_is_invalid() -> None:
    statistic = Crossing(((0.5, 0.8),))
    x = torch.randn(100, 1, dtype=torch.float64) * 0.01 + torch.tensor([0.5, 0.8], dtype=torch.float64)
    assert "no zero between 0.5 and 0.8" in (statistic.compare(statistic.reduce(x), 0.6, 0.01).invalid or "")
