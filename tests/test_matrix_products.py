"""Lyapunov exponents of matrix products against cases with known answers."""

from __future__ import annotations

import math

import pytest
import torch

from numerics.ensemble import Chunk
from numerics.errors import NumericsError
from numerics.matrix_products import lyapunov_spectrum, multiply, orthonormalise, top_exponent


def _gaussian(chunk: Chunk, d: int, sigma: float):
    return lambda frame, _: multiply(sigma * chunk.normal(d, d, chunk.replicas), frame)


def test_multiply_agrees_with_einsum() -> None:
    m, f = torch.randn(3, 3, 7, dtype=torch.float64), torch.randn(3, 2, 7, dtype=torch.float64)
    assert torch.allclose(multiply(m, f), torch.einsum("ijr,jkr->ikr", m, f), atol=1e-14)


def test_orthonormalise_agrees_with_library_qr() -> None:
    frame = torch.randn(4, 3, 6, dtype=torch.float64)
    q, logs = orthonormalise(frame)
    r = torch.linalg.qr(frame.permute(2, 0, 1)).R.diagonal(dim1=1, dim2=2).abs().log()
    assert torch.allclose(logs.T, r, atol=1e-12)
    assert torch.allclose(torch.einsum("ikr,ilr->klr", q, q), torch.eye(3).double()[:, :, None].expand(3, 3, 6))


def test_iid_gaussian_matrices_have_the_exponents_of_cohen_and_newman() -> None:
    d, sigma = 3, 0.7
    chunk = Chunk(400, 5)
    measured = lyapunov_spectrum(_gaussian(chunk, d, sigma), d, 400, 100, burn_in=20)
    exact = [
        math.log(sigma) + (math.log(2) + torch.digamma(torch.tensor((d - k + 1) / 2)).item()) / 2
        for k in range(1, d + 1)
    ]
    error = measured.std(1) / math.sqrt(400)
    assert ((measured.mean(1) - torch.tensor(exact)).abs() < 5 * error).all()


def test_lazy_orthonormalisation_gives_the_same_exponents() -> None:
    every = [lyapunov_spectrum(_gaussian(Chunk(20, 9), 3, 1.0), 3, 20, 40, burn_in=20, every=n) for n in (1, 4)]
    assert torch.allclose(every[0], every[1], atol=1e-9)


def test_adaptive_orthonormalisation_gives_the_exponents_of_every_step() -> None:
    for d in (4, 16):
        found = [lyapunov_spectrum(_gaussian(Chunk(64, 9), d, 1.0), d, 64, 100, burn_in=30, every=n) for n in (1, None)]
        assert torch.allclose(found[0], found[1], atol=1e-8)


def test_matrices_with_the_replica_axis_first_in_memory_give_the_same_exponents() -> None:
    stored = Chunk(30, 4).normal(20, 30, 5, 5)
    first = lyapunov_spectrum(lambda f, t: multiply(stored[t].permute(1, 2, 0), f), 5, 30, 20, every=None)
    last = lyapunov_spectrum(lambda f, t: multiply(stored[t].permute(1, 2, 0).contiguous(), f), 5, 30, 20)
    assert torch.allclose(first, last, atol=1e-8)


@pytest.mark.parametrize("count", [16, 5])
def test_reduction_by_lu_keeps_the_volumes_of_every_replica(count: int) -> None:
    stored = Chunk(40, 6).normal(90, 40, 16, 16)

    def spectrum(every: int | None, last: bool) -> torch.Tensor:
        def apply(frame: torch.Tensor, step: int) -> torch.Tensor:
            matrices = stored[step].permute(1, 2, 0)
            return multiply(matrices.contiguous() if last else matrices, frame)

        return lyapunov_spectrum(apply, 16, 40, 60, count=count, every=every, burn_in=30)

    exact = spectrum(1, last=True)
    assert torch.allclose(spectrum(1, last=False), exact, atol=1e-10)
    assert torch.allclose(spectrum(None, last=False).mean(1), exact.mean(1), atol=1e-6)


def test_top_exponent_is_the_first_of_the_spectrum() -> None:
    full = lyapunov_spectrum(_gaussian(Chunk(50, 2), 3, 1.0), 3, 50, 200, burn_in=40)
    top = top_exponent(_gaussian(Chunk(50, 2), 3, 1.0), 3, 50, 200, burn_in=40)
    assert torch.allclose(full[0], top, atol=1e-10)


def test_steps_must_be_a_multiple_of_the_orthonormalisation_interval() -> None:
    with pytest.raises(NumericsError, match="multiples of every=3"):
        lyapunov_spectrum(lambda f, t: f, 2, 1, 10, every=3)
