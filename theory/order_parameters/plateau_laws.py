"""Laws of the symmetric plateau of an erf committee: overlaps, error, escape rate, spectrum, escape time."""

from __future__ import annotations

import functools
import math
from functools import partial
from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.errors import DerivationError
from theory.law import Law, Regime, mutant_value
from theory.order_parameters import domains as dm
from theory.order_parameters import expectations as ex
from theory.order_parameters.equation_laws import SAAD_SOLLA
from theory.order_parameters.plateau import characteristic_polynomial, symmetric_jacobian
from theory.order_parameters.plateau_definition import ansatz_jacobian, error_of, mode_rate, symmetric_root
from theory.parameter import Parameter, integer, positive
from theory.source import DERIVED

K = sp.Symbol("K", integer=True, positive=True)
Q, M, T = sp.Symbol("Q", positive=True), sp.Symbol("M", positive=True), sp.Symbol("T", positive=True)
STUDENTS, TEACHERS = sp.Symbol("p", integer=True, positive=True), sp.Symbol("k", integer=True, positive=True)
ETA = dm.LEARNING_RATE.symbol
SMALL_RATE = Regime("eta -> 0", "O(eta)")
ASYMMETRY = Parameter(
    "initial_asymmetry",
    sp.Symbol("delta0", positive=True),
    "initial amplitude of the unstable mode",
    positive(1e-4, 1e-2),
)
WIDTH = dm.WIDTH.within(integer(2, region=(2, 5)))


def _entries(c: dict[str, Any], kind: str) -> Any:
    size = ex.KINDS[kind]
    form, _ = ex.closed_form(kind, "erf", ("erf",) * ex.unit_count(kind), tuple(range(1, size + 1)))
    return form.subs(
        {sp.Symbol(k, positive=k[1] == k[2]) if k[1] == k[2] else sp.Symbol(k, real=True): v for k, v in c.items()},
        simultaneous=True,
    )


def _drift(students: Any, teachers: Any) -> tuple[Any, Any]:
    """Return (teacher sum, student sum) of I3 in dM/dt at the symmetric point."""
    field = {"C11": Q, "C12": M, "C22": T, "C33": T}
    own = _entries({**field, "C13": M, "C23": T}, "I3")
    other = _entries({**field, "C13": M, "C23": 0}, "I3")
    student = _entries({"C11": Q, "C12": M, "C22": T, "C13": Q, "C23": M, "C33": Q}, "I3")
    return sp.factor(own + (teachers - 1) * other), sp.factor(students * student)


def _fixed_point(teacher: Any, student: Any, teachers: Any) -> Any:
    """Return the polynomial in Q whose root balances the squared sums, M^2 = Q T/k."""
    gap = sp.factor(sp.together(sp.expand(teacher**2 - student**2).subs(M, sp.sqrt(Q * T / teachers))))
    factors = [f for f, _ in sp.factor_list(sp.numer(gap))[1] if f.has(Q) and f.has(T) and f.has(teachers)]
    if len(factors) != 1:
        raise DerivationError("the fixed point of the plateau does not reduce to one polynomial.")
    return factors[0]


def _overlaps() -> Derivation:
    """All students equal at eta -> 0: solve dM = dQ = 0 with students in the span of the teachers, Q = K M^2/T."""
    teacher, student = _drift(K, K)
    square = _fixed_point(teacher, student, K)
    solution = [s for s in sp.solve(sp.factor(square), Q) if not s.could_extract_minus_sign()]
    q = _positive_root(solution)
    return derivation(
        ("teacher sum of I3", teacher, "one teacher of K carries the field"),
        ("student sum of I3", student, "K equal students"),
        ("span", sp.Eq(Q, K * M**2 / T), "stationary students lie in the span of the teachers"),
        ("squared fixed point", square, "teacher sum = student sum, M^2 = Q T/K"),
        ("overlaps", sp.Tuple(q, sp.sqrt(q * T / K)), "Q, M"),
    )


def _positive_root(candidates: list[Any]) -> Any:
    for candidate in candidates:
        if candidate.subs({K: 3, T: sp.Rational(7, 5)}) > 0:
            return sp.factor(candidate)
    return candidates[0]


def _definition_overlaps(width: Any, teacher_norm: Any) -> list[Any]:
    """Root of the drift of equal students, means by quadrature of the definition."""
    return list(symmetric_root(int(width), int(width), float(teacher_norm)))


