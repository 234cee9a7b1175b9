"""Identities, charges and counts of symmetries on real networks: the digits, autograd, and runs of torch.optim.SGD."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

import theory
from checks.check import Context, Measured
from checks.symmetry.runs import ROUNDING, SUMS, record
from numerics.conserved import independent_charges, rates
from numerics.convolution import train_convolution
from numerics.linear_layers import train_factors
from numerics.network_gradients import hessian_product, output_gradients, sample_gradients, softmax_gradients
from numerics.synthetic_training import train_linear
from numerics.training import FORMS, Training, digit_tensors, train


def _dot(x: Mapping[str, torch.Tensor], y: Mapping[str, torch.Tensor]) -> float:
    return float(sum((x[name] * y[name]).sum() for name in x))


def largest_cosine(context: Context, *, network: str, form: str, images: int = 24, **_: Any) -> Measured:
    """Return the largest |g . A theta|/(|g| |A theta|) over units and images (batches under batch normalisation)."""
    theta, gradients = sample_gradients(network, 0, images, whole_batch=network == "batch-norm")
    worst = 0.0
    for unit in range(len(FORMS[form](theta, theta))):
        moved = FORMS[form].action(theta, unit)
        size = _dot(moved, moved) ** 0.5
        worst = max(worst, *(abs(_dot(g, moved)) / (size * _dot(g, g) ** 0.5) for g in gradients))
    return Measured(worst, 1e-14)


def share_of_generator(value: list[float], *, first_weight: float, second_weight: float, input: float, target: float,
                       **_: Any) -> list[float]:  # fmt: skip
    """Return H A theta as a multiple of A g, and what is left over relative to |A g|, of the scalar model."""
    u, w, x = first_weight, second_weight, input
    slope = 2 * (u * w * x - target) * x
    image = np.array([slope * w, -slope * u])
    return _shares(np.array(value), image)


def _shares(bent: np.ndarray, image: np.ndarray) -> list[float]:
    share = bent @ image / (image @ image)
    return [float(share), float(np.linalg.norm(bent - share * image) / np.linalg.norm(image))]


def hessian_share(context: Context, *, network: str, form: str, images: int = 64, **_: Any) -> Measured:
    """Return the same of a network: the multiple of A g furthest from its mean over the units, and the largest rest."""
    theta, _gradients = sample_gradients(network, 0, images, whole_batch=True)
    found = []
    for unit in range(len(FORMS[form](theta, theta))):
        gradient, bent = hessian_product(network, 0, images, FORMS[form].action(theta, unit))
        image = FORMS[form].action(gradient, unit)
        if _dot(image, image) > 0:  # units that no image switches on have nothing to compare
            found.append(_shares(*(np.concatenate([t[n].numpy().ravel() for n in theta]) for t in (bent, image))))
    shares, rests = zip(*found, strict=True)
    return Measured([max(shares, key=lambda s: abs(s - np.mean(shares))), max(rests)], [1e-14, 1e-14])


def _end_of_run(training: Training, form: str, parts: Callable[[Any, int], tuple[Any, ...]]) -> dict[str, Any]:
    """Weights of the unit with the largest charge at the end of a run, and its charge from start and kicks alone."""
    run = record(training, form)
    unit = int(run.charges[-1].abs().argmax())
    came_out = run.charges[0, unit] + training.learning_rate**2 * run.gradient_forms[:, unit].sum()
    first, second = (part.flatten().tolist() for part in parts(run.last, unit)[:2])
    return {
        "first_weights": first,
        "second_weights": second,
        "came_out": float(came_out),
        "magnitude": float(run.magnitudes[:, unit].max()),
    }


def scaled_filter(training: Training, form: str) -> dict[str, Any]:
    """A filter before batch normalisation, cut in two."""
    made = _end_of_run(training, form, lambda p, j: (p["first.weight"][j, :20], p["first.weight"][j, 20:]))
    return {"symmetry_kind": "scale", **made}


def rescaled_gain(training: Training, form: str) -> dict[str, Any]:
    """Outgoing weights of a normalised unit against its gain and shift."""

    def parts(p: Any, j: int) -> tuple[Any, Any]:
        return p["last.weight"][:, j], torch.stack([p["norm.weight"][j], p["norm.bias"][j]])

    return {"symmetry_kind": "rescale", **_end_of_run(training, form, parts)}


def shifted_logits(training: Training, form: str) -> dict[str, Any]:
    """A column of a softmax layer after a run without decay; its sum is what it was at the start."""
    run = train(training, SUMS)
    start, end = run.first["last.weight"], run.last["last.weight"]
    pixel = int((start.sum(0).abs() * (end != start).any(0)).argmax())
    column = end[:, pixel]
    return {
        "symmetry_kind": "translation",
        "first_weights": column[:4].tolist(),
        "second_weights": column[4:].tolist(),
        "came_out": float(start[:, pixel].sum()),
        "magnitude": float(column.abs().sum()),
    }


def biased_unit(training: Training, form: str) -> dict[str, Any]:
    """Outgoing and incoming weights and the bias of a hidden ReLU unit after a run."""
    outgoing, incoming, bias = (name for name, _, _ in FORMS[form].blocks)
    made = _end_of_run(training, form, lambda p, j: (p[outgoing][:, j], p[incoming][j]))
    run = record(training, form)
    unit = int(run.charges[-1].abs().argmax())
    return {**made, "bias": float(run.last[bias][unit])}


def factor_step(training: Training, form: str) -> dict[str, Any]:
    """Factors and product gradient of the step, of a whole run, at which the matrix law does worst."""
    rate, decay = training.learning_rate, training.weight_decay
    law = theory.law("symmetry.discrete.matrix_step")
    worst, found = -1.0, {}
    synthetic = training.network == "synthetic"
    for step in (
        train_linear(training)[1] if synthetic else train_factors(training.network, rate, decay, training.steps)
    ):
        given = {
            "first_factor": step.first.tolist(),
            "second_factor": step.second.tolist(),
            "product_gradient": step.gradient.tolist(),
            "learning_rate": rate,
            "weight_decay": decay,
        }
        after = step.first_after.T @ step.first_after - step.second_after @ step.second_after.T
        distance = float((torch.tensor(law(**given), dtype=torch.float64) - after).abs().max() / after.abs().max())
        if distance > worst:
            size = float((step.first_after**2).sum(0).max() + (step.second_after**2).sum(1).max())
            worst, found = distance, {**given, "came_out": after.flatten().tolist(), "magnitude": size}
    return found


def largest_entry(prediction: list[float], **_: Any) -> float:
    """Return 1e-12 of the largest entry of a matrix charge: its small entries are differences of large numbers."""
    return 1e-12 * max(map(abs, prediction))


def stationary_filter(training: Training, form: str) -> dict[str, Any]:
    """Time averages of one filter in its stationary state: its charge, and the raw second moment of its gradient."""
    run = record(training, form)
    burn = training.steps // 5
    unit = int(run.charges[burn:].mean(0).argmax())
    # the average owes (C_first - C_last)/(2 eta wd steps) to its ends: begin where the charge is what it is at the end
    waits = (run.charges[burn : 2 * burn, unit] - run.charges[-1, unit]).abs()
    start = burn + int(waits.argmin())
    raw = float(run.gradient_forms[start:, unit].mean())
    whole = float(run.whole_forms[start // training.whole_every :, unit].mean())
    owed = float(waits.min()) / (2 * training.learning_rate * training.weight_decay * (training.steps - start))
    return {
        "noise_form": training.batch_size * (raw - whole),
        "mean_gradient_form": whole,
        "learning_rate": training.learning_rate,
        "batch_size": training.batch_size,
        "weight_decay": training.weight_decay,
        "came_out": float(run.charges[start:-1, unit].mean()),
        "magnitude": owed / ROUNDING,
    }


def relu_count(context: Context, *, widths: list[int], samples: int, **_: Any) -> Measured:
    """Count the charges of degree <= 2 that all gradients of outputs on the digits leave alone."""
    n, r, m = (int(w) for w in widths)
    points, slopes = output_gradients((n, r, m), samples, context.seed)
    generic = np.random.default_rng(context.seed + 1).normal(size=points.shape[1])
    return Measured(independent_charges(rates(points, slopes), generic), 0.0)


def softmax_count(context: Context, *, classes: int, features: int, samples: int, **_: Any) -> Measured:
    """Count the charges of degree <= 2 that all gradients of a softmax layer on the digits leave alone."""
    points, slopes = softmax_gradients(features, classes, samples, context.seed)
    generic = np.random.default_rng(context.seed + 1).normal(size=points.shape[1])
    return Measured(independent_charges(rates(points, slopes), generic), 0.0)


def trace_of_hessian(context: Context, *, first_factor: list[list[float]], second_factor: list[list[float]],
                     **_: Any) -> Measured:  # fmt: skip
    """Tr H of |U W x - V x|^2 on the 4 x 4 block means of the digits, at V = U W, by autograd."""
    u, w = (torch.tensor(m, dtype=torch.float64) for m in (first_factor, second_factor))
    x, goal = block_means(), (u @ w).detach()
    cut = u.numel()

    def loss(z: torch.Tensor) -> torch.Tensor:
        gap = x @ (z[:cut].reshape(u.shape) @ z[cut:].reshape(w.shape) - goal).T
        return (gap**2).sum(1).mean()

    hessian = torch.func.hessian(loss)(torch.cat([u.flatten(), w.flatten()]))
    return Measured(float(hessian.trace()), 1e-10)


def block_means() -> torch.Tensor:
    """Return the 4 x 4 block means of the centred digits, shape (1797, 16)."""
    images, _ = digit_tensors()
    return images.reshape(-1, 4, 2, 4, 2).mean((2, 4)).reshape(-1, 16)


def _second_moment() -> dict[str, Any]:
    x = block_means()
    return {"input_covariance": (x.T @ x / len(x)).tolist()}


def digit_factors(training: Training, form: str) -> dict[str, Any]:
    """Random factors of 3 outputs, width 2 and 16 inputs, with the second moments of the inputs."""
    rng = np.random.default_rng(training.seed)
    factors = {"first_factor": rng.normal(size=(3, 2)).tolist(), "second_factor": rng.normal(size=(2, 16)).tolist()}
    return {**factors, **_second_moment()}


def convolution_run(training: Training, form: str) -> dict[str, Any]:
    """Filters out of and into the single channel of a convolution after a run on the digits, its kicks taken off."""
    run = train_convolution(training)
    return {
        "first_weights": run.outgoing.flatten().tolist(), "second_weights": run.incoming.flatten().tolist(),
        "activation": training.network, "came_out": run.expected, "magnitude": run.magnitude,
    }  # fmt: skip
