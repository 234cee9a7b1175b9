"""Rooted trees and the exact coefficients of modified equations on them (B-series)."""

from theory.trees.coefficients import (
    METHODS,
    coefficient,
    coefficient_table,
    modifying_coefficient,
    proximal_coefficient,
)
from theory.trees.rooted import Tree, density, display, from_levels, levels, order_of, symmetry, trees

__all__ = [
    "METHODS",
    "Tree",
    "coefficient",
    "coefficient_table",
    "density",
    "display",
    "from_levels",
    "levels",
    "modifying_coefficient",
    "order_of",
    "proximal_coefficient",
    "symmetry",
    "trees",
]
