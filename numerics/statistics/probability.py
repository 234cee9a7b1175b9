"""Probabilities and rates: exact intervals for counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy import stats

from numerics.errors import InvalidSample
from numerics.statistics.verdict import Comparison, State, columns, targets


@dataclass(frozen=True)
class Probability:
    """Probability of an event per replica (0/1 sample, vectors for several events): Clopper-Pearson interval.

    >>> p = Probability()
    >>> c = p.compare(p.reduce(torch.tensor([1.0, 0.0, 0.0, 0.0])), 0.5, 0.05)
    >>> round(c.low[0], 6), round(c.high[0], 6)
    (0.006309, 0.80588)
    """

    kind: str = "probability"

    def reduce(self, sample: torch.Tensor) -> State:
        """Reduce a chunk to counts; raises InvalidSample for values other than 0 and 1."""
        x = columns(sample)
        if not np.isin(x, (0.0, 1.0)).all():
            raise InvalidSample("a sample of events must hold 0 and 1 only; return indicators.")
        return {"count": len(x), "hits": x.sum(0).astype(int).tolist()}

    def merge(self, first: State, second: State) -> State:
        """Add counts."""
        hits = [a + b for a, b in zip(first["hits"], second["hits"], strict=True)]
        return {"count": first["count"] + second["count"], "hits": hits}

    def compare(self, state: State, prediction: Any, alpha: float) -> Comparison:
        """Return the exact interval of every component, Bonferroni over components."""
        n, hits = state["count"], np.array(state["hits"])
        tail = alpha / (2 * len(hits))
        low = np.where(hits > 0, stats.beta.ppf(tail, np.maximum(hits, 1), n - hits + 1), 0.0)
        high = np.where(hits < n, stats.beta.isf(tail, hits + 1, np.maximum(n - hits, 1)), 1.0)
        return Comparison(
            estimate=tuple((hits / n).tolist()),
            low=tuple(low.tolist()),
            high=tuple(high.tolist()),
            target=targets(prediction, len(hits)),
            replicas=n,
        )


@dataclass(frozen=True)
class Rate:
    """Rate of a Poisson process: columns (events, exposure) per replica, exact Gamma interval of events per exposure.

    Waiting for the first event or a horizon, whichever comes first, gives such pairs: censoring needs no correction.
    """

    kind: str = "rate"

    def reduce(self, sample: torch.Tensor) -> State:
        """Reduce a chunk to total events and exposure; raises InvalidSample for negative or missing columns."""
        x = columns(sample)
        if x.shape[1] != 2 or not np.isfinite(x).all() or (x < 0).any():
            raise InvalidSample("a rate needs two finite nonnegative columns: events and exposure.")
        return {"count": len(x), "events": float(x[:, 0].sum()), "exposure": float(x[:, 1].sum())}

    def merge(self, first: State, second: State) -> State:
        """Add events and exposures."""
        return {key: first[key] + second[key] for key in ("count", "events", "exposure")}

    def compare(self, state: State, prediction: Any, alpha: float) -> Comparison:
        """Return the exact interval of the rate."""
        events, exposure = state["events"], state["exposure"]
        if exposure <= 0:
            return Comparison((0.0,), (0.0,), (0.0,), targets(prediction, 1), state["count"], "no exposure")
        low = stats.gamma.ppf(alpha / 2, events) / exposure if events else 0.0
        high = stats.gamma.isf(alpha / 2, events + 1) / exposure
        estimate = events / exposure
        return Comparison((estimate,), (float(low),), (float(high),), targets(prediction, 1), state["count"])
