"""Cycled learning rates, the central flow's variance, and label noise."""

from __future__ import annotations

import math
from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.law import Law, Regime, mutant_value
from theory.parameter import Constraint, Parameter, positive, real_list
from theory.principal_flow import symbols as s
from theory.principal_flow.formal_orbit import map_terms
from theory.source import DERIVED

_h1, _h2 = sp.symbols("h_1 h_2", positive=True)
_FIRST_RATE = Parameter("first_learning_rate", _h1, "learning rate of odd steps", positive(0.02, 0.3))
_SECOND_RATE = Parameter("second_learning_rate", _h2, "learning rate of even steps", positive(0.3, 0.7))


def _cyclic_steps() -> Derivation:
    hg, c = sp.symbols("Hg C")
    cycle, flow = _h1 * _h2 * hg, (_h1 + _h2) ** 2 / 2 * hg
    solution = sp.factor(sp.solve(sp.Eq(cycle, flow - (_h1 + _h2) * 2 * c * hg), c)[0])
    return derivation(
        ("second order of a cycle", cycle, "-h2 g(theta - h1 g) = -h2 g + h1 h2 H g"),
        ("second order of a flow of the same duration", flow - (_h1 + _h2) * 2 * c * hg, "loss E + C |g|^2"),
        ("C", solution, "equal orders"),
    )


def _cyclic_definition(first_learning_rate: Any, second_learning_rate: Any) -> Any:
    a, c = first_learning_rate, second_learning_rate
    g0, slope = mpmath.mpf("0.7"), mpmath.mpf("1.3")

    def cycle(state: Any, step: Any) -> Any:
        for rate in (a, c):
            state = [x - step * ((x * slope + x * x * mpmath.mpf("0.4") + g0) * rate) for x in state]
        return state

    # The formal step is the cycle; its duration is a + c, so f_2 = -2 C H g (a + c).
    return -map_terms(cycle, [mpmath.mpf(0)], 2)[1][0] / (2 * slope * g0 * (a + c))


CYCLIC = Law(
    id="principal_flow.modified_loss.cyclic_two_rates",
    title="Implicit regularisation of two alternating learning rates",
    statement="a cycle of steps h1, h2 follows E + C |g|^2 with C = (h1^2 + h2^2)/(4 (h1 + h2)); value: C",
    quantity=sp.Symbol("C"),
    parameters=(_FIRST_RATE, _SECOND_RATE),
    derive=_cyclic_steps,
    definition=_cyclic_definition,
    sources=(DERIVED,),
    mutants=(
        mutant_value("mean rate/4", lambda first_learning_rate, second_learning_rate: (
            (first_learning_rate + second_learning_rate) / 8)),
        mutant_value("sqrt(h1 h2)/4", lambda first_learning_rate, second_learning_rate: (
            math.sqrt(first_learning_rate * second_learning_rate) / 4)),
    ),
    rungs=("algebra", "chain"),
    regime=Regime("learning rates -> 0", "third order over a cycle"),
    priority="B",
)  # fmt: skip

_gs = sp.IndexedBase("S")
_SHARP = Parameter("sharpness_gradient", _gs, "gradient of the top eigenvalue", real_list(-2.0, 2.0, (2, 4)))
_GRAD = s.gradient.within(real_list(-2.0, 2.0, (2, 4)))


def _central_steps() -> Derivation:
    index = (s.i, 0, s.n - 1)
    variance, dot, square = sp.symbols("sigma2 LS SS", real=True)
    balance = sp.Eq(-dot - variance / 2 * square, 0)
    inner = sp.solve(balance, variance)[0]
    written = inner.subs({dot: sp.Sum(s.g[s.i] * _gs[s.i], index), square: sp.Sum(_gs[s.i] ** 2, index)})
    return derivation(
        ("mean drift of the sharpness", -dot - variance / 2 * square, "grad S.(-grad L - sigma^2/2 grad S), S = 2/h"),
        ("balance", inner, "the sharpness stays at 2/h"),
        ("variance", sp.Max(0, written), "no oscillation where the sharpness falls by itself"),
    )


