"""Collapse threshold of discrete SGD with normal labels."""

from __future__ import annotations

from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.evaluation import to_mp
from theory.law import Law, mutant_parameters, mutant_value
from theory.parameter import Constraint, Parameter, nonnegative, positive, real
from theory.source import DERIVED
from theory.symmetry import parameters as p
from theory.symmetry.collapse import multiplier
from theory.symmetry.process_oracles import small_multiplier
from theory.symmetry.stationary import target_std

_MEAN = Parameter("target_mean", sp.Symbol("m", real=True), "mean of the label", real(0.05, 0.15))
_STD = target_std.within(positive(1.0, 1.6))
_TINY_DECAY = p.weight_decay.within(nonnegative(0.005, 0.05))


def _derive_normal() -> Derivation:
    k, c = sp.Symbol("k", real=True), sp.Symbol("c", positive=True)
    mean_log = (
        sp.log(c) - (sp.EulerGamma + sp.log(2)) / 2 + k**2 / 2 * sp.hyper((1, 1), (sp.Rational(3, 2), 2), -(k**2) / 2)
    )
    return derivation(
        ("multiplier of u", multiplier(), "linearise at u = w = 0; the batch mean of y is normal"),
        ("E ln|c (Z + k)|", mean_log, "Z standard normal, c = 2 eta s/sqrt(S), k = (1 + 2 eta (m - wd/2))/c"),
        ("threshold", sp.Symbol("smallest positive root"), "in eta"),
    )


def _normal_growth(values: dict[str, Any]) -> Any:
    m, s, batch, wd = (to_mp(values[k]) for k in ("target_mean", "target_std", "batch_size", "weight_decay"))

    def growth(eta: Any) -> Any:
        c = 2 * eta * s / mpmath.sqrt(batch)
        k = (1 + 2 * eta * (m - wd / 2)) / c
        series = k * k / 2 * mpmath.hyp2f2(1, 1, mpmath.mpf("1.5"), 2, -k * k / 2)
        return mpmath.log(c) - (mpmath.euler + mpmath.log(2)) / 2 + series

    return growth


def _first_crossing(growth: Any, scale: Any) -> Any:
    eta = scale / 3
    while growth(eta) <= 0:
        eta /= 2
    for _ in range(60):
        after = eta * mpmath.mpf("1.25")
        if growth(after) <= 0:
            return mpmath.findroot(growth, (eta, after), solver="anderson")
        eta = after
    return None


def _scale(values: dict[str, Any]) -> Any:
    m, s, batch, wd = (to_mp(values[k]) for k in ("target_mean", "target_std", "batch_size", "weight_decay"))
    return batch * (m - wd / 2) / s**2


def _evaluate_normal(_: Derivation, values: dict[str, Any], digits: int) -> Any:
    with mpmath.workdps(digits + 5):
        return _first_crossing(_normal_growth(values), _scale(values))


def _define_normal(**values: Any) -> Any:
    """First root of the mean logarithm, by Gauss quadrature on both sides of its singular point, z = zero +- t^5."""
    import numpy as np

    m, s, batch, wd = (float(values[k]) for k in ("target_mean", "target_std", "batch_size", "weight_decay"))
    nodes, weights = np.polynomial.legendre.leggauss(300)
    half_nodes, half_weights = (nodes + 1) / 2, weights / 2

    def growth(eta: float) -> float:
        # the literal step is affine in the label: two labels give the multiplier of every batch mean m + s z/sqrt(S)
        shift = float(small_multiplier(eta, m, wd))
        c = float(small_multiplier(eta, m + s / batch**0.5, wd)) - shift
        zero, total = -shift / c, 0.0
        for sign in (1, -1):
            # only |z| < 12 matters
            near, far = (max(side - sign * zero, 0.0) ** 0.2 for side in (-12.0, 12.0))
            if far == near:
                continue
            t = near + (far - near) * half_nodes
            z = zero + sign * t**5
            density = np.exp(-z * z / 2) / np.sqrt(2 * np.pi) * 5 * t**4 * (far - near) * half_weights
            total += float((np.log(c * t**5) * density).sum())
        return total

    high = start = float(_scale(values)) / 8
    while growth(high) > 0:
        low, high = high, high * 1.1
        if high > 2000 * start:
            return None
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if growth(middle) > 0 else (low, middle)
    return mpmath.mpf(low)


discrete_normal = Law(
    id="symmetry.collapse.discrete_normal",
    title="learning rate above which discrete SGD collapses to zero, normal labels",
    statement="smallest positive root eta of E ln|1 + 2 eta (y - wd/2)| = 0, y the batch mean of normal labels (x = 1)",
    quantity=sp.Symbol("eta_c"),
    parameters=(_MEAN, _STD, p.batch_size, _TINY_DECAY),
    derive=_derive_normal,
    definition=_define_normal,
    evaluator=_evaluate_normal,
    sources=(DERIVED,),
    mutants=(
        mutant_value("SDE value", lambda **v: float(_scale(v))),
        mutant_parameters("std/S", lambda v: {"target_std": v["target_std"] / (v["batch_size"] ** 0.5 + 0.05)}),
    ),
    constraints=(
        Constraint(
            lambda v: v["target_mean"] > v["weight_decay"] / 2,
            "v collapses at every learning rate; target_mean must exceed weight_decay/2",
        ),
    ),
    priority="B",
    rungs=("algebra", "chain", "sgd"),
    gate_points=3,
)


LAWS = (discrete_normal,)
