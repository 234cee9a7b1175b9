"""Modified fields of any update rule at a point, by its formal orbit: the route that knows no trees.

The orbit is ``x(n) = x0 + sum_k h^k p_k(n)`` with polynomials p_k of the step number n, p_k(0) = 0. Inserted in the
update and compared in powers of h it fixes every p_k, and the field is ``sum_k h^(k-1) p_k'(0)``. One-step maps have
a shorter way, Newton's logarithm of iterates. Coefficients may be mpf, Fraction or int.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import mpmath


@dataclass(frozen=True)
class Series:
    """A polynomial truncated at a degree; its coefficients are numbers or again Series in another variable."""

    terms: tuple[Any, ...]
    degree: int

    def __add__(self, other: Any) -> Series:
        if not isinstance(other, Series) or other.degree != self.degree:
            return Series((self.terms[0] + other, *self.terms[1:]), self.degree)
        a, c = (self, other) if len(self.terms) >= len(other.terms) else (other, self)
        head = tuple(u + v for u, v in zip(a.terms, c.terms))
        return Series(head + a.terms[len(c.terms) :], self.degree)

    __radd__ = __add__

    def __neg__(self) -> Series:
        return Series(tuple(-u for u in self.terms), self.degree)

    def __sub__(self, other: Any) -> Series:
        return self + (-other)

    def __rsub__(self, other: Any) -> Series:
        return (-self) + other

    def __mul__(self, other: Any) -> Series:
        if not isinstance(other, Series) or other.degree != self.degree:
            return Series(tuple(u * other for u in self.terms), self.degree)
        size = min(len(self.terms) + len(other.terms) - 1, self.degree + 1)
        result: list[Any] = [0] * size
        for p, u in enumerate(self.terms):
            for q, v in enumerate(other.terms[: size - p]):
                result[p + q] = result[p + q] + u * v
        return Series(tuple(result), self.degree)

    __rmul__ = __mul__

    def __pow__(self, exponent: int) -> Any:
        result: Any = 1
        for _ in range(int(exponent)):
            result = self if isinstance(result, int) else result * self
        return result

    def term(self, index: int) -> Any:
        """Return one coefficient, 0 beyond the stored ones."""
        return self.terms[index] if index < len(self.terms) else 0


Vector = list[Any]
Field = Callable[[Vector], Vector]


def euler_terms(field: Field, start: Sequence[Any], order: int) -> list[list[Any]]:
    """Terms f_1..f_order of the modified field of ``x <- x + h field(x)`` at the start, one list per order.

    Newton's logarithm ``h ft = sum_m (-1)^(m+1)/m Delta^m x_0`` on iterates that are truncated series in h.
    ``field`` must consist of ring operations.

    >>> euler_terms(lambda v: [-1 * v[0]], [mpmath.mpf(1)], 3)
    [[mpf('-1.0')], [mpf('-0.5')], [mpf('-0.33333333333333331')]]
    """
    step = Series((0, 1), order)
    return _logarithm(lambda state: [a + step * c for a, c in zip(state, field(state))], start, order)


def map_terms(one_step: Callable[[Vector, Series], Vector], start: Sequence[Any], order: int) -> list[list[Any]]:
    """Terms of the modified field of any one-step map ``one_step(state, h)`` with h a truncated series."""
    step = Series((0, 1), order)
    return _logarithm(lambda state: one_step(state, step), start, order)


def _logarithm(advance: Callable[[Vector], Vector], start: Sequence[Any], order: int) -> list[list[Any]]:
    orbit = [[Series((value,), order) for value in start]]
    for _ in range(order):
        orbit.append(advance(orbit[-1]))
    weights: list[Any] = [0] * (order + 1)
    for m in range(1, order + 1):
        for k in range(m + 1):
            weights[k] += mpmath.mpf((-1) ** (1 + k) * math.comb(m, k)) / m
    result = []
    for power in range(1, order + 1):
        result.append([sum(w * state[c].term(power) for w, state in zip(weights, orbit)) for c in range(len(start))])
    return result


def _lag(p: Series, shift: int) -> Series:
    """Return p(n + shift) of a polynomial in n."""
    terms = [
        sum(math.comb(k, index) * shift ** (k - index) * p.terms[k] for k in range(index, len(p.terms)))
        for index in range(len(p.terms))
    ]
    return Series(tuple(terms), p.degree)


def _solve_difference(source: Series, momentum: Any) -> Series:
    """Polynomial p with p(0) = 0 and (p(n+1)-p(n)) - b (p(n)-p(n-1)) = source(n)."""
    size = len(source.terms)
    p: list[Any] = [0] * (size + 1)
    for index in range(size, 0, -1):
        rest = source.terms[index - 1]
        for k in range(index + 1, size + 1):
            rest = rest - math.comb(k, index - 1) * (1 + momentum * (-1) ** (k - index + 1)) * p[k]
        p[index] = rest / (index * (1 - momentum))
    return Series(tuple(p), source.degree)


def _average(source: Any, decay: Any) -> Any:
    """Polynomial a with a(n) - decay a(n-1) = (1 - decay) source(n)."""
    if not isinstance(source, Series):
        return source
    size = len(source.terms)
    a: list[Any] = [0] * size
    for index in range(size - 1, -1, -1):
        rest = (1 - decay) * source.terms[index]
        for k in range(index + 1, size):
            rest = rest + decay * math.comb(k, index) * (-1) ** (k - index) * a[k]
        a[index] = rest / (1 - decay)
    return Series(tuple(a), source.degree)


def _orbit_terms(start: Sequence[Any], order: int, step: Callable[[Vector], Vector], momentum: Any) -> list[list[Any]]:
    """Solve the orbit power by power; ``step(x)`` gives (x(n+1) - x(n) - b (x(n) - x(n-1))) / h as series in h."""
    degree = order + 1000
    orbit = [Series((Series((value,), degree),), order) for value in start]
    for power in range(1, order + 1):
        sources = [component.term(power - 1) for component in step(orbit)]
        for c, source in enumerate(sources):
            polynomial = source if isinstance(source, Series) else Series((source,), degree)
            # Leading zeros of the polynomial cost time only; its degree is at most power - 1.
            solved = _solve_difference(Series(polynomial.terms[:power], degree), momentum)
            orbit[c] = Series((*orbit[c].terms, solved), order)
    return [[component.terms[power].term(1) for component in orbit] for power in range(1, order + 1)]


def momentum_terms(
    field: Field, start: Sequence[Any], order: int, momentum: Any, *, nesterov: bool = False
) -> list[list[Any]]:
    """Terms f_1..f_order of heavy ball or Nesterov on the slow manifold through the start."""

    def step(orbit: Vector) -> Vector:
        if not nesterov:
            return field(orbit)
        return field([a + momentum * (a - Series(tuple(_lag(p, -1) for p in a.terms), order)) for a in orbit])

    return _orbit_terms(start, order, step, momentum)


def adam_terms(
    gradient: Field, start: Sequence[Any], order: int, momentum: Any, decay: Any, epsilon: Any, *, inside: bool = True
) -> list[list[Any]]:
    """Terms f_1..f_order of steady-state Adam (RMSProp at momentum 0) at a point with non-zero gradient components."""

    def step(orbit: Vector) -> Vector:
        result = []
        for slope in gradient(orbit):
            first = Series(tuple(_average(p, momentum) for p in slope.terms), order)
            second = Series(tuple(_average(p, decay) for p in (slope * slope).terms), order)
            root = _root(second + epsilon) if inside else _root(second) + epsilon
            result.append(-(first * _reciprocal(root)))
        return result

    return _orbit_terms(start, order, step, 0)


def _constant(value: Any) -> Any:
    return value.terms[0] if isinstance(value, Series) else value


def _root(series: Series) -> Series:
    """Square root of a series in h whose leading coefficient does not depend on n."""
    lead = mpmath.sqrt(_constant(series.terms[0]))
    terms: list[Any] = [lead]
    for power in range(1, len(series.terms)):
        rest = series.terms[power]
        for q in range(1, power):
            rest = rest - terms[q] * terms[power - q]
        terms.append(rest * (1 / (2 * lead)))
    return Series(tuple(terms), series.degree)


def _reciprocal(series: Series) -> Series:
    lead = 1 / _constant(series.terms[0])
    terms: list[Any] = [lead]
    for power in range(1, len(series.terms)):
        rest: Any = 0
        for q in range(1, power + 1):
            rest = rest + series.terms[q] * terms[power - q]
        terms.append(rest * (-lead))
    return Series(tuple(terms), series.degree)


def flow_series(field: Callable[[Vector, Series], Vector], start: Sequence[Any], order: int) -> list[Series]:
    """Solution after time h of ``xdot = field(x, h)`` as a series in h, by Picard iteration.

    >>> [float(c) for c in flow_series(lambda v, h: [v[0]], [mpmath.mpf(1)], 3)[0].terms]
    [1.0, 1.0, 0.5, 0.16666666666666666]
    """
    degree = order + 1000
    step = Series((0, Series((1,), degree)), order)
    state = [Series((Series((value,), degree),), order) for value in start]
    for _ in range(order):
        slopes = [step * slope for slope in field(state, step)]
        state = [
            Series(tuple(_integral(term, degree) for term in slope.terms), order) + Series((value,), degree)
            for slope, value in zip(slopes, start)
        ]
    return [Series(tuple(sum(t.terms) if isinstance(t, Series) else t for t in c.terms), order) for c in state]


def _integral(polynomial: Any, degree: int) -> Any:
    """Integral from 0 over the scaled time of a polynomial in it."""
    if not isinstance(polynomial, Series):
        return Series((0, polynomial) if polynomial != 0 else (0,), degree)
    terms = list(polynomial.terms)
    # Zeros would double in length with every product.
    while terms and terms[-1] == 0:
        terms.pop()
    return Series((0, *(t * (mpmath.mpf(1) / (p + 1)) for p, t in enumerate(terms))), degree)
