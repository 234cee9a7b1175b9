"""Two-layer linear networks under label noise: noise balance, and what the noise equilibrium does to the sharpness."""

from __future__ import annotations

from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.evaluation import to_mp
from theory.law import Law, mutant_parameters, mutant_result, mutant_value
from theory.source import DERIVED
from theory.symmetry import parameters as p
from theory.symmetry.covariances import (
    FACTOR_SHAPES,
    VECTOR_SHAPES,
    atoms,
    covariance_constraint,
    first_weights,
    input_covariance,
    residual_covariance,
    second_weights,
)
from theory.symmetry.identities import require_zero
from theory.symmetry.linear_algebra import to_lists, to_matrix, trace
from theory.symmetry.matrix_factorisation import geometric_mean
from theory.symmetry.noise import LAMBDA, SDE
from theory.symmetry.process_oracles import balanced_norms

_COVARIANCES = covariance_constraint("input_covariance", "residual_covariance")
_MATRICES = (p.first_factor, p.second_factor, input_covariance, residual_covariance)
_VECTORS = (first_weights, second_weights, input_covariance, residual_covariance)
A, B, DY, SX, SE, QW, QU, NU, NW = sp.symbols("a b d_y s_x s_e q_w q_u n_u n_w", positive=True)


def _column(values: Any) -> Any:
    return mpmath.matrix([[x] for x in to_mp(values)])


def label_noise_forms(u: Any, w: Any, s_x: Any, s_e: Any) -> tuple[Any, Any]:
    """Return E g_U^T g_U and E g_W g_W^T over all pairs of an input and a label error at the global minimum."""
    first, second, count = mpmath.zeros(u.cols), mpmath.zeros(u.cols), 0
    for x in atoms(s_x):
        for e in atoms(s_e):
            # l = |y - U W x|^2 with residual -e: dl/d(UW) = -2 e x^T
            g_u, g_w = -2 * e * (w * x).T, -2 * (u.T * e) * x.T
            first, second, count = first + g_u.T * g_u, second + g_w * g_w.T, count + 1
    return first / count, second / count


def _derive_noise_balance() -> Derivation:
    x, e = sp.Matrix(sp.symbols("x1:3", real=True)), sp.Matrix(sp.symbols("e1:3", real=True))
    u, w = (sp.Matrix(2, 2, sp.symbols(f"{n}11 {n}12 {n}21 {n}22", real=True)) for n in "UW")
    y = sp.Matrix(sp.symbols("y1:3", real=True))
    loss = sum((v - f) ** 2 for v, f in zip(y, u * w * x, strict=True))
    at_minimum = dict(zip(y, u * w * x + e, strict=True))
    g_u, g_w = (m.applyfunc(lambda q: sp.diff(loss, q)).subs(at_minimum, simultaneous=True) for m in (u, w))
    for entry in (g_u.T * g_u - 4 * (e.T * e)[0] * w * x * x.T * w.T).flat():
        require_zero(entry, "an entry of the noise of U")
    for entry in (g_w * g_w.T - 4 * (x.T * x)[0] * u.T * e * e.T * u).flat():
        require_zero(entry, "an entry of the noise of W")
    wsw, usu = sp.symbols("WSW USU", commutative=False)
    return derivation(
        ("noise of U", 4 * SE * wsw, "g_U^T g_U = 4 |e|^2 W x x^T W^T; e and x independent, s_e = Tr S_e"),
        ("noise of W", 4 * SX * usu, "g_W g_W^T = 4 |x|^2 U^T e e^T U, s_x = Tr S_x"),
        ("difference", 4 * SE * wsw - 4 * SX * usu, "zero at equilibrium: W S_x W^T/Tr S_x = U^T S_e U/Tr S_e"),
    )


def _difference(first_factor: Any, second_factor: Any, input_covariance: Any, residual_covariance: Any,
                wrong: str = "") -> Any:  # fmt: skip
    u, w, s_x, s_e = (to_matrix(to_mp(m)) for m in (first_factor, second_factor, input_covariance, residual_covariance))
    if wrong == "exchanged":
        s_x, s_e = s_e, s_x
    if wrong == "norms":
        return w * w.T - u.T * u
    t_x, t_e = (1, 1) if wrong == "traces" else (trace(s_x), trace(s_e))
    return 4 * (t_e * w * s_x * w.T - t_x * u.T * s_e * u)


def _evaluate_balance(_: Derivation, values: dict[str, Any], digits: int) -> Any:
    with mpmath.workdps(digits + 10):
        return to_lists(_difference(**values))


