"""`derive order-parameters`: the ODEs of the overlaps for a user's activation, in closed form and as numbers."""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef

from theory.errors import DerivationError
from theory.gaussian import ClosedForm, NoClosedForm
from theory.gaussian.quadrature import SMOOTH_NODES
from theory.gaussian.self_check import random_covariance, self_check
from theory.order_parameters import equations as eq
from theory.order_parameters import expectations as ex
from theory.order_parameters.activation import Activation, activation
from theory.order_parameters.domains import state_problem, symmetry_problem
from theory.order_parameters.state import State, definition_means, evaluate, rows, state_of

MAX_FIELDS, EXPANDED_FIELDS = 12, 4
_HUGE = 1e6  # a gap beyond this is no rounding: the mean does not exist
_KEYS = {
    "Q",
    "M",
    "P",
    "a",
    "v",
    "learning_rate",
    "noise_variance",
    "batch_size",
    "second_layer_learning_rate",
    "weight_decay_rate",
    "parameters",
}
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
        "self_check": _self_check(student, teacher, students, teachers, closed),
    }
    numbers = (
        _numbers(state, trained, closed)
        if state is not None
        else dict.fromkeys(("dM", "dQ", "da", "generalisation_error", "dQ_learning", "dQ_noise", "value"))
    )
    if not result["self_check"]["passed"] and not result["self_check"]["max_difference"] < _HUGE:
        raise DerivationError(f"the Gaussian means of {activation_text!r} are infinite at a covariance of order one.")
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


def read_state(
    at: Mapping[str, Any],
    student: Activation,
    teacher: Activation,
    size: tuple[int, int],
    trained: bool,
    batch: int | None,
) -> State:
    """Validate a state given by a user."""
    unknown = sorted(set(at) - _KEYS)
    if unknown:
        raise DerivationError(f"the state has the unknown key {unknown[0]!r}; its keys are {', '.join(sorted(_KEYS))}.")
    needed = ["Q", "M", "P", "learning_rate"] + ["second_layer_learning_rate"] * trained
    missing = [k for k in needed if k not in at]
    if missing:
        raise DerivationError(f"the state lacks {missing[0]!r}; it needs {', '.join(needed)}.")
    if not trained and at.get("second_layer_learning_rate"):
        raise DerivationError(
            "second_layer_learning_rate is given but the second layer is fixed; use --second-layer trained."
        )
    q, m, p = (
        _matrix(at[k], k, shape)
        for k, shape in zip("QMP", ((0, 0), (0, 1), (1, 1)), strict=True)
        for shape in [(size[shape[0]], size[shape[1]])]
    )
    a, v = (_list(at.get(k), k, n) for k, n in zip("av", size, strict=True))
    for name, value in (("Q", q), ("P", p)):
        problem = symmetry_problem(value)
        if problem:
            raise DerivationError(f"{name} {problem}.")
    problem = state_problem(q, m, p, a, v)
    if problem:
        raise DerivationError(problem + ".")
    own = at.get("batch_size")
    if own is not None and batch is not None and own != batch:
        raise DerivationError(f"batch_size {own} of the state and --batch {batch} differ; give one of them.")
    chosen = own if own is not None else batch or 1
    rates = {
        k: _rate(at, k, low)
        for k, low in (
            ("learning_rate", None),
            ("noise_variance", 0.0),
            ("second_layer_learning_rate", 0.0),
            ("weight_decay_rate", 0.0),
        )
    }
    if not _is_number(chosen) or chosen < 1 or int(chosen) != chosen:
        raise DerivationError(f"batch_size {chosen!r} must be an integer of at least 1.")
    given = at.get("parameters") or {}
    if not isinstance(given, Mapping) or not all(_is_number(x) for x in given.values()):
        raise DerivationError("'parameters' must map names to numbers.")
    wanted = {s.name for s in (*student.parameters, *teacher.parameters)}
    for name in sorted(wanted ^ set(given)):
        reason = "has no value; add it to 'parameters'" if name in wanted else "does not occur in the activations"
        raise DerivationError(f"the parameter {name!r} {reason}.")
    return state_of(
        {
            "activation": student.text,
            "teacher_activation": teacher.text,
            "student_overlap": q,
            "teacher_student_overlap": m,
            "teacher_overlap": p,
            "student_second_layer": a,
            "teacher_second_layer": v,
            "batch_size": int(chosen),
            "parameters": given,
            **rates,
        }
    )


