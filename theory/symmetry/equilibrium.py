"""The drift of a charge under noise, and the point on the orbit where it vanishes: numbers for any spectrum of A.

D(lambda) = -2 wd sum mu_i e^{2 lambda mu_i} c_i^2 + T sum mu_i e^{-2 lambda mu_i} s_i, with c_i = n_i . theta and
s_i = n_i^T Sigma n_i at lambda = 0. Every term decreases, so D has at most one zero, and it attracts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import mpmath


@dataclass(frozen=True)
class Orbit:
    """One orbit exp(lambda A) theta with its noise: eigenvalues of A, components of theta, noise, rates."""

    eigenvalues: Sequence[Any]
    components: Sequence[Any]
    noise: Sequence[Any]
    temperature: Any
    weight_decay: Any

    def drift(self, position: Any) -> Any:
        """Return D(lambda)."""
        return mpmath.fsum(
            m * (self.temperature * s * mpmath.exp(-2 * position * m) - 2 * self.weight_decay * c * c
                 * mpmath.exp(2 * position * m))
            for m, c, s in zip(self.eigenvalues, self.components, self.noise, strict=True)
        )  # fmt: skip

    def relaxation_rate(self, position: Any) -> Any:
        """Return the linear rate -D'/C' of lambda at ``position``, other directions frozen."""
        rows = list(zip(self.eigenvalues, self.components, self.noise, strict=True))
        top = mpmath.fsum(m * m * mpmath.exp(-2 * position * m) * s for m, _, s in rows)
        bottom = mpmath.fsum(m * m * mpmath.exp(2 * position * m) * c * c for m, c, _ in rows)
        return 2 * self.weight_decay + self.temperature * top / bottom

    @property
    def orbit_class(self) -> int:
        """Return 1 if A has eigenvalues of both signs, else 2."""
        return 1 if min(self.eigenvalues) < 0 < max(self.eigenvalues) else 2

    def vanishes(self) -> bool:
        """Whether D is identically zero."""
        rows = zip(self.eigenvalues, self.components, self.noise, strict=True)
        return all(m == 0 or ((self.weight_decay == 0 or c == 0) and s == 0) for m, c, s in rows)

    def exists(self) -> bool:
        """Whether D changes sign, from its limits at both ends of the orbit."""
        rows = list(zip(self.eigenvalues, self.components, self.noise, strict=True))
        decay = self.weight_decay > 0
        falls = any((decay and c != 0 and m > 0) or (s != 0 and m < 0) for m, c, s in rows)
        rises = any((s != 0 and m > 0) or (decay and c != 0 and m < 0) for m, c, s in rows)
        return falls and rises

    def position(self) -> Any:
        """Return lambda*, the root of D, or None; bracketed first, then bisected to the working precision."""
        if not self.exists():
            return None
        reach = 1 / max(abs(m) for m in self.eigenvalues)
        low, high = -reach, reach
        while self.drift(low) <= 0:
            low *= 2
        while self.drift(high) >= 0:
            high *= 2
        # secant steps inside the bracket, each followed by a bisection, cannot leave it
        for _ in range(4 * mpmath.mp.prec):
            middle = (low + high) / 2
            if self.drift(middle) > 0:
                low = middle
            else:
                high = middle
            if high - low <= abs(high) * mpmath.eps * 4 or high - low <= mpmath.eps * reach:
                break
        return (low + high) / 2
