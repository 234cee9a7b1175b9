"""All conservation laws of degree at most two of gradient flow, exactly: charges C with grad phi . grad C = 0."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from theory.symmetry.elimination import Echelon, Row, null_space
from theory.symmetry.polynomials import PRIME, Monomial, Poly, gradient, times, value, variables

MANY_TERMS = 3000


@dataclass(frozen=True)
class Charge:
    """C = sum of quadratic[i, j] p_i p_j (i <= j) plus sum of linear[i] p_i, integer coefficients."""

    quadratic: tuple[tuple[tuple[int, int], int], ...]
    linear: tuple[tuple[int, int], ...]

    def gradient_at(self, point: Sequence[int]) -> dict[int, int]:
        """Return the gradient at a point, as integers."""
        slope: dict[int, int] = {}
        for (i, j), c in self.quadratic:
            slope[i] = slope.get(i, 0) + c * point[j]
            slope[j] = slope.get(j, 0) + c * point[i]
        for i, c in self.linear:
            slope[i] = slope.get(i, 0) + c
        return slope


def _possible_partners(features: Sequence[Poly], dimension: int) -> list[set[int]]:
    """Return for every parameter the set of b with which p_a p_b may occur in a charge.

    A monomial m that occurs in one component a of grad phi only gives, for every b outside phi, the equation
    (coefficient of p_a p_b) = 0. This leaves few unknowns of the D(D+1)/2.
    """
    partners = [set(range(dimension)) for _ in range(dimension)]
    for feature in features:
        inside = variables(feature)
        for terms in _by_monomial(feature).values():
            if len(terms) == 1:
                partners[terms[0][0]] &= inside
    return [{b for b in found if a in partners[b]} for a, found in enumerate(partners)]


def _by_monomial(feature: Poly) -> dict[Monomial, list[tuple[int, int]]]:
    """Return monomial of grad phi -> (component, coefficient) pairs."""
    result: dict[Monomial, list[tuple[int, int]]] = {}
    for a, slope in gradient(feature).items():
        for monomial, c in slope.items():
            result.setdefault(monomial, []).append((a, c))
    return result


def equations(
    features: Sequence[Poly], dimension: int, partners: list[set[int]] | None = None
) -> tuple[list[Row], list[tuple[int, ...]]]:
    """Return the linear conditions on the coefficients of C (one row per monomial of grad phi . grad C), and the unknowns.

    The unknowns come in canonical order: p_i p_j with i <= j, then p_i.
    """
    partners = partners or _possible_partners(features, dimension)
    unknowns: list[tuple[int, ...]] = [(i, j) for i in range(dimension) for j in sorted(partners[i]) if i <= j]
    unknowns += ((i,) for i in range(dimension))
    number = {unknown: k for k, unknown in enumerate(unknowns)}
    result: list[Row] = []
    for feature in features:
        rows: dict[Monomial, Row] = {}
        for monomial, terms in _by_monomial(feature).items():
            for a, c in terms:
                row = rows.setdefault(monomial, {})
                row[number[a,]] = row.get(number[a,], 0) + c
                for b in partners[a]:
                    row = rows.setdefault(times(monomial, ((b, 1),)), {})
                    unknown = number[min(a, b), max(a, b)]
                    row[unknown] = row.get(unknown, 0) + (2 * c if a == b else c)
        result += ({k: v for k, v in row.items() if v} for row in rows.values())
    return result, unknowns


def polynomial_charges(features: Sequence[Poly], dimension: int) -> list[Charge]:
    """Return the canonical basis of all laws of degree <= 2 (reduced row echelon form, coprime integers).

    Large models start from features that cover all parameters and add those that a random candidate violates: few of
    the many equations decide.
    """
    partners = _possible_partners(features, dimension)
    chosen = list(range(len(features))) if sum(map(len, features)) <= MANY_TERMS else _cover(features)
    while True:
        rows, unknowns = equations([features[k] for k in chosen], dimension, partners)
        found = [_charge(row, unknowns) for row in null_space(rows, len(unknowns))]
        if len(chosen) == len(features):
            return found
        violated = _violated(features, found, dimension, set(chosen))
        if not violated:
            return found
        chosen += violated[: max(1, len(chosen))]


def _charge(row: Row, unknowns: Sequence[tuple[int, ...]]) -> Charge:
    quadratic = tuple(((unknowns[k][0], unknowns[k][1]), v) for k, v in row.items() if len(unknowns[k]) == 2)
    return Charge(quadratic, tuple((unknowns[k][0], v) for k, v in row.items() if len(unknowns[k]) == 1))


def _cover(features: Sequence[Poly]) -> list[int]:
    """Return features which together contain every variable."""
    seen: set[int] = set()
    chosen = []
    for k, feature in enumerate(features):
        inside = variables(feature)
        if not inside <= seen:
            chosen.append(k)
            seen |= inside
    return chosen


def _violated(features: Sequence[Poly], charges: Sequence[Charge], dimension: int, known: set[int]) -> list[int]:
    """Return the features whose gradient is not orthogonal to that of a random combination of candidates."""
    rng = random.Random(f"violated:{len(known)}")
    point = random_point(dimension, len(known))
    slope: dict[int, int] = {}
    for charge in charges:
        weight = rng.randrange(1, PRIME)
        for i, v in charge.gradient_at(point).items():
            slope[i] = (slope.get(i, 0) + weight * v) % PRIME
    found = []
    for k, feature in enumerate(features):
        if k not in known:
            terms = (value(poly, point) * slope.get(i, 0) for i, poly in gradient(feature).items())
            if sum(terms) % PRIME:
                found.append(k)
    rng.shuffle(found)
    return found


def linear_dimension(features: Sequence[Poly], dimension: int) -> int:
    """Return the dimension of the space of linear laws n . theta."""
    rows = []
    for feature in features:
        by_monomial: dict[object, Row] = {}
        for a, slope in gradient(feature).items():
            for monomial, c in slope.items():
                by_monomial.setdefault(monomial, {})[a] = c
        rows += by_monomial.values()
    return len(null_space(rows, dimension))


def random_point(dimension: int, seed: int) -> list[int]:
    """Return a generic integer point modulo the prime."""
    rng = random.Random(f"symmetry:{seed}:{dimension}")
    return [rng.randrange(2, PRIME - 1) for _ in range(dimension)]


def independent_count(charges: Sequence[Charge], dimension: int, seed: int = 0) -> int:
    """Return the rank of the gradients of the charges at a generic point (never the number of basis elements)."""
    echelon, point = Echelon(), random_point(dimension, seed)
    for charge in charges:
        echelon.add(charge.gradient_at(point))
    return len(echelon)


def antisymmetric_generators(features: Sequence[Poly], dimension: int) -> list[Row]:
    """Return all antisymmetric A with (grad phi)^T A theta = 0: entries A_ij for the pairs i < j, in echelon form."""
    pairs = [(i, j) for i in range(dimension) for j in range(i + 1, dimension)]
    number = {pair: k for k, pair in enumerate(pairs)}
    rows: list[Row] = []
    for feature in features:
        by_monomial: dict[object, Row] = {}
        for a, slope in gradient(feature).items():
            for monomial, c in slope.items():
                for b in range(dimension):
                    if a != b:
                        key = number[min(a, b), max(a, b)]
                        row = by_monomial.setdefault(times(monomial, ((b, 1),)), {})
                        row[key] = row.get(key, 0) + (c if a < b else -c)
        rows += ({k: v for k, v in row.items() if v} for row in by_monomial.values())
    return null_space(rows, len(pairs))


def antisymmetric_rank(generators: Sequence[Row], dimension: int, seed: int = 0) -> int:
    """Return the number of functionally independent charges theta^T A v in the variables (theta, v)."""
    pairs = [(i, j) for i in range(dimension) for j in range(i + 1, dimension)]
    point = random_point(2 * dimension, seed)
    theta, v = point[:dimension], point[dimension:]
    echelon = Echelon()
    for row in generators:
        slope: dict[int, int] = {}
        for k, c in row.items():
            i, j = pairs[k]
            for key, term in (
                (i, c * v[j]),
                (j, -c * v[i]),
                (dimension + j, c * theta[i]),
                (dimension + i, -c * theta[j]),
            ):
                slope[key] = slope.get(key, 0) + term
        echelon.add(slope)
    return len(echelon)
