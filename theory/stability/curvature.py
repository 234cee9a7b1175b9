"""Laws of the curvature h as frozen symbolic objects: location-scale families, finite data, mixtures.

Every object gives its mean, second moment, affine images, batch law and characteristic function in SymPy; what depends
on numbers (quadrature, roots) lives in ``curvature_numeric``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import sympy as sp

from theory.errors import DerivationError
from theory.stability.batch import batch_atoms, count, exact, require_batch

_T = sp.Symbol("t", real=True)
SYMMETRIC = ("normal", "laplace", "bessel", "cauchy", "arcsine", "semicircle")
KINDS = (*SYMMETRIC, "uniform", "gamma", "square", "noncentral")
MAX_LISTED = 4000
LARGEST_NUMBER = 1e100


def _rational(value: Any) -> sp.Rational:
    number = exact(value)
    return sp.Rational(number.numerator, number.denominator)


def _normalised(weights: tuple[sp.Expr, ...]) -> tuple[sp.Expr, ...]:
    total = sp.expand(sp.Add(*weights))
    return weights if total == 1 else tuple(w / total for w in weights)


@dataclass(frozen=True)
class Family:
    """h = shift + slope * X for a standardised X of the given kind (see ``theory.stability.standard``).

    ``shape`` is the shape of a gamma, the order of a Bessel (variance-gamma) variable, the offset nu of a square
    (Z + nu)^2, or the noncentrality; ``size`` is the number of summed variables where sums have no simpler name.
    """

    kind: str
    shift: sp.Expr
    slope: sp.Expr
    shape: sp.Expr = sp.S.Zero
    size: int = 1

    @property
    def standard_moments(self) -> tuple[sp.Expr, sp.Expr] | None:
        """Mean and second moment of X; None where they are infinite."""
        n, k = sp.Integer(self.size), self.shape
        table = {
            "normal": (sp.S.Zero, sp.S.One),
            "laplace": (sp.S.Zero, sp.Integer(2)),
            "bessel": (sp.S.Zero, 2 * k),
            "arcsine": (sp.S.Zero, n / 2),
            "semicircle": (sp.S.Zero, n / 4),
            "uniform": (n / 2, n / 12 + n**2 / 4),
            "gamma": (k, k * (k + 1)),
            "square": (1 + k**2, 3 + 6 * k**2 + k**4),
            "noncentral": (n + k, (n + k) ** 2 + 2 * n + 4 * k),
        }
        return table.get(self.kind)

    @property
    def mean(self) -> sp.Expr | None:
        """E h, or None."""
        moments = self.standard_moments
        return None if moments is None else sp.expand(self.shift + self.slope * moments[0])

    @property
    def second_moment(self) -> sp.Expr | None:
        """E h^2, or None."""
        moments = self.standard_moments
        if moments is None:
            return None
        return sp.expand(self.shift**2 + 2 * self.shift * self.slope * moments[0] + self.slope**2 * moments[1])

    def affine(self, shift: sp.Expr, factor: sp.Expr) -> Family:
        """The law of shift + factor * h."""
        return replace(self, shift=sp.expand(shift + factor * self.shift), slope=sp.expand(factor * self.slope))

    def batch(self, batch_size: int) -> Family:
        """The law of the mean of ``batch_size`` independent h."""
        b = sp.Integer(batch_size)
        if batch_size == 1 or self.kind == "cauchy":
            return self
        if self.kind == "normal":
            return replace(self, slope=self.slope / sp.sqrt(b))
        slope = self.slope / b
        if self.kind == "gamma":
            return replace(self, slope=slope, shape=self.shape * b)
        if self.kind in ("laplace", "bessel"):
            order = b if self.kind == "laplace" else self.shape * b
            return replace(self, kind="laplace" if order == 1 else "bessel", slope=slope, shape=order)
        if self.kind == "square":
            return Family("noncentral", self.shift, slope, b * self.shape**2, batch_size)
        if self.kind == "noncentral":
            return replace(self, slope=slope, shape=self.shape * b, size=self.size * batch_size)
        return replace(self, slope=slope, size=self.size * batch_size)

    def characteristic(self, t: sp.Expr = _T) -> sp.Expr:
        """E exp(i t h)."""
        u, k, n = self.slope * t, self.shape, self.size
        table = {
            "normal": lambda: sp.exp(-(u**2) / 2),
            "laplace": lambda: 1 / (1 + u**2),
            "bessel": lambda: (1 + u**2) ** (-k),
            "cauchy": lambda: sp.exp(-sp.Abs(u)),
            "arcsine": lambda: sp.besselj(0, u) ** n,
            "semicircle": lambda: (2 * sp.besselj(1, u) / u) ** n,
            "uniform": lambda: ((sp.exp(sp.I * u) - 1) / (sp.I * u)) ** n,
            "gamma": lambda: (1 - sp.I * u) ** (-k),
            "square": lambda: sp.exp(sp.I * k**2 * u / (1 - 2 * sp.I * u)) / sp.sqrt(1 - 2 * sp.I * u),
            "noncentral": lambda: (
                sp.exp(sp.I * k * u / (1 - 2 * sp.I * u)) * (1 - 2 * sp.I * u) ** (-sp.Rational(n, 2))
            ),
        }
        return sp.exp(sp.I * self.shift * t) * table[self.kind]()

    def bind(self, values: Mapping[sp.Symbol, Any]) -> Family:
        """Put numbers in the place of names."""
        fields = {name: sp.sympify(getattr(self, name)).subs(values) for name in ("shift", "slope", "shape")}
        return replace(self, **fields)


@dataclass(frozen=True)
class Atoms:
    """Finitely many curvatures with probabilities (not yet normalised weights)."""

    values: tuple[sp.Expr, ...]
    weights: tuple[sp.Expr, ...]
    weighted: bool = True

    @property
    def probabilities(self) -> tuple[sp.Expr, ...]:
        """Weights divided by their sum."""
        return _normalised(self.weights)

    @property
    def mean(self) -> sp.Expr:
        """E h."""
        return sp.Add(*[h * p for h, p in zip(self.values, self.probabilities, strict=True)])

    @property
    def second_moment(self) -> sp.Expr:
        """E h^2."""
        return sp.Add(*[h**2 * p for h, p in zip(self.values, self.probabilities, strict=True)])

    def affine(self, shift: sp.Expr, factor: sp.Expr) -> Atoms:
        """The law of shift + factor * h."""
        return replace(self, values=tuple(shift + factor * h for h in self.values))

    def batch(self, batch_size: int, replacement: str = "with") -> Atoms | None:
        """The law of the batch mean by enumeration, or None where more than ``MAX_LISTED`` batches make it up."""
        require_batch(len(self.values), batch_size, replacement, self.weights if self.weighted else None)
        if batch_size == 1:
            return self
        if count(len(self.values), batch_size, replacement) > MAX_LISTED:
            return None
        if not all(v.is_Rational for v in (*self.values, *self.weights)):
            return self._symbolic_batch(batch_size, replacement)
        pairs = batch_atoms(self.values, self.weights if self.weighted else None, batch_size, replacement)
        return Atoms(tuple(_rational(h) for h, _ in pairs), tuple(_rational(p) for _, p in pairs))

    def _symbolic_batch(self, batch_size: int, replacement: str) -> Atoms:
        from itertools import combinations, combinations_with_replacement

        size = len(self.values)
        number = count(size, batch_size, replacement)
        if number > 2000:
            raise DerivationError(
                f"{number} batches of named curvatures are too many to write down (limit 2000); give numbers instead."
            )
        if replacement == "without":
            chosen = list(combinations(range(size), batch_size))
            weights = [sp.Rational(1, len(chosen))] * len(chosen)
        else:
            chosen = list(combinations_with_replacement(range(size), batch_size))
            weights = [self._multinomial(c, batch_size) for c in chosen]
        means = tuple(sp.Add(*[self.values[i] for i in c]) / batch_size for c in chosen)
        return Atoms(means, tuple(weights))

    def _multinomial(self, chosen: tuple[int, ...], batch_size: int) -> sp.Expr:
        counts = [chosen.count(i) for i in range(len(self.values))]
        weight = sp.factorial(batch_size)
        for number, probability in zip(counts, self.probabilities, strict=True):
            weight *= probability**number / sp.factorial(number)
        return weight

    def characteristic(self, t: sp.Expr = _T) -> sp.Expr:
        """E exp(i t h)."""
        return sp.Add(*[p * sp.exp(sp.I * t * h) for h, p in zip(self.values, self.probabilities, strict=True)])

    def bind(self, values: Mapping[sp.Symbol, Any]) -> Atoms:
        """Put numbers in the place of names."""
        return replace(
            self,
            values=tuple(sp.sympify(h).subs(values) for h in self.values),
            weights=tuple(sp.sympify(w).subs(values) for w in self.weights),
        )


@dataclass(frozen=True)
class Mixture:
    """A curvature drawn from one of several laws."""

    parts: tuple[Family | Atoms | Mixture, ...]
    weights: tuple[sp.Expr, ...]

    @property
    def probabilities(self) -> tuple[sp.Expr, ...]:
        """Weights divided by their sum."""
        return _normalised(self.weights)

    @property
    def mean(self) -> sp.Expr | None:
        """E h, or None."""
        return self._average([part.mean for part in self.parts])

    @property
    def second_moment(self) -> sp.Expr | None:
        """E h^2, or None."""
        return self._average([part.second_moment for part in self.parts])

    def _average(self, values: list[sp.Expr | None]) -> sp.Expr | None:
        if any(v is None for v in values):
            return None
        return sp.Add(*[p * v for p, v in zip(self.probabilities, values, strict=True)])

    def affine(self, shift: sp.Expr, factor: sp.Expr) -> Mixture:
        """The law of shift + factor * h."""
        return replace(self, parts=tuple(part.affine(shift, factor) for part in self.parts))

    def characteristic(self, t: sp.Expr = _T) -> sp.Expr:
        """E exp(i t h)."""
        return sp.Add(*[p * q.characteristic(t) for p, q in zip(self.probabilities, self.parts, strict=True)])

    def bind(self, values: Mapping[sp.Symbol, Any]) -> Mixture:
        """Put numbers in the place of names."""
        return Mixture(
            tuple(part.bind(values) for part in self.parts), tuple(sp.sympify(w).subs(values) for w in self.weights)
        )


Curvature = Family | Atoms | Mixture


def mixture(parts: tuple[Curvature, ...], weights: tuple[sp.Expr, ...]) -> Curvature:
    """A mixture; one of finite laws only is a finite law again."""
    mixed = Mixture(parts, weights)
    if not all(isinstance(part, Atoms) for part in parts):
        return mixed
    atoms = [
        (h, w * p)
        for part, w in zip(parts, mixed.probabilities, strict=True)
        for h, p in zip(part.values, part.probabilities, strict=True)
    ]
    return Atoms(tuple(h for h, _ in atoms), tuple(w for _, w in atoms))


def numbers_of(law: Curvature) -> list[sp.Expr]:
    """All parameters of a law, flat."""
    if isinstance(law, Family):
        return [law.shift, law.slope, law.shape]
    if isinstance(law, Atoms):
        return [*law.values, *law.weights]
    return [x for part in law.parts for x in numbers_of(part)] + list(law.weights)


def drift(law: Curvature) -> sp.Expr:
    """-Lambda/eta at eta -> 0: E h, with the location of a Cauchy law in the place of its missing mean."""
    if isinstance(law, Mixture):
        return sp.Add(*[p * drift(part) for p, part in zip(law.probabilities, law.parts, strict=True)])
    return law.shift if law.mean is None else law.mean
