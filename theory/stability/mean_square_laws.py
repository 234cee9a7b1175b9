"""Mean-square (L2) stability: the boundary in general, on finite data, and as the threshold of a mirrored saddle."""

from __future__ import annotations

import itertools
from typing import Any

import mpmath
import sympy as sp

import theory.stability.symbols as sy
from theory.derivation import Derivation, derivation
from theory.law import Law, mutant_form, mutant_parameters, mutant_value
from theory.parameter import Constraint, Parameter, integer, positive
from theory.stability.general_laws import LEADING, delta, q

eta, m, s, h = sy.eta, sy.m, sy.s, sy.h_
n_batch = sp.Symbol("B", positive=True)
BATCH = Parameter("batch_size", n_batch, "samples per batch B", integer(1, (1, 6)), 1, False)


def _boundary() -> Derivation:
    second = sp.expand(1 - 2 * eta * m + eta**2 * (m**2 + s**2 / n_batch))
    return derivation(
        ("second moment of the multiplier", second, "E (1 - eta h)^2 with Var h = s^2/B"),
        ("boundary", sp.simplify(sp.solve((second - 1) / eta, eta)[0]), "E a^2 = 1"),
    )


def _mean_square_root(curvature_mean: Any, curvature_std: Any, batch_size: Any) -> Any:
    """The learning rate at which E (1 - eta h)^2 = 1, the expectation by quadrature over normal curvature."""

    def excess(x: Any) -> Any:
        spread = curvature_std * mpmath.sqrt(mpmath.mpf(1) / batch_size)
        return (
            mpmath.quad(
                lambda z: ((1 - x * (curvature_mean + spread * z)) ** 2 - 1) * mpmath.npdf(z),
                [-12, 12],
                method="gauss-legendre",
            )
            / x
        )

    # The excess is linear in x: two values give its zero.
    first, second = excess(1), excess(2)
    return 1 + first / (first - second)


L2_GENERAL = Law(
    id="stability.l2_boundary.general",
    title="Mean-square stability boundary",
    statement="E|a|^2 < 1 iff 0 < eta < 2 m/(m^2 + s^2/B).",
    quantity=sp.Symbol("eta_2"),
    parameters=(Parameter("curvature_mean", m, "mean m > 0", positive(0.2, 1.5)), sy.curvature_std(), BATCH),
    derive=_boundary,
    definition=_mean_square_root,
    sources=(sy.SELECTION,),
    mutants=(
        mutant_value("2/m", lambda curvature_mean, **_: 2 / curvature_mean),
        mutant_value("2 m/s^2", lambda curvature_mean, curvature_std, **_: 2 * curvature_mean / curvature_std**2),
        mutant_parameters("no batch", lambda _: {"batch_size": 1}),
    ),
    rungs=("algebra", "chain", "sgd"),
)

DUALITY = Law(
    id="stability.duality.l2_threshold",
    title="The mean-square boundary of a minimum is the attraction threshold of the mirrored saddle",
    statement="2 m/(m^2 + s^2) of a minimum with mean m equals 2 delta/q of the saddle with delta = m, q = m^2 + s^2. "
    "Value: that learning rate.",
    quantity=sp.Symbol("eta_2"),
    parameters=(Parameter("curvature_mean", m, "mean m > 0", positive(0.2, 1.5)), sy.curvature_std()),
    derive=lambda: derivation(
        *((f"minimum: {x.name}", x.expression.subs(n_batch, 1), x.rule) for x in _boundary().steps),
        ("saddle: threshold", LEADING.closed_form, "escape_threshold.leading"),
        ("mirrored moments", LEADING.closed_form.subs({delta: m, q: m**2 + s**2}), "delta = m, q = m^2 + s^2"),
    ),
    definition=lambda curvature_mean, curvature_std: _mean_square_root(curvature_mean, curvature_std, 1),
    sources=(sy.HERE,),
    mutants=(mutant_form("factor 2", lambda e: 2 * e),),
)


def _empirical_boundary(replacement: str = "with") -> Derivation:
    i = sp.Symbol("i", integer=True)
    mean = sp.Sum(sy.curvature_list[i], (i, 0, sy.size - 1)) / sy.size
    square = sp.Sum(sy.curvature_list[i] ** 2, (i, 0, sy.size - 1)) / sy.size
    correction = (sy.size - n_batch) / (sy.size - 1) if replacement == "without" else sp.Integer(1)
    general = _boundary()
    variance = (square - mean**2) * correction / n_batch
    return derivation(
        *((x.name, x.expression, x.rule) for x in general.steps),
        ("variance of the batch mean", variance, "divisor N; pairs of distinct samples are anticorrelated by -1/(N-1)"),
        ("boundary", 2 * mean / (mean**2 + variance), "general boundary with the moments of the data"),
    )


def _enumerated_boundary(curvatures: list[Any], batch_size: Any, replacement: str) -> Any:
    draw = itertools.product if replacement == "with" else itertools.permutations
    if replacement == "with":
        batches = list(draw(curvatures, repeat=int(batch_size)))
    else:
        batches = list(draw(curvatures, int(batch_size)))
    means = [mpmath.fsum(b) / len(b) for b in batches]
    return 2 * mpmath.fsum(means) / mpmath.fsum(x**2 for x in means)


L2_EMPIRICAL = Law(
    id="stability.l2_boundary.empirical",
    title="Mean-square stability boundary on a finite data set",
    statement="E|a|^2 < 1 iff 0 < eta < 2 m/(m^2 + F s^2/B), m and s^2 mean and variance (divisor N) of the data; "
    "F = (N-B)/(N-1) without replacement, 1 with.",
    quantity=sp.Symbol("eta_2"),
    parameters=(sy.curvatures(0.1, 2.0, (4, 6)), BATCH.within(integer(1, (2, 3))), sy.REPLACEMENT),
    derive=_empirical_boundary,
    structure=("replacement",),
    definition=_enumerated_boundary,
    sources=(sy.HERE,),
    mutants=(
        mutant_parameters("finite-population factor dropped", lambda _: {"replacement": "with"}),
        mutant_value(
            "(N-B)/N",
            lambda curvatures, batch_size, replacement: _boundary_with(
                curvatures, batch_size, (len(curvatures) - batch_size) / len(curvatures)
            ),
        ),
    ),
    rungs=("algebra", "chain", "sgd", "net"),
    constraints=(
        Constraint(lambda v: sum(v["curvatures"]) > 0, "the mean curvature must be positive (a minimum)"),
        Constraint(
            lambda v: v["replacement"] == "with" or v["batch_size"] < len(v["curvatures"]),
            "without replacement the batch must be smaller than the data set",
        ),
    ),
)


def _boundary_with(curvatures: list[float], batch_size: int, factor: float) -> float:
    mean = sum(curvatures) / len(curvatures)
    variance = sum(x**2 for x in curvatures) / len(curvatures) - mean**2
    return 2 * mean / (mean**2 + variance * factor / batch_size)


MEAN_SQUARE_LAWS: tuple[Law, ...] = (L2_GENERAL, L2_EMPIRICAL, DUALITY)
