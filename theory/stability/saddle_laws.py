"""Type-I and Type-II saddles of small networks, each by the classifier, each against finite differences of its loss."""

from __future__ import annotations

from typing import Any

import mpmath
import sympy as sp

import theory.stability.symbols as sy
from theory.derivation import Derivation, derivation
from theory.law import Law, Mutant, mutant_value
from theory.parameter import Parameter, integer, positive
from theory.stability.saddle import SaddleReport, classify_saddle
from theory.stability.saddle_differences import (
    DATA,
    gradient_by_differences,
    hessian_by_differences,
    noise_along,
    sample_mean,
)

u, w, v, b, x, y = sp.symbols("u w v b x y", real=True)
sigma = sp.Symbol("sigma", positive=True)


def _classified(report: SaddleReport, value: Any, rule: str) -> Derivation:
    steps = tuple((s.name, s.expression, s.rule) for s in report.derivation.steps)
    return derivation(*steps, ("value", value, rule))


def _scalar_loss(a: Any, c: Any, xi: Any, yi: Any) -> Any:
    return (a * c * xi - yi) ** 2


def _derive_scalar() -> Derivation:
    report = classify_saddle((u * w * x - y) ** 2, [u, w], [x, y])
    correlation = next(iter(report.hessian.free_symbols))
    value = sp.Tuple(report.escape_noise, report.hessian[0, 0], sp.simplify(report.hessian[0, 1] / correlation))
    return _classified(report, value, "escape noise, Hessian entry uu, Hessian entry uw per E[x y]")


def _define_scalar() -> Any:
    hessians = [hessian_by_differences(_scalar_loss, 2, sample, (0, 0)) for sample in DATA]
    mean = [[mpmath.fsum(h[i][j] for h in hessians) / len(DATA) for j in range(2)] for i in range(2)]
    noise = noise_along(_scalar_loss, (1 / mpmath.sqrt(2), 1 / mpmath.sqrt(2)), (0, 0))
    return [noise, mean[0][0], mean[0][1] / sample_mean(lambda xi, yi: xi * yi)]


def _law(
    name: str, title: str, statement: str, derive: Any, definition: Any, mutants: tuple[Mutant, ...], **more: Any
) -> Law:
    return Law(
        id=f"stability.{name}",
        title=title,
        statement=statement,
        quantity=sp.Symbol(more.pop("symbol", "value")),
        parameters=more.pop("parameters", ()),
        derive=derive,
        definition=definition,
        sources=more.pop("sources", (sy.SEED,)),
        mutants=mutants,
        **more,
    )


SCALAR_NET = _law(
    "type_two.scalar_net",
    "The origin of the scalar two-layer network is a Type-II saddle",
    "Loss (u w x - y)^2 at u = w = 0: every per-sample gradient is zero and H_x = -2 x y [[0, 1], [1, 0]], so "
    "all Hessians commute. Value: [escape noise, Hessian uu, Hessian uw per E[x y]].",
    _derive_scalar,
    _define_scalar,
    (
        mutant_value("Hessian diagonal", lambda: [0.0, -2.0, 0.0]),
        mutant_value("noise of variance one along u = w", lambda: [1.0, 0.0, -2.0]),
    ),
    rungs=("algebra", "net"),
    tolerance=1e-6,
)


def _local_loss(*p: Any) -> Any:
    """(u . tanh(W x) - y)^2 with two hidden units and two inputs (x, x^2)."""
    a, c, w11, w12, w21, w22, xi, yi = p
    inputs = (xi, xi**2)
    first = mpmath.tanh(w11 * inputs[0] + w12 * inputs[1])
    second = mpmath.tanh(w21 * inputs[0] + w22 * inputs[1])
    return (a * first + c * second - yi) ** 2


def _derive_local(width: int = 2, dimension: int = 2) -> Derivation:
    units = sp.symbols(f"u1:{width + 1}", real=True)
    activities = sp.symbols(f"a1:{width + 1}", real=True)
    inputs = sp.symbols(f"x1:{dimension + 1}", real=True)
    phi = sp.Function("phi")
    loss = (sum(unit * phi(a) for unit, a in zip(units, activities, strict=True)) - y) ** 2
    # The chain rule: d a_i / d w_ij = x_j.
    outer = [sp.diff(loss, unit) for unit in units]
    inner = [sp.diff(loss, a) * xj for a in activities for xj in inputs]
    at_zero = dict.fromkeys((*units, *activities), 0)
    slope = sp.Matrix([g.subs(at_zero).doit().subs(phi(0), 0) for g in (*outer, *inner)])
    noise = sp.simplify(sum(g**2 for g in slope))
    return derivation(
        ("loss", loss, "a_i = w_i . x, phi(0) = 0, no output bias"),
        (
            "gradient of one sample at the origin",
            slope,
            "u_i phi(0) = 0 and u_i = 0: every entry vanishes for every x, y",
        ),
        ("noise", noise, "trace of the gradient covariance"),
    )


