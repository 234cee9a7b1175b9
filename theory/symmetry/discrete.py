"""Exact discrete laws: what one step, and a whole run, of SGD with weight decay does to a Noether charge."""

from __future__ import annotations

from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.law import Law, Regime, mutant_parameters, mutant_value
from theory.parameter import Parameter, choice, real_list
from theory.source import DERIVED
from theory.symmetry import parameters as p
from theory.symmetry import witness
from theory.symmetry.identities import average, exact_step, pair_model, quadratic, scalar_gradient, subset_factor

ALL = ("algebra", "sgd", "net")
_KEEP = 1 - p.ETA * p.DECAY
_NEXT = sp.Symbol("C_next")


def _derive_step() -> Derivation:
    theta, g = pair_model()
    return derivation(
        ("gradient of any loss of u w^T", sp.Tuple(*g), "differentiate"),
        ("orthogonality g . A theta", quadratic(g, theta), "A = diag(+I, -I)"),
        ("charge after the step", exact_step(_KEEP, p.ETA), "expand theta'^T A theta'"),
    )


def _define_step(charge: Any, gradient_form: Any, learning_rate: Any, weight_decay: Any) -> Any:
    theta = witness.point(charge)
    slope = witness.gradient(theta, witness.sample_with_form(theta, gradient_form))
    return witness.form(witness.step(theta, slope, learning_rate, weight_decay))


charge_step = Law(
    id="symmetry.discrete.charge_step",
    title="one step of SGD changes the charge by decay and by the form of the raw gradient",
    statement="C' = (1 - eta wd)^2 C + eta^2 g^T A g with g the raw batch gradient, for every symmetric loss",
    quantity=_NEXT,
    parameters=(p.charge, p.gradient_form, p.learning_rate, p.weight_decay),
    derive=_derive_step,
    definition=_define_step,
    sources=(DERIVED,),
    mutants=(
        mutant_value("1 - 2 eta wd with the raw gradient", lambda charge, gradient_form, learning_rate, weight_decay:
                     (1 - 2 * learning_rate * weight_decay) * charge + learning_rate**2 * gradient_form),
        mutant_value("decay inside the form", lambda charge, gradient_form, learning_rate, weight_decay:
                     (1 - learning_rate * weight_decay) ** 2 * charge
                     + learning_rate**2 * (gradient_form + weight_decay**2 * charge)),
        mutant_value("first power of eta", lambda charge, gradient_form, learning_rate, weight_decay:
                     (1 - learning_rate * weight_decay) ** 2 * charge + learning_rate * gradient_form),
    ),
    rungs=ALL,
)  # fmt: skip


def _derive_expected(replacement: str) -> Derivation:
    k = subset_factor(replacement)
    form = k * p.NOISE_FORM / p.BATCH + p.MEAN_FORM
    step = exact_step(_KEEP, p.ETA)
    return derivation(
        ("covariance of the batch mean", k * sp.Symbol("Sigma") / p.BATCH, "pair covariance of the sampling"),
        ("exact step", step, "g . A theta = 0"),
        ("mean", sp.expand(step).coeff(p.CHARGE) * p.CHARGE + p.ETA**2 * form, "E g g^T = grad L grad L^T + k Sigma/S"),
    )  # fmt: skip


def expected_samples(charge: Any, noise_form: Any, mean_gradient_form: Any, size: int) -> tuple[Any, list[Any]]:
    """Return a point and per-sample gradients with these forms: a mean plus noise of mean zero, variance one."""
    theta = witness.point(charge)
    centre = witness.gradient(theta, witness.sample_with_form(theta, mean_gradient_form))
    noise = witness.gradient(theta, witness.sample_with_form(theta, noise_form))
    raw = [mpmath.mpf(i * i + 1) for i in range(size)]
    mean = mpmath.fsum(raw) / size
    width = mpmath.sqrt(mpmath.fsum((r - mean) ** 2 for r in raw) / size)
    return theta, [[c + (r - mean) / width * n for c, n in zip(centre, noise, strict=True)] for r in raw]


def define_expected(
    charge: Any, noise_form: Any, mean_gradient_form: Any, learning_rate: Any, batch_size: Any, weight_decay: Any,
    replacement: str, data_size: Any,
) -> Any:  # fmt: skip
    """Mean charge after one literal step, by enumeration of every batch of a small data set with these forms."""
    theta, gradients = expected_samples(charge, noise_form, mean_gradient_form, int(data_size or 4))
    return witness.mean_over_batches(
        gradients, int(batch_size), replacement,
        lambda b: witness.form(witness.step(theta, witness.mean(b), learning_rate, weight_decay)),
    )  # fmt: skip


def _expected_mutant(noise: Any, mean: float = 1.0) -> Any:
    def value(charge: Any, noise_form: Any, mean_gradient_form: Any, learning_rate: Any, batch_size: Any,
              weight_decay: Any, replacement: str, data_size: Any) -> Any:  # fmt: skip
        size = data_size or 4
        k = 1.0 if replacement == "with" else (size - batch_size) / (size - 1)
        keep = (1 - learning_rate * weight_decay) ** 2 * charge
        drift = noise(k, batch_size, size if replacement == "without" else None) * noise_form
        return keep + learning_rate**2 * (drift + mean * mean_gradient_form)

    return value


