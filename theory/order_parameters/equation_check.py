"""The guards of derived equations: agreement with quadrature of the definition, and means that exist at all."""

from __future__ import annotations

import random
from typing import Any

import sympy as sp

from theory.errors import DerivationError
from theory.gaussian import ClosedForm
from theory.gaussian.existence import mean_exists
from theory.gaussian.quadrature import SMOOTH_NODES
from theory.gaussian.self_check import random_covariance, self_check
from theory.order_parameters import expectations as ex
from theory.order_parameters.activation import Activation, X, activation
from theory.order_parameters.state import State, definition_means, evaluate, state_of

HUGE = 1e6  # a gap beyond this is no rounding: the mean does not exist


def means_exist(state: State, scale: float = 1.0) -> bool:
    """Whether E[s'_j^2 s_u^2] exists for all pairs of fields, as growing exponentials may not allow."""
    omega, units = state.covariance, [activation(state.unit(u)) for u in range(state.students + state.teachers)]
    if not any(u.expression.has(sp.exp, sp.Pow) and not u.expression.is_polynomial(X) for u in units):
        return True
    z, w = sp.symbols("z w", real=True)
    values = {s: float(state.parameters[s.name]) for u in units for s in u.parameters}
    for j in range(state.students):
        for u, unit in enumerate(units):
            squares = units[j].slope(z) ** 2 * unit.at(z if u == j else w) ** 2
            fields, chosen = ((z,), [j]) if u == j else ((z, w), [j, u])
            matrix = [[scale * float(omega[a][b]) for b in chosen] for a in chosen]
            if not mean_exists(squares, fields, matrix, values):
                return False
    return True


def settled_means(state: State) -> dict[str, Any]:
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


def check_equations(student: Activation, teacher: Activation, p: int, k: int, closed: bool) -> dict[str, Any]:
    """Compare with quadrature at one random state; kinked units mean by mean at distinct fields."""
    if not closed:
        return {"points": 0, "max_difference": None, "passed": True}
    rng = random.Random(11)
    if not (student.kinked or teacher.kinked) and p + k <= 4:
        names = sorted({s.name for s in (*student.parameters, *teacher.parameters)})
        omega = random_covariance(p + k, rng)
        given = {name: round(rng.uniform(0.4, 1.1), 3) for name in names}
        state = _generic_state(student, teacher, omega, p, given)
        for _ in range(6):
            if means_exist(state, 3.0):
                break
            omega = [[c / 3 for c in row] for row in omega]
            state = _generic_state(student, teacher, omega, p, given)
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


def _generic_state(student: Activation, teacher: Activation, omega: Any, p: int, parameters: Any) -> State:
    return state_of(
        {
            "activation": student.text,
            "teacher_activation": teacher.text,
            "student_overlap": [r[:p] for r in omega[:p]],
            "teacher_student_overlap": [r[p:] for r in omega[:p]],
            "teacher_overlap": [r[p:] for r in omega[p:]],
            "learning_rate": 0.7,
            "noise_variance": 0.2,
            "student_second_layer": [0.8 - 0.3 * j for j in range(p)],
            "teacher_second_layer": [1.1] * (len(omega) - p),
            "second_layer_learning_rate": 0.4,
            "batch_size": 2,
            "parameters": parameters,
        }
    )


def _against_definition(state: State) -> dict[str, Any]:
    fine = definition_means(state, 40 if state.students + state.teachers <= 3 else 24)
    coarse = definition_means(state, 36 if state.students + state.teachers <= 3 else 20)
    pairs = {"m": "learning_m", "learning": "learning_q", "noise": "noise_q", "layer": "second_layer", "error": "error"}
    worst, passed = 0.0, True
    for key, part in pairs.items():
        derived = [float(x) for x in evaluate(state, part)]
        reference, rough = (_flat(m[key]) for m in (fine, coarse))
        for a, b, c in zip(derived, reference, rough, strict=True):
            worst = max(worst, abs(a - b))
            passed = passed and abs(a - b) <= 1e-6 * (1 + abs(b)) + 3 * abs(b - c)
    return {"points": 1, "max_difference": worst, "passed": bool(passed)}


def _flat(value: Any) -> list[float]:
    return [x for v in value for x in _flat(v)] if isinstance(value, list) else [float(value)]
