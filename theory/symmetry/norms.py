"""Norms of scale-invariant weights: equilibrium, growth and relaxation of |theta|^2 when |g| = G/|theta|, g . theta = 0."""

from __future__ import annotations

from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.law import Law, Regime, mutant_result, mutant_value
from theory.parameter import Parameter, integer, positive
from theory.source import DERIVED
from theory.symmetry import parameters as p
from theory.symmetry.identities import exact_step
from theory.symmetry.noise import SDE
from theory.symmetry.process_oracles import slope_at_zero

N, G = p.norm_squared.symbol, p.gradient_scale.symbol
N0 = sp.Symbol("n_0", positive=True)
initial_norm = Parameter("initial_norm_squared", N0, "|theta|^2 at the start", positive(1.0, 3.0))
effective_rate = Parameter("effective_rate", sp.Symbol("eta_eff", positive=True), "eta/|theta|^2", positive(0.05, 0.5))
dimension = Parameter(
    "dimension", sp.Symbol("d", integer=True, positive=True), "number of weights", integer(1, (2, 50))
)
_RATE, _DECAY = p.learning_rate.within(positive(0.05, 0.3)), p.positive_decay.within(positive(0.3, 1.5))
_SMALL_DECAY = p.positive_decay.within(positive(0.02, 0.3))


def _stepped(theta: tuple[Any, Any], learning_rate: Any, weight_decay: Any, gradient_scale: Any) -> tuple[Any, Any]:
    """One literal step in the plane: the gradient has the length G/|theta| and is perpendicular to theta."""
    x, y = theta
    turn = learning_rate * gradient_scale / (x * x + y * y)
    keep = 1 - learning_rate * weight_decay
    return keep * x + turn * y, keep * y - turn * x


def _norm_drift(norm: Any, learning_rate: Any, weight_decay: Any, gradient_scale: Any) -> Any:
    """Rate of the mean of |theta|^2 in one literal step of the SDE, perpendicular noise of both signs."""
    r = mpmath.sqrt(norm)

    def change(dt: Any) -> Any:
        kick = mpmath.sqrt(learning_rate * dt) * gradient_scale / r
        ends = [((1 - dt * weight_decay) * r, e * kick) for e in (1, -1)]
        return sum(x * x + y * y for x, y in ends) / 2 - norm

    return slope_at_zero(change, 2)


def discrete_norm_step() -> sp.Expr:
    """Return n' as a function of n, from the exact charge step."""
    return exact_step(1 - p.ETA * p.DECAY, p.ETA).subs({p.CHARGE: N, p.GRADIENT_FORM: G**2 / N})


def norm_drift() -> sp.Expr:
    """Return dn/dt at fixed temperature: (n' - n)/eta without the second order of the decay."""
    rate = sp.expand((discrete_norm_step() - N) / p.ETA)
    return rate - rate.coeff(p.DECAY, 2) * p.DECAY**2


def _derive_equilibrium() -> Derivation:
    step = discrete_norm_step()
    square = sp.solve(sp.expand((step - N) * N).subs(N**2, sp.Symbol("k2")), sp.Symbol("k2"))[0]
    return derivation(
        ("n after a step", step, "exact discrete law with A = I: g . theta = 0, |g|^2 = G^2/n"),
        ("n^2 at the fixed point", sp.factor(square), "n' = n"),
        ("n at the fixed point", sp.sqrt(sp.factor(square)), "positive root"),
    )


def _define_equilibrium(learning_rate: Any, weight_decay: Any, gradient_scale: Any) -> Any:
    theta, norm = (mpmath.mpf("0.8"), mpmath.mpf("0.6")), mpmath.mpf(1)
    for _ in range(100_000):
        theta = _stepped(theta, learning_rate, weight_decay, gradient_scale)
        norm, last = theta[0] ** 2 + theta[1] ** 2, norm
        if abs(norm - last) < mpmath.eps * norm:
            break
    return norm


norm_equilibrium = Law(
    id="symmetry.scale.norm_equilibrium",
    title="equilibrium norm of scale-invariant weights",
    statement="|theta|^4 = eta G^2/(wd (2 - eta wd)) for |g| = G/|theta|; value |theta|^2",
    quantity=N,
    parameters=(_RATE, _DECAY, p.gradient_scale),
    derive=_derive_equilibrium,
    definition=_define_equilibrium,
    sources=(p.KOSSON, DERIVED),
    mutants=(
        mutant_value("eta G^2/(2 wd)", lambda learning_rate, weight_decay, gradient_scale:
                     gradient_scale * (learning_rate / (2 * weight_decay)) ** 0.5),
        mutant_result("|theta|^2 for |theta|^4", lambda value, **_: value**2),
    ),
    rungs=("algebra", "chain", "sgd", "net"),
    priority="B",
)  # fmt: skip


