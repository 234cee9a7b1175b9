"""The sharpness on the orbit of a two-layer linear network: flattest point, and where the noise equilibrium lies."""

from __future__ import annotations

from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.evaluation import to_mp
from theory.law import Law, mutant_result, mutant_value
from theory.source import DERIVED
from theory.symmetry import parameters as p
from theory.symmetry.covariances import (
    FACTOR_SHAPES,
    VECTOR_SHAPES,
    covariance_constraint,
    first_weights,
    input_covariance,
    residual_covariance,
    second_weights,
)
from theory.symmetry.identities import require_zero
from theory.symmetry.linear_algebra import to_matrix, trace
from theory.symmetry.noise import LAMBDA, SDE
from theory.symmetry.two_layer import (
    DY,
    NU,
    QU,
    QW,
    SE,
    SX,
    A,
    B,
    bracketed_root,
    evaluate_vectors,
    rank_one_drift,
    rank_one_position,
)

_INPUT = covariance_constraint("input_covariance")
_BOTH = covariance_constraint("input_covariance", "residual_covariance")
_VECTORS = (first_weights, second_weights, input_covariance, residual_covariance)


def trace_on_orbit() -> sp.Expr:
    """Return Tr H(lambda) in a = Tr W S_x W^T, b = |U|^2 Tr S_x and d_y."""
    return 2 * (DY * A * sp.exp(-2 * LAMBDA) + B * sp.exp(2 * LAMBDA))


def _derive_trace() -> Derivation:
    u, w = (sp.Matrix(2, 2, sp.symbols(f"{n}11 {n}12 {n}21 {n}22", real=True)) for n in "UW")
    v = sp.Matrix(2, 2, sp.symbols("V11 V12 V21 V22", real=True))
    s = sp.Matrix([[sp.Symbol("S11"), sp.Symbol("S12")], [sp.Symbol("S12"), sp.Symbol("S22")]])
    loss = ((u * w - v) * s * (u * w - v).T).trace()
    total = sum(sp.diff(loss, q, 2) for q in [*u, *w])
    a, b = (w * s * w.T).trace(), (u.T * u).trace() * s.trace()
    require_zero(total - 2 * (2 * a + b), "the trace of the Hessian minus 2 [d_y a + b] at d_y = 2")
    return derivation(
        ("loss", sp.Symbol("Tr[(U W - V) S_x (U W - V)^T]"), "mean of |y - U W x|^2 up to a constant"),
        ("Tr H", 2 * (DY * A + B), "second derivatives in all entries; a = Tr W S_x W^T, b = |U|^2 Tr S_x"),
    )


def _forms(values: dict[str, Any]) -> tuple[Any, Any, Any]:
    u, w, s = (to_matrix(to_mp(values[k])) for k in ("first_factor", "second_factor", "input_covariance"))
    return trace(w * s * w.T), trace(u.T * u) * trace(s), mpmath.mpf(u.rows)


def _evaluate_trace(result: Derivation, values: dict[str, Any], digits: int) -> Any:
    with mpmath.workdps(digits + 10):
        a, b, d = _forms(values)
        return sp.lambdify((A, B, DY), result.result, "mpmath")(a, b, d)


def hessian_trace_by_differences(u: Any, w: Any, s: Any) -> Any:
    """Return Tr H at V = U W: the loss is quadratic in every single entry, so second differences are exact."""
    target = u * w

    def loss() -> Any:
        gap = u * w - target
        return trace(gap * s * gap.T)

    total, base, h = mpmath.mpf(0), loss(), mpmath.mpf("0.5")
    for m in (u, w):
        for i in range(m.rows):
            for j in range(m.cols):
                kept = m[i, j]
                m[i, j] = kept + h
                above = loss()
                m[i, j] = kept - h
                total += (above + loss() - 2 * base) / h**2
                m[i, j] = kept
    return total


def _define_trace(first_factor: Any, second_factor: Any, input_covariance: Any) -> Any:
    return hessian_trace_by_differences(*map(to_matrix, (first_factor, second_factor, input_covariance)))


