"""Exact discrete laws of particular models: matrix charges, products of n factors, translations, stationarity."""

from __future__ import annotations

from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.evaluation import to_mp
from theory.law import Law, mutant_parameters, mutant_result, mutant_value
from theory.parameter import Constraint, Parameter, matrix, positive, real
from theory.source import DERIVED
from theory.symmetry import parameters as p
from theory.symmetry.discrete import define_expected
from theory.symmetry.identities import exact_step, require_zero
from theory.symmetry.linear_algebra import to_lists, to_matrix

_KEEP = 1 - p.ETA * p.DECAY
product_gradient = Parameter("product_gradient", None, "g = dL_batch/d(U W), d_y x d_x", matrix(-1.5, 1.5, (2, 2)))
SHAPES = Constraint(
    lambda v: (
        len(v["first_factor"][0]) == len(v["second_factor"])
        and ("product_gradient" not in v or len(v["product_gradient"]) == len(v["first_factor"]))
        and ("product_gradient" not in v or len(v["product_gradient"][0]) == len(v["second_factor"][0]))
    ),
    "the shapes do not fit: first_factor is d_y x r, second_factor r x d_x, product_gradient d_y x d_x",
)


def _derive_matrix() -> Derivation:
    u, w = sp.MatrixSymbol("U", 3, 2), sp.MatrixSymbol("W", 2, 3)
    slope = sp.MatrixSymbol("g", 3, 3)
    U, W, G = u.as_explicit(), w.as_explicit(), slope.as_explicit()
    loss = sum(G[i, j] * (U * W)[i, j] for i in range(3) for j in range(3))
    g_u, g_w = (m.applyfunc(lambda e: sp.diff(loss, e)) for m in (U, W))
    after_u, after_w = _KEEP * U - p.ETA * g_u, _KEEP * W - p.ETA * g_w
    claimed = _KEEP**2 * (U.T * U - W * W.T) + p.ETA**2 * (W * G.T * G * W.T - U.T * G * G.T * U)
    for entry in (after_u.T * after_u - after_w * after_w.T - claimed).flat():
        require_zero(entry, "an entry of the matrix law")
    charge, kick = sp.symbols("Q K", commutative=False)
    return derivation(
        ("gradients", sp.Tuple(sp.Symbol("g W^T"), sp.Symbol("U^T g")), "differentiate; entries checked at 3x2, 2x3"),
        ("matrix charge after the step", _KEEP**2 * charge + p.ETA**2 * kick,
         "Q = U^T U - W W^T, K = W g^T g W^T - U^T g g^T U; the cross terms cancel entry by entry"),
    )  # fmt: skip


def _matrix_value(values: dict[str, Any], *, wrong: str = "") -> Any:
    U, W, g = (to_matrix(to_mp(values[k])) for k in ("first_factor", "second_factor", "product_gradient"))
    eta, decay = to_mp(values["learning_rate"]), to_mp(values["weight_decay"])
    left = W * (g * g.T if wrong == "transpose" and g.rows == g.cols == W.cols else g.T * g) * W.T
    return (1 - eta * decay) ** 2 * (U.T * U - W * W.T) + eta**2 * (left - U.T * g * g.T * U)


def _evaluate_matrix(_: Derivation, values: dict[str, Any], digits: int) -> Any:
    with mpmath.workdps(digits + 10):
        return to_lists(_matrix_value(values))


def _define_matrix(first_factor: Any, second_factor: Any, product_gradient: Any, learning_rate: Any,
                   weight_decay: Any) -> Any:  # fmt: skip
    U, W, g = map(to_matrix, (first_factor, second_factor, product_gradient))
    keep = 1 - learning_rate * weight_decay
    a, b = keep * U - learning_rate * g * W.T, keep * W - learning_rate * U.T * g
    return to_lists(a.T * a - b * b.T)


def _transposed(**values: Any) -> Any:
    return [[float(x) for x in row] for row in to_lists(_matrix_value(values, wrong="transpose"))]


def _trace_only(value: Any, **_: Any) -> Any:
    size = len(value)
    mean = sum(value[i][i] for i in range(size)) / size
    return [[mean * (i == j) for j in range(size)] for i in range(size)]


