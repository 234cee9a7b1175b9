"""Scale-invariant weights under heavy ball: stationary second moments, the update ratio, and the damped oscillator."""

from __future__ import annotations

import itertools
from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.law import Law, Regime, mutant_parameters, mutant_result, mutant_value
from theory.parameter import Constraint, Parameter, choice, integer, interval, positive
from theory.source import DERIVED
from theory.symmetry import parameters as p
from theory.symmetry.process_oracles import heavy_ball_moments

G = p.gradient_scale.symbol
_C, _M, _Q, _S = sp.symbols("C m q s")
_RATE, _DECAY = p.learning_rate.within(positive(0.05, 0.3)), p.positive_decay.within(positive(0.3, 1.5))
_PARAMETERS = (_RATE, _DECAY, p.momentum, p.gradient_scale)
_STABLE = Constraint(
    lambda v: v["learning_rate"] * v["weight_decay"] < 2 * (1 + v["momentum"]),
    "learning_rate * weight_decay must stay below 2 (1 + momentum): beyond, the decay itself overshoots and |theta| grows",
)


def stationary_moments() -> dict[sp.Symbol, sp.Expr]:
    """Return C = E|theta|^2, m = E theta.v, q = E|v|^2 of the stationary state, for E|g|^2 = s and centred g . theta = 0."""
    inner = p.MOMENTUM * _M + p.DECAY * _C
    velocity = p.MOMENTUM**2 * _Q + 2 * p.MOMENTUM * p.DECAY * _M + p.DECAY**2 * _C + _S
    equations = [
        -2 * p.ETA * inner + p.ETA**2 * velocity,
        inner - p.ETA * velocity - _M,
        velocity - _Q,
    ]
    return sp.solve(equations, [_C, _M, _Q], dict=True)[0]


def _derive_ratio() -> Derivation:
    moments = stationary_moments()
    return derivation(
        ("velocity", moments[_Q], "stationary second moments of the linear recursion, noise s = G^2 E[1/n]"),
        ("E n", sp.factor(moments[_C]), "solve the three equations"),
        ("E n/E[1/n]", sp.factor(moments[_C] / _S) * G**2, "s = G^2 E[1/n]"),
    )


def _define_ratio(learning_rate: Any, weight_decay: Any, momentum: Any, gradient_scale: Any) -> Any:
    return heavy_ball_moments(gradient_scale**2, learning_rate, weight_decay, momentum)[0]


def _ratio(eta: float, wd: float, mu: float, g: float, power: int = 1, decay: bool = True) -> float:
    return eta * (1 + mu) * g**2 / (2 * wd * (1 - mu) ** power * (1 + mu - (eta * wd / 2 if decay else 0.0)))


momentum_ratio = Law(
    id="symmetry.scale.momentum_ratio",
    title="stationary norms of scale-invariant weights under heavy ball",
    statement="angular noise of size G/|theta|: E n/E[1/n] = eta (1+mu) G^2/(2 wd (1-mu)(1+mu-eta wd/2)), n = |theta|^2",
    quantity=sp.Symbol("En/E[1/n]"),
    parameters=_PARAMETERS,
    derive=_derive_ratio,
    definition=_define_ratio,
    constraints=(_STABLE,),
    sources=(DERIVED,),
    mutants=(
        mutant_value("(1-mu)^2", lambda learning_rate, weight_decay, momentum, gradient_scale:
                     _ratio(learning_rate, weight_decay, momentum, gradient_scale, power=2)),
        mutant_value("without eta wd/2", lambda learning_rate, weight_decay, momentum, gradient_scale:
                     _ratio(learning_rate, weight_decay, momentum, gradient_scale, decay=False)),
    ),
    rungs=("algebra", "chain", "sgd"),
    priority="B",
)  # fmt: skip


def _derive_norm() -> Derivation:
    ratio = sp.factor(stationary_moments()[_C] / _S) * G**2
    return derivation(
        ("E n/E[1/n]", ratio, "exact"),
        ("E n", sp.sqrt(ratio), "if n does not fluctuate, E[1/n] = 1/E n"),
    )


def _define_norm(learning_rate: Any, weight_decay: Any, momentum: Any, gradient_scale: Any) -> Any:
    """Fixed point of the moments with the noise of a norm that does not fluctuate, s = G^2/C, by damped iteration."""
    norm = mpmath.mpf(1)
    for _ in range(200):
        after = heavy_ball_moments(gradient_scale**2 / norm, learning_rate, weight_decay, momentum)[0]
        norm, last = (norm + after) / 2, norm
        if abs(norm - last) < mpmath.eps * norm:
            break
    return norm


momentum_norm = Law(
    id="symmetry.scale.momentum_norm",
    title="norm of scale-invariant weights under heavy ball, fluctuations neglected",
    statement="E n = sqrt(eta (1+mu) G^2/(2 wd (1-mu)(1+mu-eta wd/2))): only if n = |theta|^2 hardly fluctuates, not at mu = 0.9",
    quantity=sp.Symbol("En"),
    parameters=_PARAMETERS,
    derive=_derive_norm,
    definition=_define_norm,
    constraints=(_STABLE,),
    sources=(p.KOSSON,),
    mutants=(
        mutant_value("(1-mu)^2", lambda learning_rate, weight_decay, momentum, gradient_scale:
                     _ratio(learning_rate, weight_decay, momentum, gradient_scale, power=2) ** 0.5),
    ),
    regime=Regime("fluctuations of n -> 0", "1% at mu = 0.5, 14% at mu = 0.9"),
    rungs=("algebra", "chain"),
    priority="B",
    gate_points=8,
)  # fmt: skip


