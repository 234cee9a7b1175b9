"""Shared filters: a channel of a convolution has one charge, that of all its taps together."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.errors import DerivationError
from theory.law import Law, mutant_value
from theory.parameter import Constraint, Parameter, choice, real_list
from theory.source import DERIVED
from theory.symmetry import parameters as p
from theory.symmetry.charges import Charge, polynomial_charges
from theory.symmetry.model_text import polynomial_model, read_model

OUT, IN = sp.IndexedBase("u"), sp.IndexedBase("w")
_TAPS_OUT, _TAPS_IN = sp.Symbol("n_1", integer=True, positive=True), sp.Symbol("n_2", integer=True, positive=True)
outgoing = Parameter("first_weights", OUT, "taps of the filters out of the channel", real_list(-1.5, 1.5, (2, 2)),
                     length=_TAPS_OUT)  # fmt: skip
incoming = Parameter("second_weights", IN, "taps of the filters into the channel", real_list(-1.5, 1.5, (2, 3)),
                     length=_TAPS_IN)  # fmt: skip
activation = Parameter("activation", None, "linear or relu", choice("linear", "relu")).with_default("relu")


def channel_text(outgoing: int, incoming: int, activation: str) -> tuple[str, str, str]:
    """Return model, parameters and data of one channel: filter w over the input, activation, filter u over the result."""
    size = outgoing + incoming + 1
    hidden = []
    for position in range(size - incoming + 1):
        line = " + ".join(f"w{j}*x{position + j}" for j in range(incoming))
        hidden.append(f"relu({line})" if activation == "relu" else f"({line})")
    outputs = [
        " + ".join(f"u{i}*{hidden[position + i]}" for i in range(outgoing))
        for position in range(len(hidden) - outgoing + 1)
    ]
    names = [*(f"u{i}" for i in range(outgoing)), *(f"w{j}" for j in range(incoming))]
    return "; ".join(outputs), ",".join(names), ",".join(f"x{i}" for i in range(size))


@lru_cache(maxsize=64)
def channel_charge(outgoing: int, incoming: int, activation: str) -> Charge:
    """Return the only law of degree <= 2 of one channel, by exact elimination.

    Raises DerivationError if there is not exactly one.
    """
    model = polynomial_model(read_model(*channel_text(outgoing, incoming, activation)))
    if model is None:
        raise DerivationError("a convolution channel is not polynomial in its gates.")
    charges = polynomial_charges(model.features, outgoing + incoming)
    if len(charges) != 1:
        raise DerivationError(f"the channel has {len(charges)} laws instead of one.")
    return charges[0]


def _derive() -> Derivation:
    i, x, rho = sp.Symbol("i", integer=True), sp.symbols("x0:4", real=True), sp.Symbol("rho", real=True)
    u, w = sp.symbols("u0 u1", real=True), sp.symbols("w0 w1", real=True)
    hidden = [w[0] * x[k] + w[1] * x[k + 1] for k in range(3)]
    outputs = sp.Matrix([u[0] * hidden[k] + u[1] * hidden[k + 1] for k in range(2)])
    moved = outputs.subs({**{q: sp.exp(rho) * q for q in u}, **{q: sp.exp(-rho) * q for q in w}}, simultaneous=True)
    if sp.simplify(moved - outputs) != sp.zeros(2, 1):
        raise DerivationError("the channel is not invariant under the rescaling of its filters.")
    total = sp.Sum(OUT[i] ** 2, (i, 0, _TAPS_OUT - 1)) - sp.Sum(IN[i] ** 2, (i, 0, _TAPS_IN - 1))
    return derivation(
        ("outputs", sp.Tuple(*outputs), "two taps in, two taps out; the taps are shared by all positions"),
        ("generator", sp.Symbol("diag(+1 on u, -1 on w)"), "e^rho u, e^-rho w leaves the outputs, also behind a relu"),
        ("charge", total, "theta^T A theta"),
    )


def _define(first_weights: Any, second_weights: Any, activation: str) -> Any:
    found = channel_charge(len(first_weights), len(second_weights), str(activation))
    point = [*first_weights, *second_weights]
    terms = [c * point[i] * point[j] for (i, j), c in found.quadratic] + [c * point[i] for i, c in found.linear]
    return mpmath.fsum(terms)


charge = Law(
    id="symmetry.conv.charge",
    title="charge of one channel of a convolution",
    statement="linear or ReLU convolution, one channel: C = |filters out of it|^2 - |filters into it|^2, all taps together; "
    "single taps have no charge",
    quantity=sp.Symbol("C"),
    parameters=(outgoing, incoming, activation),
    derive=_derive,
    definition=_define,
    sources=(p.KUNIN, DERIVED),
    mutants=(
        mutant_value("per tap", lambda first_weights, second_weights, activation:
                     first_weights[0] ** 2 - second_weights[0] ** 2),
    ),
    constraints=(Constraint(lambda v: len(v["first_weights"]) + len(v["second_weights"]) > 2,
                            "give more than one tap in one of the filters"),
                 Constraint(lambda v: max(len(v["first_weights"]), len(v["second_weights"])) <= 9,
                            "at most 9 taps in a filter")),
    rungs=("algebra", "net"),
    priority="C",
)  # fmt: skip
LAWS = (charge,)
