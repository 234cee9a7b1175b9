"""The four phases of the scalar two-layer network: signs of the exponents along u = w and along u = -w."""

from __future__ import annotations

import itertools
from typing import Any

import mpmath
import sympy as sp

import theory.stability.symbols as sy
from theory.derivation import Derivation, derivation
from theory.law import Law, Mutant, mutant_parameters, mutant_result, mutant_value
from theory.parameter import Parameter, integer, interval, positive, real
from theory.stability.exponents_elementary import NORMAL
from theory.stability.exponents_empirical import EMPIRICAL_LAWS
from theory.stability.quadrature import log_mean
from theory.stability.standard import NormalX

EMPIRICAL = next(law for law in EMPIRICAL_LAWS if law.id == "stability.exponent.empirical")
eta, m, s, a = sy.eta, sy.m, sy.s, sp.Symbol("a", positive=True)
u, w, x, y, factor = sp.symbols("u w x y c", real=True)
z = sp.Symbol("z", real=True)
exponents = sp.Symbol("Lambda_pm")
Values = dict[str, Any]
NAMES = ("I", "II", "III", "IV")
Z_MEAN = Parameter("curvature_mean", m, "mean m of z = loss_factor x y", real(0.05, 0.8))
Z_STD = Parameter("curvature_std", s, "standard deviation s of z", positive(0.5, 2.0))
RATIO = Parameter("anti_ratio", a, "z is 1 or -a with probability 1/2", interval(0.0, 1.0, region=(0.2, 0.8)))
LOSS_FACTOR = Parameter("loss_factor", None, "1: half-square loss, 2: square loss", integer(1, (1, 2), 2), 2, False)


def phase_name(plus: float, minus: float, boundary: float = 1e-12) -> str:
    """Return the phase by its property: I correct, II wrong sign, III collapse, IV both directions repel.

    >>> phase_name(0.1, -0.2), phase_name(-0.1, -0.2)
    ('I', 'III')
    """
    if min(abs(plus), abs(minus)) <= boundary:
        return "boundary"
    return NAMES[(0 if plus > 0 else 2) if minus < 0 else (3 if plus > 0 else 1)]


def _linearisation() -> tuple[tuple[Any, ...], ...]:
    loss = factor * (u * w * x - y) ** 2 / 2
    hessian = sp.hessian(loss, (u, w)).subs({u: 0, w: 0})
    return (
        ("loss of one sample", loss, "f = u w x; c = 1 half-square, c = 2 square loss"),
        ("Hessian at the origin", hessian, "the gradient of every sample vanishes there"),
        ("in z = c x y", hessian.subs(x * y, z / factor), "eigenvectors u = w and u = -w for every sample"),
        ("multipliers", sp.Tuple(1 + eta * z, 1 - eta * z), "along u = w, along u = -w"),
    )


def _both(learning_rate: Any, curvature_mean: Any, curvature_std: Any) -> list[Any]:
    """Oracle: both exponents by quadrature of their definitions."""
    spread = learning_rate * curvature_std
    return [
        log_mean(NormalX(), 1 + learning_rate * curvature_mean, spread),
        log_mean(NormalX(), 1 - learning_rate * curvature_mean, spread),
    ]


def _swap(name: str = "signs swapped") -> Mutant:
    return mutant_result(name, lambda value, **_: [value[1], value[0]])


def _normal_pair() -> Derivation:
    minus = NORMAL.derivation(batch_size=1).result if NORMAL.structure else NORMAL.closed_form
    minus = minus.subs(sp.Symbol("B", positive=True), 1)
    return derivation(
        *_linearisation(),
        ("exponent of u = -w", minus, "derived in stability.exponent.normal with h = z"),
        ("both exponents", sp.Tuple(minus.subs(m, -m), minus), "u = w: h = -z, that is m -> -m"),
    )