def _central_definition(gradient: Any, sharpness_gradient: Any) -> Any:
    """Variance at which the mean sharpness stands still, from the loss L(theta) + S(theta) x^2/2 at x = +-sigma.

    The slow parameters follow the gradient of the loss averaged over the oscillation x; both by finite differences.
    """
    size = len(gradient)
    edge = mpmath.mpf("2.7")

    def sharpness(*theta: Any) -> Any:
        return edge + mpmath.fsum(c * q for c, q in zip(sharpness_gradient, theta, strict=True))

    def drift(variance: Any) -> Any:
        x = mpmath.sqrt(variance)

        def mean_loss(*theta: Any) -> Any:
            slow = mpmath.fsum(a * q for a, q in zip(gradient, theta, strict=True))
            return mpmath.fsum(slow + sharpness(*theta) * place**2 / 2 for place in (x, -x)) / 2

        origin = tuple([mpmath.mpf(0)] * size)
        velocity = [-mpmath.diff(mean_loss, origin, tuple(int(i == k) for i in range(size))) for k in range(size)]
        return mpmath.diff(lambda t: sharpness(*(t * v for v in velocity)), 0)

    # Linear in the variance: the intersection of the line through two of its points with 0.
    zero, one = drift(mpmath.mpf(0)), drift(mpmath.mpf(1))
    return max(mpmath.mpf(0), -zero / (one - zero))


def _central(factor: float, power: float) -> Any:
    def value(gradient: list[float], sharpness_gradient: list[float]) -> float:
        dot = sum(a * c for a, c in zip(gradient, sharpness_gradient))
        return max(0.0, -factor * dot / sum(c * c for c in sharpness_gradient) ** power)

    return value


def _unclamped(gradient: list[float], sharpness_gradient: list[float]) -> float:
    dot = sum(a * c for a, c in zip(gradient, sharpness_gradient))
    return -2 * dot / sum(c * c for c in sharpness_gradient)


CENTRAL = Law(
    id="principal_flow.central_flow.variance",
    title="Variance of the oscillation in the central flow with one unstable eigenvalue",
    statement="sigma^2 = max(0, -2 grad L.grad S/|grad S|^2) at S = 2/h",
    quantity=sp.Symbol("sigma^2"),
    parameters=(_GRAD, _SHARP),
    derive=_central_steps,
    definition=_central_definition,
    sources=(s.COHEN,),
    mutants=(
        mutant_value("factor 1", _central(1.0, 1.0)),
        mutant_value("|grad S|", _central(2.0, 0.5)),
        mutant_value("without the maximum", _unclamped),
    ),
    rungs=("algebra", "chain"),
    regime=Regime("learning_rate -> 0", "heuristic for finite h"),
    constraints=(
        s.same_lengths("gradient", "sharpness_gradient"),
        Constraint(lambda v: any(v["sharpness_gradient"]), "sharpness_gradient must not vanish"),
    ),
    priority="B",
)

_NOISE = Parameter("label_noise_std", sp.Symbol("s", positive=True), "label noise +-s", positive(0.02, 0.1))
_LABEL = (s.learning_rate.within(positive(0.1, 0.6)), _NOISE, s.curvature.within(positive(0.3, 2.5)))
_STABLE = Constraint(
    lambda v: 0 < v["learning_rate"] * v["curvature"] < 2,
    "learning_rate * curvature must lie in (0, 2); the residual has no stationary state elsewhere",
)


def _decay_steps() -> Derivation:
    z = sp.Symbol("Z")
    fixed = sp.Eq(z, (1 - s.h * s.lam) ** 2 * z + (s.h * s.lam) ** 2 * _NOISE.symbol**2)
    spread = sp.factor(sp.solve(fixed, z)[0])
    residual = sp.factor(sp.simplify(spread + _NOISE.symbol**2))
    return derivation(
        ("deviation from the clean label", fixed, "z' = (1 - h lambda) z + h lambda e, AR(1)"),
        ("mean square of z", spread, "stationary state"),
        ("mean square residual", residual, "r = z - e with a fresh e"),
        ("mean of log(1 - h^2 r^2)", -(s.h**2) * residual, "imbalance_map for small noise"),
    )


