"""Spectra of matrix products: against torch.linalg.qr at every step and lyapynov, on the same matrices.

The matrices are drawn beforehand for everybody, so the floor is the batched product alone.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import torch

from benchmarks.timing import interleaved, ratio, row
from numerics.ensemble import Chunk
from numerics.matrix_products import lyapunov_spectrum, multiply

_STEPS, _STORED, _PEER_STEPS = 200, 6, 300


def _by_qr(matrices: torch.Tensor) -> torch.Tensor:
    """Return the summed logs of the (stored, replicas, d, d) matrices, by a library QR at each step."""
    frame = torch.eye(matrices.shape[-1], dtype=matrices.dtype, device=matrices.device).expand_as(matrices[0])
    total = torch.zeros(matrices.shape[1:3], dtype=matrices.dtype, device=matrices.device)
    for step in range(_STEPS):
        frame, r = torch.linalg.qr(torch.bmm(matrices[step % _STORED], frame))
        total += r.diagonal(dim1=1, dim2=2).abs().log()
    return total / _STEPS


def _lyapynov(matrices: torch.Tensor) -> Callable[[], Any] | None:
    """Return a run of one replica by lyapynov, or None where it is not installed."""
    try:
        package = importlib.import_module("lyapynov")
    except ImportError:
        return None
    factors, d = matrices[:, 0].numpy(), matrices.shape[-1]

    def work() -> Any:
        start = factors[0, 0]
        system = package.DiscreteDS(start, 0, lambda x, t: x, lambda x, t: factors[t % _STORED])
        return package.LCE(system, d, 0, _PEER_STEPS, False)

    return work


def run(device: str = "cpu") -> list[dict]:
    """Return the lines of this module."""
    rows = []
    for d, replicas in ((4, 4096), (16, 512)):
        first = Chunk(replicas, 1, torch.device(device)).normal(_STORED, replicas, d, d)
        # Small matrices are multiplied element by element, replica axis last; large ones by a batched product.
        used = first.permute(0, 2, 3, 1)
        used = used.contiguous() if d < 8 else used

        def ours(used: torch.Tensor = used, d: int = d, replicas: int = replicas) -> torch.Tensor:
            def apply(frame: torch.Tensor, step: int) -> torch.Tensor:
                return multiply(used[step % _STORED], frame)

            return lyapunov_spectrum(apply, d, replicas, _STEPS, every=None, device=device)

        def product(used: torch.Tensor = used) -> None:
            frame = used[0]
            for step in range(_STEPS):
                multiply(used[step % _STORED], frame)

        contestants = {"ours": ours, "product": product, "qr": lambda m=first: _by_qr(m)}
        peer = _lyapynov(first) if device == "cpu" else None
        if peer is not None:
            contestants["lyapynov"] = peer
        times = interleaved(contestants, device=device)
        floor = 1 / ratio(times, "ours", "product")
        rows.append(row(f"matrix products d={d}", "torch.linalg.qr", ratio(times, "qr", "ours"), "5x", floor))
        work = _STEPS * replicas / _PEER_STEPS
        against = ratio(times, "lyapynov", "ours", work) if peer is not None else None
        detail = "per matrix step" if peer else "not installed" if device == "cpu" else "CPU only"
        rows.append(row(f"matrix products d={d}", "lyapynov", against, "30x", floor, detail))
    return rows
