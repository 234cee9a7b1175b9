"""Matrix charges under gradient noise: their SDE law, the balance at equilibrium, and the equilibrium itself."""

from __future__ import annotations

from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.errors import DerivationError
from theory.evaluation import to_mp
from theory.law import Law, mutant_parameters, mutant_value
from theory.parameter import Constraint
from theory.source import DERIVED
from theory.symmetry import parameters as p
from theory.symmetry.covariances import (
    FACTOR_SHAPES,
    SAME_TRACE,
    covariance_constraint,
    first_noise_matrix,
    matrix_atoms,
    second_noise_matrix,
)
from theory.symmetry.identities import require_zero
from theory.symmetry.linear_algebra import require_positive, symmetric_function, to_lists, to_matrix, trace
from theory.symmetry.noise import SDE
from theory.symmetry.process_oracles import balanced_norms

_PARAMETERS = (p.first_factor, p.second_factor, first_noise_matrix, second_noise_matrix, p.learning_rate, p.batch_size,
               p.weight_decay)  # fmt: skip
_KEYS = ("first_factor", "second_factor", "first_noise_matrix", "second_noise_matrix")
_CONSTRAINTS = (FACTOR_SHAPES, covariance_constraint("first_noise_matrix", "second_noise_matrix"))


def _read(values: dict[str, Any]) -> tuple[Any, ...]:
    matrices = (to_matrix(to_mp(values[k])) for k in _KEYS)
    return (*matrices, to_mp(values["learning_rate"]) / to_mp(values["batch_size"]), to_mp(values["weight_decay"]))


def _lists(m: Any) -> list[list[float]]:
    return [[float(x) for x in row] for row in to_lists(m)]


def _ito_identity() -> None:
    """Check entry by entry that one noise matrix G moves U^T U - W W^T by W G^T G W^T - U^T G G^T U."""
    u, w, g = (sp.Matrix(2, 2, sp.symbols(f"{n}11 {n}12 {n}21 {n}22", real=True)) for n in "UWG")
    loss = sum(g[i, j] * (u * w)[i, j] for i in range(2) for j in range(2))
    du, dw = (m.applyfunc(lambda e: sp.diff(loss, e)) for m in (u, w))
    for entry in (du.T * du - dw * dw.T - (w * g.T * g * w.T - u.T * g * g.T * u)).flat():
        require_zero(entry, "an entry of the Ito term")
    # the drift part: 2 Sym(U^T grad_U - grad_W W^T) vanishes for every loss of U W
    for entry in (u.T * du + du.T * u - dw * w.T - w * dw.T).flat():
        require_zero(entry, "an entry of the drift")


_Q, _NU, _NW = sp.symbols("Q N_U N_W", commutative=False)


def _derive_sde() -> Derivation:
    _ito_identity()
    return derivation(
        ("Ito term of one noise matrix", _NW - _NU, "W G^T G W^T - U^T G G^T U, checked entry by entry at 2 x 2"),
        ("dQ/dt", -2 * p.DECAY * _Q + p.ETA / p.BATCH * (_NW - _NU),
         "Q = U^T U - W W^T, N_W = W Gamma_W W^T, N_U = U^T Gamma_U U; the loss drops out"),
    )  # fmt: skip


def _sde_value(values: dict[str, Any], wrong: str = "") -> Any:
    u, w, first, second, t, decay = _read(values)
    if wrong == "transposed":
        first, second = second, first
    drift = -2 * decay * (u.T * u - w * w.T) + t * (w * second * w.T - u.T * first * u)
    if wrong == "trace":
        drift = mpmath.eye(drift.rows) * trace(drift) / drift.rows
    return drift


def _evaluate_sde(_: Derivation, values: dict[str, Any], digits: int) -> Any:
    with mpmath.workdps(digits + 10):
        return to_lists(_sde_value(values))


def _generator(first_factor: Any, second_factor: Any, first_noise_matrix: Any, second_noise_matrix: Any,
               learning_rate: Any, batch_size: Any, weight_decay: Any) -> Any:  # fmt: skip
    """Mean change of U^T U - W W^T per time over a finite ensemble of noise, extrapolated in dt."""
    u, w, first, second = map(to_matrix, (first_factor, second_factor, first_noise_matrix, second_noise_matrix))
    samples = matrix_atoms(first, second)
    mean = to_matrix([[mpmath.mpf(3) / (2 + i + 2 * j) for j in range(w.cols)] for i in range(u.rows)])

    def rate(dt: Any) -> Any:
        size = mpmath.sqrt(learning_rate / batch_size * dt)
        total = mpmath.zeros(u.cols)
        for g in samples:
            kick = dt * mean + size * g
            a = (1 - dt * weight_decay) * u - kick * w.T
            b = (1 - dt * weight_decay) * w - u.T * kick
            total += a.T * a - b * b.T
        return (total / len(samples) - (u.T * u - w * w.T)) / dt

    dt = mpmath.mpf("0.01")
    return 2 * rate(dt / 2) - rate(dt)