def _rate(at: Mapping[str, Any], key: str, low: float | None) -> float:
    value = at.get(key, 0.0)
    if not _is_number(value) or value < 0 or (low is None and value <= 0):
        raise DerivationError(f"{key} = {value!r} must be a number {'> 0' if low is None else '>= 0'}.")
    return float(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < float("inf")


def _matrix(value: Any, name: str, shape: tuple[int, int]) -> list[list[float]]:
    if _is_number(value):
        value = [[value]]
    good = isinstance(value, list) and len(value) == shape[0]
    good = good and all(isinstance(r, list) and len(r) == shape[1] and all(map(_is_number, r)) for r in value)
    if not good:
        raise DerivationError(f"{name} must be a {shape[0]} x {shape[1]} matrix of numbers.")
    return [[float(x) for x in row] for row in value]


def _list(value: Any, name: str, size: int) -> list[float]:
    if value is None:
        return [1.0] * size
    if _is_number(value):
        value = [value]
    if not isinstance(value, list) or len(value) != size or not all(map(_is_number, value)):
        raise DerivationError(f"{name} must be a list of {size} numbers.")
    return [float(x) for x in value]


def _floats(values: list[Any]) -> list[float]:
    return [float(x) for x in values]


def _numbers(state: State, trained: bool, closed: bool) -> dict[str, Any]:
    p, k = state.students, state.teachers
    if closed:
        parts = {n: _floats(evaluate(state, n)) for n in ("dm", "learning_q", "noise_q", "dq", "da", "error")}
    else:
        means, omega = _settled_means(state), float(state.decay)
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


def _settled_means(state: State) -> dict[str, Any]:
    """Quadrature of the definition at two orders; they must agree to 1e-4, else the number is withheld."""
    fields = state.students + state.teachers
    if fields not in SMOOTH_NODES:
        raise DerivationError(f"{fields} fields are too many for quadrature; give at most {max(SMOOTH_NODES)} in all.")
    means, rough = definition_means(state), definition_means(state, SMOOTH_NODES[fields] - 3)
    for key, value in means.items():
        for a, b in zip(_flat(_nested(value)), _flat(_nested(rough[key])), strict=True):
            if not abs(a - b) <= 1e-4 * (1 + abs(a)):
                raise DerivationError(
                    f"quadrature does not settle ({a:.6g} against {b:.6g}); the activation is too rough or its means "
                    "are infinite."
                )
    return means


def _nested(value: Any) -> Any:
    return [_nested(v) for v in value] if isinstance(value, (list, tuple)) else float(value)


def _self_check(student: Activation, teacher: Activation, p: int, k: int, closed: bool) -> dict[str, Any]:
    """Compare with quadrature at one random state; kinked units mean by mean at distinct fields."""
    if not closed:
        return {"points": 0, "max_difference": None, "passed": True}
    rng = random.Random(11)
    if not (student.kinked or teacher.kinked) and p + k <= 4:
        names = sorted({s.name for s in (*student.parameters, *teacher.parameters)})
        omega = random_covariance(p + k, rng)
        given = {name: round(rng.uniform(0.4, 1.1), 3) for name in names}
        state = state_of(
            {
                "activation": student.text,
                "teacher_activation": teacher.text,
                "student_overlap": [r[:p] for r in omega[:p]],
                "teacher_student_overlap": [r[p:] for r in omega[:p]],
                "teacher_overlap": [r[p:] for r in omega[p:]],
                "learning_rate": 0.7,
                "noise_variance": 0.2,
                "student_second_layer": [0.8 - 0.3 * j for j in range(p)],
                "teacher_second_layer": [1.1] * k,
                "second_layer_learning_rate": 0.4,
                "batch_size": 2,
                "parameters": given,
            }
        )
        return _against_definition(state)
    worst, passed = 0.0, True
    for kind, size in ex.KINDS.items():
        units = (student,) * ex.unit_count(kind)
        pattern = tuple(range(1, size + 1))
        form, method = ex.closed_form(kind, student.text, tuple(u.text for u in units), pattern)
        z = ex.fields_for(pattern)
        found = ClosedForm(
            ex.factors(kind, student, units, z), z, sp.ImmutableMatrix(ex.symbols_for(pattern)), form, method
        )
        check = self_check(found, points=1)
        worst, passed = max(worst, check["max_difference"]), passed and check["passed"]
    return {"points": 1, "max_difference": worst, "passed": passed}


def _against_definition(state: State) -> dict[str, Any]:
    fine = definition_means(state, 40 if state.students + state.teachers <= 3 else 24)
    coarse = definition_means(state, 36 if state.students + state.teachers <= 3 else 20)
    pairs = {"m": "learning_m", "learning": "learning_q", "noise": "noise_q", "layer": "second_layer", "error": "error"}
    worst, passed = 0.0, True
    for key, part in pairs.items():
        derived = _floats(evaluate(state, part))
        reference, rough = (_flat(m[key]) for m in (fine, coarse))
        for a, b, c in zip(derived, reference, rough, strict=True):
            worst = max(worst, abs(a - b))
            passed = passed and abs(a - b) <= 1e-6 * (1 + abs(b)) + 3 * abs(b - c)
    return {"points": 1, "max_difference": worst, "passed": bool(passed)}


def _flat(value: Any) -> list[float]:
    return [x for v in value for x in _flat(v)] if isinstance(value, list) else [float(value)]
