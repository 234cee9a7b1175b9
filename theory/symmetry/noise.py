"""The SDE law of a charge, and the noise equilibrium of two-block generators in closed form."""

from __future__ import annotations

from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.law import Law, Regime, mutant_parameters, mutant_result, mutant_value
from theory.parameter import Constraint
from theory.source import DERIVED
from theory.symmetry import parameters as p
from theory.symmetry import witness
from theory.symmetry.identities import exact_step
from theory.symmetry.process_oracles import OrbitProcess, decreasing_root, momentum_temperature, slope_at_zero

SDE = Regime("eta -> 0 at fixed T = eta/S", "O(eta)")
TEMPERATURE = p.ETA / p.BATCH
LAMBDA = p.flow_parameter.symbol
RATES = (p.learning_rate, p.batch_size, p.weight_decay)


def _derive_sde() -> Derivation:
    step = exact_step(1 - p.ETA * p.DECAY, p.ETA).subs(p.GRADIENT_FORM, p.NOISE_FORM / p.BATCH + p.MEAN_FORM)
    rate = sp.expand((step - p.CHARGE) / p.ETA)
    # at fixed T = eta/S the noise term stays, everything else of order eta is dropped
    temperature = sp.Symbol("T", positive=True)
    limit = sp.expand(rate.subs(p.BATCH, p.ETA / temperature)).subs(p.ETA, 0)
    ito = -2 * p.DECAY * p.CHARGE + temperature * p.NOISE_FORM
    return derivation(
        ("discrete rate", rate, "exact one-step law divided by eta"),
        ("Ito drift of theta^T A theta", ito, "2 theta^T A drift + T Tr[Sigma A], grad L . A theta = 0"),
        ("limit eta -> 0 at fixed T", limit.subs(temperature, TEMPERATURE), "agrees with Ito"),
    )


def _define_sde(charge: Any, noise_form: Any, learning_rate: Any, batch_size: Any, weight_decay: Any) -> Any:
    """Generator of the SDE by a two-point noise of the right variance, extrapolated in dt (the error is linear)."""
    theta = witness.point(charge)
    mean = witness.gradient(theta, [[mpmath.mpf("0.2"), mpmath.mpf("-0.4")], [mpmath.mpf("0.9"), mpmath.mpf("0.1")]])
    noise = witness.gradient(theta, witness.sample_with_form(theta, noise_form))

    def rate(dt: Any) -> Any:
        size = mpmath.sqrt(learning_rate / batch_size * dt)
        ends = [
            [q - dt * (g + weight_decay * q) + sign * size * n for q, g, n in zip(theta, mean, noise, strict=True)]
            for sign in (1, -1)
        ]
        return (sum(map(witness.form, ends)) / 2 - charge) / dt

    dt = mpmath.mpf("0.01")
    return 2 * rate(dt / 2) - rate(dt)


def _sde_mutant(decay: Any, noise: Any) -> Any:
    return lambda charge, noise_form, learning_rate, batch_size, weight_decay: (
        -decay * weight_decay * charge + noise(learning_rate, batch_size) * noise_form
    )


charge_sde = Law(
    id="symmetry.noise.charge_sde",
    title="the charge under the SDE of SGD",
    statement="dC/dt = -2 wd C + (eta/S) Tr[Sigma A]: an ordinary differential equation along every path",
    quantity=sp.Symbol("dC/dt"),
    parameters=(p.charge, p.noise_form, *RATES),
    derive=_derive_sde,
    definition=_define_sde,
    sources=(p.ZIYIN,),
    mutants=(
        mutant_value("eta Tr[Sigma A] with per-sample Sigma", _sde_mutant(2, lambda eta, s: eta)),
        mutant_value("eta/(2S)", _sde_mutant(2, lambda eta, s: eta / (2 * s))),
        mutant_value("-wd C", _sde_mutant(1, lambda eta, s: eta / s)),
    ),
    regime=SDE,
    rungs=("algebra", "flow", "sgd"),
)

N_U, N_W, S_U, S_W = (q.symbol for q in (p.first_norm, p.second_norm, p.first_noise, p.second_noise))
NORMS = (p.first_norm, p.second_norm, p.first_noise, p.second_noise)
NOISY = Constraint(
    lambda v: all(v[k] > 0 or v["weight_decay"] > 0 for k in ("first_noise", "second_noise")),
    "without weight decay both noises must be positive, otherwise no finite equilibrium exists; give weight_decay > 0",
)


def two_block_drift(temperature: Any) -> sp.Expr:
    """Return D(lambda) for A = diag(+I, -I): transported norms and transported noise."""
    grow, shrink = sp.exp(2 * LAMBDA), sp.exp(-2 * LAMBDA)
    return -2 * p.DECAY * (grow * N_U - shrink * N_W) + temperature * (shrink * S_U - grow * S_W)


