"""Comparisons of an interval with a prediction, and the three-valued verdict on them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

import numpy as np
import torch

from numerics.errors import InvalidSample

State = dict[str, Any]
Margin = float | Sequence[float]


class Verdict(StrEnum):
    """What a sample says about a claim."""

    CONFIRMED = "CONFIRMED"
    REFUTED = "REFUTED"
    INCONCLUSIVE = "INCONCLUSIVE"
    INVALID = "INVALID"


@dataclass(frozen=True)
class Comparison:
    """A simultaneous confidence interval beside what it is compared with, one entry per component.

    ``invalid`` is the reason why the sample supports no statement, or None.
    """

    estimate: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    target: tuple[float, ...]
    replicas: int
    invalid: str | None = None


class Statistic(Protocol):
    """Reduces chunks of replicas to states, merges states, and compares them with predictions."""

    @property
    def kind(self) -> str:
        """Name of the kind of interval."""
        ...

    def reduce(self, sample: torch.Tensor) -> State:
        """Reduce one chunk, shape (replicas,) or (replicas, components)."""
        ...

    def merge(self, first: State, second: State) -> State:
        """Merge the states of two disjoint sets of replicas."""
        ...

    def compare(self, state: State, prediction: Any, alpha: float) -> Comparison:
        """Return the interval of simultaneous level 1 - alpha beside the prediction."""
        ...


def columns(sample: torch.Tensor) -> np.ndarray:
    """Return the sample as a float64 array (replicas, components).

    Raises InvalidSample for an empty sample or one with more than two axes.
    """
    if sample.ndim not in (1, 2) or sample.shape[0] == 0:
        raise InvalidSample(f"a sample of shape {tuple(sample.shape)}; give (replicas,) or (replicas, components).")
    array = sample.detach().to("cpu", torch.float64).numpy()
    return array[:, None] if array.ndim == 1 else array


def targets(prediction: Any, components: int) -> tuple[float, ...]:
    """Return the prediction as one number per component; raises InvalidSample if the numbers do not match."""
    found = tuple(float(p) for p in np.atleast_1d(np.asarray(prediction, dtype=float)).ravel())
    if len(found) != components:
        raise InvalidSample(f"{len(found)} predictions for {components} components; give one for each.")
    if any(math.isnan(p) for p in found):
        raise InvalidSample("the prediction is nan; choose a point where the law is defined.")
    return found


def state_count(state: State) -> int:
    """Return the number of replicas behind a state."""
    return int(state["count"])


def _rows(comparison: Comparison, margin: Margin) -> Iterator[tuple[float, float, float, float, float]]:
    given = [float(margin)] if isinstance(margin, (int, float)) else [float(m) for m in margin]
    widths = given * len(comparison.estimate) if len(given) == 1 else given
    return zip(comparison.estimate, comparison.low, comparison.high, comparison.target, widths, strict=True)


def decide(comparison: Comparison, margin: Margin) -> Verdict:
    """Judge an interval: inside ``target +- margin`` in every component, wholly outside in one, or neither.

    >>> inside = Comparison((1.0,), (0.9,), (1.1,), (1.05,), 100)
    >>> decide(inside, 0.2).value, decide(inside, 0.1).value
    ('CONFIRMED', 'INCONCLUSIVE')
    >>> decide(Comparison((1.0,), (0.9,), (1.1,), (2.0,), 100), 0.2).value
    'REFUTED'
    """
    if comparison.invalid:
        return Verdict.INVALID
    rows = list(_rows(comparison, margin))
    if any(high < target - m or low > target + m for _, low, high, target, m in rows):
        return Verdict.REFUTED
    if all(low >= target - m and high <= target + m for _, low, high, target, m in rows):
        return Verdict.CONFIRMED
    return Verdict.INCONCLUSIVE


def resolution(comparison: Comparison, margin: Margin) -> float:
    """Return the largest half-width in units of \\|target\\| (absolute where the target is 0 or within its margin)."""
    units = [abs(t) if abs(t) > m else 1.0 for *_, t, m in _rows(comparison, margin)]
    halves = [(high - low) / 2 for low, high in zip(comparison.low, comparison.high, strict=True)]
    return max((h / u for h, u in zip(halves, units, strict=True)), default=0.0)


def replicas_needed(comparison: Comparison, margin: Margin) -> int:
    """Return the number of replicas expected to decide, by the square-root law; 0 if the estimate sits on an edge."""
    worst = 1.0
    for estimate, low, high, target, m in _rows(comparison, margin):
        gap, half = abs(abs(estimate - target) - m), (high - low) / 2
        if gap == 0.0:
            return 0
        worst = max(worst, (half / gap) ** 2)
    return math.ceil(worst * comparison.replicas)


def exact(estimate: Any, error: Any, target: Any) -> Comparison:
    """Return the comparison of a deterministic measurement: interval ``estimate +- error``, absolute errors.

    >>> exact(1.0, 1e-9, 1.0).low
    (0.999999999,)
    """
    values = np.atleast_1d(np.asarray(estimate, dtype=float)).ravel()
    errors = np.broadcast_to(np.atleast_1d(np.asarray(error, dtype=float)).ravel(), values.shape)
    bad = int((~np.isfinite(values)).sum() + (~np.isfinite(errors)).sum())
    return Comparison(
        estimate=tuple(values.tolist()),
        low=tuple((values - errors).tolist()),
        high=tuple((values + errors).tolist()),
        target=targets(target, len(values)),
        replicas=0,
        invalid=f"{bad} measured values or errors are not finite" if bad else None,
    )
