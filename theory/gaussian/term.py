"""Terms of the normal form: coefficient x monomial x Gaussian x exponential x sine or cosine x erf x step functions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import sympy as sp

Vector = tuple[Any, ...]


@dataclass(frozen=True)
class Term:
    """One product of elementary factors of jointly Gaussian fields ``z``.

    ``coefficient * prod z_i^powers_i * exp(-sum quadratic_i z_i^2 / 2 + linear.z) * wave * prod erf(g (z_i + m))
    * prod theta(z_i + m)`` where ``wave`` is ``("sin" | "cos", b)`` for the sine or cosine of b.z, ``errors`` holds
    (i, g, m) and ``steps`` holds (i, m).
    """

    coefficient: Any
    powers: tuple[int, ...]
    quadratic: Vector
    linear: Vector
    wave: tuple[str, Vector] | None = None
    errors: tuple[tuple[int, Any, Any], ...] = ()
    steps: tuple[tuple[int, Any], ...] = ()

    @property
    def size(self) -> int:
        """Number of fields."""
        return len(self.powers)

    @property
    def unit(self) -> Term:
        """The same term with coefficient one."""
        return replace(self, coefficient=sp.S.One)


def constant(value: Any, size: int) -> Term:
    """Return a term that does not depend on the fields."""
    zero = (sp.S.Zero,) * size
    return Term(sp.sympify(value), (0,) * size, zero, zero)


def monomial(index: int, size: int) -> Term:
    """Return the field ``z_index`` itself."""
    return replace(constant(1, size), powers=tuple(int(i == index) for i in range(size)))


def _sum(a: Vector, b: Vector) -> Vector:
    return tuple(x + y for x, y in zip(a, b, strict=True))


def _waves(a: Any, b: Any) -> list[tuple[Any, tuple[str, Vector] | None]]:
    """Product of two waves as a sum of (factor, wave); a negative argument is left to parity at the end."""
    if a is None or b is None:
        return [(sp.S.One, a or b)]
    half = sp.Rational(1, 2)
    plus = _sum(a[1], b[1])
    minus = _sum(a[1], tuple(-x for x in b[1]))
    kinds = {
        ("cos", "cos"): [(half, "cos", minus), (half, "cos", plus)],
        ("sin", "sin"): [(half, "cos", minus), (-half, "cos", plus)],
        ("sin", "cos"): [(half, "sin", minus), (half, "sin", plus)],
        ("cos", "sin"): [(half, "sin", plus), (-half, "sin", minus)],
    }
    result: list[tuple[Any, tuple[str, Vector] | None]] = []
    for factor, kind, vector in kinds[(a[0], b[0])]:
        if any(x != 0 for x in vector):
            result.append((factor, (kind, vector)))
        elif kind == "cos":
            result.append((factor, None))
    return result


def multiply(a: Term, b: Term) -> list[Term]:
    """Return the product of two terms; step functions of the same argument are idempotent."""
    base = Term(
        a.coefficient * b.coefficient,
        tuple(x + y for x, y in zip(a.powers, b.powers, strict=True)),
        _sum(a.quadratic, b.quadratic),
        _sum(a.linear, b.linear),
        None,
        tuple(sorted(a.errors + b.errors, key=str)),
        tuple(sorted(set(a.steps) | set(b.steps), key=str)),
    )
    return [replace(base, coefficient=base.coefficient * factor, wave=wave) for factor, wave in _waves(a.wave, b.wave)]


def collect(terms: Iterable[Term]) -> list[Term]:
    """Merge equal terms and drop those whose coefficients cancel."""
    sums: dict[Term, Any] = {}
    for term in terms:
        sums[term.unit] = sums.get(term.unit, sp.S.Zero) + term.coefficient
    return [replace(unit, coefficient=value) for unit, value in sums.items() if sp.expand(value) != 0]


def product(factors: Iterable[list[Term]], size: int) -> list[Term]:
    """Return the expanded product of sums of terms."""
    result = [constant(1, size)]
    for factor in factors:
        result = collect(t for a in result for b in factor for t in multiply(a, b))
    return result


def shifted(term: Term, means: Vector) -> list[Term]:
    """Return the term at ``z + means``, expanded: monomials, sines, erf and steps move; needs no Gaussian factors."""
    bare = replace(
        term,
        powers=(0,) * term.size,
        errors=tuple((i, g, m + means[i]) for i, g, m in term.errors),
        steps=tuple((i, m + means[i]) for i, m in term.steps),
        wave=None,
    )
    factors = [[bare]]
    if term.wave is not None:
        kind, vector = term.wave
        phase = sum(b * m for b, m in zip(vector, means, strict=True))
        other, sign = ("sin", -1) if kind == "cos" else ("cos", 1)
        one = constant(1, term.size)
        factors.append(
            [
                replace(one, coefficient=sp.cos(phase), wave=(kind, vector)),
                replace(one, coefficient=sign * sp.sin(phase), wave=(other, vector)),
            ]
        )
    for i, power in enumerate(term.powers):
        moved = [monomial(i, term.size)]
        if means[i] != 0:
            moved.append(constant(means[i], term.size))
        factors += [moved] * power
    return product(factors, term.size)
