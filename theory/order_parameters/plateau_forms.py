"""Derivations of the plateau laws from the means of erf units, and their definitions."""

from __future__ import annotations

import functools
from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.errors import DerivationError
from theory.law import Regime
from theory.order_parameters import domains as dm
from theory.order_parameters import expectations as ex
from theory.order_parameters.plateau import characteristic_polynomial, symmetric_jacobian
from theory.order_parameters.plateau_definition import ansatz_jacobian, error_of, mode_rate, symmetric_root
from theory.parameter import Parameter, integer, positive

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


def overlaps() -> Derivation:
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


def define_overlaps(width: Any, teacher_norm: Any) -> list[Any]:
    """Root of the drift of equal students, means by quadrature of the definition."""
    return list(symmetric_root(int(width), int(width), float(teacher_norm)))


def error() -> Derivation:
    """Insert the overlaps of the plateau into the error of equal students."""
    q, m = overlaps().result
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


def define_error(width: Any, teacher_norm: Any) -> Any:
    """Error of equal students by quadrature at the quadrature root."""
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
    q, m = (e.subs(K, 1 + n) for e in overlaps().result)
    rate = (first - second).subs(K, 1 + n).subs({Q: q, M: m})
    return sp.powdenest(sp.factor(sp.powdenest(sp.simplify(rate), force=True)), force=True).subs(n, K - 1)


def escape() -> Derivation:
    """Linearise the drift along the mode (1, -1/(K-1))."""
    form = ETA * _escape_form()
    return derivation(
        ("mode", sp.Tuple(1, -1 / (K - 1)), "dM_ii and dM_(i != j); Q does not move at first order"),
        ("growth rate", form, "derivative of the teacher sum minus the student sum along the mode"),
    )


def define_escape(width: Any, teacher_norm: Any, learning_rate: Any) -> Any:
    """Difference quotient of the drift by quadrature, students displaced along the mode."""
    return learning_rate * mode_rate(int(width), float(teacher_norm))


def spectrum() -> Derivation:
    """Exact Jacobians at several widths, their characteristic polynomial in K and its roots."""
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


def define_spectrum(width: Any, learning_rate: Any) -> list[float]:
    """Eigenvalues of the Jacobian by Price's theorem and quadrature."""
    import numpy as np

    eigenvalues = np.linalg.eigvals(np.array(ansatz_jacobian(int(width))))
    return sorted(float(learning_rate) * float(x.real) for x in eigenvalues)


def escape_time() -> Derivation:
    """Time of exponential growth to order one."""
    t = sp.log(1 / ASYMMETRY.symbol) / (ETA * _escape_form())
    return derivation(
        (
            "growth",
            sp.Eq(sp.Symbol("x"), ASYMMETRY.symbol * sp.exp(sp.Symbol("rate") * sp.Symbol("t"))),
            "linear phase",
        ),
        ("time to order one", t, "leading logarithm"),
    )


def define_time(width: Any, teacher_norm: Any, learning_rate: Any, initial_asymmetry: Any) -> Any:
    """Passage from the asymmetry to one of dx/dt = rate x, the rate by difference quotients of quadratures."""
    rate = define_escape(width, teacher_norm, learning_rate)
    # on decades, where the integrand is smooth
    ends = [initial_asymmetry * (1 / initial_asymmetry) ** (mpmath.mpf(n) / 6) for n in range(7)]
    return mpmath.quad(lambda x: 1 / (rate * x), ends)


def rectangular() -> Derivation:
    """Balance the sums of p equal students and of k teachers."""
    teacher, student = _drift(STUDENTS, TEACHERS)
    square = _fixed_point(teacher, student, TEACHERS)
    coefficients = sp.Poly(square, Q).all_coeffs()
    return derivation(
        ("sums of I3", sp.Tuple(teacher, student), "k teachers against p equal students"),
        ("squared fixed point", square, "M = sqrt(Q T/k), students in the span of the teachers"),
        ("coefficients in Q", sp.Tuple(*coefficients), "the positive root is Q"),
    )


def evaluate_rectangular(d: Derivation, values: dict[str, Any], digits: int) -> list[Any]:
    """Positive root of the fixed-point polynomial at numbers."""
    with mpmath.workdps(digits + 10):
        norm = mpmath.mpf(repr(float(values["teacher_norm"])))
        given = {STUDENTS: int(values["students"]), TEACHERS: int(values["teachers"])}
        numbers = [sp.lambdify(T, c.subs(given), "mpmath")(norm) for c in d.result]
        q = max(mpmath.re(r) for r in mpmath.polyroots(numbers, extraprec=60))
        return [q, mpmath.sqrt(q * norm / given[TEACHERS])]
