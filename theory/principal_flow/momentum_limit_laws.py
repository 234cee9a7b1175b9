"""Limits of heavy ball and Nesterov: where they start to oscillate, how fast they decay there, where they diverge."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.law import Law, mutant_value
from theory.parameter import Constraint, real
from theory.principal_flow import symbols as s
from theory.principal_flow.momentum_laws import DETERMINANT, TITLES, TRACE, companion, other, radius, recursion
from theory.source import DERIVED


def _bisect(low: Any, high: Any, above: Callable[[Any], bool]) -> Any:
    with mpmath.workdps(mpmath.mp.dps + 10):
        for _ in range(80):
            middle = (low + high) / 2
            low, high = (low, middle) if above(middle) else (middle, high)
        return (low + high) / 2


def _between(name: str, x: float, b: float) -> bool:
    return TRACE[name](x, b) ** 2 < 4 * DETERMINANT[name](x, b)


def _oscillatory(name: str) -> Law:
    plain = name == "heavy_ball"
    optional = s.scaled_curvature.within(real(0.3, 0.95))

    def inside(v: Any) -> bool:
        return v["scaled_curvature"] is None or (
            v["momentum"] > 0 and _between(name, v["scaled_curvature"], v["momentum"])
        )

    def definition(scaled_curvature: Any, momentum: Any) -> Any:
        x = 1 + momentum if scaled_curvature is None else scaled_curvature
        return mpmath.log(radius(name, x, momentum))

    def derive() -> Derivation:
        _, _, determinant = recursion(name)
        return derivation(
            ("product of the roots", determinant, "they are complex conjugates between the branch points"),
            ("exponent", sp.log(determinant) / 2, "|r|^2 = r_+ r_-"),
        )

    return Law(
        id=f"principal_flow.oscillatory_rate.{name}",
        title=f"Rate of {TITLES[name]} between its branch points",
        statement="log|r| = log(b)/2, whatever the curvature" if plain else "log|r| = log(b (1-x))/2",
        quantity=sp.Symbol("Lambda"),
        parameters=(optional.with_default(None) if plain else optional, s.momentum),
        derive=derive,
        definition=definition,
        sources=(DERIVED,),
        mutants=(mutant_value("log b", lambda momentum, **_: math.log(momentum)),),
        rungs=("algebra", "chain"),
        constraints=(
            Constraint(inside, "scaled_curvature must lie between the branch points, where the roots are complex"),
        ),
    )


def _branch_steps(name: str) -> Callable[..., Derivation]:
    def derive() -> Derivation:
        c = sp.Symbol("beta", positive=True)
        _, trace, determinant = recursion(name)
        square = (trace**2 - 4 * determinant).subs(s.b, c**2)
        solutions = [sp.factor(x) for x in sp.solve(sp.Eq(square, 0), s.x)]
        # The smallest positive one below 1 is where the slow root turns complex.
        first = min(solutions, key=lambda f: f.subs(c, sp.Rational(1, 2)))
        return derivation(
            ("discriminant", trace**2 - 4 * determinant, "of the characteristic polynomial"),
            ("zeros, b = beta^2", sp.Tuple(*solutions), "solve for x"),
            ("branch point", first.subs(c, sp.sqrt(s.b)), "the first one"),
        )

    return derive


_BRANCH: dict[str, Callable[[float], float]] = {
    "heavy_ball": lambda b: (1 - math.sqrt(b)) ** 2,
    "nesterov": lambda b: ((1 - b) / (1 + b)) ** 2,
}


def _branch_definition(name: str) -> Callable[..., Any]:
    def definition(momentum: Any) -> Any:
        def complex_roots(x: Any) -> bool:
            matrix = companion(name, x, momentum)
            trace = matrix[0, 0] + matrix[1, 1]
            return bool(trace**2 - 4 * (matrix[0, 0] * matrix[1, 1] - matrix[0, 1] * matrix[1, 0]) < 0)

        # A point between the branch points.
        inner = 1 + momentum if name == "heavy_ball" else 1 - mpmath.mpf(10) ** -30
        return _bisect(mpmath.mpf(0), inner, complex_roots)

    return definition


def _branch(name: str) -> Law:
    return Law(
        id=f"principal_flow.branch_point.{name}",
        title=f"Scaled curvature where {TITLES[name]} starts to oscillate",
        statement="(1 - sqrt b)^2" if name == "heavy_ball" else "((1-b)/(1+b))^2",
        quantity=sp.Symbol("x_b"),
        parameters=(s.momentum,),
        derive=_branch_steps(name),
        definition=_branch_definition(name),
        sources=(DERIVED,),
        mutants=(
            mutant_value("1-b", lambda momentum: 1 - momentum),
            mutant_value("1 (gradient descent's)", lambda momentum: 1.0),
            mutant_value("swapped", lambda momentum: _BRANCH[other(name)](momentum)),
        ),
        rungs=("algebra", "chain"),
    )


_STABLE: dict[str, Callable[[float], float]] = {
    "heavy_ball": lambda b: 2 * (1 + b),
    "nesterov": lambda b: 2 * (1 + b) / (1 + 2 * b),
}


def _stability_steps(name: str) -> Callable[..., Derivation]:
    def derive() -> Derivation:
        _, trace, determinant = recursion(name)
        at_minus_one = sp.factor(1 + trace + determinant)
        return derivation(
            ("characteristic polynomial at r = -1", at_minus_one, "period doubling: the root leaves through -1"),
            ("limit", sp.factor(sp.solve(sp.Eq(at_minus_one, 0), s.x)[0]), "solve for x"),
        )

    return derive


def _stability(name: str) -> Law:
    return Law(
        id=f"principal_flow.stability_limit.{name}",
        title=f"Largest stable scaled curvature of {TITLES[name]}",
        statement="h lambda < 2(1+b)" if name == "heavy_ball" else "h lambda < 2(1+b)/(1+2b)",
        quantity=sp.Symbol("x_max"),
        parameters=(s.momentum,),
        derive=_stability_steps(name),
        definition=lambda momentum: _bisect(
            mpmath.mpf("0.5"), mpmath.mpf(6), lambda x: bool(radius(name, x, momentum) > 1)
        ),
        sources=(DERIVED,),
        mutants=(
            mutant_value("2/(1-b)", lambda momentum: 2 / (1 - momentum)),
            mutant_value("2", lambda momentum: 2.0),
            mutant_value("swapped", lambda momentum: _STABLE[other(name)](momentum)),
            mutant_value("without the factor 2", lambda momentum: _STABLE[name](momentum) / 2),
        ),
        rungs=("algebra", "chain", "net"),
    )


_NAMES = ("heavy_ball", "nesterov")
LAWS = tuple(make(n) for make in (_oscillatory, _branch, _stability) for n in _NAMES)
