"""Exact maps of nearby models: the catapult and the scalar factorisation."""

from __future__ import annotations

import math
from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.law import Law, Regime, mutant_value
from theory.parameter import Constraint, Parameter, integer, positive, real
from theory.principal_flow import symbols as s

_f, _n, _l = sp.Symbol("f", real=True), sp.Symbol("n", positive=True), sp.Symbol("l", positive=True)
_WIDTH = Parameter("width", _n, "number n of hidden units", integer(1, (4, 40)))
_OUTPUT = Parameter("network_output", _f, "output f = u.v/sqrt(n)", real(-1.5, 1.5))
_KERNEL = Parameter("tangent_kernel", _l, "tangent kernel (|u|^2 + |v|^2)/n", positive(0.8, 3.5))
_H = s.learning_rate.within(positive(0.1, 0.9))


def _catapult_steps() -> Derivation:
    uu, vv, uv = sp.symbols("u.u v.v u.v")
    root = sp.sqrt(_n)
    # u' = u - h f v/sqrt n, v' = v - h f u/sqrt n, with f = u.v/sqrt n.
    new_uv = uv - s.h * _f / root * (uu + vv) + (s.h * _f / root) ** 2 * uv
    new_norms = uu + vv - 4 * s.h * _f / root * uv + (s.h * _f / root) ** 2 * (uu + vv)
    inner = {uv: root * _f, uu: _n * _l - vv}
    output = sp.factor(sp.expand((new_uv / root).subs(inner)))
    kernel = sp.expand((new_norms / _n).subs(inner))
    result = sp.Tuple(output, _l + sp.factor(sp.expand(kernel - _l)))
    return derivation(
        ("update", sp.Tuple(sp.Symbol("u - h f v/sqrt(n)"), sp.Symbol("v - h f u/sqrt(n)")), "gradient of f^2/2"),
        ("inner products", sp.Tuple(new_uv, new_norms), "u'.v' and |u'|^2 + |v'|^2"),
        ("map", result, "divided by sqrt n and n"),
    )


def _weights(width: Any, network_output: Any, tangent_kernel: Any) -> tuple[list[Any], list[Any]]:
    """Weights of two units (the others are 0) with this output and kernel: |u|^2 = |v|^2, an angle between them."""
    half = width * tangent_kernel / 2
    size = half**0.5 if isinstance(half, float) else mpmath.sqrt(half)
    cosine = network_output * width**0.5 / half
    return [size, 0 * size], [size * cosine, size * (1 - cosine * cosine) ** 0.5]


def _descended(learning_rate: Any, width: Any, u: list[Any], v: list[Any]) -> tuple[list[Any], list[Any]]:
    """One literal step of gradient descent on f^2/2, f = u.v/sqrt(n)."""
    step = learning_rate * sum(a * c for a, c in zip(u, v)) / width
    return [a - step * c for a, c in zip(u, v)], [c - step * a for a, c in zip(u, v)]


def _observed(width: Any, u: list[Any], v: list[Any]) -> list[Any]:
    return [sum(a * c for a, c in zip(u, v)) / width**0.5, sum(a * a + c * c for a, c in zip(u, v)) / width]


def _catapult_definition(learning_rate: Any, width: Any, network_output: Any, tangent_kernel: Any) -> Any:
    """Literal gradient descent on weights that have this output and kernel."""
    u, v = _weights(mpmath.mpf(width), network_output, tangent_kernel)
    return _observed(mpmath.mpf(width), *_descended(learning_rate, mpmath.mpf(width), u, v))


def _catapult_map(first: float, correction: float) -> Any:
    def value(learning_rate: float, width: float, network_output: float, tangent_kernel: float) -> list[float]:
        h, n, f, kernel = learning_rate, width, network_output, tangent_kernel
        return [
            f * (1 - h * kernel + correction * h * h * f * f / n),
            kernel + h * f * f * (h * kernel - first) / n,
        ]

    return value


