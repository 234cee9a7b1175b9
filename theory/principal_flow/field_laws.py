"""Laws of truncated modified fields of gradient descent: second and third order, one dimension, drift, local errors."""

from __future__ import annotations

from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.evaluation import converged, mp_function, to_mp
from theory.law import Law, Regime, mutant_parameters, mutant_result, mutant_value
from theory.parameter import Parameter, integer
from theory.principal_flow import symbols as s
from theory.principal_flow.formal_orbit import Series, euler_terms, flow_series
from theory.principal_flow.jets import jet_expression, jet_terms, scalar_field
from theory.principal_flow.losses import cubic_field, jet_field
from theory.trees import coefficient, trees
from theory.trees.rooted import Tree

_MATRIX = (s.same_lengths("gradient", "hessian"), s.square_hessian)
_MATRIX_T = (s.same_lengths("gradient", "hessian", "third_derivative_contraction"), s.square_hessian)


def contraction(tree: Tree, index: Any, depth: int = 0) -> Any:
    """Derivatives of E contracted as the tree says, as sums over components (at most two leaves on a node)."""
    dummies = (s.j, s.k, s.l)
    if tree == ():
        return s.g[index]
    if tree == ((), ()):
        return s.T[index]
    dummy = dummies[depth]
    return sp.Sum(s.H[index, dummy] * contraction(tree[0], dummy, depth + 1), (dummy, 0, s.n - 1))


def tree_field(order: int) -> Any:
    """Component i of the field with ``order`` terms: sum of h^(|t|-1) c(t) (-1)^|t| times contractions."""
    return sp.Add(
        *[
            s.h ** (size - 1) * coefficient(t) * (-1) ** size * contraction(t, s.i)
            for size in range(1, order + 1)
            for t in trees(size)
        ]
    )


def _field_steps(order: int) -> Any:
    def derive(**_: Any) -> Derivation:
        table = sp.Tuple(*[coefficient(t) for size in range(1, order + 1) for t in trees(size)])
        return derivation(
            ("update", sp.Eq(sp.Symbol("theta'_i"), sp.Symbol("theta_i") - s.h * s.g[s.i]), "gradient descent"),
            ("coefficients of the trees", table, "tree_coefficient.gd in the order of the level sequences"),
            ("field", tree_field(order), "elementary differentials of f = -grad E carry one minus per node"),
        )

    return derive


def _field_definition(order: int) -> Any:
    """Logarithm of the iterates of gradient descent on a loss that has the given derivatives at the point."""

    def definition(learning_rate: Any, gradient: Any, hessian: Any, third_derivative_contraction: Any = None) -> Any:
        field = cubic_field(gradient, hessian, third_derivative_contraction)
        terms = euler_terms(field, [mpmath.mpf(0)] * len(gradient), order)
        return [sum(learning_rate**p * term[c] for p, term in enumerate(terms)) for c in range(len(gradient))]

    return definition


def _hg(v: dict[str, Any]) -> list[float]:
    return [sum(a * c for a, c in zip(row, v["gradient"])) for row in v["hessian"]]


def _hhg(v: dict[str, Any]) -> list[float]:
    return [sum(a * c for a, c in zip(row, _hg(v))) for row in v["hessian"]]


def _second(**v: Any) -> list[float]:
    return _hg(v)


def _plus(term: Any, factor: Any) -> Any:
    """Change a vector value by factor(values) * term(values)."""
    return lambda value, **v: [a + factor(v) * c for a, c in zip(value, term(v))]


def _t(v: dict[str, Any]) -> list[float]:
    return v["third_derivative_contraction"]


_TWO = (s.learning_rate, s.gradient, s.hessian)
_THREE = (*_TWO, s.third_contraction)
_FIELD = sp.IndexedBase("thetadot")[s.i]

SECOND = Law(
    id="principal_flow.modified_field.second_order",
    title="Second-order modified field: implicit gradient regularisation",
    statement="GD follows -g - (h/2) H g, the gradient flow of E + (h/4)|g|^2, with a local error of order h^3",
    quantity=_FIELD,
    parameters=_TWO,
    derive=_field_steps(2),
    definition=_field_definition(2),
    sources=(s.BARRETT, s.ROSCA),
    mutants=(
        mutant_result("h/2 in the loss", _plus(_hg, lambda v: -v["learning_rate"] / 2)),
        mutant_result("minus sign", _plus(_hg, lambda v: v["learning_rate"])),
        mutant_result("|g|^2/4 without h", _plus(_hg, lambda v: v["learning_rate"] / 2 - 0.5)),
    ),
    rungs=("algebra", "flow", "net"),
    regime=Regime("learning_rate -> 0", "O(h^2) in the field, h^3 over one step"),
    evaluator=s.vector_evaluator(_TWO, "gradient"),
    constraints=_MATRIX,
)

