"""Charges under heavy-ball momentum (v' = mu v + g + wd theta, theta' = theta - eta v')."""

from __future__ import annotations

from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.evaluation import evaluate, to_mp
from theory.law import Law, Regime, mutant_parameters, mutant_value
from theory.parameter import Parameter, real, real_list
from theory.source import DERIVED
from theory.symmetry import parameters as p
from theory.symmetry import witness
from theory.symmetry.identities import pair_model, quadratic, require_zero

M = sp.Symbol("m", real=True)
Q_NEW = sp.Symbol("q", real=True)
FORMS, COUNT = sp.IndexedBase("q"), sp.Symbol("T", integer=True, positive=True)
momentum_charge = Parameter("momentum_charge", M, "m = theta^T A v before the step", real(-1.0, 1.0))
velocity_form = Parameter("velocity_form", Q_NEW, "q' = v'^T A v' of the new velocity", real(-2.0, 2.0))
velocity_forms = Parameter("velocity_forms", FORMS, "q_s = v_s^T A v_s of steps 1 .. T", real_list(-2.0, 2.0, (3, 6)),
                           length=COUNT)  # fmt: skip


def _derive_step() -> Derivation:
    theta, g = pair_model()
    v = sp.Matrix(sp.symbols("v1:5", real=True))
    new = p.MOMENTUM * v + g + p.DECAY * theta
    after = theta - p.ETA * new
    cross = sp.expand(quadratic(theta, new))
    expected = p.MOMENTUM * quadratic(theta, v) + p.DECAY * quadratic(theta, theta)
    require_zero(cross - expected, "theta^T A v' - (mu m + wd C), which holds by g . A theta = 0,")
    middle = p.MOMENTUM * M + p.DECAY * p.CHARGE
    form = quadratic(new, new)
    require_zero(quadratic(after, after) - (quadratic(theta, theta) - 2 * p.ETA * cross + p.ETA**2 * form), "C' - ...")
    return derivation(
        ("theta^T A v'", middle, "g . A theta = 0"),
        ("[C', m']", sp.Tuple(p.CHARGE - 2 * p.ETA * middle + p.ETA**2 * Q_NEW, middle - p.ETA * Q_NEW),
         "expand the squares of theta' = theta - eta v'"),
    )  # fmt: skip


def _velocity_step(theta: Any, v: Any, target: Any, eta: Any, decay: Any, mu: Any) -> tuple[Any, Any]:
    """One heavy-ball step whose raw gradient obeys g . A theta = 0 and gives v'^T A v' = target."""
    base = [mu * a + decay * b for a, b in zip(v, theta, strict=True)]
    positive_block = [-theta[1], theta[0], 0, 0]
    negative_block = [0, 0, -theta[3], theta[2]]
    gap = target - witness.form(base)
    e = positive_block if gap > 0 else negative_block
    a, b = witness.form(e), witness.bilinear(e, base)
    c = (-b + mpmath.sqrt(b * b + a * gap)) / a
    new = [x + c * y for x, y in zip(base, e, strict=True)]
    return [x - eta * y for x, y in zip(theta, new, strict=True)], new


def _define_step(charge: Any, momentum_charge: Any, velocity_form: Any, learning_rate: Any, weight_decay: Any,
                 momentum: Any) -> Any:  # fmt: skip
    theta = witness.point(charge)
    dual = [theta[0], theta[1], -theta[2], -theta[3]]
    v = [momentum_charge / witness.dot(dual, dual) * a for a in dual]
    after, new = _velocity_step(theta, v, velocity_form, learning_rate, weight_decay, momentum)
    return [witness.form(after), witness.bilinear(after, new)]


charge_step = Law(
    id="symmetry.momentum.charge_step",
    title="one heavy-ball step: charge and momentum charge",
    statement="m' = mu m + wd C - eta q', C' = C - 2 eta (mu m + wd C) + eta^2 q', with m = theta^T A v, q = v^T A v",
    quantity=sp.Tuple(sp.Symbol("C_next"), sp.Symbol("m_next")),
    parameters=(p.charge, momentum_charge, velocity_form, p.learning_rate, p.weight_decay, p.momentum),
    derive=_derive_step,
    definition=_define_step,
    sources=(DERIVED,),
    mutants=(
        mutant_parameters("m recursion dropped", lambda v: {"momentum_charge": 0.0}),
        mutant_parameters("half the decay", lambda v: {"weight_decay": v["weight_decay"] / 2}),
    ),
    rungs=("algebra", "sgd", "net"),
)


