"""`derive quasi-potential`: the small-step barrier of a Hamiltonian, and what its diffusion truncation gives."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import sympy as sp
from scipy.optimize import brentq

from theory.errors import DerivationError, ParseError
from theory.escape.user_model import random_values
from theory.parse import parse_assignments, parse_expression, parse_names


def derive_quasi_potential(
    hamiltonian: str, variable: str, momentum: str, start: str, end: str, at: str | None = None
) -> dict[str, Any]:
    """Derive drift, noise, the nonzero root of H = 0 and its integral from ``start`` to ``end``.

    Raises ParseError or DerivationError with value, limit and remedy.

    >>> derive_quasi_potential("-p*d + p**2*s/2", "d", "p", "0", "b")["quasi_potential_formula"]
    'b**2/s'
    """
    names = parse_names(variable), parse_names(momentum)
    if len(names[0]) != 1 or len(names[1]) != 1 or names[0] == names[1]:
        raise ParseError("give one name for --variable and another one for --momentum.")
    d, p = (sp.Symbol(n[0], real=True) for n in names)
    symbols = {d.name: d, p.name: p}
    h = parse_expression(hamiltonian, symbols)
    low, high = (parse_expression(text, {}) for text in (start, end))
    values = _values(at, (h.free_symbols | low.free_symbols | high.free_symbols) - {d, p})
    if not _zero(h.subs(p, 0)):
        raise DerivationError(
            f"H at {p} = 0 is {sp.sstr(sp.simplify(h.subs(p, 0)))[:60]}, it must vanish: subtract it."
        )
    drift = sp.simplify(sp.diff(h, p).subs(p, 0))
    strength = sp.simplify(sp.diff(h, p, 2).subs(p, 0))
    if strength == 0:
        raise DerivationError(f"H has no term of second order in {p} at {p} = 0: there is no noise to escape by.")
    root = _closed_root(h, d, p, drift)
    potential = None if root is None else _closed_integral(root, d, low, high)
    diffusion = _closed_integral(sp.cancel(-2 * drift / strength), d, low, high)
    result: dict[str, Any] = {
        "drift_formula": sp.sstr(drift),
        "diffusion_formula": sp.sstr(strength),
        "momentum_formula": None if root is None else sp.sstr(root),
        "quasi_potential_formula": None if potential is None else sp.sstr(potential),
        "quasi_potential": None,
        "diffusion_approximation_formula": None if diffusion is None else sp.sstr(diffusion),
        "diffusion_approximation": None,
        "ratio": None,
    }
    if values is None and not (h.free_symbols | low.free_symbols | high.free_symbols) - {d, p}:
        values = {}
    if values is not None:
        _numbers(result, h, d, p, low, high, values)
    elif potential is not None and diffusion is not None:
        ratio = sp.simplify(potential / diffusion)
        result["ratio"] = float(ratio) if ratio.is_number else None
    return result


def _values(at: str | None, free: set[Any]) -> dict[Any, Any] | None:
    if at is None:
        return None
    given, known = parse_assignments(at), {s.name: s for s in free}
    for name in sorted(known):
        if name not in given:
            raise ParseError(f"--at lacks {name}, which the Hamiltonian or the points contain; add {name}=...")
    for name in sorted(given):
        if name not in known:
            raise ParseError(f"--at gives {name}, which does not occur; remove it.")
    return {known[name]: value for name, value in given.items()}


def _zero(expression: Any) -> bool:
    trials = (random_values(expression.free_symbols, seed) for seed in (1, 2, 3))
    return all(abs(complex(sp.N(expression.subs(t), 20))) < 1e-12 for t in trials)


def _closed_root(h: Any, d: Any, p: Any, drift: Any) -> Any:
    """Nonzero root of H = 0 in p which passes a numeric check and has the sign opposite to the drift."""
    candidates = []
    equations = [h]
    if h.is_Mul or h.has(sp.log):
        for inner in h.atoms(sp.log):
            if _zero(h.subs(inner, 0)):
                equations.append(inner.args[0] - 1)
    for equation in equations:
        numerator = sp.fraction(sp.together(equation))[0]
        if not numerator.is_polynomial(p):
            continue
        quotient = sp.cancel(numerator / p)
        if quotient.is_polynomial(p) and sp.degree(quotient, p) in (1, 2):
            candidates += sp.solve(quotient, p)
    for root in candidates:
        good = 0
        for seed in range(6):
            point = random_values((h.free_symbols | root.free_symbols) - {p}, seed)
            value = complex(sp.N(root.subs(point), 20))
            miss = abs(complex(sp.N(h.subs(p, root).subs(point), 20)))
            pull = complex(sp.N(drift.subs(point), 20)).real
            good += abs(value.imag) < 1e-12 and miss < 1e-10 and value.real * pull < 0
        if good == 6:
            return sp.factor(sp.simplify(root))
    return None


def _closed_integral(integrand: Any, d: Any, low: Any, high: Any) -> Any:
    """Integral over d where SymPy finds one that agrees with its numeric derivative and passes a numeric check."""
    positive = {s: sp.Dummy(s.name, positive=True) for s in integrand.free_symbols - {d}}
    back = {v: k for k, v in positive.items()}
    rational = integrand.xreplace(positive)
    if not rational.is_rational_function(d):
        return None
    primitive = sp.integrate(rational, d)
    if primitive.has(sp.Integral):
        return None
    primitive = primitive.xreplace(back)
    for seed in range(3):
        point = random_values(integrand.free_symbols, seed)
        if abs(complex(sp.N((sp.diff(primitive, d) - integrand).subs(point), 20))) > 1e-10:
            return None
    form = sp.simplify(primitive.subs(d, high) - primitive.subs(d, low))
    return form if form.is_finite is not False else None


def _numbers(result: dict[str, Any], h: Any, d: Any, p: Any, low: Any, high: Any, values: dict[Any, Any]) -> None:
    begin, end = (float(sp.N(e.subs(values), 17)) for e in (low, high))
    if begin == end:
        raise DerivationError(f"--from and --to are both {begin:g}; give two different points.")
    side = 1.0 if end > begin else -1.0
    numeric = h.subs(values)
    value = sp.lambdify((d, p), numeric, modules="mpmath")
    first = sp.lambdify(d, sp.diff(numeric, p).subs(p, 0), modules="numpy")
    second = sp.lambdify(d, sp.diff(numeric, p, 2).subs(p, 0), modules="numpy")

    def along(place: float, q: float) -> float:
        # mpmath: exponents never overflow, so that an infinite value means the edge of the domain
        try:
            found = mpmath.mpmathify(value(mpmath.mpf(place), mpmath.mpf(side * q)))
        except (ZeroDivisionError, ValueError):
            return math.inf
        if not mpmath.isfinite(found) or abs(mpmath.im(found)) > 1e-12 * (1 + abs(mpmath.re(found))):
            return math.inf
        return min(float(mpmath.re(found)), 1e300)

    def pull(place: float) -> float:
        return float(first(place)) * side

    nodes, weights = np.polynomial.legendre.leggauss(24)
    inside = [begin + (end - begin) * k / 401 for k in range(1, 401)]
    for place in inside:
        if pull(place) >= 0:
            raise DerivationError(
                f"the drift at {d} = {place:.4g} is {first(place):.4g}; it must point back to --from, and not vanish."
            )
        if float(second(place)) <= 0:
            raise DerivationError(f"H is not strictly convex in {p} at {d} = {place:.4g}.")
    potential, previous = math.inf, math.inf
    for pieces in (2, 4, 8, 16):
        edges = np.linspace(begin, end, pieces + 1)
        total = 0.0
        for left, right in itertools.pairwise(edges.tolist()):
            for node, w in zip(nodes, weights, strict=True):
                place = float(left + (right - left) * (node + 1) / 2)
                total += float(w) * abs(right - left) / 2 * _root(along, place, pull(place), float(second(place)), p, d)
        potential = total
        if math.isinf(potential) or abs(potential - previous) <= 1e-11 * abs(potential):
            break
        previous = potential
    diffusion = 0.0
    for left, right in itertools.pairwise(np.linspace(begin, end, 33).tolist()):
        places = left + (right - left) * (nodes + 1) / 2
        terms = [-2 * pull(float(q)) / float(second(float(q))) for q in places]
        diffusion += float(np.dot(weights, terms)) * abs(right - left) / 2
    result["quasi_potential"] = potential
    result["diffusion_approximation"] = diffusion
    result["ratio"] = potential / diffusion if diffusion else None


def _root(along: Callable[[float, float], float], place: float, pull: float, strength: float, p: Any, d: Any) -> float:
    """The positive root q of H(place, q) = 0 between the trivial root and the edge of the domain; inf without one."""
    guess = -2 * pull / strength if strength > 0 else 1.0
    low = guess * 1e-3
    while along(place, low) >= 0:
        low /= 10
        if low < 1e-200:
            raise DerivationError(f"H is not convex in {p} at {d} = {place:.4g}.")
    high = low
    for _ in range(200):
        trial = high * 2
        found = along(place, trial)
        if found == math.inf:
            return _root_below_edge(along, place, high, trial)
        if found < 0 and trial > 1e9 * guess:
            return math.inf
        high = trial
        if found > 0:
            return float(brentq(lambda q: along(place, q), low, high, xtol=1e-15, rtol=1e-14))
        low = high
    return math.inf


def _root_below_edge(along: Callable[[float, float], float], place: float, inside: float, outside: float) -> float:
    """Root between a point inside the domain where H < 0 and its edge, or the edge itself if H stays negative."""
    low = inside
    for _ in range(200):
        middle = (inside + outside) / 2
        found = along(place, middle)
        if found == math.inf:
            outside = middle
        else:
            inside = middle
            if found > 0:
                return float(brentq(lambda q: along(place, q), low, middle, xtol=1e-15, rtol=1e-14))
    return inside
