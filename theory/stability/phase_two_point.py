"""Phases of the scalar network for two values of z: exponents, boundaries, and the point where all four meet."""

from __future__ import annotations

from typing import Any

import mpmath
import sympy as sp

import theory.stability.symbols as sy
from theory.derivation import Derivation, derivation
from theory.law import Law, mutant_parameters, mutant_result, mutant_value
from theory.parameter import Parameter, interval
from theory.stability.phase_signs import eta, exponents, linearisation

a = sp.Symbol("a", positive=True)
RATIO = Parameter("anti_ratio", a, "z is 1 or -a with probability 1/2", interval(0.0, 1.0, region=(0.2, 0.8)))


def _two_point_pair() -> Derivation:
    plus = sp.log(sp.Abs((1 + eta) * (1 - eta * a))) / 2
    minus = sp.log(sp.Abs((1 - eta) * (1 + eta * a))) / 2
    return derivation(
        *linearisation(),
        ("law of z", sp.Tuple(1, -a), "probability 1/2 each"),
        ("both exponents", sp.Tuple(plus, minus), "mean of two logs"),
    )


def _two_point_definition(learning_rate: Any, anti_ratio: Any) -> list[Any]:
    return [
        mpmath.fsum(mpmath.log(abs(1 + sign * learning_rate * h)) for h in (1, -anti_ratio)) / 2 for sign in (1, -1)
    ]


TWO_POINT_NET = Law(
    id="stability.phase.two_point",
    title="Both exponents of the scalar network for z = 1 or -a",
    statement="Lambda_+ = log|(1 + eta)(1 - eta a)|/2, Lambda_- = log|(1 - eta)(1 + eta a)|/2. Value: [plus, minus].",
    quantity=exponents,
    parameters=(sy.learning_rate(0.2, 3.0), RATIO),
    derive=_two_point_pair,
    definition=_two_point_definition,
    sources=(sy.HERE,),
    mutants=(
        mutant_parameters("1/a for a", lambda v: {"anti_ratio": 1 / v["anti_ratio"]}),
        mutant_result("without 1/2", lambda value, **_: [2 * value[0], 2 * value[1]]),
    ),
    rungs=("algebra", "chain", "sgd"),
)


def _boundaries() -> Derivation:
    plus, minus = (1 + eta) * (1 - eta * a), (1 - eta) * (1 + eta * a)
    first = next(r for r in sp.solve(sp.Eq(sp.expand(plus), 1), eta) if r != 0)
    half = {a: sp.Rational(1, 2)}
    second = next(r for r in sp.solve(sp.Eq(sp.expand(plus), -1), eta) if r.subs(half) > 0)
    third = next(r for r in sp.solve(sp.Eq(sp.expand(minus), -1), eta) if r.subs(half) > 0)
    return derivation(
        *_two_point_pair().steps_as_tuples(),
        ("products", sp.Tuple(plus, minus), "an exponent vanishes where its product is +-1"),
        ("boundaries", sp.Tuple(first, second, third), "plus: product 1, product -1; minus: product -1"),
    )


def _boundary_roots(anti_ratio: Any) -> list[Any]:
    def bisect(index: int, low: Any, high: Any) -> Any:
        for _ in range(100):
            middle = (low + high) / 2
            same = _two_point_definition(middle, anti_ratio)[index] * _two_point_definition(low, anti_ratio)[index] > 0
            low, high = (middle, high) if same else (low, middle)
        return (low + high) / 2

    pole, tiny = 1 / anti_ratio, mpmath.mpf(10) ** -9
    top = (1 - anti_ratio) / (2 * anti_ratio)
    return [
        bisect(0, max(top, tiny), pole * (1 - tiny)),
        bisect(0, pole * (1 + tiny), 40 * pole),
        bisect(1, 1 + tiny, 40 * pole),
    ]


def _four_for_eight(anti_ratio: float) -> list[float]:
    gap = 1 - anti_ratio
    root = (gap**2 + 4 * anti_ratio) ** 0.5
    return [gap / anti_ratio, (gap + root) / (2 * anti_ratio), (root - gap) / (2 * anti_ratio)]


