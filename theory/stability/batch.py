"""The law of the mean curvature of a batch drawn from a finite data set, by exact enumeration."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

import mpmath

from theory.errors import DomainError

MAX_ATOMS = 1_000_000
_EXACT_ATOMS = 4000


def exact(value: Any) -> Fraction:
    """The rational number a user means: 0.1 is 1/10.

    >>> exact(0.1)
    Fraction(1, 10)
    """
    if isinstance(value, Fraction):
        return value
    if isinstance(value, (int, str)):
        return Fraction(value)
    if isinstance(value, mpmath.mpf):
        mantissa, exponent = int(value.man), int(value.exp)
        sign = -1 if value < 0 else 1
        return sign * Fraction(abs(mantissa)) * Fraction(2) ** exponent
    if hasattr(value, "p") and hasattr(value, "q"):
        return Fraction(int(value.p), int(value.q))
    return Fraction(repr(float(value)))


def normalised(curvatures: Sequence[Any], weights: Sequence[Any] | None) -> list[tuple[Fraction, Fraction]]:
    """Atoms (curvature, probability) with equal curvatures merged.

    Raises DomainError unless there is one weight for each curvature and their sum is positive.
    """
    if weights is not None and len(weights) != len(curvatures):
        raise DomainError(
            f"{len(weights)} weights for {len(curvatures)} curvatures; give one weight for each curvature, or none."
        )
    given = [Fraction(1)] * len(curvatures) if weights is None else [exact(w) for w in weights]
    total = sum(given)
    if total <= 0 or min(given) < 0:
        raise DomainError(f"the weights sum to {float(total):g}; they must be nonnegative with a positive sum.")
    merged: dict[Fraction, Fraction] = {}
    for value, weight in zip(map(exact, curvatures), given, strict=True):
        merged[value] = merged.get(value, Fraction(0)) + weight / total
    return [(value, weight) for value, weight in sorted(merged.items()) if weight]


def count(size: int, batch_size: int, replacement: str) -> int:
    """Number of batches to enumerate from ``size`` atoms."""
    if replacement == "without":
        return math.comb(size, batch_size)
    return math.comb(size + batch_size - 1, batch_size)


def require_batch(size: int, batch_size: int, replacement: str, weights: Sequence[Any] | None) -> None:
    """Raise DomainError where a batch cannot be drawn without replacement."""
    if replacement == "without" and batch_size > size:
        raise DomainError(
            f"a batch of {batch_size} without replacement needs at least {batch_size} samples, but there are {size}; "
            "lower batch_size or draw with replacement."
        )
    if replacement == "without" and weights is not None and batch_size > 1:
        raise DomainError(
            f"weights together with batch_size={batch_size} need replacement=with; drop the weights or draw with "
            "replacement."
        )


def batch_atoms(
    curvatures: Sequence[Any], weights: Sequence[Any] | None, batch_size: int, replacement: str
) -> list[tuple[Any, Any]]:
    """Atoms (batch mean, probability): fractions for small problems, floats for large ones.

    >>> [(float(h), float(p)) for h, p in batch_atoms([0.0, 1.0], None, 2, "with")]
    [(0.0, 0.25), (0.5, 0.5), (1.0, 0.25)]
    """
    require_batch(len(curvatures), batch_size, replacement, weights)
    if batch_size == 1:
        return list(normalised(curvatures, weights))
    if replacement == "without":
        return _subsets([exact(h) for h in curvatures], batch_size)
    atoms = normalised(curvatures, weights)
    number = count(len(atoms), batch_size, "with")
    if number > MAX_ATOMS and batch_size > 2:
        raise DomainError(
            f"{number} batches are more than {MAX_ATOMS} to enumerate; use the characteristic function of the data."
        )
    if number > _EXACT_ATOMS:
        floats = [(float(h), float(p)) for h, p in atoms]
        return list(_multisets(floats, batch_size, 0.0, 1.0))
    merged: dict[Fraction, Fraction] = {}
    for total, weight in _multisets(atoms, batch_size, Fraction(0), Fraction(1)):
        merged[total] = merged.get(total, Fraction(0)) + weight
    return sorted(merged.items())


def _multisets(atoms: list[tuple[Any, Any]], batch_size: int, zero: Any, one: Any) -> Iterator[tuple[Any, Any]]:
    """(mean, probability) of all multisets; the depth of the recursion is the number of distinct atoms taken."""
    size = len(atoms)

    def extend(start: int, left: int, total: Any, weight: Any) -> Iterator[tuple[Any, Any]]:
        for index in range(start, size):
            value, probability = atoms[index]
            sum_, product = total, weight
            for taken in range(1, left + 1):
                sum_ += value
                # The multinomial factor left!/(taken! (left - taken)!) grows with every draw of this atom.
                product = product * probability * (left - taken + 1) / taken
                if taken == left:
                    yield sum_ / batch_size, product
                elif index + 1 < size:
                    yield from extend(index + 1, left - taken, sum_, product)

    return extend(0, batch_size, zero, one)


def _subsets(values: list[Fraction], batch_size: int) -> list[tuple[Any, Any]]:
    number = math.comb(len(values), batch_size)
    if number > MAX_ATOMS and batch_size > 2:
        raise DomainError(
            f"{number} subsets of {batch_size} out of {len(values)} samples are more than {MAX_ATOMS} to enumerate; "
            "lower batch_size or draw with replacement."
        )
    if number > _EXACT_ATOMS:
        floats = [float(v) for v in values]
        return [(math.fsum(c) / batch_size, 1 / number) for c in itertools.combinations(floats, batch_size)]
    merged: dict[Fraction, Fraction] = {}
    for chosen in itertools.combinations(values, batch_size):
        mean = sum(chosen) / batch_size
        merged[mean] = merged.get(mean, Fraction(0)) + Fraction(1, number)
    return sorted(merged.items())


def atoms_log_mean(atoms: Sequence[tuple[Any, Any]], learning_rate: Any, digits: int = 15) -> Any:
    """Sum of p log|1 - eta h| over atoms (h, p); -inf where an atom sits exactly at 1/eta.

    >>> print(atoms_log_mean([(exact(2.0), exact(1))], 0.5))
    -inf
    """
    if atoms and isinstance(atoms[0][0], Fraction):
        rate = exact(learning_rate)
        multipliers = [(abs(1 - rate * h), p) for h, p in atoms]
        if any(a == 0 for a, p in multipliers):
            return mpmath.ninf
        if digits > 15:
            with mpmath.workdps(digits + 10):
                return mpmath.fsum(_mpf(p) * mpmath.log(_mpf(a)) for a, p in multipliers)
        return mpmath.mpf(math.fsum(float(p) * _log(a) for a, p in multipliers))
    rate = float(learning_rate)
    pairs = [(abs(1 - rate * h), p) for h, p in atoms]
    if any(a == 0 for a, p in pairs):
        return mpmath.ninf
    return mpmath.mpf(math.fsum(p * math.log(a) for a, p in pairs))


def _log(value: Fraction) -> float:
    # A ratio of long integers may overflow a float although its logarithm does not.
    return math.log(value.numerator) - math.log(value.denominator) if value < 1e-300 else math.log(value)


def _mpf(value: Fraction) -> Any:
    return mpmath.mpf(value.numerator) / value.denominator
