"""The tree of a structured text: calls of kept heads, lists and operations between them, scalars as leaves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import sympy as sp


@dataclass(frozen=True)
class Scalar:
    """An ordinary expression, for example ``1/eta`` or ``-0.5`` (exact)."""

    value: sp.Expr

    def __str__(self) -> str:
        """Return the expression in the language of the parser."""
        return sp.sstr(self.value)


@dataclass(frozen=True)
class Head:
    """A call that was kept, for example ``Normal(m, s)``."""

    name: str
    args: tuple[Node, ...]

    def __str__(self) -> str:
        """Return the call in the language of the parser."""
        return f"{self.name}({', '.join(map(str, self.args))})"


@dataclass(frozen=True)
class List:
    """A bracketed list."""

    items: tuple[Node, ...]

    def __iter__(self) -> Iterator[Node]:
        """Iterate over the items."""
        return iter(self.items)

    def __len__(self) -> int:
        """Return the number of items."""
        return len(self.items)

    def __str__(self) -> str:
        """Return the list in the language of the parser."""
        return f"[{', '.join(map(str, self.items))}]"


@dataclass(frozen=True)
class Op:
    """An operation with at least one side that is no scalar: ``+ - * / **``; ``-`` with one argument is the sign."""

    symbol: str
    args: tuple[Node, ...]

    def __str__(self) -> str:
        """Return the operation in the language of the parser, every inner operation in parentheses."""
        shown = [f"({a})" if _needs_parentheses(a) else str(a) for a in self.args]
        if len(shown) == 1:
            return f"{self.symbol}{shown[0]}"
        return self.symbol.join(shown) if self.symbol == "**" else f" {self.symbol} ".join(shown)


Node = Scalar | Head | List | Op


def _needs_parentheses(node: Node) -> bool:
    if isinstance(node, Scalar):
        return not (node.value.is_Symbol or (node.value.is_Integer and bool(node.value >= 0)))
    return isinstance(node, Op)