NORMAL_NET = Law(
    id="stability.phase.scalar_net_normal",
    title="Both exponents of the scalar network for normal z",
    statement="|x| = 1, z ~ N(m, s^2): Lambda_+ = g(1 + eta m, eta s), Lambda_- = g(1 - eta m, eta s). Value: [plus, "
    "minus].",
    quantity=exponents,
    parameters=(sy.learning_rate(0.3, 3.0), Z_MEAN, Z_STD),
    derive=_normal_pair,
    definition=_both,
    sources=(sy.SEED,),
    mutants=(_swap(), mutant_parameters("mean dropped", lambda _: {"curvature_mean": 0.0})),
    rungs=("algebra", "chain", "sgd", "net"),
)

SCALAR_NET = Law(
    id="stability.phase.scalar_net",
    title="The phase of the scalar network is given by the signs of two exponents",
    statement="I (correct): plus > 0, minus < 0; II (wrong sign): plus < 0, minus > 0; III (collapse): both < 0; IV: "
    "both > 0. "
    "Value: the phase for normal z.",
    quantity=sp.Symbol("phase"),
    parameters=(sy.learning_rate(0.3, 3.0), Z_MEAN, Z_STD),
    derive=lambda: derivation(
        *_linearisation(),
        ("exponents", sp.Tuple(sp.Symbol("Lambda_+"), sp.Symbol("Lambda_-")), "E log|1 + eta z|, E log|1 - eta z|"),
        ("phase", sp.Symbol("phase"), "a direction is learned iff its exponent is positive (probability.rank_one)"),
    ),
    evaluator=lambda _, v, digits: phase_name(*NORMAL_NET.value(v)),
    definition=lambda **v: phase_name(*map(float, _both(**v))),
    sources=(sy.SEED,),
    mutants=(
        mutant_value("only plus decides collapse", lambda **v: "III" if NORMAL_NET.value(v)[0] < 0 else "I"),
        mutant_value("the Hessian decides: never collapse", lambda **_: "I"),
    ),
    rungs=("algebra", "chain", "sgd"),
)

NO_INCORRECT = Law(
    id="stability.phase.normal_no_incorrect",
    title="Normal z never makes the wrong sign win alone",
    statement="z normal with m > 0: g increases in |mu|, so Lambda_- < Lambda_+ for every eta and phase II never "
    "occurs. Value: "
    "Lambda_+ - Lambda_- > 0.",
    quantity=sp.Symbol("Delta"),
    parameters=(sy.learning_rate(0.3, 3.0), Z_MEAN, Z_STD),
    derive=lambda: derivation(
        *_normal_pair().steps_as_tuples(),
        (
            "difference",
            _normal_pair().result[0] - _normal_pair().result[1],
            "g(mu, sd) increases in |mu|; |1 + eta m| > |1 - eta m|",
        ),
    ),
    definition=lambda **v: _both(**v)[0] - _both(**v)[1],
    sources=(sy.HERE,),
    mutants=(
        mutant_result(
            "phase II at large eta", lambda value, learning_rate, **_: -value if learning_rate > 1 else value
        ),
    ),
    rungs=("algebra", "chain"),
)


def _data_pair(_: Derivation, v: Values, digits: int) -> list[Any]:
    return [_data_exponent(sign, **v) for sign in (1, -1)]