def _residual_square(scaled_curvature: Any) -> Any:
    """Mean square residual per unit label noise: squared weights of all past label errors, doubling their number."""
    x = scaled_curvature
    past, contraction = x**2, (1 - x) ** 2
    while contraction > mpmath.mpf(10) ** (-mpmath.mp.dps - 3):
        past, contraction = past + contraction * past, contraction**2
    return 1 + past + contraction * past


def _decay_definition(learning_rate: Any, label_noise_std: Any, curvature: Any) -> Any:
    """Mean of log(1 - h^2 r^2) to leading order in the noise, r the residual of the literal run."""

    def mean_log(noise: Any) -> Any:
        return mpmath.log1p(-(learning_rate**2) * noise * _residual_square(learning_rate * curvature))

    # the leading order in s^2 is a derivative at s = 0
    return label_noise_std**2 * mpmath.diff(mean_log, 0)


def _regularizer_definition(learning_rate: Any, curvatures: Any) -> Any:
    """Integral over the curvature of a quarter of the mean square residual: its growth is what the noise punishes."""
    return sum(mpmath.quad(lambda y: _residual_square(learning_rate * y) / 4, [0, c]) for c in curvatures)


DECAY = Law(
    id="principal_flow.label_noise.decay_rate",
    title="Label noise balances a scalar factorisation",
    statement="mean change of log|Q|, Q = u^2 - v^2, per step: -2 h^2 s^2/(2 - h lambda)",
    quantity=sp.Symbol("rate"),
    parameters=_LABEL,
    derive=_decay_steps,
    definition=_decay_definition,
    sources=(s.BLANC,),
    mutants=(
        mutant_value("-h^2 s^2", lambda learning_rate, label_noise_std, curvature: (
            -(learning_rate**2) * label_noise_std**2)),
        mutant_value("1/(1 - h lambda)", lambda learning_rate, label_noise_std, curvature: (
            -(learning_rate**2) * label_noise_std**2 / (1 - learning_rate * curvature))),
    ),
    rungs=("algebra", "chain", "sgd"),
    regime=Regime("label_noise_std -> 0", "O(s^4)"),
    constraints=(_STABLE,),
    priority="B",
)  # fmt: skip

_ALL_STABLE = Constraint(
    lambda v: all(v["learning_rate"] * c < 2 for c in v["curvatures"]),
    "learning_rate * curvature must be below 2 for every curvature",
)


def _regularizer_steps() -> Derivation:
    y = sp.Symbol("y", positive=True)
    slope = 1 / (2 * (2 - s.h * y))
    top = sp.Symbol("L", positive=True)
    primitive = -sp.log(1 - s.h * y / 2) / (2 * s.h)
    if sp.simplify(sp.diff(primitive, y) - slope) != 0:
        raise ArithmeticError("the primitive of the stationary factor is wrong")
    one = (primitive.subs(y, top) - primitive.subs(y, 0)).subs(top, s.curvs[s.i])
    return derivation(
        ("slope in one curvature", slope, "half of the factor 1/(2 - h lambda) of the stationary variance"),
        ("integral from 0", primitive, "checked by differentiation"),
        ("regulariser", sp.Sum(one, (s.i, 0, s.n - 1)), "sum over directions"),
    )


REGULARIZER = Law(
    id="principal_flow.label_noise.regularizer",
    title="Regulariser that label noise adds along the manifold of minima",
    statement="R = -(1/(2h)) sum_i log(1 - h lambda_i/2), which tends to tr H/4",
    quantity=sp.Symbol("R"),
    parameters=(s.learning_rate, s.curvatures.within(real_list(0.2, 6.0, (2, 4)))),
    derive=_regularizer_steps,
    definition=_regularizer_definition,
    sources=(s.BLANC,),
    mutants=(
        mutant_value("tr H/2", lambda learning_rate, curvatures: sum(curvatures) / 2),
        mutant_value("log(1 - h lambda)", lambda learning_rate, curvatures: -sum(
            math.log(abs(1 - learning_rate * c)) for c in curvatures) / (2 * learning_rate)),
    ),
    constraints=(_ALL_STABLE,),
    priority="B",
)  # fmt: skip

LAWS = (CYCLIC, CENTRAL, DECAY, REGULARIZER)
