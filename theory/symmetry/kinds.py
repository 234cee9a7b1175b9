"""The charge of each kind of symmetry, derived from the group action, and checked as a line integral of A theta."""

from __future__ import annotations

from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.law import Law, mutant_result, mutant_value
from theory.parameter import Constraint, Parameter, choice, integer, real, real_list
from theory.symmetry import parameters as p

_KINDS = ("translation", "scale", "rescale", "matrix", "homogeneous")
_FIRST, _SECOND = sp.IndexedBase("u"), sp.IndexedBase("w")
_N1, _N2 = sp.Symbol("n_1", integer=True, positive=True), sp.Symbol("n_2", integer=True, positive=True)
_DEGREE = sp.Symbol("k", integer=True, positive=True)
_BIAS = sp.Symbol("b", real=True)
symmetry_kind = Parameter("symmetry_kind", None, "kind of the symmetry", choice(*_KINDS))
first_weights = Parameter("first_weights", _FIRST, "weights u (outgoing)", real_list(-1.5, 1.5, (2, 2)), length=_N1)
second_weights = Parameter("second_weights", _SECOND, "weights w (incoming)", real_list(-1.5, 1.5, (2, 2)), length=_N2)
degree = Parameter("degree", _DEGREE, "degree k of the homogeneous unit a (w.x)^k", integer(1, (2, 4))).with_default(1)
bias = Parameter("bias", _BIAS, "bias b of the unit", real(0.3, 1.5)).with_default(0.0)
_RHO = sp.Symbol("rho", real=True)


def _orbit_exponents(kind: str) -> tuple[Any, Any]:
    """Exponents (of u, of w) in theta -> (e^{alpha rho} u, e^{beta rho} w) which leave the function unchanged."""
    x = sp.Symbol("x", positive=True)
    alpha = sp.Symbol("alpha", real=True)
    u, w = sp.symbols("u w", positive=True)
    if kind == "scale":
        return sp.Integer(1), sp.Integer(1)
    function = u * (w * x) ** (_DEGREE if kind == "homogeneous" else 1)
    beta = sp.Integer(1 if kind == "homogeneous" else -1)
    moved = function.subs({u: sp.exp(alpha * _RHO) * u, w: sp.exp(beta * _RHO) * w}, simultaneous=True)
    exponent = sp.expand_log(sp.log(moved / function), force=True)
    return sp.solve(sp.expand(exponent.diff(_RHO)), alpha)[0], beta


def _squares(base: Any, count: Any) -> sp.Sum:
    i = sp.Symbol("i", integer=True)
    return sp.Sum(base[i] ** 2, (i, 0, count - 1))


def _derive_kind(symmetry_kind: str) -> Derivation:
    i = sp.Symbol("i", integer=True)
    if symmetry_kind == "translation":
        total = sp.Sum(_FIRST[i], (i, 0, _N1 - 1)) + sp.Sum(_SECOND[i], (i, 0, _N2 - 1))
        return derivation(
            ("action", sp.Symbol("theta") + _RHO * sp.Symbol("n"), "common shift of all weights"),
            ("charge n . theta", total, "n . g = 0"),
        )
    if symmetry_kind == "matrix":
        rho_b = sp.Matrix([[1, 2], [2, -1]])
        u, w = (sp.Matrix([base[k] for k in range(2)]) for base in (_FIRST, _SECOND))
        moved = sp.expand((u.T * rho_b * u)[0] - (w.T * rho_b * w)[0])
        return derivation(
            ("action", sp.Symbol("U exp(rho B), exp(-rho B) W"), "U is one row, W one column, B = [[1,2],[2,-1]]"),
            ("charge Tr B(U^T U - W W^T)", moved, "theta^T A theta"),
        )
    alpha, beta = _orbit_exponents(symmetry_kind)
    charge = alpha * _squares(_FIRST, _N1) + beta * _squares(_SECOND, _N2)
    return derivation(
        ("exponents of the action", sp.Tuple(alpha, beta), "the function must not change"),
        ("charge theta^T A theta", charge, "A = diag(exponents)"),
    )


def _define_kind(symmetry_kind: str, first_weights: Any, second_weights: Any, degree: Any) -> Any:
    """Line integral from 0 to theta of 2 A theta (of n for a translation), A from the action on a test function."""
    theta = [*first_weights, *second_weights]
    cut = len(first_weights)

    def act(rho: Any, point: list[Any]) -> list[Any]:
        u, w, e = point[:cut], point[cut:], mpmath.exp(rho)
        if symmetry_kind == "translation":
            return [q + rho for q in point]
        if symmetry_kind == "scale":
            return [q * e for q in point]
        if symmetry_kind == "homogeneous":
            return [q / e**degree for q in u] + [q * e for q in w]
        if symmetry_kind == "rescale":
            return [q * e for q in u] + [q / e for q in w]
        b = mpmath.matrix([[1, 2], [2, -1]])
        forward, backward = mpmath.expm(rho * b), mpmath.expm(-rho * b)
        return [*(mpmath.matrix([u]) * forward), *(backward * mpmath.matrix(w))]

    def integrand(s: Any) -> Any:
        point = [s * q for q in theta]
        velocity = [mpmath.diff(lambda r, j=j: act(r, point)[j], 0) for j in range(len(theta))]
        return mpmath.fsum(a * q for a, q in zip(velocity, theta, strict=True))

    # the velocity is affine in s, so two Gauss points integrate it exactly
    offset = 1 / (2 * mpmath.sqrt(3))
    integral = (integrand(mpmath.mpf("0.5") - offset) + integrand(mpmath.mpf("0.5") + offset)) / 2
    return integral if symmetry_kind == "translation" else 2 * integral


