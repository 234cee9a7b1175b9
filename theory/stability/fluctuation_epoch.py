"""Epochs over a reshuffled data set: what a pass without replacement leaves of the fluctuations."""

from __future__ import annotations

import itertools
from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.law import Law, mutant_value
from theory.parameter import Constraint
from theory.stability import symbols as sy
from theory.stability.batch import atoms_log_mean, batch_atoms
from theory.stability.exponent_law import batch

DIVIDES = Constraint(
    lambda v: len(v["curvatures"]) % v["batch_size"] == 0,
    "batch_size must divide the number of curvatures, so that an epoch uses every sample once",
)


def _epoch(batch_size: int = 1) -> Derivation:
    size, data, rate = int(batch_size), sy.size, sy.eta
    i = sp.Symbol("i", integer=True)
    h, means = sy.curvature_list, sp.IndexedBase("hbar")
    if size == 1:
        result = sp.Sum(sp.log(sp.Abs(1 - rate * h[i])), (i, 0, data - 1))
        rule = "every sample once, in any order: the sum does not fluctuate"
    else:
        number = sp.binomial(data, size)
        result = data / size * sp.Sum(sp.log(sp.Abs(1 - rate * means[i])), (i, 0, number - 1)) / number
        rule = "each of the N/B batches is a uniformly random subset of B samples; means over all subsets"
    return derivation(
        ("multiplier", 1 - rate * sy.h_, "theta <- theta - eta h theta; h the mean curvature of a batch"),
        ("epoch", sp.Product(1 - rate * means[i], (i, 0, data / size - 1)), "a random partition into N/B batches"),
        ("mean growth of an epoch", result, rule),
    )


def _value(_: Derivation, v: dict[str, Any], digits: int) -> Any:
    size = int(v["batch_size"])
    atoms = batch_atoms(v["curvatures"], None, size, "without")
    return len(v["curvatures"]) // size * atoms_log_mean(atoms, v["learning_rate"], digits)


def _definition(learning_rate: Any, curvatures: list[Any], batch_size: int) -> Any:
    """Mean over all orders of the data of the log growth of one pass."""
    size, total, orders = int(batch_size), mpmath.mpf(0), 0
    logs: dict[frozenset[int], Any] = {}
    for order in itertools.permutations(range(len(curvatures))):
        for start in range(0, len(order), size):
            chosen = frozenset(order[start : start + size])
            if chosen not in logs:
                mean = mpmath.fsum(curvatures[i] for i in chosen) / size
                logs[chosen] = mpmath.log(abs(1 - learning_rate * mean))
            total += logs[chosen]
        orders += 1
    return total / orders


def _drawn(learning_rate: float, curvatures: list[float], batch_size: int) -> float:
    atoms = batch_atoms(curvatures, None, int(batch_size), "with")
    return float(len(curvatures) // int(batch_size) * atoms_log_mean(atoms, learning_rate))


def _singles(learning_rate: float, curvatures: list[float], batch_size: int) -> float:
    atoms = batch_atoms(curvatures, None, 1, "without")
    return float(len(curvatures) // int(batch_size) * atoms_log_mean(atoms, learning_rate))


def _whole(learning_rate: float, curvatures: list[float], batch_size: int) -> float:
    mean = sum(curvatures) / len(curvatures)
    return len(curvatures) / batch_size * float(mpmath.log(abs(1 - mpmath.mpf(learning_rate) * mean)))


EPOCH = Law(
    id="stability.epoch.empirical",
    title="Growth in a reshuffled epoch over a finite data set",
    statement="One pass over N samples in random order in batches of B: mean log growth (N/B) E log|1 - eta hbar| over "
    "uniformly random subsets of B. At B = 1 it is sum_i log|1 - eta h_i| in every order: variance 0.",
    quantity=sp.Symbol("log_growth_per_epoch"),
    parameters=(sy.learning_rate(), sy.curvatures(sizes=(4, 6)), batch(3)),
    derive=_epoch,
    definition=_definition,
    evaluator=_value,
    sources=(sy.HERE,),
    mutants=(
        mutant_value("mean of batches drawn with replacement", _drawn),
        mutant_value("batches of one", _singles),
        mutant_value("log of the mean multiplier", _whole),
    ),
    rungs=("algebra", "sgd", "net"),
    structure=("batch_size",),
    constraints=(DIVIDES,),
    gate_points=12,
    priority="B",
)

EPOCH_LAWS: tuple[Law, ...] = (EPOCH,)
