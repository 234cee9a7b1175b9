"""The control variate that the derived ODE provides for the projected chain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from numerics.committee import Committee, Overlaps, frame, projected_chain
from numerics.committee_field import Means, initial, packed_field, unpack
from numerics.ensemble import Chunk


@dataclass
class ControlVariate:
    """The linear response of the chain to its own noise around the Euler path of the ODE: mean zero, almost equal.

    C' = (I + J/d) C + [F(path, z) - f(path)]/d, where F is the increment at the deterministic point driven by the
    same inputs. E C = 0 exactly if and only if f is the drift, so the twin also tests the derived right-hand side.
    """

    problem: Committee
    dimension: float
    path: torch.Tensor
    slopes: torch.Tensor
    jacobians: torch.Tensor
    frames: list[tuple[torch.Tensor, torch.Tensor]]
    deviation: torch.Tensor
    step: int = 0

    @classmethod
    def start(
        cls, problem: Committee, means: Means, q0: Any, m0: Any, dimension: float, steps: int, replicas: int
    ) -> ControlVariate:
        """Walk the Euler path once, take all Jacobians along it in one batch, start with no deviation."""
        field = packed_field(means, problem)
        states, slopes = [initial(problem, q0, m0)], []
        for _ in range(steps):
            slopes.append(field(states[-1]))
            states.append(states[-1] + slopes[-1] / dimension)
        path = torch.cat(states[:-1], 1)
        size = path.shape[0]
        columns = []
        for i in range(size):
            # the mean of the control variate is zero whatever the Jacobian, so a difference quotient will do
            shift = torch.zeros_like(path)
            shift[i] = 1e-5
            columns.append((field(path + shift) - field(path - shift)) / 2e-5)
        frames = []
        for state in states[:-1]:
            q, m, _ = unpack(state, problem.students, problem.teachers)
            lower, along, own = frame(problem, q[..., 0].tolist(), m[..., 0].tolist())
            # fields of teachers, then students, from the frame coordinates in the chain's order
            corner = lower.new_zeros(len(lower), len(own))
            frames.append((torch.cat([torch.cat([lower, corner], 1), torch.cat([along, own], 1)]), state[:, 0]))
        deviation = torch.zeros(size, replicas, dtype=torch.float64)
        return cls(problem, dimension, path, torch.cat(slopes, 1), torch.stack(columns, 1), frames, deviation)

    def advance(self, zp: torch.Tensor, zk: torch.Tensor, xi: torch.Tensor | None) -> None:
        """Advance by one step driven by the frame coordinates and the label noise of the chain's step."""
        n = self.step
        noise = self._increment(n, torch.cat([zp, zk]), xi) - self.slopes[:, n : n + 1]
        self.deviation = self.deviation + (self.jacobians[..., n] @ self.deviation + noise) / self.dimension
        self.step = n + 1

    def _increment(self, n: int, z: torch.Tensor, xi: torch.Tensor | None) -> torch.Tensor:
        """Return d times the change of the packed state in one step from the path, |x|^2/d replaced by one."""
        pr, k, p = self.problem, self.problem.teachers, self.problem.students
        rows, state = self.frames[n]
        fields = rows @ z
        nu, lam = fields[:k], fields[k:]
        values = pr.unit(lam)
        a = state[-p:]
        residual = torch.tensor(pr.teacher_layer, dtype=torch.float64) @ pr.teacher_unit(nu) - a @ values
        if xi is not None:
            residual = residual.add_(xi, alpha=pr.noise_variance**0.5)
        push = a[:, None] * residual * pr.slope(lam)
        scaled = pr.learning_rate * push
        out = z.new_empty(state.shape[0], z.shape[1])
        place = 0
        for i in range(p):
            for j in range(i, p):
                out[place] = scaled[i] * lam[j] + scaled[j] * lam[i] + scaled[i] * scaled[j]
                place += 1
        out[place:-p] = (scaled[:, None] * nu[None]).reshape(p * k, -1)
        out[-p:] = pr.second_rate * residual * values
        if pr.decay:
            out[:place].sub_(2 * pr.decay * state[:place, None])
            out[place:-p].sub_(pr.decay * state[place:-p, None])
            if pr.second_rate:
                out[-p:].sub_(pr.decay * a[:, None])
        return out


def twin_chain(
    chunk: Chunk, problem: Committee, means: Means, q0: Any, m0: Any, dimension: float, steps: int
) -> tuple[Overlaps, torch.Tensor]:
    """Run the projected chain (batch one) with its control variate; returns the overlaps and C (components, R).

    The mean of ``pack(overlaps) - C`` is the mean of the overlaps, with a variance smaller by a factor of about d.
    """
    twin = ControlVariate.start(problem, means, q0, m0, dimension, steps, chunk.replicas)
    final = projected_chain(chunk, problem, q0, m0, dimension, steps, drive=twin.advance)
    return final, twin.deviation