charge_sde = Law(
    id="symmetry.matrix_factorisation.charge_sde",
    title="the matrix charge under the SDE of SGD",
    statement="d/dt (U^T U - W W^T) = -2 wd (U^T U - W W^T) + T (W Gamma_W W^T - U^T Gamma_U U), T = eta/S",
    quantity=sp.Symbol("dQ/dt", commutative=False),
    parameters=_PARAMETERS,
    derive=_derive_sde,
    definition=lambda **v: to_lists(_generator(**v)),
    evaluator=_evaluate_sde,
    sources=(p.ZIYIN,),
    mutants=(
        mutant_value("Gammas exchanged", lambda **v: _lists(_sde_value(v, "transposed"))),
        mutant_value("trace only", lambda **v: _lists(_sde_value(v, "trace"))),
    ),
    regime=SDE,
    constraints=(*_CONSTRAINTS, SAME_TRACE),
    rungs=("algebra", "flow"),
    gate_points=10,
)


def _derive_balance() -> Derivation:
    k = sp.Symbol("k", nonnegative=True)
    temperature = sp.Symbol("T", positive=True)
    u2, w2 = sp.symbols("U2 W2", commutative=False)
    drift = -2 * p.DECAY * (u2 - w2) + temperature * (_NW - _NU)
    scaled = sp.expand(-drift / temperature).subs(p.DECAY, k * temperature / 2)
    return derivation(
        ("drift of Q", drift, "U2 = U^T U, W2 = W W^T"),
        ("k", 2 * p.DECAY * p.BATCH / p.ETA, "2 wd/T"),
        ("imbalance", sp.expand(scaled), "U^T (Gamma_U + k I) U - W (Gamma_W + k I) W^T, zero at the equilibrium"),
    )


def _imbalance(values: dict[str, Any], factor: float = 1.0) -> Any:
    u, w, first, second, t, decay = _read(values)
    k = factor * 2 * decay / t
    return u.T * (first + k * mpmath.eye(u.rows)) * u - w * (second + k * mpmath.eye(w.cols)) * w.T


def _evaluate_balance(_: Derivation, values: dict[str, Any], digits: int) -> Any:
    with mpmath.workdps(digits + 10):
        return to_lists(_imbalance(values))


balance = Law(
    id="symmetry.matrix_factorisation.balance",
    title="balance of noise and norms at the noise equilibrium of a matrix factorisation",
    statement="at equilibrium U^T (Gamma_U + k I) U = W (Gamma_W + k I) W^T, k = 2 wd S/eta; value: left minus right = -dQ/dt/T",
    quantity=sp.Symbol("imbalance", commutative=False),
    parameters=_PARAMETERS,
    derive=_derive_balance,
    definition=lambda **v: to_lists(_generator(**v) * (-v["batch_size"] / v["learning_rate"])),
    evaluator=_evaluate_balance,
    sources=(p.ZIYIN,),
    mutants=(
        mutant_value("k/2", lambda **v: _lists(_imbalance(v, 0.5))),
        mutant_value("no decay in the balance", lambda **v: _lists(_imbalance(v, 0.0))),
    ),
    regime=SDE,
    constraints=(*_CONSTRAINTS, SAME_TRACE),
    rungs=("algebra", "flow", "sgd"),
    gate_points=10,
)


def _derive_equilibrium() -> Derivation:
    root, inner, y = sp.symbols("R S Y", commutative=False)
    # R = X^{1/2}, S = (R Y R)^{1/2}: the claimed P = R^{-1} S R^{-1} solves P X P = Y
    claimed = root**-1 * inner * root**-1
    left = (claimed * root**2 * claimed).subs(inner**2, root * y * root)
    if left != y:
        raise DerivationError(f"the geometric mean gives {left} instead of Y.")
    scalar_x, scalar_y, scalar_p = sp.symbols("x y p", positive=True)
    width_one = sp.solve(scalar_p**2 * scalar_x - scalar_y, scalar_p)[0]
    return derivation(
        ("Riccati equation", sp.Symbol("P X P - Y", commutative=False), "M^T X M = M^-1 Y M^-T with P = M M^T"),
        ("P", claimed, "R = X^{1/2}, S = (R Y R)^{1/2}; the unique positive solution"),
        ("P at width one", width_one, "geometric mean of 1/X and Y"),
    )