def _derive_update() -> Derivation:
    moments = stationary_moments()
    return derivation(
        ("E|Delta theta|^2", p.ETA**2 * moments[_Q], "Delta theta = -eta v"),
        ("ratio", sp.factor(sp.simplify(p.ETA**2 * moments[_Q] / moments[_C])), "divide by E|theta|^2"),
    )


def _define_update(learning_rate: Any, weight_decay: Any, momentum: Any) -> Any:
    c, _, q = heavy_ball_moments(mpmath.mpf(1), learning_rate, weight_decay, momentum)
    return learning_rate**2 * q / c


update_ratio = Law(
    id="symmetry.scale.update_ratio",
    title="relative size of an update in rotational equilibrium",
    statement="E|Delta theta|^2/E|theta|^2 = 2 eta wd/(1 + mu), at every eta",
    quantity=sp.Symbol("ratio"),
    parameters=(_RATE, _DECAY, p.momentum),
    derive=_derive_update,
    definition=_define_update,
    constraints=(_STABLE,),
    sources=(p.KOSSON, DERIVED),
    mutants=(
        mutant_result("eta wd", lambda value, **_: value / 2),
        mutant_value("2 eta wd/(1-mu)", lambda learning_rate, weight_decay, momentum:
                     2 * learning_rate * weight_decay / (1 - momentum)),
    ),
    rungs=("algebra", "chain", "sgd", "net"),
    priority="B",
)  # fmt: skip

symmetry_kind = Parameter("symmetry_kind", None, "kind of the symmetry", choice("translation", "scale", "rescale"))
symmetry_kind = symmetry_kind.with_default("translation")
_T = sp.Symbol("t", positive=True)


def _derive_oscillator(symmetry_kind: str) -> Derivation:
    e, (z0, z1, z2) = p.ETA, sp.symbols("z dz ddz")
    decay = p.DECAY * (1 if symmetry_kind == "translation" else 2)
    # z_{k+1} - z_k = mu (z_k - z_{k-1}) - eta wd z_k; a quadratic charge has twice the decay
    after, before = (z0 + s * e * z1 + e**2 / 2 * z2 for s in (1, -1))
    equation = sp.expand((after - z0 - p.MOMENTUM * (z0 - before) + e * decay * z0) / e)
    second, first, zeroth = (sp.diff(equation, z) for z in (z2, z1, z0))
    damping, square = sp.factor(first / second / 2), sp.factor(zeroth / second)
    q = sp.sqrt(square - damping**2)
    form = sp.exp(-damping * _T) * (sp.cos(q * _T) + damping / q * sp.sin(q * _T))
    return derivation(
        ("differential equation", equation, "Taylor series of the recursion to second order in eta"),
        ("[g, w^2]", sp.Tuple(damping, square), "z'' + 2 g z' + w^2 z = 0"),
        ("z(t)/z(0)", form.subs(_T, e * p.STEPS), "z'(0) = 0, t = eta steps"),
    )


def _define_oscillator(symmetry_kind: str, learning_rate: Any, weight_decay: Any, momentum: Any, steps: Any) -> Any:
    """The literal recursion at finer and finer steps, damping and frequency held fixed, extrapolated to step zero."""
    time = learning_rate * steps

    def at(split: int) -> Any:
        eta = learning_rate / split
        ratio = (1 - momentum) / (1 + momentum) / split
        mu = (1 - ratio) / (1 + ratio)
        decay = weight_decay * (1 + mu) / (1 + momentum) / split
        # a translation charge z = n.theta moves with n.v; a quadratic one C with 2 theta^T A v, its square dropped
        pull = 1 if symmetry_kind == "translation" else 2
        step = mpmath.matrix([[1 - eta * decay * pull, -eta * mu], [decay * pull, mu]])
        return (step ** int(mpmath.nint(time / eta)))[0, 0]

    table = [at(64 * 2**k) for k in range(7)]
    for order in range(1, 7):
        table = [(2**order * b - a) / (2**order - 1) for a, b in itertools.pairwise(table)]
    return table[0]


oscillator = Law(
    id="symmetry.momentum.oscillator",
    title="broken charge under heavy ball as a damped oscillator",
    statement="z(t) = e^{-g t}(cos q t + (g/q) sin q t), g = (1-mu)/(eta (1+mu)), w^2 = 2 wd/(eta (1+mu)), q^2 = w^2 - g^2 "
    "(4 wd for scale and rescale), t = eta steps; value z(t)/z(0)",
    quantity=sp.Symbol("z_t"),
    parameters=(symmetry_kind, p.learning_rate.within(positive(0.05, 0.2)), p.positive_decay.within(positive(0.5, 1.5)),
                p.momentum.within(interval(0.0, 1.0, region=(0.85, 0.98))), p.steps.within(integer(0, (3, 40)))),
    derive=_derive_oscillator,
    definition=_define_oscillator,
    sources=(p.KUNIN,),
    mutants=(
        mutant_parameters("w^2 with 4 wd for a translation, 2 wd otherwise", lambda v: {
            "weight_decay": v["weight_decay"] * (2 if v["symmetry_kind"] == "translation" else 0.5)}),
        mutant_parameters("no damping", lambda v: {"momentum": 0.9999}),
    ),
    structure=("symmetry_kind",),
    regime=Regime("eta -> 0", "O(eta)"),
    rungs=("algebra",),
    priority="B",
)  # fmt: skip
LAWS = (momentum_ratio, momentum_norm, update_ratio, oscillator)
