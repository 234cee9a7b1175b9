"""Stationary law of v on the balanced manifold: density, mean, median, quantiles, and the moment identity."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.errors import DerivationError
from theory.evaluation import to_mp
from theory.law import Law, Regime, mutant_value
from theory.parameter import Constraint, Parameter, positive, real
from theory.source import DERIVED
from theory.symmetry import balanced_model as bm
from theory.symmetry import parameters as p
from theory.symmetry.balanced_model import A1, A2, A3, B1, B2, NORMALISABLE, POSITIVE_NOISE, BalancedModel, T, V
from theory.symmetry.balanced_oracle import literal_slope
from theory.symmetry.density_grid import DensityGrid, density_from_log, density_grid
from theory.symmetry.density_quadrature import closed_value
from theory.symmetry.nilpotent import number

_RATES = (bm.LEARNING_RATE, p.batch_size, bm.SMALL_DECAY)
MANIFOLD = Regime("eta -> 0 at fixed eta a3/S, on the balanced manifold", "O(eta)")


def grid_range(model: BalancedModel) -> tuple[float, float]:
    """Return a range of z = ln v that holds all the mass of a model, second moment included."""
    m = model.plain()
    if m.factors == 2:
        power = m.b / (2 * m.temperature * m.a3) - 0.5
        if power < 0.16:
            raise DerivationError(
                f"v is too close to collapse: its density goes as v**({power - 1:.3g}) at 0; lower the learning rate."
            )
        low = -6 - 45 / power
    else:
        # p vanishes as exp(-c v^{-(n-2)/n}) at the origin
        c = m.b2 / (m.temperature * m.a3 * (m.factors - 2))
        low = min(-6.0, -m.factors / (m.factors - 2) * math.log(300 / c))
    high = 70.0 if m.a1 else min(70.0, math.log(300 * m.temperature * m.a3 * m.factors / m.b1 + 10))
    return low, high


def grid_of(model: BalancedModel, slope: Callable[[Any], Any]) -> DensityGrid:
    """Return the stationary density of a model from its logarithmic slope."""
    return density_grid(slope, *grid_range(model), 600)


def closed_grid_value(form: sp.Expr, values: dict[str, Any], quantity: str, probability: Any) -> float:
    """Return mean, median or quantile of a closed log density in double precision."""
    model = BalancedModel.of(values).plain()
    known = {B1: model.b1, A1: model.a1, A2: model.a2, A3: model.a3, bm.B: model.b, T: model.temperature}
    grid = density_from_log(lambda v: number(form, {**known, V: v}), *grid_range(model))
    return grid_value(grid, quantity, probability)


def grid_value(grid: DensityGrid, quantity: str, probability: Any) -> float:
    """Return mean, median or quantile."""
    if quantity == "mean":
        return grid.mean(lambda v: v)
    return grid.quantile(0.5 if quantity == "median" else float(probability))


def _gamma_numbers(values: dict[str, Any], shift: float = -0.5) -> tuple[Any, Any]:
    m = BalancedModel.of(values)
    spread = 2 * m.temperature * m.a3
    return m.b / spread + shift, spread / m.b1


def _evaluate_two_factor(result: Derivation, values: dict[str, Any], digits: int) -> Any:
    asked, probability = values["quantity"], to_mp(values["probability"])
    with mpmath.workdps(digits + 5):
        if values["noise_quadratic"] == 0:
            if asked == "density_exponent":
                return None
            shape, scale = _gamma_numbers(values)
            if asked == "mean":
                return shape * scale
            return _gamma_quantile(shape, scale, mpmath.mpf("0.5") if asked == "median" else probability)
        if asked == "density_exponent":
            return -mpmath.mpf(7) / 2
        if digits <= 15:
            return closed_grid_value(result.result, values, asked, probability)
        return closed_value(result.result, values, asked, probability)


def _gamma_quantile(shape: Any, scale: Any, probability: Any) -> Any:
    def gap(z: Any) -> Any:
        return mpmath.gammainc(shape, 0, mpmath.exp(z), regularized=True) - probability

    low, high = mpmath.mpf(-1), mpmath.mpf(1)
    while gap(low) > 0:
        low *= 2
    while gap(high) < 0:
        high *= 2
    return scale * mpmath.exp(mpmath.findroot(gap, (low, high), solver="anderson"))


def define_stationary(quantity: str, probability: Any, **values: Any) -> Any:
    """Zero-flux slope of the literal step of the factors, integrated on Gauss panels; the exponent at very large v."""
    model = BalancedModel.of(values)
    if quantity == "density_exponent":
        if model.a1 == 0:
            return None
        with mpmath.workdps(60):
            return +literal_slope(model)(mpmath.mpf(10) ** 40)
    plain = model.plain()
    return grid_value(grid_of(model, literal_slope(plain)), quantity, probability)


def _mutant_density(change: Callable[[Any], Any]) -> Any:
    """Mean or quantile of a wrong log density; the tail exponent is shifted."""

    def value(**values: Any) -> Any:
        asked = values["quantity"]
        if asked == "density_exponent":
            return -3.5 + float(change(sp.Integer(0)).coeff(sp.log(V)) if change(sp.Integer(0)) != 0 else 0.5)
        form = change(bm.two_factor_log_density())
        try:
            return closed_grid_value(form, values, asked, values["probability"])
        except DerivationError:
            return math.inf

    return value


_KEYS = (*bm.MOMENTS, *_RATES, bm.quantity, bm.probability)
two_factor = Law(
    id="symmetry.stationary.two_factor",
    title="stationary law of the balanced two-factor model",
    statement="p(v) ~ v^{-3/2+b/(2 T a3)} A(v)^{-1-b/(4 T a3)} exp[-((a3 b1 - a2 b)/(2 T a3 sqrt D)) arctan((a1 v - a2)/sqrt D)],"
    " b = b2 - wd/2, D = a1 a3 - a2^2; a1 = a2 = 0: a Gamma law. value: mean, median, quantile, or the tail exponent",
    quantity=sp.Symbol("v"),
    parameters=_KEYS,
    derive=lambda: bm.derive_two_factor(),
    definition=define_stationary,
    evaluator=_evaluate_two_factor,
    sources=(p.BALANCE,),
    mutants=(
        mutant_value("exponent -1/2 (Stratonovich)", _mutant_density(lambda f: f + sp.log(V))),
        mutant_value("-1 missing in the power of A", _mutant_density(lambda f: f + sp.log(bm.noise_polynomial()))),
    ),
    regime=MANIFOLD,
    constraints=(POSITIVE_NOISE, NORMALISABLE),
    rungs=("algebra", "flow", "sgd"),
    priority="B",
    gate_points=6,
)

target_mean = Parameter("target_mean", sp.Symbol("m", real=True), "mean of the label", real(1.0, 2.0))
target_std = Parameter("target_std", sp.Symbol("sigma", positive=True), "standard deviation of the label",
                       positive(0.8, 1.3))  # fmt: skip


def _derive_gamma() -> Derivation:
    m, s = target_mean.symbol, target_std.symbol
    slope = sp.expand(bm.density_slope(2).subs({A1: 0, A2: 0, A3: s**2, B1: 1, B2: m}))
    shape = sp.expand(sp.limit(slope * V, V, 0) + 1)
    scale = sp.simplify(-1 / sp.limit(slope, V, sp.oo))
    temperature = p.ETA / p.BATCH
    return derivation(
        ("d log p/dv", slope, "zero flux with x = 1: b1 = 1, b2 = target_mean, a3 = target_std^2"),
        ("shape", shape, "exponent at the origin plus one"),
        ("scale", scale, "decay at infinity"),
        ("[shape, scale]", sp.Tuple(shape.subs(T, temperature), scale.subs(T, temperature)), "T = eta/S"),
    )


def _gamma_model(values: dict[str, Any]) -> dict[str, Any]:
    zero = mpmath.mpf(0)
    return {**values, "input_second_moment": mpmath.mpf(1), "input_target_moment": values["target_mean"],
            "noise_quadratic": zero, "noise_cross": zero, "noise_constant": values["target_std"] ** 2}  # fmt: skip


def _define_gamma(**values: Any) -> Any:
    model = BalancedModel.of(_gamma_model(values))
    grid = grid_of(model, literal_slope(model.plain()))
    mean = grid.mean(lambda v: v)
    variance = grid.mean(lambda v: (v - mean) ** 2)
    return [mean**2 / variance, variance / mean]


gamma = Law(
    id="symmetry.stationary.gamma",
    title="stationary law of the balanced two-factor model with x = 1: a Gamma law",
    statement="shape b/(2 T s^2) - 1/2, scale 2 T s^2, b = target_mean - wd/2, s = target_std; mean b - T s^2, "
    "variance 2 T s^2 (b - T s^2); value [shape, scale]",
    quantity=sp.Tuple(sp.Symbol("shape"), sp.Symbol("scale")),
    parameters=(target_mean, target_std, *_RATES),
    derive=_derive_gamma,
    definition=_define_gamma,
    sources=(p.BALANCE,),
    mutants=(
        mutant_value("shape + 1/2", lambda **v: [float(x) for x in _gamma_numbers(_gamma_model(v), 0.5)]),
        mutant_value("variance without 2", lambda **v: [
            float(x) for x in (lambda k, s: (2 * k, s / 2))(*_gamma_numbers(_gamma_model(v)))]),
    ),
    regime=MANIFOLD,
    constraints=(Constraint(
        lambda v: v["learning_rate"] / v["batch_size"] * v["target_std"] ** 2 < v["target_mean"] - v["weight_decay"] / 2,
        "v collapses to 0 unless learning_rate/batch_size*target_std**2 < target_mean - weight_decay/2; lower the rate"),),
    rungs=("algebra", "flow", "sgd"),
    priority="B",
    gate_points=10,
)  # fmt: skip


def _derive_identity() -> Derivation:
    drift, diffusion = bm.coefficients(2)
    # zero flux: E[drift f' + diffusion f''/2] = 0 for every f; f = ln v
    generator = sp.simplify(drift / V - diffusion / (2 * V**2))
    balance = sp.expand(-generator / 4)
    expected = sp.expand(B1 * V - B2 + p.DECAY / 2 + T * bm.noise_polynomial())
    if sp.simplify(balance - expected) != 0:
        raise DerivationError(f"the generator of ln v gives {balance}.")
    return derivation(
        ("generator on ln v", generator, "drift/v - diffusion/(2 v^2)"),
        ("zero mean", balance, "divided by -4; its mean vanishes in the stationary state"),
        ("E[b1 v + T A(v)]", B2 - p.DECAY / 2, "move the constants to the right"),
    )


def _define_identity(**values: Any) -> Any:
    model = BalancedModel.of(values)
    plain = model.plain()
    grid = grid_of(model, literal_slope(plain))
    return grid.mean(lambda v: plain.b1 * v + plain.temperature * plain.noise(v))


def _identity_mutant(factor: float) -> Any:
    def value(**v: Any) -> float:
        full = {k: v[k] for k in v} | {"quantity": "mean", "probability": 0.5}
        b = v["input_target_moment"] - v["weight_decay"] / 2
        # E[T A] from the true mean; the wrong identity claims b1 m1 + factor E[T A] = b
        noise = b - v["input_second_moment"] * two_factor(**full)
        return b + (1 - factor) * noise

    return value


moment_identity = Law(
    id="symmetry.stationary.moment_identity",
    title="moment identity of the balanced two-factor model",
    statement="b1 m1 - b + T (a1 m2 - 2 a2 m1 + a3) = 0 in the stationary state; value E[b1 v + T A(v)] = b = b2 - wd/2",
    quantity=sp.Symbol("E[b1*v + T*A]"),
    parameters=(*bm.MOMENTS, *_RATES),
    derive=_derive_identity,
    definition=_define_identity,
    sources=(DERIVED,),
    mutants=(
        mutant_value("T/2", _identity_mutant(0.5)),
        mutant_value("sign of T", _identity_mutant(-1.0)),
    ),
    regime=MANIFOLD,
    constraints=(POSITIVE_NOISE, NORMALISABLE),
    rungs=("algebra", "flow"),
    priority="B",
    gate_points=8,
)

LAWS = (two_factor, gamma, moment_identity)
