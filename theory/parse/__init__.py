"""User text becomes SymPy through a whitelist over Python's ``ast``; nothing is ever evaluated as code."""

from theory.parse.expression import (
    parse_expression,
    parse_expressions,
    parse_names,
    parse_structure,
)
from theory.parse.functions import CONSTANTS, DEFAULT_FUNCTIONS, Function
from theory.parse.structure import Head, List, Node, Op, Scalar
from theory.parse.values import parse_assignments, parse_moments, parse_value

__all__ = [
    "CONSTANTS",
    "DEFAULT_FUNCTIONS",
    "Function",
    "Head",
    "List",
    "Node",
    "Op",
    "Scalar",
    "parse_assignments",
    "parse_expression",
    "parse_expressions",
    "parse_moments",
    "parse_names",
    "parse_structure",
    "parse_value",
]