def _define_local(width: int, dimension: int) -> Any:
    return mpmath.fsum(g**2 for sample in DATA for g in gradient_by_differences(_local_loss, 6, sample, [0] * 6))


LOCAL_LINEAR_NET = _law(
    "type_two.local_linear_net",
    "The origin of a network u . phi(W x) with phi(0) = 0 is Type-II",
    "f = u . phi(W x), phi(0) = 0 (tanh, GELU, swish), no output bias: at the origin output and gradient vanish "
    "for every x. Value: trace of the gradient covariance there.",
    _derive_local,
    _define_local,
    (
        mutant_value("sigmoid in place of phi, phi(0) = 1/2", lambda **_: 1.0),
        mutant_value("output bias added", lambda **_: 4.0),
    ),
    parameters=(
        Parameter("width", None, "hidden units", integer(1, (1, 3)), 2, False),
        Parameter("dimension", None, "inputs", integer(1, (1, 3)), 2, False),
    ),
    structure=("width", "dimension"),
    rungs=("algebra", "net"),
    tolerance=1e-6,
)
_r = sp.Symbol("r", real=True)
_u1, _u2, _w1, _w2 = sp.symbols("u1 u2 w1 w2", real=True)


def _derive_identical() -> Derivation:
    loss = (_u1 * _w1 * x + _u2 * _w2 * x - y) ** 2
    shared = {_u1: u, _u2: u, _w1: w, _w2: w}
    turn = sp.Matrix([[1, -1, 0, 0], [0, 0, 1, -1]]) / sp.sqrt(2)
    symbols = (_u1, _u2, _w1, _w2)
    gradient = turn * sp.Matrix([sp.diff(loss, p) for p in symbols]).subs(shared)
    block = (turn * sp.hessian(loss, symbols).subs(shared) * turn.T).applyfunc(sp.expand)
    residual = 2 * u * w * x - y
    factor = sp.simplify(block[0, 1] / (residual * x))
    return derivation(
        ("loss", loss, "two linear hidden units"),
        ("antisymmetric gradient at u1 = u2, w1 = w2", sp.simplify(gradient), "swapping the units changes no loss"),
        ("antisymmetric Hessian block", block.applyfunc(sp.factor), "rotated to (u1 - u2)/sqrt 2, (w1 - w2)/sqrt 2"),
        ("value", sp.Tuple(sp.simplify(gradient.dot(gradient)), block[0, 0], factor),
         "[antisymmetric gradient, diagonal entry, off-diagonal entry per r x], r = f - y"),
    )  # fmt: skip


def _define_identical() -> Any:
    def loss(a1: Any, a2: Any, c1: Any, c2: Any, xi: Any, yi: Any) -> Any:
        return (a1 * c1 * xi + a2 * c2 * xi - yi) ** 2

    at = (mpmath.mpf("0.6"), mpmath.mpf("0.6"), mpmath.mpf("-0.9"), mpmath.mpf("-0.9"))
    sample = DATA[1]
    g, h = gradient_by_differences(loss, 4, sample, at), hessian_by_differences(loss, 4, sample, at)
    diagonal = (h[0][0] - h[0][1] - h[1][0] + h[1][1]) / 2
    mixed = (h[0][2] - h[0][3] - h[1][2] + h[1][3]) / 2
    residual = 2 * at[0] * at[2] * sample[0] - sample[1]
    return [((g[0] - g[1]) ** 2 + (g[2] - g[3]) ** 2) / 2, diagonal, mixed / (residual * sample[0])]


IDENTICAL = _law(
    "type_two.identical_neurons",
    "Two identical neurons form a Type-II saddle in the direction that separates them",
    "On the subspace u1 = u2, w1 = w2 the per-sample gradient has no antisymmetric part; for linear units and the full "
    "square the antisymmetric Hessian block is 2 r [[0, x], [x, 0]], r = f - y. Value: [antisymmetric gradient, "
    "diagonal entry, off-diagonal entry per r x].",
    _derive_identical,
    _define_identical,
    (
        mutant_value("block without the factor 2", lambda: [0.0, 0.0, 1.0]),
        mutant_value("symmetric combination", lambda: [1.0, 0.0, 2.0]),
    ),
    rungs=("algebra", "sgd", "net"),
    tolerance=1e-6,
)


