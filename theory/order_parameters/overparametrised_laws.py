"""More students than teachers: two idle students of opposite sign cancel, and label noise makes both grow slowly.

For k teachers and p = k + 2 erf students the errorless states are a manifold: k students on the teachers and two idle
ones w, -w of any length. Constant label noise adds (eta Delta/4) tr H to the loss (H its Hessian, tr H = sum_j
E s'(lambda_j)^2), which falls with the length of the idle pair; the pair therefore grows on the time scale
1/(eta^2 Delta), and the error approaches the floor of k students alone as t^(-1/3).
"""

from __future__ import annotations

import functools
import math
from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.evaluation import to_mp
from theory.law import Law, Regime, mutant_value
from theory.order_parameters import domains as dm
from theory.order_parameters import perfect
from theory.order_parameters.network_parameters import GOLDT
from theory.order_parameters.response import slow_drift
from theory.parameter import Parameter, integer, nonnegative, positive
from theory.source import DERIVED

Q, R = sp.Symbol("Q", positive=True), sp.Symbol("r", positive=True)
ETA, NOISE, TIME, K = dm.LEARNING_RATE.symbol, dm.NOISE.symbol, dm.TIME.symbol, dm.WIDTH.symbol
IDLE = Parameter(
    "idle_overlap", sp.Symbol("Q0", positive=True), "squared norm of the two idle students at the start", positive()
)
_PARAMETERS = (
    dm.WIDTH.within(integer(1, region=(1, 1))),
    IDLE.within(positive(0.3, 1.5)),
    dm.LEARNING_RATE.within(positive(0.05, 0.1)),
    dm.NOISE.within(nonnegative(0.05, 0.2)),
    dm.TIME.within(positive(4e3, 2e4)),
)


def _derive() -> Derivation:
    square = perfect.mu("erf", 2)
    idle, active = square.subs(perfect.T, Q), square.subs(perfect.T, 1)
    extra = ETA * NOISE / 4 * (2 * idle + K * active)
    # the pair w, -w moves together: each student descends its own share of the extra loss, dw = -eta d grad
    drift = sp.factor(-4 * ETA * Q * sp.diff(ETA * NOISE / 4 * idle, Q))
    # r = sqrt(1 + 2Q), dQ = r dr makes the separated equation rational
    rational = sp.cancel((R / drift).subs(Q, (R**2 - 1) / 2) * ETA**2 * NOISE)
    passed = sp.integrate(sp.apart(rational, R), R)
    return derivation(
        ("loss added by label noise", extra, "(eta Delta/4) tr H on the manifold, k students on teachers of norm one"),
        ("drift of Q along the manifold", drift, "dQ/dt = -4 eta Q d/dQ of the share of one idle student"),
        ("time in units of 1/(eta^2 Delta)", passed, "separate variables, r = sqrt(1 + 2Q)"),
        ("clock and error", sp.Tuple(passed, extra), "root of clock(r) - clock(r0) = eta^2 Delta t; error at Q"),
    )


def _evaluate(d: Derivation, values: dict[str, Any], digits: int) -> list[Any]:
    with mpmath.workdps(digits + 10):
        width, start, eta, noise, time = (to_mp(values[p.key]) for p in _PARAMETERS)
        clock, error = (sp.lambdify(s, e, "mpmath") for s, e in zip((R, (Q, K, ETA, NOISE)), d.result, strict=True))
        # the logarithm of an idle pair starts below r = 1; only differences of the clock matter
        first, target = mpmath.sqrt(1 + 2 * start), eta**2 * noise * time
        root = _increasing_root(lambda r: mpmath.re(clock(r) - clock(first)) - target, first)
        q = (root**2 - 1) / 2
        return [q, error(q, width, eta, noise)]


def _increasing_root(function: Any, low: Any) -> Any:
    high = low + 1
    while function(high) < 0:
        high = 2 * high
    return mpmath.findroot(function, (low, high), solver="anderson", tol=mpmath.eps * 100, verify=False)


@functools.lru_cache(maxsize=4)
def _growth_rate(width: int) -> Any:
    """Interpolate the growth rate of log Q between Q = exp(-1.5) and exp(2.5); the singularity is far away."""
    import numpy as np

    half, nodes = 2.0, np.cos(np.pi * (np.arange(14) + 0.5) / 14)
    rates = [slow_drift(width, math.exp(0.5 + half * x))[0] / math.exp(0.5 + half * x) for x in nodes]
    series = np.polynomial.chebyshev.chebfit(nodes, rates, 13)
    return lambda y: float(np.polynomial.chebyshev.chebval((y - 0.5) / half, series))


def _definition(width: Any, idle_overlap: Any, learning_rate: Any, noise_variance: Any, time: Any) -> list[float]:
    """Integrate the slow drift, taken from the ODE of all overlaps, in the logarithm of Q."""
    k, growth = int(width), _growth_rate(int(width))
    y, steps = math.log(float(idle_overlap)), 100
    h = float(learning_rate**2 * noise_variance * time) / steps
    for _ in range(steps):
        a = growth(y)
        b = growth(y + h / 2 * a)
        c = growth(y + h / 2 * b)
        y += h / 6 * (a + 2 * b + 2 * c + growth(y + h * c))
    return [math.exp(y), float(learning_rate * noise_variance) * slow_drift(k, math.exp(y))[1]]


def _frozen(width: int, idle_overlap: float, learning_rate: float, noise_variance: float, **_: Any) -> list[float]:
    return [idle_overlap, learning_rate * noise_variance / 2 / math.pi * (2 + width / math.sqrt(3))]


def _slow(power: float, **v: Any) -> list[float]:
    """Growth with another power of 1 + 2Q in the drift."""
    q, steps = v["idle_overlap"], 400
    h = v["learning_rate"] ** 2 * v["noise_variance"] * v["time"] / steps
    for _ in range(steps):
        q += h * 2 / math.pi * q / (1 + 2 * q) ** power
    size = v["learning_rate"] * v["noise_variance"] / 2 / math.pi
    return [q, size * (v["width"] / math.sqrt(3) + 2 / math.sqrt(1 + 2 * q))]


LAWS = (
    Law(
        id="order_parameters.overparametrised.relaxation",
        title="slow growth of two idle students and of the floor under label noise",
        statement="erf, orthonormal teacher of k units (width), p = k + 2, second layers one, two idle students w, -w: "
        "value [Q of an idle student, error] at time t; late, the error approaches the floor of k students as "
        "t^(-1/3).",
        quantity=sp.Symbol("Q, eps"),
        parameters=_PARAMETERS,
        derive=_derive,
        definition=_definition,
        evaluator=_evaluate,
        sources=(GOLDT, DERIVED),
        regime=Regime("eta -> 0 and Delta -> 0 at fixed eta**2*Delta*t", "O(eta) + O(Delta)"),
        rungs=("algebra", "flow"),
        priority="C",
        tolerance=1e-6,
        gate_points=4,
        mutants=(
            mutant_value("the small-rate floor, nothing grows", _frozen),
            mutant_value("power 1/2 for 3/2 in the drift", lambda **v: _slow(0.5, **v)),
            mutant_value(
                "drift twice as large",
                lambda **v: _slow(1.5, **{**v, "time": 2 * v["time"]}),
            ),
        ),
    ),
)