BOUNDARY = Law(
    id="stability.phase.two_point_boundary",
    title="Phase boundaries for z = 1 or -a",
    statement="Lambda_+ = 0 at (1-a)/a and [(1-a) + sqrt((1-a)^2 + 8a)]/(2a); Lambda_- = 0 at [(a-1) + sqrt((1-a)^2 "
    "+ 8a)]/(2a). "
    "Value: the three learning rates.",
    quantity=sp.Symbol("eta_c"),
    parameters=(RATIO,),
    derive=_boundaries,
    definition=_boundary_roots,
    sources=(sy.HERE,),
    mutants=(
        mutant_result("sign of the root", lambda v, anti_ratio: [v[0], (1 - anti_ratio) / anti_ratio - v[1], v[2]]),
        mutant_value("4a for 8a", _four_for_eight),
    ),
    rungs=("algebra", "chain"),
)  # fmt: skip


def _quadruple() -> Derivation:
    boundaries = _boundaries().result
    ratio = sp.Symbol("a", positive=True)
    crossing = [r for r in sp.solve(sp.Eq(boundaries[0], boundaries[2]), ratio) if 0 < r < 1]
    return derivation(
        ("boundaries", boundaries, "derived in stability.phase.two_point_boundary"),
        ("meeting point", sp.Eq(boundaries[0], boundaries[2]), "both exponents vanish"),
        ("quadruple point", sp.Tuple(crossing[0], sp.simplify(boundaries[0].subs(a, crossing[0]))), "0 < a < 1"),
    )


QUADRUPLE = Law(
    id="stability.phase.quadruple_point",
    title="All four phases meet in one point",
    statement="z = 1 or -a: the four phases meet at a = (3 - sqrt 5)/2, eta = (1 + sqrt 5)/2. Value: [a, eta].",
    quantity=sp.Symbol("(a, eta)"),
    parameters=(),
    derive=_quadruple,
    definition=lambda: list(
        mpmath.findroot(
            lambda r, e: _two_point_definition(e, r), (mpmath.mpf("0.37"), mpmath.mpf("1.6")), tol=1e-25, maxsteps=60
        )
    ),
    sources=(sy.HERE,),
    mutants=(
        mutant_value("a = 1/3", lambda: [1 / 3, 1.6180339887]),
        mutant_value("eta = 3/2", lambda: [0.3819660113, 1.5]),
    ),
    rungs=("algebra", "sgd"),
)
OVERSHOOT = Law(
    id="stability.phase.overshoot",
    title="Learning the wrong sign needs steps beyond the optimum",
    statement="Lambda_- > 0 with E z > 0 requires P(eta z > 1) > 0 (Jensen): phases II and IV need overshooting. "
    "Value: Lambda_- of "
    "two-point z at eta below 1, where no step overshoots: negative.",
    quantity=sp.Symbol("Lambda_-"),
    parameters=(Parameter("learning_rate", eta, "eta < 1 = 1/max z", interval(0.0, 1.0)), RATIO),
    derive=lambda: derivation(
        *_two_point_pair().steps_as_tuples(),
        ("Jensen", sp.log(1 - eta * (1 - a) / 2), "if 1 - eta z > 0 almost surely, Lambda_- <= log(1 - eta E z) < 0"),
        ("without overshoot", _two_point_pair().result[1], "eta < 1"),
    ),
    definition=lambda learning_rate, anti_ratio: _two_point_definition(learning_rate, anti_ratio)[1],
    sources=(sy.HERE,),
    mutants=(
        mutant_value("overshoot from 1/2 on", lambda learning_rate, anti_ratio: float(abs(
            mpmath.log(abs((1 - learning_rate) * (1 + learning_rate * anti_ratio))) / 2))),
        mutant_value("Jensen's bound itself", lambda learning_rate, anti_ratio: float(
            mpmath.log(1 - learning_rate * (1 - anti_ratio) / 2))),
    ),
    rungs=("algebra", "sgd"),
)  # fmt: skip
