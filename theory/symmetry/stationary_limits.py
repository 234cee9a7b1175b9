"""Ends of the stationary density of the balanced model: the tail, the origin for three and more factors, v < 0."""

from __future__ import annotations

from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.evaluation import to_mp
from theory.law import Law, Regime, mutant_parameters, mutant_result, mutant_value
from theory.parameter import Constraint, choice, integer, nonnegative
from theory.source import DERIVED
from theory.symmetry import balanced_model as bm
from theory.symmetry import parameters as p
from theory.symmetry.balanced_model import A2, A3, B2, NORMALISABLE, POSITIVE_NOISE, BalancedModel, T, V
from theory.symmetry.balanced_oracle import literal_slope
from theory.symmetry.density_quadrature import closed_value
from theory.symmetry.stationary import MANIFOLD, closed_grid_value, grid_of, grid_value

_FAR = Regime("v -> infinity, on the balanced manifold", "O(v**(-2/n))")
tail_factors = bm.factors.within(integer(2, (2, 8), high=60))
origin_factors = bm.factors.within(integer(3, (3, 6), high=30))


def _derive_tail() -> Derivation:
    exponents = []
    # the exponent is affine in 1/n, so two depths fix it; a third confirms
    for depth in (2, 4, 3):
        exponents.append(sp.limit(sp.simplify(bm.density_slope(depth) * V).subs(p.DECAY, 0), V, sp.oo))
    constant, slope = sp.symbols("constant slope")
    found = sp.solve([constant + slope / 2 - exponents[0], constant + slope / 4 - exponents[1]], [constant, slope])
    form = found[constant] + found[slope] / bm.NF
    bm.require_zero(form.subs(bm.NF, 3) - exponents[2], "the exponent at three factors minus the interpolated one")
    return derivation(
        ("exponents for n = 2, 4, 3", sp.Tuple(*exponents), "limit of v d log p/dv"),
        ("exponent for n factors", form, "affine in 1/n"),
    )


def _define_tail(factors: Any) -> Any:
    numbers = (mpmath.mpf(x) for x in ("1.1", "1.3", "0.8", "0.2", "1.2", "0.3", "0"))
    with mpmath.workdps(400):
        return +literal_slope(BalancedModel(int(factors), *numbers))(mpmath.mpf(10) ** 300)


tail = Law(
    id="symmetry.stationary.tail",
    title="power-law tail of the stationary density of the balanced model",
    statement="p(v) ~ v^{-5+3/n} for a1 = Var x^2 > 0 and n >= 2 factors; n = 2: v^{-7/2}, no moments of order 5/2 and above",
    quantity=sp.Symbol("exponent"),
    parameters=(tail_factors,),
    derive=_derive_tail,
    definition=_define_tail,
    sources=(p.BALANCE,),
    mutants=(mutant_value("-4 + 2/n", lambda factors: -4 + 2 / factors + (factors == 1)),),
    regime=_FAR,
    rungs=("algebra", "flow"),
    priority="B",
    gate_points=6,
)


def _derive_origin() -> Derivation:
    n = bm.NF
    leading = B2 * V ** (-2 + 2 / n) / (n * T * A3)
    with_decay = -p.DECAY / 2 * V ** (-3 + 4 / n) / (n * T * A3)
    suppression, attraction = (sp.simplify(sp.integrate(f, V)) for f in (leading, with_decay))
    return derivation(
        ("d log p/dv at the origin, wd = 0", leading, "the pull towards the target dominates"),
        ("log p, wd = 0", suppression, "-c v^{-(n-2)/n}: v = 0 is never reached"),
        ("d log p/dv at the origin, wd > 0", with_decay, "the decay dominates for n >= 3"),
        ("log p, wd > 0", attraction, "+c v^{-2+4/n}: not normalisable, v = 0 always attracts"),
    )


def _evaluate_origin(_: Derivation, values: dict[str, Any], digits: int) -> Any:
    n = int(values["factors"])
    t = to_mp(values["learning_rate"]) / to_mp(values["batch_size"])
    a3, b2, wd = (to_mp(values[k]) for k in ("noise_constant", "input_target_moment", "weight_decay"))
    with mpmath.workdps(digits + 10):
        if wd == 0:
            return [-mpmath.mpf(n - 2) / n, -b2 / (t * a3 * (n - 2))]
        return [-2 * mpmath.mpf(n - 2) / n, wd / (4 * t * a3 * (n - 2))]


def _define_origin(**values: Any) -> Any:
    """Local exponent and coefficient of log p from the zero-flux slope at two tiny v."""
    with mpmath.workdps(400):
        model = BalancedModel.of(values)
        points = [mpmath.mpf(10) ** -240, mpmath.mpf(10) ** -241]
        first, second = map(literal_slope(model), points)
        exponent = mpmath.log(first / second) / mpmath.log(points[0] / points[1])
        return [+exponent, first / exponent / points[0] ** exponent]


