"""From a curvature law to its numbers: of one draw, and of the mean of a batch by its characteristic function."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import sympy as sp

from theory.stability.batch import exact
from theory.stability.characteristic_draw import characteristic_function, merged_atoms
from theory.stability.curvature import Atoms, Curvature, Family, Mixture
from theory.stability.curvature_bound import Bound, BoundAtoms, BoundCharacteristic, BoundFamily, BoundMixture


def _fraction(value: sp.Expr) -> Any:
    return exact(value) if isinstance(value, sp.Rational) else exact(float(value))


def bind(law: Curvature) -> Bound:
    """Numbers of a law at batch size 1.

    Raises DerivationError where a name has no value.
    """
    if isinstance(law, Atoms):
        return BoundAtoms(tuple((_fraction(h), _fraction(p)) for h, p in merged_atoms(law)))
    if isinstance(law, Mixture):
        return BoundMixture(tuple(bind(part) for part in law.parts), tuple(float(p) for p in law.probabilities))
    family = BoundFamily(law.kind, float(law.shift), float(law.slope), float(law.shape), law.size)
    return bind_batch(law, 1) if law.kind in ("arcsine", "semicircle") and law.size > 1 else family


@lru_cache(maxsize=16)
def bind_batch(law: Curvature, batch_size: int) -> BoundCharacteristic:
    """Numbers of the mean of ``batch_size`` independent draws, by the characteristic function of one draw."""
    phi = characteristic_function(law)
    moments = None
    scale = bind_scale(law)
    if law.mean is not None and law.second_moment is not None:
        mean, second = float(law.mean), float(law.second_moment)
        moments = (mean, mean**2 + (second - mean**2) / batch_size)
        scale = math.sqrt(moments[1])
    circle = None
    if isinstance(law, Family) and law.kind in ("arcsine", "semicircle"):
        whole = law.batch(batch_size)
        circle = BoundFamily(whole.kind, float(whole.shift), float(whole.slope), 0.0, whole.size)
    # Finite data never decay, and every value of phi is a long sum: a shorter grid loses nothing.
    periods = 12.0 if isinstance(law, Atoms) and len(law.values) > 200 else 60.0
    return BoundCharacteristic(lambda s: phi(-s / batch_size) ** batch_size, scale, moments, circle, periods)


def bind_scale(law: Curvature) -> float:
    """A typical size of h, also where its second moment is infinite."""
    if isinstance(law, Mixture):
        return math.sqrt(sum(float(w) * bind_scale(p) ** 2 for p, w in zip(law.parts, law.probabilities, strict=True)))
    return bind(law).scale
