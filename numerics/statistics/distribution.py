"""Whole distributions and their quantiles: DKW bands and order statistics on the sorted sample."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy import stats

from numerics.errors import InvalidSample
from numerics.statistics.verdict import Comparison, State, columns, targets

LARGEST = 1 << 20
"""Values a state may hold: it keeps the sorted sample."""


def _sorted_state(sample: torch.Tensor) -> State:
    x = columns(sample)
    if x.shape[1] != 1:
        raise InvalidSample(f"a distribution of {x.shape[1]} components; give one number per replica.")
    finite = np.isfinite(x[:, 0])
    return {"count": len(x), "bad": int((~finite).sum()), "sorted": np.sort(x[finite, 0]).tolist()}


def _merged(first: State, second: State) -> State:
    total = first["count"] + second["count"]
    if total > LARGEST:
        raise InvalidSample(f"{total} values to sort; at most {LARGEST}: choose fewer looks or a probability.")
    both = np.sort(np.concatenate([first["sorted"], second["sorted"]]), kind="stable")
    return {"count": total, "bad": first["bad"] + second["bad"], "sorted": both.tolist()}


def _problem(state: State) -> str | None:
    return f"{state['bad']} values are not finite" if state["bad"] else None


@dataclass(frozen=True)
class Quantile:
    """A quantile of the replicas: interval between order statistics, valid for every continuous law."""

    probability: float
    kind: str = "quantile"

    def __post_init__(self) -> None:
        """Refuse probabilities outside (0, 1)."""
        if not 0 < self.probability < 1:
            raise InvalidSample(f"quantile probability {self.probability}; choose one in (0, 1).")

    def reduce(self, sample: torch.Tensor) -> State:
        """Sort a chunk."""
        return _sorted_state(sample)

    def merge(self, first: State, second: State) -> State:
        """Merge sorted samples."""
        return _merged(first, second)

    def compare(self, state: State, prediction: Any, alpha: float) -> Comparison:
        """Return the interval of the quantile; infinite where the sample is too small for it."""
        x, n = np.array(state["sorted"]), len(state["sorted"])
        if n == 0:
            return Comparison((0.0,), (0.0,), (0.0,), targets(prediction, 1), state["count"], "no finite value")
        # P(Binomial < k) <= alpha/2 makes x_(k) a lower end; the upper end mirrors it.
        lower = int(stats.binom.ppf(alpha / 2, n, self.probability))
        upper = int(stats.binom.isf(alpha / 2, n, self.probability)) + 1
        low = float(x[lower - 1]) if lower >= 1 else -math.inf
        high = float(x[upper - 1]) if upper <= n else math.inf
        estimate = float(x[min(int(n * self.probability), n - 1)])
        return Comparison((estimate,), (low,), (high,), targets(prediction, 1), state["count"], _problem(state))


@dataclass(frozen=True)
class Distribution:
    """Sup distance between the law of the replicas and a predicted one: Dvoretzky-Kiefer-Wolfowitz-Massart band.

    The prediction is a function cdf(array) -> array, or a reference sample (two-sample distance). The estimate is
    the distance D, its interval D +- sqrt(log(2/alpha)/(2 n)); it is compared with 0, and the margin is the distance
    that is allowed.
    """

    kind: str = "distribution"

    def reduce(self, sample: torch.Tensor) -> State:
        """Sort a chunk."""
        return _sorted_state(sample)

    def merge(self, first: State, second: State) -> State:
        """Merge sorted samples."""
        return _merged(first, second)

    def compare(self, state: State, prediction: Any, alpha: float) -> Comparison:
        """Return the distance to the prediction with its band."""
        x, n = np.array(state["sorted"]), len(state["sorted"])
        if n == 0:
            return Comparison((0.0,), (0.0,), (0.0,), (0.0,), state["count"], "no finite value")
        if callable(prediction):
            distance = float(stats.kstest(x, prediction).statistic)
            band = math.sqrt(math.log(2 / alpha) / (2 * n))
        else:
            other = np.asarray(prediction, dtype=float)
            distance = float(stats.ks_2samp(x, other, method="asymp").statistic)
            band = sum(math.sqrt(math.log(4 / alpha) / (2 * m)) for m in (n, len(other)))
        low = max(0.0, distance - band)
        return Comparison((distance,), (low,), (distance + band,), (0.0,), state["count"], _problem(state))
