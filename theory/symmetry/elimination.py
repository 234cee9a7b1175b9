"""Sparse linear algebra: null spaces over the rationals by integer rows, and ranks modulo a prime."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from math import gcd
from typing import Any

from theory.symmetry.polynomials import PRIME

Row = dict[int, int]


def primitive(row: Mapping[int, int]) -> Row:
    """Return the row divided by its content, the entry of smallest column positive.

    >>> primitive({3: -4, 1: -2})
    {3: 2, 1: 1}
    """
    divisor = gcd(*row.values())
    sign = 1 if row[min(row)] > 0 else -1
    return {k: sign * v // divisor for k, v in row.items()}


def _cancel(row: Row, pivot: int, by: Row) -> Row:
    """Return a multiple of ``row`` minus a multiple of ``by`` in which the pivot column is zero."""
    a, b = row[pivot], by[pivot]
    common = gcd(a, b)
    a, b = a // common, b // common
    result = {k: v * b for k, v in row.items()}
    for k, v in by.items():
        new = result.get(k, 0) - a * v
        if new:
            result[k] = new
        else:
            result.pop(k, None)
    return primitive(result) if result else result


def null_space(rows: Iterable[Mapping[int, int]], columns: int) -> list[Row]:
    """Return the null space of an integer matrix in reduced row echelon form, each row with coprime integers.

    Equations with one unknown are used first: in symmetry problems they remove most unknowns. Pivots are the rightmost
    columns, so that the vectors of the free columns are already in echelon form from the left.

    >>> null_space([{0: 1, 1: 1}], 3)
    [{0: 1, 1: -1}, {2: 1}]
    """
    pending = {frozenset(primitive(r).items()) for r in rows if r}
    zero: set[int] = set()
    while True:
        singles = {next(iter(r))[0] for r in pending if len(r) == 1} - zero
        if not singles:
            break
        zero |= singles
        shorter = (frozenset(e for e in r if e[0] not in zero) for r in pending)
        pending = {frozenset(primitive(dict(r)).items()) for r in shorter if r}
    pivots: dict[int, Row] = {}
    for entries in sorted(pending, key=lambda r: (len(r), sorted(r))):
        row = dict(entries)
        while row:
            lead = max(row)
            if lead not in pivots:
                pivots[lead] = row
                break
            row = _cancel(row, lead, pivots[lead])
    for lead in sorted(pivots):
        row = pivots[lead]
        for k in sorted((k for k in row if k != lead and k in pivots), reverse=True):
            if k in row:
                row = _cancel(row, k, pivots[k])
        pivots[lead] = row
    free: dict[int, dict[int, tuple[int, int]]] = {c: {} for c in range(columns) if c not in zero and c not in pivots}
    for lead, row in pivots.items():
        for k, v in row.items():
            if k != lead:
                free[k][lead] = (-v, row[lead])
    return [_scaled(column, entries) for column, entries in free.items()]


def _scaled(column: int, entries: Mapping[int, tuple[int, int]]) -> Row:
    common = 1
    for _, bottom in entries.values():
        common = common * abs(bottom) // gcd(common, bottom)
    row = {column: common} | {k: top * (common // bottom) for k, (top, bottom) in entries.items()}
    return primitive(dict(sorted(row.items())))


class Echelon:
    """Rows modulo a prime, added one by one: ``add`` tells whether a row is independent of those before it.

    Keys of one echelon must be comparable; rows are reduced from the smallest key on.
    """

    def __init__(self, modulus: int = PRIME) -> None:
        self.modulus = modulus
        self.pivots: dict[Any, dict[Any, int]] = {}

    def __len__(self) -> int:
        """Return the rank so far."""
        return len(self.pivots)

    def add(self, row: Mapping[Any, int]) -> bool:
        """Reduce a row by the earlier ones and keep it if something is left."""
        p, pivots = self.modulus, self.pivots
        work = {k: v % p for k, v in row.items() if v % p}
        queue = list(work)
        heapq.heapify(queue)
        while queue:
            lead = heapq.heappop(queue)
            factor = work.get(lead, 0)
            if not factor:
                continue
            if lead not in pivots:
                inverse = pow(factor, -1, p)
                pivots[lead] = {k: v * inverse % p for k, v in work.items() if v}
                return True
            for k, v in pivots[lead].items():
                old = work.get(k)
                if old is None:
                    heapq.heappush(queue, k)
                    old = 0
                work[k] = (old - factor * v) % p
        return False
