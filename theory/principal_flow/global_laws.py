"""The global error of the truncated modified equation in one dimension, by the variational equation."""

from __future__ import annotations

from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.evaluation import converged, mp_function, to_mp
from theory.law import Law, Regime, mutant_parameters, mutant_result, mutant_value
from theory.parameter import Constraint, Parameter, integer, real
from theory.principal_flow import symbols as s
from theory.principal_flow.formal_orbit import euler_terms
from theory.principal_flow.jets import jet_expression, jet_terms
from theory.principal_flow.losses import jet_field
from theory.source import DERIVED

_END, _AT = sp.Symbol("X", real=True), sp.Symbol("y", real=True)


def _slopes(order: int, position: Any) -> list[Any]:
    """g, g', g'', ... at a position, as applied functions."""
    return [sp.Function(f"g_{index}")(position) for index in range(order + 1)]


def _steps(order: int) -> Derivation:
    size = int(order)
    neglected = jet_expression(jet_terms(size + 1)[0][-1], _slopes(size + 1, _AT))
    slope = sp.Function("g_0")
    rate = sp.Integral(neglected / slope(_AT) ** 2, (_AT, _END, 0))
    return derivation(
        ("error made per time", s.h**size * neglected, "local error h^(N+1) f_(N+1) divided by the step h"),
        ("propagator", slope(_END) / slope(_AT), "a deviation along a one-dimensional flow grows like its speed -g"),
        ("global error", s.h**size * slope(_END) * rate, "sum over the steps; dt = -dy/g along the gradient flow"),
    )


def _value(derived: Derivation, values: dict[str, Any], digits: int) -> Any:
    """Evaluate the jets by Horner wherever the form asks for them, and integrate."""
    size = int(values["order"]) + 2
    slots = sp.symbols(f"u:{size}")
    integral = next(iter(derived.result.atoms(sp.Integral)))
    mark = sp.Symbol("I")

    def at(form: Any, position: Any) -> Any:
        return form.xreplace(dict(zip(_slopes(size - 1, position), slots)))

    inside = mp_function(at(integral.function, _AT), slots)
    around = mp_function(at(derived.result.xreplace({integral: mark}), _END), (s.h, mark, *slots))

    def value() -> Any:
        field, end = jet_field(to_mp(values["gradient_jet"])), to_mp(values["end_point"])
        total = mpmath.quad(lambda y: inside(*field.jet(y, size)), [end, 0])
        return around(to_mp(values["learning_rate"]), total, *field.jet(end, size))

    return converged(value, digits)


def flow_time(gradient_jet: Any, end_point: Any) -> Any:
    """Time which the gradient flow takes from 0 to the end point: the integral of dy/g from there to 0."""
    field = jet_field(to_mp(gradient_jet))
    return mpmath.quad(lambda y: 1 / field.jet(mpmath.mpf(y), 1)[0], [to_mp(end_point), 0])


def _definition(learning_rate: Any, gradient_jet: Any, end_point: Any, order: int) -> Any:
    """The variational equation in time, edot = -g' e + h^N f_(N+1) along xdot = -g, by Taylor series.

    f_(N+1) is read off the logarithm of literal iterates at every point that the solver visits.
    """
    size = int(order)
    field = jet_field(gradient_jet)

    def slope(_: Any, state: Any) -> list[Any]:
        jet = field.jet(state[0], 2)
        neglected = euler_terms(field, [state[0]], size + 1)[-1][0]
        return [-jet[0], -jet[1] * state[1] + neglected]

    flow = mpmath.odefun(slope, 0, [mpmath.mpf(0), mpmath.mpf(0)])
    return learning_rate**size * flow(flow_time(gradient_jet, end_point))[1]


def _descends(values: Any) -> bool:
    """Whether g keeps away from 0 from the start to the end point, which lies downhill of the start."""
    field = jet_field([float(c) for c in values["gradient_jet"]])
    end = float(values["end_point"])
    slopes = [float(field.jet(end * k / 40, 1)[0]) for k in range(41)]
    return end * slopes[0] < 0 and all(v * slopes[0] > 0.05 * slopes[0] ** 2 for v in slopes)


def _per_step(learning_rate: float, gradient_jet: Any, end_point: float, order: int) -> float:
    """The local error at the start times the number of steps: nothing is propagated."""
    terms, _ = jet_terms(int(order) + 1)
    jet = (list(gradient_jet) + [0.0] * (int(order) + 2))[: int(order) + 2]
    local = float(jet_expression(terms[-1], jet))
    return learning_rate**order * local * float(flow_time(gradient_jet, end_point))


GLOBAL = Law(
    id="principal_flow.global_error.truncated",
    title="Global error of the truncated modified equation",
    statement="GD minus the N-term flow at the same time, where the gradient flow from 0 is at X: "
    "h^N g(X) int_X^0 f_(N+1)/g^2 dy + O(h^(N+1)), in one dimension",
    quantity=sp.Symbol("error"),
    parameters=(
        s.gradient_jet,
        s.learning_rate,
        Parameter("order", s.N, "number of terms kept", integer(1, (1, 3), 8)),
        Parameter("end_point", _END, "position X of the gradient flow that started at 0", real(-0.8, 0.8)),
    ),
    derive=_steps,
    definition=_definition,
    sources=(s.HAIRER, DERIVED),
    mutants=(
        mutant_parameters("N+1 in place of N", lambda v: {"order": v["order"] + 1}),
        mutant_result("constant/2", lambda v, **_: v / 2),
        mutant_value("nothing propagated", _per_step),
    ),
    rungs=("algebra", "flow"),
    regime=Regime("learning_rate -> 0", "O(h^(N+1))"),
    structure=("order",),
    display={"order": 2},
    evaluator=_value,
    constraints=(
        Constraint(_descends, "end_point must lie downhill of 0, with no zero of the gradient between; move it nearer"),
    ),
    gate_points=4,
)

LAWS = (GLOBAL,)