def _data_exponent(
    sign: int, learning_rate: Any, teacher_slope: Any, label_noise_std: Any, input_std: Any, loss_factor: int
) -> Any:
    """E_x g(1 + sign eta c k x^2, eta c |x| s): the label noise integrated in closed form, the input by quadrature."""
    rate = mpmath.mpf(learning_rate) * int(loss_factor)

    def inner(t: Any) -> Any:
        point = input_std * t
        mean, spread = 1 + sign * rate * teacher_slope * point**2, rate * abs(point) * label_noise_std
        if spread < mpmath.mpf(10) ** -12:
            return mpmath.log(abs(mean))
        ratio = mean**2 / (2 * spread**2)
        if ratio > 60:
            tail = (mpmath.mpf(-1) / 4, mpmath.mpf(-3) / 16, mpmath.mpf(-5) / 16, mpmath.mpf(-105) / 128)
            return mpmath.log(abs(mean)) + mpmath.fsum(c / ratio ** (n + 1) for n, c in enumerate(tail))
        special = ratio * mpmath.hyp2f2(1, 1, mpmath.mpf(3) / 2, 2, -ratio)
        return mpmath.log(spread) - (mpmath.euler + mpmath.log(2)) / 2 + special

    breaks = {mpmath.mpf(b) for b in (0, 0.5, 1.5, 4, 9)}
    if sign < 0:
        # Where the mean passes through zero the logarithm has a dip as narrow as the noise.
        zero = 1 / (mpmath.sqrt(rate * teacher_slope) * input_std)
        width = label_noise_std / (2 * teacher_slope * input_std)
        breaks |= {zero + step * width for step in (-30, -5, 0, 5, 30)}
    ends = sorted(b for b in breaks if 0 <= b <= 9)
    return 2 * mpmath.quad(lambda t: inner(t) * mpmath.npdf(t), ends)


def _data_definition(**v: Any) -> list[Any]:
    """The same two means, label noise and input both by Gauss-Legendre panels in double precision."""
    import numpy as np

    nodes, weights = np.polynomial.legendre.leggauss(400)
    rate, slope = float(v["learning_rate"]) * int(v["loss_factor"]), float(v["teacher_slope"])
    noise, spread = float(v["label_noise_std"]), float(v["input_std"])
    result = []
    for sign in (1, -1):
        total = 0.0
        for low, high in itertools.pairwise((0.0, 0.3, 0.8, 1.6, 3.0, 5.0, 9.0)):
            t = (low + high) / 2 + (high - low) / 2 * nodes
            for ti, wi in zip(t, weights * (high - low) / 2, strict=True):
                xi = spread * ti
                total += (
                    2
                    * wi
                    * np.exp(-ti * ti / 2)
                    / np.sqrt(2 * np.pi)
                    * _log_mean_double(1 + sign * rate * slope * xi * xi, rate * xi * noise)
                )
        result.append(mpmath.mpf(total))
    return result


def _log_mean_double(mean: float, spread: float) -> float:
    """E log|N(mean, spread^2)| by a double-exponential rule on both sides of its pole."""
    import numpy as np

    pole = -mean / spread
    k = np.arange(-90, 91) * 0.05
    inner, outer = np.pi / 2 * np.sinh(k), np.pi / 2 * np.cosh(k)
    total = 0.0
    for low, high in itertools.pairwise(sorted({-12.0, min(max(pole, -12.0), 12.0), 12.0})):
        half = (high - low) / 2
        short = half * np.exp(-np.abs(inner)) / np.cosh(inner)
        from_low = np.where(inner < 0, short, 2 * half - short)
        points = low + from_low
        # Next to the pole the distance itself is known, not as a difference of nearly equal numbers.
        distance = from_low if low == pole else np.where(inner < 0, 2 * half - short, short)
        size = distance if pole in (low, high) else np.abs(points - pole)
        density = np.exp(-points * points / 2) / np.sqrt(2 * np.pi)
        weight = 0.05 * half * outer / np.cosh(inner) ** 2
        total += float(np.sum(weight * density * (np.log(spread) + np.log(np.maximum(size, 1e-300)))))
    return total


def _mean_square_input(learning_rate: float, loss_factor: int, input_std: float, **v: float) -> list[float]:
    mean, std = loss_factor * v["teacher_slope"] * input_std**2, loss_factor * input_std * v["label_noise_std"]
    return NORMAL_NET.value({"learning_rate": learning_rate, "curvature_mean": mean, "curvature_std": std})


