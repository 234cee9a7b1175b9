"""Derivations: named steps from the definitions to a closed form, each with the rule that was used."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

import sympy as sp

from theory import store


@dataclass(frozen=True)
class Step:
    """One step: what is done, the expression reached, and the rule that leads there."""

    name: str
    expression: Any
    rule: str = ""


@dataclass(frozen=True)
class Derivation:
    """A chain of steps; the expression of the last one is the result."""

    steps: tuple[Step, ...]

    @property
    def result(self) -> Any:
        """The closed form: a SymPy expression, Tuple or Matrix."""
        return self.steps[-1].expression

    def steps_as_tuples(self) -> tuple[tuple[str, Any, str], ...]:
        """Return (name, expression, rule) of every step, to continue a derivation in another."""
        return tuple((s.name, s.expression, s.rule) for s in self.steps)

    def text(self) -> str:
        """Return the derivation as numbered plain text."""
        lines = []
        for number, step in enumerate(self.steps, 1):
            lines.append(f"{number}. {step.name}: {sp.sstr(step.expression)}")
            if step.rule:
                lines.append(f"   [{step.rule}]")
        return "\n".join(lines)

    def _repr_latex_(self) -> str:
        """The result, for notebooks."""
        return f"$\\displaystyle {sp.latex(self.result)}$"

    def _repr_html_(self) -> str:
        """The numbered steps, for notebooks; their formulas are typeset by the notebook."""
        items = []
        for step in self.steps:
            rule = f" <em>({escape(step.rule)})</em>" if step.rule else ""
            formula = escape(f"$\\displaystyle {sp.latex(step.expression)}$")
            items.append(f"<li><strong>{escape(step.name)}</strong>{rule}: {formula}</li>")
        return f"<ol>{''.join(items)}</ol>"

    def encode(self) -> list[Any]:
        """Return a JSON-able form for the cache on disk."""
        return [[s.name, store.encode(s.expression), s.rule] for s in self.steps]

    @classmethod
    def decode(cls, data: list[Any]) -> Derivation:
        """Read back what ``encode`` wrote."""
        return cls(tuple(Step(name, store.decode(expression), rule) for name, expression, rule in data))


def derivation(*steps: tuple[str, Any, str] | tuple[str, Any]) -> Derivation:
    """Build a derivation from (name, expression, rule) tuples.

    >>> x = sp.Symbol("x")
    >>> derivation(("square", x**2, "definition"), ("derivative", 2*x, "d/dx")).result
    2*x
    """
    return Derivation(tuple(Step(*step) for step in steps))
