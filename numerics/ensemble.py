"""Ensembles in fixed-size chunks of replicas: the unit of randomness.

A chunk's random streams are seeded by hash(root seed, check id, chunk index), so results depend neither on the
number of workers, nor on the memory limit, nor on the order of execution (bit for bit on one kind of device).
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from numerics.errors import NumericsError


def chunk_seed(root: int, stream: str, index: int) -> int:
    """Return the 63-bit seed of one chunk.

    >>> chunk_seed(0, "a", 0) == chunk_seed(0, "a", 0) != chunk_seed(0, "a", 1)
    True
    """
    digest = hashlib.sha256(f"{root}\x1f{stream}\x1f{index}".encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


@dataclass(frozen=True)
class Chunk:
    """A fixed number of replicas with generators of their own.

    Draws have the replica axis last where the caller puts it there; every method takes the full shape.

    >>> Chunk(replicas=4, seed=1).normal(2, 4).shape
    torch.Size([2, 4])
    """

    replicas: int
    seed: int
    device: torch.device = torch.device("cpu")
    index: int = 0

    @functools.cached_property
    def generator(self) -> torch.Generator:
        """The torch generator of this chunk, on its device."""
        return torch.Generator(device=self.device).manual_seed(self.seed)

    @functools.cached_property
    def _numpy(self) -> np.random.Generator:
        return np.random.Generator(np.random.SFC64(self.seed))

    def numpy(self) -> np.random.Generator:
        """Return the NumPy generator of this chunk (a stream of its own)."""
        return self._numpy

    def normal(self, *shape: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
        """Standard normal draws; float32 ones are cut at 5.77 sigma, and faster still."""
        if self._by_numpy(dtype):
            return torch.from_numpy(self._numpy.standard_normal(shape))
        return torch.randn(*shape, generator=self.generator, dtype=dtype, device=self.device)

    def uniform(self, *shape: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
        """Uniform draws on [0, 1)."""
        if self._by_numpy(dtype):
            return torch.from_numpy(self._numpy.random(shape))
        return torch.rand(*shape, generator=self.generator, dtype=dtype, device=self.device)

    def integers(self, high: int, *shape: int) -> torch.Tensor:
        """Uniform integers 0 .. high-1."""
        return torch.randint(high, shape, generator=self.generator, device=self.device)

    def exponential(self, *shape: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
        """Exponential draws of mean one."""
        if self._by_numpy(dtype):
            return torch.from_numpy(self._numpy.standard_exponential(shape))
        return torch.empty(*shape, dtype=dtype, device=self.device).exponential_(generator=self.generator)

    def _by_numpy(self, dtype: torch.dtype) -> bool:
        # On a CPU NumPy draws float64 normals and exponentials two to four times faster than torch.
        return self.device.type == "cpu" and dtype == torch.float64

    def gamma(self, shape_parameter: float, *shape: int) -> torch.Tensor:
        """Gamma draws of unit scale (drawn by NumPy, whose stream belongs to this chunk too)."""
        return torch.from_numpy(self._numpy.standard_gamma(shape_parameter, shape)).to(self.device)

    def chi_squared(self, degrees: float, *shape: int) -> torch.Tensor:
        """Chi-squared draws."""
        return 2.0 * self.gamma(degrees / 2.0, *shape)

    def subsets(self, population: int, size: int, *shape: int) -> torch.Tensor:
        """Uniformly random subsets without replacement: indices of shape (size, *shape), by Floyd's algorithm.

        Raises NumericsError if the subset is larger than the population.
        """
        if not 1 <= size <= population:
            raise NumericsError(
                f"a subset of {size} from {population} cannot be drawn; choose 1 <= size <= population."
            )
        chosen: list[torch.Tensor] = []
        for last in range(population - size, population):
            pick = self.integers(last + 1, *shape)
            for earlier in chosen:
                pick = torch.where(earlier == pick, -1, pick)
            chosen.append(torch.where(pick < 0, last, pick))
        return torch.stack(chosen)


def chunk_at(index: int, size: int, root: int, stream: str, device: torch.device | str = "cpu") -> Chunk:
    """Return chunk ``index`` of a stream: ``size`` replicas whose draws depend on nothing else.

    >>> torch.equal(chunk_at(3, 5, 0, "a").normal(5), chunk_at(3, 5, 0, "a").normal(5))
    True
    """
    return Chunk(size, chunk_seed(root, stream, index), torch.device(device), index)


def reduce_in_order(states: Iterable[Any], merge: Callable[[Any, Any], Any]) -> Any:
    """Merge states in the order given (chunk order), so that sums are bit-identical however they were computed."""
    result = None
    for state in states:
        result = state if result is None else merge(result, state)
    if result is None:
        raise NumericsError("no chunk to merge; ask for at least one chunk of replicas.")
    return result
