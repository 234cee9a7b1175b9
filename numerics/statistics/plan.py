"""How many replicas to look at, and how much error each look may spend."""

from __future__ import annotations

from dataclasses import dataclass

from numerics.errors import InvalidSample


@dataclass(frozen=True)
class Plan:
    """Looks at ``first``, ``2 first``, ``4 first``, ... replicas, at most ``looks`` of them.

    >>> Plan(first=1000, looks=3).sizes()
    (1000, 2000, 4000)
    """

    first: int
    looks: int = 6

    def __post_init__(self) -> None:
        """Refuse plans that look at nothing."""
        if self.first < 1 or self.looks < 1:
            raise InvalidSample(f"a plan with first={self.first}, looks={self.looks}; both must be at least 1.")

    def sizes(self) -> tuple[int, ...]:
        """Number of replicas at each look."""
        return tuple(self.first << k for k in range(self.looks))

    def share(self, alpha: float) -> float:
        """Error probability of each look."""
        return alpha / self.looks


@dataclass(frozen=True)
class Budget:
    """The error probability of a whole suite, spread evenly over its claims.

    >>> Budget(total=1e-3, claims=500).per_claim
    2e-06
    """

    total: float
    claims: int

    @property
    def per_claim(self) -> float:
        """Error probability each claim may spend."""
        return self.total / self.claims