def solve_drift(drift: sp.Expr) -> sp.Expr:
    """Return lambda* from D e^{2 lambda} = 0, which is linear in e^{4 lambda}."""
    e4 = sp.Symbol("E", positive=True)
    linear = sp.expand(sp.expand(drift * sp.exp(2 * LAMBDA))).subs(sp.exp(4 * LAMBDA), e4)
    return sp.log(sp.factor(sp.solve(linear, e4)[0])) / 4


def _derive_rescale() -> Derivation:
    momentum_temperature = TEMPERATURE / (1 - p.MOMENTUM)
    drift = two_block_drift(momentum_temperature)
    return derivation(
        (
            "temperature with momentum",
            momentum_temperature,
            "eliminate m: C' - C = -2 eta wd C/(1-mu) + eta^2 s/(1-mu)^2",
        ),
        ("drift on the orbit", drift, "|u|^2 grows, its noise shrinks along lambda"),
        ("lambda*", solve_drift(drift), "linear in e^{4 lambda}"),
    )


def _define_rescale(
    first_norm_squared: Any, second_norm_squared: Any, first_noise: Any, second_noise: Any, learning_rate: Any,
    batch_size: Any, weight_decay: Any, momentum: Any = 0,
) -> Any:  # fmt: skip
    """Root of the mean change of the charge in one literal step; the temperature of heavy ball from its own moments."""
    components = mpmath.sqrt(first_norm_squared), mpmath.sqrt(second_norm_squared)
    temperature = momentum_temperature(learning_rate, batch_size, momentum)
    process = OrbitProcess((1, -1), components, (first_noise, second_noise), temperature, weight_decay)
    return decreasing_root(process.drift)


rescale = Law(
    id="symmetry.noise_equilibrium.rescale",
    title="noise equilibrium of a rescaling symmetry",
    statement="e^{4 lambda*} = (T s_u + 2 wd |w|^2)/(T s_w + 2 wd |u|^2), T = eta/(S (1 - mu)); value lambda*",
    quantity=sp.Symbol("lambda_star"),
    parameters=(*NORMS, *RATES, p.momentum),
    derive=_derive_rescale,
    definition=_define_rescale,
    sources=(p.ZIYIN, DERIVED),
    mutants=(
        mutant_parameters("s_u and s_w swapped",
                          lambda v: {"first_noise": v["second_noise"], "second_noise": v["first_noise"]}),
        mutant_result("e^{2 lambda*}", lambda value, **_: 2 * value),
        mutant_parameters("wd for 2 wd", lambda v: {"weight_decay": v["weight_decay"] / 2}),
        mutant_parameters("T unchanged by momentum", lambda v: {"momentum": 0}),
    ),
    regime=SDE,
    constraints=(NOISY,),
    rungs=("algebra", "flow", "sgd"),
    gate_points=10,
)  # fmt: skip


def _derive_zero() -> Derivation:
    drift = two_block_drift(sp.Symbol("T", positive=True)).subs(p.DECAY, 0)
    return derivation(
        ("drift on the orbit", drift, "wd = 0"),
        ("lambda*", solve_drift(drift), "Tr Sigma_uu = Tr Sigma_ww; T drops out"),
    )


def _define_zero(first_noise: Any, second_noise: Any) -> Any:
    components = mpmath.mpf("1.3"), mpmath.mpf("0.7")
    process = OrbitProcess((1, -1), components, (first_noise, second_noise), mpmath.mpf("0.09"), 0)
    return decreasing_root(process.drift)


gamma_zero = Law(
    id="symmetry.noise_equilibrium.gamma_zero",
    title="noise equilibrium of a rescaling symmetry without decay",
    statement="wd = 0: Tr Sigma_uu = Tr Sigma_ww at lambda*, a position independent of eta and S; value lambda*",
    quantity=sp.Symbol("lambda_star"),
    parameters=(p.first_noise, p.second_noise),
    derive=_derive_zero,
    definition=_define_zero,
    sources=(p.ZIYIN,),
    mutants=(
        mutant_result("position shifts with T", lambda value, first_noise, second_noise: value + 0.05),
        mutant_value("|u| = |w| in the vector case", lambda first_noise, second_noise: 0.0),
        mutant_result("e^{2 lambda*}", lambda value, **_: 2 * value),
    ),
    regime=SDE,
    constraints=(Constraint(lambda v: v["first_noise"] > 0 and v["second_noise"] > 0,
                            "both noises must be positive, otherwise no finite equilibrium exists"),),
    rungs=("algebra", "flow", "sgd"),
)  # fmt: skip


