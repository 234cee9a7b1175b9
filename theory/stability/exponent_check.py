"""The check which every derived exponent passes before it is returned: two independent ways at three points."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import mpmath
import sympy as sp

from theory.errors import DerivationError, DomainError
from theory.evaluation import converged, mp_function
from theory.stability.curvature import Curvature, Family
from theory.stability.curvature_bound import Bound, BoundAtoms, BoundCharacteristic, BoundFamily, BoundMixture
from theory.stability.curvature_numeric import bind_batch
from theory.stability.quadrature import log_mean

_POINTS = 3
_TOLERANCE = 1e-8
_SLOW = 2000
_POISONED = "no admissible numbers for the names were found in 300 draws; give numbers in the law itself."


def self_check(source: Any, problem_of: Callable[[Curvature], Any], closed: sp.Expr | None, rate: sp.Symbol) -> dict:
    """Compare the exponent with an independent evaluation at three random points.

    Raises DerivationError where they disagree.
    """
    rng = random.Random(source.text)
    differences = []
    for _ in range(_POINTS):
        values, law = _draw(source, rng)
        problem = problem_of(law)
        bound = problem.bound()
        eta = round(rng.uniform(0.3, 2.0), 6) / bound.scale if bound.scale > 0 else 1.0
        first, second, error = _two_ways(source, problem, bound, closed, rate, values, eta)
        difference = 0.0 if first == second else abs(first - second)
        if not difference <= _TOLERANCE + 30 * error:
            raise DerivationError(
                f"the exponent of {source.text[:80]} differs from its definition by {difference:.2g} (limit "
                f"{_TOLERANCE:g}); it is refused. Choose less extreme numbers, or give the law as data."
            )
        differences.append(difference)
    return {"points": _POINTS, "max_difference": max(differences), "passed": True}


def _draw(source: Any, rng: random.Random) -> tuple[dict[str, sp.Expr], Curvature]:
    ranges = {"positive": (0.4, 1.8), "between 0 and 1": (0.1, 0.9), "real": (-1.0, 1.0)}
    for _ in range(300):
        values = {
            name: sp.Rational(repr(round(rng.uniform(*ranges[domain]), 6))) for name, domain in source.domains.items()
        }
        try:
            return values, source.bound(values)
        except DomainError:
            continue
    raise DerivationError(_POISONED)


def _two_ways(
    source: Any, problem: Any, bound: Bound, closed: sp.Expr | None, rate: sp.Symbol, values: Any, eta: float
) -> tuple[float, float, float]:
    if closed is not None and not isinstance(bound, BoundAtoms):
        names = list(source.names.values())
        function = mp_function(closed, (*names, rate))
        point = [_mpf(values[name.name]) for name in names] + [mpmath.mpf(repr(eta))]
        return float(converged(lambda: function(*point), 12)), bound.exponent(eta), 0.0
    if isinstance(bound, BoundAtoms):
        return bound.exponent(eta), _slow_atoms(problem, bound, eta), 0.0
    if isinstance(bound, BoundFamily):
        if problem.batch_size > 1 and isinstance(problem.law, Family) and bound.kind in ("bessel", "noncentral"):
            other = bind_batch(problem.law, problem.batch_size)
            value, error = other.table.exponent_with_error(eta)
            return bound.exponent(eta), value, error
        return bound.exponent(eta), _mixed(bound, eta), 0.0
    if isinstance(bound, BoundCharacteristic):
        value, error = bound.other_table.exponent_with_error(eta)
        return bound.exponent(eta), value, error + bound.table.exponent_with_error(eta)[1]
    return bound.exponent(eta), _mixed(bound, eta), 0.0


def _mpf(value: Any) -> Any:
    return mpmath.mpf(int(value.p)) / int(value.q)


def _fraction(value: Any) -> Any:
    return mpmath.mpf(value.numerator) / value.denominator if isinstance(value, Fraction) else mpmath.mpf(value)


def _slow_atoms(problem: Any, bound: BoundAtoms, eta: float) -> float:
    """The sum in high precision; inf where the enumerated batches miss the mean or the second moment."""
    mean, second = (float(x) for x in problem.moments())
    size = max(bound.scale, 1e-300)
    found = [math.fsum(p * h**power for h, p in bound.floats) for power in (1, 2)]
    if abs(found[0] - mean) > 1e-9 * size or abs(found[1] - second) > 1e-9 * size**2:
        return math.inf
    if len(bound.atoms) > _SLOW:
        return bound.exponent(eta)
    with mpmath.workdps(25):
        rate = mpmath.mpf(repr(eta))
        return float(mpmath.fsum(_fraction(p) * mpmath.log(abs(1 - rate * _fraction(h))) for h, p in bound.atoms))


def _mixed(bound: Bound, eta: float) -> float:
    """The exponent of a mixture, every density integrated by mpmath."""
    if isinstance(bound, BoundMixture):
        return math.fsum(w * _mixed(part, eta) for part, w in zip(bound.parts, bound.weights, strict=True))
    if isinstance(bound, BoundFamily):
        with mpmath.workdps(18):
            return float(log_mean(bound.standard, 1 - eta * bound.shift, eta * bound.slope))
    return bound.exponent(eta)