DATA_NET = Law(
    id="stability.phase.scalar_net_normal_data",
    title="Both exponents of the scalar network for normal inputs and noisy linear labels",
    statement="x ~ N(0, input_std^2), y = k x + s N: Lambda_+- = E_x g(1 +- eta c k x^2, eta c |x| s), c = "
    "loss_factor. Value: "
    "[plus, minus].",
    quantity=exponents,
    parameters=(
        sy.learning_rate(0.1, 0.9),
        Parameter("teacher_slope", None, "slope k of the teacher", positive(0.1, 0.8)),
        Parameter("label_noise_std", None, "standard deviation s of the label noise", positive(0.5, 1.6)),
        Parameter("input_std", None, "standard deviation of the input", positive(0.6, 1.4)),
        LOSS_FACTOR,
    ),
    derive=lambda: derivation(
        *_linearisation(),
        ("z given x", sp.Symbol("N(c k x^2, c^2 x^2 s^2)"), "y = k x + s N"),
        ("exponents", sp.Tuple(*[sp.Symbol(f"E g(1 {sign} eta c k x^2, eta c |x| s)") for sign in "+-"]),
         "noise in closed form, input by quadrature"),
    ),
    evaluator=_data_pair,
    definition=_data_definition,
    sources=(sy.HERE,),
    mutants=(
        mutant_parameters("loss factor ignored", lambda v: {"loss_factor": 3 - int(v["loss_factor"])}),
        mutant_value("x^2 replaced by its mean", _mean_square_input),
    ),
    rungs=("algebra", "chain", "sgd"),
    tolerance=1e-8,
    gate_points=2,
)  # fmt: skip


def _two_point_pair() -> Derivation:
    plus = sp.log(sp.Abs((1 + eta) * (1 - eta * a))) / 2
    minus = sp.log(sp.Abs((1 - eta) * (1 + eta * a))) / 2
    return derivation(
        *_linearisation(),
        ("law of z", sp.Tuple(1, -a), "probability 1/2 each"),
        ("both exponents", sp.Tuple(plus, minus), "mean of two logs"),
    )


def _two_point_definition(learning_rate: Any, anti_ratio: Any) -> list[Any]:
    return [
        mpmath.fsum(mpmath.log(abs(1 + sign * learning_rate * h)) for h in (1, -anti_ratio)) / 2 for sign in (1, -1)
    ]


TWO_POINT_NET = Law(
    id="stability.phase.two_point",
    title="Both exponents of the scalar network for z = 1 or -a",
    statement="Lambda_+ = log|(1 + eta)(1 - eta a)|/2, Lambda_- = log|(1 - eta)(1 + eta a)|/2. Value: [plus, minus].",
    quantity=exponents,
    parameters=(sy.learning_rate(0.2, 3.0), RATIO),
    derive=_two_point_pair,
    definition=_two_point_definition,
    sources=(sy.HERE,),
    mutants=(
        mutant_parameters("1/a for a", lambda v: {"anti_ratio": 1 / v["anti_ratio"]}),
        mutant_result("without 1/2", lambda value, **_: [2 * value[0], 2 * value[1]]),
    ),
    rungs=("algebra", "chain", "sgd"),
)


def _boundaries() -> Derivation:
    plus, minus = (1 + eta) * (1 - eta * a), (1 - eta) * (1 + eta * a)
    first = next(r for r in sp.solve(sp.Eq(sp.expand(plus), 1), eta) if r != 0)
    half = {a: sp.Rational(1, 2)}
    second = next(r for r in sp.solve(sp.Eq(sp.expand(plus), -1), eta) if r.subs(half) > 0)
    third = next(r for r in sp.solve(sp.Eq(sp.expand(minus), -1), eta) if r.subs(half) > 0)
    return derivation(
        *_two_point_pair().steps_as_tuples(),
        ("products", sp.Tuple(plus, minus), "an exponent vanishes where its product is +-1"),
        ("boundaries", sp.Tuple(first, second, third), "plus: product 1, product -1; minus: product -1"),
    )


