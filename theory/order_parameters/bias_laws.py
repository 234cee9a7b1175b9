"""The mean of the overlaps at finite dimension: its distance from the ODE is b(t)/d, with b from the second order.

Four effects of order 1/d add up: the curvature of the drift times the fluctuations (Sigma/d), the exact length of the
inputs and the pairs of samples in one step, the cross term of decay and gradient, and the discreteness of time.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import sympy as sp

from theory.derivation import Derivation, derivation
from theory.gaussian.quadrature import numeric_function, smooth_mean
from theory.law import Law, Mutant, Regime
from theory.order_parameters import domains as dm
from theory.order_parameters.activation import X, activation
from theory.order_parameters.clt_laws import PARAMETERS, diffusion, drift, jacobian, pack, plain, unpack
from theory.order_parameters.network_parameters import FITS
from theory.order_parameters.one_step_laws import cross_terms
from theory.order_parameters.state import State, state_of
from theory.order_parameters.trajectory import integrate, parts
from theory.parameter import integer, nonnegative
from theory.source import DERIVED

EFFECTS = ("curvature", "one step", "discreteness")


def _derive(activation: str = "erf", teacher_activation: str = "same") -> Derivation:
    b, f, g, j = (sp.Symbol(name, commutative=False) for name in ("b", "f", "g", "J"))
    h, sigma = sp.Symbol("d2f", commutative=False), sp.Symbol("Sigma", commutative=False)
    d = dm.DIMENSION.symbol
    return derivation(
        ("one step", sp.Symbol("E[x' - x | x]"), "f/d + g/d^2 exactly: g has z'Omega^-1 z - m, pairs, decay"),
        ("mean of the drift", f + (h * sigma / 2 + j * b) / d, "x = ODE + b/d + fluctuation of covariance Sigma/d"),
        ("difference and derivative", f - j * f / (2 * d), "x(t + 1/d) - x(t) = x'/d + x''/(2 d^2), x'' = J f"),
        (
            "equation of b",
            j * b + h * sigma / 2 + g - j * f / 2,
            "db/dt, b(0) = 0; dSigma/dt = J Sigma + Sigma J' + Dm",
        ),
        ("bias", b / d, "mean of the overlaps minus the ODE"),
    )


def _one_step_rest(state: State) -> Any:
    """Return g: d^2 times the exact mean of one step minus d times the drift (M row by row, Q upper triangle)."""
    import numpy as np

    def noise(s: float) -> Any:
        scaled = {k: [[s * float(x) for x in row] for row in getattr(state, k)] for k in "qmp"}
        return parts(replace(state, **scaled))["noise"]

    h = 1e-3
    near, far = ((noise(1 + n * h) - noise(1 - n * h)) / (2 * n * h) for n in (1, 2))
    pairs = np.array(cross_terms(state), dtype=float) if state.batch > 1 else 0.0
    decay = state.decay * (state.decay * np.array(state.q) - parts(state)["learning"])
    g = 2 * (4 * near - far) / 3 + pairs + decay
    return np.concatenate([np.zeros(state.students * state.teachers), g[np.triu_indices(state.students)]])


def _curvature(x: Any, sigma: Any, state: State) -> Any:
    """Return half the second derivative of the drift contracted with Sigma, along the eigenvectors of Sigma."""
    import numpy as np

    values, vectors = np.linalg.eigh(sigma)
    middle, h = drift(x, state), 2e-3
    total = np.zeros(len(x))
    for value, v in zip(values, vectors.T, strict=True):
        near, far = (
            (drift(x + n * h * v, state) - 2 * middle + drift(x - n * h * v, state)) / (n * h) ** 2 for n in (1, 2)
        )
        total += value * (4 * near - far) / 6
    return total


def bias_at(values: dict[str, Any], effects: tuple[str, ...] = EFFECTS) -> list[float]:
    """Integrate db/dt along the ODE; return b(t)/d."""
    import numpy as np
    from scipy.integrate import solve_ivp

    state = state_of(values, exact=False)
    x0 = pack(state)
    n = len(x0)

    def field(_: float, y: Any) -> Any:
        x, sigma, b = y[:n], y[n : n + n * n].reshape(n, n), y[n + n * n :]
        j, f, now = jacobian(x, state), drift(x, state), unpack(x, state)
        push = j @ b
        if "curvature" in effects:
            push = push + _curvature(x, (sigma + sigma.T) / 2, state)
        if "one step" in effects:
            push = push + _one_step_rest(now)
        if "discreteness" in effects:
            push = push - j @ f / 2
        return np.concatenate([f, (j @ sigma + sigma @ j.T + diffusion(now)).ravel(), push])

    start = np.concatenate([x0, np.zeros(n * n + n)])
    solved = solve_ivp(field, (0.0, float(values["time"])), start, method="DOP853", rtol=1e-6, atol=1e-8)
    return [float(b) / float(values["dimension"]) for b in solved.y[n + n * n :, -1]]


def _step_moments(state: State, d: float) -> tuple[Any, Any]:
    """Mean (exact at dimension d) and covariance (leading) of the change in one step, times d, by quadrature."""
    import numpy as np

    p, size = state.students, state.students + state.teachers
    s, t = (numeric_function(activation(n).expression, (X,)) for n in (state.activation, state.teacher_activation))
    ds = numeric_function(activation(state.activation).derivative, (X,))
    b, a, eta, batch = [float(w) for w in state.weights], state.a, float(state.eta), float(state.batch)
    omega = np.array([[float(x) for x in row] for row in state.covariance])
    inverse = np.linalg.inv(omega)
    pairs = [(j, l) for j in range(p) for l in range(j, p)]
    m = p * state.teachers

    def integrand(*z: Any) -> Any:
        # three nodes for the label noise are exact: its power is at most four
        return sum(w * at_noise(np.stack(z), x) for x, w in ((-(3**0.5), 1 / 6), (0.0, 2 / 3), (3**0.5, 1 / 6)))

    def at_noise(fields: Any, xi: float) -> Any:
        e = sum(w * (s(f) if u < p else t(f)) for u, (w, f) in enumerate(zip(b, fields, strict=True)))
        e = e + float(state.noise) ** 0.5 * xi
        push = [eta * a[j] * e * ds(fields[j]) for j in range(p)]
        length = (d - size + np.einsum("un,uv,vn->n", fields, inverse, fields)) / d
        rows = [push[j] * f for j in range(p) for f in fields[p:]]
        linear = [push[j] * fields[l] + push[l] * fields[j] for j, l in pairs]
        square = [push[j] * push[l] / batch for j, l in pairs]
        whole = rows + [x + y for x, y in zip(linear, square, strict=True)]
        along = [push[j] * f for j in range(p) for f in fields]
        exact = rows + [x + y * length for x, y in zip(linear, square, strict=True)]
        return np.stack([*exact, *along, *whole, *(x * y for x in whole for y in whole)])

    flat = np.array(smooth_mean(integrand, omega, 30))
    n = m + len(pairs)
    mean, along, first, second = (
        flat[:n],
        flat[n : n + p * size].reshape(p, size),
        flat[n + p * size :][:n],
        flat[-n * n :],
    )
    cross = along @ inverse @ along.T * (batch - 1) / batch / d
    omega_rate = float(state.decay)
    q = np.array([[float(x) for x in row] for row in state.q])
    shrink = 1 - omega_rate / d
    mean = mean + np.array([0.0] * m + [cross[j, l] for j, l in pairs])
    own = along[:, :p] + along[:, :p].T
    decay = [-omega_rate * float(x) for row in state.m for x in row]
    decay += [(shrink**2 - 1) * d * q[j, l] + (shrink - 1) * own[j, l] for j, l in pairs]
    return mean + np.array(decay), (second.reshape(n, n) - np.outer(first, first)) / batch


def _definition(**values: Any) -> list[float]:
    """Recursion of mean and covariance with Gaussian sigma points and exact steps at four d, extrapolated."""
    import numpy as np

    given = {k: plain(v) for k, v in values.items()}
    state, time = state_of(given, exact=False), float(given["time"])
    start = pack(state)
    n, m = len(start), state.students * state.teachers
    nodes, weights = np.polynomial.hermite_e.hermegauss(3)
    grid = np.stack([g.ravel() for g in np.meshgrid(*[nodes] * n, indexing="ij")])
    weight = np.prod(np.stack([g.ravel() for g in np.meshgrid(*[weights / weights.sum()] * n)]), axis=0)
    end = integrate({k: v for k, v in given.items() if k not in ("time", "dimension")}, time)
    upper = n - m
    reference = np.array(end[upper : upper + m] + end[:upper])

    def bias(steps: int) -> Any:
        d = steps / time
        mean, covariance = start, np.zeros((n, n))
        for _ in range(steps):
            values_, vectors = np.linalg.eigh(covariance)
            points = (
                (vectors * np.sqrt(np.clip(values_, 0.0, None) / d)) @ grid if covariance.any() else np.zeros((n, 1))
            )
            share = weight if covariance.any() else np.ones(1)
            moments = [_step_moments(unpack(mean + x, state), d) for x in points.T]
            f = np.stack([a for a, _ in moments], 1)
            average = f @ share
            mixed = (points * share) @ (f - average[:, None]).T
            noise = sum(w * c for w, (_, c) in zip(share, moments, strict=True))
            spread = (f - average[:, None]) * share @ (f - average[:, None]).T
            mean = mean + average / d
            covariance = covariance + mixed + mixed.T + (noise + spread) / d
        return d * (mean - reference)

    levels = [bias(steps) for steps in (8, 16, 32, 64)]
    for order in (1, 2, 3):
        levels = [(2**order * b - a) / (2**order - 1) for a, b in itertools.pairwise(levels)]
    return [float(x) / float(given["dimension"]) for x in levels[0]]


def _without(effect: str) -> Mutant:
    kept = tuple(e for e in EFFECTS if e != effect)
    return Mutant(f"without the {effect}", lambda law, values: bias_at(law.complete(values), kept))


def _scaled(name: str, factor: Callable[[float], float]) -> Mutant:
    return Mutant(name, lambda law, values: [x * factor(values["dimension"]) for x in law(**values)])


LAWS = (
    Law(
        id="order_parameters.fluctuation.mean_bias",
        title="mean of the overlaps minus the ODE, of order 1/d",
        statement="Mean over runs minus ODE = b(t)/d + O(1/d^2), db/dt = J b + (1/2) d2f Sigma + g - (1/2) J f; order "
        "M row by row, then Q upper triangle; second layer fixed.",
        quantity=sp.Symbol("E[overlaps] - ODE"),
        parameters=(
            *(p if p.key != "time" else p.within(nonnegative(0.2, 0.6)) for p in PARAMETERS),
            dm.DIMENSION.within(integer(1, region=(10, 40))),
        ),
        derive=_derive,
        definition=_definition,
        evaluator=lambda d, values, digits: bias_at(values),
        structure=("activation", "teacher_activation"),
        display={"activation": "erf", "teacher_activation": "same"},
        constraints=(FITS,),
        regime=Regime("d -> infinity", "O(1/d**2)"),
        sources=(DERIVED,),
        rungs=("algebra", "chain", "sgd"),
        priority="B",
        # the definition is extrapolated from finite dimensions
        tolerance=1e-4,
        gate_points=1,
        mutants=(
            _without("curvature"),
            _without("one step"),
            _without("discreteness"),
            _scaled("d^(-1/2) for 1/d", lambda d: d**0.5),
        ),
    ),
)
