"""Full non-linear minibatch SGD of small models, many replicas at once.

Parameters and data carry the replica axis last. The model is a torch function that returns one loss per sample and
replica; replicas never interact, so the gradient of the sum of all losses is the gradient of each replica.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch

Parameters = dict[str, torch.Tensor]
Batch = tuple[torch.Tensor, ...]


def gradients(loss: Callable[..., torch.Tensor], parameters: Mapping[str, torch.Tensor], batch: Batch) -> Parameters:
    """Return the gradient of the batch-mean loss of every replica.

    ``loss(parameters, *batch)`` has shape (batch, ..., replicas) or (replicas,); all leading axes are averaged.

    >>> p = {"w": torch.tensor([1.0, 2.0])}
    >>> gradients(lambda q, x: (q["w"] * x) ** 2, p, (torch.tensor([1.0, 3.0]),))["w"]
    tensor([ 2., 36.])
    """
    leaves = {name: value.detach().requires_grad_(True) for name, value in parameters.items()}
    with torch.enable_grad():
        per_sample = loss(leaves, *batch)
        mean = per_sample.reshape(-1, per_sample.shape[-1]).mean(0)
        found = torch.autograd.grad(mean.sum(), list(leaves.values()))
    return dict(zip(leaves, found, strict=True))


def minibatch_sgd(
    loss: Callable[..., torch.Tensor],
    parameters: Mapping[str, torch.Tensor],
    draw_batch: Callable[[int], Batch],
    learning_rate: float | torch.Tensor,
    steps: int,
    *,
    weight_decay: float = 0.0,
    momentum: float = 0.0,
    frozen: Callable[[Parameters], torch.Tensor] | None = None,
    observe: Callable[[int, Parameters], None] | None = None,
) -> Parameters:
    """Run ``theta <- theta - eta * (mean batch gradient + weight_decay * theta)`` for all replicas.

    ``learning_rate`` may be a tensor with one entry per replica. Heavy ball in the form
    ``v <- momentum * v + g, theta <- theta - eta * v``. Replicas for which ``frozen(parameters)`` is True stay where
    they are (an absorbing set); ``observe(step, parameters)`` is called after each step.
    """
    state = {name: value.clone() for name, value in parameters.items()}
    velocity = {name: torch.zeros_like(value) for name, value in state.items()} if momentum else {}
    for step in range(steps):
        slope = gradients(loss, state, draw_batch(step))
        held = None if frozen is None else frozen(state)
        for name, value in state.items():
            move = slope[name] if weight_decay == 0.0 else slope[name] + weight_decay * value
            if momentum:
                velocity[name] = move = momentum * velocity[name] + move
            new = value - learning_rate * move
            state[name] = new if held is None else torch.where(held, value, new)
        if observe is not None:
            observe(step, state)
    return state
