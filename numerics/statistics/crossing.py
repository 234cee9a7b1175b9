"""Where a mean crosses zero: critical values estimated directly, with their error."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy import stats

from numerics.statistics.slope import Slope
from numerics.statistics.verdict import Comparison, State, targets


@dataclass(frozen=True)
class Crossing:
    """Abscissa at which the polynomial through the component means is zero, one for each group of abscissae.

    The components of the sample are the groups one after the other; measured on common random numbers, their errors
    cancel to a large part. The delta method gives the error, dr/dy_i = -l_i(r)/p'(r) with the Lagrange basis l_i. Each
    group must bracket its zero: a root outside its abscissae makes the sample invalid.
    """

    groups: tuple[tuple[float, ...], ...]
    minimum: int = 30
    kind: str = "crossing"

    def _moments(self) -> Slope:
        return Slope(tuple(x for group in self.groups for x in group), minimum=self.minimum)

    def reduce(self, sample: torch.Tensor) -> State:
        """Reduce a chunk to count, means and cross products of deviations."""
        return self._moments().reduce(sample)

    def merge(self, first: State, second: State) -> State:
        """Merge two states."""
        return self._moments().merge(first, second)

    def compare(self, state: State, prediction: Any, alpha: float) -> Comparison:
        """Return the interval of every crossing, Bonferroni over the groups."""
        n, mean = state["count"], np.array(state["mean"])
        covariance = np.array(state["cross"]) / max(n - 1, 1) / n
        quantile = stats.t.isf(alpha / (2 * len(self.groups)), max(n - 1, 1))
        estimates, halves, problem, start = [], [], self._moments().problem(state), 0
        for group in self.groups:
            part = slice(start, start + len(group))
            start += len(group)
            root, gradient = _root(np.array(group), mean[part])
            if math.isnan(root):
                problem = problem or f"the means have no zero between {min(group):.4g} and {max(group):.4g}"
            estimates.append(root)
            halves.append(quantile * math.sqrt(max(gradient @ covariance[part, part] @ gradient, 0.0)))
        pairs = list(zip(estimates, halves, strict=True))
        return Comparison(
            estimate=tuple(estimates),
            low=tuple(e - h for e, h in pairs),
            high=tuple(e + h for e, h in pairs),
            target=targets(prediction, len(estimates)),
            replicas=n,
            invalid=problem,
        )


def _root(x: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the zero of the interpolating polynomial nearest the centre of ``x``, and its gradient in ``y``."""
    centre = x.mean()
    basis = np.linalg.inv(np.vander(x - centre, increasing=True).T)
    coefficients = y @ basis
    found = np.roots(coefficients[::-1])
    real = found[np.abs(found.imag) < 1e-9].real
    inside = real[(real >= (x - centre).min()) & (real <= (x - centre).max())]
    if inside.size == 0:
        return math.nan, np.zeros_like(x)
    r = float(inside[np.abs(inside).argmin()])
    powers = r ** np.arange(len(x))
    slope = float(np.polyval(np.polyder(coefficients[::-1]), r))
    return r + float(centre), -(basis @ powers) / slope
