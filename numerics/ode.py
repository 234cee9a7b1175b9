"""Batched adaptive Dormand-Prince 5(4): every row of the batch takes steps of its own.

States have shape (components, rows) with the row axis last. A row that has arrived leaves the batch, so that stiff
rows do not hold up the others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from numerics.errors import NumericsError

_NODES = (0.0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1.0, 1.0)
_STAGES = (
    (),
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)
_ERROR = (
    35 / 384 - 5179 / 57600, 0.0, 500 / 1113 - 7571 / 16695, 125 / 192 - 393 / 640, -2187 / 6784 + 92097 / 339200,
    11 / 84 - 187 / 2100, -1 / 40,
)  # fmt: skip
Field = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Solution:
    """State at the end, shape (components, rows), with steps taken and field evaluations of the slowest row."""

    state: torch.Tensor
    steps: int
    evaluations: int


def integrate(
    field: Field,
    state: torch.Tensor,
    duration: torch.Tensor | float,
    *,
    rtol: float = 1e-9,
    atol: float = 1e-11,
    max_steps: int = 100_000,
) -> Solution:
    """Integrate dy/dt = field(t, y, rows) from 0 to ``duration``.

    Parameters
    ----------
    field : takes times (n,), states (components, n) and the indices (n,) of the rows that are still running
    state : initial states (components, rows), float64
    duration : one time, or one per row
    rtol, atol : tolerated local error of each component, relative and absolute

    Raises
    ------
    NumericsError
        If a row needs more than ``max_steps`` steps or becomes infinite; the message names the time reached.

    >>> y = integrate(lambda t, y, rows: -y, torch.ones(1, 2, dtype=torch.float64), torch.tensor([1.0, 2.0]))
    >>> [round(float(v), 8) for v in y.state[0]]
    [0.36787944, 0.13533528]
    """
    if state.ndim != 2:
        raise NumericsError(f"the state has {state.ndim} axes; give (components, rows).")
    result = state.clone()
    count = state.shape[1]
    end = torch.as_tensor(duration, dtype=state.dtype, device=state.device).expand(count).clone()
    if bool((end < 0).any()):
        raise NumericsError(f"the duration {float(end.min()):g} is negative; integrate forwards in time.")
    rows = torch.arange(count, device=state.device)[end > 0]
    t, y, last = torch.zeros_like(end)[rows], state[:, rows], end[rows]
    first = field(t, y, rows)
    h = _first_step(y, first, last, rtol, atol)
    steps = evaluations = 0
    while rows.numel():
        if steps >= max_steps or not bool(torch.isfinite(y).all()):
            reason = "is not finite" if steps < max_steps else f"needs more than {max_steps} steps"
            raise NumericsError(
                f"the solution {reason} at time {float(t.min()):g}; loosen the tolerance or end earlier."
            )
        h = torch.minimum(h, last - t)
        proposal, error, final = _try(field, t, y, h, first, rows)
        size = atol + rtol * torch.maximum(y.abs(), proposal.abs())
        ratio = torch.nan_to_num(((error / size) ** 2).mean(0).sqrt(), nan=1e6, posinf=1e6).clamp(min=1e-10)
        good = ratio <= 1.0
        y = torch.where(good, proposal, y)
        first = torch.where(good, final, first)
        t = torch.where(good, t + h, t)
        h = h * (0.9 * ratio**-0.2).clamp(0.2, 5.0)
        steps, evaluations = steps + 1, evaluations + 6
        done = t >= last * (1 - 1e-14)
        if bool(done.any()):
            result[:, rows[done]] = y[:, done]
            keep = ~done
            rows, t, last, h = rows[keep], t[keep], last[keep], h[keep]
            y, first = y[:, keep], first[:, keep]
    return Solution(result, steps, evaluations)


def _try(
    field: Field, t: torch.Tensor, y: torch.Tensor, h: torch.Tensor, first: torch.Tensor, rows: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the fifth-order proposal, its error estimate, and the slope at the proposal."""
    slopes, proposal = [first], y
    for node, weights in zip(_NODES[1:], _STAGES[1:], strict=True):
        proposal = y + h * sum(w * k for w, k in zip(weights, slopes, strict=True) if w)
        slopes.append(field(t + node * h, proposal, rows))
    error = h * sum(w * k for w, k in zip(_ERROR, slopes, strict=True) if w)
    return proposal, error, slopes[-1]


def _first_step(y: torch.Tensor, slope: torch.Tensor, last: torch.Tensor, rtol: float, atol: float) -> torch.Tensor:
    size = atol + rtol * y.abs()
    speed = (slope / size).abs().amax(0).clamp(min=1e-12)
    return torch.minimum(last, 0.5 * speed**-1 * max(1.0, rtol**-0.6) + 1e-8)