def _derive_growth() -> Derivation:
    a, t, s = sp.Symbol("a", positive=True), p.STEPS, sp.Symbol("s", positive=True)
    step = discrete_norm_step().subs(p.DECAY, 0)
    square = sp.expand(step**2).subs(p.ETA**2, a / G**2).subs(p.ETA**4, a**2 / G**4)
    increment = sp.expand(square - N**2)
    leading = N0**2 + increment.coeff(N, 0) * s
    correction = sp.integrate(increment.coeff(N, -2) / leading, (s, 0, t))
    correction = sp.simplify(sp.logcombine(sp.expand_log(correction, force=True), force=True))
    rate = p.ETA**2 * G**2
    total = leading.subs(s, t) + correction
    return derivation(
        ("change of n^2 per step", increment, "n' = n + a/n, a = eta^2 G^2"),
        ("leading solution", leading.subs(s, t), "constant part"),
        ("next order", correction, "integrate a^2/n^2 along the leading solution"),
        ("n after t steps", sp.sqrt(total.subs(a, rate)), "square root"),
    )


def _define_growth(initial_norm_squared: Any, learning_rate: Any, gradient_scale: Any, steps: Any) -> Any:
    theta = mpmath.sqrt(initial_norm_squared), mpmath.mpf(0)
    for _ in range(int(steps)):
        theta = _stepped(theta, learning_rate, 0, gradient_scale)
    return theta[0] ** 2 + theta[1] ** 2


def _without_logarithm(initial_norm_squared: float, learning_rate: float, gradient_scale: float, steps: int) -> float:
    return (initial_norm_squared**2 + 2 * (learning_rate * gradient_scale) ** 2 * steps) ** 0.5


norm_growth = Law(
    id="symmetry.scale.norm_growth",
    title="growth of the norm of scale-invariant weights without decay",
    statement="wd = 0: |theta_t|^2 = sqrt(n_0^2 + 2 a t + (a/2) ln(1 + 2 a t/n_0^2)), a = eta^2 G^2",
    quantity=sp.Symbol("n_t"),
    parameters=(initial_norm, p.learning_rate.within(positive(0.025, 0.04)),
                p.gradient_scale.within(positive(0.25, 0.42)), p.steps.within(integer(0, (2000, 8000)))),
    derive=_derive_growth,
    definition=_define_growth,
    sources=(p.TANAKA, DERIVED),
    mutants=(
        mutant_value("without the logarithm", _without_logarithm),
        mutant_value("a t for 2 a t", lambda initial_norm_squared, learning_rate, gradient_scale, steps:
                     _without_logarithm(initial_norm_squared, learning_rate, gradient_scale, steps / 2)),
        mutant_result("the value is |theta|", lambda value, **_: value**0.5),
    ),
    regime=Regime("eta^2 G^2/n_0^2 -> 0", "O(eta**4)"),
    rungs=("algebra", "chain"),
    priority="B",
    gate_points=5,
)  # fmt: skip


def _derive_relaxation() -> Derivation:
    square, t = sp.Function("y"), sp.Symbol("t", positive=True)
    rate = sp.expand(2 * N * norm_drift()).subs(N**2, square(t))
    solution = sp.dsolve(sp.Eq(square(t).diff(t), rate), square(t), ics={square(0): N0**2}).rhs
    return derivation(
        ("dn/dt", norm_drift(), "n' - n per time eta, first order in wd"),
        ("d(n^2)/dt", rate, "linear in n^2"),
        ("n^2 after t", sp.expand(solution), "solve"),
        ("n after t = eta * steps", sp.sqrt(solution.subs(t, p.ETA * p.STEPS)), "square root"),
    )


def _define_relaxation(initial_norm_squared: Any, learning_rate: Any, weight_decay: Any, gradient_scale: Any,
                       steps: Any) -> Any:  # fmt: skip
    def drift(_: Any, n: Any) -> Any:
        return _norm_drift(n, learning_rate, weight_decay, gradient_scale)

    return mpmath.odefun(drift, 0, initial_norm_squared)(learning_rate * steps)


def _slower(initial_norm_squared: float, learning_rate: float, weight_decay: float, gradient_scale: float, steps: int,
            factor: float = 2.0, power: float = 2.0) -> float:  # fmt: skip
    k2 = learning_rate * gradient_scale**2 / (2 * weight_decay)
    fade = float(mpmath.exp(-factor * weight_decay * learning_rate * steps))
    k = k2 ** (power / 2)
    return (k + (initial_norm_squared**power - k) * fade) ** (1 / power)


norm_relaxation = Law(
    id="symmetry.scale.norm_relaxation",
    title="relaxation of the norm of scale-invariant weights",
    statement="n(t)^2 = K^2 + (n_0^2 - K^2) e^{-4 wd t}, K^2 = eta G^2/(2 wd), t = eta steps, n = |theta|^2",
    quantity=sp.Symbol("n_t"),
    parameters=(initial_norm, p.learning_rate, _SMALL_DECAY, p.gradient_scale, p.steps.within(integer(0, (3, 30)))),
    derive=_derive_relaxation,
    definition=_define_relaxation,
    sources=(p.TANAKA,),
    mutants=(
        mutant_value("e^{-2 wd t}", lambda **v: _slower(**v)),
        mutant_value("n for n^2", lambda **v: _slower(**v, factor=4.0, power=1.0)),
    ),
    regime=SDE,
    rungs=("algebra", "flow", "chain"),
    priority="B",
    gate_points=8,
)