matrix_step = Law(
    id="symmetry.discrete.matrix_step",
    title="one step of SGD and the matrix charge",
    statement="(U^T U - W W^T)' = (1 - eta wd)^2 (U^T U - W W^T) + eta^2 (W g^T g W^T - U^T g g^T U), g = dL/d(U W)",
    quantity=sp.Symbol("Q_next", commutative=False),
    parameters=(p.first_factor, p.second_factor, product_gradient, p.learning_rate, p.weight_decay),
    derive=_derive_matrix,
    definition=_define_matrix,
    evaluator=_evaluate_matrix,
    sources=(DERIVED,),
    mutants=(mutant_value("one g transposed", _transposed), mutant_result("only the trace", _trace_only)),
    constraints=(SHAPES,),
    rungs=("algebra", "sgd", "net"),
    gate_points=8,
)

OTHERS = sp.Symbol("P", real=True)
V_GRADIENT = sp.Symbol("g", real=True)
other_product = Parameter("other_product", OTHERS, "product of the remaining factors", real(0.4, 1.6)).with_default(1)
product_slope = Parameter("product_slope", V_GRADIENT, "g = dL_batch/dv, v the product", real(-2.0, 2.0))


def _derive_product() -> Derivation:
    first, second, rest = p.U, p.W, OTHERS
    slope = V_GRADIENT
    loss = slope * first * second * rest
    after = [q - p.ETA * sp.diff(loss, q) for q in (first, second)]
    form = sp.factor(sp.expand(after[0] ** 2 - after[1] ** 2))
    return derivation(
        ("gradients of two factors", sp.Tuple(*(sp.diff(loss, q) for q in (first, second))), "v = u w P"),
        ("difference of squares after the step", form, "expand and factor"),
    )


def _define_product(first_weight: Any, second_weight: Any, other_product: Any, product_slope: Any,
                    learning_rate: Any) -> Any:  # fmt: skip
    u, w, rest = first_weight, second_weight, other_product

    def loss(a: Any, b: Any) -> Any:
        # dL/dv = g at the current product v
        return (a * b * rest - u * w * rest + product_slope / 2) ** 2

    g_u, g_w = mpmath.diff(loss, (u, w), (1, 0)), mpmath.diff(loss, (u, w), (0, 1))
    return (u - learning_rate * g_u) ** 2 - (w - learning_rate * g_w) ** 2


def _product_mutant(factor: Any) -> Any:
    def value(first_weight: float, second_weight: float, other_product: float, product_slope: float,
              learning_rate: float) -> float:  # fmt: skip
        scale = factor(learning_rate, product_slope, other_product, first_weight)
        return (first_weight**2 - second_weight**2) * (1 - scale)

    return value


product_rule = Law(
    id="symmetry.discrete.product_rule",
    title="difference of squares of two factors in a product of n factors",
    statement="(u_i^2 - u_j^2)' = (u_i^2 - u_j^2)(1 - eta^2 g^2 P^2), P the product of the other factors, wd = 0",
    quantity=sp.Symbol("C_next"),
    parameters=(p.first_weight, p.second_weight, other_product, product_slope, p.learning_rate),
    derive=_derive_product,
    definition=_define_product,
    sources=(DERIVED, p.BALANCE),
    mutants=(
        mutant_value("eta g", _product_mutant(lambda eta, g, rest, u: eta * g * rest)),
        mutant_value("u_i in the product", _product_mutant(lambda eta, g, rest, u: (eta * g * rest * u) ** 2)),
        mutant_value("half the square", _product_mutant(lambda eta, g, rest, u: (eta * g * rest) ** 2 / 2)),
    ),
    rungs=("algebra", "sgd"),
)


def _derive_translation() -> Derivation:
    a, b, y = sp.symbols("a b y", real=True)
    loss = sp.log(sp.exp(a) + sp.exp(b)) - y * a - (1 - y) * b
    slope = sp.simplify(sp.diff(loss, a) + sp.diff(loss, b))
    step = _KEEP * p.CHARGE - p.ETA * slope
    return derivation(
        ("sum of the softmax gradients", slope, "the loss is invariant under a common shift of the logits"),
        ("one step", step, "n . theta' = (1 - eta wd) n . theta - eta n . g"),
        ("after t steps", (step / p.CHARGE) ** p.STEPS * p.CHARGE, "iterate"),
    )


