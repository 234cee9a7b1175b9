"""Laws of adaptive methods in their steady state: RMSProp, and Adam with epsilon inside or outside the root."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.law import Law, Regime, mutant_parameters, mutant_value
from theory.parameter import Constraint
from theory.principal_flow import symbols as s
from theory.principal_flow.formal_orbit import adam_terms
from theory.principal_flow.losses import cubic_field
from theory.source import DERIVED

_ADAM = (s.learning_rate, s.momentum, s.second_moment_decay, s.epsilon, s.gradient, s.hessian)
_SAME = (s.same_lengths("gradient", "hessian"), s.square_hessian)
_NONZERO_GRADIENT = Constraint(
    lambda v: all(c != 0 for c in v["gradient"]),
    "every gradient component must differ from 0, where the modified field has no expansion",
)


def _adam_scalar(inside: bool) -> tuple[list[Any], Any]:
    """Second term of the field in one component: slope q = (H s)_j, gradient c = g_j > 0."""
    c, q, h = sp.symbols("g_j q h", positive=True)
    # sum_i i d^i (1-d) from the derivative of the geometric series.
    delay = {d: sp.simplify((1 - d) * d * sp.diff(1 / (1 - d), d)) for d in (s.b, s.r)}
    mean = c + h * delay[s.b] * q
    square = c**2 + 2 * h * delay[s.r] * c * q
    step = -(mean / sp.sqrt(square + s.eps) if inside else mean / (sp.sqrt(square) + s.eps))
    first = step.subs(h, 0)
    second = sp.diff(step, h).subs(h, 0)
    # The flow of first + h second moves by h first + h^2 (second' + first' first / 2); g moves along -s by -q.
    field = sp.simplify(second - sp.diff(first, c) * (-q) / 2)
    return [delay[s.b], mean, square, step], field.subs(c, sp.Symbol("g_j", real=True) if inside else c)


def _adam_steps(inside: bool, rmsprop: bool = False) -> Callable[[], Derivation]:
    def derive() -> Derivation:
        (delay, mean, square, step), field = _adam_scalar(inside)
        slot, q = next(x for x in field.free_symbols if x.name == "g_j"), sp.Symbol("q", positive=True)
        root_of = (lambda c: sp.sqrt(c**2 + s.eps)) if inside else (lambda c: sp.Abs(c) + s.eps)
        modulus = s.g[s.i] if inside else sp.Abs(s.g[s.i])
        slope = sp.Sum(s.H[s.i, s.j] * s.g[s.j] / root_of(s.g[s.j]), (s.j, 0, s.n - 1))
        # Outside the root the terms depend on |g_j| only: the sign of g_j cancels in the second one.
        component = field.subs({slot: modulus, q: slope}, simultaneous=True)
        result = -s.g[s.i] / root_of(s.g[s.i]) + s.h * component
        return derivation(
            ("delay", delay, "x_(k-i) = x_k + i h s + O(h^2), sum_i i b^i (1-b)"),
            ("averages", sp.Tuple(mean, square), "first and second moment in the steady state, q = (H s)_j"),
            ("step over h", step, "epsilon inside the root" if inside else "epsilon outside the root"),
            ("second term", field, "minus half the derivative of the first along itself"),
            ("component", result.subs(s.b, 0) if rmsprop else result, "s = g/R"),
        )

    return derive


def _adam_definition(inside: bool) -> Callable[..., Any]:
    def definition(
        learning_rate: Any, second_moment_decay: Any, epsilon: Any, gradient: Any, hessian: Any, momentum: Any = 0
    ) -> Any:
        field = cubic_field(gradient, hessian, None)
        terms = adam_terms(
            lambda state: [-f for f in field(state)], [mpmath.mpf(0)] * len(gradient), 2,
            momentum, second_moment_decay, epsilon, inside=inside,
        )  # fmt: skip
        return [a + learning_rate * c for a, c in zip(*terms)]

    return definition


def adam_field(inside_root: bool, inside_k: bool, sign: int = 1, eps_term: int = 1) -> Callable[..., list[float]]:
    """The field in floats, with interchangeable parts (for mutants)."""

    def value(
        learning_rate: float,
        second_moment_decay: float,
        epsilon: float,
        gradient: list[float],
        hessian: list[list[float]],
        momentum: float = 0.0,
    ) -> list[float]:
        b, r = momentum, second_moment_decay
        root = [(c * c + epsilon) ** 0.5 if inside_root else abs(c) + epsilon for c in gradient]
        unit = [c / w for c, w in zip(gradient, root)]
        result = []
        for c, w, row in zip(gradient, root, hessian):
            part = epsilon / (w * w if inside_k else w)
            k = (1 + b) / (1 - b) - sign * (1 + r) / (1 - r) + eps_term * (1 + r) / (1 - r) * part
            result.append(-(c + learning_rate / 2 * k * sum(a * u for a, u in zip(row, unit))) / w)
        return result

    return value  # fmt: skip


def _adam_law(inside: bool) -> Law:
    name = "inside" if inside else "outside"
    if inside:
        mutants = (
            mutant_value("sign of the r term", adam_field(True, True, sign=-1)),
            mutant_value("eps term dropped", adam_field(True, True, eps_term=0)),
            mutant_parameters("b <-> r", lambda v: {
                "momentum": v["second_moment_decay"], "second_moment_decay": v["momentum"]}),
            mutant_value("k of outside", adam_field(True, False)),
        )  # fmt: skip
    else:
        mutants = (
            mutant_value("k of inside", adam_field(False, True)),
            mutant_value("R of inside", adam_field(True, False)),
        )
    power = "^2" if inside else ""
    return Law(
        id=f"principal_flow.modified_field.adam.epsilon_{name}",
        title=f"Modified field of Adam with epsilon {name} the root",
        statement="component j: -(1/R_j) (g_j + (h/2) k_j (H s)_j), s = g/R, R_j = "
        + ("sqrt(g_j^2 + eps)" if inside else "|g_j| + eps")
        + f", k_j = (1+b)/(1-b) - (1+r)/(1-r) + ((1+r)/(1-r)) eps/R_j{power}; no bias correction (steady state)",
        quantity=sp.IndexedBase("thetadot")[s.i],
        parameters=_ADAM,
        derive=_adam_steps(inside),
        definition=_adam_definition(inside),
        sources=(s.CATTANEO,) if inside else (DERIVED, s.CATTANEO),
        mutants=mutants,
        rungs=("algebra", "chain", "net"),
        regime=Regime("learning_rate -> 0", "O(h^2) after burn-in"),
        evaluator=s.vector_evaluator(_ADAM, "gradient"),
        constraints=_SAME if inside else (*_SAME, _NONZERO_GRADIENT),
    )


_RMS = tuple(p for p in _ADAM if p is not s.momentum)
RMSPROP = Law(
    id="principal_flow.modified_field.rmsprop",
    title="Modified field of RMSProp with epsilon inside the root",
    statement="Adam with epsilon inside the root at momentum 0",
    quantity=sp.IndexedBase("thetadot")[s.i],
    parameters=_RMS,
    derive=_adam_steps(True, rmsprop=True),
    definition=_adam_definition(True),
    sources=(s.CATTANEO,),
    mutants=(
        mutant_value("sign of the r term", adam_field(True, True, sign=-1)),
        mutant_value("eps term dropped", adam_field(True, True, eps_term=0)),
        mutant_value("k of outside", adam_field(True, False)),
    ),
    rungs=("algebra", "chain", "net"),
    regime=Regime("learning_rate -> 0", "O(h^2) after burn-in"),
    evaluator=s.vector_evaluator(_RMS, "gradient"),
    constraints=_SAME,
)

LAWS = (_adam_law(True), _adam_law(False), RMSPROP)
