"""Laws of mean first-passage times of the SDE, exact and asymptotic."""

from __future__ import annotations

from functools import partial
from typing import Any

import mpmath
import sympy as sp
from scipy.integrate import solve_ivp

from theory.escape import passage
from theory.escape.notation import BARRIER_RATIO, CURVATURE, DIMENSION, KURTOSIS_ABOVE_ONE, TEMPERATURE
from theory.escape.rate_oracles import double_well_time
from theory.escape.sources import MORI
from theory.law import Law, mutant_value
from theory.source import DERIVED

RADIAL = (TEMPERATURE, DIMENSION, BARRIER_RATIO, CURVATURE)


def double_well_mfpt(temperature: float, barrier_ratio: float, feature_kurtosis: float, end: float = 1.0) -> float:
    """The exact mean passage time of the double well in floats (kurtosis 1 allowed)."""
    values = (mpmath.mpf(temperature), mpmath.mpf(barrier_ratio) - 1, mpmath.mpf(feature_kurtosis) - 1, mpmath.mpf(end))
    return float(passage.double_well_integral(*values, 10))


def _one_over_rate(temperature: float, barrier_ratio: float, feature_kurtosis: float) -> float:
    k, q = feature_kurtosis - 1, barrier_ratio - 1
    rate = 32**0.5 * q / (2 * mpmath.pi) * (1 + k * q) ** (-0.5 - 1 / (k * temperature))
    return float(1 / rate)


def _without_weight(temperature: float, barrier_ratio: float, feature_kurtosis: float) -> float:
    """The inner integrand exp(-Psi)/T in place of exp(-Psi)/D, by the same nested rule on a finite well."""
    from theory.escape.nested import nested_integral

    k, q, t = feature_kurtosis - 1, barrier_ratio - 1, temperature

    def bracket(a: Any) -> Any:
        return 1 + k * q * (a * a - 1) ** 2

    outer = lambda a: bracket(a) ** (1 / (k * t))  # noqa: E731
    inner = lambda a: bracket(a) ** (-1 / (k * t)) / t  # noqa: E731
    points = [mpmath.mpf(a) for a in ("-3", "-1.5", "-1", "-0.5", "0", "0.5", "1")]
    return float(nested_integral(outer, inner, points, mpmath.mpf(-1), 6))


DOUBLE_WELL = Law(
    id="escape.mean_passage_time.double_well",
    title="Exact mean passage time of the double well",
    statement="L = 1 + (c-1)(x^2-1)^2, D = T [1 + (K-1)(L-1)]: the double integral of the mean time from -1 to +1.",
    quantity=sp.Symbol("MFPT"),
    parameters=(TEMPERATURE, BARRIER_RATIO, KURTOSIS_ABOVE_ONE),
    derive=passage.double_well,
    evaluator=passage.double_well_value,
    definition=lambda **v: mpmath.mpf(double_well_time(**{k: float(a) for k, a in v.items()})),
    sources=(DERIVED,),
    mutants=(
        mutant_value("1/kappa", _one_over_rate),
        mutant_value("time to the saddle only", lambda **v: double_well_mfpt(**v, end=0.0)),
        mutant_value("without the weight 1/D", _without_weight),
    ),
    rungs=("algebra", "flow"),
    gate_points=8,
)


def radial_backward(
    kind: str, temperature: Any, dimension: Any, barrier_ratio: Any, curvature: Any
) -> tuple[float, float]:
    """Time 0 -> c and d/dlog c from the radial backward equation in r (sigma^2 = 2 L_* = 1, v = h r^2), y = -u'."""
    t, size, ratio, h = (float(a) for a in (temperature, dimension, barrier_ratio, curvature))
    end = ((ratio - 1) / h) ** 0.5

    def noise(r: float) -> tuple[float, float]:
        """Radial and transverse D at r."""
        base = t / 2
        if kind == "additive":
            return base, base
        across = base * (1 + h * r * r)
        return across + (base * h * r * r if kind == "gaussian_features" else 0.0), across

    def right(r: float, state: Any) -> list[float]:
        along, across = noise(r)
        return [(1 + state[0] * (h * r - across * (size - 1) / r)) / along, state[0]]

    start = 1e-4 * end
    first = start / (size * t / 2)
    begin = [first, first * start / 2]
    solution = solve_ivp(right, (start, end), begin, method="DOP853", rtol=1e-12, atol=1e-30)
    y, total = solution.y[:, -1]
    return float(total), float(y * ratio / (2 * h * end))


def _radial_definition(kind: str, **values: Any) -> Any:
    return mpmath.mpf(radial_backward(kind, **values)[0])


