"""Flow experiments: continuous models integrated finely, against literal steps of gradient descent."""

from __future__ import annotations

import functools
import itertools
import math
from typing import Any

import numpy as np
import sympy as sp
import torch
from scipy.integrate import solve_ivp

from checks.check import Context, Measured
from checks.principal_flow.losses import cubic_gradient, cubic_loss, jet_gradient
from numerics import flows
from numerics.descent import Method, extrapolate, logarithm_of_iterates
from theory.parse import parse_expression
from theory.principal_flow.jets import jet_terms


def _halved(first: float, count: int) -> list[float]:
    return [first / 2**k for k in range(count)]


def _truncated_flow(jet: list[float], order: int, h: float) -> float:
    """End of the flow of the N-term field after time h from 0; the jets along the flow are those of the loss."""
    terms, space = jet_terms(order)
    field = sp.lambdify(space.symbols, [f.as_expr() for f in terms], modules="math")
    derivatives = [jet_gradient(jet[k:]) if len(jet) > k else (lambda x: 0.0 * x) for k in range(order + 1)]

    def slope(_t: float, x: np.ndarray) -> list[float]:
        values = field(*[d(float(x[0])) for d in derivatives])
        return [sum(h**p * v for p, v in enumerate(values))]

    return float(solve_ivp(slope, (0.0, h), [0.0], method="DOP853", rtol=1e-13, atol=1e-16).y[0, -1])


def _local_errors(jet: list[float], order: int, largest: float, count: int) -> tuple[list[float], list[float]]:
    sizes = [largest * (1 - 0.14 * k) for k in range(count)]
    return sizes, [-h * jet[0] - _truncated_flow(jet, order, h) for h in sizes]


def truncated_local_error(
    _: Context, *, gradient_jet: list[float], order: int, learning_rate: float, largest: float, **__: Any
) -> Measured:
    """Leading constant: (step - flow)/h^(N+1) extrapolated to h = 0, times the learning rate to that power."""
    sizes, errors = _local_errors(gradient_jet, order, largest, 6)
    limit, error = extrapolate([e / h ** (order + 1) for e, h in zip(errors, sizes)], sizes)
    scale = learning_rate ** (order + 1)
    return Measured(limit * scale, error * scale)


def truncated_local_order(_: Context, *, gradient_jet: list[float], order: int, largest: float, **__: Any) -> Measured:
    """Slope of log|step - flow| in log h, extrapolated to h = 0."""
    sizes, errors = _local_errors(gradient_jet, order, largest, 6)
    slopes = [
        math.log(abs(errors[k] / errors[k + 1])) / math.log(sizes[k] / sizes[k + 1]) for k in range(len(sizes) - 1)
    ]
    middle = [math.sqrt(a * b) for a, b in itertools.pairwise(sizes)]
    limit, error = extrapolate(slopes, middle)
    return Measured(limit, error)


def field_term(
    _: Context, *, gradient: list[float], hessian: list[list[float]], power: int, learning_rate: float,
    third_derivative_contraction: list[float] | None = None, **__: Any,
) -> Measured:  # fmt: skip
    """Coefficient of h^power in the field through literal iterates (logarithm of iterates, extrapolated in h)."""
    slope = cubic_gradient(gradient, hessian, third_derivative_contraction)
    nodes = 0.01 * (1.3 + np.cos(np.pi * (np.arange(12) + 0.5) / 12))
    rows = np.array(
        [logarithm_of_iterates(Method("gd", float(h)).run(slope, np.zeros(len(gradient)), 10), float(h)) for h in nodes]
    )
    fits = [
        np.array([np.polynomial.Polynomial.fit(nodes, row, degree).convert().coef[power] for row in rows.T])
        for degree in (5, 6)
    ]
    return Measured(fits[1].tolist(), np.abs(fits[1] - fits[0]).tolist())