def _define_balance(first_factor: Any, second_factor: Any, input_covariance: Any, residual_covariance: Any) -> Any:
    first, second = label_noise_forms(*map(to_matrix, (first_factor, second_factor, input_covariance,
                                                       residual_covariance)))  # fmt: skip
    return to_lists(first - second)


def _wrong_difference(wrong: str) -> Any:
    return lambda **v: [[float(x) for x in row] for row in to_lists(_difference(**v, wrong=wrong))]


noise_balance = Law(
    id="symmetry.two_layer_linear.noise_balance",
    title="noise balance of a two-layer linear network under label noise",
    statement="l = |y - U W x|^2, wd = 0, label noise independent of x, at the global minimum: equilibrium where "
    "W S_x W^T/Tr S_x = U^T S_e U/Tr S_e; value: noise of U minus noise of W, 4 Tr S_e W S_x W^T - 4 Tr S_x U^T S_e U",
    quantity=sp.Symbol("noise_difference", commutative=False),
    parameters=_MATRICES,
    derive=_derive_noise_balance,
    definition=_define_balance,
    evaluator=_evaluate_balance,
    sources=(p.ZIYIN,),
    mutants=(
        mutant_value("S_x and S_e exchanged", _wrong_difference("exchanged")),
        mutant_value("no traces", _wrong_difference("traces")),
        mutant_value("U^T U = W W^T", _wrong_difference("norms")),
    ),
    regime=SDE,
    constraints=(FACTOR_SHAPES, _COVARIANCES),
    rungs=("algebra", "flow", "sgd"),
    gate_points=10,
)


def vector_forms(values: dict[str, Any]) -> dict[Any, Any]:
    """Return the scalars through which the rank-one laws see vectors and covariances."""
    u, s_e = _column(values["first_weights"]), to_matrix(to_mp(values["residual_covariance"]))
    forms = {QU: (u.T * s_e * u)[0], SE: trace(s_e), NU: (u.T * u)[0], DY: mpmath.mpf(u.rows)}
    if "second_weights" in values:
        w, s_x = _column(values["second_weights"]), to_matrix(to_mp(values["input_covariance"]))
        forms |= {QW: (w.T * s_x * w)[0], SX: trace(s_x), NW: (w.T * w)[0]}
    return forms


def evaluate_vectors(result: Derivation, values: dict[str, Any], digits: int) -> Any:
    """Evaluate the closed form of a rank-one law."""
    with mpmath.workdps(digits + 10):
        forms = {**vector_forms(values), p.ETA: to_mp(values.get("learning_rate", 1)),
                 p.BATCH: to_mp(values.get("batch_size", 1))}  # fmt: skip
        form = result.result
        parts = form if isinstance(form, sp.Tuple) else (form,)
        symbols = tuple(forms)
        numbers = [sp.lambdify(symbols, part, "mpmath")(*forms.values()) for part in parts]
        return numbers if isinstance(form, sp.Tuple) else numbers[0]


def rank_one_position() -> sp.Expr:
    """Return lambda* where 4 Tr S_e q_w e^{-2 lambda} = 4 Tr S_x q_u e^{2 lambda}."""
    e4 = sp.Symbol("E", positive=True)
    return sp.log(sp.solve(SE * QW - SX * QU * e4, e4)[0]) / 4


def _derive_rank_one() -> Derivation:
    drift = 4 * SE * QW * sp.exp(-2 * LAMBDA) - 4 * SX * QU * sp.exp(2 * LAMBDA)
    return derivation(
        (
            "drift over T on the orbit",
            drift,
            "q_w = w^T S_x w, q_u = u^T S_e u, s = traces; noise shrinks as its block grows",
        ),
        ("lambda*", rank_one_position(), "linear in e^{4 lambda}"),
    )


def rank_one_drift(values: dict[str, Any]) -> Any:
    """Return the drift over T at a point of the orbit, enumerating inputs and label errors."""
    u, w = _column(values["first_weights"]), _column(values["second_weights"]).T
    s_x, s_e = to_matrix(to_mp(values["input_covariance"])), to_matrix(to_mp(values["residual_covariance"]))

    def drift(position: Any) -> Any:
        grow = mpmath.exp(position)
        first, second = label_noise_forms(u * grow, w / grow, s_x, s_e)
        return first[0] - second[0]

    return drift


def bracketed_root(function: Any) -> Any:
    """Return the zero of a decreasing function."""
    low, high = mpmath.mpf(-2), mpmath.mpf(2)
    while function(low) < 0:
        low *= 2
    while function(high) > 0:
        high *= 2
    return mpmath.findroot(function, (low, high), solver="anderson", tol=mpmath.mpf(10) ** (-2 * mpmath.mp.dps + 4))


