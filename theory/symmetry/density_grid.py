"""Stationary densities from their logarithmic slope, on Gauss panels in z = ln v: means, quantiles, normalisation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from theory.errors import DerivationError

if TYPE_CHECKING:
    import numpy as np

_NODES = 16


@lru_cache(maxsize=1)
def _rule() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gauss nodes and weights on [-1, 1], and the matrix of integrals of the Lagrange basis from -1 to each node."""
    import numpy as np
    from numpy.polynomial import legendre

    nodes, weights = legendre.leggauss(_NODES)
    basis = np.linalg.inv(legendre.legvander(nodes, _NODES - 1))
    partial = np.stack([legendre.legval(nodes, legendre.legint(row, lbnd=-1)) for row in np.eye(_NODES)], axis=1)
    return nodes, weights, partial @ basis


@dataclass(frozen=True)
class DensityGrid:
    """A normalised density of z on Gauss panels: nodes (panels, 16), weights, density, cumulative probability."""

    z: np.ndarray
    weights: np.ndarray
    density: np.ndarray
    edges: np.ndarray
    half: float

    def mean(self, function: Callable[[np.ndarray], np.ndarray]) -> float:
        """Return E function(v)."""
        import numpy as np

        return float((function(np.exp(self.z)) * self.density * self.weights).sum())

    def quantile(self, probability: float) -> float:
        """Return the v below which the given probability lies."""
        import numpy as np
        from numpy.polynomial import legendre

        nodes, _, _ = _rule()
        masses = (self.density * self.weights).sum(axis=1)
        ends = np.concatenate([[0.0], np.cumsum(masses)])
        panel = int(np.clip(np.searchsorted(ends, probability) - 1, 0, len(masses) - 1))
        coefficients = legendre.legfit(nodes, self.density[panel], _NODES - 1)
        integral = legendre.legint(coefficients, lbnd=-1)
        low, high = -1.0, 1.0
        for _ in range(80):
            middle = (low + high) / 2
            if ends[panel] + self.half * legendre.legval(middle, integral) < probability:
                low = middle
            else:
                high = middle
        return float(np.exp(self.edges[panel] + self.half * (1 + (low + high) / 2)))


def density_from_log(
    log_density: Callable[[np.ndarray], Any], low: float, high: float, panels: int = 600
) -> DensityGrid:
    """Return the density of z = ln v on (low, high) from the logarithm of the density of v up to a constant.

    Raises DerivationError if the density does not vanish at the ends.
    """
    import numpy as np

    def logarithm(z: np.ndarray, half: float) -> np.ndarray:
        return log_density(np.exp(z)) + z

    return _zoomed(logarithm, low, high, panels)


def density_grid(slope: Callable[[np.ndarray], Any], low: float, high: float, panels: int = 400) -> DensityGrid:
    """Return the density of z = ln v on (low, high) whose logarithm, as a density of v, has d log p/dz = ``slope(v)``.

    Raises DerivationError if the density does not vanish at the ends.
    """
    import numpy as np

    _, weights, partial = _rule()

    def logarithm(z: np.ndarray, half: float) -> np.ndarray:
        # the density of z is p(v) v
        rate = slope(np.exp(z)) + 1.0
        starts = np.concatenate([[0.0], np.cumsum(half * rate @ weights)])[:-1]
        return starts[:, None] + half * rate @ partial.T

    return _zoomed(logarithm, low, high, panels)


def _zoomed(logarithm: Callable[[np.ndarray, float], np.ndarray], low: float, high: float, panels: int) -> DensityGrid:
    """Tabulate on panels, and again on the part with the mass and the second moment while that is a small part."""
    import numpy as np

    nodes, weights, _ = _rule()
    for attempt in range(8):
        edges = np.linspace(low, high, panels + 1)
        half = (high - low) / panels / 2
        z = edges[:-1, None] + half * (1 + nodes)[None, :]
        values = logarithm(z, half)
        if attempt == 0 and max(values[0, 0], values[-1, -1]) > values.max() - 23:
            raise DerivationError("the stationary density is not normalisable; the law of the data collapses v.")
        weighted = values + 2 * np.maximum(z, 0.0)
        used = ((values > values.max() - 60) | (weighted > weighted.max() - 60)).any(axis=1).nonzero()[0]
        if len(used) > panels / 4:
            break
        low, high = float(edges[max(used[0] - 1, 0)]), float(edges[min(used[-1] + 2, panels)])
    density = np.exp(values - values.max())
    spread = np.broadcast_to(half * weights, z.shape)
    return DensityGrid(z, spread, density / (density * spread).sum(), edges, half)