def _error() -> Derivation:
    q, m = _overlaps().result
    ss = _entries({"C11": Q, "C12": Q, "C22": Q}, "I2")
    st = _entries({"C11": Q, "C12": M, "C22": T}, "I2")
    tt = _entries({"C11": T, "C12": T, "C22": T}, "I2")
    total = (K**2 * ss - 2 * K**2 * st + K * tt) / 2
    form = total.subs({Q: q, M: m})
    argument = sp.simplify(q / (1 + q))
    closed = K / sp.pi * sp.asin(T / (1 + T)) - K**2 / sp.pi * sp.asin(argument)
    return derivation(
        ("error of equal students", total, "sum of I2 with weights b"),
        ("at the plateau", form, "Q, M of the plateau"),
        ("both arguments equal", closed, "Q/(1+Q) = M/sqrt((1+Q)(1+T)) = T/(K(1+T))"),
    )


def _definition_error(width: Any, teacher_norm: Any) -> Any:
    k, norm = int(width), float(teacher_norm)
    return error_of(*symmetric_root(k, k, norm), norm, k, k)


@functools.lru_cache(maxsize=1)
def _escape_form() -> Any:
    """Growth rate over eta along dM_ii = x, dM_(i != j) = -x/(K-1): derivative of teacher sum minus student sum."""
    x = sp.Symbol("x")
    y = -x / (K - 1)
    base = {"C11": Q, "C22": T, "C33": T}
    own = _entries({**base, "C12": M + x, "C13": M + x, "C23": T}, "I3")
    others = _entries({**base, "C12": M + x, "C13": M + y, "C23": 0}, "I3")
    first = sp.diff(own + (K - 1) * others, x).subs(x, 0)
    same = _entries({"C11": Q, "C12": M + x, "C22": T, "C13": Q, "C23": M + x, "C33": Q}, "I3")
    cross = _entries({"C11": Q, "C12": M + x, "C22": T, "C13": Q, "C23": M + y, "C33": Q}, "I3")
    second = sp.diff(same + (K - 1) * cross, x).subs(x, 0)
    n = sp.Symbol("n", positive=True)
    q, m = (e.subs(K, 1 + n) for e in _overlaps().result)
    rate = (first - second).subs(K, 1 + n).subs({Q: q, M: m})
    return sp.powdenest(sp.factor(sp.powdenest(sp.simplify(rate), force=True)), force=True).subs(n, K - 1)


def _escape() -> Derivation:
    form = ETA * _escape_form()
    return derivation(
        ("mode", sp.Tuple(1, -1 / (K - 1)), "dM_ii and dM_(i != j); Q does not move at first order"),
        ("growth rate", form, "derivative of the teacher sum minus the student sum along the mode"),
    )


def _definition_escape(width: Any, teacher_norm: Any, learning_rate: Any) -> Any:
    """Difference quotient of the drift by quadrature, students displaced along the mode."""
    return learning_rate * mode_rate(int(width), float(teacher_norm))


def _spectrum() -> Derivation:
    u = 2 / sp.pi * K * sp.sqrt(2 * K - 1) / (2 * K + 1) ** sp.Rational(3, 2)
    x = sp.Symbol("x")
    polynomial = characteristic_polynomial()
    roots = sp.roots(sp.Poly(sp.expand(polynomial), x))
    values = [sp.factor(r) for r, multiplicity in roots.items() for _ in range(multiplicity)]
    ordered = sorted(values, key=lambda r: float(r.subs(K, 3)))
    return derivation(
        ("unit of rate", u, "T = 1"),
        ("Jacobian over u at K = 2", symmetric_jacobian(2), "ansatz Q_ii, Q_ij, M_ii/M, M_ij/M, eta -> 0"),
        ("characteristic polynomial", polynomial, "exact at K = 2..8, interpolated in K"),
        ("eigenvalues", sp.Tuple(*(ETA * u * r for r in ordered)), "ascending"),
    )


def _definition_spectrum(width: Any, learning_rate: Any) -> list[float]:
    import numpy as np

    eigenvalues = np.linalg.eigvals(np.array(ansatz_jacobian(int(width))))
    return sorted(float(learning_rate) * float(x.real) for x in eigenvalues)


