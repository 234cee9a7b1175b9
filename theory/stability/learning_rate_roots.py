"""All learning rates at which an exponent changes sign, and the windows where it is negative.

Finite data are isolated exactly: between consecutive poles 1/h the exponent is strictly concave, so it has at most two
zeros there, however narrow the window around a pole is. Laws with a density are scanned on a geometric grid.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

from theory.stability.curvature_bound import Bound, BoundAtoms, BoundCharacteristic, BoundMixture

_SCAN = 400
_SLOW_SCAN = 90
_LARGE_DATA = 4000
_MANY = 20_000
_UNRESOLVED = 34.0
"""exp(-34) is the relative width of a window that floats cannot resolve."""


def roots_and_windows(law: Bound, mean_sign: int) -> tuple[list[float], list[tuple[float, float | None]], int]:
    """Zeros with a sign change, ascending, intervals where the exponent is negative, number of windows left out.

    An unbounded interval has the upper end None. Windows around poles that floats cannot resolve are left out.

    ``mean_sign`` is the sign of E h (of the location where E h does not exist): the exponent starts as -eta E h.
    """
    if isinstance(law, BoundAtoms) and len(law.atoms) <= _LARGE_DATA:
        roots, starts_negative, unresolved = _atom_roots(law, mean_sign)
    else:
        roots, starts_negative = _scanned_roots(law, mean_sign)
        unresolved = 0
    return roots, _windows(roots, starts_negative), unresolved


def _windows(roots: list[float], negative: bool) -> list[tuple[float, float | None]]:
    edges: list[float] = [0.0, *roots] if negative else list(roots)
    windows: list[tuple[float, float | None]] = []
    for index in range(0, len(edges), 2):
        windows.append((edges[index], edges[index + 1] if index + 1 < len(edges) else None))
    return windows


def _bisect(function: Callable[[float], float], negative: float, positive: float) -> float:
    """A zero between a point of negative and a point of positive value, to the last bits.

    Bisection first, then regula falsi with the Illinois rule: near a pole the function is a logarithm.
    """
    low, high = negative, positive
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        value = function(middle)
        if value < 0:
            low = middle
        else:
            high = middle
        if abs(high - low) < 1e-3 * abs(high) and abs(value) < 0.5:
            return _illinois(function, low, high)
    return (low + high) / 2


def _illinois(function: Callable[[float], float], low: float, high: float) -> float:
    f_low, f_high = function(low), function(high)
    for _ in range(200):
        if not (math.isfinite(f_low) and math.isfinite(f_high)) or f_high == f_low:
            x = (low + high) / 2
        else:
            x = (low * f_high - high * f_low) / (f_high - f_low)
        if not min(low, high) < x < max(low, high):
            x = (low + high) / 2
        if x in (low, high) or abs(high - low) <= 4e-16 * abs(high):
            break
        value = function(x)
        if value == 0:
            return x
        if value < 0:
            low, f_low, f_high = x, value, f_high / 2
        else:
            high, f_high, f_low = x, value, f_low / 2
    return (low + high) / 2


def _atom_roots(law: BoundAtoms, mean_sign: int) -> tuple[list[float], bool, int]:
    poles = law.poles()
    starts_negative = mean_sign > 0 or (mean_sign == 0 and law.scale > 0)
    if not poles:
        # All h <= 0: the exponent grows from 0 and never returns.
        return [], False, 0
    atoms = law.floats

    def exponent(eta: float) -> float:
        return math.fsum(p * math.log(a) if (a := abs(1 - eta * h)) > 0 else -math.inf for h, p in atoms)

    def slope(eta: float) -> float:
        return math.fsum(-p * h / d if (d := 1 - eta * h) != 0 else 0.0 for h, p in atoms)

    backgrounds = [_background(atoms, pole) for pole, _ in poles]
    narrow = [b > _UNRESOLVED * w for b, (_, w) in zip(backgrounds, poles, strict=True)]
    edges = [0.0, *(pole for pole, _ in poles)]
    roots: list[float] = []
    for index in range(len(poles)):
        left, right = edges[index], edges[index + 1]
        if index == 0 and mean_sign >= 0:
            continue
        peak = _peak(exponent, slope, left, right)
        if peak is None:
            continue
        if index > 0 and not narrow[index - 1]:
            roots.append(_bisect(exponent, left, peak))
        if not narrow[index]:
            roots.append(_bisect(exponent, right, peak))
    last = poles[-1][0]
    if not narrow[-1]:
        high = 2 * last
        while exponent(high) <= 0:
            high *= 2
            if high > 1e300:
                return sorted(roots), starts_negative, sum(narrow)
        roots.append(_bisect(exponent, last, high))
    return sorted(roots), starts_negative, sum(narrow)


def _background(atoms: list[tuple[float, float]], pole: float) -> float:
    """The exponent at a pole without the atom that makes it."""
    return math.fsum(p * math.log(a) for h, p in atoms if (a := abs(1 - pole * h)) > 1e-14)


def _peak(
    exponent: Callable[[float], float], slope: Callable[[float], float], left: float, right: float
) -> float | None:
    """A point between two poles where the concave exponent is positive, or None."""
    low, high = left, right
    for _ in range(120):
        middle = (low + high) / 2
        if middle <= low or middle >= high:
            return None
        value, tangent = exponent(middle), slope(middle)
        if value > 0:
            return middle
        # The tangent lies above a concave function.
        if value + abs(tangent) * (high - low) / 2 <= 0:
            return None
        if tangent > 0:
            low = middle
        else:
            high = middle
    return None


def _scanned_roots(law: Bound, mean_sign: int) -> tuple[list[float], bool]:
    slow = isinstance(law, (BoundCharacteristic, BoundAtoms)) or any(
        isinstance(part, BoundCharacteristic) for part in (law.parts if isinstance(law, BoundMixture) else ())
    )
    low, high, count = (0.05, 200.0, _SLOW_SCAN) if slow else (1e-4, 1e3, _SCAN)
    grid = [low * (high / low) ** (i / (count - 1)) / law.scale for i in range(count)]
    coarse = law.binned(1500) if isinstance(law, BoundAtoms) and len(law.atoms) > _MANY else law
    points = {eta: coarse.exponent(eta) for eta in grid}
    poles = [(pole, w) for pole, w in law.poles() if grid[0] < pole < grid[-1]] if len(law.poles()) <= 200 else []
    for pole, weight in poles:
        # The neighbourhood of an atom's pole may be a window of its own.
        width = max(math.exp(max(-abs(law.exponent(pole * (1 + 1e-9))) / weight - 3, -30.0)), 1e-13)
        for distance in (1e-3, 1e-6, 1e-9, width):
            for eta in (pole * (1 - distance), pole * (1 + distance)):
                points[eta] = law.exponent(eta)
        points[pole] = -math.inf
    # A zero below the grid shows in the sign with which the exponent starts, -eta E h.
    if mean_sign and (points[grid[0]] < 0) != (mean_sign > 0):
        eta = grid[0]
        for _ in range(20):
            eta /= 2
            points[eta] = coarse.exponent(eta)
            if (points[eta] < 0) == (mean_sign > 0):
                break
    ordered = sorted(points.items())
    roots = []
    for (x, f), (y, g) in itertools.pairwise(ordered):
        if (f < 0) != (g < 0):
            low, high = (x, y) if f < 0 else (y, x)
            if coarse is not law:
                root = _bisect(coarse.exponent, low, high)
                near = (root * (1 + 1e-4), root * (1 - 1e-4)) if low > high else (root * (1 - 1e-4), root * (1 + 1e-4))
                low, high = near if law.exponent(near[0]) < 0 < law.exponent(near[1]) else (low, high)
            roots.append(_bisect(law.exponent, low, high))
    return roots, ordered[0][1] < 0
