"""Continuous-time models of gradient descent on a torch loss: gradient flow, IGR, third order, principal flow.

A loss takes a vector and returns a scalar; for complex states it must be holomorphic (polynomials, exp, tanh, ...).
All products are bilinear: no complex conjugation anywhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch

from numerics.errors import InvalidSample, NumericsError

Loss = Callable[[torch.Tensor], torch.Tensor]
VectorField = Callable[[torch.Tensor], torch.Tensor]


def _derivative(value: torch.Tensor, point: torch.Tensor, *, keep: bool) -> torch.Tensor:
    """dL/dz of a scalar; for complex points autograd returns the conjugate of the holomorphic derivative."""
    if not value.requires_grad:
        return torch.zeros_like(point)
    seed = torch.ones_like(value)
    (slope,) = torch.autograd.grad(value, point, grad_outputs=seed, create_graph=keep, allow_unused=True)
    return torch.zeros_like(point) if slope is None else slope.conj()


def gradient_and_hessian(loss: Loss, point: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the gradient (d,) and the Hessian (d, d) at a real or complex point.

    A loss with a method ``derivatives(point) -> (gradient, Hessian)`` is asked for them; others are differentiated.

    >>> g, h = gradient_and_hessian(lambda z: (z**3).sum(), torch.tensor([2.0], dtype=torch.float64))
    >>> g.item(), h.item()
    (12.0, 12.0)
    """
    closed = getattr(loss, "derivatives", None)
    if closed is not None:
        return closed(point)
    with torch.enable_grad():
        z = point.detach().clone().requires_grad_(True)
        slope = _derivative(loss(z), z, keep=True)
        if not slope.requires_grad:
            return slope.detach(), torch.zeros(len(z), len(z), dtype=z.dtype, device=z.device)
        eye = torch.eye(len(z), dtype=z.dtype, device=z.device)
        (rows,) = torch.autograd.grad(slope, z, grad_outputs=eye, is_grads_batched=True, allow_unused=True)
    hessian = torch.zeros_like(eye) if rows is None else rows.conj()
    return slope.detach().resolve_conj(), hessian.resolve_conj()


def third_contraction(loss: Loss, point: torch.Tensor) -> torch.Tensor:
    """Return T(g,g), the third derivative contracted twice with the gradient, without forming it."""
    with torch.enable_grad():
        z = point.detach().clone().requires_grad_(True)
        slope = _derivative(loss(z), z, keep=True)
        fixed = slope.detach()
        along = _derivative((slope * fixed).sum(), z, keep=True)
        return _derivative((along * fixed).sum(), z, keep=False).detach().resolve_conj()


def principal_coefficient(scaled: torch.Tensor) -> torch.Tensor:
    """phi(x) = log(1-x)/x of real or complex numbers on the branch log(x-1) + i pi for Re x > 1; phi(0) = -1.

    The branch is fixed by the real part: rounding noise in the imaginary part would flip +-i pi between the stages
    of an integrator. Raises InvalidSample at x = 1.
    """
    x = scaled.to(torch.complex128)
    if bool(((x - 1).abs() < 1e-12).any()):
        raise InvalidSample(
            "h lambda = 1 within 1e-12: the principal flow is singular there; change the learning rate."
        )
    beyond = x.real > 1
    safe = torch.where(x.abs() < 1e-8, torch.full_like(x, 1.0 + 1.0), x)
    above = torch.log(safe - 1) + 1j * math.pi
    logarithm = torch.where(beyond, above, torch.log(1 - safe))
    return torch.where(x.abs() < 1e-8, -1 - x / 2, logarithm / safe)


def gradient_flow(loss: Loss) -> VectorField:
    """Field -g."""
    return lambda z: -gradient_and_hessian(loss, z)[0]