def _radial_float(kind: str, change: Any = None) -> Any:
    """A wrong radial time: the integrals with changed growth and decay functions."""
    from theory.escape.nested import nested_integral

    def value(temperature: float, dimension: int, barrier_ratio: float, curvature: float) -> float:
        growth, decay = passage.radial_functions(kind, mpmath.mpf(temperature), mpmath.mpf(dimension))
        growth, decay = change(growth, decay, temperature)
        top = mpmath.sqrt(barrier_ratio - 1)
        total = nested_integral(
            lambda r: 2 * r ** (1 - dimension) * growth(r * r),
            lambda s: 2 * s ** (dimension - 1) * decay(s * s),
            [top * k / 4 for k in range(5)],
            mpmath.mpf(0),
            6,
        )
        return float(total / (2 * temperature * curvature))

    return value


RADIAL_SEED = Law(
    id="escape.mean_passage_time.radial",
    title="Exact mean time to a loss level in an isotropic bowl, D = T L",
    statement="0 -> L = c L_*: (1/(2 T h)) int_0^{c-1} y^{-n/2} (1+y)^{1/T} int_0^y w^{n/2-1} (1+w)^{-1-1/T} dw dy.",
    quantity=sp.Symbol("MFPT"),
    parameters=RADIAL,
    derive=passage.radial,
    evaluator=partial(passage.radial_value, "seed"),
    definition=partial(_radial_definition, "seed"),
    sources=(MORI, DERIVED),
    mutants=(
        mutant_value("1/T for 1/(2T)", lambda **v: 2 * RADIAL_SEED(**v)),
        mutant_value(
            "exponent 1/T of the inner integrand", _radial_float("seed", lambda g, f, t: (g, lambda a: f(a) * (1 + a)))
        ),
    ),
    rungs=("algebra", "flow", "chain", "sgd"),
    gate_points=8,
)

RADIAL_FEATURES = Law(
    id="escape.mean_passage_time.radial_gaussian_features",
    title="Exact mean time to a loss level with the exact covariance of Gaussian features",
    statement="0 -> L = c L_*: the radial integral with (1+2y)^{psi-1} outside and (1+2w)^-psi inside.",
    quantity=sp.Symbol("MFPT"),
    parameters=RADIAL,
    derive=passage.radial_gaussian_features,
    evaluator=partial(passage.radial_value, "gaussian_features"),
    definition=partial(_radial_definition, "gaussian_features"),
    sources=(DERIVED,),
    mutants=(
        mutant_value(
            "psi - 1/2",
            _radial_float(
                "gaussian_features",
                lambda g, f, t: (lambda a: g(a) / mpmath.sqrt(1 + 2 * a), lambda a: f(a) * mpmath.sqrt(1 + 2 * a)),
            ),
        ),
        mutant_value(
            "without the 2",
            _radial_float("gaussian_features", lambda g, f, t: (lambda a: g(a / 2), lambda a: f(a / 2))),
        ),
    ),
    rungs=("algebra", "flow", "sgd"),
    gate_points=8,
)

RADIAL_ADDITIVE = Law(
    id="escape.mean_passage_time.radial_additive",
    title="Exact mean time to a loss level with noise frozen at the minimum",
    statement="0 -> L = c L_*: the radial integral with e^{y/T} outside and e^{-w/T} inside.",
    quantity=sp.Symbol("MFPT"),
    parameters=RADIAL,
    derive=passage.radial_additive,
    evaluator=partial(passage.radial_value, "additive"),
    definition=partial(_radial_definition, "additive"),
    sources=(DERIVED,),
    mutants=(
        mutant_value("e^{y/(2T)}", _radial_float("additive", lambda g, f, t: (lambda a: g(a / 2), f))),
        mutant_value("T of 1/(2T) dropped", lambda **v: v["temperature"] * RADIAL_ADDITIVE(**v)),
    ),
    rungs=("algebra", "flow", "sgd"),
    gate_points=12,
)


def _slope_definition(temperature: Any, dimension: Any, barrier_ratio: Any) -> Any:
    total, slope = radial_backward("seed", temperature, dimension, barrier_ratio, 1.0)
    return mpmath.mpf(slope / total)


LOCAL_SLOPE = Law(
    id="escape.local_slope.radial",
    title="Local slope d log MFPT / d log c of the radial problem",
    statement="c times the outer integrand at c - 1 over the double integral; tends to 1/T + 1 - n/2 as c -> infinity.",
    quantity=sp.Symbol("slope"),
    parameters=(TEMPERATURE, DIMENSION, BARRIER_RATIO),
    derive=passage.local_slope,
    evaluator=passage.local_slope_value,
    definition=_slope_definition,
    sources=(DERIVED,),
    mutants=(
        mutant_value("its limit", lambda temperature, dimension, barrier_ratio: 1 / temperature + 1 - dimension / 2),
        mutant_value("(c-1)-derivative", lambda **v: LOCAL_SLOPE(**v) * (v["barrier_ratio"] - 1) / v["barrier_ratio"]),
    ),
    rungs=("algebra", "flow"),
    gate_points=12,
)

PASSAGE_LAWS = (DOUBLE_WELL, RADIAL_SEED, RADIAL_FEATURES, RADIAL_ADDITIVE, LOCAL_SLOPE)