rank_one_equilibrium = Law(
    id="symmetry.two_layer_linear.rank_one_equilibrium",
    title="noise equilibrium of a two-layer linear network of width one",
    statement="U = u, W = w^T, label noise, wd = 0: lambda* = (1/4) ln[w^T S_x w Tr S_e/(u^T S_e u Tr S_x)]",
    quantity=sp.Symbol("lambda_star"),
    parameters=_VECTORS,
    derive=_derive_rank_one,
    definition=lambda **v: bracketed_root(rank_one_drift(v)),
    evaluator=evaluate_vectors,
    sources=(p.ZIYIN,),
    mutants=(
        mutant_result("1/2 for 1/4", lambda value, **_: 2 * value),
        mutant_parameters("S_e and S_x swapped", lambda v: {"input_covariance": v["residual_covariance"],
                                                            "residual_covariance": v["input_covariance"]}),
    ),
    regime=SDE,
    constraints=(VECTOR_SHAPES, _COVARIANCES),
    rungs=("algebra", "sgd"),
    gate_points=6,
)  # fmt: skip


def _spread(p_matrix: Any, inner: Any) -> Any:
    """Return r Tr K^2/(Tr K)^2 - 1 of K = M^T inner M, M M^T = P: zero if and only if K is a multiple of I."""
    k = p_matrix * inner
    return k.rows * trace(k * k) / trace(k) ** 2 - 1


def _sides(values: dict[str, Any]) -> tuple[Any, ...]:
    u, w, s_x, s_e = (to_matrix(to_mp(values[q.key])) for q in _MATRICES)
    return u, w, s_x, s_e, trace(s_x) * u.T * s_e * u, trace(s_e) * w * s_x * w.T


def _evaluate_representation(_: Derivation, values: dict[str, Any], digits: int) -> Any:
    with mpmath.workdps(digits + 10):
        u, _w, _sx, s_e, x, y = _sides(values)
        return _spread(geometric_mean(x, y), u.T * s_e * u)


def _define_representation(**values: Any) -> Any:
    """Spread of W S_x W^T at the point of the orbit where the enumerated noises of U and W are equal."""
    u, w, s_x, s_e = (to_matrix(to_mp(values[q.key])) for q in _MATRICES)

    def difference(first: Any, second: Any) -> Any:
        one, other = label_noise_forms(first, second, s_x, s_e)
        return one - other

    _, end = balanced_norms(difference, u, w)
    k = end * s_x * end.T
    return k.rows * trace(k * k) / trace(k) ** 2 - 1


def _weights_only(**values: Any) -> float:
    _u, w, _sx, _se, x, y = _sides(values)
    return float(_spread(geometric_mean(x, y) ** -1, w * w.T))


def _derive_representation() -> Derivation:
    k, c = sp.Symbol("K", commutative=False), sp.Symbol("c", positive=True)
    spread = sp.Symbol("r") * sp.Symbol("Tr[K^2]") / sp.Symbol("Tr[K]") ** 2 - 1
    return derivation(
        ("W S_x W^T at equilibrium", c * k, "c K with K = U^T S_e U, c = Tr S_x/Tr S_e"),
        ("spread of the eigenvalues", spread, "invariant under c and under rotations of the hidden units"),
    )


representation = Law(
    id="symmetry.two_layer_linear.representation",
    title="the noise equilibrium makes the hidden representation as isotropic as the seen label noise",
    statement="at equilibrium W S_x W^T is proportional to U^T S_e U, so one is a multiple of I iff the other is; "
    "value: r Tr K^2/(Tr K)^2 - 1 of K = U^T S_e U at the equilibrium reached from (U, W), equal to that of W S_x W^T",
    quantity=sp.Symbol("spread"),
    parameters=_MATRICES,
    derive=_derive_representation,
    definition=_define_representation,
    evaluator=_evaluate_representation,
    sources=(p.ZIYIN, DERIVED),
    mutants=(mutant_value("W W^T for W S_x W^T", _weights_only),),
    assumptions=(
        "the charges rest: Hessian and noise covariance commute next to the minimum (two_layer_linear.rotation)",
    ),
    regime=SDE,
    constraints=(FACTOR_SHAPES, _COVARIANCES),
    rungs=("algebra", "sgd"),
    gate_points=10,
)
LAWS = (noise_balance, rank_one_equilibrium, representation)
