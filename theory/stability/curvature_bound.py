"""Curvature laws with numbers for all parameters: exponent, moments of the multiplier, log-variance, poles."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sympy as sp

from theory.errors import DerivationError
from theory.stability.batch import exact
from theory.stability.characteristic import bessel_exponent
from theory.stability.characteristic_numeric import CharacteristicTable
from theory.stability.curvature import Family
from theory.stability.quadrature import float_mean
from theory.stability.standard import (
    ArcsineX,
    BesselX,
    CauchyX,
    GammaX,
    LaplaceX,
    NoncentralX,
    NormalX,
    SemicircleX,
    SplineX,
    SquareX,
    Standard,
    UniformX,
)


@dataclass(frozen=True)
class Bound:
    """Base: everything about the multiplier a = 1 - eta h that roots and windows need."""

    def exponent(self, eta: float) -> float:
        """E log|a|; -inf where an atom sits at the pole."""
        return self.mean(eta, math.log)

    def mean(self, eta: float, function: Callable[[float], float]) -> float:
        """E function(|a|), ignoring |a| = 0."""
        raise NotImplementedError

    @property
    def scale(self) -> float:
        """A typical size of h."""
        raise NotImplementedError

    @property
    def tail_index(self) -> float:
        """E|h|^p is finite below this p."""
        return math.inf

    @property
    def lowest_moment(self) -> float:
        """E|a|^p is finite above this p for every eta that is not a pole."""
        return -1.0

    def poles(self) -> list[tuple[float, float]]:
        """(eta, weight) of every atom at a positive pole 1/h, ascending in eta."""
        return []

    def log_variance(self, eta: float) -> float:
        """Var log|a|."""
        first = self.exponent(eta)
        return self.mean(eta, lambda a: (math.log(a) - first) ** 2)

    def moment_exponent(self, eta: float, p: float) -> float:
        """log E|a|^p (inf where infinite)."""
        if p == 0:
            return 0.0
        if p >= self.tail_index or p <= self.lowest_moment:
            return math.inf
        value = self.mean(eta, lambda a: math.exp(min(p * math.log(a), 700.0)))
        return math.log(value) if value > 0 else -math.inf


@dataclass(frozen=True)
class BoundFamily(Bound):
    """A location-scale family with numbers."""

    kind: str
    shift: float
    slope: float
    shape: float
    size: int

    @cached_property
    def standard(self) -> Standard:
        """The standardised variable, for quadrature."""
        table: dict[str, Callable[[], Standard]] = {
            "normal": NormalX,
            "laplace": LaplaceX,
            "cauchy": CauchyX,
            "arcsine": ArcsineX,
            "semicircle": SemicircleX,
            "uniform": lambda: UniformX() if self.size == 1 else SplineX(self.size),
            "gamma": lambda: GammaX(self.shape),
            "bessel": lambda: LaplaceX() if self.shape == 1 else BesselX(self.shape),
            "square": lambda: SquareX(self.shape),
            "noncentral": lambda: NoncentralX(self.size, self.shape),
        }
        return table[self.kind]()

    def mean(self, eta: float, function: Callable[[float], float]) -> float:
        return float_mean(self.standard, 1 - eta * self.shift, eta * self.slope, function)

    @property
    def scale(self) -> float:
        moments = Family(self.kind, sp.S.Zero, sp.S.One, sp.Float(self.shape), self.size).standard_moments
        if moments is None:
            return math.hypot(self.shift, self.slope)
        mean, second = map(float, moments)
        return math.sqrt(self.shift**2 + 2 * self.shift * self.slope * mean + self.slope**2 * second)

    @property
    def tail_index(self) -> float:
        return self.standard.tail_index


@dataclass(frozen=True)
class BoundAtoms(Bound):
    """Finitely many curvatures: (h, probability), exact while they are few."""

    atoms: tuple[tuple[Any, Any], ...]

    @cached_property
    def floats(self) -> list[tuple[float, float]]:
        """The atoms as floats."""
        return [(float(h), float(p)) for h, p in self.atoms]

    def exponent(self, eta: float) -> float:
        if len(self.atoms) <= 4000:
            rate = exact(eta)
            if any(rate * h == 1 for h, _ in self.atoms if h > 0 and abs(eta * float(h) - 1) < 1e-12):
                return -math.inf
        values = [(abs(1 - eta * h), p) for h, p in self.floats]
        if any(a == 0 for a, _ in values):
            return -math.inf
        return math.fsum(p * math.log(a) for a, p in values)

    def mean(self, eta: float, function: Callable[[float], float]) -> float:
        return math.fsum(p * function(a) for h, p in self.floats if (a := abs(1 - eta * h)) > 0)

    @property
    def scale(self) -> float:
        return math.sqrt(math.fsum(p * h * h for h, p in self.floats))

    def binned(self, bins: int) -> BoundAtoms:
        """The same law with neighbouring atoms moved together, two for each bin, with equal mean and variance."""
        values = self.floats
        low, high = min(h for h, _ in values), max(h for h, _ in values)
        width = (high - low) / bins or 1.0
        sums = [[0.0, 0.0, 0.0] for _ in range(bins + 1)]
        for h, p in values:
            cell = sums[int((h - low) / width)]
            cell[0] += p
            cell[1] += p * h
            cell[2] += p * h * h
        merged = []
        for weight, first, second in sums:
            if weight > 0:
                centre = first / weight
                spread = math.sqrt(max(second / weight - centre**2, 0.0))
                merged += [(centre - spread, weight / 2), (centre + spread, weight / 2)]
        return BoundAtoms(tuple(merged))

    @property
    def lowest_moment(self) -> float:
        return -math.inf

    def poles(self) -> list[tuple[float, float]]:
        return sorted((1 / h, p) for h, p in self.floats if h > 0)

    def moment_exponent(self, eta: float, p: float) -> float:
        if p == 0:
            return 0.0
        logs = [(math.log(a) if (a := abs(1 - eta * h)) > 0 else None, w) for h, w in self.floats]
        if p < 0 and any(x is None for x, _ in logs):
            return math.inf
        terms = [(p * x, w) for x, w in logs if x is not None]
        top = max(x for x, _ in terms)
        return top + math.log(math.fsum(w * math.exp(x - top) for x, w in terms))


@dataclass(frozen=True)
class BoundMixture(Bound):
    """A mixture at batch size 1: every mean is linear in the law."""

    parts: tuple[Bound, ...]
    weights: tuple[float, ...]

    def exponent(self, eta: float) -> float:
        return math.fsum(w * part.exponent(eta) for part, w in zip(self.parts, self.weights, strict=True))

    def mean(self, eta: float, function: Callable[[float], float]) -> float:
        return math.fsum(w * part.mean(eta, function) for part, w in zip(self.parts, self.weights, strict=True))

    @property
    def scale(self) -> float:
        return math.sqrt(sum(w * p.scale**2 for p, w in zip(self.parts, self.weights, strict=True)))

    @property
    def tail_index(self) -> float:
        return min(part.tail_index for part in self.parts)

    @property
    def lowest_moment(self) -> float:
        return max(part.lowest_moment for part in self.parts)

    def poles(self) -> list[tuple[float, float]]:
        merged: dict[float, float] = {}
        for part, w in zip(self.parts, self.weights, strict=True):
            for pole, p in part.poles():
                merged[pole] = merged.get(pole, 0.0) + w * p
        return sorted(merged.items())


@dataclass(frozen=True)
class BoundCharacteristic(Bound):
    """A batch mean whose law is known by its characteristic function only: ``psi(s) = E exp(-i s h)``."""

    psi: Callable[[float], complex]
    size: float
    moments: tuple[float, float] | None
    circle: BoundFamily | None = None
    periods: float = 60.0

    @cached_property
    def table(self) -> CharacteristicTable:
        """The Frullani integrals on a grid of s."""
        return CharacteristicTable(self.psi, self.size, self.moments, self.periods)

    @cached_property
    def other_table(self) -> CharacteristicTable:
        """The same on a shorter grid, for comparison."""
        return CharacteristicTable(self.psi, self.size, self.moments, 0.62 * self.periods)

    def exponent(self, eta: float) -> float:
        if self.circle is not None:
            level, slope = 1 - eta * self.circle.shift, eta * abs(self.circle.slope)
            return float(bessel_exponent(level, slope, self.circle.size, self.circle.kind == "semicircle"))
        return self.table.exponent(eta)

    def mean(self, eta: float, function: Callable[[float], float]) -> float:
        raise DerivationError("means of this batch law are known only through its characteristic function.")

    @property
    def scale(self) -> float:
        return self.size

    def log_variance(self, eta: float) -> float:
        return self.table.log_variance(eta)

    @property
    def tail_index(self) -> float:
        return self.table.highest_moment

    def moment_exponent(self, eta: float, p: float) -> float:
        if p == 0:
            return 0.0
        if p <= self.lowest_moment or p >= self.tail_index:
            return math.inf
        return self.table.moment_exponent(eta, p)