def _derive_effective() -> Derivation:
    eff = effective_rate.symbol
    inverse = N**2 / p.ETA**2
    rate = sp.expand(sp.diff(inverse, N) * norm_drift())
    return derivation(
        ("1/eta_eff^2", inverse, "eta_eff = eta/n"),
        ("its derivative", rate, "chain rule with dn/dt"),
        ("in eta_eff", sp.expand(rate.subs(N, p.ETA / eff)), "n = eta/eta_eff"),
    )


def _define_effective(effective_rate: Any, learning_rate: Any, weight_decay: Any, gradient_scale: Any) -> Any:
    """Derivative of 1/eta_eff^2 = |theta|^4/eta^2 along the flow of n that one literal step of the SDE gives."""
    start = learning_rate / effective_rate
    rate = _norm_drift(start, learning_rate, weight_decay, gradient_scale)

    def inverse_square(t: Any) -> Any:
        return ((start + t * rate) / learning_rate) ** 2

    return mpmath.diff(inverse_square, 0)


effective_rate_law = Law(
    id="symmetry.scale.effective_rate",
    title="effective learning rate of scale-invariant weights",
    statement="eta_eff = eta/|theta|^2: d(1/eta_eff^2)/dt = -4 wd/eta_eff^2 + 2 G^2/eta; value: this derivative",
    quantity=sp.Symbol("d(1/eta_eff^2)/dt"),
    parameters=(effective_rate, p.learning_rate, p.weight_decay, p.gradient_scale),
    derive=_derive_effective,
    definition=_define_effective,
    sources=(p.TANAKA,),
    mutants=(
        mutant_value("first power", lambda effective_rate, learning_rate, weight_decay, gradient_scale:
                     -4 * weight_decay / effective_rate + 2 * gradient_scale**2 / learning_rate),
        mutant_value("-2 wd", lambda effective_rate, learning_rate, weight_decay, gradient_scale:
                     -2 * weight_decay / effective_rate**2 + 2 * gradient_scale**2 / learning_rate),
    ),
    regime=SDE,
    rungs=("algebra", "flow", "chain"),
    priority="B",
)  # fmt: skip


def _derive_adamw() -> Derivation:
    d = dimension.symbol
    step = exact_step(1 - p.ETA * p.DECAY, p.ETA).subs({p.CHARGE: N, p.GRADIENT_FORM: d})
    rate = sp.expand((step - N) / p.ETA)
    leading = rate - rate.coeff(p.DECAY, 2) * p.DECAY**2
    return derivation(
        ("n after a step", step, "normalised updates: d entries of mean square one, orthogonal to theta on average"),
        ("dn/dt", leading, "small eta wd"),
        ("equilibrium", sp.solve(leading, N)[0], "zero drift"),
    )


def _define_adamw(learning_rate: Any, weight_decay: Any, dimension: Any) -> Any:
    """Stationary norm of theta' = (1 - eta wd) theta - eta s with sign noise, in the limit eta wd -> 0 by extrapolation."""

    def exact(scale: Any) -> Any:
        # eta and wd both scaled down leave eta d/(2 wd) unchanged
        eta, decay = learning_rate * scale, weight_decay * scale
        # the literal step of one entry, its normalised gradient a fresh sign: an affine map of the mean square
        shift, probed = (
            sum(((1 - eta * decay) * entry - eta * e) ** 2 for e in (1, -1)) / 2
            for entry in (mpmath.mpf(0), mpmath.mpf(1))
        )
        return dimension * shift / (1 - (probed - shift))

    small = mpmath.mpf("1e-3")
    return (4 * exact(small / 2) - exact(small)) / 3


adamw_norm = Law(
    id="symmetry.scale.adamw_norm",
    title="equilibrium norm of weights under AdamW with independent noise",
    statement="|theta|^2 = eta d/(2 lambda) with decoupled decay lambda: every entry moves by about eta at each step",
    quantity=N,
    parameters=(p.learning_rate, p.positive_decay, dimension),
    derive=_derive_adamw,
    definition=_define_adamw,
    sources=(p.KOSSON,),
    mutants=(
        mutant_result("eta d/lambda", lambda value, **_: 2 * value),
        mutant_result("independent of d", lambda value, dimension, **_: value / dimension),
    ),
    regime=Regime("eta lambda -> 0", "O(eta lambda); heuristic"),
    rungs=("algebra", "chain"),
    priority="B",
)
LAWS = (norm_equilibrium, norm_growth, norm_relaxation, effective_rate_law, adamw_norm)
