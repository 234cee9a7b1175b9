"""The validity atlas: where in (temperature, barrier ratio) the closed-form escape rate follows the exact integral."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from math import inf, isfinite

import numpy as np
from numpy.typing import NDArray
from scipy.special import beta

from theory.errors import DomainError

Array = NDArray[np.float64]
_ORDER = 20
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(_ORDER)
_TEMPERATURES = (2e-3, 2.0)
_RATIOS = (1.001, 1e4)
_DIMENSIONS = (1, 8)
# the double integral needs panels narrower than the well: width sqrt(T/(8 (c-1))) at the coldest, highest corner
_PANELS = 72


def validity_atlas(
    temperatures: Sequence[float], barrier_ratios: Sequence[float], dimension: int = 1
) -> list[list[float]]:
    """Relative error of the closed-form escape rate: (closed form) / (exact first passage) - 1; rows are temperatures.

    ``dimension`` 1: kappa = sqrt(h |h_s|)/(2 pi) c^-(1/2+1/T) (law ``escape.escape_rate.one_dimensional``) against one
    over the exact passage time of the double well L = 1 + (c-1)(x^2-1)^2 from -1 to 1 with D = T L. Its zero line near
    c = 11/5, where the first correction C1 vanishes, is an accident of this well and no sign of validity.
    ``dimension`` n >= 2: a saddle has no exact integral there; the isotropic bowl has one: the two-term law
    ``escape.mean_passage_time.radial_two_term`` against ``escape.mean_passage_time.radial``, as rates. The error is
    infinite where the two-term law has no positive value (level too low for the temperature).

    Raises DomainError outside 0.002 <= temperature <= 2, 1.001 <= barrier_ratio <= 10^4, 1 <= dimension <= 8.
    Source: derived here; theory of the family, table of kappa times the mean passage time.

    >>> [round(1 + error, 3) for error in validity_atlas([0.1], [1.3, 2, 10])[0]]
    [1.152, 1.016, 0.974]
    """
    low, high = _DIMENSIONS
    if isinstance(dimension, bool) or not isinstance(dimension, int) or not low <= dimension <= high:
        raise DomainError(f"dimension = {dimension!r} must be an integer from {low} to {high}.")
    heat = _checked("temperature", temperatures, _TEMPERATURES)
    ratios = _checked("barrier_ratio", barrier_ratios, _RATIOS)
    return [list(row) for row in _atlas(heat, ratios, dimension)]


def _checked(name: str, values: Sequence[float], limits: tuple[float, float]) -> tuple[float, ...]:
    numbers = tuple(float(value) for value in values)
    for number in numbers:
        if not (isfinite(number) and limits[0] <= number <= limits[1]):
            raise DomainError(f"{name} = {number:g} lies outside {limits[0]:g} to {limits[1]:g}; leave it out.")
    return numbers


@functools.lru_cache(maxsize=64)
def _atlas(temperatures: tuple[float, ...], ratios: tuple[float, ...], dimension: int) -> tuple[tuple[float, ...], ...]:
    heat = np.array(temperatures)
    one = functools.partial(_bowl_ratio, dimension=dimension) if dimension > 1 else _well_ratio
    columns = [one(heat, ratio) for ratio in ratios]
    return tuple(tuple(float(column[row]) - 1 for column in columns) for row in range(len(heat)))


def _nodes(edges: Array) -> tuple[Array, Array]:
    """Gauss-Legendre nodes of all panels, and their half widths."""
    return edges[:-1, None] + np.diff(edges)[:, None] * (_NODES + 1) / 2, np.diff(edges)[:, None] / 2


def _primitive() -> Array:
    """Matrix that takes values at the nodes to the integral from -1 to every node."""
    legendre = np.polynomial.legendre.legvander(_NODES, _ORDER)
    upper = np.empty((_ORDER, _ORDER))
    upper[:, 0] = legendre[:, 1] + 1
    for k in range(1, _ORDER):
        upper[:, k] = (legendre[:, k + 1] - legendre[:, k - 1]) / (2 * k + 1)
    return upper @ (legendre[:, :_ORDER] * _WEIGHTS[:, None] * (np.arange(_ORDER) + 0.5)).T


_INNER = _primitive()


def _cumulated(values: Array, half: Array) -> Array:
    """Integral up to every node, for values (temperatures, panels, nodes)."""
    totals = np.cumsum((half * values * _WEIGHTS).sum(-1), axis=-1)
    before = np.concatenate([np.zeros_like(totals[:, :1]), totals[:, :-1]], axis=1)
    return half * (values @ _INNER.T) + before[:, :, None]


def _well_ratio(temperatures: Array, ratio: float) -> Array:
    """Rate times mean passage time of the double well, one number per temperature; c^(1/T) is taken out of both."""
    q = ratio - 1
    t = temperatures[:, None, None]
    graded = np.linspace(0.0, 1.0, _PANELS + 1) ** 2
    # the left side up to the distance where the coldest and the hottest weight are below exp(-46) of their maximum
    reach = 0.25 * np.log1p(np.expm1(46 * temperatures.max() / (1 + temperatures.max())) / q) + 1.0
    tail, tail_half = _nodes(-reach * graded[::-1])
    left, stretch = -1 - np.expm1(-tail), np.exp(-tail)
    inside, inside_half = _nodes(np.concatenate([graded - 1, 1 - graded[::-1][1:]]))
    place = np.concatenate([left, inside])
    half = np.concatenate([tail_half, inside_half])
    jacobian = np.concatenate([stretch, np.ones_like(inside)])
    logs = np.log1p(q * (place * place - 1) ** 2)
    inner = _cumulated(np.exp(-(1 + 1 / t) * logs) * jacobian, half)[:, len(left) :]
    outer = np.exp((logs[len(left) :] - np.log(ratio)) / t)
    time = (inside_half * outer * inner * _WEIGHTS).sum((1, 2)) / temperatures
    return np.sqrt(32 / ratio) * q / (2 * np.pi) * time


def _bowl_ratio(temperatures: Array, ratio: float, dimension: int) -> Array:
    """Exact over two-term passage time of the isotropic bowl, in s = sqrt(v), v the relative loss."""
    level, t = ratio - 1, temperatures[:, None, None]
    graded = np.linspace(0.0, 0.5, _PANELS + 1) ** 2 * 2
    s, half = _nodes(np.sqrt(level) * np.concatenate([graded, (1 - graded[::-1])[1:]]))
    logs = np.log1p(s * s)
    inner = _cumulated(s ** (dimension - 1) * np.exp(-(1 + 1 / t) * logs), half)
    outer = s ** (1 - dimension) * np.exp((logs - np.log(ratio)) / t)
    exact = 2 * (half * outer * inner * _WEIGHTS).sum((1, 2)) / temperatures
    power = 1 / temperatures + 1 - dimension / 2
    first = 1 / (temperatures * ratio) - dimension / (2 * level)
    second = -1 / (temperatures * ratio**2) + dimension / (2 * level**2)
    with np.errstate(divide="ignore", invalid="ignore"):
        series = (1 + second / first**2) / first
        closed = beta(dimension / 2, power) / (2 * temperatures) * level ** (-dimension / 2) * series
    valid = (power > 0) & (first > 0) & (series > 0)
    return np.where(valid, exact / np.where(valid, closed, 1.0), inf)