_MATRICES = (p.first_factor, p.second_factor, input_covariance)
hessian_trace = Law(
    id="symmetry.two_layer_linear.hessian_trace",
    title="trace of the Hessian of a two-layer linear network at a global minimum",
    statement="at U W = V: Tr H = 2 [d_y Tr(W S_x W^T) + |U|_F^2 Tr S_x] (loss without 1/2)",
    quantity=sp.Symbol("TrH"),
    parameters=_MATRICES,
    derive=_derive_trace,
    definition=_define_trace,
    evaluator=_evaluate_trace,
    sources=(p.ZIYIN,),
    mutants=(
        mutant_value("no d_y", lambda **v: float(2 * (_forms(v)[0] + _forms(v)[1]))),
        mutant_result("factor 1", lambda value, **_: value / 2),
    ),
    constraints=(FACTOR_SHAPES, _INPUT),
    rungs=("algebra", "net"),
    gate_points=10,
)


def _derive_flattest() -> Derivation:
    slope = sp.diff(trace_on_orbit(), LAMBDA)
    e4 = sp.Symbol("E", positive=True)
    linear = sp.expand(slope * sp.exp(2 * LAMBDA)).subs(sp.exp(4 * LAMBDA), e4)
    return derivation(
        ("Tr H on the orbit", trace_on_orbit(), "U e^lambda, W e^-lambda"),
        ("slope", slope, "differentiate"),
        ("lambda of the minimum", sp.log(sp.solve(linear, e4)[0]) / 4, "linear in e^{4 lambda}"),
    )


def _define_flattest(first_factor: Any, second_factor: Any, input_covariance: Any) -> Any:
    u, w, s = map(to_matrix, (first_factor, second_factor, input_covariance))
    step = mpmath.mpf("0.25")

    def slope(x: Any) -> Any:
        ends = [hessian_trace_by_differences(u * mpmath.exp(x + d), w * mpmath.exp(-x - d), s) for d in (step, -step)]
        # a e^{-2x} + b e^{2x} is flat where it is symmetric, so the symmetric difference vanishes exactly there
        return ends[1] - ends[0]

    return bracketed_root(slope)


flattest_point = Law(
    id="symmetry.two_layer_linear.flattest_point",
    title="flattest point on the orbit of a two-layer linear network",
    statement="Tr H on U e^lambda, W e^-lambda is smallest at e^{4 lambda} = d_y Tr(W S_x W^T)/(|U|^2 Tr S_x); value lambda",
    quantity=sp.Symbol("lambda_min"),
    parameters=_MATRICES,
    derive=_derive_flattest,
    definition=_define_flattest,
    evaluator=_evaluate_trace,
    sources=(p.ZIYIN,),
    mutants=(mutant_value("a/b", lambda **v: float(mpmath.log(_forms(v)[0] / _forms(v)[1]) / 4)),),
    constraints=(FACTOR_SHAPES, _INPUT),
    gate_points=4,
)


def _derive_ratio() -> Derivation:
    forms = {A: QW, B: NU * SX}
    flattest = sp.log(DY * QW / (NU * SX)) / 4
    here, best = (trace_on_orbit().subs(forms).subs(LAMBDA, x) for x in (rank_one_position(), flattest))
    r = sp.Symbol("r", positive=True)
    ratio = sp.simplify((here / best).subs(QU, r * NU * SE / DY))
    return derivation(
        ("Tr H at lambda*", here, "rank one: a = w^T S_x w, b = |u|^2 Tr S_x"),
        ("in r", ratio, "r = (u^T S_e u/|u|^2)/(Tr S_e/d_y)"),
        ("ratio", ratio.subs(r, QU * DY / (NU * SE)), "insert r"),
    )


def _hessian_of_vectors(values: dict[str, Any], position: Any) -> Any:
    grow = mpmath.exp(position)
    u = mpmath.matrix([[x * grow] for x in to_mp(values["first_weights"])])
    w = mpmath.matrix([[x / grow for x in to_mp(values["second_weights"])]])
    return hessian_trace_by_differences(u, w, to_matrix(to_mp(values["input_covariance"])))