def _derive_biased() -> Derivation:
    mean_y = sp.Symbol("E[y]", real=True)
    report = classify_saddle((u * w * x + b - y) ** 2, [u, w, b], [x, y], moments={y: sp.Integer(0), y**2: sigma**2})
    value = sp.Tuple(report.escape_noise, report.noise_trace)
    shifted = sp.Eq(b, mean_y)
    steps = tuple((s.name, s.expression, s.rule) for s in report.derivation.steps)
    return derivation(
        ("centre the label", shifted, "the bias at its minimum: y stands for y - E y, Var y = sigma^2"),
        *steps,
        ("value", value, "[noise on the escape plane, trace of the whole noise]"),
    )


def _define_biased(noise_std: Any) -> Any:
    centre = sample_mean(lambda _, yi: yi)
    spread = mpmath.sqrt(sample_mean(lambda _, yi: (yi - centre) ** 2))

    def loss(a: Any, c: Any, bias: Any, xi: Any, yi: Any) -> Any:
        return (a * c * xi + bias - noise_std * (yi - centre) / spread) ** 2

    plane = mpmath.fsum(noise_along(loss, d, (0, 0, 0)) for d in ((1, 0, 0), (0, 1, 0)))
    return [plane, plane + noise_along(loss, (0, 0, 1), (0, 0, 0))]


BIASED = _law(
    "type_two.biased_net",
    "Noise that does not point out of the saddle leaves it Type-II",
    "(u w x + b - y)^2 at u = w = 0, b = E y: the gradient covariance is 4 Var y on b but zero on the escape plane: "
    "Type-II. Value: [escape noise, trace of the covariance].",
    _derive_biased,
    _define_biased,
    (
        mutant_value("classified by C = 0", lambda noise_std: [4 * noise_std**2, 4 * noise_std**2]),
        mutant_value("half square", lambda noise_std: [0.0, noise_std**2]),
    ),
    parameters=(Parameter("noise_std", sigma, "standard deviation of the label", positive(0.5, 2.0)),),
    sources=(sy.HERE,),
    rungs=("algebra", "sgd"),
    tolerance=1e-6,
)


def _derive_type_one() -> Derivation:
    report = classify_saddle((w**2 - 1) ** 2 / 4 + y * w, [w], [y], moments={y: sp.Integer(0), y**2: sigma**2})
    return _classified(report, report.escape_noise, "the whole noise points out of the saddle: Type-I")


def _define_type_one(noise_std: Any) -> Any:
    centre = sample_mean(lambda _, yi: yi)
    spread = mpmath.sqrt(sample_mean(lambda _, yi: (yi - centre) ** 2))
    return noise_along(lambda a, _, yi: (a**2 - 1) ** 2 / 4 + noise_std * (yi - centre) / spread * a, (1,), (0,))


LINEAR_NOISE = _law(
    "type_one.linear_noise",
    "Noise along the escape direction makes a Type-I saddle",
    "(w^2 - 1)^2/4 + y w at 0 with E y = 0: escape noise E y^2 > 0, additive noise pushes the iterate out. Value: the "
    "escape noise.",
    _derive_type_one,
    _define_type_one,
    (
        mutant_value("Type-II: no noise", lambda noise_std: 0.0),
        mutant_value("half the noise", lambda noise_std: noise_std**2 / 2),
    ),
    parameters=(Parameter("noise_std", sigma, "standard deviation of y", positive(0.5, 2.0)),),
    rungs=("algebra", "chain", "sgd"),
    tolerance=1e-6,
)


def _derive_depth_three() -> Derivation:
    report = classify_saddle((u * v * w * x - y) ** 2, [u, v, w], [x, y])
    return _classified(report, sp.Tuple(*report.hessian_eigenvalues), f"{report.type}: the linear theory is silent")


def _define_depth_three() -> Any:
    entries = [
        entry
        for sample in DATA
        for row in hessian_by_differences(lambda a, c, d, xi, yi: (a * c * d * xi - yi) ** 2, 3, sample, (0, 0, 0))
        for entry in row
    ]
    largest = max(abs(entry) for entry in entries)
    return [largest, largest, largest]


DEPTH_THREE = _law(
    "type_two.depth_three",
    "At depth three the origin is degenerate",
    "f = u v w x: at the origin H_x = 0 for every x, the exponent is 0 and the linear theory is silent. Value: the "
    "Hessian eigenvalues.",
    _derive_depth_three,
    _define_depth_three,
    (
        mutant_value("Type-II and attractive", lambda: [-2.0, 0.0, 2.0]),
        mutant_value("Type-I", lambda: [-1.0, -1.0, -1.0]),
    ),
    sources=(sy.HERE,),
    tolerance=1e-6,
)
SADDLE_LAWS: tuple[Law, ...] = (SCALAR_NET, LOCAL_LINEAR_NET, IDENTICAL, BIASED, LINEAR_NOISE, DEPTH_THREE)
