"""Lyapunov exponents of products of random matrices: a vector for the top one, a frame for the spectrum.

Frames are stored as (dimension, vectors, replicas) with the replica axis last and contiguous, and orthonormalised by
modified Gram-Schmidt written as elementwise operations, only every ``every`` steps: between two orthonormalisations
the vectors may spread by a factor exp(every * (Lambda_1 - Lambda_m)), which has to stay far below 1e16; with
``every=None`` the interval follows the measured spread. Matrices of dimension 16 multiply twice as fast by a batched
product with the replica axis first in memory: pass ``chunk.normal(replicas, d, d).permute(1, 2, 0)`` for that.
Such frames are only made orthonormal where the counted steps begin and end. In between F = Q U with the triangular U
of LU with partial pivoting keeps Q well conditioned as well, costs half of a QR, and the sum of the log |u_kk| is
exact: the volumes spanned by the first k vectors telescope.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from numerics.errors import NumericsError

Apply = Callable[[torch.Tensor, int], torch.Tensor]

_SPREAD, _LONGEST, _GROWTH = 15.0, 64, 200.0


def multiply(matrices: torch.Tensor, frame: torch.Tensor) -> torch.Tensor:
    """Apply (d, d, replicas) matrices to a (d, m, replicas) frame, replica by replica.

    Matrices whose replica axis comes first in memory (a permuted view) are applied by a batched product, and the
    result is such a view too; all others by elementwise operations.

    >>> eye = torch.eye(2)[:, :, None].expand(2, 2, 5)
    >>> multiply(2 * eye, torch.ones(2, 1, 5)).unique()
    tensor([2.])
    """
    if matrices.shape[2] > 1 and matrices.permute(2, 0, 1).is_contiguous():
        # Vectors as rows, (replicas, vectors, dimension) in memory: the faster order for the product and for LU.
        rows = frame.permute(2, 1, 0).contiguous()
        return torch.bmm(rows, matrices.permute(2, 1, 0)).permute(2, 1, 0)
    product = matrices[:, 0, None, :] * frame[0]
    for j in range(1, frame.shape[0]):
        product.addcmul_(matrices[:, j, None, :], frame[j].expand_as(product))
    return product


def _interval(means: torch.Tensor, taken: int, before: int) -> int:
    """Return the steps to the next reduction, at most twice the last ones, from the mean logs of ``taken`` steps."""
    growths = (means / taken).tolist()
    spread, growth = max(growths) - min(growths), max(map(abs, growths))
    allowed = min(_SPREAD / max(spread, 1e-9), _GROWTH / max(growth, 1e-9), _LONGEST, 2 * before)
    return max(1, int(allowed))


def _reduce(frame: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return Q of F = Q U and log |u_kk|, shape (m, replicas), with U upper triangular from LU with pivoting."""
    vectors = frame.permute(2, 0, 1)
    factors = torch.linalg.lu_factor_ex(vectors)[0][:, : frame.shape[1]]
    reduced = torch.linalg.solve_triangular(factors, vectors, upper=True, left=False)
    return reduced.permute(1, 2, 0), factors.diagonal(dim1=1, dim2=2).abs().log().t()


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
    over s steps reaches e^15, which changes the mean over the replicas by less than 1e-6. Errors: NumericsError unless
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
    growth = torch.zeros(size, dtype=torch.float64, device=device)
    taken, wanted = 0, every or 1
    for step in range(burn_in + steps):
        frame = apply(frame, step)
        taken += 1
        end = step + 1 in (burn_in, burn_in + steps)
        if end or taken == wanted:
            frame, logs = (orthonormalise if end or frame.is_contiguous() else _reduce)(frame)
            if step >= burn_in:
                total += logs
            if every is None:
                growth += logs.mean(1)
                wanted = _interval(growth, step + 1, taken)
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
