"""A slice of a tanh network on the digits (one hidden unit free): modified fields of methods, term by term.

The derivatives of the slice at its origin are written down here, because they are parameters of the laws; every
experiment compares them with those of the network first.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from scipy.optimize import root

from checks.check import Context, Measured
from numerics import flows
from numerics.descent import Method, extrapolate, logarithm_of_iterates, slow_field, stencil_derivative
from numerics.errors import InvalidSample
from numerics.tanh_net import UnitSlice

SLICE = UnitSlice(seed=1)
GRADIENT = [-0.084622568, 0.022761741, 0.3584955]
HESSIAN = [
    [0.096299729, 0.002001328, -0.242701192],
    [0.002001328, -0.050848825, 0.049415363],
    [-0.242701192, 0.049415363, 0.280898906],
]
THIRD = [-0.042729975, -0.006816074, 0.013077658]
BATCHES = tuple(UnitSlice(seed=1, batch=b, batches=40) for b in range(3))
BATCH_GRADIENTS = [-0.070790235, -0.378695198, -0.057092038]
BATCH_THIRDS = [0.017277543, 1.041856153, -0.041942554]
BATCH_CURVATURES = [-0.013304237, 0.143656183, -0.038925169]


@functools.lru_cache(maxsize=1)
def _verified() -> UnitSlice:
    """The slice, after its derivatives were found to be the written ones."""
    origin = torch.zeros(3, dtype=torch.float64)
    slope, hessian = flows.gradient_and_hessian(SLICE.loss, origin)
    third = flows.third_contraction(SLICE.loss, origin)
    pairs = [(slope, GRADIENT), (hessian, HESSIAN), (third, THIRD)]
    for batch, g, c in zip(BATCHES, BATCH_GRADIENTS, BATCH_CURVATURES):
        found = flows.gradient_and_hessian(batch.loss, origin)
        pairs += [(found[0][0], g), (found[1][0, 0], c)]
    e = np.array([1e-3, 0.0, 0.0])
    for batch, third in zip(BATCHES, BATCH_THIRDS):
        bend = (batch.gradient(e) - 2 * batch.gradient(0 * e) + batch.gradient(-e))[0] / e[0] ** 2
        # A central difference is good to about 1e-6 here.
        pairs.append((torch.tensor(1e-3 * bend), 1e-3 * third))
    miss = max(float((a - torch.tensor(c, dtype=torch.float64)).abs().max()) for a, c in pairs)
    if miss > 1e-8:
        raise InvalidSample(f"the written derivatives of the slice are off by {miss:.1e}; write the present ones down.")
    return SLICE


def field_term(_: Context, *, power: int, **__: Any) -> Measured:
    """Coefficient of h^power in the field through literal iterates, fitted over twelve learning rates."""
    slope = _verified().gradient
    nodes = 0.05 * (1.3 + np.cos(np.pi * (np.arange(12) + 0.5) / 12))
    rows = np.array(
        [logarithm_of_iterates(Method("gd", float(h)).run(slope, np.zeros(3), 10), float(h)) for h in nodes]
    )
    fits = [
        np.array([np.polynomial.Polynomial.fit(nodes, row, degree).convert().coef[power] for row in rows.T])
        for degree in (5, 6)
    ]
    return Measured(fits[1].tolist(), np.abs(fits[1] - fits[0]).tolist())


def drift(_: Context, *, learning_rate: float, **__: Any) -> Measured:
    """Step minus gradient flow over h^2 as h -> 0, times h^2 of the case."""
    loss = _verified().loss
    start, g = torch.zeros(3, dtype=torch.float64), np.array(GRADIENT)
    sizes = [0.4 / 2**k for k in range(5)]
    rows = [
        (SLICE.gradient(np.zeros(3)) * -h - flows.flow(flows.gradient_flow(loss), start, h, 12).numpy()) / h**2
        for h in sizes
    ]
    found = [extrapolate([float(row[c]) for row in rows], sizes) for c in range(len(g))]
    return Measured([v * learning_rate**2 for v, _e in found], [e * learning_rate**2 for _v, e in found])


def _limit(speeds: Callable[[float], np.ndarray], first: np.ndarray, sizes: Sequence[float]) -> Measured:
    """(speed - first term)/h extrapolated to h = 0, component by component."""
    rows = [(speeds(h) - first) / h for h in sizes]
    found = [extrapolate([float(row[c]) for row in rows], list(sizes)) for c in range(len(first))]
    return Measured([v for v, _e in found], [e for _v, e in found])


def momentum_loss(_: Context, *, method: str, learning_rate: float, momentum: float, **__: Any) -> Measured:
    """C of E/(1-b) + C |g|^2: the second term of burnt-in orbits projected on H g, times the learning rate."""
    slope = _verified().gradient

    def speed(h: float) -> np.ndarray:
        return slow_field(Method(method, h, momentum), slope, np.zeros(3), 50)

    found = _limit(speed, -np.array(GRADIENT) / (1 - momentum), (0.008, 0.004, 0.002, 0.001))
    pull = np.array(HESSIAN) @ np.array(GRADIENT)
    weights = -pull / (2 * pull @ pull) * learning_rate
    return Measured(float(weights @ np.array(found.estimate)), float(np.abs(weights) @ np.array(found.error)))


_ADAPTIVE_SIZES = (0.006, 0.003, 0.0015)


def adaptive_term(
    _: Context, *, method: str, second_moment_decay: float, epsilon: float, momentum: float = 0.0, **__: Any
) -> Measured:
    """(speed - first term)/h of burnt-in literal orbits of Adam or RMSProp on the slice, extrapolated to h = 0."""
    slope = _verified().gradient

    def speed(h: float) -> np.ndarray:
        run = Method(method, h, momentum, second_moment_decay, epsilon)
        return slow_field(run, slope, np.zeros(3), 64)

    return _limit(speed, first_term(epsilon, outside=method == "adam-outside"), _ADAPTIVE_SIZES)


def first_term(epsilon: float, *, outside: bool) -> np.ndarray:
    """The first term -g/R at the origin of the slice."""
    g = np.array(GRADIENT)
    return -g / (np.abs(g) + epsilon if outside else np.sqrt(g * g + epsilon))


def library_term(
    _: Context, *, library: str, second_moment_decay: float, epsilon: float, momentum: float = 0.0, **__: Any
) -> Measured:
    """The same of torch.optim.Adam or RMSprop (epsilon outside the root), with the bias correction burnt in."""
    slope, burn_in = _verified().gradient, 64

    def orbit(h: float, start: np.ndarray, steps: int) -> np.ndarray:
        w = torch.tensor(start, dtype=torch.float64, requires_grad=True)
        optimizer: torch.optim.Optimizer
        if library == "adam":
            optimizer = torch.optim.Adam([w], lr=h, betas=(momentum, second_moment_decay), eps=epsilon)
        else:
            optimizer = torch.optim.RMSprop([w], lr=h, alpha=second_moment_decay, eps=epsilon)
        points = [w.detach().numpy().copy()]
        for _step in range(steps):
            w.grad = torch.from_numpy(slope(w.detach().numpy()))
            optimizer.step()
            points.append(w.detach().numpy().copy())
        return np.array(points)

    def speed(h: float) -> np.ndarray:
        guess = np.zeros(3)
        for _piece in range(8):
            guess = guess - np.diff(orbit(h, guess, 24)[[16, 24]], axis=0)[0]
        found = root(lambda start: orbit(h, start, burn_in)[-1] / h, guess, tol=1e-13)
        return stencil_derivative(orbit(h, found.x, burn_in + 6)[burn_in - 6 :]) / h

    return _limit(speed, first_term(epsilon, outside=True), _ADAPTIVE_SIZES)


def epoch_term(_: Context, *, shuffled: bool, power: int = 1, **__: Any) -> Measured:
    """Coefficient of h^power in the mean displacement over m h of an epoch, over all orders of the three batches.

    The first input weight of the unit moves, the rest is frozen.
    """
    _verified()
    m = len(BATCHES)
    orders = list(itertools.permutations(range(m)) if shuffled else itertools.product(range(m), repeat=m))

    def displacement(h: float) -> float:
        total = 0.0
        for order in orders:
            z = np.zeros(3)
            for k in order:
                z[0] -= h * BATCHES[k].gradient(z)[0]
            total += float(z[0]) / len(orders)
        return total / (m * h)

    nodes = 0.1 * (1.3 + np.cos(np.pi * (np.arange(10) + 0.5) / 10))
    values = [displacement(float(h)) for h in nodes]
    fits = [np.polynomial.Polynomial.fit(nodes, values, degree).convert().coef[power] for degree in (6, 7)]
    return Measured(float(fits[1]), float(abs(fits[1] - fits[0])))
