"""How many independent conservation laws gradient flow has, for whole classes of architectures.

The closed forms come from the geometry of the charges or of the orbits. The definitions know neither: they are the number
of parameters minus the rank of the Lie algebra of the gradient fields at a random point, from nested numeric brackets.
"""

from __future__ import annotations

from typing import Any

import sympy as sp

from theory.derivation import Derivation, derivation
from theory.errors import DerivationError
from theory.law import Law, mutant_value
from theory.parameter import Constraint, Parameter, integer
from theory.source import DERIVED
from theory.symmetry import parameters as p
from theory.symmetry.architectures import Model, attention, chain, gram, softmax
from theory.symmetry.charges import independent_count, polynomial_charges

N_IN, R, N_OUT, D = (sp.Symbol(n, integer=True, positive=True) for n in ("n", "r", "m", "d"))
ROWS, COLUMNS, CLASSES, FEATURES, HEADS = (
    sp.Symbol(n, integer=True, positive=True) for n in ("n_r", "n_c", "K", "f", "h")
)


input_width = Parameter("input_width", N_IN, "input width n", integer(1, (1, 3)))
width = Parameter("width", R, "hidden width r", integer(1, (1, 4)))
output_width = Parameter("output_width", N_OUT, "output width m", integer(1, (1, 3)))
dimension = Parameter("dimension", D, "model width or input size d", integer(1, (2, 3)))
rows = Parameter("rows", ROWS, "rows of U", integer(1, (1, 4)))
columns = Parameter("columns", COLUMNS, "columns of U", integer(1, (1, 5)))
classes = Parameter("classes", CLASSES, "classes k", integer(2, (2, 4)))
features = Parameter("features", FEATURES, "features d", integer(1, (1, 4)))
heads = Parameter("heads", HEADS, "attention heads", integer(1, (1, 2))).with_default(1)


def lie_count(model: Model, tau: float | None = None) -> int:
    """Return the number of all laws: variables minus the rank of the Lie algebra, no charge being known."""
    from theory.symmetry.fields import FeatureFields
    from theory.symmetry.sampled import numeric_lie_rank

    total = len(model.parameters) if tau is None else 2 * len(model.parameters) + 1
    found = numeric_lie_rank(FeatureFields(model), total, tau)
    if not found.conclusive:
        raise DerivationError(f"the bracket search of {total} variables was inconclusive; use a smaller architecture.")
    return total - found.rank


def quadratic_count(model: Model) -> int:
    """Return the number of independent laws of degree <= 2, by exact elimination."""
    size = len(model.parameters)
    return independent_count(polynomial_charges(model.features, size), size)


def integers(values: Any) -> list[int]:
    """Return whole numbers of a sequence."""
    return [int(v) for v in values]


def low_rank_symmetric() -> tuple[sp.Expr, sp.Symbol]:
    """Dimension of the symmetric r x r matrices of rank k: a symmetric k x k block and the choice of a k-space."""
    k = sp.Symbol("k", integer=True, positive=True)
    return sp.factor(k * (k + 1) / 2 + k * (R - k)), k


def _derive_two_layer() -> Derivation:
    dimension_of_rank_k, k = low_rank_symmetric()
    return derivation(
        ("charges", sp.Symbol("U^T U - W W^T", commutative=False), "entries of a symmetric r x r matrix"),
        ("dimension at rank k", dimension_of_rank_k, "k(k+1)/2 for the block, k(r-k) for its space"),
        ("independent laws", dimension_of_rank_k.subs(k, sp.Min(R, N_IN + N_OUT)),
         "U^T U - W W^T takes every symmetric value of rank min(r, n + m)"),
    )  # fmt: skip


def counting_law(name: str, title: str, statement: str, parameters: tuple[Parameter, ...], derive: Any, definition: Any,
         mutants: tuple[Any, ...], **options: Any) -> Law:  # fmt: skip
    """Return a law of the catalogue whose value is a number of independent conservation laws."""
    sources = options.pop("sources", (DERIVED,))
    return Law(
        id=f"symmetry.count.{name}", title=title, statement=statement, quantity=sp.Symbol("laws"),
        parameters=parameters, derive=derive, definition=definition, sources=sources, mutants=mutants, **options,
    )  # fmt: skip


