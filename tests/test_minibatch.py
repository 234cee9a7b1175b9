"""Minibatch SGD of many replicas against the library optimiser, one replica at a time."""

from __future__ import annotations

import torch

from numerics.minibatch import minibatch_sgd


def _loss(p, x, y):
    return (torch.tanh(p["w"] * x) * p["u"] - y) ** 2


def test_replicas_follow_the_library_optimiser() -> None:
    generator = torch.Generator().manual_seed(3)
    x, y = (torch.randn(5, 4, 3, generator=generator, dtype=torch.float64) for _ in range(2))
    start = {k: torch.randn(3, generator=generator, dtype=torch.float64) for k in "uw"}
    ours = minibatch_sgd(_loss, start, lambda t: (x[t], y[t]), 0.13, 5, weight_decay=0.07, momentum=0.6)
    for r in range(3):
        leaves = {k: v[r].clone().requires_grad_(True) for k, v in start.items()}
        optimiser = torch.optim.SGD(leaves.values(), lr=0.13, momentum=0.6, weight_decay=0.07)
        for t in range(5):
            optimiser.zero_grad()
            _loss(leaves, x[t, :, r], y[t, :, r]).mean().backward()
            optimiser.step()
        assert all(torch.allclose(ours[k][r], leaves[k].detach(), atol=1e-13) for k in "uw")


def test_frozen_replicas_stay() -> None:
    start = {"w": torch.tensor([0.1, 5.0], dtype=torch.float64)}
    end = minibatch_sgd(
        lambda p, x: (p["w"] * x) ** 2, start, lambda t: (torch.ones(1, 2),), 0.1, 3, frozen=lambda p: p["w"] > 1
    )
    assert end["w"][1] == 5.0
    assert end["w"][0] < 0.1
