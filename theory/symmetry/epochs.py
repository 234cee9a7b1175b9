"""The drift of a charge over epochs without repetition."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.law import Law, Regime, mutant_value
from theory.parameter import Constraint, integer
from theory.source import DERIVED
from theory.symmetry import parameters as p
from theory.symmetry import witness
from theory.symmetry.discrete import expected_samples
from theory.symmetry.identities import exact_step, subset_factor


def _derive_reshuffling() -> Derivation:
    k = subset_factor("without")
    step = exact_step(1, p.ETA) - p.CHARGE
    return derivation(
        ("change of C in one step", step, "only the form of the present batch enters, no product of two steps"),
        ("law of one batch of a random permutation", k * sp.Symbol("Sigma") / p.BATCH, "a uniformly random subset"),
        ("drift per step", step.subs(p.GRADIENT_FORM, k * p.NOISE_FORM / p.BATCH + p.MEAN_FORM), "mean"),
    )


def _define_reshuffling(noise_form: Any, mean_gradient_form: Any, learning_rate: Any, batch_size: Any,
                        data_size: Any) -> Any:  # fmt: skip
    """Mean over all orders of the first epoch's drift, gradients held at their value of the start."""
    _, gradients = expected_samples(mpmath.mpf("0.7"), noise_form, mean_gradient_form, int(data_size))
    batch, size = int(batch_size), int(data_size)
    total, count = mpmath.mpf(0), 0
    for order in permutations(range(size)):
        for start in range(0, size - batch + 1, batch):
            total += witness.form(witness.mean([gradients[i] for i in order[start : start + batch]]))
            count += 1
    return learning_rate**2 * total / count


def _wrong(noise: Any) -> Any:
    def value(noise_form: float, mean_gradient_form: float, learning_rate: float, batch_size: int,
              data_size: int) -> float:  # fmt: skip
        return learning_rate**2 * (noise(data_size, batch_size) * noise_form + mean_gradient_form)

    return value


reshuffling = Law(
    id="symmetry.noise_equilibrium.reshuffling",
    title="drift of the charge over epochs without repetition",
    statement="E[C' - C] = eta^2 [k Tr[Sigma A]/S + (grad L)^T A grad L] per step, k = (N-S)/(N-1): the anticorrelation "
    "of the noise along an epoch does not enter",
    quantity=sp.Symbol("DeltaC"),
    parameters=(p.noise_form, p.mean_gradient_form, p.learning_rate, p.batch_size.within(integer(1, (2, 2))),
                p.data_size.within(integer(3, (4, 5)))),
    derive=_derive_reshuffling,
    definition=_define_reshuffling,
    sources=(DERIVED,),
    mutants=(
        mutant_value("zero noise over a full epoch", _wrong(lambda n, s: 0.0)),
        mutant_value("k = 1", _wrong(lambda n, s: 1 / s)),
    ),
    regime=Regime("eta -> 0", "O(eta**3)"),
    constraints=(Constraint(lambda v: v["data_size"] is not None and v["data_size"] >= v["batch_size"],
                            "the batch must not exceed data_size; give a smaller batch_size"),),
    rungs=("algebra", "sgd"),
    gate_points=10,
)  # fmt: skip

LAWS = (reshuffling,)