THIRD = Law(
    id="principal_flow.modified_field.third_order",
    title="Third-order modified field",
    statement="GD follows -g - (h/2) H g - h^2 (H^2 g/3 + T(g,g)/12) with a local error of order h^4",
    quantity=_FIELD,
    parameters=_THREE,
    derive=_field_steps(3),
    definition=_field_definition(3),
    sources=(s.ROSCA,),
    mutants=(
        mutant_result("1/12 -> 1/6", _plus(_t, lambda v: -(v["learning_rate"] ** 2) / 12)),
        mutant_result("1/3 -> 1/6", _plus(_hhg, lambda v: v["learning_rate"] ** 2 / 6)),
        mutant_result("T dropped (principal part only)", _plus(_t, lambda v: v["learning_rate"] ** 2 / 12)),
        mutant_result("ratio 2:1 (a gradient)", _plus(_t, lambda v: -(v["learning_rate"] ** 2) / 12)),
    ),
    rungs=("algebra", "flow", "net"),
    regime=Regime("learning_rate -> 0", "O(h^3) in the field, h^4 over one step"),
    evaluator=s.vector_evaluator(_THREE, "gradient"),
    constraints=_MATRIX_T,
)

DRIFT = Law(
    id="principal_flow.drift.per_step",
    title="Discretisation drift of one gradient-descent step",
    statement="GD minus the gradient flow after time h is -(h^2/2) H g + O(h^3)",
    quantity=sp.IndexedBase("drift")[s.i],
    parameters=_TWO,
    derive=lambda: derivation(
        ("one step", -s.h * s.g[s.i], "theta' - theta"),
        ("gradient flow", -s.h * s.g[s.i] + s.h**2 / 2 * contraction(((),), s.i), "Taylor series: thetaddot = H g"),
        ("difference", -(s.h**2) / 2 * contraction(((),), s.i), "step minus flow"),
    ),
    definition=lambda learning_rate, gradient, hessian: [
        -(learning_rate**2) * c.term(2)
        for c in flow_series(lambda x, h: cubic_field(gradient, hessian, None)(x), [mpmath.mpf(0)] * len(gradient), 2)
    ],
    sources=(s.ROSCA,),
    mutants=(
        mutant_result("h^2", lambda v, **_: [2 * a for a in v]),
        mutant_result("+ sign", lambda v, **_: [-a for a in v]),
        mutant_value(
            "(h^2/2) g", lambda learning_rate, gradient, hessian: [-(learning_rate**2) / 2 * a for a in gradient]
        ),
    ),
    rungs=("algebra", "flow", "net"),
    regime=Regime("learning_rate -> 0", "O(h^3)"),
    evaluator=s.vector_evaluator(_TWO, "gradient"),
    constraints=_MATRIX,
)


def _jet(values: dict[str, Any], size: int) -> list[Any]:
    jet = to_mp(values["gradient_jet"])
    return (list(jet) + [mpmath.mpf(0)] * size)[:size]


def _jet_value(derived: Derivation, values: dict[str, Any], digits: int) -> Any:
    function = mp_function(derived.result, (s.g, s.h))
    size = int(values["order"]) + 2
    return converged(lambda: function(_jet(values, size), to_mp(values["learning_rate"])), digits)


def _scalar_steps(order: int) -> Derivation:
    return derivation(
        ("update", sp.Symbol("theta") - s.h * s.g[0], "gradient descent"),
        ("operator equation", sp.Symbol("exp(h D) theta - theta + h g"), "D = derivative along the field"),
        ("field", scalar_field(int(order), s.h, s.g), "solved power by power in the ring of jets"),
    )


def _scalar_definition(learning_rate: Any, order: int, gradient_jet: Any) -> Any:
    terms = euler_terms(jet_field(gradient_jet), [mpmath.mpf(0)], int(order))
    return sum(learning_rate**p * term[0] for p, term in enumerate(terms))