CATAPULT = Law(
    id="principal_flow.catapult.map",
    title="Exact map of the catapult model",
    statement="loss f^2/2, f = u.v/sqrt n: f' = f (1 - h l + h^2 f^2/n), l' = l + h f^2 (h l - 4)/n",
    quantity=sp.Symbol("(f', l')"),
    parameters=(_H, _WIDTH, _OUTPUT, _KERNEL),
    derive=_catapult_steps,
    definition=_catapult_definition,
    sources=(s.LEWKOWYCZ,),
    mutants=(
        mutant_value("h l - 2", _catapult_map(2.0, 1.0)),
        mutant_value("no h^2 f^2/n", _catapult_map(4.0, 0.0)),
    ),
    rungs=("algebra", "net"),
    constraints=(
        Constraint(
            lambda v: 2 * abs(v["network_output"]) <= math.sqrt(v["width"]) * v["tangent_kernel"],
            "2 |network_output| must not exceed sqrt(width) * tangent_kernel; no weights have these values otherwise",
        ),
    ),
    priority="B",
)


def _threshold_steps() -> Derivation:
    """The kernel falls as long as h l < 4: at infinite width the loss falls again once h l < 2."""
    change = _catapult_steps().result[1] - _l
    zero = sp.solve(sp.Eq(sp.simplify(change / (s.h * _f**2 / _n)), 0), s.h)[0]
    return derivation(
        ("change of the kernel", change, "catapult.map"),
        ("largest learning rate", zero, "the kernel must fall while the output is large"),
    )


def _threshold_definition(tangent_kernel: Any) -> Any:
    """Bisection of the convergence of literal gradient descent on the weights at n = 10^10 and f_0 = 1e-3."""
    kernel, n = float(tangent_kernel), 1e10

    def converges(h: float) -> bool:
        u, v = _weights(n, 1e-3, kernel)
        for _ in range(3000):
            u, v = _descended(h, n, u, v)
            f, current = _observed(n, u, v)
            if not abs(f) < 1e12:
                return False
            if h * current < 2 and abs(f) < 1e-3:
                return True
        return h * current < 2

    low, high = 1 / kernel, 8 / kernel
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if converges(middle) else (low, middle)
    return mpmath.mpf((low + high) / 2)


THRESHOLD = Law(
    id="principal_flow.catapult.threshold",
    title="Largest learning rate from which the catapult returns",
    statement="gradient descent converges iff h < 4/l_0, for small f_0 and large n (value: 4/l_0)",
    quantity=sp.Symbol("h_max"),
    parameters=(_KERNEL,),
    derive=_threshold_steps,
    definition=_threshold_definition,
    sources=(s.LEWKOWYCZ,),
    mutants=(
        mutant_value("2/l_0", lambda tangent_kernel: 2 / tangent_kernel),
        mutant_value("12/l_0", lambda tangent_kernel: 12 / tangent_kernel),
        mutant_value("1/l_0", lambda tangent_kernel: 1 / tangent_kernel),
    ),
    rungs=("algebra", "chain"),
    regime=Regime("width -> infinity, f_0 -> 0", "O(f_0^2/n)"),
    gate_points=6,
    priority="B",
)

_u, _v, _y = sp.symbols("u v y", real=True)
_FIRST = Parameter("first_weight", _u, "weight u", real(-1.8, 1.8))
_SECOND = Parameter("second_weight", _v, "weight v", real(-1.8, 1.8))
_TARGET = Parameter("target", _y, "target y of (u v - y)^2/2", positive(0.4, 1.6))


def _imbalance_steps() -> Derivation:
    loss = (_u * _v - _y) ** 2 / 2
    new = (_u - s.h * sp.diff(loss, _u), _v - s.h * sp.diff(loss, _v))
    return derivation(
        ("loss", loss, "scalar factorisation"),
        ("update", sp.Tuple(*new), "gradient descent"),
        (
            "imbalance",
            sp.factor(sp.expand(new[0] ** 2 - new[1] ** 2)),
            "Q' = u'^2 - v'^2 = Q (1 - h^2 r^2), r = u v - y",
        ),
    )


def _imbalance_definition(learning_rate: Any, first_weight: Any, second_weight: Any, target: Any) -> Any:
    residual = first_weight * second_weight - target
    u = first_weight - learning_rate * residual * second_weight
    v = second_weight - learning_rate * residual * first_weight
    return u * u - v * v


