"""A law and checks small enough to see through, for the tests of engine, plugin and journal."""

from __future__ import annotations

import mpmath
import sympy as sp

from checks import REFUTED, Check, Margin
from numerics.statistics import Mean, Plan
from theory import DERIVED, Law, Parameter, derivation, mutant_parameters, positive

mean, std = sp.symbols("m s", positive=True)

SECOND_MOMENT = Law(
    id="toy.second_moment",
    title="Second moment of a normal variable",
    statement="E x^2 = m^2 + s^2",
    quantity=sp.Symbol("E"),
    parameters=(
        Parameter("mean", mean, "mean", positive(0.3, 1.5)),
        Parameter("std", std, "standard deviation", positive(0.5, 1.5)),
    ),
    derive=lambda: derivation(("variance decomposition", mean**2 + std**2, "E x^2 = (E x)^2 + Var x")),
    definition=lambda mean, std: mpmath.quad(
        lambda t: (mean + std * t) ** 2 * mpmath.npdf(t), [-mpmath.inf, -3, 0, 3, mpmath.inf]
    ),
    sources=(DERIVED,),
    mutants=(mutant_parameters("std not squared", lambda v: {"std": v["std"] ** 0.5}),),
    rungs=("algebra", "chain"),
)


def squares(chunk, *, mean, std, bias=0.0):
    """Draws of x^2, with a bias that makes the law wrong."""
    return (mean + std * chunk.normal(chunk.replicas)) ** 2 + bias


RIGHT = Check(
    law=SECOND_MOMENT,
    rung="chain",
    simulate=squares,
    statistic=Mean(),
    cases={"a": {"mean": 0.7, "std": 1.3}, "b": {"mean": 1.1, "std": 0.6}},
    margin=Margin(relative=0.03),
    plan=Plan(first=16384, looks=6),
    chunk=4096,
)
WRONG = Check(
    law=SECOND_MOMENT,
    rung="chain",
    simulate=squares,
    statistic=Mean(),
    cases={"a": {"mean": 0.7, "std": 1.3}},
    settings={"bias": 0.3},
    margin=Margin(relative=0.03),
    plan=Plan(first=16384, looks=6),
    chunk=4096,
)
FINDING = Check(
    law=SECOND_MOMENT,
    rung="chain",
    simulate=squares,
    statistic=Mean(),
    cases={"a": {"mean": 0.7, "std": 1.3}},
    settings={"bias": 0.3},
    margin=Margin(relative=0.03),
    plan=Plan(first=16384, looks=6),
    chunk=4096,
    expected=REFUTED,
    reason="the samples carry a bias of 0.3",
    rival=lambda mean, std: mean**2 + std**2 + 0.3,
)
