"""Laws of minibatch methods: shuffled and iid SGD, and the diffusion that interpolates SGD on a quadratic."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.law import Law, Regime, mutant_value
from theory.parameter import Constraint, Parameter, positive, real_list
from theory.principal_flow import symbols as s
from theory.principal_flow.formal_orbit import Series
from theory.source import DERIVED

_G, _K = sp.IndexedBase("g"), sp.IndexedBase("H")
BATCH_GRADIENTS = Parameter(
    "batch_gradients",
    _G,
    "gradient of every batch at the point (one dimension)",
    real_list(-2.0, 2.0, (3, 4)),
    length=s.m,
)
BATCH_CURVATURES = Parameter("batch_curvatures", _K, "second derivative of every batch", real_list(-2.0, 3.0, (3, 4)))
_BATCHES = (s.learning_rate, BATCH_GRADIENTS, BATCH_CURVATURES)
_EQUAL = s.same_lengths("batch_gradients", "batch_curvatures")
_sum_g = sp.Sum(_G[s.k], (s.k, 0, s.m - 1))
_sum_h = sp.Sum(_K[s.k], (s.k, 0, s.m - 1))
_sum_hg = sp.Sum(_K[s.k] * _G[s.k], (s.k, 0, s.m - 1))


def _batch_steps(shuffled: bool) -> Callable[[], Derivation]:
    def derive() -> Derivation:
        mean_g, mean_h, mean_hg = sp.symbols("gbar Hbar mean(Hg)")
        m, h = s.m, s.h
        # An epoch moves by -h m gbar + h^2 sum_{j<k} H_k g_j.
        pairs = (m**2 * mean_h * mean_g - m * mean_hg) / 2 if shuffled else m * (m - 1) / 2 * mean_h * mean_g
        flow = m**2 * mean_h * mean_g / 2
        second = sp.expand((pairs - flow) / m)
        field = -mean_g + h * second
        final = -_sum_g / m + h * second.subs(
            {mean_hg: _sum_hg / m, mean_h: _sum_h / m, mean_g: _sum_g / m}, simultaneous=True
        )
        return derivation(
            ("second order of an epoch", sp.Symbol("sum_{j<k} H_k g_j"), "Taylor series of consecutive steps"),
            ("mean over orders", pairs, "permutations: all pairs j != k once" if shuffled else "independent draws"),
            ("second order of a flow of duration m h", flow, "theta'' = Hbar gbar"),
            ("field", field, "difference divided by the duration"),
            ("in the batches", final, "means written out"),
        )

    return derive


def _epoch_definition(shuffled: bool) -> Callable[..., Any]:
    """Enumerate all orders of the quadratic batches; match an epoch with a flow of duration m h to second order."""

    def definition(learning_rate: Any, batch_gradients: Any, batch_curvatures: Any) -> Any:
        m = len(batch_gradients)
        orders = itertools.permutations(range(m)) if shuffled else itertools.product(range(m), repeat=m)
        first, second, count = mpmath.mpf(0), mpmath.mpf(0), 0
        for order in orders:
            x = Series((mpmath.mpf(0),), 2)
            for index in order:
                x = x - Series((0, 1), 2) * (x * batch_curvatures[index] + batch_gradients[index])
            first, second, count = first + x.term(1), second + x.term(2), count + 1
        mean_h = mpmath.fsum(batch_curvatures) / m
        f1 = first / (count * m)
        f2 = (second / count - mpmath.mpf(m) ** 2 / 2 * (-mean_h) * f1) / m
        return f1 + learning_rate * f2

    return definition


def batch_field(shuffled: bool, factor: float = 1.0) -> Callable[..., float]:
    """The field in floats, with the second term multiplied by ``factor`` (for mutants)."""

    def value(learning_rate: float, batch_gradients: list[float], batch_curvatures: list[float]) -> float:
        m = len(batch_gradients)
        mean = sum(batch_gradients) / m
        pairs = sum(a * c for a, c in zip(batch_gradients, batch_curvatures)) / m
        other = mean * sum(batch_curvatures) / m
        return -mean - factor * learning_rate / 2 * (pairs if shuffled else other)

    return value


def _batch_law(shuffled: bool) -> Law:
    name = "sgd_shuffled" if shuffled else "sgd_iid"
    mutants = [mutant_value(("iid" if shuffled else "shuffled") + " formula", batch_field(not shuffled))]
    if shuffled:
        mutants += [mutant_value("factor 2", batch_field(True, 2.0)), mutant_value("sign", batch_field(True, -1.0))]
    return Law(
        id=f"principal_flow.modified_field.{name}",
        title="Mean modified field of SGD with " + ("random shuffling" if shuffled else "independent batches"),
        statement="mean over orders: "
        + (
            "-gbar - (h/2) mean_k(H_k g_k), the gradient flow of C + (h/4) mean_k |grad C_k|^2"
            if shuffled
            else "-gbar - (h/2) Hbar gbar"
        ),
        quantity=sp.Symbol("thetadot"),
        parameters=_BATCHES,
        derive=_batch_steps(shuffled),
        definition=_epoch_definition(shuffled),
        sources=(s.SMITH,),
        mutants=tuple(mutants),
        rungs=("algebra", "sgd", "net"),
        regime=Regime("learning_rate -> 0", "O(m^3 h^3) per epoch"),
        constraints=(_EQUAL,),
    )


_NOISE = Parameter(
    "gradient_noise_variance",
    sp.Symbol("v", positive=True),
    "variance of the additive gradient noise",
    positive(0.2, 2.0),
)
_OU = (s.learning_rate.within(positive(0.1, 0.5)), s.curvature.within(positive(0.2, 1.9)), _NOISE)
_STABLE_OU = (s.learning_rate.within(positive(0.1, 0.9)), s.curvature.within(positive(0.2, 2.1)), _NOISE)
_BELOW_ONE = Constraint(
    lambda v: 0 < v["learning_rate"] * v["curvature"] < 1,
    "learning_rate * curvature must lie in (0, 1); beyond 1 no real diffusion passes through the iterates",
)
_BELOW_TWO = Constraint(
    lambda v: 0 < v["learning_rate"] * v["curvature"] < 2,
    "learning_rate * curvature must lie in (0, 2); elsewhere there is no stationary state",
)


def _diffusion_steps() -> Derivation:
    a, q = sp.symbols("a q")
    rate = sp.log(1 - s.h * s.lam) / s.h
    match = sp.Eq(q * (sp.exp(2 * a * s.h) - 1) / (2 * a), s.h**2 * _NOISE.symbol)
    # Only e^(a h) = 1 - x enters the exponential; the remaining a is the drift.
    solution = sp.solve(sp.Eq(q * ((1 - s.h * s.lam) ** 2 - 1) / (2 * rate), s.h**2 * _NOISE.symbol), q)[0]
    return derivation(
        ("drift", rate, "e^(a h) = 1 - h lambda"),
        ("variance after time h", match, "Ornstein-Uhlenbeck against one step of SGD"),
        ("diffusion", sp.factor(solution), "solve for q"),
    )


def _diffusion_definition(learning_rate: Any, curvature: Any, gradient_noise_variance: Any) -> Any:
    a = mpmath.findroot(lambda z: mpmath.exp(z * learning_rate) - 1 + learning_rate * curvature, -curvature)
    gained = mpmath.quad(lambda t: mpmath.exp(2 * a * t), [0, learning_rate])
    return learning_rate**2 * gradient_noise_variance / gained


DIFFUSION = Law(
    id="principal_flow.sgd_interpolation.diffusion",
    title="Diffusion of the Ornstein-Uhlenbeck process that SGD on a quadratic samples",
    statement="SGD with additive noise of variance v is the process dx = a x dt + sqrt(q) dW at multiples of h, "
    "a = log(1-x)/h and q = 2 h v log(1-x)/(x (x-2)), x = h lambda in (0, 1)",
    quantity=sp.Symbol("q"),
    parameters=_OU,
    derive=_diffusion_steps,
    definition=_diffusion_definition,
    sources=(DERIVED,),
    mutants=(
        mutant_value("h v", lambda learning_rate, curvature, gradient_noise_variance: (
            learning_rate * gradient_noise_variance)),
        mutant_value("h v/(1-x/2)", lambda learning_rate, curvature, gradient_noise_variance: (
            learning_rate * gradient_noise_variance / (1 - learning_rate * curvature / 2))),
    ),
    rungs=("algebra", "chain", "sgd"),
    constraints=(_BELOW_ONE,),
)  # fmt: skip


def _stationary_steps() -> Derivation:
    v = sp.Symbol("V")
    fixed = sp.Eq(v, (1 - s.h * s.lam) ** 2 * v + s.h**2 * _NOISE.symbol)
    return derivation(
        ("recursion of the variance", fixed, "theta' = (1 - h lambda) theta - h noise"),
        ("stationary variance", sp.factor(sp.solve(fixed, v)[0]), "fixed point"),
    )


def _stationary_definition(learning_rate: Any, curvature: Any, gradient_noise_variance: Any) -> Any:
    """Sum over the past of the squared weights of the noise."""
    weight = (1 - learning_rate * curvature) ** 2
    total, term = mpmath.mpf(0), learning_rate**2 * gradient_noise_variance
    while term > total * mpmath.mpf(10) ** (-mpmath.mp.dps - 3):
        total, term = total + term, term * weight
    return total + term / (1 - weight)


STATIONARY = Law(
    id="principal_flow.sgd_interpolation.stationary_variance",
    title="Stationary variance of SGD on a quadratic",
    statement="h v/(lambda (2 - h lambda)) for 0 < h lambda < 2",
    quantity=sp.Symbol("Var(theta)"),
    parameters=_STABLE_OU,
    derive=_stationary_steps,
    definition=_stationary_definition,
    sources=(DERIVED,),
    mutants=(
        mutant_value("h v/(2 lambda)", lambda learning_rate, curvature, gradient_noise_variance: (
            learning_rate * gradient_noise_variance / (2 * curvature))),
    ),
    rungs=("algebra", "chain", "sgd"),
    constraints=(_BELOW_TWO,),
)  # fmt: skip

LAWS = (_batch_law(True), _batch_law(False), DIFFUSION, STATIONARY)
