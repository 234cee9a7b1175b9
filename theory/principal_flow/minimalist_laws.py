"""Where gradient descent leaves the edge of stability on the minimalist loss (1 - x^2 y^2)^2/4."""

from __future__ import annotations

import functools
import itertools
import math
from dataclasses import replace
from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.law import Law, Regime, mutant_value
from theory.parameter import positive
from theory.principal_flow import symbols as s
from theory.source import DERIVED


def _require(expression: Any, claim: str) -> None:
    if sp.simplify(sp.expand(expression)) != 0:
        raise ArithmeticError(f"the minimalist map: {claim} does not hold")


def _steps() -> Derivation:
    x, y, p, e, q = sp.symbols("x y p epsilon Q", positive=True)
    d, h = sp.Symbol("delta", real=True), sp.Symbol("h_", positive=True)
    loss = (1 - x**2 * y**2) ** 2 / 4
    after = (x - h * sp.diff(loss, x), y - h * sp.diff(loss, y))
    pull, radius = p**3 - p, x**2 + y**2
    product = p - h * pull * sp.Symbol("R") + h**2 * pull**2 * p
    _require(after[0] * after[1] - product.subs(sp.Symbol("R"), radius).subs(p, x * y), "p' = p - h L' R + h^2 L'^2 p")
    balance = 1 - h**2 * pull**2
    _require(after[0] ** 2 - after[1] ** 2 - (x**2 - y**2) * balance.subs(p, x * y), "Q' = Q (1 - h^2 L'^2)")
    # at the minimum p = 1 the sharpness is 2 R(1) = 2/h: R = sqrt(Q^2 + 4 p^2) with Q^2 = 1/h^2 - 4
    along = sp.sqrt(q**2 + 4 * p**2)
    at_edge = {q: sp.sqrt(1 / h**2 - 4)}
    path = product.subs(sp.Symbol("R"), along).subs(p, 1 + e)
    slopes = [sp.simplify(sp.diff(path, e, n).subs(e, 0).subs(at_edge) / sp.factorial(n)) for n in (1, 2, 3)]
    _require(slopes[0] + 1, "period doubling at S = 2/h")
    a2, a3 = sp.symbols("a_2 a_3", real=True)
    normal = -e + a2 * e**2 + a3 * e**3
    _require(sp.expand(normal.subs(e, normal)).coeff(e, 3) + 2 * (a2**2 + a3), "two steps lose 2 c epsilon^3")
    c = sp.expand(sp.simplify(slopes[1] ** 2 + slopes[2]))
    # S = 2 sqrt(Q^2 + 4): h dS = h 2 Q dQ / R, dQ = -Q h^2 (2 epsilon)^2
    k = sp.expand(sp.simplify((h * 2 * q * (q * 4 * h**2) * h).subs(at_edge)))
    slow = d / sp.Symbol("c") + sp.Symbol("k") / (2 * sp.Symbol("c") ** 2)
    rate = -2 * (d - sp.Symbol("c") * slow) / sp.Symbol("k")
    _require(sp.diff(slow, d) - rate, "the slow manifold")
    (end,) = sp.solve(slow, d)
    gap = -end.subs({sp.Symbol("k"): k, sp.Symbol("c"): c}) / h
    leading = sp.limit(gap / h, h, 0) * h
    steps = derivation(
        ("product p = x y and balance Q = x^2 - y^2 after a step", sp.Tuple(product, balance), "L' = p^3 - p, R = x^2 + y^2"),
        ("map of p = 1 + epsilon at S = 2/h", sp.Tuple(*slopes), "coefficients of epsilon, epsilon^2, epsilon^3"),
        ("c of w' = w (1 + 2 (delta - c w)), w = epsilon^2", c, "square of the second coefficient plus the third"),
        ("k of delta' = delta - k w, h S = 2 + delta", k, "the oscillation shrinks Q and with it the sharpness"),
        ("w on the slow manifold", slow, "dw/ddelta = -2 (delta - c w)/k; deviations fall by exp(2 c delta/k)"),
        ("delta where the oscillation ends", end, "w = 0: a delayed passage, as far below 2/h as k/(2c)"),
        ("gap 2/h - S", leading, "minus delta/h to leading order in h"),
    )  # fmt: skip
    return Derivation(tuple(replace(step, expression=step.expression.subs(h, s.h)) for step in steps.steps))


def final_gap(learning_rate: float, start_excess: float, start_offset: float) -> float:
    """Run literal gradient descent from h S = 2 + start_excess, x y = 1 + start_offset to rest; return 2/h - S."""
    h, radius, p = learning_rate, (2 + start_excess) / learning_rate / 2, 1 + start_offset
    total = math.hypot(math.sqrt(radius * radius - 4), 2 * p)
    x = math.sqrt((total + math.sqrt(radius * radius - 4)) / 2)
    y = p / x
    while abs(x * y - 1) > 1e-9 or h * (x * x + y * y) > 1:
        q = x * y
        g = q**3 - q
        x, y = x - h * g * y, y - h * g * x
    return 2 / h - 2 * math.hypot(x * x - y * y, 2.0)


@functools.cache
def _limit() -> float:
    """Limit of gap/h as h -> 0 from literal runs, extrapolated in powers of h^2."""
    table = [final_gap(h, 0.3, 0.01) / h for h in (0.1 / 2 ** (j / 2) for j in range(6))]
    for order in range(1, 6):
        table = [(2**order * b - a) / (2**order - 1) for a, b in itertools.pairwise(table)]
    return table[0]


GAP = Law(
    id="principal_flow.minimalist.final_sharpness_gap",
    title="How far below 2/h gradient descent ends on the minimalist loss",
    statement="L = (1 - x^2 y^2)^2/4 from above the edge of stability: the run ends at the sharpness 2/h - h/2 + O(h^3), "
    "from every start that has oscillated long enough",
    quantity=sp.Symbol("2/h - S"),
    parameters=(s.learning_rate.within(positive(0.02, 0.1)),),
    derive=_steps,
    definition=lambda learning_rate: mpmath.mpf(_limit()) * learning_rate,
    sources=(DERIVED,),
    mutants=(
        mutant_value("h", lambda learning_rate: learning_rate),
        mutant_value("h/4", lambda learning_rate: learning_rate / 4),
        mutant_value("0 (it ends at 2/h)", lambda learning_rate: 0.0),
        mutant_value("h^2/2", lambda learning_rate: learning_rate**2 / 2),
    ),
    rungs=("algebra", "chain"),
    regime=Regime("learning_rate -> 0", "O(h^3)"),
    # the definition extrapolates runs in double precision
    tolerance=1e-8,
    priority="C",
)

LAWS = (GAP,)