def _define_ratio(first_weights: Any, residual_covariance: Any) -> Any:
    values = {"first_weights": first_weights, "residual_covariance": residual_covariance,
              "second_weights": [mpmath.mpf("0.7"), mpmath.mpf("-1.1")],
              "input_covariance": [[mpmath.mpf("0.9"), mpmath.mpf("0.3")], [mpmath.mpf("0.3"), mpmath.mpf("1.6")]]}  # fmt: skip
    here = bracketed_root(rank_one_drift(values))
    step = mpmath.mpf("0.25")
    best = bracketed_root(lambda x: _hessian_of_vectors(values, x - step) - _hessian_of_vectors(values, x + step))
    return _hessian_of_vectors(values, here) / _hessian_of_vectors(values, best)


def _r_squared(first_weights: Any, residual_covariance: Any) -> float:
    n, s = sum(x * x for x in first_weights), residual_covariance
    size = range(len(first_weights))
    q = sum(first_weights[i] * s[i][j] * first_weights[j] for i in size for j in size)
    r = q / n * len(first_weights) / sum(s[i][i] for i in size)
    return (r + 1 / r) / 2


sharpness_ratio = Law(
    id="symmetry.two_layer_linear.sharpness_ratio",
    title="sharpness at the noise equilibrium against the flattest point, width one",
    statement="Tr H(lambda*)/min = (r^{1/2} + r^{-1/2})/2, r = (u^T S_e u/|u|^2)/(Tr S_e/d_y); "
    "isotropic label noise: exactly the flattest point",
    quantity=sp.Symbol("sharpness_ratio"),
    parameters=(first_weights, residual_covariance),
    derive=_derive_ratio,
    definition=_define_ratio,
    evaluator=evaluate_vectors,
    sources=(DERIVED,),
    mutants=(
        mutant_value("r^2 for r", _r_squared),
        mutant_result("always the flattest point", lambda value, **_: 1.0),
    ),
    regime=SDE,
    constraints=(VECTOR_SHAPES, covariance_constraint("residual_covariance")),
    rungs=("algebra", "sgd"),
    gate_points=4,
)


def _derive_sign() -> Derivation:
    forms = {A: QW, B: NU * SX}
    here = trace_on_orbit().subs(forms)
    change = sp.log(sp.simplify(here.subs(LAMBDA, rank_one_position()) / here.subs(LAMBDA, 0)))
    return derivation(
        ("Tr H on the orbit", here, "rank one"),
        ("ln Tr H(lambda*) - ln Tr H(0)", change, "start at lambda = 0; positive: the noise sharpens"),
    )


def _define_sign(**values: Any) -> Any:
    here = bracketed_root(rank_one_drift(values))
    return mpmath.log(_hessian_of_vectors(values, here) / _hessian_of_vectors(values, mpmath.mpf(0)))


sharpening_sign = Law(
    id="symmetry.two_layer_linear.sharpening_sign",
    title="gradient noise alone flattens or sharpens, depending on the label covariance",
    statement="ln Tr H(lambda*)/Tr H(0) from a start at lambda = 0: negative (flattening) if lambda* lies towards the "
    "flattest point, positive (progressive sharpening by noise) if it lies beyond or away from it",
    quantity=sp.Symbol("change_of_sharpness"),
    parameters=_VECTORS,
    derive=_derive_sign,
    definition=_define_sign,
    evaluator=evaluate_vectors,
    sources=(p.ZIYIN,),
    mutants=(
        mutant_result("always flattens", lambda value, **_: -abs(value)),
        mutant_result("noise leaves the sharpness alone", lambda value, **_: 0.0),
    ),
    regime=SDE,
    constraints=(VECTOR_SHAPES, _BOTH),
    rungs=("algebra", "flow", "sgd"),
    gate_points=4,
)


LAWS = (hessian_trace, flattest_point, sharpness_ratio, sharpening_sign)
