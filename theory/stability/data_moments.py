"""Polynomials in the data and their expectations: a table of known moments, symbols ``E[x*y]`` for all others."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import sympy as sp

from theory.errors import DerivationError

Monomial = tuple[int, ...]
Polynomial = dict[Monomial, sp.Expr]


def data_polynomial(expression: sp.Expr, data: Sequence[sp.Symbol], what: str) -> Polynomial:
    """Return exponents -> coefficient of an expression that must be polynomial in the data.

    Raises DerivationError if it is not: then moments do not suffice.

    >>> x, y, u = sp.symbols("x y u")
    >>> data_polynomial((u * x - y) ** 2, (x, y), "the loss")
    {(2, 0): u**2, (1, 1): -2*u, (0, 2): 1}
    """
    if not expression.has(*data):
        return {} if expression == 0 else {(0,) * len(data): expression}
    try:
        polynomial = sp.Poly(expression, *data)
    except sp.PolynomialError as error:
        names = ", ".join(map(str, data))
        raise DerivationError(
            f"{what} is not polynomial in the data {names} ({sp.sstr(expression)[:80]}): it needs a data law, not "
            "moments; use the numeric version on samples."
        ) from error
    return {tuple(map(int, powers)): coefficient for powers, coefficient in polynomial.terms() if coefficient != 0}


def exact(value: sp.Expr) -> sp.Expr:
    """Return a copy with every float replaced by the shortest decimal that it prints.

    >>> exact(sp.Float(0.1) * sp.Symbol("x"))
    x/10
    """
    return value.xreplace({number: sp.Rational(repr(float(number))) for number in value.atoms(sp.Float)})


class MomentTable:
    """Expectations of monomials of the data: given values, and named symbols for those that are not given.

    A symbol of even powers only is positive, any other one real; both stand for generic values.
    """

    def __init__(self, data: Sequence[sp.Symbol], given: Mapping[sp.Expr, sp.Expr] | None = None) -> None:
        self.data = tuple(data)
        self._given = {self._exponents(monomial): exact(value) for monomial, value in (given or {}).items()}
        self._unknown: dict[sp.Symbol, Monomial] = {}
        for exponents, value in self._given.items():
            if all(n % 2 == 0 for n in exponents) and value.is_negative:
                raise DerivationError(
                    f"the moment of {self.monomial(exponents)} is {value}, but even moments are never negative; "
                    "give a nonnegative value."
                )

    def _exponents(self, monomial: sp.Expr) -> Monomial:
        powers = dict(monomial.as_powers_dict())
        exponents = tuple(int(powers.pop(symbol, 0)) for symbol in self.data)
        if powers or not any(exponents):
            names = ", ".join(map(str, self.data)) or "none"
            raise DerivationError(f"{monomial} is no monomial of the data ({names}); write for example x**2 or x*y.")
        return exponents

    def monomial(self, exponents: Monomial) -> sp.Expr:
        """Return the monomial with these exponents."""
        return sp.Mul(*[symbol**n for symbol, n in zip(self.data, exponents)])

    def moment(self, exponents: Monomial) -> sp.Expr:
        """Return the expectation of a monomial: 1, the given value, or the symbol ``E[...]``."""
        if not any(exponents):
            return sp.S.One
        if exponents in self._given:
            return self._given[exponents]
        even = all(n % 2 == 0 for n in exponents)
        assumption = {"positive": True} if even else {"real": True}
        symbol = sp.Symbol(f"E[{sp.sstr(self.monomial(exponents))}]", **assumption)
        self._unknown[symbol] = exponents
        return symbol

    def covariance(self, first: Monomial, second: Monomial) -> sp.Expr:
        """Return the covariance of two monomials."""
        product = tuple(a + b for a, b in zip(first, second))
        return self.moment(product) - self.moment(first) * self.moment(second)

    def generic_values(self, symbols: Sequence[sp.Symbol], count: int) -> list[dict[sp.Symbol, sp.Rational]]:
        """Return values of moment symbols that some law of the data really has (and generic ones for other symbols).

        Each law is uniform on five random points; in the first law all data are positive. Deterministic.
        """
        rng = random.Random(20)
        laws = []
        for index in range(count):
            low = 1 if index == 0 else -300
            points = [[sp.Rational(rng.randint(low, 300), 100) for _ in self.data] for _ in range(5)]
            values = {}
            for symbol in sorted(symbols, key=str):
                if symbol in self._unknown:
                    samples = [sp.Mul(*[v**n for v, n in zip(point, self._unknown[symbol])]) for point in points]
                    values[symbol] = sp.Add(*samples) / len(samples)
                else:
                    least = 1 if index == 0 or symbol.is_positive else -300
                    values[symbol] = sp.Rational(rng.randint(least, 300), 100)
            laws.append(values)
        return laws