NOT_SCALAR = Constraint(
    lambda v: not (v["input_width"] == 1 and v["output_width"] == 1),
    "one input and one output have a larger symmetry group; use count.deep_linear with widths=1,r,1",
)
two_layer = counting_law(
    "two_layer_linear",
    "conservation laws of a two-layer linear network",
    "f = U W x: k(2r + 1 - k)/2 laws with k = min(r, n + m); r(r + 1)/2 if r <= n + m",
    (input_width, width, output_width),
    _derive_two_layer,
    lambda input_width, width, output_width: lie_count(
        chain(integers((input_width, width, output_width)), False, False)
    ),
    (
        mutant_value("r(r+1)/2 for all r", lambda input_width, width, output_width:
                     width * (width + 1) / 2),
        mutant_value("r^2", lambda input_width, width, output_width: width**2),
        mutant_value("nullity instead of rank", lambda input_width, width, output_width: width * (width + 1) / 2 + 1),
    ),
    constraints=(NOT_SCALAR,),
    sources=(p.MARCOTTE,),
)  # fmt: skip


def _derive_attention() -> Derivation:
    pair, k = low_rank_symmetric()
    full = sp.factor(pair.subs(k, R))
    value = full.subs(R, N_OUT)
    return derivation(
        ("laws of Q K^T", full, "Q^T Q - K^T K, any symmetric r x r matrix as r <= 2 d"),
        ("laws of V O^T", value, "V^T V - O^T O"),
        ("independent laws", HEADS * (full + value), "the heads share no parameters"),
    )


_ATTENTION = Constraint(
    lambda v: v["width"] <= 2 * v["dimension"] and v["output_width"] <= 2 * v["dimension"],
    "width and output_width must be at most 2*dimension; use sgdlaws derive conservation-laws --architecture attention:...",
)
attention_law = counting_law(
    "attention",
    "conservation laws of attention heads",
    "d x r queries and keys, d x v values and outputs: r(r + 1)/2 + v(v + 1)/2 for every head, r, v <= 2 d",
    (dimension, width, output_width, heads),
    _derive_attention,
    lambda dimension, width, output_width, heads: lie_count(
        attention(*integers((dimension, width, output_width, heads)))
    ),
    (
        mutant_value("(r+v)(r+v+1)/2", lambda dimension, width, output_width, heads:
                     heads * (width + output_width) * (width + output_width + 1) / 2),
        mutant_value("r^2", lambda dimension, width, output_width, heads: heads * (width**2 + output_width**2)),
    ),
    constraints=(_ATTENTION,),
    gate_points=10,
)  # fmt: skip


def _derive_gram() -> Derivation:
    orbit = ROWS * sp.Min(ROWS, COLUMNS)
    return derivation(
        ("velocity", sp.Symbol("-(G + G^T) U", commutative=False), "gradient of any loss of U U^T"),
        ("dimension of the orbit", orbit, "brackets of symmetric matrices generate all: M U, every square M"),
        ("independent laws", ROWS * COLUMNS - orbit, "the row space of U, not polynomial of degree two"),
    )


gram_law = counting_law(
    "gram",
    "conservation laws of a Gram matrix",
    "U U^T: rows * max(columns - rows, 0), the row space of U; for rows < columns none is quadratic",
    (rows, columns),
    _derive_gram,
    lambda rows, columns: lie_count(gram(int(rows), int(columns))),
    (
        mutant_value("r(r-1)/2", lambda rows, columns: columns * (columns - 1) / 2),
        mutant_value("zero", lambda rows, columns: 0.0),
    ),
)


def _derive_softmax() -> Derivation:
    seen = (CLASSES - 1) * FEATURES
    return derivation(
        ("directions of the gradients", seen, "differences of logits; constant fields, no brackets"),
        ("independent laws", sp.expand(CLASSES * FEATURES - seen), "the column sums of W, all linear"),
    )


softmax_law = counting_law(
    "softmax",
    "conservation laws of a softmax layer",
    "logits W x, W of shape classes x features: the column sums, as many laws as features, all linear",
    (classes, features),
    _derive_softmax,
    lambda classes, features: lie_count(softmax(int(classes), int(features))),
    (
        mutant_value("number of classes", lambda classes, features: classes),
        mutant_value("d(d+1)/2", lambda classes, features: features * (features + 1) / 2),
    ),
    sources=(p.KUNIN,),
    rungs=("algebra", "net"),
)


LAWS = (two_layer, attention_law, gram_law, softmax_law)
