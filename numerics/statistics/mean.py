"""Means of iid replicas: Student intervals on mergeable moments, with a guard against heavy tails."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy import stats

from numerics.errors import InvalidSample
from numerics.statistics.verdict import Comparison, State, columns, targets

_LARGEST_SHARE = 0.1


def heavy_tail_share(count: int) -> float:
    """Return the largest admissible share of one replica in the sum of squared deviations.

    With a finite variance the share of the largest squared deviation falls to zero as n grows (normal 2e-3,
    squared normal 2e-2 at n = 1e4); with an infinite variance it stays of order one at every n. The threshold is a
    tenth, widened for the few batch means of a small sample. Measured: no false alarm in 2e4 samples of 1e4
    normal, exponential, log|normal| or squared normal replicas; Pareto(1.5) and Cauchy are refused in more than 98 %.
    """
    return _LARGEST_SHARE + 20.0 / count


@dataclass(frozen=True)
class Mean:
    """Mean of iid replicas, one number (or vector) per replica: Student t interval.

    The interval is trusted from ``minimum`` = 1e4 replicas on. ``batch`` averages that many consecutive replicas of
    a chunk first; then 30 batch means suffice if the batch holds 1e3 or more. Lower ``minimum`` only where each
    replica is itself an average of many terms.
    """

    batch: int = 1
    minimum: int | None = None
    kind: str = "mean"

    def required(self) -> int:
        """Return the number of entries below which the interval is not trusted."""
        if self.minimum is not None:
            return self.minimum
        return 30 if self.batch >= 1000 else 10_000

    def reduce(self, sample: torch.Tensor) -> State:
        """Reduce a chunk to count, mean, sum of squared deviations and largest deviation.

        Raises InvalidSample if the chunk is no multiple of the batch.
        """
        x = columns(sample)
        if len(x) % self.batch:
            raise InvalidSample(
                f"a chunk of {len(x)} replicas is no multiple of batch={self.batch}; choose one that is."
            )
        bad = int((~np.isfinite(x)).sum())
        if bad:
            x = np.where(np.isfinite(x), x, 0.0)
        means = x.reshape(-1, self.batch, x.shape[1]).mean(1)
        centre = means.mean(0)
        deviation = means - centre
        return {
            "count": len(x),
            "entries": len(means),
            "bad": bad,
            "mean": centre.tolist(),
            "m2": (deviation**2).sum(0).tolist(),
            "low": means.min(0).tolist(),
            "high": means.max(0).tolist(),
        }

    def merge(self, first: State, second: State) -> State:
        """Merge two states (Chan's update)."""
        n1, n2 = first["entries"], second["entries"]
        mean1, mean2 = np.array(first["mean"]), np.array(second["mean"])
        shift, total = mean2 - mean1, n1 + n2
        m2 = np.array(first["m2"]) + np.array(second["m2"]) + shift**2 * (n1 * n2 / total)
        return {
            "count": first["count"] + second["count"],
            "entries": total,
            "bad": first["bad"] + second["bad"],
            "mean": (mean1 + shift * (n2 / total)).tolist(),
            "m2": m2.tolist(),
            "low": np.minimum(first["low"], second["low"]).tolist(),
            "high": np.maximum(first["high"], second["high"]).tolist(),
        }

    def compare(self, state: State, prediction: Any, alpha: float) -> Comparison:
        """Return the Student interval of every component, Bonferroni over components."""
        n, mean, m2 = state["entries"], np.array(state["mean"]), np.array(state["m2"])
        quantile = stats.t.isf(alpha / (2 * len(mean)), max(n - 1, 1))
        half = quantile * np.sqrt(m2 / max(n - 1, 1) / n)
        return Comparison(
            estimate=tuple(mean.tolist()),
            low=tuple((mean - half).tolist()),
            high=tuple((mean + half).tolist()),
            target=targets(prediction, len(mean)),
            replicas=state["count"],
            invalid=self._problem(state, mean, m2),
        )

    def _problem(self, state: State, mean: np.ndarray, m2: np.ndarray) -> str | None:
        if state["bad"]:
            return f"{state['bad']} values of {state['count']} replicas are not finite"
        if state["entries"] < self.required():
            return f"{state['entries']} replicas or batch means; the interval of a mean needs {self.required()}"
        largest = np.maximum(np.array(state["high"]) - mean, mean - np.array(state["low"])) ** 2
        share = float(np.max(np.where(m2 > 0, largest / np.where(m2 > 0, m2, 1.0), 0.0)))
        limit = heavy_tail_share(state["entries"])
        if share > limit:
            return f"heavy tail: one replica carries {share:.0%} of the squares (limit {limit:.0%}); test a quantile"
        return None