def _without_last_bush(value: float, learning_rate: float, order: int, gradient_jet: Any) -> float:
    """Drop g^(N-1) g^[N-1] of the bushiest tree, which exists for N = 2 and odd N."""
    size = int(order)
    last = size if size <= 2 or size % 2 else size - 1
    jet = (list(gradient_jet) + [0.0] * size)[:size]
    c = float(coefficient(((),) * (last - 1)))
    return value - learning_rate ** (last - 1) * c * (-1) ** last * jet[0] ** (last - 1) * jet[last - 1]


def _swapped_pair(value: float, learning_rate: float, order: int, gradient_jet: Any) -> float:
    """Swap the coefficients of ladder and bush of order 3, or of ladder 2 with ladder 1 below that."""
    jet = (list(gradient_jet) + [0.0] * 3)[:3]
    if order < 3:
        return value + 0.5 * jet[0]
    swap = -(learning_rate**2) * (1 / 12 - 1 / 3)
    return value + swap * (jet[0] * jet[1] ** 2 - jet[0] ** 2 * jet[2])


_JET = (s.gradient_jet, s.learning_rate.within(s.learning_rate.domain), s.order)

SCALAR = Law(
    id="principal_flow.modified_field.scalar",
    title="Modified field of gradient descent in one dimension, at any order",
    statement="sum over the first N orders of h^(n-1) f_n, polynomials in the jet g, g', g'', ...",
    quantity=sp.Symbol("thetadot"),
    parameters=_JET,
    derive=_scalar_steps,
    definition=_scalar_definition,
    sources=(s.HAIRER,),
    mutants=(
        mutant_result("last bushy term dropped", _without_last_bush),
        mutant_result("two coefficients of one order swapped", _swapped_pair),
    ),
    rungs=("algebra", "flow"),
    regime=Regime("learning_rate -> 0", "O(h^N) in the field, h^(N+1) over one step"),
    structure=("order",),
    display={"order": 4},
    evaluator=_jet_value,
)


def _local_steps(order: int) -> Derivation:
    last = jet_terms(int(order) + 1)[0][-1]
    return derivation(
        ("field with all terms", scalar_field(int(order) + 1, s.h, s.g), "its flow after time h is one step"),
        ("first neglected term", jet_expression(last, s.g), f"order {order} + 1"),
        ("local error", s.h ** (int(order) + 1) * jet_expression(last, s.g), "times h^N and the time h"),
    )


def _local_definition(learning_rate: Any, order: int, gradient_jet: Any) -> Any:
    """Coefficient of h^(N+1) in step minus flow of the truncated field, from the logarithm of the iterates alone."""
    size = int(order)
    # the iterates start at a symbolic displacement, a series of its own: Taylor coefficients of every f_n
    place = Series((mpmath.mpf(0), mpmath.mpf(1)), size + 1)
    taylor = [term[0] for term in euler_terms(jet_field(gradient_jet), [place], size)]

    def field(state: list[Any], step: Any) -> list[Any]:
        value: Any = 0
        for f in reversed(taylor):
            inner: Any = f.terms[-1]
            for c in reversed(f.terms[:-1]):
                inner = state[0] * inner + c
            value = step * value + inner
        return [value]

    flow = flow_series(field, [mpmath.mpf(0)], size + 1)[0]
    return -flow.term(size + 1) * learning_rate ** (size + 1)


LOCAL = Law(
    id="principal_flow.local_error.truncated",
    title="Local error of the truncated modified equation",
    statement="GD minus the flow of the N-term field over one step is h^(N+1) f_(N+1) + O(h^(N+2))",
    quantity=sp.Symbol("error"),
    parameters=(
        s.gradient_jet,
        s.learning_rate,
        Parameter("order", s.N, "number of terms kept", integer(1, (1, 4), 11)),
    ),
    derive=_local_steps,
    definition=_local_definition,
    sources=(s.HAIRER,),
    mutants=(
        mutant_parameters("N in place of N+1", lambda v: {"order": max(1, v["order"] - 1)}),
        mutant_result("constant/2", lambda v, **_: v / 2),
    ),
    rungs=("algebra", "flow"),
    regime=Regime("learning_rate -> 0", "O(h^(N+2))"),
    structure=("order",),
    display={"order": 3},
    evaluator=_jet_value,
)


LAWS = (SECOND, THIRD, SCALAR, LOCAL, DRIFT)