_EXPECTED_MUTANTS = (
    mutant_value("mean gradient dropped", _expected_mutant(lambda k, s, n: k / s, 0.0)),
    mutant_value("no factor without replacement", _expected_mutant(lambda k, s, n: 1 / s)),
    mutant_value("(N - S)/N", _expected_mutant(lambda k, s, n: (n - s) / n / s if n else k / s)),
    mutant_value("eta^2 S", _expected_mutant(lambda k, s, n: k * s)),
)

expected_charge = Law(
    id="symmetry.discrete.expected_charge",
    title="mean charge after one minibatch step",
    statement="E C' = (1 - eta wd)^2 C + (eta^2/S) k Tr[Sigma A] + eta^2 (grad L)^T A (grad L); k = 1 with, "
    "(N - S)/(N - 1) without replacement",
    quantity=_NEXT,
    parameters=(p.charge, p.noise_form, p.mean_gradient_form, p.learning_rate, p.batch_size, p.weight_decay,
                p.replacement, p.data_size),
    derive=_derive_expected,
    definition=define_expected,
    sources=(DERIVED,),
    mutants=_EXPECTED_MUTANTS,
    structure=("replacement",),
    constraints=(p.BATCH_FITS,),
    rungs=("algebra", "sgd"),
)  # fmt: skip


def _derive_scalar_net(replacement: str) -> Derivation:
    g_u, g_w = scalar_gradient()
    k = subset_factor(replacement)
    mean = average(g_u) ** 2 - average(g_w) ** 2
    noise = average(sp.expand(g_u**2 - g_w**2)) - mean
    charge = p.U**2 - p.W**2
    return derivation(
        ("per-sample gradient", sp.Tuple(g_u, g_w), "differentiate (u w x - y)^2"),
        ("noise form Tr[Sigma A]", noise, "second moment minus squared mean"),
        ("mean", exact_step(_KEEP, p.ETA).subs({p.CHARGE: charge, p.GRADIENT_FORM: k * noise / p.BATCH + mean}),
         "exact step; E g g^T = grad L grad L^T + k Sigma/S"),
    )  # fmt: skip


def _define_scalar_net(
    first_weight: Any, second_weight: Any, inputs: Any, targets: Any, learning_rate: Any, batch_size: Any,
    weight_decay: Any, replacement: str, *, loss: Any = 1,
) -> Any:  # fmt: skip
    u, w = first_weight, second_weight

    def after(batch: list[Any]) -> Any:
        slope = sum(2 * loss * (u * w * x - y) * x for x, y in batch) / len(batch)
        keep = 1 - learning_rate * weight_decay
        return (keep * u - learning_rate * slope * w) ** 2 - (keep * w - learning_rate * slope * u) ** 2

    data = list(zip(inputs, targets, strict=True))
    chosen = witness.batches(len(data), int(batch_size), replacement)
    return sum(after([data[i] for i in b]) for b in chosen) / len(chosen)


def _scalar_mutant(kind: str) -> Any:
    def value(first_weight: float, second_weight: float, inputs: Any, targets: Any, learning_rate: float,
              batch_size: int, weight_decay: float, replacement: str) -> float:  # fmt: skip
        u, w, n, s = first_weight, second_weight, len(inputs), batch_size
        slopes = [2 * (u * w * x - y) * x for x, y in zip(inputs, targets, strict=True)]
        mean = sum(slopes) / n
        variance = sum((g - mean) ** 2 for g in slopes) / n
        k = (n - s) / (n - 1) if replacement == "without" else 1.0
        factor = {
            "mean": k * variance / s, "k": variance / s + mean**2, "half": (k * variance / s + mean**2) / 4,
            "divisor": ((n - s) / n if replacement == "without" else 1.0) * variance / s + mean**2,
            "batch": k * variance * s + mean**2,
        }[kind]  # fmt: skip
        return ((1 - learning_rate * weight_decay) ** 2 - learning_rate**2 * factor) * (u * u - w * w)

    return value


scalar_net = Law(
    id="symmetry.discrete.expected_charge.scalar_net",
    title="mean charge of the scalar net after one minibatch step, from the data",
    statement="E[u'^2 - w'^2] for f = u w x and the loss (u w x - y)^2 summed over the data set",
    quantity=_NEXT,
    parameters=(p.first_weight, p.second_weight, p.inputs, p.targets, p.learning_rate, p.batch_size, p.weight_decay,
                p.replacement),
    derive=_derive_scalar_net,
    definition=_define_scalar_net,
    sources=(DERIVED,),
    mutants=(
        mutant_value("mean gradient dropped", _scalar_mutant("mean")),
        mutant_value("no factor without replacement", _scalar_mutant("k")),
        mutant_value("(N - S)/N", _scalar_mutant("divisor")),
        mutant_value("eta^2 S", _scalar_mutant("batch")),
        mutant_value("half loss", _scalar_mutant("half")),
    ),
    structure=("replacement",),
    constraints=(p.SAME_LENGTH, p.BATCH_FITS),
    rungs=("algebra", "sgd"),
)  # fmt: skip