def _boundary_roots(anti_ratio: Any) -> list[Any]:
    def bisect(index: int, low: Any, high: Any) -> Any:
        for _ in range(100):
            middle = (low + high) / 2
            same = _two_point_definition(middle, anti_ratio)[index] * _two_point_definition(low, anti_ratio)[index] > 0
            low, high = (middle, high) if same else (low, middle)
        return (low + high) / 2

    pole, tiny = 1 / anti_ratio, mpmath.mpf(10) ** -9
    top = (1 - anti_ratio) / (2 * anti_ratio)
    return [
        bisect(0, max(top, tiny), pole * (1 - tiny)),
        bisect(0, pole * (1 + tiny), 40 * pole),
        bisect(1, 1 + tiny, 40 * pole),
    ]


def _four_for_eight(anti_ratio: float) -> list[float]:
    gap = 1 - anti_ratio
    root = (gap**2 + 4 * anti_ratio) ** 0.5
    return [gap / anti_ratio, (gap + root) / (2 * anti_ratio), (root - gap) / (2 * anti_ratio)]


BOUNDARY = Law(
    id="stability.phase.two_point_boundary",
    title="Phase boundaries for z = 1 or -a",
    statement="Lambda_+ = 0 at (1-a)/a and [(1-a) + sqrt((1-a)^2 + 8a)]/(2a); Lambda_- = 0 at [(a-1) + sqrt((1-a)^2 "
    "+ 8a)]/(2a). "
    "Value: the three learning rates.",
    quantity=sp.Symbol("eta_c"),
    parameters=(RATIO,),
    derive=_boundaries,
    definition=_boundary_roots,
    sources=(sy.HERE,),
    mutants=(
        mutant_result("sign of the root", lambda v, anti_ratio: [v[0], (1 - anti_ratio) / anti_ratio - v[1], v[2]]),
        mutant_value("4a for 8a", _four_for_eight),
    ),
    rungs=("algebra", "chain"),
)  # fmt: skip


def _quadruple() -> Derivation:
    boundaries = _boundaries().result
    ratio = sp.Symbol("a", positive=True)
    crossing = [r for r in sp.solve(sp.Eq(boundaries[0], boundaries[2]), ratio) if 0 < r < 1]
    return derivation(
        ("boundaries", boundaries, "derived in stability.phase.two_point_boundary"),
        ("meeting point", sp.Eq(boundaries[0], boundaries[2]), "both exponents vanish"),
        ("quadruple point", sp.Tuple(crossing[0], sp.simplify(boundaries[0].subs(a, crossing[0]))), "0 < a < 1"),
    )


QUADRUPLE = Law(
    id="stability.phase.quadruple_point",
    title="All four phases meet in one point",
    statement="z = 1 or -a: the four phases meet at a = (3 - sqrt 5)/2, eta = (1 + sqrt 5)/2. Value: [a, eta].",
    quantity=sp.Symbol("(a, eta)"),
    parameters=(),
    derive=_quadruple,
    definition=lambda: list(
        mpmath.findroot(
            lambda r, e: _two_point_definition(e, r), (mpmath.mpf("0.37"), mpmath.mpf("1.6")), tol=1e-25, maxsteps=60
        )
    ),
    sources=(sy.HERE,),
    mutants=(
        mutant_value("a = 1/3", lambda: [1 / 3, 1.6180339887]),
        mutant_value("eta = 3/2", lambda: [0.3819660113, 1.5]),
    ),
    rungs=("algebra", "sgd"),
)

