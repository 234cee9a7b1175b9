"""Closed forms of the radial passage time: far levels and low temperatures."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import sympy as sp

from theory.escape import passage
from theory.escape.notation import BARRIER_RATIO, CURVATURE, DIMENSION, TEMPERATURE
from theory.escape.passage_laws import RADIAL
from theory.escape.sources import MORI
from theory.law import Law, Regime, mutant_value
from theory.parameter import Constraint, Domain
from theory.source import DERIVED

POSITIVE_POWER = Constraint(
    lambda v: 1 / v["temperature"] + 1 > v["dimension"] / 2, "needs 1/temperature + 1 > dimension/2"
)


def _beta(a: float, b: float) -> float:
    return float(mpmath.beta(a, b))


def _asymptotic_definition(temperature: Any, dimension: Any, barrier_ratio: Any, curvature: Any) -> Any:
    """Inner integral by quadrature on the half line, outer integral of its leading power."""
    from theory.escape.oracles import beta_prime_integral

    mass = beta_prime_integral(dimension / 2 - 1, 1 + 1 / temperature)
    power = lambda s: mpmath.exp(s * (1 / temperature + 1 - dimension / 2))  # noqa: E731
    top = mpmath.log(barrier_ratio)
    decay = 1 / temperature + 1 - dimension / 2
    outer = mpmath.quad(power, [top - 45 / decay, top - 10 / decay, top - 2 / decay, top])
    return mass * outer / (2 * temperature * curvature)


ASYMPTOTIC = Law(
    id="escape.mean_passage_time.radial_asymptotic",
    title="Mean time to a high loss level",
    statement="c -> infinity: B(n/2, q) c^q / (2 T q h), q = 1/T + 1 - n/2 > 0.",
    quantity=sp.Symbol("MFPT"),
    parameters=(
        TEMPERATURE,
        DIMENSION,
        BARRIER_RATIO.within(Domain("real", low=1.0, low_open=True, region=(5.0, 60.0))),
        CURVATURE,
    ),
    derive=passage.asymptotic,
    definition=_asymptotic_definition,
    constraints=(POSITIVE_POWER,),
    sources=(MORI, DERIVED),
    mutants=(
        mutant_value("q - 1", lambda **v: ASYMPTOTIC(**v) / v["barrier_ratio"]),
        mutant_value("without 1/q", lambda **v: ASYMPTOTIC(**v) * (1 / v["temperature"] + 1 - v["dimension"] / 2)),
    ),
    rungs=("algebra", "flow"),
    # its definition is a quadrature of a tenth of a second
    gate_points=8,
    regime=Regime("barrier_ratio -> infinity", "relative O(1/c)"),
    priority="B",
)


def _end_point_terms(temperature: float, dimension: float, end: float) -> float:
    """First two terms, in powers of e at e = 1, of the end-point integral of exp((f(y) - f(end))/e) over e.

    f = log(1+y)/T - (n/2) log y is the exponent of the outer integrand; the integral is a quadrature at nine small e,
    and the polynomial through them gives the constant and the linear term. No derivative of f enters but its scale.
    """
    nodes, weights = np.polynomial.legendre.leggauss(80)
    t, w = 18 * (nodes + 1), 18 * weights
    scale = 1 / (1 / temperature / (1 + end) - dimension / 2 / end)

    def integral(e: float) -> float:
        s = e * scale * t
        change = np.log1p(-s / (1 + end)) / temperature - dimension / 2 * np.log1p(-s / end)
        return float(scale * w @ np.exp(change / e))

    top = min(0.02, 0.2 * end / (36 * scale))
    steps = top / 2 * (1 + np.cos(np.pi * (np.arange(9) + 0.5) / 9))
    values = np.array([integral(e) for e in steps])
    found = np.linalg.solve(np.vander(steps / top, 9, increasing=True), values)
    return float(found[0] + found[1] / top)


def _two_term_definition(temperature: Any, dimension: Any, barrier_ratio: Any, curvature: Any) -> Any:
    """Inner integral by quadrature; the outer one by its first two terms, from quadratures at sharper exponents."""
    from theory.escape.oracles import beta_prime_integral

    mass = beta_prime_integral(dimension / 2 - 1, 1 + 1 / temperature)
    end = barrier_ratio - 1
    top = barrier_ratio ** (1 / temperature) * end ** (-dimension / 2)
    return mass / (2 * temperature * curvature) * top * _end_point_terms(*map(float, (temperature, dimension, end)))


TWO_TERM = Law(
    id="escape.mean_passage_time.radial_two_term",
    title="Mean time to a loss level at low temperature",
    statement="(B(n/2,q)/(2 T h)) V^{-n/2} c^{1/T}/F1 (1 + F2/F1^2), V = c-1, F1 = 1/(Tc) - n/(2V), "
    "F2 = -1/(Tc^2) + n/(2V^2).",
    quantity=sp.Symbol("MFPT"),
    parameters=(TEMPERATURE.within(Domain("real", low=0.0, low_open=True, region=(0.04, 0.15))), *RADIAL[1:]),
    derive=passage.two_term,
    definition=_two_term_definition,
    constraints=(
        POSITIVE_POWER,
        Constraint(
            lambda v: (v["barrier_ratio"] - 1) / (v["temperature"] * v["barrier_ratio"]) > v["dimension"] / 2 + 1,
            "needs F1 > 0: (c-1)/(T c) > dimension/2 + 1",
        ),
    ),
    sources=(DERIVED,),
    mutants=(
        mutant_value("one term", lambda **v: TWO_TERM(**v) / _second_term(v, 1.0)),
        mutant_value("sign of F2", lambda **v: TWO_TERM(**v) / _second_term(v, 1.0) * _second_term(v, -1.0)),
    ),
    rungs=("algebra", "flow"),
    regime=Regime("temperature -> 0", "O((F1 (c-1))^-2)"),
    priority="B",
)


def _second_term(v: dict[str, Any], sign: float) -> float:
    volume, t, size = v["barrier_ratio"] - 1, v["temperature"], v["dimension"]
    first = 1 / (t * v["barrier_ratio"]) - size / (2 * volume)
    second = -1 / (t * v["barrier_ratio"] ** 2) + size / (2 * volume**2)
    return 1 + sign * second / first**2


PASSAGE_EXPANSIONS = (ASYMPTOTIC, TWO_TERM)
