"""The characteristic function of one draw of a curvature law, in floats."""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable

import mpmath
import sympy as sp

from theory.stability.characteristic import circle_mean
from theory.stability.curvature import Atoms, Curvature, Mixture


def merged_atoms(law: Atoms) -> list[tuple[sp.Expr, sp.Expr]]:
    """The atoms (h, probability) of a discrete law, equal ones merged."""
    merged: dict[sp.Expr, sp.Expr] = {}
    for h, p in zip(law.values, law.probabilities, strict=True):
        merged[h] = merged.get(h, sp.S.Zero) + p
    return list(merged.items())


def characteristic_function(law: Curvature) -> Callable[[float], complex]:
    """t -> E exp(i t h) in floats."""
    if isinstance(law, Atoms):
        pairs = [(float(h), float(p)) for h, p in merged_atoms(law)]
        return lambda t: sum(p * cmath.exp(1j * t * h) for h, p in pairs)
    if isinstance(law, Mixture):
        parts = [characteristic_function(part) for part in law.parts]
        weights = [float(p) for p in law.probabilities]
        return lambda t: sum(w * part(t) for w, part in zip(weights, parts, strict=True))
    shift, slope, k, n = float(law.shift), float(law.slope), float(law.shape), law.size
    standard = _standard_characteristic(law.kind, k, n)
    return lambda t: cmath.exp(1j * shift * t) * standard(slope * t)


def _standard_characteristic(kind: str, k: float, n: int) -> Callable[[float], complex]:
    def circle(u: float) -> complex:
        return float(circle_mean(mpmath.fp, abs(u), kind == "semicircle")) ** n

    def uniform(u: float) -> complex:
        return ((cmath.exp(1j * u) - 1) / (1j * u) if abs(u) > 1e-9 else 1 + 0.5j * u) ** n

    table: dict[str, Callable[[float], complex]] = {
        "normal": lambda u: math.exp(-u * u / 2),
        "laplace": lambda u: 1 / (1 + u * u),
        "bessel": lambda u: (1 + u * u) ** -k,
        "cauchy": lambda u: math.exp(-abs(u)),
        "arcsine": circle,
        "semicircle": circle,
        "uniform": uniform,
        "gamma": lambda u: (1 - 1j * u) ** -k,
        "square": lambda u: cmath.exp(1j * k * k * u / (1 - 2j * u)) / cmath.sqrt(1 - 2j * u),
        "noncentral": lambda u: cmath.exp(1j * k * u / (1 - 2j * u)) * (1 - 2j * u) ** (-n / 2),
    }
    return table[kind]
