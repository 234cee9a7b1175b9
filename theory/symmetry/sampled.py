"""The numeric route: laws of degree <= 2 as a null space over random points, their count by nested numeric brackets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm
from typing import TYPE_CHECKING, Any

from theory.errors import DerivationError, DomainError
from theory.symmetry.charges import Charge
from theory.symmetry.elimination import Row
from theory.symmetry.fields import Fields
from theory.symmetry.nilpotent import lift

if TYPE_CHECKING:
    import numpy as np

MAX_UNKNOWNS = 2000
LARGEST_DENOMINATOR = 60
_TOLERANCE = 1e-9


def points(fields: Fields, seed: int) -> Callable[[], tuple[np.ndarray, np.ndarray]]:
    """Return a source of pairs (theta, gradient of a random loss there), all entries finite.

    Raises DerivationError if the gradient is not finite at random points.
    """
    import numpy as np

    rng = np.random.default_rng(seed)
    # a model with roots or logarithms of parameters lives on positive ones
    signs = next((s for s in (True, False) if _finite(fields, rng, s)), None)
    if signs is None:
        raise DerivationError("the gradient is not finite at random parameters of order one; rescale the model.")

    def draw() -> tuple[np.ndarray, np.ndarray]:
        for _ in range(50):
            theta = _theta(fields.dimension, rng, signs)
            slope = fields.gradient(theta[None], fields.draw(rng))[0]
            if np.isfinite(slope).all():
                return theta, slope
        raise DerivationError("the gradient is not finite at most random parameters of order one; rescale the model.")

    return draw


def _theta(dimension: int, rng: np.random.Generator, signs: bool) -> np.ndarray:
    size = rng.uniform(0.4, 1.6, dimension)
    return size * rng.choice([-1.0, 1.0], dimension) if signs else size


def _finite(fields: Fields, rng: np.random.Generator, signs: bool) -> bool:
    import numpy as np

    trials = (fields.gradient(_theta(fields.dimension, rng, signs)[None], fields.draw(rng)) for _ in range(5))
    return all(np.isfinite(slope).all() for slope in trials)


def null_rows(matrix: np.ndarray) -> np.ndarray:
    """Return the null space in reduced row echelon form; rows of the matrix are scaled to length one first.

    Raises DerivationError if singular values leave it open which directions are null.
    """
    import numpy as np

    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    triangle = np.linalg.qr(matrix / np.where(lengths > 0, lengths, 1.0), mode="r")
    _, singular, right = np.linalg.svd(triangle, full_matrices=True)
    singular = np.pad(singular, (0, matrix.shape[1] - len(singular)))
    relative = singular / max(singular[0], 1e-300)
    if ((relative > _TOLERANCE / 30) & (relative < _TOLERANCE * 30)).any():
        raise DerivationError(
            "the sampled equations are too ill-conditioned to count the laws; rescale the parameters."
        )
    return _echelon(right[relative <= _TOLERANCE])


def _echelon(rows: np.ndarray) -> np.ndarray:
    import numpy as np

    rows, done = rows.copy(), 0
    for column in range(rows.shape[1]):
        if done == len(rows):
            break
        best = done + int(np.argmax(np.abs(rows[done:, column])))
        if abs(rows[best, column]) < 1e-6:
            rows[done:, column] = 0.0
            continue
        rows[[done, best]] = rows[[best, done]]
        rows[done] /= rows[done, column]
        for k in range(len(rows)):
            if k != done:
                rows[k] -= rows[k, column] * rows[done]
        done += 1
    return rows


def recognised(row: np.ndarray) -> Row:
    """Return coprime integers proportional to a row of rationals with denominators up to 60.

    Raises DerivationError for other numbers.
    """
    entries: dict[int, Fraction] = {}
    for k, x in enumerate(row):
        if abs(x) > 1e-8:
            entries[k] = Fraction(float(x)).limit_denominator(LARGEST_DENOMINATOR)
            if abs(float(entries[k]) - x) > 1e-7 * max(1.0, abs(x)):
                raise DerivationError(
                    f"a law has the coefficient {x:.12g}, no rational with a denominator up to {LARGEST_DENOMINATOR}; "
                    "rescale a parameter so that it becomes one."
                )
    common = lcm(*(f.denominator for f in entries.values()))
    return {k: int(f * common) for k, f in entries.items()}


def _matrix(fields: Fields, columns: int, seed: int, row: Callable[[Any, Any], np.ndarray]) -> np.ndarray:
    """One row for each of more points than unknowns: different theta in every row, or the null space is overcounted."""
    import numpy as np

    draw = points(fields, seed)
    return np.stack([row(*draw()) for _ in range(columns + 10)])


def _require_few(dimension: int, unknowns: int) -> None:
    if unknowns > MAX_UNKNOWNS:
        raise DomainError(
            f"{dimension} parameters give {unknowns} unknown coefficients of a law, the limit of the sampled search is "
            f"{MAX_UNKNOWNS}; use a model that is polynomial in its parameters, or fewer parameters."
        )


def sampled_charges(fields: Fields, seed: int = 0) -> list[Charge]:
    """Return the canonical basis of all laws of degree <= 2."""
    import numpy as np

    size = fields.dimension
    first, second = np.triu_indices(size)
    columns = len(first) + size
    _require_few(size, columns)

    def row(theta: np.ndarray, slope: np.ndarray) -> np.ndarray:
        outer = np.outer(slope, theta)
        return np.concatenate([(outer + outer.T)[first, second], slope])

    found = []
    for law in null_rows(_matrix(fields, columns, seed, row)):
        # the derivative of p_i^2 is 2 p_i, that of p_i p_j both ways: the symmetric sum counts both rightly
        integers = recognised(law)
        quadratic = tuple(((int(first[k]), int(second[k])), c) for k, c in integers.items() if k < len(first))
        found.append(Charge(quadratic, tuple((k - len(first), c) for k, c in integers.items() if k >= len(first))))
    return found


def sampled_linear_dimension(fields: Fields, seed: int = 0) -> int:
    """Return the dimension of the space of linear laws."""
    return len(null_rows(_matrix(fields, fields.dimension, seed, lambda theta, slope: slope)))


def sampled_antisymmetric(fields: Fields, seed: int = 0) -> list[Row]:
    """Return all antisymmetric A with g . A theta = 0, as entries above the diagonal."""
    import numpy as np

    first, second = np.triu_indices(fields.dimension, 1)
    _require_few(fields.dimension, len(first))
    if not len(first):
        return []

    def row(theta: np.ndarray, slope: np.ndarray) -> np.ndarray:
        outer = np.outer(slope, theta)
        return (outer - outer.T)[first, second]

    return [recognised(law) for law in null_rows(_matrix(fields, len(first), seed, row))]


def residual(fields: Fields, directions: Sequence[Callable[[Any], Sequence[float]]], count: int = 20) -> float:
    """Return the largest relative |g . direction| at new random points."""
    import numpy as np

    draw, worst = points(fields, 97), 0.0
    for _ in range(count if directions else 0):
        theta, slope = draw()
        for direction in directions:
            terms = slope * np.asarray(direction(theta))
            worst = max(worst, float(abs(terms.sum()) / max(np.abs(terms).sum(), 1e-300)))
    return worst


@dataclass(frozen=True)
class NumericRank:
    """Rank of the Lie algebra at a random point; ``conclusive``: a level of brackets added nothing, or the target is reached."""

    rank: int
    conclusive: bool


Field = Any


def numeric_lie_rank(fields: Fields, target: int, friction: float | None = None, seed: int = 0) -> NumericRank:
    """Return the rank at a random point of the Lie algebra of the gradient fields, or of the momentum flow's fields.

    Level d adds brackets of random generators with random fields of level d - 1. If a level adds nothing at a generic
    point, the distribution is involutive and the search is over.
    """
    import numpy as np

    rng = np.random.default_rng(seed + 1)
    signs = _finite(fields, rng, True)
    size = fields.dimension
    start = _theta(size, rng, signs)
    if friction is not None:
        start = np.concatenate([start, rng.standard_normal(size), [0.0]])
    basis = _Basis(len(start))
    previous = 0
    for depth in range(fields.depth + 1):
        misses = 0
        while misses < 3 and basis.rank < target:
            field = _nested(fields, rng, depth, friction)
            misses += not basis.add(field(start[None])[0])
        if basis.rank >= target:
            return NumericRank(basis.rank, True)
        if depth and basis.rank == previous:
            return NumericRank(basis.rank, not basis.ambiguous)
        previous = basis.rank
    return NumericRank(basis.rank, False)


class _Basis:
    """Orthonormal rows, extended by vectors that are not in their span."""

    def __init__(self, dimension: int) -> None:
        import numpy as np

        self.rows = np.zeros((dimension, dimension))
        self.rank = 0
        self.ambiguous = False

    def add(self, vector: np.ndarray) -> bool:
        import numpy as np

        size = float(np.linalg.norm(vector))
        # brackets that vanish identically leave rounding only: an absolute test before the length is divided out
        if not np.isfinite(size) or size < 1e-9 or self.rank == len(self.rows):
            return False
        rest = vector / size
        for _ in range(2):
            rest = rest - self.rows[: self.rank].T @ (self.rows[: self.rank] @ rest)
        left = float(np.linalg.norm(rest))
        if left < 1e-8:
            return False
        self.ambiguous = self.ambiguous or left < 1e-6
        self.rows[self.rank] = rest / left
        self.rank += 1
        return True


def _generator(fields: Fields, rng: np.random.Generator, friction: float | None) -> Field:
    """Return a random gradient field, or drift plus control of the momentum flow in (theta, v, t)."""
    import numpy as np

    loss, size = fields.draw(rng), fields.dimension
    if friction is None:
        return lambda point: fields.gradient(point, loss)
    weight = rng.standard_normal()

    def value(point: np.ndarray) -> np.ndarray:
        theta, v = point[:, :size], point[:, size : 2 * size]
        clock = np.zeros((len(point), 1))
        clock[0] = weight
        return np.concatenate([weight * v, -friction * weight * v - fields.gradient(theta, loss), clock], axis=1)

    return value


def _nested(fields: Fields, rng: np.random.Generator, depth: int, friction: float | None) -> Field:
    outer = _generator(fields, rng, friction)
    if depth == 0:
        return outer
    inner = _nested(fields, rng, depth - 1, friction)

    def bracket(point: np.ndarray) -> np.ndarray:
        a, b = outer(point), inner(point)
        half = len(point)
        return inner(lift(point, a))[half:] - outer(lift(point, b))[half:]

    return bracket
