"""Lyapunov exponents of products of random matrices: a vector for the top one, Gram-Schmidt for the spectrum.

Frames are stored as (dimension, vectors, replicas) with the replica axis last and contiguous, and orthonormalised by
modified Gram-Schmidt written as elementwise operations, only every ``every`` steps: between two orthonormalisations
the vectors may spread by a factor exp(every * (Lambda_1 - Lambda_m)), which has to stay far below 1e16; with
``every=None`` the interval follows the measured spread. Matrices of dimension 16 multiply twice as fast by a batched
product with the replica axis first in memory: pass ``chunk.normal(replicas, d, d).permute(1, 2, 0)`` for that.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from numerics.errors import NumericsError

Apply = Callable[[torch.Tensor, int], torch.Tensor]

_SPREAD, _LONGEST, _GROWTH = 10.0, 64, 200.0


def multiply(matrices: torch.Tensor, frame: torch.Tensor) -> torch.Tensor:
    """Apply (d, d, replicas) matrices to a (d, m, replicas) frame, replica by replica.

    Matrices whose replica axis comes first in memory (a permuted view) are applied by a batched product, and the
    result is such a view too; all others by elementwise operations.

    >>> eye = torch.eye(2)[:, :, None].expand(2, 2, 5)
    >>> multiply(2 * eye, torch.ones(2, 1, 5)).unique()
    tensor([2.])
    """
    if matrices.shape[2] > 1 and matrices.permute(2, 0, 1).is_contiguous():
        return torch.bmm(matrices.permute(2, 0, 1), _replicas_first(frame)).permute(1, 2, 0)
    product = matrices[:, 0, None, :] * frame[0]
    for j in range(1, frame.shape[0]):
        product.addcmul_(matrices[:, j, None, :], frame[j].expand_as(product))
    return product


def _replicas_first(frame: torch.Tensor) -> torch.Tensor:
    if frame.is_contiguous():
        # As a plain transposition of two axes the copy is several times faster than by a permutation of three.
        return frame.reshape(-1, frame.shape[2]).t().contiguous().view(frame.shape[2], *frame.shape[:2])
    return frame.permute(2, 0, 1)


def _interval(logs: torch.Tensor, taken: int) -> int:
    """Return the steps to the next orthonormalisation, at most twice those taken, from the logs of the last one."""
    means = logs.mean(1).tolist()
    spread, growth = (max(means) - min(means)) / taken, max(map(abs, means)) / taken
    allowed = min(_SPREAD / max(spread, 1e-9), _GROWTH / max(growth, 1e-9), _LONGEST, 2 * taken)
    return max(1, int(allowed))


def orthonormalise(frame: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the orthonormalised (d, m, replicas) frame and the logs of the diagonal of R, shape (m, replicas).

    Each finished column is removed from all later ones at once (the order of modified Gram-Schmidt), and lengths come
    from sums of squares: a reduction along the first axis by ``vector_norm`` costs twenty times as much.
    """
    columns = frame.clone(memory_format=torch.contiguous_format)
    squares = torch.empty(frame.shape[1:], dtype=frame.dtype, device=frame.device)
    for k in range(frame.shape[1]):
        overlaps = (columns[:, k, None] * columns[:, k:]).sum(0)
        squares[k] = overlaps[0]
        if k + 1 < frame.shape[1]:
            ratio = (overlaps[1:] / overlaps[0])[None]
            columns[:, k + 1 :].addcmul_(columns[:, k, None], ratio, value=-1)
    columns *= torch.rsqrt(squares)
    return columns, 0.5 * torch.log(squares)


def lyapunov_spectrum(
    apply: Apply,
    dimension: int,
    replicas: int,
    steps: int,
    *,
    count: int | None = None,
    every: int | None = 1,
    burn_in: int = 0,
    device: torch.device | str = "cpu",
) -> torch.Tensor:
    """Return the ``count`` largest exponents of each replica, shape (count, replicas), natural log per step.

    ``apply(frame, step)`` multiplies the (d, m, replicas) frame by the step's random matrices. ``burn_in`` steps are
    not counted. With ``every=None`` the frame is orthonormalised before the mean spread exp(s (Lambda_1 - Lambda_m))
    over s steps reaches e^10, which changes the result by rounding only. Errors: NumericsError unless
    1 <= count <= dimension and steps, burn_in are multiples of ``every``.

    >>> lyapunov_spectrum(lambda f, t: f * torch.tensor([4.0, 0.5])[:, None, None], 2, 1, 40, burn_in=40).squeeze()
    tensor([ 1.3863, -0.6931], dtype=torch.float64)
    """
    size = dimension if count is None else count
    if not 1 <= size <= dimension:
        raise NumericsError(f"count={size} exponents in dimension {dimension}; choose 1 <= count <= dimension.")
    if steps < 1 or (every is not None and (every < 1 or steps % every or burn_in % every)):
        raise NumericsError(f"steps={steps} and burn_in={burn_in} must be multiples of every={every}, steps > 0.")
    # A generic start: the identity would be invariant under triangular or diagonal matrices.
    start = torch.linalg.qr(torch.cos(torch.arange(1.0, dimension**2 + 1, dtype=torch.float64)).reshape(dimension, -1))
    frame = start.Q[:, :size, None].to(device).repeat(1, 1, replicas)
    total = torch.zeros(size, replicas, dtype=torch.float64, device=device)
    taken, wanted = 0, every or 1
    for step in range(burn_in + steps):
        frame = apply(frame, step)
        taken += 1
        if taken == wanted or step + 1 in (burn_in, burn_in + steps):
            frame, logs = orthonormalise(frame)
            if step >= burn_in:
                total += logs
            wanted = every or _interval(logs, taken)
            taken = 0
    return total / steps


def top_exponent(
    apply: Apply,
    dimension: int,
    replicas: int,
    steps: int,
    *,
    every: int | None = 1,
    burn_in: int = 0,
    device: torch.device | str = "cpu",
) -> torch.Tensor:
    """Return the largest Lyapunov exponent of each replica, shape (replicas,), from one propagated vector."""
    spectrum = lyapunov_spectrum(
        apply, dimension, replicas, steps, count=1, every=every, burn_in=burn_in, device=device
    )
    return spectrum[0]