def _unweighted(symmetry_kind: str, first_weights: Any, second_weights: Any, degree: int, value: Any) -> Any:
    if symmetry_kind != "homogeneous":
        return value * 1.1
    return sum(w * w for w in second_weights) - sum(u * u for u in first_weights)


kinds = Law(
    id="symmetry.noether.kinds",
    title="charges of translation, scale, rescaling, matrix and homogeneous symmetries",
    statement="translation: n.theta; scale: |theta|^2; rescale: |u|^2 - |w|^2; matrix (B=[[1,2],[2,-1]], one row U, one "
    "column W): Tr B(U^T U - W W^T); homogeneous a (w.x)^k: |w|^2 - k a^2",
    quantity=sp.Symbol("C"),
    parameters=(symmetry_kind, first_weights, second_weights, degree),
    derive=_derive_kind,
    definition=_define_kind,
    sources=(p.ZIYIN, p.KUNIN),
    mutants=(
        mutant_result("a^2 for k a^2", lambda value, **v: _unweighted(**v, value=value)),
        mutant_value("sum of squares for every kind", lambda symmetry_kind, first_weights, second_weights, degree:
                     sum(q * q for q in [*first_weights, *second_weights])),
    ),
    structure=("symmetry_kind",),
    display={"symmetry_kind": "rescale"},
    constraints=(Constraint(
        lambda v: v["symmetry_kind"] != "matrix" or len(v["first_weights"]) == len(v["second_weights"]) == 2,
        "a matrix symmetry is declared for width 2; give two first_weights and two second_weights"),),
    rungs=("algebra", "flow", "net"),
)  # fmt: skip


def _derive_relu() -> Derivation:
    s, x, u, w, b = sp.symbols("s x u w b", real=True)
    unit = u * s * (w * x + b)
    alpha, beta, gamma = sp.symbols("alpha beta gamma")
    along = alpha * u * sp.diff(unit, u) + beta * w * sp.diff(unit, w) + gamma * b * sp.diff(unit, b)
    conditions = sp.Poly(sp.expand(along), u, w, b, s, x).coeffs()
    found = sp.solve(conditions, [beta, gamma], dict=True)[0]
    weights = [value.subs(alpha, 1) for value in (found[beta], found[gamma])]
    charge = _squares(_FIRST, _N1) + weights[0] * _squares(_SECOND, _N2) + weights[1] * _BIAS**2
    return derivation(
        ("gated unit", unit, "relu(z) = s z with the gate s constant in each activation region"),
        ("exponents of w and b against u", sp.Tuple(*weights), "the unit must not change"),
        ("charge of the unit", charge, "A = diag(+1, -1, -1); continuous across the kinks"),
    )


def _scaling_rates(first: list[Any], second: list[Any], bias: Any) -> tuple[Any, Any]:
    """Rates at which w and b must grow while u grows at rate 1 if u relu(w.x + b) is to stay, found from the function."""
    inputs = [[mpmath.mpf(3 + k + 2 * j) / 7 * mpmath.sign(q) for j, q in enumerate(second)] for k in range(2)]
    shift = 1 + abs(bias)

    def slope(x: list[Any], rates: tuple[Any, Any, Any]) -> Any:
        def value(rho: Any) -> Any:
            e = [mpmath.exp(rho * r) for r in rates]
            field = mpmath.fsum(e[1] * q * z for q, z in zip(second, x, strict=True)) + e[2] * bias
            return e[0] * first[0] * max(field, 0)

        return mpmath.diff(value, 0)

    # far enough out for the unit to be active; the condition is linear in the rates
    points = [[shift * q * (4 + k) for q in x] for k, x in enumerate(inputs)]
    rows = [[slope(x, rates) for rates in ((0, 1, 0), (0, 0, 1))] for x in points]
    found = mpmath.lu_solve(mpmath.matrix(rows), mpmath.matrix([-slope(x, (1, 0, 0)) for x in points]))
    return found[0], found[1]


def _define_relu(first_weights: Any, second_weights: Any, bias: Any) -> Any:
    """2 x line integral of the velocity of the scaling which keeps u relu(w.x + b), its rates found numerically."""
    on_weights, on_bias = _scaling_rates(list(first_weights), list(second_weights), bias)
    theta = [*first_weights, *second_weights, bias]
    rates = [mpmath.mpf(1)] * len(first_weights) + [on_weights] * len(second_weights) + [on_bias]

    def integrand(s: Any) -> Any:
        point = [s * q for q in theta]
        speed = [mpmath.diff(lambda r, a=a, q=q: q * mpmath.exp(a * r), 0) for a, q in zip(rates, point, strict=True)]
        return mpmath.fsum(a * q for a, q in zip(speed, theta, strict=True))

    return 2 * mpmath.quad(integrand, [0, 1], maxdegree=3)


relu_unit = Law(
    id="symmetry.noether.relu_unit",
    title="charge of a hidden ReLU unit",
    statement="f = sum_j u_j relu(w_j.x + b_j): |u_j|^2 - |w_j|^2 - b_j^2 for every hidden unit, at every depth",
    quantity=sp.Symbol("C_j"),
    parameters=(first_weights, second_weights, bias),
    derive=_derive_relu,
    definition=_define_relu,
    sources=(p.DU, p.ZIYIN),
    mutants=(
        mutant_value("bias left out", lambda first_weights, second_weights, bias:
                     sum(u * u for u in first_weights) - sum(w * w for w in second_weights)),
        mutant_value("norms, not squares", lambda first_weights, second_weights, bias:
                     sum(u * u for u in first_weights) ** 0.5 - (sum(w * w for w in second_weights) + bias**2) ** 0.5),
    ),
    rungs=("algebra", "flow", "net"),
)  # fmt: skip
LAWS = (kinds, relu_unit)
