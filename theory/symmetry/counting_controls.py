"""Negative controls of counting: units without scale symmetry have no law, a gated unit has one."""

from __future__ import annotations

import sympy as sp

from theory.derivation import Derivation, derivation
from theory.errors import DerivationError
from theory.law import Law, mutant_value
from theory.parameter import Parameter, choice, integer
from theory.source import DERIVED
from theory.symmetry.charges import independent_count
from theory.symmetry.fields import TextFields
from theory.symmetry.model_text import read_model
from theory.symmetry.sampled import numeric_lie_rank, sampled_charges

UNITS = ("tanh", "gelu", "swish", "gated")
unit = Parameter("unit", None, "u*tanh(w.x), u*gelu(w.x), u*swish(w.x), or a*(w.x)*sigmoid(g.x)", choice(*UNITS))
inputs = Parameter("dimension", None, "input size d", integer(1, (1, 3), high=12))


def unit_fields(unit: str, dimension: int) -> TextFields:
    """Return the gradient fields of one unit."""
    line = " + ".join(f"w{i}*x{i}" for i in range(dimension))
    gate = " + ".join(f"g{i}*x{i}" for i in range(dimension))
    text = f"a*({line})*sigmoid({gate})" if unit == "gated" else f"a*{unit}({line})"
    names = ["a", *(f"w{i}" for i in range(dimension))] + [f"g{i}" for i in range(dimension) if unit == "gated"]
    return TextFields(read_model(text, ",".join(names), ",".join(f"x{i}" for i in range(dimension))))


def _derive(unit: str, dimension: int) -> Derivation:
    fields = unit_fields(unit, int(dimension))
    charges = sampled_charges(fields)
    count = independent_count(charges, fields.dimension)
    return derivation(
        ("unknown coefficients", sp.Integer(fields.dimension * (fields.dimension + 3) // 2), "charges of degree <= 2"),
        ("independent laws", sp.Integer(count), "null space of g . grad C over random parameters and data"),
    )


def _define(unit: str, dimension: int) -> int:
    fields = unit_fields(unit, int(dimension))
    found = numeric_lie_rank(fields, fields.dimension)
    if not found.conclusive:
        raise DerivationError("the bracket search was inconclusive.")
    return fields.dimension - found.rank


negative_controls = Law(
    id="symmetry.count.negative_controls",
    title="units without a rescaling symmetry have no conservation law",
    statement="u*tanh(w.x), u*gelu(w.x), u*swish(w.x): 0 laws; a*(w.x)*sigmoid(g.x): 1, a against w only",
    quantity=sp.Symbol("laws"),
    parameters=(unit, inputs),
    derive=_derive,
    definition=_define,
    sources=(DERIVED,),
    mutants=(
        mutant_value("one law for every unit", lambda unit, dimension: 1.0),
        mutant_value("two laws", lambda unit, dimension: 2.0),
    ),
    structure=("unit", "dimension"),
    display={"unit": "gated", "dimension": 2},
    rungs=("algebra", "flow"),
)
LAWS = (negative_controls,)
