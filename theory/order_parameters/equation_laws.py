"""Laws of the ODE right-hand sides: dM/dt, dQ/dt and its two parts, da/dt, and the generalisation error."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.law import Law, Mutant
from theory.order_parameters import domains as dm
from theory.order_parameters import equations as eq
from theory.order_parameters import expectations as ex
from theory.order_parameters.network_parameters import FITS, GOLDT, LIMIT, NETWORK, SAAD_SOLLA, VEIGA
from theory.order_parameters.state import State, definition_means, evaluate, rows, state_of
from theory.source import DERIVED


def names(name: str, teacher: str) -> tuple[str, str]:
    """Return the two activations, 'same' resolved."""
    return name, name if teacher == "same" else teacher


def derive_part(part: str, index: int, activation: str = "erf", teacher_activation: str = "same") -> Derivation:
    """Derive one right-hand side for two students and one teacher, with the means it needs in closed form."""
    student, teacher = names(activation, teacher_activation)
    net, found = eq.Network(2, 1), eq.equations(2, 1)
    form = getattr(found, part)
    shown = form if not isinstance(form, sp.MatrixBase) else form.as_immutable()
    used = sorted({f.func.__name__ for f in _atoms(form)})
    means = sp.Tuple(*(_means(kind, student, teacher) for kind in used))
    steps = [("residual", net.residual(), "b = (-a, v), label noise sqrt(Delta) xi")]
    if part != "error":
        steps.append(("d times the change in one step", found.increments[index], "w += eta a E s' x/sqrt(d)"))
    return derivation(
        *steps,
        ("mean over x and noise", shown, "x enters through z ~ N(0, Omega), |x|^2/d -> 1; two students, one teacher"),
        ("means", means, "tilt, Stein, signs"),
        ("right-hand side", sp.Tuple(shown, *means), "the sum with its means, 1-based positions of the fields"),
    )


def _atoms(form: Any) -> set[Any]:
    entries = list(form) if isinstance(form, sp.MatrixBase) else [form]
    return set().union(*(e.atoms(sp.core.function.AppliedUndef) for e in entries))


def _means(kind: str, student: str, teacher: str) -> Any:
    positions = tuple(range(1, ex.KINDS[kind] + 1))
    units = {
        "I2": [(student, student), (student, teacher), (teacher, teacher)],
        "I3": [(student,), (teacher,)],
        "I4": [(student, student), (student, teacher), (teacher, teacher)],
        "J2": [()],
    }[kind]
    forms = [ex.closed_form(kind, student, u, positions)[0] for u in dict.fromkeys(units)]
    return sp.Tuple(sp.Symbol(kind), *forms)


def shaped(part: str, flat: list[Any], state: State) -> Any:
    """Give a flat result the shape of its quantity."""
    if part == "error":
        return flat[0]
    if part in ("da", "second_layer"):
        return flat
    return rows(flat, state.teachers if part in ("dm", "learning_m") else state.students)


def evaluate_part(part: str, _: Derivation | None, values: dict[str, Any], digits: int = 15) -> Any:
    """Evaluate a right-hand side at a state."""
    with mpmath.workdps(digits + 10):
        state = state_of(values)
        return shaped(part, evaluate(state, part), state)


def define_part(part: str, **values: Any) -> Any:
    """Evaluate the same right-hand side by quadrature of the definition."""
    state = state_of(values)
    means = definition_means(state, 48 if state.students + state.teachers <= 3 else None)
    omega = float(state.decay)
    q, m = ([[float(x) for x in row] for row in matrix] for matrix in (state.q, state.m))

    def decayed(rates: Any, levels: Any, rate: float) -> Any:
        return [[x - rate * y for x, y in zip(r, s, strict=True)] for r, s in zip(rates, levels, strict=True)]

    total = [[x + y for x, y in zip(r, s, strict=True)] for r, s in zip(means["learning"], means["noise"], strict=True)]
    layer = [x - omega * float(y) for x, y in zip(means["layer"], state.a, strict=True)]
    return {
        "dm": decayed(means["m"], m, omega),
        "dq": decayed(total, q, 2 * omega),
        "learning_q": means["learning"],
        "noise_q": means["noise"],
        "da": layer,
        "error": means["error"],
    }[part]


def changed(name: str, part: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Mutant:
    """Mutant which evaluates the equations at changed values."""
    return Mutant(
        name, lambda law, values: _floats(evaluate_part(part, None, (full := law.complete(values)) | change(full)))
    )


def combined(name: str, part: str, combine: Callable[[Any, dict[str, Any]], Any]) -> Mutant:
    """Mutant which spoils the value; ``combine(value, values)``."""

    def wrong(law: Law, values: Any) -> Any:
        full = law.complete(values)
        return combine(_floats(evaluate_part(part, None, full)), full)

    return Mutant(name, wrong)


def _floats(value: Any) -> Any:
    return [_floats(v) for v in value] if isinstance(value, (list, tuple)) else float(value)


def _matrix(function: Callable[..., float], *matrices: Any) -> Any:
    return [[function(*xs) for xs in zip(*rs, strict=True)] for rs in zip(*matrices, strict=True)]


def _part(values: dict[str, Any], part: str) -> Any:
    return _floats(evaluate_part(part, None, values))


def _layer(values: dict[str, Any]) -> list[float]:
    return values.get("student_second_layer") or [1.0] * len(dm.as_matrix(values["student_overlap"]))


def _without_a(value: Any, values: dict[str, Any]) -> Any:
    learned = _part(values, "learning_m")
    return [
        [x - y + y / a for x, y in zip(r, s, strict=True)]
        for r, s, a in zip(value, learned, _layer(values), strict=True)
    ]


def _scaled_noise(factor: Callable[[dict[str, Any]], float]) -> Callable[[Any, dict[str, Any]], Any]:
    return lambda value, values: _matrix(lambda x, n: x + (factor(values) - 1) * n, value, _part(values, "noise_q"))


def _noise_without_slopes(value: Any, values: dict[str, Any]) -> Any:
    a, scale = _layer(values), values["learning_rate"] ** 2 / values["batch_size"] * values["noise_variance"]
    state = state_of(values)
    bare = [
        [
            a[j] * a[l] * scale * (1 - float(ex.value("J2", state.activation, (), (j, l), state.covariance)))
            for l in range(len(a))
        ]
        for j in range(len(a))
    ]
    return _matrix(lambda x, y: x + y, value, bare)


def _field_swap(value: Any, values: dict[str, Any]) -> Any:
    """I3(j,j,u) for I3(j,l,u): the learning term taken with the wrong field."""
    learned = _part(values, "learning_q")
    wrong = [[learned[j][j] / 2 + learned[l][l] / 2 for l in range(len(learned))] for j in range(len(learned))]
    return _matrix(lambda x, right, bad: x - right + bad, value, learned, wrong)


_ONE_RATE = dm.LEARNING_RATE.with_default(1.0)


def _law(name: str, title: str, quantity: str, part: str, index: int, mutants: tuple[Mutant, ...], **more: Any) -> Law:
    parameters = more.pop("parameters", NETWORK)
    return Law(
        id=f"order_parameters.{name}",
        title=title,
        statement=f"{title}, for online SGD of a two-layer student on a two-layer teacher with Gaussian inputs, any "
        "activation with closed Gaussian means, any numbers of students and teachers.",
        quantity=sp.Symbol(quantity),
        parameters=parameters,
        derive=partial(derive_part, part, index),
        definition=partial(define_part, part),
        evaluator=partial(evaluate_part, part),
        structure=("activation", "teacher_activation"),
        display={"activation": "erf", "teacher_activation": "same"},
        constraints=(FITS,),
        regime=LIMIT,
        mutants=mutants,
        gate_points=5,
        **more,
    )


LAWS = (
    _law(
        "ode.teacher_overlap",
        "ODE of the overlaps M with the teacher",
        "dM/dt",
        "dm",
        0,
        (
            combined("a_j dropped", "dm", _without_a),
            combined("Delta added to dM", "dm", lambda v, full: _matrix(lambda x: x + full["noise_variance"], v)),
            combined(
                "rate squared",
                "dm",
                lambda v, full: _matrix(lambda x, y: x + (full["learning_rate"] - 1) * y, v, _part(full, "learning_m")),
            ),
        ),
        rungs=("algebra", "chain", "sgd", "net"),
        sources=(VEIGA, SAAD_SOLLA, GOLDT),
    ),
    _law(
        "ode.student_overlap",
        "ODE of the overlaps Q of the students",
        "dQ/dt",
        "dq",
        1,
        (
            combined("noise term doubled", "dq", _scaled_noise(lambda _: 2.0)),
            combined("noise term missing", "dq", _scaled_noise(lambda _: 0.0)),
            combined("eta for eta^2", "dq", _scaled_noise(lambda v: 1 / v["learning_rate"])),
            combined("1/B missing", "dq", _scaled_noise(lambda v: v["batch_size"])),
            combined("Delta without J2", "dq", _noise_without_slopes),
            combined(
                "factor 2 of the learning term missing",
                "dq",
                lambda v, full: _matrix(lambda x, y: x - y / 2, v, _part(full, "learning_q")),
            ),
            combined("I3 index swap", "dq", _field_swap),
        ),
        rungs=("algebra", "chain", "sgd", "net"),
        sources=(VEIGA, SAAD_SOLLA, GOLDT),
    ),
    _law(
        "ode.learning_term",
        "learning term of dQ/dt, linear in the rate",
        "dQ/dt (learning)",
        "learning_q",
        1,
        (combined("one of the two terms", "learning_q", lambda v, _: _matrix(lambda x: x / 2, v)),),
        sources=(VEIGA, DERIVED),
    ),
    _law(
        "ode.noise_term",
        "noise term of dQ/dt, quadratic in the rate",
        "dQ/dt (noise)",
        "noise_q",
        1,
        (
            changed("label noise left out", "noise_q", lambda full: {"noise_variance": 0.0}),
            combined("without 1/B", "noise_q", lambda v, full: _matrix(lambda x: x * full["batch_size"], v)),
        ),
        sources=(VEIGA, DERIVED),
    ),
    _law(
        "ode.second_layer",
        "ODE of the second layer a",
        "da/dt",
        "da",
        2,
        (
            combined("Delta added", "da", lambda v, full: [x + full["noise_variance"] for x in v]),
            combined(
                "eta2 squared",
                "da",
                lambda v, full: [
                    x + (full["second_layer_learning_rate"] - 1) * y
                    for x, y in zip(v, _part(full, "second_layer"), strict=True)
                ],
            ),
            changed(
                "a for b: wrong sign of the student",
                "da",
                lambda full: {"student_second_layer": [-x for x in _layer(full)]},
            ),
        ),
        rungs=("algebra", "chain", "sgd"),
        sources=(GOLDT,),
    ),
    _law(
        "generalisation_error",
        "generalisation error of a student, label noise excluded",
        "error",
        "error",
        0,
        (
            combined("without 1/2", "error", lambda v, _: 2 * v),
            combined("Delta/2 added", "error", lambda v, full: v + full["noise_variance"] / 2),
        ),
        parameters=tuple(_ONE_RATE if p.key == "learning_rate" else p for p in NETWORK),
        rungs=("algebra", "chain", "sgd"),
        sources=(VEIGA, SAAD_SOLLA),
    ),
)