def _time() -> Derivation:
    t = sp.log(1 / ASYMMETRY.symbol) / (ETA * _escape_form())
    return derivation(
        (
            "growth",
            sp.Eq(sp.Symbol("x"), ASYMMETRY.symbol * sp.exp(sp.Symbol("rate") * sp.Symbol("t"))),
            "linear phase",
        ),
        ("time to order one", t, "leading logarithm"),
    )


def _definition_time(width: Any, teacher_norm: Any, learning_rate: Any, initial_asymmetry: Any) -> Any:
    return -mpmath.log(initial_asymmetry) / _definition_escape(width, teacher_norm, learning_rate)


def _rectangular() -> Derivation:
    teacher, student = _drift(STUDENTS, TEACHERS)
    square = _fixed_point(teacher, student, TEACHERS)
    coefficients = sp.Poly(square, Q).all_coeffs()
    return derivation(
        ("sums of I3", sp.Tuple(teacher, student), "k teachers against p equal students"),
        ("squared fixed point", square, "M = sqrt(Q T/k), students in the span of the teachers"),
        ("coefficients in Q", sp.Tuple(*coefficients), "the positive root is Q"),
    )


def _rectangular_evaluate(d: Derivation, values: dict[str, Any], digits: int) -> list[Any]:
    with mpmath.workdps(digits + 10):
        norm = mpmath.mpf(repr(float(values["teacher_norm"])))
        given = {STUDENTS: int(values["students"]), TEACHERS: int(values["teachers"])}
        numbers = [sp.lambdify(T, c.subs(given), "mpmath")(norm) for c in d.result]
        q = max(mpmath.re(r) for r in mpmath.polyroots(numbers, extraprec=60))
        return [q, mpmath.sqrt(q * norm / given[TEACHERS])]


def _rectangular_wrong(students: int, teachers: int, teacher_norm: float, power: int) -> list[float]:
    """Positive root of k T (1 + 2Q) = p^power Q ((1 + Q)(1 + T) - Q T/k)."""
    import numpy as np

    n, k, t = students**power, teachers, teacher_norm
    roots = np.roots([-n * (1 + t - t / k), 2 * k * t - n * (1 + t), k * t])
    q = float(max(roots.real))
    return [q, math.sqrt(q * t / k)]


def _power(width: int, teacher_norm: float, learning_rate: float) -> float:
    n = width * (1 + teacher_norm)
    return (
        learning_rate
        * 2
        / math.pi
        * teacher_norm**2
        * width
        / math.sqrt(n - teacher_norm)
        / math.sqrt(n + teacher_norm)
    )


def _true_escape(width: int, teacher_norm: float, learning_rate: float) -> float:
    return _power(width, teacher_norm, learning_rate) / (width * (1 + teacher_norm) + teacher_norm)


def _lists(count: str) -> Parameter:
    return Parameter(count, None, f"number of {count}", integer(1, region=(2, 4)))


def _q(k: int, t: float) -> float:
    return t / (k * (1 + t) - t)


def _u(k: int) -> float:
    return 2 / math.pi * k * math.sqrt(2 * k - 1) / (2 * k + 1) ** 1.5


