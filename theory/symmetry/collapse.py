"""When SGD noise drives the product of two factors to zero: thresholds of the SDE and of discrete SGD, and their gap."""

from __future__ import annotations

from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.evaluation import to_mp
from theory.law import Law, mutant_result, mutant_value
from theory.parameter import Constraint, Domain, Parameter
from theory.source import DERIVED
from theory.symmetry import balanced_model as bm
from theory.symmetry import parameters as p
from theory.symmetry.balanced_model import T, V
from theory.symmetry.balanced_oracle import literal_slope
from theory.symmetry.process_oracles import small_multiplier
from theory.symmetry.stationary import MANIFOLD

_DECAY = p.weight_decay
TARGETS = sp.IndexedBase("y")
COUNT = sp.Symbol("N", integer=True, positive=True)
targets = Parameter("targets", TARGETS, "values of the label, x = 1", Domain("list", region=(-1.4, 2.6), sizes=(2, 4)),
                    length=COUNT)  # fmt: skip
probabilities = Parameter("probabilities", None, "probabilities of the targets (default equal)",
                          Domain("list", low=0.0)).with_default(None)  # fmt: skip


def _derive_sde() -> Derivation:
    drift, diffusion = bm.coefficients(2)
    growth = sp.simplify(drift / V - diffusion / (2 * V**2)).subs(V, 0)
    temperature = sp.solve(growth, T)[0]
    return derivation(
        ("growth of ln v at the origin", sp.factor(growth), "Ito: drift/v - diffusion/(2 v^2) at v = 0"),
        ("threshold temperature", temperature, "v collapses for T above"),
        ("learning rate", sp.simplify(temperature * p.BATCH), "T = eta/S"),
    )


def _define_sde(input_target_moment: Any, noise_constant: Any, batch_size: Any, weight_decay: Any) -> Any:
    """Temperature at which p(v) ~ v^k stops being normalisable at the origin, k = -1, from the zero-flux slope."""

    def gap(temperature: Any) -> Any:
        model = bm.BalancedModel(2, mpmath.mpf(1), input_target_moment, mpmath.mpf(1), mpmath.mpf(0), noise_constant,
                                 temperature, weight_decay)  # fmt: skip
        return literal_slope(model)(mpmath.mpf(10) ** -30) + 1

    low, high = mpmath.mpf("1e-3"), mpmath.mpf(1)
    while gap(high) > 0:
        high *= 2
    return batch_size * mpmath.findroot(gap, (low, high), solver="anderson", tol=1e-40)


sde_learning_rate = Law(
    id="symmetry.collapse.sde_learning_rate",
    title="learning rate above which the SDE predicts collapse to zero",
    statement="two balanced factors: v -> 0 iff T > b/a3, eta_c = S (b2 - wd/2)/a3; discrete SGD has another threshold",
    quantity=sp.Symbol("eta_c"),
    parameters=(bm.input_target_moment, bm.noise_constant, p.batch_size, _DECAY),
    derive=_derive_sde,
    definition=_define_sde,
    sources=(p.BALANCE,),
    mutants=(
        mutant_result("a3/2", lambda value, **_: 2 * value),
        mutant_value("b2 + wd/2", lambda input_target_moment, noise_constant, batch_size, weight_decay:
                     batch_size * (input_target_moment + weight_decay / 2) / noise_constant),
    ),
    regime=MANIFOLD,
    constraints=(Constraint(lambda v: v["input_target_moment"] > v["weight_decay"] / 2,
                            "weight decay alone makes v collapse; give input_target_moment > weight_decay/2"),),
    rungs=("algebra", "flow", "sgd"),
    priority="B",
)  # fmt: skip


def multiplier() -> sp.Expr:
    """Return the factor of u per step at u = w -> 0 and x = 1, from the loss (u w - y)^2 with decay."""
    loss = (p.U * p.W - p.Y) ** 2
    step = p.U - p.ETA * (sp.diff(loss, p.U) + p.DECAY * p.U)
    return sp.factor(sp.diff(step.subs(p.W, p.U), p.U).subs(p.U, 0))


def _weights(values: dict[str, Any]) -> list[Any]:
    given = values["probabilities"]
    count = len(values["targets"])
    if given is None:
        return [mpmath.mpf(1) / count] * count
    total = mpmath.fsum(to_mp(given))
    return [to_mp(q) / total for q in given]


def _signals(values: dict[str, Any]) -> list[Any]:
    return [2 * (to_mp(y) - to_mp(values["weight_decay"]) / 2) for y in values["targets"]]


def _derive_finite() -> Derivation:
    i = sp.Symbol("i", integer=True)
    factor = multiplier()
    exponent = sp.Sum(sp.Symbol("p_i") * sp.log(sp.Abs(factor.subs(p.Y, TARGETS[i]))), (i, 0, COUNT - 1))
    return derivation(
        ("multiplier of u", factor, "linearise at u = w = 0"),
        ("growth of ln v per step, halved", exponent, "mean of ln |multiplier|"),
        ("threshold", sp.Symbol("smallest positive root"), "concave up to the first zero of a multiplier"),
    )


def _evaluate_finite(_: Derivation, values: dict[str, Any], digits: int) -> Any:
    """The mean logarithm rises from 0, is concave, and falls to -infinity at the first zero of a multiplier."""
    signals, weights = _signals(values), _weights(values)
    negative = [h for h, q in zip(signals, weights, strict=True) if h < 0 and q > 0]
    if not negative:
        return None
    with mpmath.workdps(digits + 10):
        end = -1 / min(negative)

        def growth(eta: Any) -> Any:
            return mpmath.fsum(q * mpmath.log1p(eta * h) for h, q in zip(signals, weights, strict=True) if q)

        high = end * (1 - mpmath.mpf(10) ** -3)
        while growth(high) > 0:
            high = (high + end) / 2
        low = high
        while growth(low) <= 0:
            low /= 2
        return mpmath.findroot(growth, (low, high), solver="anderson")