def drift(
    _: Context, *, gradient: list[float], hessian: list[list[float]], learning_rate: float, **__: Any
) -> Measured:
    """Step minus gradient flow over h^2 as h -> 0, times h^2 of the case; the flow is integrated on a torch loss."""
    loss = cubic_loss(gradient, hessian, [0.4 * (-1) ** k for k in range(len(gradient))])
    start = torch.zeros(len(gradient), dtype=torch.float64)
    g = torch.tensor(gradient, dtype=torch.float64)
    sizes = _halved(0.08, 5)
    rows = [(-h * g - flows.flow(flows.gradient_flow(loss), start, h, 16)).numpy() / h**2 for h in sizes]
    return _componentwise(rows, sizes, learning_rate**2)


def principal_local_error(
    _: Context, *, third_derivative_contraction: list[float], learning_rate: float, **__: Any
) -> Measured:
    """Step minus principal flow over h^3 as h -> 0 on a cubic loss, times h^3 of the case."""
    sizes, rows = _principal_errors(third_derivative_contraction)
    return _componentwise([row / h**3 for row, h in zip(rows, sizes)], sizes, learning_rate**3)


def principal_local_order(
    _: Context, *, third_derivative_contraction: list[float], weight: float = 0.0, imaginary: float = 0.0,
    hermitian: bool = False, **__: Any,
) -> Measured:  # fmt: skip
    """Slope of log|step - principal flow| in log h, extrapolated; -h^2 weight T(g,g) is added to the flow.

    ``imaginary`` moves the start into the complex plane, where the Hessian is complex symmetric.
    """
    sizes, rows = _principal_errors(third_derivative_contraction, weight, imaginary, hermitian)
    norms = [float(np.linalg.norm(row)) for row in rows]
    slopes = [math.log2(a / b) for a, b in itertools.pairwise(norms)]
    limit, error = extrapolate(slopes, sizes[1:])
    return Measured(limit, error)


def _principal_errors(
    third: list[float], weight: float = 0.0, imaginary: float = 0.0, hermitian: bool = False
) -> tuple[list[float], list[np.ndarray]]:
    return _errors_on_cubic(tuple(third), weight, imaginary, hermitian)


@functools.lru_cache(maxsize=8)
def _errors_on_cubic(
    third: tuple[float, ...], weight: float, imaginary: float, hermitian: bool
) -> tuple[list[float], list[np.ndarray]]:
    size = len(third)
    gradient = [0.7 - 0.4 * k for k in range(size)]
    hessian = [[1.3 if a == c else 0.45 for c in range(size)] for a in range(size)]
    loss = cubic_loss(gradient, hessian, third)
    start = imaginary * 1j * torch.tensor([1.0 - 1.6 * k for k in range(size)], dtype=torch.complex128)
    g = flows.gradient_and_hessian(loss, start)[0]
    sizes = _halved(0.16, 5)
    rows = []
    for h in sizes:
        end = flows.flow(flows.principal_flow(loss, h, weight, hermitian=hermitian), start, h, 12)
        moved = (start - h * g - end).numpy()
        rows.append(moved if imaginary else moved.real)
    return sizes, rows


def _componentwise(rows: list[np.ndarray], sizes: list[float], scale: float) -> Measured:
    found = [extrapolate([float(row[c]) for row in rows], sizes) for c in range(len(rows[0]))]
    return Measured([v * scale for v, _ in found], [e * scale for _, e in found])


def quadratic_flow(
    _: Context, *, learning_rate: float, curvature: float, initial_value: float, steps: float, **__: Any
) -> Measured:
    """Principal flow of a 2-D rotated quadratic integrated finely; the coordinate along the first eigenvector."""
    c, s = math.cos(0.6), math.sin(0.6)
    basis = torch.tensor([[c, -s], [s, c]], dtype=torch.float64)
    matrix = basis @ torch.diag(torch.tensor([curvature, 0.37], dtype=torch.float64)) @ basis.T
    start = (basis @ torch.tensor([initial_value, 0.8], dtype=torch.float64)).to(torch.complex128)

    def loss(z: torch.Tensor) -> torch.Tensor:
        return z @ (matrix.to(z.dtype) @ z) / 2

    field = flows.principal_flow(loss, learning_rate)
    coarse, fine = (
        complex((basis[:, 0].to(torch.complex128) @ flows.flow(field, start, steps * learning_rate, count)).item())
        for count in (40, 80)
    )
    error = abs(fine - coarse)
    return Measured([fine.real, fine.imag], [error, error])