def regularised_flow(loss: Loss, learning_rate: float) -> VectorField:
    """Field -g - (h/2) H g (implicit gradient regularisation)."""

    def field(z: torch.Tensor) -> torch.Tensor:
        g, h = gradient_and_hessian(loss, z)
        return -g - learning_rate / 2 * (h @ g)

    return field


def third_order_flow(loss: Loss, learning_rate: float, third_weight: float = 1 / 12) -> VectorField:
    """Field -g - (h/2) H g - h^2 (H^2 g/3 + T(g,g)/12)."""

    def field(z: torch.Tensor) -> torch.Tensor:
        g, h = gradient_and_hessian(loss, z)
        first = h @ g
        bent = third_contraction(loss, z) * third_weight
        return -g - learning_rate / 2 * first - learning_rate**2 * (h @ first / 3 + bent)

    return field


def principal_flow(
    loss: Loss, learning_rate: float, third_weight: float = 0.0, *, hermitian: bool = False
) -> VectorField:
    """Field phi(hH) g - h^2 third_weight T(g,g), on complex states.

    The Hessian at a complex state is complex symmetric: with eigenvectors V the field is V (alpha * V^-1 g).
    ``hermitian=True`` uses conj(V)^T g with unit vectors instead, which is wrong there (kept as a negative control).
    """

    def field(z: torch.Tensor) -> torch.Tensor:
        g, h = gradient_and_hessian(loss, z.to(torch.complex128))
        values, vectors = torch.linalg.eig(h)
        components = vectors.mH @ g if hermitian else torch.linalg.solve(vectors, g)
        flow = vectors @ (principal_coefficient(learning_rate * values) * components)
        if third_weight:
            flow = flow - learning_rate**2 * third_weight * third_contraction(loss, z.to(torch.complex128))
        return flow

    return field


@dataclass(frozen=True)
class Spectrum:
    """The eigenbasis at a real point: curvatures descending, components u_i.g >= 0, principal coefficients."""

    curvatures: torch.Tensor
    components: torch.Tensor
    coefficients: torch.Tensor
    vectors: torch.Tensor

    @property
    def stability(self) -> torch.Tensor:
        """Stability coefficients alpha_i |u_i.g|."""
        return self.coefficients * self.components

    @property
    def loss_rate(self) -> torch.Tensor:
        """dE/dt along the principal flow: sum alpha_i (u_i.g)^2."""
        return (self.coefficients * self.components**2).sum()

    def loss_change(self, learning_rate: float) -> float:
        """Quadratic prediction of the change of the loss in one step."""
        return float(-learning_rate * (self.components**2 * (1 - learning_rate * self.curvatures / 2)).sum())


def spectrum(loss: Loss, point: torch.Tensor, learning_rate: float) -> Spectrum:
    """Return curvatures, gradient components and principal coefficients at a real point."""
    g, h = gradient_and_hessian(loss, point)
    values, vectors = torch.linalg.eigh((h + h.T) / 2)
    values, vectors = values.flip(0), vectors.flip(1)
    raw = vectors.T @ g
    sign = torch.where(raw < 0, -1.0, 1.0).to(raw.dtype)
    return Spectrum(values, raw * sign, principal_coefficient(learning_rate * values), vectors * sign)


def flow(field: VectorField, start: torch.Tensor, duration: float, substeps: int = 32) -> torch.Tensor:
    """Integrate a field by the classical Runge-Kutta method of order 4 with equal substeps.

    >>> end = flow(lambda z: -z, torch.ones(1, dtype=torch.float64), 1.0)
    >>> abs(end.item() - math.exp(-1)) < 1e-7
    True
    """
    if substeps < 1:
        raise NumericsError(f"substeps = {substeps} is below 1; give at least one.")
    z, step = start, duration / substeps
    for _ in range(substeps):
        a = field(z)
        b = field(z + step / 2 * a)
        c = field(z + step / 2 * b)
        d = field(z + step * c)
        z = z + step / 6 * (a + 2 * b + 2 * c + d)
    return z