def geometric_mean(x: Any, y: Any) -> Any:
    """Return the positive solution P of P X P = Y."""
    root = symmetric_function(x, mpmath.sqrt)
    inverse = symmetric_function(x, lambda v: 1 / mpmath.sqrt(v))
    return inverse * symmetric_function(root * y * root, mpmath.sqrt) * inverse


def _sides(u: Any, w: Any, first: Any, second: Any, k: Any) -> tuple[Any, Any]:
    x = u.T * (first + k * mpmath.eye(u.rows)) * u
    y = w * (second + k * mpmath.eye(w.cols)) * w.T
    return require_positive(x, "U^T (Gamma_U + k I) U"), require_positive(y, "W (Gamma_W + k I) W^T")


def _norms(u: Any, w: Any, mean: Any) -> list[Any]:
    return [trace(u * mean * u.T), trace(w.T * mean**-1 * w)]


def _equilibrium(values: dict[str, Any], wrong: str = "") -> list[Any]:
    u, w, first, second, t, decay = _read(values)
    x, y = _sides(u, w, first, second, 2 * decay / t)
    if wrong == "swapped":
        x, y = y, x
    mean = (x**-1 + y) / 2 if wrong == "arithmetic" else geometric_mean(x, y)
    return _norms(u, w, mean**-1 if wrong == "inverse" else mean)


def _evaluate_equilibrium(_: Derivation, values: dict[str, Any], digits: int) -> Any:
    with mpmath.workdps(digits + 10):
        return _equilibrium(values)


def _define_equilibrium(**v: Any) -> list[Any]:
    """Norms at the point of the orbit where the imbalance of noise and decay vanishes, found by Newton's method."""
    u, w = to_matrix(to_mp(v["first_factor"])), to_matrix(to_mp(v["second_factor"]))

    def imbalance(first: Any, second: Any) -> Any:
        return _imbalance({**v, "first_factor": to_lists(first), "second_factor": to_lists(second)})

    first, second = balanced_norms(imbalance, u, w)
    return [mpmath.fsum(x * x for x in m) for m in (first, second)]


equilibrium = Law(
    id="symmetry.matrix_factorisation.equilibrium",
    title="noise equilibrium of a matrix factorisation",
    statement="U = U0 M, W = M^-1 W0, P = M M^T = X^{-1/2} (X^{1/2} Y X^{1/2})^{1/2} X^{-1/2}, X = U0^T (Gamma_U + k I) U0, "
    "Y = W0 (Gamma_W + k I) W0^T, k = 2 wd S/eta; value [|U|_F^2, |W|_F^2]",
    quantity=sp.Tuple(sp.Symbol("|U|^2"), sp.Symbol("|W|^2")),
    parameters=_PARAMETERS,
    derive=_derive_equilibrium,
    definition=_define_equilibrium,
    evaluator=_evaluate_equilibrium,
    sources=(DERIVED,),
    mutants=(
        mutant_value("P inverted", lambda **v: [float(x) for x in _equilibrium(v, "inverse")]),
        mutant_value("arithmetic for geometric mean", lambda **v: [float(x) for x in _equilibrium(v, "arithmetic")]),
        mutant_value("X and Y swapped", lambda **v: [float(x) for x in _equilibrium(v, "swapped")]),
        mutant_parameters("wd for 2 wd", lambda v: {"weight_decay": v["weight_decay"] / 2}),
    ),
    assumptions=("the charges rest; where they rotate the shape rests elsewhere (two_layer_linear.rotation)",),
    regime=SDE,
    constraints=(*_CONSTRAINTS, Constraint(
        lambda v: len(v["first_factor"][0]) <= min(len(v["first_factor"]), len(v["second_factor"][0])),
        "the width r exceeds d_y or d_x, so the noise leaves directions free; give a narrower factorisation")),
    rungs=("algebra", "flow"),
    gate_points=8,
)  # fmt: skip

LAWS = (charge_sde, balance, equilibrium)
