"""Slopes and orders: regression of component means on known abscissae."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy import stats

from numerics.errors import InvalidSample
from numerics.statistics.mean import heavy_tail_share
from numerics.statistics.verdict import Comparison, State, columns, targets


@dataclass(frozen=True)
class Slope:
    """Least-squares slope (and intercept) of the component means, or of their logarithms, on the abscissae.

    The components of one replica may depend on each other: their full covariance is kept. With ``log=True`` the
    delta method is used, which needs means that are many standard errors away from zero. ``weights`` are those of the
    regression (default equal).
    """

    abscissae: tuple[float, ...]
    log: bool = False
    intercept: bool = False
    weights: tuple[float, ...] | None = None
    minimum: int = 30
    kind: str = "slope"

    def reduce(self, sample: torch.Tensor) -> State:
        """Reduce a chunk to count, means and cross products of deviations."""
        x = columns(sample)
        if x.shape[1] != len(self.abscissae):
            raise InvalidSample(f"{x.shape[1]} components for {len(self.abscissae)} abscissae; give one for each.")
        bad = int((~np.isfinite(x)).sum())
        x = np.where(np.isfinite(x), x, 0.0)
        mean = x.mean(0)
        d = x - mean
        return {
            "count": len(x),
            "bad": bad,
            "mean": mean.tolist(),
            "cross": (d.T @ d).tolist(),
            "largest": (d**2).max(0).tolist(),
        }

    def merge(self, first: State, second: State) -> State:
        """Merge two states (Chan's update of the cross products)."""
        n1, n2 = first["count"], second["count"]
        mean1, mean2 = np.array(first["mean"]), np.array(second["mean"])
        shift, total = mean2 - mean1, n1 + n2
        cross = np.array(first["cross"]) + np.array(second["cross"]) + np.outer(shift, shift) * (n1 * n2 / total)
        return {
            "count": total,
            "bad": first["bad"] + second["bad"],
            "mean": (mean1 + shift * (n2 / total)).tolist(),
            "cross": cross.tolist(),
            "largest": np.maximum(first["largest"], second["largest"]).tolist(),
        }

    def _functionals(self) -> np.ndarray:
        x = np.array(self.abscissae)
        w = np.ones_like(x) if self.weights is None else np.array(self.weights)
        design = np.stack([x, np.ones_like(x)], 1)
        rows = np.linalg.solve(design.T @ (w[:, None] * design), design.T * w)
        return rows if self.intercept else rows[:1]

    def compare(self, state: State, prediction: Any, alpha: float) -> Comparison:
        """Return the interval of the slope (and intercept)."""
        n, mean, cross = state["count"], np.array(state["mean"]), np.array(state["cross"])
        rows = self._functionals()
        problem = self.problem(state)
        covariance = cross / max(n - 1, 1) / n
        if self.log:
            safe = np.where(mean > 0, mean, 1.0)
            covariance, mean = covariance / np.outer(safe, safe), np.log(safe)
        value = rows @ mean
        half = stats.t.isf(alpha / (2 * len(rows)), max(n - 1, 1)) * np.sqrt(np.diag(rows @ covariance @ rows.T))
        return Comparison(
            estimate=tuple(value.tolist()),
            low=tuple((value - half).tolist()),
            high=tuple((value + half).tolist()),
            target=targets(prediction, len(rows)),
            replicas=n,
            invalid=problem,
        )

    def problem(self, state: State) -> str | None:
        """Return why the sample supports no statement, or None."""
        n, mean, m2 = state["count"], np.array(state["mean"]), np.diag(np.array(state["cross"]))
        if state["bad"]:
            return f"{state['bad']} values are not finite"
        if n < self.minimum:
            return f"{n} replicas; a slope needs {self.minimum}"
        share = float(np.max(np.where(m2 > 0, np.array(state["largest"]) / np.where(m2 > 0, m2, 1.0), 0.0)))
        if share > heavy_tail_share(n):
            return f"heavy tail: one replica carries {share:.0%} of the sum of squares"
        if self.log and (mean <= 10 * np.sqrt(m2 / max(n - 1, 1) / n)).any():
            return "a mean lies within ten standard errors of zero; its logarithm has no reliable error"
        return None