def _define_finite(**values: Any) -> Any:
    """Scan of the geometric mean of |literal multiplier| from zero on, in steps, then bisection."""
    weights, targets, decay = _weights(values), [to_mp(y) for y in values["targets"]], to_mp(values["weight_decay"])
    # a literal step is affine in the learning rate: one step of size 1 gives the slope
    signals = [small_multiplier(mpmath.mpf(1), y, decay) - 1 for y in targets]

    def excess(eta: Any) -> Any:
        return mpmath.fprod(abs(1 + eta * h) ** q for h, q in zip(signals, weights, strict=True)) - 1

    if min(signals) >= 0:
        return None
    step = -1 / min(signals) / 200
    eta = step
    while excess(eta) > 0:
        eta += step
    low, high = eta - step, eta
    if low <= 0:
        low = step / 10**9
    for _ in range(70):
        middle = (low + high) / 2
        low, high = (middle, high) if excess(middle) > 0 else (low, middle)
    return low


def _sde_threshold(targets: list[float], probabilities: list[float] | None, weight_decay: float) -> float:
    weights = probabilities or [1 / len(targets)] * len(targets)
    mean = sum(q * y for q, y in zip(weights, targets, strict=True))
    variance = sum(q * (y - mean) ** 2 for q, y in zip(weights, targets, strict=True))
    return (mean - weight_decay / 2) / variance


GROWS = Constraint(
    lambda v: sum(y * q for y, q in zip(v["targets"], v.get("probabilities") or [1 / len(v["targets"])] * len(v["targets"]),
                                        strict=False)) > v["weight_decay"] / 2 + 1e-9,
    "v collapses at every learning rate; the mean target must exceed weight_decay/2",
)  # fmt: skip
LENGTHS = Constraint(
    lambda v: (
        v.get("probabilities") is None
        or (len(v["probabilities"]) == len(v["targets"]) and abs(sum(v["probabilities"]) - 1) < 1e-9)
    ),
    "probabilities must be as many as targets and add up to 1",
)
_BOTH_SIGNS = Constraint(
    lambda v: (
        v.get("probabilities") is not None or min(v["targets"]) < 0.95 * max(v["targets"]) or len(v["targets"]) == 1
    ),
    "the targets must differ",
)
discrete_finite = Law(
    id="symmetry.collapse.discrete_finite",
    title="learning rate above which discrete SGD collapses to zero, finitely many labels",
    statement="smallest positive root eta of E ln|1 + 2 eta (y - wd/2)| = 0 (x = 1, S = 1); null if no label is below wd/2",
    quantity=sp.Symbol("eta_c"),
    parameters=(targets, probabilities, _DECAY),
    derive=_derive_finite,
    definition=_define_finite,
    evaluator=_evaluate_finite,
    sources=(DERIVED,),
    mutants=(
        mutant_value("SDE value", lambda **v: _sde_threshold(**v)),
        mutant_result("eta for 2 eta", lambda value, **_: None if value is None else 2 * value),
    ),
    constraints=(LENGTHS, GROWS, _BOTH_SIGNS),
    rungs=("algebra", "chain", "sgd"),
    priority="B",
    gate_points=8,
)


def _derive_gap() -> Derivation:
    q, r = sp.symbols("p q", positive=True)
    product = (1 + 2 * p.ETA * q) * (1 - 2 * p.ETA * r)
    discrete = next(x for x in sp.solve(sp.expand(product - 1), p.ETA) if x != 0)
    mean, variance = (q - r) / 2, sp.factor(((q - r) / 2 - q) ** 2)
    high, low = TARGETS[0], TARGETS[1]
    found = sp.Tuple(sp.factor(discrete), sp.factor(mean / variance))
    return derivation(
        ("product of the two multipliers", product, "y = p or -q, equally likely; growth zero where it is 1"),
        ("[discrete, SDE]", found, "the SDE value is b2/a3"),
        ("in the targets", found.subs({q: high, r: -low}, simultaneous=True), "p = y_0, q = -y_1"),
    )


def _define_gap(targets: Any) -> Any:
    values = {"targets": targets, "probabilities": None, "weight_decay": mpmath.mpf(0)}
    mean = mpmath.fsum(targets) / 2
    variance = mpmath.fsum((y - mean) ** 2 for y in targets) / 2
    return [_define_finite(**values), _define_sde(mean, variance, mpmath.mpf(1), mpmath.mpf(0))]


gap = Law(
    id="symmetry.collapse.gap",
    title="collapse thresholds of discrete SGD and of the SDE differ",
    statement="y in {p, -q} equally likely, wd = 0: discrete SGD collapses above (p - q)/(2 p q), the SDE above "
    "2 (p - q)/(p + q)^2; value [discrete, SDE]",
    quantity=sp.Tuple(sp.Symbol("eta_sgd"), sp.Symbol("eta_sde")),
    parameters=(targets,),
    derive=_derive_gap,
    definition=_define_gap,
    sources=(DERIVED,),
    mutants=(mutant_result("equal", lambda value, **_: [value[1], value[1]]),),
    constraints=(Constraint(lambda v: len(v["targets"]) == 2 and v["targets"][0] > -v["targets"][1] > 0,
                            "give two targets p,-q with p > q > 0"),),
    priority="B",
    rungs=("algebra", "sgd"),
    gate_points=6,
)  # fmt: skip
LAWS = (sde_learning_rate, discrete_finite, gap)