_FLOW = ("algebra", "flow")
LAWS = (
    Law(
        id="order_parameters.plateau.overlaps",
        title="overlaps on the symmetric plateau",
        statement="K = p = k erf units, orthogonal teacher of squared norm T, eta -> 0: all Q equal, all M equal.",
        quantity=sp.Symbol("Q, M"),
        parameters=(WIDTH, dm.TEACHER_NORM),
        derive=_overlaps,
        definition=_definition_overlaps,
        sources=(SAAD_SOLLA, DERIVED),
        regime=SMALL_RATE,
        rungs=_FLOW,
        gate_points=4,
        mutants=(
            mutant_value(
                "Q = 1/(2K+1)",
                lambda width, teacher_norm: [1 / (2 * width + 1), math.sqrt(teacher_norm / (2 * width + 1) / width)],
            ),
            mutant_value("Q = M", lambda width, teacher_norm: [_q(width, teacher_norm)] * 2),
        ),
    ),
    Law(
        id="order_parameters.plateau.error",
        title="generalisation error on the plateau",
        statement="(K/pi) [asin(T/(1+T)) - K asin(T/(K(1+T)))] at eta -> 0.",
        quantity=sp.Symbol("eps"),
        parameters=(WIDTH, dm.TEACHER_NORM),
        derive=_error,
        definition=_definition_error,
        sources=(SAAD_SOLLA, DERIVED),
        regime=SMALL_RATE,
        rungs=_FLOW,
        gate_points=4,
        mutants=(
            mutant_value(
                "K asin(1/K)",
                lambda width, teacher_norm: (
                    width / math.pi * (math.asin(teacher_norm / (1 + teacher_norm)) - width * math.asin(1 / width))
                ),
            ),
        ),
    ),
    Law(
        id="order_parameters.plateau.escape_rate",
        title="growth rate of the unstable mode of the plateau",
        statement="The mode (dM_ii, dM_ij) ~ (1, -1/(K-1)) grows with rate eta (2/pi) M T (1+T+T/K)^(-3/2).",
        quantity=sp.Symbol("rate"),
        parameters=(WIDTH, dm.TEACHER_NORM, dm.LEARNING_RATE),
        derive=_escape,
        definition=_definition_escape,
        sources=(SAAD_SOLLA, DERIVED),
        regime=SMALL_RATE,
        rungs=_FLOW,
        gate_points=3,
        mutants=(
            mutant_value("exponent 1/2 for 3/2", _power),
            mutant_value(
                "mode (1, 0)",
                lambda width, teacher_norm, learning_rate: (
                    _true_escape(width, teacher_norm, learning_rate) * (1 - 1 / width)
                ),
            ),
        ),
    ),
    Law(
        id="order_parameters.plateau.spectrum",
        title="eigenvalues of the symmetric ansatz at the plateau, T = 1",
        statement="u = (2/pi) K (2K-1)^(1/2) (2K+1)^(-3/2): -(4K+2)u, -(2K-1)u, 0, u/(2K-1) times eta, ascending.",
        quantity=sp.Symbol("eigenvalues"),
        parameters=(WIDTH, dm.LEARNING_RATE),
        derive=_spectrum,
        definition=_definition_spectrum,
        sources=(SAAD_SOLLA,),
        regime=SMALL_RATE,
        gate_points=6,
        mutants=(
            mutant_value(
                "-u for 0",
                lambda width, learning_rate: [
                    learning_rate * _u(width) * x for x in (-(4 * width + 2), -(2 * width - 1), -1, 1 / (2 * width - 1))
                ],
            ),
        ),
    ),
    Law(
        id="order_parameters.plateau.escape_time",
        title="time to leave the plateau",
        statement="t = ln(1/initial asymmetry)/(eta lambda) to leading logarithm.",
        quantity=sp.Symbol("t"),
        parameters=(WIDTH, dm.TEACHER_NORM, dm.LEARNING_RATE, ASYMMETRY),
        derive=_time,
        definition=_definition_time,
        sources=(SAAD_SOLLA,),
        regime=Regime("initial asymmetry -> 0", "O(1)"),
        rungs=_FLOW,
        gate_points=3,
        mutants=(
            mutant_value(
                "2 lambda",
                lambda width, teacher_norm, learning_rate, initial_asymmetry: (
                    -math.log(initial_asymmetry) / 2 / _true_escape(width, teacher_norm, learning_rate)
                ),
            ),
            mutant_value(
                "without ln",
                lambda width, teacher_norm, learning_rate, initial_asymmetry: (
                    1 / initial_asymmetry / _true_escape(width, teacher_norm, learning_rate)
                ),
            ),
        ),
    ),
    Law(
        id="order_parameters.plateau.rectangular",
        title="plateau of p equal students on k teachers",
        statement="All students equal: k T (1+2Q) = p^2 Q ((1+Q)(1+T) - Q T/k), M = sqrt(Q T/k); eta -> 0.",
        quantity=sp.Symbol("Q, M"),
        parameters=(_lists("students"), _lists("teachers"), dm.TEACHER_NORM),
        derive=_rectangular,
        evaluator=_rectangular_evaluate,
        sources=(DERIVED,),
        regime=SMALL_RATE,
        rungs=_FLOW,
        definition=lambda students, teachers, teacher_norm: list(
            symmetric_root(int(students), int(teachers), float(teacher_norm))
        ),
        mutants=(
            mutant_value("p for p^2", partial(_rectangular_wrong, power=1)),
            mutant_value("M = Q", lambda **v: [_rectangular_wrong(**v, power=2)[0]] * 2),
        ),
        gate_points=5,
        priority="B",
    ),
)