def _imbalance(factor: Any) -> Any:
    def value(learning_rate: float, first_weight: float, second_weight: float, target: float) -> float:
        r = first_weight * second_weight - target
        return (first_weight**2 - second_weight**2) * factor(learning_rate, r)

    return value


IMBALANCE = Law(
    id="principal_flow.scalar_factor.imbalance_map",
    title="The imbalance of a scalar factorisation after one step",
    statement="Q = u^2 - v^2: Q' = Q (1 - h^2 r^2), r = u v - y",
    quantity=sp.Symbol("Q'"),
    parameters=(_H, _FIRST, _SECOND, _TARGET),
    derive=_imbalance_steps,
    definition=_imbalance_definition,
    sources=(s.KREISLER,),
    mutants=(
        mutant_value("(1 - h r)^2", _imbalance(lambda h, r: (1 - h * r) ** 2)),
        mutant_value("1 - h^2 r", _imbalance(lambda h, r: 1 - h * h * r)),
    ),
    rungs=("algebra", "chain"),
    priority="B",
)


def _gfs_steps() -> Derivation:
    q, total = sp.Symbol("Q", real=True), sp.Symbol("S", positive=True)
    loss = (_u * _v - _y) ** 2 / 2
    hess = sp.hessian(loss, (_u, _v)).subs(_u * _v, _y)
    sharpness = _u**2 + _v**2
    at_end = sp.solve(sp.Eq(total**2, q**2 + 4 * _y**2), total)
    positive_end = sp.sqrt(q**2 + 4 * _y**2) if at_end else total
    return derivation(
        ("Hessian at u v = y", sp.ImmutableMatrix(hess), "rank one on the minimum"),
        ("sharpness", sharpness, "trace of the Hessian at a minimum"),
        ("identity", sp.Eq(total**2, q**2 + 4 * _y**2), "(u^2+v^2)^2 = (u^2-v^2)^2 + 4 u^2 v^2"),
        ("limit of the gradient flow", positive_end.subs(q, _u**2 - _v**2), "Q is conserved by the gradient flow"),
    )


def _gfs_definition(first_weight: Any, second_weight: Any, target: Any) -> Any:
    """Integrate the gradient flow of both weights to its end, then take the top of the Hessian there."""
    y = float(target)

    def slope(_: float, state: Any) -> list[float]:
        r = state[0] * state[1] - y
        return [-r * state[1], -r * state[0]]

    from scipy.integrate import solve_ivp

    def rest(_: float, state: Any) -> float:
        return abs(state[0] * state[1] - y) - 1e-12

    rest.terminal = True  # type: ignore[attr-defined]
    start = [float(first_weight), float(second_weight)]
    options = {"method": "DOP853", "rtol": 1e-13, "atol": 1e-15, "events": rest}
    a, c = map(mpmath.mpf, map(float, solve_ivp(slope, (0.0, 1e5), start, **options).y[:, -1]))
    hess = mpmath.matrix([[c * c, 2 * a * c - y], [2 * a * c - y, a * a]])
    return max(mpmath.eigsy(hess, eigvals_only=True))


GFS = Law(
    id="principal_flow.scalar_factor.gradient_flow_sharpness",
    title="Sharpness of the minimum that the gradient flow reaches",
    statement="sqrt(Q^2 + 4 y^2), Q = u^2 - v^2; along gradient descent it does not grow while |h r| < sqrt 2",
    quantity=sp.Symbol("S"),
    parameters=(_FIRST, _SECOND, _TARGET),
    derive=_gfs_steps,
    definition=_gfs_definition,
    sources=(s.KREISLER,),
    mutants=(
        mutant_value("sqrt(Q^2 + 4)", lambda first_weight, second_weight, target: math.sqrt(
            (first_weight**2 - second_weight**2) ** 2 + 4)),
        mutant_value("u^2 + v^2 at the start", lambda first_weight, second_weight, target: (
            first_weight**2 + second_weight**2)),
    ),
    rungs=("algebra", "flow", "chain"),
    constraints=(Constraint(lambda v: abs(v["first_weight"] + v["second_weight"]) > 1e-3,
                            "first_weight + second_weight must not be 0 (the flow ends in the saddle)"),),
    priority="B",
)  # fmt: skip

LAWS = (CATAPULT, THRESHOLD, IMBALANCE, GFS)
