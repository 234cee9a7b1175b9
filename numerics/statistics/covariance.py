"""Variances and covariances, with errors from fourth moments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy import stats

from numerics.statistics.verdict import Comparison, State, columns, targets

_LARGEST_SHARE = 0.3
"""Share of one replica in the sum of squares of the products: 0.01 for normal, 0.2 for squared normal replicas."""


def _reduce(sample: torch.Tensor, whole: bool) -> State:
    x = columns(sample)
    bad = int((~np.isfinite(x)).sum())
    x = np.where(np.isfinite(x), x, 0.0)
    d = x - x.mean(0)
    i, j = np.triu_indices(x.shape[1]) if whole else (np.arange(x.shape[1]),) * 2
    products = d[:, i] * d[:, j]
    spread = products - products.mean(0)
    return {
        "count": len(x),
        "free": len(x) - 1,
        "bad": bad,
        "sum": products.sum(0).tolist(),
        "squares": (spread**2).sum(0).tolist(),
        "largest": (spread**2).max(0).tolist(),
    }


def _merge(first: State, second: State) -> State:
    # Pooled within chunks: each chunk is centred by its own mean and loses one degree of freedom.
    added = {k: first[k] + second[k] for k in ("count", "free", "bad")}
    sums = {k: (np.array(first[k]) + np.array(second[k])).tolist() for k in ("sum", "squares")}
    return {**added, **sums, "largest": np.maximum(first["largest"], second["largest"]).tolist()}


def _compare(state: State, prediction: Any, alpha: float, minimum: int) -> Comparison:
    n, free = state["count"], max(state["free"], 1)
    squares = np.array(state["squares"])
    value = np.array(state["sum"]) / free
    half = stats.t.isf(alpha / (2 * len(value)), free) * np.sqrt(squares / free / n)
    share = float(np.max(np.where(squares > 0, np.array(state["largest"]) / np.where(squares > 0, squares, 1.0), 0.0)))
    problem = None
    if state["bad"]:
        problem = f"{state['bad']} values are not finite"
    elif n < minimum:
        problem = f"{n} replicas; the interval of a covariance needs {minimum}"
    elif share > _LARGEST_SHARE:
        problem = f"heavy tail: one replica carries {share:.0%} of the fourth moment"
    return Comparison(
        estimate=tuple(value.tolist()),
        low=tuple((value - half).tolist()),
        high=tuple((value + half).tolist()),
        target=targets(prediction, len(value)),
        replicas=n,
        invalid=problem,
    )


@dataclass(frozen=True)
class Variance:
    """Variance of every component of the replicas, interval from the fourth moment."""

    minimum: int = 10_000
    kind: str = "variance"

    def reduce(self, sample: torch.Tensor) -> State:
        """Reduce a chunk to sums of squares and of their squares."""
        return _reduce(sample, whole=False)

    def merge(self, first: State, second: State) -> State:
        """Pool two states."""
        return _merge(first, second)

    def compare(self, state: State, prediction: Any, alpha: float) -> Comparison:
        """Return the interval of every variance."""
        return _compare(state, prediction, alpha, self.minimum)


@dataclass(frozen=True)
class Covariance:
    """Covariance matrix of the replicas: the upper triangle row by row, interval from fourth moments."""

    minimum: int = 10_000
    kind: str = "covariance"

    def reduce(self, sample: torch.Tensor) -> State:
        """Reduce a chunk to sums of products and of their squares."""
        return _reduce(sample, whole=True)

    def merge(self, first: State, second: State) -> State:
        """Pool two states."""
        return _merge(first, second)

    def compare(self, state: State, prediction: Any, alpha: float) -> Comparison:
        """Return the interval of every entry of the upper triangle."""
        return _compare(state, prediction, alpha, self.minimum)
