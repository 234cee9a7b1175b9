"""The law of balance: how gradient noise alone equalises scalar factors, vectors, and the factors of a product."""

from __future__ import annotations

from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.evaluation import to_mp
from theory.law import Law, mutant_parameters, mutant_value
from theory.parameter import Constraint, Parameter, integer, positive
from theory.symmetry import parameters as p
from theory.symmetry.covariances import (
    covariance_constraint,
    first_noise_matrix,
    first_weights,
    matrix_atoms,
    second_noise_matrix,
    second_weights,
)
from theory.symmetry.identities import require_zero
from theory.symmetry.linear_algebra import to_matrix, trace
from theory.symmetry.noise import SDE
from theory.symmetry.process_oracles import slope_at_zero

VARIANCE, PRODUCT = sp.Symbol("Var_G", positive=True), sp.Symbol("P", positive=True)
gradient_variance = Parameter("gradient_variance", VARIANCE, "Var G, G = dl/d(u w)", positive(0.3, 2.0))
other_product = Parameter("other_product", PRODUCT, "product of the remaining factors", positive(0.4, 1.6))
_STEPS = p.steps.within(integer(0, (3, 40)))


def _pair_drift(variance: Any) -> sp.Expr:
    """Return the drift of u^2 - w^2 for noise G of variance V on l(u w P), from the gradients."""
    g = sp.Symbol("G", real=True)
    loss = g * p.U * p.W * PRODUCT
    noise = sp.diff(loss, p.U) ** 2 - sp.diff(loss, p.W) ** 2
    drift = -2 * p.DECAY * (p.U**2 - p.W**2) + p.ETA / p.BATCH * noise.subs(g**2, variance).subs(g, sp.sqrt(variance))
    return sp.factor(sp.expand(drift))


def _derive_decay() -> Derivation:
    drift = _pair_drift(VARIANCE).subs(PRODUCT, 1)
    rate = sp.expand(sp.simplify(-drift / (p.U**2 - p.W**2)))
    return derivation(
        ("drift of u^2 - w^2", drift, "g_u = G w, g_w = G u"),
        ("rate", rate, "the drift is proportional to the charge"),
        ("C(t)", p.CHARGE * sp.exp(-rate * p.ETA * p.STEPS), "constant Var G, t = eta steps"),
    )


def _define_decay(charge: Any, learning_rate: Any, batch_size: Any, weight_decay: Any, gradient_variance: Any,
                  steps: Any) -> Any:  # fmt: skip
    """Follow the mean change of u^2 - w^2 in one literal step of the SDE, G = +-sqrt(Var G), by an ODE solver."""
    size = mpmath.sqrt(learning_rate / batch_size * gradient_variance)

    def drift(_: Any, c: Any) -> Any:
        w = mpmath.sqrt(1 + max(-c, 0))
        u = mpmath.sqrt(w * w + c)

        def change(dt: Any) -> Any:
            keep, kick = 1 - dt * weight_decay, mpmath.sqrt(dt) * size
            ends = [(keep * u - e * kick * w) ** 2 - (keep * w - e * kick * u) ** 2 for e in (1, -1)]
            return sum(ends) / 2 - c

        return slope_at_zero(change, 2)

    return mpmath.odefun(drift, 0, charge)(learning_rate * steps) if steps else charge


def _scaled_temperature(factor: float) -> Any:
    return mutant_parameters(
        {2.0: "2 T", 0.5: "T/2", 0.0: "no T"}[factor], lambda v: {"gradient_variance": factor * v["gradient_variance"]}
    )


sde_decay = Law(
    id="symmetry.balance.sde_decay",
    title="gradient noise balances a pair of scalar factors exponentially",
    statement="f = u w x: C(t) = C_0 exp(-(2 wd + T Var G) t), T = eta/S, t = eta steps, Var G constant",
    quantity=sp.Symbol("C_t"),
    parameters=(p.charge, p.learning_rate, p.batch_size, p.weight_decay, gradient_variance, _STEPS),
    derive=_derive_decay,
    definition=_define_decay,
    sources=(p.BALANCE,),
    mutants=(_scaled_temperature(2.0), _scaled_temperature(0.5), _scaled_temperature(0.0)),
    regime=SDE,
    rungs=("algebra", "flow", "sgd"),
    priority="B",
    gate_points=6,
)


def _derive_vector() -> Derivation:
    u, w = (sp.Matrix(sp.symbols(f"{n}1:3", real=True)) for n in "uw")
    g = sp.Matrix(2, 2, sp.symbols("G11 G12 G21 G22", real=True))
    loss = sum(g[i, j] * u[i] * w[j] for i in range(2) for j in range(2))
    g_u, g_w = (sp.Matrix([sp.diff(loss, q) for q in m]) for m in (u, w))
    noise = (g_u.T * g_u - g_w.T * g_w)[0]
    require_zero(noise - (w.T * g.T * g * w - u.T * g * g.T * u)[0], "the noise form minus w^T G^T G w - u^T G G^T u")
    c, s_u, s_w = sp.symbols("C uGu wGw", real=True)
    return derivation(
        ("noise form of one G", sp.Symbol("w^T G^T G w - u^T G G^T u"), "checked at 2 x 2"),
        ("dC/dt", -2 * p.DECAY * c - p.ETA / p.BATCH * (s_u - s_w), "uGu = u^T Gamma_U u, wGw = w^T Gamma_W w"),
    )


