"""Critical learning rates: the largest zero of the exponent, beyond which SGD leaves in probability."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import mpmath
import sympy as sp

import theory.stability.symbols as sy
from theory.derivation import Derivation, derivation
from theory.errors import DerivationError
from theory.law import Law, Mutant, mutant_result, mutant_value
from theory.parameter import Constraint, Parameter, integer, positive, real_list
from theory.source import Source
from theory.stability.exponents_elementary import CAUCHY, NORMAL, UNIFORM
from theory.stability.exponents_empirical import EMPIRICAL_LAWS
from theory.stability.exponents_gamma import GAMMA_LAWS
from theory.stability.exponents_symmetric import SYMMETRIC_LAWS
from theory.stability.roots import exponent_roots, near, refined

_BY_ID = {law.id.rsplit(".", 1)[-1]: law for law in (*GAMMA_LAWS, *SYMMETRIC_LAWS, *EMPIRICAL_LAWS)}
EXPONENTIAL, GAMMA, CHI_SQUARED = (_BY_ID[name] for name in ("exponential", "gamma", "chi_squared"))
LAPLACE, PRODUCT, EMPIRICAL = (_BY_ID[name] for name in ("laplace", "product_normal", "empirical"))

eta, n_batch, zero = sy.eta, sp.Symbol("B", positive=True), sp.Symbol("c_0", positive=True)
critical = sp.Symbol("eta_c", positive=True)
BATCH = Parameter("batch_size", None, "samples per batch B", integer(1, (1, 3)), 1, False)
Values = dict[str, Any]


def _by_root(
    name: str,
    title: str,
    statement: str,
    parameters: tuple[Parameter, ...],
    exponent: Law,
    mutants: tuple[Mutant, ...],
    *,
    scale: Callable[[Values], float],
    scaling: tuple[Any, str],
    full: Callable[[Values], Values] = lambda v: v,
    structure: tuple[str, ...] = (),
    constraints: tuple[Constraint, ...] = (),
    sources: tuple[Source, ...] = (sy.HERE,),
    rungs: tuple[str, ...] = ("algebra", "chain", "sgd"),
    gate_points: int = 6,
) -> Law:
    """A law whose value is the largest zero of the exponent of another law.

    ``scale`` is the curvature scale that sets the search range, ``full`` completes the values of the exponent,
    ``scaling`` the form which the zero takes with its rule. The definition finds the zero of the *definition* of the
    exponent (quadrature), starting from the closed form's; it is slow, hence fewer gate points.
    """

    def derive(**_: Any) -> Derivation:
        return derivation(
            ("multiplier", 1 - eta * sy.h_, "theta <- theta - eta h theta"),
            ("exponent", exponent.closed_form, f"derived in {exponent.id}"),
            ("largest zero", scaling[0], scaling[1]),
        )

    def evaluator(_: Derivation, values: Values, digits: int) -> Any:
        return exponent_roots(exponent, full(values), scale(values), digits)[-1]

    def definition(**values: Any) -> Any:
        plain = {k: _plain(v) for k, v in values.items()}
        guess = exponent_roots(exponent, full(plain), scale(plain), 10)[-1]
        oracle = exponent.definition
        if oracle is None:
            raise DerivationError(f"{exponent.id} has no definition.")
        return near(oracle, exponent.complete({**full(values), "learning_rate": guess}, check=False), guess)

    return Law(
        id=f"stability.critical_learning_rate.{name}",
        title=title,
        statement=statement,
        quantity=critical,
        parameters=parameters,
        derive=derive,
        evaluator=evaluator,
        definition=definition,
        sources=sources,
        mutants=mutants,
        rungs=rungs,
        structure=structure,
        constraints=constraints,
        gate_points=gate_points,
    )


def _plain(value: Any) -> Any:
    return [float(v) for v in value] if isinstance(value, list) else float(value) if hasattr(value, "_mpf_") else value


def _int_batch(values: Values) -> Values:
    return {**values, "batch_size": int(values["batch_size"])}


NORMAL_ZERO_MEAN = _by_root(
    "normal_zero_mean",
    "Critical learning rate of normal curvature with mean zero",
    "eta_c = 1.55603647805 sqrt(B)/s: the exponent depends on eta s/sqrt(B) only.",
    (sy.curvature_std(), BATCH),
    NORMAL,
    (
        mutant_value(
            "B in place of sqrt(B)", lambda curvature_std, batch_size: 1.55603647805 * batch_size / curvature_std
        ),
        mutant_value("mean-square value (none: 0)", lambda **_: 0.0),
    ),
    scale=lambda v: v["curvature_std"] / v["batch_size"] ** 0.5,
    full=lambda v: _int_batch({**v, "curvature_mean": 0.0 if isinstance(v["curvature_std"], float) else mpmath.mpf(0)}),
    scaling=(zero * sp.sqrt(n_batch) / sy.s, "Lambda is a function of eta s/sqrt(B); c_0 is its zero"),
    structure=("batch_size",),
)


def _exponential_zero(batch_size: int) -> tuple[Any, str]:
    return (1 / (zero * sy.t), "B = 1: Lambda = -exp(-c) Ei(c) with c = 1/(eta t), zero of Ei at c_0 = 0.37250741")


EXPONENTIAL_RATE = _by_root(
    "exponential",
    "Critical learning rate of exponential curvature",
    "B = 1: eta_c t = 1/c_0 with Ei(c_0) = 0, c_0 = 0.37250741 = log of the Ramanujan-Soldner constant.",
    (sy.curvature_scale("mean t of the exponential law"), BATCH),
    EXPONENTIAL,
    (
        mutant_value("mean-square value 1/t", lambda curvature_scale, **_: 1 / curvature_scale),
        mutant_value("1/c_0^2", lambda curvature_scale, **_: 7.2065957 / curvature_scale),
    ),
    scale=lambda v: v["curvature_scale"],
    full=_int_batch,
    scaling=_exponential_zero(1),
    structure=("batch_size",),
)

ORDERED = Constraint(
    lambda v: v["lower_curvature"] < v["upper_curvature"], "lower_curvature must lie below upper_curvature"
)
CENTRED_UP = Constraint(
    lambda v: v["lower_curvature"] + v["upper_curvature"] >= 0, "the mean curvature must not be negative (a minimum)"
)
UNIFORM_RATE = _by_root(
    "uniform",
    "Critical learning rate of uniform curvature",
    "On [0, b]: eta_c b = 1 + exp(1 + W(1/e)) = 4.59112148; on [-b, b]: 2.50429565; else the numerical zero.",
    (*sy.support((-0.8, 0.6), (1.0, 2.5)),),
    UNIFORM,
    (
        mutant_result("mean-square value", lambda _, lower_curvature, upper_curvature: 1.5
                      * (lower_curvature + upper_curvature)
                      / (lower_curvature**2 + lower_curvature * upper_curvature + upper_curvature**2)),
        mutant_result("1/e too small", lambda value, **_: value * 4.0 / 4.59112148),
    ),
    scale=lambda v: max(abs(v["lower_curvature"]), abs(v["upper_curvature"])),
    scaling=((1 + sp.exp(1 + sp.LambertW(sp.exp(-1)))) / sy.b, "a = 0: x log x - x = 1 at x = eta b - 1 gives W(1/e)"),
    constraints=(ORDERED, CENTRED_UP),
)  # fmt: skip

GAMMA_RATE = _by_root(
    "gamma",
    "Critical learning rate of gamma curvature",
    "The zero c = 1/(eta t) depends on the shape only; eta_c = 1/(c t), shape k B and scale t/B for batches.",
    (sy.curvature_shape(0.5, 3.5), sy.curvature_scale("scale t of the gamma law"), BATCH),
    GAMMA,
    (mutant_result("scaling with k t only", lambda value, curvature_shape, curvature_scale, **_: 2.68451035
                   / (curvature_shape * curvature_scale)),),
    scale=lambda v: v["curvature_scale"] * max(v["curvature_shape"], 0.5),
    full=_int_batch,
    scaling=(1 / (zero * sy.t), "Lambda is a function of c = 1/(eta t) and the shape; c_0 is its zero"),
    structure=("curvature_shape", "batch_size"),
)  # fmt: skip

CHI_RATE = _by_root(
    "chi_squared",
    "Critical learning rate of chi-squared curvature",
    "k = 1: eta_c scale = 2.42124952, the square of the zero of normal curvature (1 - eta x^2 factorises).",
    (
        Parameter("degrees_of_freedom", None, "degrees of freedom k", integer(1, (1, 4))),
        sy.curvature_scale("factor of chi-squared"),
    ),
    CHI_SQUARED,
    (mutant_result("the square root", lambda value, curvature_scale, **_: (value * curvature_scale) ** 0.5
                   / curvature_scale),),
    scale=lambda v: v["curvature_scale"] * v["degrees_of_freedom"],
    scaling=(zero**2 / sy.t, "k = 1: 1 - eta x^2 = (1 - sqrt(eta) x)(1 + sqrt(eta) x), twice the normal exponent"),
    structure=("degrees_of_freedom",),
)  # fmt: skip

LAPLACE_RATE = _by_root(
    "laplace_zero_mean",
    "Critical learning rate of Laplace curvature with mean zero",
    "eta_c b = 1.13754286.",
    (sy.curvature_scale("scale b (variance 2 b^2)"),),
    LAPLACE,
    (mutant_value("normal of the same variance", lambda curvature_scale: 1.55603647805 / (2**0.5 * curvature_scale)),),
    scale=lambda v: v["curvature_scale"],
    full=lambda v: {**v, "curvature_mean": 0.0, "batch_size": 1},
    scaling=(zero / sy.t, "Lambda is a function of eta b only; c_0 is its zero"),
)

PRODUCT_RATE = _by_root(
    "product_normal",
    "Critical learning rate of a product of two normal factors",
    "B = 1: eta_c s1 s2 = 1.53006254; B = 2: 2 * 1.13754286, because the mean of two products is Laplace.",
    (*sy.FACTOR_STDS, Parameter("batch_size", None, "samples per batch, 1 or 2", integer(1, (1, 2)), 1, False)),
    PRODUCT,
    (
        mutant_value("value of B = 1 in batches", lambda first_std, second_std, batch_size: (
            1.53006254 if batch_size > 1 else 1.13754286 * 2) / (first_std * second_std)),
        mutant_value("sqrt(2) scaling", lambda first_std, second_std, batch_size: 1.53006254
                     * 2 ** (0.5 if batch_size > 1 else -0.5) / (first_std * second_std)),
    ),
    scale=lambda v: v["first_std"] * v["second_std"],
    full=_int_batch,
    scaling=(zero / (sy.s_1 * sy.s_2), "Lambda is a function of eta s1 s2 only; c_0 is its zero"),
    gate_points=3,
    structure=("batch_size",),
)  # fmt: skip


def _cauchy() -> Derivation:
    exponent = CAUCHY.closed_form
    location, width = sy.m, sy.gamma_
    inside = sp.expand((1 - eta * location) ** 2 + eta**2 * width**2)
    roots = sp.solve((inside - 1) / eta, eta)
    return derivation(
        ("exponent", exponent, "derived in stability.exponent.cauchy"),
        ("modulus", inside, "Lambda = log(modulus)/2 vanishes where the modulus is 1"),
        ("zero", sp.simplify(roots[0]), "the other zero is eta = 0"),
    )


CAUCHY_RATE = Law(
    id="stability.critical_learning_rate.cauchy",
    title="Critical learning rate of Cauchy curvature",
    statement="eta_c = 2 m/(m^2 + g^2), m > 0: the mean-square formula of a finite-variance law, although E h^2 is "
    "infinite here and SGD is mean-square unstable at every learning rate.",
    quantity=critical,
    parameters=(
        Parameter("curvature_location", sy.m, "location m > 0", positive(0.3, 1.5)),
        Parameter("curvature_scale", sy.gamma_, "half-width g", positive(0.3, 1.5)),
    ),
    derive=_cauchy,
    definition=lambda curvature_location, curvature_scale: near(
        CAUCHY.definition or _absent,
        {"curvature_location": curvature_location, "curvature_scale": curvature_scale, "batch_size": 1},
        2 * curvature_location / (curvature_location**2 + curvature_scale**2),
    ),
    sources=(sy.HERE,),
    mutants=(
        mutant_value("2/m", lambda curvature_location, **_: 2 / curvature_location),
        mutant_value(
            "2 m/g^2", lambda curvature_location, curvature_scale: 2 * curvature_location / curvature_scale**2
        ),
    ),
    rungs=("algebra", "chain", "sgd"),
    gate_points=6,
)


def _absent(**_: Any) -> Any:
    raise DerivationError("the exponent has no definition.")


def _last_zero(values: Values, digits: int) -> Any:
    lowest = min(values["curvatures"])
    weights = values.get("weights")

    def growth(x: Any) -> Any:
        return EMPIRICAL.evaluate(digits + 5, curvatures=values["curvatures"], weights=weights, learning_rate=x)

    # Beyond the last pole 1/h_min the exponent rises from -infinity; at 2/h_min every factor is at least one.
    return refined(
        growth,
        (mpmath.mpf(1) / lowest * mpmath.mpf("1.000000001"), mpmath.mpf(2) / lowest * mpmath.mpf("1.000001")),
        digits,
    )


def _empirical_definition(curvatures: list[Any], weights: Any) -> Any:
    shares = [mpmath.mpf(1)] * len(curvatures) if weights is None else weights
    lowest = min(curvatures)

    def product(x: Any) -> Any:
        return mpmath.fsum(w * mpmath.log(abs(1 - x * h)) for w, h in zip(shares, curvatures, strict=True))

    low, high = 1 / lowest, 2 / lowest
    for _ in range(90):
        middle = (low + high) / 2
        low, high = (middle, high) if product(middle) < 0 else (low, middle)
    return (low + high) / 2


def _positive_data(sizes: tuple[int, int], low: float, high: float) -> Parameter:
    domain = real_list(low, high, sizes, positive=True)
    return Parameter("curvatures", sy.curvature_list, "curvatures h_i > 0", domain, length=sy.size)


EMPIRICAL_RATE = Law(
    id="stability.critical_learning_rate.empirical",
    title="Critical learning rate of a finite data set",
    statement="All h_i > 0: exactly one zero beyond the last pole, in (1/h_min, 2/h_min]; learning rates stable in "
    "probability reach beyond 1/h_min although the mean-square boundary is far below.",
    quantity=critical,
    parameters=(
        _positive_data((3, 6), 0.3, 2.5),
        sy.WEIGHTS,
    ),
    derive=lambda: derivation(
        ("exponent", EMPIRICAL.closed_form, "derived in stability.exponent.empirical"),
        (
            "beyond the last pole",
            sp.Gt(eta, 1 / sp.Symbol("h_min", positive=True)),
            "each log(eta h_i - 1) increases: one zero",
        ),
        ("bracket", sp.Symbol("eta_c"), "-infinity at 1/h_min; at 2/h_min every |1 - eta h_i| >= 1"),
    ),
    evaluator=lambda _, values, digits: _last_zero(values, digits),
    definition=_empirical_definition,
    sources=(sy.HERE, sy.SEED),
    mutants=(
        mutant_value("2/h_max", lambda curvatures, **_: 2 / max(curvatures)),
        mutant_value(
            "mean-square boundary", lambda curvatures, **_: 2 * sum(curvatures) / sum(h**2 for h in curvatures)
        ),
    ),
    rungs=("algebra", "chain", "sgd", "net"),
)


def _zero_count(curvatures: list[Any], **_: Any) -> int:
    """Count the zeros of sum log|1 - eta h_i| over eta > 0 by bisection between poles and stationary points."""
    h = sorted(float(x) for x in curvatures)
    poles = sorted(1 / x for x in h)

    def value(x: float) -> float:
        return float(sum(mpmath.log(abs(1 - x * c)) for c in h))

    count = 0
    for left, right in itertools.pairwise(poles):
        a, b = left * (1 + 1e-12), right * (1 - 1e-12)
        for _step in range(200):
            first, second = a + (b - a) * 0.382, a + (b - a) * 0.618
            a, b = (first, b) if value(first) < value(second) else (a, second)
        count += 2 if value((a + b) / 2) > 0 else 0
    return count + 1


def _count_by_derivative(_: Derivation, values: Values, digits: int) -> int:
    # Concave between poles, -infinity at both: two zeros where the maximum, the zero of the derivative, is positive.
    h = [mpmath.mpf(repr(float(x))) for x in values["curvatures"]]
    poles = sorted(1 / x for x in h)
    count = 1
    for left, right in itertools.pairwise(poles):
        low, high = left, right
        for _step in range(120):
            middle = (low + high) / 2
            slope = mpmath.fsum(-c / (1 - middle * c) for c in h)
            low, high = (middle, high) if slope > 0 else (low, middle)
        if mpmath.fsum(mpmath.log(abs(1 - low * c)) for c in h) > 0:
            count += 2
    return count


CONCAVITY = Law(
    id="stability.concavity.empirical",
    title="Between consecutive poles the exponent of a finite data set is strictly concave",
    statement="Lambda'' = -sum w_i h_i^2/(1 - eta h_i)^2 < 0: at most two zeros between consecutive poles 1/h_i, so "
    "that "
    "all can be isolated. Value: the number of critical learning rates for distinct positive curvatures.",
    quantity=sp.Symbol("n_c"),
    parameters=(_positive_data((3, 5), 0.05, 4.0),),
    derive=lambda: derivation(
        ("exponent", EMPIRICAL.closed_form, "derived in stability.exponent.empirical"),
        (
            "second derivative of one term",
            sp.diff(sp.log(1 - eta * sy.h_), eta, 2),
            "negative on both sides of its pole",
        ),
        ("zeros", sp.Symbol("n_c"), "one beyond the last pole, and two between poles where the maximum is positive"),
    ),
    evaluator=_count_by_derivative,
    definition=_zero_count,
    sources=(sy.HERE,),
    mutants=(
        mutant_value("one zero per interval", lambda curvatures: len(curvatures)),
        mutant_value("two zeros in every interval (convex)", lambda curvatures: 2 * len(curvatures) - 1),
    ),
    rungs=("algebra", "chain", "sgd", "net"),
)

CRITICAL_LAWS: tuple[Law, ...] = (
    NORMAL_ZERO_MEAN, EXPONENTIAL_RATE, UNIFORM_RATE, GAMMA_RATE, CHI_RATE, LAPLACE_RATE, PRODUCT_RATE, CAUCHY_RATE,
    EMPIRICAL_RATE, CONCAVITY,
)  # fmt: skip
