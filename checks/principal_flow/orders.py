"""Local and global errors of truncated flows over random losses in one dimension: slopes and leading constants."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import sympy as sp

import theory
from checks.check import Context, Measured
from numerics.descent import extrapolate
from theory.principal_flow.jets import jet_terms

_DIGITS = 50


def random_jet(seed: int, size: int = 5) -> list[float]:
    """Jet of a random polynomial loss; the gradient itself is kept away from 0."""
    draws = np.random.default_rng(seed).uniform(-1.4, 1.4, size)
    draws[0] = math.copysign(0.6 + abs(draws[0]) / 2, draws[0])
    return [round(float(v), 3) for v in draws]


def _fields(jet: list[float], order: int) -> list[Any]:
    """f_1, ..., f_N as exact polynomials in the position."""
    terms = jet_terms(order)[0]
    x = sp.Symbol("x")
    exact = [sp.Rational(Fraction(str(c)).numerator, Fraction(str(c)).denominator) for c in jet]
    slopes = [
        sp.Poly(sum((c * x**p / math.factorial(p) for p, c in enumerate(exact[k:])), sp.Integer(0)), x, domain="QQ")
        for k in range(order + 1)
    ]
    result = []
    for term in terms:
        total = sp.Poly(0, x, domain="QQ")
        for exponents, weight in term.terms():
            product = sp.Poly(sp.Rational(int(weight.numerator), int(weight.denominator)), x, domain="QQ")
            for power, slope in zip(exponents, slopes):
                product = product * slope**power
            total = total + product
        result.append(total)
    return result


def _local_error(fields: list[Any], h: Any, degree: int) -> Any:
    """Step minus flow from 0 after time h, by the Taylor series of the flow to the given degree, in mpmath."""
    size = max(f.degree() for f in fields) + 1
    coefficients = [mpmath.mpf(0)] * size
    for power, field in enumerate(fields):
        for (exponent,), c in field.terms():
            coefficients[exponent] += h**power * mpmath.mpf(int(c.p)) / int(c.q)
    coefficients = coefficients[: degree + 1]
    position: list[Any] = [mpmath.mpf(0)]
    powers: list[list[Any]] = [[] for _ in coefficients]
    for k in range(degree):
        slope = coefficients[0] if k == 0 else mpmath.mpf(0)
        for p in range(1, len(coefficients)):
            lower = powers[p - 1] if p > 1 else ([mpmath.mpf(1)] + [mpmath.mpf(0)] * k)
            # x has no constant term, so that its p-th power starts at degree p.
            value = sum((position[j] * lower[k - j] for j in range(1, k + 1)), mpmath.mpf(0)) if k >= p else 0
            powers[p].append(mpmath.mpf(value))
            slope += coefficients[p] * value
        position.append(slope / (k + 1))
    step = h * (mpmath.mpf(int(fields[0].eval(0).p)) / int(fields[0].eval(0).q))
    return step - sum(c * h**k for k, c in enumerate(position))


def _local_errors(jet: list[float], order: int) -> tuple[list[Any], list[Any]]:
    with mpmath.workdps(_DIGITS):
        fields = _fields(jet, order)
        sizes = [mpmath.mpf(1) / 2**k for k in (7, 8, 9, 10)]
        return sizes, [_local_error(fields, h, order + 14) for h in sizes]


def local_constant(_: Context, *, gradient_jet: list[float], order: int, learning_rate: float, **__: Any) -> Measured:
    """(step - flow)/h^(N+1) at 50 digits, extrapolated to h = 0, times the learning rate to that power."""
    sizes, errors = _local_errors(gradient_jet, order)
    scale = learning_rate ** (order + 1)
    values = [float(e / h ** (order + 1)) for e, h in zip(errors, sizes)]
    limit, error = extrapolate(values, [float(h) for h in sizes])
    return Measured(limit * scale, (error + 1e-12 * abs(limit)) * scale)


def local_slopes(_: Context, *, order: int, losses: int, **__: Any) -> Measured:
    """Mean over random losses of the slope of log|step - flow| at the finest pair; the error is its largest miss."""
    slopes = []
    for seed in range(losses):
        sizes, errors = _local_errors(random_jet(100 + seed), order)
        pairs = itertools.pairwise([mpmath.log(abs(e), 2) for e in errors])
        found = [float(a - b) for a, b in pairs]
        limit, _error = extrapolate(found, [float(h) for h in sizes[1:]])
        slopes.append(limit)
    return Measured(float(np.mean(slopes)), float(np.max(np.abs(np.array(slopes) - np.mean(slopes)))))


def _global_errors(
    jet: list[float], order: int, end_point: float, counts: list[int]
) -> tuple[list[float], list[float]]:
    """Iterates minus flow of the N-term field at the time when the gradient flow from 0 is at the end point.

    In one dimension the flow is a quadrature: the time to x is the integral of 1/field, solved for x by Newton.
    """
    fields = _fields(jet, order)
    sizes, errors = [], []
    with mpmath.workdps(_DIGITS):
        slope = _horner(fields[0], -1)
        duration = mpmath.quad(lambda y: 1 / slope(y), [mpmath.mpf(end_point), 0])
        for count in counts:
            h = duration / count
            x = mpmath.mpf(0)
            for _step in range(count):
                x -= h * slope(x)
            whole = sum((f.as_expr() * sp.Float(h, _DIGITS) ** p for p, f in enumerate(fields)), sp.Integer(0))
            field = _horner(sp.Poly(whole, sp.Symbol("x")), 1)
            end = x
            for _newton in range(3):
                end -= field(end) * (mpmath.quad(lambda y, f=field: 1 / f(y), [0, end]) - duration)
            sizes.append(float(h))
            errors.append(float(x - end))
    return sizes, errors


def _horner(polynomial: Any, sign: int) -> Callable[[Any], Any]:
    coefficients = [sign * mpmath.mpmathify(c) for c in polynomial.all_coeffs()]
    return lambda x: mpmath.polyval(coefficients, x)


_COUNTS = {1: (640, 320, 160, 80), 2: (160, 120, 80, 60)} | dict.fromkeys((3, 4, 5, 6), (64, 48, 36, 28))


def global_constant(
    _: Context, *, gradient_jet: list[float], order: int, learning_rate: float, end_point: float, **__: Any
) -> Measured:
    """(iterate - flow)/h^N at a fixed time, extrapolated to h = 0, times the learning rate to that power."""
    sizes, errors = _global_errors(gradient_jet, order, end_point, list(reversed(_COUNTS[order])))
    limit, error = extrapolate([e / h**order for e, h in zip(errors, sizes)], sizes)
    return Measured(limit * learning_rate**order, error * learning_rate**order)


def global_slope(_: Context, *, gradient_jet: list[float], order: int, end_point: float, **__: Any) -> Measured:
    """Slope of log|iterate - flow| in log h at a fixed time, extrapolated to h = 0."""
    sizes, errors = _global_errors(gradient_jet, order, end_point, list(reversed(_COUNTS[order])))
    pairs = list(itertools.pairwise(zip(sizes, errors)))
    slopes = [math.log(abs(a / b)) / math.log(g / h) for (g, a), (h, b) in pairs]
    limit, error = extrapolate(slopes, [math.sqrt(g * h) for (g, _a), (h, _b) in pairs])
    return Measured(limit, error)


def order_of(law: str, value: Any, values: dict[str, Any]) -> float:
    """Power of the learning rate in a law at a point: logarithm of its growth from h to 2 h, of its length if a vector."""

    def size(found: Any) -> float:
        return math.hypot(*found) if isinstance(found, (list, tuple)) else abs(found)

    keys = {p.key for p in theory.law(law).parameters}
    doubled = {k: v for k, v in values.items() if k in keys} | {"learning_rate": 2 * values["learning_rate"]}
    return math.log2(size(theory.law(law)(**doubled)) / size(value))