def _derive_scalar() -> Derivation:
    var, u, w = sp.Symbol("V", positive=True), sp.Symbol("u", positive=True), sp.Symbol("w", positive=True)
    # g_u = G w and g_w = G u with the scalar G = dl/d(uw), so s_u = V w^2 and s_w = V u^2
    drift = two_block_drift(TEMPERATURE).subs({N_U: u**2, N_W: w**2, S_U: var * w**2, S_W: var * u**2})
    position = solve_drift(drift)
    ratio = sp.simplify(sp.expand_log(sp.log(u / w), force=True) + 2 * sp.expand_log(position, force=True))
    return derivation(
        ("drift", drift, "noise of a product of two scalars"),
        ("lambda*", position, "linear in e^{4 lambda}"),
        ("ln(|u|/|w|) at lambda*", ratio, "ln(|u|/|w|) + 2 lambda*: the factors are equal"),
    )


def _define_scalar(first_weight: Any, second_weight: Any, inputs: Any, targets: Any, learning_rate: Any,
                   batch_size: Any, weight_decay: Any) -> Any:  # fmt: skip
    """Root of the mean change of u^2 - w^2 on the orbit, over every sample's noise with both signs."""
    data = list(zip(inputs, targets, strict=True))

    def drift(position: Any) -> Any:
        u, w = first_weight * mpmath.exp(position), second_weight * mpmath.exp(-position)
        slopes = [
            [mpmath.diff(lambda a, b, x=x, y=y: (a * b * x - y) ** 2, (u, w), o) for o in ((1, 0), (0, 1))]
            for x, y in data
        ]
        mean = witness.mean(slopes)

        def change(dt: Any) -> Any:
            size, total = mpmath.sqrt(learning_rate / batch_size * dt), mpmath.mpf(0)
            for g in slopes:
                for sign in (1, -1):
                    a, b = (
                        q - dt * (m + weight_decay * q) + sign * size * (k - m)
                        for q, m, k in zip((u, w), mean, g, strict=True)
                    )
                    total += a * a - b * b
            return total / (2 * len(slopes)) - (u * u - w * w)

        return slope_at_zero(change, 2)

    return mpmath.log(abs(first_weight) / abs(second_weight)) + 2 * decreasing_root(drift)


scalar_balance = Law(
    id="symmetry.noise_equilibrium.scalar_balance",
    title="the scalar net is balanced at its noise equilibrium",
    statement="f = u w x: |u| = |w| for any data and any weight decay; value ln(|u|/|w|) at lambda*",
    quantity=sp.Symbol("log_ratio"),
    parameters=(p.first_weight, p.second_weight, p.inputs, p.targets, *RATES),
    derive=_derive_scalar,
    definition=_define_scalar,
    sources=(p.ZIYIN, p.BALANCE),
    mutants=(
        mutant_value("imbalance grows with the label noise", lambda targets, **_: 0.05 + 0.1 * max(targets) ** 2),
    ),
    constraints=(p.SAME_LENGTH,),
    rungs=("algebra", "sgd"),
)

_N, _TRACE = p.norm_squared.symbol, p.noise_trace.symbol


def _derive_scale() -> Derivation:
    drift = -2 * p.DECAY * sp.exp(2 * LAMBDA) * _N + TEMPERATURE * sp.exp(-2 * LAMBDA) * _TRACE
    return derivation(
        ("drift on the orbit", drift, "A = I: |theta|^2 grows, the gradient noise shrinks"),
        ("lambda*", solve_drift(drift), "linear in e^{4 lambda}"),
    )


def _define_scale(norm_squared: Any, noise_trace: Any, learning_rate: Any, batch_size: Any, weight_decay: Any) -> Any:
    t = learning_rate / batch_size
    return decreasing_root(OrbitProcess((1,), (mpmath.sqrt(norm_squared),), (noise_trace,), t, weight_decay).drift)


scale = Law(
    id="symmetry.noise_equilibrium.scale",
    title="noise equilibrium of a scale symmetry",
    statement="e^{4 lambda*} = T Tr Sigma/(2 wd |theta|^2), T = eta/S; value lambda*",
    quantity=sp.Symbol("lambda_star"),
    parameters=(p.norm_squared, p.noise_trace, p.learning_rate, p.batch_size, p.positive_decay),
    derive=_derive_scale,
    definition=_define_scale,
    sources=(p.ZIYIN,),
    mutants=(
        mutant_result("e^{2 lambda*}", lambda value, **_: 2 * value),
        mutant_parameters("wd for 2 wd", lambda v: {"weight_decay": v["weight_decay"] / 2}),
    ),
    regime=SDE,
    rungs=("algebra", "flow", "sgd"),
)


LAWS = (charge_sde, rescale, gamma_zero, scalar_balance, scale)