def _derive_sum() -> Derivation:
    s, j = sp.symbols("s j", integer=True, positive=True)
    # without decay m_s = -eta sum_{j<=s} mu^(s-j) q_j, so q_j enters C with eta^2 (1 + 2 sum of later mu powers)
    later = sp.simplify(sp.summation(p.MOMENTUM**j, (j, 1, COUNT - s)).args[-1][0])
    weight = 1 + 2 * later
    return derivation(
        ("m after step s", -p.ETA * sp.Sum(p.MOMENTUM ** (s - j) * FORMS[j - 1], (j, 1, s)), "unroll m' = mu m - eta q'"),
        ("weight of q_s", weight, "C' = C - 2 eta mu m + eta^2 q'; sum the geometric series"),
        ("C_T", p.CHARGE + p.ETA**2 * sp.Sum(FORMS[s - 1] * weight, (s, 1, COUNT)), "sum over the steps"),
    )  # fmt: skip


def _define_sum(charge: Any, velocity_forms: Any, learning_rate: Any, momentum: Any) -> Any:
    theta, v = witness.point(charge), [mpmath.mpf(0)] * 4
    for q in velocity_forms:
        theta, v = _velocity_step(theta, v, q, learning_rate, 0, momentum)
    return witness.form(theta)


def _sum_mutant(weight: Any) -> Any:
    def value(charge: float, velocity_forms: Any, learning_rate: float, momentum: float) -> float:
        total = len(velocity_forms)
        terms = (q * weight(momentum, total - s) for s, q in enumerate(velocity_forms, 1))
        return charge + learning_rate**2 * sum(terms)

    return value


charge_sum = Law(
    id="symmetry.momentum.charge_sum",
    title="charge after a heavy-ball run without decay",
    statement="C_T = C_0 + eta^2 sum_{s=1}^T q_s [1 + 2 mu (1 - mu^(T-s))/(1 - mu)], wd = 0, start with v = 0",
    quantity=sp.Symbol("C_T"),
    parameters=(p.charge, velocity_forms, p.learning_rate, p.momentum),
    derive=_derive_sum,
    definition=_define_sum,
    sources=(DERIVED,),
    mutants=(
        mutant_value("mu^(T-s+1)", _sum_mutant(lambda mu, left: 1 + 2 * mu * (1 - mu ** (left + 1)) / (1 - mu))),
        mutant_value("(1+mu)/(1-mu) for every step", _sum_mutant(lambda mu, left: (1 + mu) / (1 - mu))),
        mutant_value("no momentum term", _sum_mutant(lambda mu, left: 1.0)),
    ),
    rungs=("algebra", "sgd", "net"),
)


def _derive_translation() -> Derivation:
    z, v, g = sp.symbols("z v g")
    new_v = p.MOMENTUM * v + g + p.DECAY * z
    new_z = sp.expand(z - p.ETA * new_v).subs(g, 0)
    rows = [[sp.expand(e).coeff(x) for x in (z, v)] for e in (new_z, new_v.subs(g, 0))]
    propagator = sp.Matrix(rows).applyfunc(sp.factor)
    root, t = sp.Symbol("r"), p.STEPS
    first, second = sp.roots(propagator.charpoly(root).as_expr(), root)
    # Cayley-Hamilton: M^t = [(a^t - b^t) M - det (a^(t-1) - b^(t-1)) I]/(a - b)
    power = (first**t - second**t) * propagator[0, 0] - propagator.det() * (first ** (t - 1) - second ** (t - 1))
    return derivation(
        ("propagator of (n.theta, n.v)", sp.ImmutableMatrix(propagator), "n . g = 0 for every sample"),
        ("after t steps from v = 0", p.CHARGE * power / (first - second), "Cayley-Hamilton"),
    )


def _evaluate_translation(found: Derivation, values: dict[str, Any], digits: int) -> Any:
    with mpmath.workdps(digits + 10):
        matrix = mpmath.matrix(evaluate(found.steps[0].expression, TRANSLATION, values, digits + 5))
        return (matrix ** int(values["steps"]))[0, 0] * to_mp(values["charge"])


def _define_translation(charge: Any, learning_rate: Any, weight_decay: Any, momentum: Any, steps: Any) -> Any:
    logits = [charge * mpmath.mpf("0.7"), charge * mpmath.mpf("0.5"), -charge * mpmath.mpf("0.2")]
    velocity = [mpmath.mpf(0)] * 3
    for t in range(int(steps)):
        weights = [mpmath.exp(z) for z in logits]
        for i in range(3):
            slope = weights[i] / mpmath.fsum(weights) - (i == t % 3)
            velocity[i] = momentum * velocity[i] + slope + weight_decay * logits[i]
        logits = [z - learning_rate * v for z, v in zip(logits, velocity, strict=True)]
    return mpmath.fsum(logits)


