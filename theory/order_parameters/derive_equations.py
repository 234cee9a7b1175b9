"""`derive order-parameters`: the ODEs of the overlaps for a user's activation, in closed form and as numbers."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef

from theory.errors import DerivationError
from theory.gaussian import NoClosedForm
from theory.order_parameters import equations as eq
from theory.order_parameters import expectations as ex
from theory.order_parameters.activation import Activation, activation
from theory.order_parameters.equation_check import HUGE, check_equations, means_exist, settled_means
from theory.order_parameters.network_state import read_state
from theory.order_parameters.state import State, evaluate, rows

MAX_FIELDS, EXPANDED_FIELDS = 12, 4
_LATEX = {
    "dM": r"\dot M_{jr} = \eta a_j \sum_u b_u I_3(j,r,u) - \omega M_{jr}",
    "dQ": r"\dot Q_{jl} = \eta a_j \sum_u b_u I_3(j,l,u) + \eta a_l \sum_u b_u I_3(l,j,u) + \frac{\eta^2}{B} a_j a_l "
    r"\left(\sum_{u,w} b_u b_w I_4(j,l,u,w) + \Delta J_2(j,l)\right) - 2 \omega Q_{jl}",
    "da": r"\dot a_j = \eta_2 \sum_u b_u I_2(j,u) - \omega a_j",
    "generalisation_error": r"\epsilon = \frac12 \sum_{u,w} b_u b_w I_2(u,w)",
}


def derive_order_parameters(
    activation_text: str,
    students: int,
    teachers: int,
    teacher_activation: str | None = None,
    second_layer: str = "fixed",
    batch: int | None = None,
    at: Mapping[str, Any] | None = None,
    allow_quadrature: bool = False,
) -> dict[str, Any]:
    """Return the order-parameter equations of a two-layer student and teacher, guarded by quadrature.

    Parameters are those of the command line; ``at`` is the state (keys Q, M, P, a, v, learning_rate, ...).

    >>> derive_order_parameters("linear", 1, 1)["equations"]["generalisation_error"]
    '-M11*a1*v1 + P11*v1**2/2 + Q11*a1**2/2'
    """
    if second_layer not in ("fixed", "trained"):
        raise DerivationError(f"--second-layer {second_layer!r} is unknown; choose fixed or trained.")
    if students < 1 or teachers < 1 or students + teachers > MAX_FIELDS:
        raise DerivationError(
            f"{students} students and {teachers} teachers: give at least 1 of each, at most {MAX_FIELDS} in all."
        )
    if batch is not None and batch < 1:
        raise DerivationError(f"--batch {batch} must be at least 1.")
    teacher_text = teacher_activation or activation_text
    student, teacher = activation(activation_text), activation(teacher_text)
    student.slope(sp.Symbol("x", real=True))
    trained = second_layer == "trained"
    state = None if at is None else read_state(at, student, teacher, (students, teachers), trained, batch)
    closed = True
    try:
        expectations = _expectations(student, teacher)
    except NoClosedForm:
        if not allow_quadrature:
            raise
        closed, expectations = False, {kind: [] for kind in ex.KINDS}
    expand = closed and students + teachers <= EXPANDED_FIELDS
    result: dict[str, Any] = {
        "activation": sp.sstr(student.expression),
        "teacher_activation": sp.sstr(teacher.expression),
        "students": students,
        "teachers": teachers,
        "second_layer": second_layer,
        "batch_size": int(state.batch) if state is not None else batch or 1,
        "method": "closed form" if closed else "quadrature",
        "expectations": expectations,
        "equations": _equations(student, teacher, students, teachers, trained) if expand else None,
        "latex": {k: (v if k != "da" or trained else None) for k, v in _LATEX.items()},
        "definition": eq.DEFINITION,
        "self_check": check_equations(student, teacher, students, teachers, closed),
    }
    numbers = (
        _numbers(state, trained, closed)
        if state is not None
        else dict.fromkeys(("dM", "dQ", "da", "generalisation_error", "dQ_learning", "dQ_noise", "value"))
    )
    if not result["self_check"]["passed"] and not result["self_check"]["max_difference"] < HUGE:
        raise DerivationError(f"the Gaussian means of {activation_text!r} are infinite; use a smaller coefficient.")
    if not result["self_check"]["passed"]:
        raise DerivationError(
            f"the derived equations differ from quadrature by {result['self_check']['max_difference']:.3g}; withheld."
        )
    return result | numbers


def _patterns(kinked: tuple[int, ...], size: int) -> list[tuple[int, ...]]:
    """Return all coincidence patterns of the kinked positions."""
    found = []
    for labels in itertools.product(range(size), repeat=len(kinked)):
        indices = list(range(100, 100 + size))
        for position, label in zip(kinked, labels, strict=True):
            indices[position] = label
        pattern = ex.pattern_of(indices, kinked)
        if pattern not in found:
            found.append(pattern)
    return sorted(found, key=lambda p: (-len(set(p)), p))


def _expectations(student: Activation, teacher: Activation) -> dict[str, list[dict[str, Any]]]:
    units = {"s": student, "t": teacher}
    kinds = {"I2": ("ss", "st", "tt"), "I3": ("s", "t"), "I4": ("ss", "st", "tt"), "J2": ("",)}
    result: dict[str, list[dict[str, Any]]] = {}
    for name, letters in kinds.items():
        result[name] = []
        for word in letters:
            chosen = tuple(units[c] for c in word)
            kinked = ex.kinked_positions(name, student, chosen)
            for pattern in _patterns(kinked, ex.KINDS[name]):
                form, _ = ex.closed_form(name, student.text, tuple(u.text for u in chosen), pattern)
                integrals = sorted(form.atoms(sp.Integral), key=sp.default_sort_key)
                result[name].append(
                    {
                        "kind": word,
                        "pattern": list(pattern),
                        "closed_form": sp.sstr(form),
                        "latex": sp.latex(form),
                        "remaining_integral": sp.sstr(sp.Add(*integrals)) if integrals else None,
                    }
                )
    return result


def _equations(student: Activation, teacher: Activation, p: int, k: int, trained: bool) -> dict[str, Any]:
    found, net = eq.equations(p, k), eq.Network(p, k)

    def overlap(u: int, w: int) -> Any:
        u, w = min(u, w), max(u, w)
        if w <= p:
            return net.overlap("Q", u, w)
        return net.overlap("P", u - p, w - p) if u > p else net.overlap("M", u, w - p)

    def mean(call: Any) -> Any:
        name, indices = call.func.__name__, tuple(int(i) for i in call.args)
        chosen = tuple(student if u <= p else teacher for u in indices[ex.KINDS[name] - ex.unit_count(name) :])
        pattern = ex.pattern_of(indices, ex.kinked_positions(name, student, chosen))
        form, _ = ex.closed_form(name, student.text, tuple(u.text for u in chosen), pattern)
        labels = sorted(set(pattern))
        pairs = [(a, b) for n, a in enumerate(labels) for b in labels[n:]]
        entries = [overlap(indices[a - 1], indices[b - 1]) for a, b in pairs]
        return form.xreplace(dict(zip(ex.arguments_for(pattern), entries, strict=True)))

    def shown(expression: Any) -> str:
        return sp.sstr(expression.xreplace({call: mean(call) for call in expression.atoms(AppliedUndef)}))

    def matrix(entries: Any) -> list[list[str]]:
        return [[shown(entries[i, j]) for j in range(entries.cols)] for i in range(entries.rows)]

    return {
        "dM": matrix(found.dm),
        "dQ": matrix(found.dq),
        "da": [row[0] for row in matrix(found.da)] if trained else None,
        "generalisation_error": shown(found.error),
    }


def _floats(values: list[Any]) -> list[float]:
    return [float(x) for x in values]


def _numbers(state: State, trained: bool, closed: bool) -> dict[str, Any]:
    p, k = state.students, state.teachers
    if closed and not means_exist(state):
        raise DerivationError(
            "the means are infinite at this state: a growing exponential outweighs the density; lower Q and P."
        )
    if closed:
        parts = {n: _floats(evaluate(state, n)) for n in ("dm", "learning_q", "noise_q", "dq", "da", "error")}
    else:
        means, omega = settled_means(state), float(state.decay)
        flat = {n: [float(x) for row in means[n] for x in row] for n in ("m", "learning", "noise")}
        q, m = ([float(x) for row in matrix for x in row] for matrix in (state.q, state.m))
        parts = {
            "dm": [x - omega * y for x, y in zip(flat["m"], m, strict=True)],
            "learning_q": flat["learning"],
            "noise_q": flat["noise"],
            "dq": [x + y - 2 * omega * z for x, y, z in zip(flat["learning"], flat["noise"], q, strict=True)],
            "da": [float(x) - omega * float(a) for x, a in zip(means["layer"], state.a, strict=True)],
            "error": [float(means["error"])],
        }
    value = {
        "dM": rows(parts["dm"], k),
        "dQ": rows(parts["dq"], p),
        "da": parts["da"] if trained else None,
        "generalisation_error": parts["error"][0],
    }
    return {**value, "dQ_learning": rows(parts["learning_q"], p), "dQ_noise": rows(parts["noise_q"], p), "value": value}