OVERSHOOT = Law(
    id="stability.phase.overshoot",
    title="Learning the wrong sign needs steps beyond the optimum",
    statement="Lambda_- > 0 with E z > 0 requires P(eta z > 1) > 0 (Jensen): phases II and IV need overshooting. "
    "Value: Lambda_- of "
    "two-point z at eta below 1, where no step overshoots: negative.",
    quantity=sp.Symbol("Lambda_-"),
    parameters=(Parameter("learning_rate", eta, "eta < 1 = 1/max z", interval(0.0, 1.0)), RATIO),
    derive=lambda: derivation(
        *_two_point_pair().steps_as_tuples(),
        ("Jensen", sp.log(1 - eta * (1 - a) / 2), "if 1 - eta z > 0 almost surely, Lambda_- <= log(1 - eta E z) < 0"),
        ("without overshoot", _two_point_pair().result[1], "eta < 1"),
    ),
    definition=lambda learning_rate, anti_ratio: _two_point_definition(learning_rate, anti_ratio)[1],
    sources=(sy.HERE,),
    mutants=(
        mutant_value("overshoot from 1/2 on", lambda learning_rate, anti_ratio: float(abs(
            mpmath.log(abs((1 - learning_rate) * (1 + learning_rate * anti_ratio))) / 2))),
        mutant_value("Jensen's bound itself", lambda learning_rate, anti_ratio: float(
            mpmath.log(1 - learning_rate * (1 - anti_ratio) / 2))),
    ),
    rungs=("algebra", "sgd"),
)  # fmt: skip


def _empirical_pair(_: Derivation, v: Values, digits: int) -> list[Any]:
    rest = {k: v[k] for k in ("learning_rate", "batch_size", "replacement")}
    return [EMPIRICAL.evaluate(digits, curvatures=[sign * h for h in v["curvatures"]], **rest) for sign in (-1, 1)]


def _empirical_sums(learning_rate: Any, curvatures: list[Any], batch_size: int, replacement: str) -> list[Any]:
    draws = (
        itertools.product(curvatures, repeat=batch_size)
        if replacement == "with"
        else itertools.permutations(curvatures, batch_size)
    )
    means = [mpmath.fsum(d) / batch_size for d in draws]
    return [mpmath.fsum(mpmath.log(abs(1 + sign * learning_rate * z)) for z in means) / len(means) for sign in (1, -1)]


def _fitted_normal(learning_rate: float, curvatures: list[float], batch_size: int, **_: Any) -> list[float]:
    mean = sum(curvatures) / len(curvatures)
    variance = sum(c**2 for c in curvatures) / len(curvatures) - mean**2
    spread = (variance / batch_size) ** 0.5
    return NORMAL_NET.value(
        {"learning_rate": learning_rate, "curvature_mean": mean, "curvature_std": spread}, check=False
    )


EMPIRICAL_NET = Law(
    id="stability.phase.empirical",
    title="Both exponents of the scalar network on a finite data set",
    statement="The phase of a net trained on a finite data set is that of the exact sums over z_i = loss_factor x_i "
    "y_i. Value: "
    "[plus, minus].",
    quantity=exponents,
    parameters=(
        sy.learning_rate(0.3, 1.5),
        sy.curvatures(),
        Parameter("batch_size", None, "samples per batch", integer(1, (1, 2)), 1, False),
        sy.REPLACEMENT,
    ),
    derive=lambda **_: derivation(
        *_linearisation(),
        ("exponent of u = -w", EMPIRICAL.closed_form, "derived in stability.exponent.empirical with h_i = z_i"),
        ("both exponents", sp.Tuple(sp.Symbol("Lambda(-z)"), sp.Symbol("Lambda(z)")), "u = w: h_i = -z_i"),
    ),
    evaluator=_empirical_pair,
    definition=_empirical_sums,
    sources=(sy.HERE,),
    mutants=(
        mutant_value("normal z with the same two moments", _fitted_normal),
        mutant_value("the Hessian decides: -+ eta mean z", lambda learning_rate, curvatures, **_: [
            learning_rate * sum(curvatures) / len(curvatures), -learning_rate * sum(curvatures) / len(curvatures)]),
    ),
    structure=("batch_size", "replacement"),
    rungs=("algebra", "net"),
)  # fmt: skip

PHASE_LAWS: tuple[Law, ...] = (
    SCALAR_NET, NORMAL_NET, NO_INCORRECT, DATA_NET, TWO_POINT_NET, BOUNDARY, QUADRUPLE, OVERSHOOT, EMPIRICAL_NET,
)  # fmt: skip