def _define_translation(charge: Any, learning_rate: Any, weight_decay: Any, steps: Any) -> Any:
    logits = [charge * mpmath.mpf("0.7"), charge * mpmath.mpf("0.5"), -charge * mpmath.mpf("0.2")]
    for t in range(int(steps)):
        weights = [mpmath.exp(z) for z in logits]
        slopes = [x / mpmath.fsum(weights) - (i == t % 3) for i, x in enumerate(weights)]
        logits = [z - learning_rate * (g + weight_decay * z) for z, g in zip(logits, slopes, strict=True)]
    return mpmath.fsum(logits)


translation = Law(
    id="symmetry.discrete.translation",
    title="translation charge under SGD with weight decay",
    statement="n . theta_t = (1 - eta wd)^t n . theta_0 whenever the loss is invariant under shifts along n",
    quantity=sp.Symbol("z_t"),
    parameters=(p.charge, p.learning_rate, p.weight_decay, p.steps),
    derive=_derive_translation,
    definition=_define_translation,
    sources=(p.KUNIN,),
    mutants=(
        mutant_value("exponential decay", lambda charge, learning_rate, weight_decay, steps:
                     charge * mpmath.exp(-learning_rate * weight_decay * steps)),
        mutant_parameters("power 2 t", lambda v: {"steps": 2 * v["steps"]}),
    ),
    rungs=("algebra", "net"),
)  # fmt: skip


def _derive_stationarity() -> Derivation:
    second = p.NOISE_FORM / p.BATCH + p.MEAN_FORM
    step = exact_step(_KEEP, p.ETA).subs(p.GRADIENT_FORM, second)
    return derivation(
        ("mean charge after a step", step, "raw second moment E g^T A g = E Tr[Sigma A]/S + E (grad L)^T A grad L"),
        ("stationary mean charge", sp.factor(sp.solve(sp.Eq(p.CHARGE, step), p.CHARGE)[0]), "E C' = E C"),
    )


def _define_stationarity(noise_form: Any, mean_gradient_form: Any, learning_rate: Any, batch_size: Any,
                         weight_decay: Any) -> Any:  # fmt: skip
    """Fixed point of the mean charge after a literal step, enumerated over batches at two charges: an affine map."""
    first, second = mpmath.mpf("0.4"), mpmath.mpf("1.7")
    low, high = (
        define_expected(c, noise_form, mean_gradient_form, learning_rate, batch_size, weight_decay, "with", 3)
        for c in (first, second)
    )
    keep = (high - low) / (second - first)
    return (low - keep * first) / (1 - keep)


stationarity = Law(
    id="symmetry.discrete.stationarity",
    title="mean charge in any stationary state of SGD",
    statement="wd (2 - eta wd) E C = eta E[g^T A g], the raw second moment of the batch gradient, at every eta",
    quantity=sp.Symbol("EC"),
    parameters=(p.noise_form, p.mean_gradient_form, p.learning_rate, p.batch_size,
                p.positive_decay.within(positive(0.3, 1.5))),
    derive=_derive_stationarity,
    definition=_define_stationarity,
    sources=(DERIVED,),
    mutants=(
        mutant_parameters("centred covariance only", lambda v: {"mean_gradient_form": 0.0}),
        mutant_value("2 wd", lambda noise_form, mean_gradient_form, learning_rate, batch_size, weight_decay:
                     learning_rate * (noise_form / batch_size + mean_gradient_form) / (2 * weight_decay)),
    ),
    constraints=(Constraint(lambda v: v["learning_rate"] * v["weight_decay"] < 2,
                            "learning_rate * weight_decay must be below 2; lower one of them"),),
    rungs=("algebra", "sgd", "net"),
)  # fmt: skip

LAWS = (matrix_step, product_rule, translation, stationarity)
