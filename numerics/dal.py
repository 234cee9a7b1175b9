"""Drift-adjusted learning rates (DAL) as a torch optimizer."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch

from numerics.errors import NumericsError


class DAL(torch.optim.Optimizer):
    """Gradient descent with the rate ``min(2 / (|H g| / |g|)^power, cap)``.

    |H g| is the drift of a step from the gradient flow over h^2/2, so that the rate shrinks where gradient descent
    and gradient flow part. It costs one Hessian-vector product a step. ``step`` needs a closure which returns the
    loss; it must not call ``backward``. The last rate is in ``param_groups[i]["lr"]``.

    Parameters
    ----------
    params : parameters to optimise; all groups share one rate
    power : p > 0; with 1 the rate is at least 2/(largest curvature)
    cap : upper clip of the rate; None for no clip (then a vanishing H g is an error)

    Raises NumericsError for a power or cap that is not positive, for groups that differ in them, and for a step
    without closure.
    Source: Rosca, Wu, Qin, Dherin, TMLR 2023.

    >>> w = torch.tensor([3.0], dtype=torch.float64, requires_grad=True)
    >>> optimizer = DAL([w], power=0.5, cap=1.0)
    >>> _ = optimizer.step(lambda: (w**2).sum() * 4)
    >>> round(w.item(), 6)
    -13.970563
    """

    def __init__(self, params: Iterable[Any], power: float = 1.0, cap: float | None = None) -> None:
        if not power > 0:
            raise NumericsError(f"power = {power} must be > 0.")
        if cap is not None and not cap > 0:
            raise NumericsError(f"cap = {cap} must be > 0, or None for no clip.")
        super().__init__(params, {"lr": 0.0, "power": power, "cap": cap})

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group; it must have the power and the cap of the others, for all share one rate."""
        super().add_param_group(param_group)
        first, added = self.param_groups[0], self.param_groups[-1]
        if any(added[key] != first[key] for key in ("power", "cap")):
            self.param_groups.pop()
            raise NumericsError(
                f"power = {added['power']}, cap = {added['cap']} of a group differ from {first['power']}, {first['cap']}; "
                "all groups share one rate, so use a second optimizer."
            )

    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # type: ignore[override]
        """Take one step; return the loss before it."""
        if closure is None:
            raise NumericsError("DAL needs a closure that returns the loss, for its Hessian-vector product.")
        with torch.enable_grad():
            loss = closure()
            parameters = [p for group in self.param_groups for p in group["params"] if p.requires_grad]
            slopes = torch.autograd.grad(loss, parameters, create_graph=True, allow_unused=True)
            used = [(p, g) for p, g in zip(parameters, slopes) if g is not None]
            fixed = [g.detach() for _, g in used]
            along = sum(((g * f).sum() for (_, g), f in zip(used, fixed)), torch.zeros(()))
            products: list[Any] = [None] * len(used)
            if along.requires_grad:
                products = list(torch.autograd.grad(along, [p for p, _ in used], allow_unused=True))
        group = self.param_groups[0]
        rate = drift_adjusted_rate(_norm(products), _norm(fixed), group["power"], group["cap"])
        for chosen in self.param_groups:
            chosen["lr"] = rate
        with torch.no_grad():
            for (p, _), g in zip(used, fixed):
                p -= rate * g
        return loss.detach()


def _norm(tensors: Iterable[Any]) -> float:
    return math.sqrt(sum(float((t.detach() ** 2).sum()) for t in tensors if t is not None))


def drift_adjusted_rate(hessian_gradient_norm: float, gradient_norm: float, power: float, cap: float | None) -> float:
    """Return min(2/(|H g|/|g|)^power, cap); at a critical point 0.

    >>> drift_adjusted_rate(6.0, 3.0, 1.0, None)
    1.0
    """
    if gradient_norm == 0:
        return 0.0
    ratio = hessian_gradient_norm / gradient_norm
    if ratio == 0:
        if cap is None:
            raise NumericsError("H g vanishes, so that the rate is unbounded; give a cap.")
        return cap
    rate = 2 / ratio**power
    return rate if cap is None else min(rate, cap)
