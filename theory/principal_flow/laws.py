"""All laws of the family."""

from __future__ import annotations

from theory.law import Law
from theory.principal_flow import field_laws, flow_laws, momentum_laws, tree_laws

LAWS: tuple[Law, ...] = (
    *tree_laws.LAWS,
    *field_laws.LAWS,
    *flow_laws.LAWS,
    *momentum_laws.LAWS,
)
