"""Numbers of a curvature law known only by its characteristic function: exponent, log-variance, small moments.

With g(s) = E cos(s (1/eta - h)) and any reference c > 0,

    E|1/eta - h|^p = c^p + (2/pi) Gamma(1+p) sin(pi p/2) int_0^oo s^{-p-1} [cos(c s) - g(s)] ds,   -1 < p < 3

where c^2 = E(1/eta - h)^2 (p < 1 without a second moment, then for any c). The derivatives at p = 0 are
the exponent and the second moment of the logarithm. The integral is damped smoothly at a large s, which costs nothing
beyond all orders unless a component of g does not oscillate.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from theory.stability.characteristic import GAUSS

_EULER = 0.5772156649015329
MAX_NODES = 400_000


@dataclass(frozen=True)
class CharacteristicTable:
    """``psi(s) = E exp(-i s h)`` for s > 0 with a typical size of h and, where finite, its first two moments."""

    psi: Callable[[float], complex]
    scale: float
    moments: tuple[float, float] | None
    periods: float = 60.0
    tables: dict[int, Any] = field(default_factory=dict, compare=False)

    def _table(self, pole: float) -> list[tuple[float, float, complex]]:
        # Tables are shared between learning rates: the panel length is halved until it resolves the pole.
        level = max(0, math.ceil(math.log2((pole + 3 * self.scale) / (4 * self.scale))))
        if level not in self.tables:
            panel = 2.0 / (4 * self.scale * 2**level)
            count = int(9.0 * self.periods / self.scale / panel) + 1
            count = min(count, MAX_NODES // len(GAUSS))
            self.tables[level] = [
                ((s := panel * (index + x)), w * panel, self.psi(s)) for index in range(count) for x, w in GAUSS
            ]
        return self.tables[level]

    def _reference(self, pole: float) -> float:
        if self.moments is None:
            return math.hypot(pole, self.scale)
        mean, second = self.moments
        return math.sqrt(max(pole**2 - 2 * pole * mean + second, 1e-30))

    def _integrals(
        self, eta: float, weight: Callable[[float], float], matched: bool = False
    ) -> tuple[float, float, float]:
        """The integral with a weight in place of s^-p, its change under another damping, and the reference c."""
        pole = 1 / eta
        # A fast reference is damped away sooner; only moments beyond the first need the matched one.
        c = self._reference(pole) if matched else pole + self.scale
        table = self._table(pole)
        values = [
            (s, w * weight(s) / s * (math.cos(c * s) - (cmath.exp(1j * s * pole) * psi).real)) for s, w, psi in table
        ]
        results = []
        for end in (table[-1][0] / 1.5, table[-1][0] / 2.2):
            width = end / 12
            results.append(math.fsum(v * math.erfc((s - end) / width) / 2 for s, v in values))
        return results[0], abs(results[0] - results[1]) + 1e-13, c

    def exponent(self, eta: float) -> float:
        """E log|1 - eta h|."""
        return self.exponent_with_error(eta)[0]

    def exponent_with_error(self, eta: float) -> tuple[float, float]:
        """E log|1 - eta h| and an estimate of its error."""
        integral, error, c = self._integrals(eta, lambda s: 1.0)
        return math.log(eta * c) + integral, error

    def log_variance(self, eta: float) -> float:
        """Var log|1 - eta h|."""
        zero, _, c = self._integrals(eta, lambda s: 1.0, matched=True)
        slope, _, _ = self._integrals(eta, lambda s: -math.log(s), matched=True)
        log_c = math.log(c)
        return log_c**2 - 2 * _EULER * zero + 2 * slope - (log_c + zero) ** 2

    @property
    def highest_moment(self) -> float:
        """The formula holds below this p."""
        return 1.0 if self.moments is None else 3.0

    def moment_exponent(self, eta: float, p: float) -> float:
        """log E|1 - eta h|^p for -1 < p < ``highest_moment``."""
        integral, _, c = self._integrals(eta, lambda s: s**-p, matched=True)
        value = c**p + 2 / math.pi * math.gamma(1 + p) * math.sin(math.pi * p / 2) * integral
        return p * math.log(eta) + (math.log(value) if value > 0 else -math.inf)
