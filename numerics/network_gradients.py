"""Gradients and Hessian products of networks on the digits, sample by sample, without any training."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from numerics.digits import digits
from numerics.training import Tensors, digit_tensors, network


def sample_gradients(name: str, seed: int, images: int, *, whole_batch: bool = False) -> tuple[dict, list[dict]]:
    """Return the parameters of an untrained network and the gradient of each image's loss (or of their mean's)."""
    model = network(name, seed)
    x, y = digit_tensors()
    named = dict(model.named_parameters())
    groups = [slice(0, images)] if whole_batch else [slice(i, i + 1) for i in range(images)]
    found = []
    with torch.enable_grad():
        for chosen in groups:
            loss = nn.functional.cross_entropy(model(x[chosen]), y[chosen])
            found.append(dict(zip(named, torch.autograd.grad(loss, list(named.values())), strict=True)))
    return {name: value.detach() for name, value in named.items()}, found


def hessian_product(name: str, seed: int, images: int, direction: Tensors) -> tuple[Tensors, Tensors]:
    """Return the gradient of the loss of the first images and its Hessian times a direction."""
    model = network(name, seed)
    x, y = digit_tensors()
    named = dict(model.named_parameters())
    with torch.enable_grad():
        loss = nn.functional.cross_entropy(model(x[:images]), y[:images])
        slopes = torch.autograd.grad(loss, list(named.values()), create_graph=True)
        along = sum((s * direction[n]).sum() for n, s in zip(named, slopes, strict=True))
        bent = torch.autograd.grad(along, list(named.values()))
    gradient = {n: s.detach() for n, s in zip(named, slopes, strict=True)}
    return gradient, dict(zip(named, bent, strict=True))


def output_gradients(widths: tuple[int, int, int], samples: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return random points (samples, d) of a ReLU network with biases, and gradients of random outputs on the digits.

    The inputs are the leading principal components of the images. A random combination of the outputs is what the
    gradient of some loss is; one image at each point.
    """
    images, _ = digits()
    _, _, loadings = np.linalg.svd(images, full_matrices=False)
    scores = torch.from_numpy(images @ loadings[: widths[0]].T / 20)
    generator = torch.Generator().manual_seed(seed)
    n, r, m = widths
    shapes = ((r, n), (r,), (m, r), (m,))
    points, slopes = [], []
    for sample in range(samples):
        parts = [torch.randn(*shape, generator=generator, dtype=torch.float64, requires_grad=True) for shape in shapes]
        mix = torch.randn(m, generator=generator, dtype=torch.float64)
        with torch.enable_grad():
            hidden = torch.relu(parts[0] @ scores[sample] + parts[1])
            slope = torch.autograd.grad(mix @ (parts[2] @ hidden + parts[3]), parts)
        points.append(torch.cat([part.detach().flatten() for part in parts]).numpy())
        slopes.append(torch.cat([part.flatten() for part in slope]).numpy())
    return np.stack(points), np.stack(slopes)


def softmax_gradients(features: int, classes: int, samples: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return random points (samples, d) of a softmax layer, and its gradients on the digits' principal components."""
    images, labels = digits()
    _, _, loadings = np.linalg.svd(images, full_matrices=False)
    scores = images @ loadings[:features].T / 20
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(samples, classes, features))
    logits = np.einsum("scf,sf->sc", weights, scores[:samples])
    chances = np.exp(logits - logits.max(1, keepdims=True))
    chances /= chances.sum(1, keepdims=True)
    errors = chances - np.eye(classes)[labels[:samples] % classes]
    return weights.reshape(samples, -1), np.einsum("sc,sf->scf", errors, scores[:samples]).reshape(samples, -1)