_DECAY_OR_NONE = p.weight_decay.within(nonnegative(0.05, 0.5))
origin = Law(
    id="symmetry.stationary.origin",
    title="the origin of the balanced model with three or more factors",
    statement="log p ~ coefficient * v^exponent at v -> 0: wd = 0: -b2/(T a3 (n-2)) v^{-(n-2)/n}, no collapse; wd > 0: "
    "+wd/(4 T a3 (n-2)) v^{-2(n-2)/n}, not normalisable, v = 0 always attracts; value [exponent, coefficient]",
    quantity=sp.Tuple(sp.Symbol("exponent"), sp.Symbol("coefficient")),
    parameters=(
        origin_factors,
        bm.input_target_moment,
        bm.noise_constant,
        p.learning_rate,
        p.batch_size,
        _DECAY_OR_NONE,
    ),
    derive=_derive_origin,
    definition=lambda **v: _define_origin(**v, input_second_moment=1, noise_quadratic=1, noise_cross=0),
    evaluator=_evaluate_origin,
    sources=(DERIVED,),
    mutants=(
        mutant_result("suppression also with decay", lambda value, **_: [value[0], -abs(value[1])]),
        mutant_parameters("a power law with a threshold, as for two factors", lambda v: {"factors": 60}),
    ),
    regime=Regime("v -> 0, on the balanced manifold", "O(v**((n-2)/n))"),
    priority="B",
    gate_points=8,
)

_ASKED = bm.quantity.within(choice("mean", "median", "quantile"))


def _derive_negative() -> Derivation:
    y = sp.Symbol("y", real=True)
    x, u = sp.Symbol("x", real=True), sp.Symbol("u", positive=True)
    loss = (-x * u**2 - y) ** 2
    mirrored = (x * u**2 - (-y)) ** 2
    bm.require_zero(loss - mirrored, "the loss at (u, -u) with label y minus the loss at (u, u) with label -y")
    return derivation(
        ("loss at u = -w", loss, "v = -u^2 < 0"),
        ("mirrored", mirrored, "the same loss with y -> -y: b2 -> -b2, a2 -> -a2"),
        ("log density of |v|", bm.two_factor_log_density().subs(A2, -A2).subs(bm.B, -B2 - p.DECAY / 2), "insert"),
    )


def _mirrored(values: dict[str, Any]) -> dict[str, Any]:
    return {**values, "input_target_moment": -values["input_target_moment"], "noise_cross": -values["noise_cross"]}


def _evaluate_negative(_: Derivation, values: dict[str, Any], digits: int) -> Any:
    with mpmath.workdps(digits + 5):
        value = closed_value if digits > 15 else closed_grid_value
        return value(bm.two_factor_log_density(), _mirrored(values), values["quantity"], to_mp(values["probability"]))


def _define_negative(quantity: str, probability: Any, **values: Any) -> Any:
    """Zero-flux slope of |v| from the literal step of u > 0 and w = -u in the original data."""
    model = BalancedModel.of(values).plain()
    return grid_value(grid_of(BalancedModel.of(_mirrored(values)), literal_slope(model, -1)), quantity, probability)


_NEGATIVE_TARGET = bm.input_target_moment.within(bm.real(-2.0, -1.0))
negative_branch = Law(
    id="symmetry.stationary.negative_branch",
    title="stationary law on the branch v < 0 of the two-factor model",
    statement="v < 0 (u = -w): |v| has the law of the branch v > 0 with (b2, a2) replaced by (-b2, -a2)",
    quantity=sp.Symbol("|v|"),
    parameters=(bm.input_second_moment, _NEGATIVE_TARGET, bm.noise_quadratic, bm.noise_cross, bm.noise_constant,
                bm.LEARNING_RATE, p.batch_size, bm.SMALL_DECAY, _ASKED, bm.probability),
    derive=_derive_negative,
    definition=_define_negative,
    evaluator=_evaluate_negative,
    sources=(DERIVED,),
    mutants=(mutant_value("a2 kept", lambda **v: closed_grid_value(
        bm.two_factor_log_density(), {**v, "input_target_moment": -v["input_target_moment"]}, v["quantity"],
        v["probability"])),),
    regime=MANIFOLD,
    constraints=(POSITIVE_NOISE, Constraint(
        lambda v: NORMALISABLE.holds(_mirrored(v)), "no stationary density on the negative branch: it needs "
        "learning_rate/batch_size*noise_constant < -input_target_moment - weight_decay/2")),
    priority="C",
    gate_points=5,
)  # fmt: skip
LAWS = (tail, origin, negative_branch)
