"""Stationary law of v for any number of factors: the density with its last integral left, taken on Gauss panels."""

from __future__ import annotations

from typing import Any

import sympy as sp

from theory.derivation import Derivation, derivation
from theory.law import Law, mutant_value
from theory.parameter import Constraint, integer, nonnegative
from theory.source import DERIVED
from theory.symmetry import balanced_model as bm
from theory.symmetry import parameters as p
from theory.symmetry.balanced_model import B1, B2, NORMALISABLE, POSITIVE_NOISE, BalancedModel, T, V
from theory.symmetry.stationary import MANIFOLD, define_stationary, grid_of, grid_value

depth = bm.factors.within(integer(2, (2, 4), high=12))


def _derive_n_factor() -> Derivation:
    n = bm.NF
    inner = ((B1 * V - B2) * V ** (-2 + 2 / n) + p.DECAY / 2 * V ** (-3 + 4 / n)) / bm.noise_polynomial()
    slope = (-3 + 3 / n) / V - sp.diff(bm.noise_polynomial(), V) / bm.noise_polynomial() - inner / (n * T)
    bm.check_slope(slope, n)
    s = sp.Symbol("s", positive=True)
    form = (-3 + 3 / n) * sp.log(V) - sp.log(bm.noise_polynomial()) - sp.Integral(inner.subs(V, s), (s, 1, V)) / (n * T)
    return derivation(
        ("d log p/dv", slope, "zero flux, for symbolic n"),
        ("log density", form, "integrate; the last integral stays"),
    )


def _n_slope(model: BalancedModel, power: float = 0.0, temperature: float = 1.0, noise: float = 1.0) -> Any:
    """d log p/d ln v as the closed form prints it; the other arguments spoil it."""
    n = model.factors

    def slope(v: Any) -> Any:
        a = model.noise(v)
        inner = (model.b1 * v - model.b2) * v ** (-1 + 2 / n) + model.weight_decay / 2 * v ** (-2 + 4 / n)
        return (-3 + 3 / n + power) - noise * v * (2 * model.a1 * v - 2 * model.a2) / a - inner / a / (
            n * model.temperature * temperature)  # fmt: skip

    return slope


def _n_value(values: dict[str, Any], **wrong: float) -> Any:
    model = BalancedModel.of(values)
    if values["quantity"] == "density_exponent":
        tail = None if model.a1 == 0 else -5 + 3 / model.factors
        return None if tail is None else tail + wrong.get("power", 0.0) + 2 * (1 - wrong.get("noise", 1.0))
    slope = _n_slope(model.plain(), **wrong)
    return grid_value(grid_of(model, slope), values["quantity"], values["probability"])


n_factor = Law(
    id="symmetry.stationary.n_factor",
    title="stationary law of the balanced model of n factors",
    statement="p(v) ~ v^{-3+3/n} A^{-1} exp{-(1/(nT)) int^v [(b1 s - b2) s^{-2+2/n} + (wd/2) s^{-3+4/n}]/A(s) ds}; "
    "value: mean, median, quantile, or the tail exponent; decay only for n = 2",
    quantity=sp.Symbol("v"),
    parameters=(depth, *bm.MOMENTS, bm.LEARNING_RATE, p.batch_size, p.weight_decay.within(nonnegative(0.0, 0.0)), bm.quantity,
                bm.probability),
    derive=_derive_n_factor,
    definition=define_stationary,
    evaluator=lambda _, values, digits: _n_value(values),
    sources=(p.BALANCE, DERIVED),
    mutants=(
        mutant_value("v^{-3+2/n}", lambda **v: _n_value(v, power=-1 / v["factors"])),
        mutant_value("A^{-1/2}", lambda **v: _n_value(v, noise=0.5)),
    ),
    regime=MANIFOLD,
    constraints=(POSITIVE_NOISE, NORMALISABLE, Constraint(
        lambda v: v["factors"] == 2 or v["weight_decay"] == 0,
        "with weight decay and three or more factors v = 0 always attracts; give weight_decay=0")),
    rungs=("algebra", "flow"),
    priority="B",
    gate_points=6,
)  # fmt: skip

LAWS = (n_factor,)