def loss_rate(
    _: Context, *, learning_rate: float, curvatures: list[float], gradient_components: list[float], **__: Any
) -> Measured:
    """d/dt of the loss along the integrated principal flow, by a central difference of two short flows."""
    lam = torch.tensor(curvatures, dtype=torch.complex128)
    g = torch.tensor(gradient_components, dtype=torch.complex128)
    angle = 0.5
    start = g / lam

    def loss(z: torch.Tensor) -> torch.Tensor:
        return (lam * z * z).sum() / 2

    field = flows.principal_flow(loss, learning_rate)
    sizes = _halved(0.004 * angle, 4)
    rates = []
    for d in sizes:
        ahead, behind = (loss(flows.flow(field, start, sign * d, 4)) for sign in (1, -1))
        rates.append(complex(((ahead - behind) / (2 * d)).item()))
    squares = [d * d for d in sizes]
    parts = [extrapolate([getattr(r, part) for r in rates], squares) for part in ("real", "imag")]
    return Measured([v for v, _ in parts], [e + 1e-9 for _, e in parts])


def scalar_field(_: Context, *, gradient_jet: list[float], order: int, learning_rate: float, **__: Any) -> Measured:
    """First N terms of the field through literal iterates, fitted over twelve learning rates, at the given one."""
    slope = jet_gradient(gradient_jet)
    nodes = 0.03 * (1.3 + np.cos(np.pi * (np.arange(12) + 0.5) / 12))
    values = [
        float(logarithm_of_iterates(Method("gd", float(h)).run(slope, np.zeros(1), 12), float(h))[0]) for h in nodes
    ]
    found = []
    for degree in (7, 8):
        terms = np.polynomial.Polynomial.fit(nodes, values, degree).convert().coef[:order]
        found.append(float(sum(c * learning_rate**p for p, c in enumerate(terms))))
    return Measured(found[1], abs(found[1] - found[0]))


def sign_change(_: Context, **__: Any) -> Measured:
    """Scaled curvature below which the integrated IGR flow approaches the saddle of a quadratic, by bisection."""
    low, high = -4.0, -0.7
    for _step in range(18):
        middle = (low + high) / 2

        def loss(z: torch.Tensor, middle: float = middle) -> torch.Tensor:
            return middle * z[0] ** 2 / 2 + 0.4 * z[1] ** 2 / 2

        start = torch.tensor([1.0, 0.3], dtype=torch.float64)
        leaves = abs(flows.flow(flows.regularised_flow(loss, 1.0), start, 0.5, 4)[0].item()) > 1
        low, high = (low, middle) if leaves else (middle, high)
    return Measured((low + high) / 2, 2e-5)


def corrected_local_error(_: Context, *, loss: str, point: list[float], learning_rate: float, **__: Any) -> Measured:
    """Step minus corrected principal flow over h^4 as h -> 0 on a polynomial loss, times h^4 of the case."""
    variables = sp.symbols("x y", real=True)
    written = sp.lambdify(
        variables, parse_expression(loss, dict(zip("xy", variables)), unknown="error"), modules="math"
    )

    def on_tensors(z: torch.Tensor) -> torch.Tensor:
        return written(z[0], z[1])

    start = torch.tensor(point, dtype=torch.float64)
    g = flows.gradient_and_hessian(on_tensors, start)[0]
    sizes = _halved(0.08, 5)
    rows = []
    for h in sizes:
        end = flows.flow(flows.principal_flow(on_tensors, h, 1 / 12), start.to(torch.complex128), h, 10)
        rows.append((start - h * g - end).real.numpy() / h**4)
    return _componentwise(rows, sizes, learning_rate**4)
