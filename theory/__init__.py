"""What the theory says: laws, their derivations and their definitions (SymPy and mpmath, never torch)."""

from theory.catalogue import families, law, laws, register
from theory.conjecture import conjecture
from theory.derivation import Derivation, Step, derivation
from theory.errors import DerivationError, DomainError, EvaluationError, ParseError, TheoryError, UnknownLaw
from theory.gate import gate
from theory.law import (
    EXACT,
    Law,
    Mutant,
    Regime,
    mutant_form,
    mutant_parameters,
    mutant_result,
    mutant_value,
)
from theory.parameter import (
    Constraint,
    Domain,
    Parameter,
    choice,
    integer,
    interval,
    matrix,
    nonnegative,
    positive,
    real,
    real_list,
    text,
)
from theory.source import DERIVED, Source

__all__ = [
    "DERIVED",
    "EXACT",
    "Constraint",
    "Derivation",
    "DerivationError",
    "Domain",
    "DomainError",
    "EvaluationError",
    "Law",
    "Mutant",
    "Parameter",
    "ParseError",
    "Regime",
    "Source",
    "Step",
    "TheoryError",
    "UnknownLaw",
    "choice",
    "conjecture",
    "derivation",
    "families",
    "gate",
    "integer",
    "interval",
    "law",
    "laws",
    "matrix",
    "mutant_form",
    "mutant_parameters",
    "mutant_result",
    "mutant_value",
    "nonnegative",
    "positive",
    "real",
    "real_list",
    "register",
    "text",
]