FORMS, COUNT = sp.IndexedBase("q"), sp.Symbol("T", integer=True, positive=True)
gradient_forms = Parameter(
    "gradient_forms", FORMS, "g_s^T A g_s of every step", real_list(-2.0, 2.0, (3, 6)), length=COUNT
)
update = Parameter("update", None, "forms of the raw gradients or of the full updates (decay inside)",
                   choice("raw", "full")).with_default("raw")  # fmt: skip


def _unrolled(keep: Any, weight: Any) -> sp.Expr:
    """Return the solution of C' = keep C + weight q_s, checked on the recursion."""
    s = sp.Symbol("s", integer=True)
    return keep**COUNT * p.CHARGE + weight * sp.Sum(keep ** (COUNT - 1 - s) * FORMS[s], (s, 0, COUNT - 1))


def _derive_sum(update: str) -> Derivation:
    step = exact_step(_KEEP, p.ETA)
    if update == "full":
        # d = g + wd theta has d^T A d = q + wd^2 C, because the cross term vanishes by orthogonality.
        step = step.subs(p.GRADIENT_FORM, p.GRADIENT_FORM - p.DECAY**2 * p.CHARGE)
    keep = sp.factor(sp.expand(step).coeff(p.CHARGE))
    return derivation(
        ("one step", sp.collect(sp.expand(step), p.CHARGE), f"{update} gradient forms"),
        ("whole run", _unrolled(keep, p.ETA**2), "unroll the linear recursion"),
    )


def _define_sum(charge: Any, gradient_forms: Any, learning_rate: Any, weight_decay: Any, update: str) -> Any:
    theta = witness.point(charge)
    for q in gradient_forms:
        raw = q - weight_decay**2 * witness.form(theta) if update == "full" else q
        slope = witness.gradient(theta, witness.sample_with_form(theta, raw))
        theta = witness.step(theta, slope, learning_rate, weight_decay)
    return witness.form(theta)


charge_sum = Law(
    id="symmetry.discrete.charge_sum",
    title="charge after a whole run, from the forms of all gradients",
    statement="C_T = (1-eta wd)^(2T) C_0 + eta^2 sum (1-eta wd)^(2(T-1-s)) g_s^T A g_s (raw), or with (1 - 2 eta wd) "
    "and full updates",
    quantity=sp.Symbol("C_T"),
    parameters=(p.charge, gradient_forms, p.learning_rate, p.weight_decay, update),
    derive=_derive_sum,
    definition=_define_sum,
    sources=(DERIVED, p.KUNIN),
    mutants=(
        mutant_parameters("raw and full mixed", lambda v: {"update": "full" if v["update"] == "raw" else "raw"}),
        mutant_parameters("half the decay", lambda v: {"weight_decay": v["weight_decay"] / 2}),
    ),
    structure=("update",),
    rungs=("algebra", "sgd", "net"),
)


def _derive_exponential() -> Derivation:
    s, time = sp.Symbol("s", integer=True), sp.Symbol("tau", positive=True)
    c = sp.Function("C")
    flow = sp.dsolve(sp.Eq(c(time).diff(time), -2 * p.DECAY * c(time)), c(time), ics={c(0): p.CHARGE}).rhs
    decay = sp.simplify(flow / p.CHARGE)
    kicks = sp.Sum(decay.subs(time, p.ETA * (COUNT - 1 - s)) * FORMS[s], (s, 0, COUNT - 1))
    return derivation(
        ("decay of the charge between steps", flow, "dC/dt = -2 wd C"),
        ("with kicks eta^2 d_s^T A d_s", decay.subs(time, p.ETA * COUNT) * p.CHARGE + p.ETA**2 * kicks, "superpose"),
    )


def _define_exponential(charge: Any, gradient_forms: Any, learning_rate: Any, weight_decay: Any) -> Any:
    value = charge
    for q in gradient_forms:
        value = value * mpmath.exp(-2 * weight_decay * learning_rate) + learning_rate**2 * q
    return value


exponential_sum = Law(
    id="symmetry.discrete.exponential_sum",
    title="charge after a run, exponential form of the literature",
    statement="C(t) = exp(-2 wd t) C_0 + eta^2 sum exp(-2 wd (t - t_k)) d_k^T A d_k with full updates d_k",
    quantity=sp.Symbol("C_T"),
    parameters=(p.charge, gradient_forms, p.learning_rate, p.weight_decay),
    derive=_derive_exponential,
    definition=_define_exponential,
    sources=(p.KUNIN,),
    mutants=(mutant_parameters("wd for 2 wd", lambda v: {"weight_decay": v["weight_decay"] / 2}),),
    regime=Regime("eta wd -> 0", "O(eta wd)"),
    rungs=("algebra", "net"),
)

LAWS = (charge_step, expected_charge, scalar_net, charge_sum, exponential_sum)
