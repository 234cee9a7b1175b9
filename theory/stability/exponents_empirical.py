"""Exponent of finite data: exact sums over all batches."""

from __future__ import annotations

import itertools
from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.law import Law, mutant_parameters, mutant_value
from theory.parameter import Constraint
from theory.stability import symbols as sy
from theory.stability.batch import atoms_log_mean, batch_atoms, normalised
from theory.stability.exponent_law import exponent_law
from theory.stability.symbols import SEED, eta, h_

FITS = Constraint(
    lambda v: v.get("replacement", "with") == "with" or v["batch_size"] <= len(v["curvatures"]),
    "a batch without replacement cannot exceed the number of curvatures; lower batch_size or draw with replacement",
)
WEIGHTED = Constraint(
    lambda v: v.get("weights") is None or len(v["weights"]) == len(v["curvatures"]),
    "give one weight for each curvature, or no weights",
)
UNWEIGHTED_SUBSETS = Constraint(
    lambda v: v.get("weights") is None or v["batch_size"] == 1 or v.get("replacement", "with") == "with",
    "weights together with batch_size > 1 need replacement=with",
)
DATA_CONSTRAINTS = (FITS, WEIGHTED, UNWEIGHTED_SUBSETS)
DATA = (sy.curvatures(), sy.WEIGHTS, sy.REPLACEMENT)


def _empirical(batch_size: int = 1, replacement: str = "with") -> Derivation:
    i = sp.Symbol("i", integer=True)
    h, w = sp.IndexedBase("h"), sp.IndexedBase("w")
    number = sp.Symbol("M", integer=True, positive=True)
    drawn = "multisets, multinomial weights" if replacement == "with" else "subsets, equal weights"
    form = sp.Sum(w[i] * sp.log(sp.Abs(1 - eta * h[i])), (i, 0, number - 1))
    return derivation(
        ("multiplier", 1 - eta * h_, "theta <- theta - eta h theta; Lambda = E log|1 - eta h|"),
        (
            "law of the batch",
            sp.Tuple(h[i], w[i]),
            f"mean curvatures and weights of all batches of {batch_size}: {drawn}",
        ),
        ("Lyapunov exponent", form, "sum over all M batches; nothing to integrate"),
    )


def _value(_: Derivation, v: dict[str, Any], digits: int) -> Any:
    atoms = batch_atoms(v["curvatures"], v["weights"], int(v["batch_size"]), v["replacement"])
    return atoms_log_mean(atoms, v["learning_rate"], digits)


def ordered_batches(
    curvatures: list[Any], weights: list[Any] | None, batch_size: int, replacement: str
) -> list[tuple[Any, Any]]:
    """All ordered batches (mean, probability): the definition which the enumeration of multisets shortens."""
    size, batch = len(curvatures), int(batch_size)
    total = mpmath.fsum(weights) if weights else mpmath.mpf(size)
    probability = [(w / total) for w in weights] if weights else [1 / total] * size
    draws = (
        itertools.product(range(size), repeat=batch)
        if replacement == "with"
        else itertools.permutations(range(size), batch)
    )
    result = []
    for draw in draws:
        weight = mpmath.fprod(probability[i] for i in draw) if replacement == "with" or batch == 1 else mpmath.mpf(1)
        result.append((mpmath.fsum(curvatures[i] for i in draw) / batch, weight))
    norm = mpmath.fsum(w for _, w in result)
    return [(h, w / norm) for h, w in result]


def _definition(learning_rate: Any, curvatures: Any, weights: Any, replacement: str, batch_size: int) -> Any:
    batches = ordered_batches(curvatures, weights, batch_size, replacement)
    return mpmath.fsum(w * mpmath.log(abs(1 - learning_rate * h)) for h, w in batches)


def _log_mean(learning_rate: float, curvatures: list[float], weights: list[float] | None, **_: Any) -> float:
    mean = sum((float(h * w) for h, w in normalised(curvatures, weights)), 0.0)
    return float(mpmath.log(abs(1 - mpmath.mpf(learning_rate) * mean)))


def _swapped(v: dict[str, Any]) -> dict[str, Any]:
    if v["weights"] is not None or v["batch_size"] > len(v["curvatures"]):
        return {}
    return {"replacement": "without" if v["replacement"] == "with" else "with"}


EMPIRICAL = exponent_law(
    "empirical",
    "Curvatures of a finite data set",
    "sum_i w_i log|1 - eta h_i| at B = 1; over all multisets (with replacement) or subsets (without) for batches",
    DATA,
    _empirical,
    _definition,
    (
        mutant_value("log|1 - eta mean h|", _log_mean),
        mutant_parameters("with and without replacement swapped", _swapped),
    ),
    structure=("batch_size", "replacement"),
    evaluator=_value,
    constraints=DATA_CONSTRAINTS,
    rungs=("algebra", "chain", "sgd", "net"),
    sources=(SEED, sy.HERE),
)
EMPIRICAL_LAWS: tuple[Law, ...] = (EMPIRICAL,)
