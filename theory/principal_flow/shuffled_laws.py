"""The mean modified field of random shuffling to third order, in one dimension."""

from __future__ import annotations

import itertools
from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.law import Law, Regime, mutant_value
from theory.parameter import Parameter, real_list
from theory.principal_flow import symbols as s
from theory.principal_flow.formal_orbit import map_terms
from theory.principal_flow.minibatch_laws import BATCH_CURVATURES, BATCH_GRADIENTS
from theory.source import DERIVED

_T = sp.IndexedBase("T3")
_THIRDS = Parameter("batch_third_derivatives", _T, "third derivative of every batch", real_list(-2.0, 2.0, (3, 4)))
_PARAMETERS = (s.learning_rate, BATCH_GRADIENTS, BATCH_CURVATURES, _THIRDS)
_NAMES = ("g", "H", "T", "Hg", "HH", "HHg", "Tg", "Tgg", "gg")
_MEAN = dict(zip(_NAMES, sp.symbols(" ".join(f"mean({name})" for name in _NAMES))))


def _distinct(a: Any, b: Any, c: Any, pairs: tuple[Any, Any, Any], triple: Any) -> Any:
    """Sum of a_i b_j c_k over distinct i, j, k from means of single, paired (ab, ac, bc) and triple products."""
    m = s.m
    ab, ac, bc = pairs
    return m**3 * a * b * c - m**2 * (ab * c + ac * b + bc * a) + 2 * m * triple


def _steps() -> Derivation:
    m, h, e = s.m, s.h, _MEAN
    second = (m**2 * e["H"] * e["g"] - m * e["Hg"]) / 2
    chain = _distinct(e["H"], e["H"], e["g"], (e["HH"], e["Hg"], e["Hg"]), e["HHg"]) / 6
    spread = (m**2 * e["T"] * e["gg"] - m * e["Tgg"]) / 2
    spread += _distinct(e["T"], e["g"], e["g"], (e["Tg"], e["Tg"], e["gg"]), e["Tgg"]) / 3
    third = -chain - spread / 2
    f1, slope, bend = -e["g"], -e["H"], -e["T"]
    f2 = sp.expand((second - m**2 / 2 * slope * f1) / m)
    f2_slope = -(e["Tg"] + e["HH"]) / 2
    flow = m**2 / 2 * (slope * f2 + f2_slope * f1) + m**3 / 6 * (bend * f1**2 + slope**2 * f1)
    f3 = sp.expand((third - flow) / m)
    written = {e[name]: _mean_of(name) for name in _NAMES}
    return derivation(
        ("mean of an epoch at order h^2", second, "pairs of distinct batches, each order with probability 1/2"),
        ("mean of an epoch at order h^3", sp.expand(third), "triples of distinct batches: 1/6 in order, 1/3 last"),
        ("second term", f2, "less the flow of duration m h"),
        ("third term", f3, "less the flow, with the derivative -mean(T g + H H)/2 of the second term"),
        ("field", (f1 + h * f2 + h**2 * f3).subs(written, simultaneous=True), "means written out"),
    )


def _mean_of(name: str) -> Any:
    bases = {"g": BATCH_GRADIENTS.symbol, "H": BATCH_CURVATURES.symbol, "T": _T}
    return sp.Sum(sp.Mul(*[bases[letter][s.k] for letter in name]), (s.k, 0, s.m - 1)) / s.m


def _definition(learning_rate: Any, batch_gradients: Any, batch_curvatures: Any, batch_third_derivatives: Any) -> Any:
    """Newton's logarithm of the mean map over all permutations, with the time of an epoch as its step."""
    m = len(batch_gradients)
    orders = list(itertools.permutations(range(m)))
    half = [t / 2 for t in batch_third_derivatives]

    def epoch(state: list[Any], duration: Any) -> list[Any]:
        step = duration * (mpmath.mpf(1) / m)
        total: Any = 0
        for order in orders:
            x = state[0]
            for k in order:
                x = x - step * ((x * half[k] + batch_curvatures[k]) * x + batch_gradients[k])
            total = x + total
        return [total * (mpmath.mpf(1) / len(orders))]

    terms = map_terms(epoch, [mpmath.mpf(0)], 3)
    return sum((m * learning_rate) ** power * term[0] for power, term in enumerate(terms))


def _full_batch(
    learning_rate: float, batch_gradients: list[float], batch_curvatures: list[float],
    batch_third_derivatives: list[float],
) -> float:  # fmt: skip
    """The third-order field of gradient descent on the mean loss."""
    m = len(batch_gradients)
    g, c, t = (sum(v) / m for v in (batch_gradients, batch_curvatures, batch_third_derivatives))
    return -g - learning_rate / 2 * c * g - learning_rate**2 * (c * c * g / 3 + t * g * g / 12)


def _two_terms(
    learning_rate: float, batch_gradients: list[float], batch_curvatures: list[float],
    batch_third_derivatives: list[float],
) -> float:  # fmt: skip
    m = len(batch_gradients)
    return -sum(g + learning_rate / 2 * g * c for g, c in zip(batch_gradients, batch_curvatures)) / m


THIRD = Law(
    id="principal_flow.modified_field.sgd_shuffled_third_order",
    title="Mean modified field of SGD with random shuffling, to third order",
    statement="-gbar - (h/2) mean(H g) + h^2 f_3 in one dimension, f_3 = -mean(H H g)/3 - mean(T g g)/12 "
    "+ (m/12) (Hbar mean(H g) - gbar mean(H H) - Tbar mean(g g) + gbar mean(T g)), T the third derivatives",
    quantity=sp.Symbol("thetadot"),
    parameters=_PARAMETERS,
    derive=_steps,
    definition=_definition,
    sources=(DERIVED,),
    mutants=(
        mutant_value("gradient descent on the mean", _full_batch),
        mutant_value("third term dropped", _two_terms),
    ),
    rungs=("algebra", "net"),
    regime=Regime("learning_rate -> 0", "O(m^4 h^4) per epoch"),
    constraints=(s.same_lengths("batch_gradients", "batch_curvatures", "batch_third_derivatives"),),
    priority="C",
)

LAWS = (THIRD,)
