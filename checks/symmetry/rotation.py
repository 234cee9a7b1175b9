"""Rotation of the charges of a two-layer linear network: their angle after two times on one path of SGD."""

from __future__ import annotations

import math

import torch

from checks.symmetry.equilibria import matrix_charge
from numerics.ensemble import Chunk
from numerics.rescale_models import linear_network


def _direction(u: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """Cosine and sine of twice the angle of the charge U^T U - W W^T of two hidden units, shape (2, R)."""
    charge = matrix_charge(u, w)
    double = torch.stack([charge[0] - charge[3], 2 * charge[1]])
    return double / double.norm(dim=0)


def rotation_speed(
    chunk: Chunk, *, first_factor: list[list[float]], second_factor: list[list[float]],
    input_covariance: list[list[float]], residual_covariance: list[list[float]], learning_rate: float,
    begin: float, end: float, window: float,
) -> torch.Tensor:  # fmt: skip
    """Radians per eta^2 steps between two windows of slow time, twice at eta/2 minus at eta: O(eta^2) is left."""
    product = torch.tensor(first_factor, dtype=torch.float64) @ torch.tensor(second_factor, dtype=torch.float64)

    def speed(rate: float) -> torch.Tensor:
        angles = []
        for time in (begin, end):
            twin = Chunk(chunk.replicas, chunk.seed, chunk.device, chunk.index)
            seen = linear_network(
                twin, first=first_factor, second=second_factor, target=product.tolist(),
                input_covariance=input_covariance, residual_covariance=residual_covariance, learning_rate=rate,
                steps=math.ceil(time / rate**2), averaged=math.ceil(window / rate**2), observe=_direction,
                binary_inputs=True,
            )  # fmt: skip
            angles.append(torch.atan2(seen[:, 1], seen[:, 0]) / 2)
        turned = torch.remainder(angles[1] - angles[0] + math.pi / 2, math.pi) - math.pi / 2
        return turned / (end - begin)

    return 2 * speed(learning_rate / 2) - speed(learning_rate)
