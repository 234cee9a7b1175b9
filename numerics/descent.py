"""Deterministic chains of gradient methods, and the continuous field that passes through their iterates."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import root

from numerics.errors import InvalidSample, NumericsError

Gradient = Callable[[np.ndarray], np.ndarray]
METHODS = ("gd", "heavy-ball", "nesterov", "adam", "adam-outside")


@dataclass(frozen=True)
class Method:
    """A gradient method with its settings; ``adam`` is in its steady state (no bias correction)."""

    name: str
    learning_rate: float
    momentum: float = 0.0
    second_moment_decay: float = 0.0
    epsilon: float = 0.0

    def __post_init__(self) -> None:
        """Refuse unknown methods."""
        if self.name not in METHODS:
            raise NumericsError(f"method {self.name!r} is unknown; choose one of {', '.join(METHODS)}.")

    def run(self, gradient: Gradient, start: np.ndarray, steps: int) -> np.ndarray:
        """Return the iterates 0..steps, shape (steps + 1, d), from rest."""
        x = np.array(start)
        memory, square = np.zeros_like(x), np.zeros_like(x)
        if self.name.startswith("adam"):
            memory, square = gradient(x), gradient(x) ** 2
        orbit = np.empty((steps + 1, len(x)), dtype=x.dtype)
        orbit[0] = x
        for k in range(steps):
            x, memory, square = self._step(gradient, x, memory, square)
            orbit[k + 1] = x
        return orbit

    def _step(self, gradient: Gradient, x: Any, memory: Any, square: Any) -> tuple[Any, Any, Any]:
        h, b, r = self.learning_rate, self.momentum, self.second_moment_decay
        if self.name == "gd":
            return x - h * gradient(x), memory, square
        if self.name in ("heavy-ball", "nesterov"):
            memory = b * memory - h * gradient(x + b * memory if self.name == "nesterov" else x)
            return x + memory, memory, square
        g = gradient(x)
        memory, square = b * memory + (1 - b) * g, r * square + (1 - r) * g * g
        outside = self.name == "adam-outside"
        scale = np.sqrt(square) + self.epsilon if outside else np.sqrt(square + self.epsilon)
        return x - h * memory / scale, memory, square


def logarithm_of_iterates(iterates: np.ndarray, learning_rate: float) -> np.ndarray:
    """Return the field at iterate 0 of the flow through the iterates: ``sum_m (-1)^(m+1)/m Delta^m x_0 / h``.

    The error is of the order h^(number of iterates - 1): the route without any differential equation.
    """
    total, difference = np.zeros_like(iterates[0]), iterates
    for m in range(1, len(iterates)):
        difference = np.diff(difference, axis=0)
        total = total + (-1) ** (m + 1) / m * difference[0]
    return total / learning_rate


def stencil_derivative(values: np.ndarray) -> np.ndarray:
    """Return the derivative at the middle of an odd number of equally spaced values (spacing 1), of highest order."""
    half = len(values) // 2
    if len(values) != 2 * half + 1 or half < 1:
        raise NumericsError(f"{len(values)} values have no middle; give an odd number, at least 3.")
    total = np.zeros_like(values[0])
    for k in range(1, half + 1):
        weight = (-1) ** (k + 1) * math.comb(2 * half, half + k) / math.comb(2 * half, half) * 1.0 / k
        total = total + weight * (values[half + k] - values[half - k])
    return total


def slow_field(method: Method, gradient: Gradient, point: np.ndarray, burn_in: int, half: int = 6) -> np.ndarray:
    """Return the velocity per time h with which a burnt-in orbit passes through ``point``.

    The start is found by shooting, so that iterate ``burn_in`` lies at the point; the velocity is the derivative of
    the iterates there by a wide central stencil. Raises InvalidSample if the shooting fails.
    """

    def miss(start: np.ndarray) -> np.ndarray:
        return (method.run(gradient, start, burn_in)[-1] - point) / method.learning_rate

    # First guess: back along straight pieces, as fast as the orbit itself moves at each of them.
    guess, piece = np.array(point), 8
    for _ in range(max(1, burn_in // piece)):
        guess = guess - (method.run(gradient, guess, 3 * piece)[-1] - method.run(gradient, guess, 2 * piece)[-1])
    found = root(miss, guess, tol=1e-14)
    if not np.all(np.abs(miss(found.x)) < 1e-7):
        raise InvalidSample(f"no start leads to the point after {burn_in} steps of {method.name}; shorten the burn-in.")
    orbit = method.run(gradient, found.x, burn_in + half)
    return stencil_derivative(orbit[burn_in - half :]) / method.learning_rate


def extrapolate(values: list[float], sizes: list[float]) -> tuple[float, float]:
    """Extrapolate values at sizes h to h = 0 by Neville; return the limit and the last correction as its error.

    >>> limit, _ = extrapolate([1 + 0.1, 1 + 0.05, 1 + 0.025], [0.1, 0.05, 0.025])
    >>> round(limit, 12)
    1.0
    """
    table = list(values)
    last = table[-1]
    error = math.inf
    for level in range(1, len(values)):
        for index in range(len(values) - 1, level - 1, -1):
            ratio = sizes[index - level] / sizes[index]
            table[index] = table[index] + (table[index] - table[index - 1]) / (ratio - 1)
        error, last = abs(table[-1] - last), table[-1]
    return last, error
