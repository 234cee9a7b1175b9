"""The form of a law that is shown where its form depends on parameters such as a dimension or a batch size."""

from __future__ import annotations

from typing import Any

import sympy as sp

from theory.derivation import Derivation
from theory.errors import DomainError
from theory.law import Law


def shown_derivation(law: Law) -> tuple[Derivation, dict[str, Any]]:
    """Return a derivation and the structure it is made for: the law's own choice, else that of a generic point."""
    own = {p.key: p.default for p in law.parameters if p.key in law.structure} | dict(law.display or {})
    try:
        return law.derivation(), {k: own[k] for k in law.structure}
    except DomainError:
        structure = law.structure_of(law.complete(law.generic_points(1)[0]))
        return law.derivation(**structure), structure


def claim_of(law: Law, derivation: Derivation) -> Any:
    """Return the claim as an equation."""
    result = derivation.result
    return result if isinstance(result, sp.Rel) else sp.Eq(law.quantity, result, evaluate=False)