def _vector_rate(values: dict[str, Any], swapped: bool = False) -> Any:
    u, w = (mpmath.matrix([[x] for x in to_mp(values[k])]) for k in ("first_weights", "second_weights"))
    first, second = (to_matrix(to_mp(values[k])) for k in ("first_noise_matrix", "second_noise_matrix"))
    if swapped:
        first, second = second, first
    t, decay = to_mp(values["learning_rate"]) / to_mp(values["batch_size"]), to_mp(values["weight_decay"])
    return -t * ((u.T * first * u)[0] - (w.T * second * w)[0]) - 2 * decay * ((u.T * u)[0] - (w.T * w)[0])


def _evaluate_vector(_: Derivation, values: dict[str, Any], digits: int) -> Any:
    with mpmath.workdps(digits + 10):
        return _vector_rate(values)


def _define_vector(first_weights: Any, second_weights: Any, first_noise_matrix: Any, second_noise_matrix: Any,
                   learning_rate: Any, batch_size: Any, weight_decay: Any) -> Any:  # fmt: skip
    """Mean change of |u|^2 - |w|^2 per time over a finite ensemble of noise matrices, extrapolated in dt."""
    u, w = (mpmath.matrix([[x] for x in v]) for v in (first_weights, second_weights))
    samples = matrix_atoms(to_matrix(first_noise_matrix), to_matrix(second_noise_matrix))
    charge = (u.T * u)[0] - (w.T * w)[0]

    def rate(dt: Any) -> Any:
        size, keep, total = mpmath.sqrt(learning_rate / batch_size * dt), 1 - dt * weight_decay, mpmath.mpf(0)
        for g in samples:
            a, b = keep * u - size * g * w, keep * w - size * g.T * u
            total += (a.T * a)[0] - (b.T * b)[0]
        return (total / len(samples) - charge) / dt

    dt = mpmath.mpf("0.01")
    return 2 * rate(dt / 2) - rate(dt)


vector_rate = Law(
    id="symmetry.balance.vector_rate",
    title="gradient noise moves the balance of two vectors",
    statement="d(|u|^2 - |w|^2)/dt = -T (u^T Gamma_U u - w^T Gamma_W w) - 2 wd (|u|^2 - |w|^2), T = eta/S",
    quantity=sp.Symbol("dC/dt"),
    parameters=(first_weights, second_weights, first_noise_matrix, second_noise_matrix, p.learning_rate, p.batch_size,
                p.weight_decay),
    derive=_derive_vector,
    definition=_define_vector,
    evaluator=_evaluate_vector,
    sources=(p.BALANCE,),
    mutants=(mutant_value("Gammas swapped", lambda **v: float(_vector_rate(v, swapped=True))),),
    regime=SDE,
    constraints=(
        covariance_constraint("first_noise_matrix", "second_noise_matrix"),
        Constraint(lambda v: len(v["first_noise_matrix"]) == len(v["first_weights"])
                   and len(v["second_noise_matrix"]) == len(v["second_weights"]),
                   "the shapes do not fit: first_noise_matrix is d_y x d_y, second_noise_matrix d_x x d_x"),
        Constraint(lambda v: abs(trace(to_matrix(v["first_noise_matrix"])) / trace(to_matrix(v["second_noise_matrix"]))
                                 - 1) < 1e-6, "the noise matrices need the same trace E|G|^2; scale one of them"),
    ),
    rungs=("algebra", "flow"),
    priority="B",
    gate_points=10,
)  # fmt: skip


def _derive_kinetics() -> Derivation:
    drift = _pair_drift(VARIANCE).subs(p.DECAY, 0)
    rate = sp.simplify(-drift / (p.U**2 - p.W**2))
    return derivation(
        ("drift of u_i^2 - u_j^2", drift, "v = u_i u_j P, P the product of the other factors"),
        ("rate", rate, "relative decay per unit time"),
        ("C(t)", p.CHARGE * sp.exp(-rate * p.ETA * p.STEPS), "while Var G and P are constant; t = eta steps"),
    )


def _define_kinetics(charge: Any, other_product: Any, learning_rate: Any, batch_size: Any, gradient_variance: Any,
                     steps: Any) -> Any:  # fmt: skip
    """Limit of many small discrete steps: the product rule with dL/dv = +-sqrt(Var G/S) and step eta/m, extrapolated."""
    variance = gradient_variance / batch_size

    def after(split: int) -> Any:
        # the noise of a step of size eta/m has m-fold variance at fixed temperature
        factor = 1 - (learning_rate / split) ** 2 * variance * split * other_product**2
        return mpmath.log(factor) * split * steps

    m = 2**20
    return charge * mpmath.exp((8 * after(4 * m) - 6 * after(2 * m) + after(m)) / 3)


kinetics = Law(
    id="symmetry.depth_n.kinetics",
    title="gradient noise balances any two factors of a product",
    statement="v = product of n factors, wd = 0: u_i^2 - u_j^2 decays at the rate T Var(g) P^2, g = dl/dv, P the product "
    "of the other factors, while these are constant; t = eta steps",
    quantity=sp.Symbol("C_t"),
    parameters=(p.charge, other_product, p.learning_rate, p.batch_size, gradient_variance, _STEPS),
    derive=_derive_kinetics,
    definition=_define_kinetics,
    sources=(p.BALANCE,),
    mutants=(
        mutant_parameters("full product (other factors twice)", lambda v: {"other_product": v["other_product"] ** 2}),
        mutant_parameters("T/2", lambda v: {"gradient_variance": v["gradient_variance"] / 2}),
    ),
    regime=SDE,
    rungs=("algebra", "flow", "sgd"),
    priority="C",
)
LAWS = (sde_decay, vector_rate, kinetics)