def _loop(*, late: bool = False, damp: bool = False) -> Any:
    def value(charge: float, learning_rate: float, weight_decay: float, momentum: float, steps: int) -> float:
        z, v = charge, 0.0
        for _ in range(int(steps)):
            new = momentum * v + (1 - momentum if damp else 1.0) * weight_decay * z
            z, v = z - learning_rate * (v if late else new), new
        return z

    return value


def _overdamped(charge: float, learning_rate: float, weight_decay: float, momentum: float, steps: int) -> Any:
    return charge * mpmath.exp(-learning_rate * weight_decay * steps / (1 - momentum))


TRANSLATION = (p.charge, p.learning_rate, p.weight_decay, p.momentum, p.steps)
translation_charge = Law(
    id="symmetry.momentum.translation_charge",
    title="translation charge under heavy ball with weight decay",
    statement="z' = (1 - eta wd) z - eta mu v, v' = wd z + mu v for z = n.theta, v = n.v; value z after t steps",
    quantity=sp.Symbol("z_t"),
    parameters=TRANSLATION,
    derive=_derive_translation,
    definition=_define_translation,
    evaluator=_evaluate_translation,
    sources=(DERIVED, p.KUNIN),
    mutants=(
        mutant_value("z moved by the old velocity", _loop(late=True)),
        mutant_value("dampening 1 - mu", _loop(damp=True)),
        mutant_value("overdamped exponential", _overdamped),
    ),
    rungs=("algebra", "net"),
)


def _derive_drift() -> Derivation:
    q, m = sp.symbols("q m")
    noise = p.NOISE_FORM / p.BATCH
    form = sp.solve(sp.Eq(q, p.MOMENTUM**2 * q + noise), q)[0]
    steady = sp.solve(sp.Eq(m, p.MOMENTUM * m - p.ETA * q), m)[0]
    drift = (-2 * p.ETA * p.MOMENTUM * steady + p.ETA**2 * q).subs(q, form)
    return derivation(
        ("stationary E v^T A v", form, "v' = mu v + g with independent noise"),
        ("stationary m", steady, "m' = mu m - eta q"),
        ("drift per step", sp.factor(drift), "C' - C = -2 eta mu m + eta^2 q'"),
    )


def _define_drift(noise_form: Any, learning_rate: Any, batch_size: Any, momentum: Any) -> Any:
    """Sum over all pairs of kicks: v = sum of mu^k g over lags k, and g_s . A theta_s = 0 at the time of its own kick.

    theta has moved by -eta v since then, so that theta . A g_s = -eta (sum of mu^j below the lag) g_s . A g_s on average.
    """
    mu, eta, kick = momentum, learning_rate, noise_form / batch_size
    with_point, own, moved, weight = mpmath.mpf(0), mpmath.mpf(0), mpmath.mpf(0), mpmath.mpf(1)
    while weight > mpmath.mpf(10) ** (-mpmath.mp.dps - 6):
        with_point -= weight * eta * moved * kick
        own += weight * weight * kick
        moved, weight = moved + weight, weight * mu
    return -2 * eta * with_point + eta**2 * own


def _drift_mutant(power: Any) -> Any:
    return lambda noise_form, learning_rate, batch_size, momentum: (
        learning_rate**2 * noise_form / batch_size / power(momentum)
    )


drift = Law(
    id="symmetry.momentum.drift",
    title="drift of the charge per step under heavy ball, at fixed noise",
    statement="E[C' - C] -> eta^2 Tr[Sigma A]/(S (1 - mu)^2) after the velocity has relaxed",
    quantity=sp.Symbol("DeltaC"),
    parameters=(p.noise_form, p.learning_rate, p.batch_size, p.momentum),
    derive=_derive_drift,
    definition=_define_drift,
    sources=(DERIVED,),
    mutants=(
        mutant_value("1/(1-mu)", _drift_mutant(lambda mu: 1 - mu)),
        mutant_value("1/(1-mu^2)", _drift_mutant(lambda mu: 1 - mu**2)),
    ),
    regime=Regime("eta -> 0", "O(eta**3)"),
    rungs=("algebra", "chain", "sgd"),
)
LAWS = (charge_step, charge_sum, translation_charge, drift)
