"""All laws of the family."""

from __future__ import annotations

from theory.law import Law
from theory.principal_flow import (
    adaptive_laws,
    central_laws,
    corrected_laws,
    curl_laws,
    dal_laws,
    edge_laws,
    extremum_laws,
    field_laws,
    flip_laws,
    flow_laws,
    gain_laws,
    global_laws,
    loss_laws,
    map_laws,
    minibatch_laws,
    minimalist_laws,
    momentum_laws,
    momentum_limit_laws,
    runge_kutta_laws,
    shuffled_laws,
    tree_laws,
)

LAWS: tuple[Law, ...] = (
    *tree_laws.LAWS,
    *runge_kutta_laws.LAWS,
    *field_laws.LAWS,
    *global_laws.LAWS,
    *curl_laws.LAWS,
    *flow_laws.LAWS,
    *loss_laws.LAWS,
    *corrected_laws.LAWS,
    *gain_laws.LAWS,
    *extremum_laws.LAWS,
    *momentum_laws.LAWS,
    *momentum_limit_laws.LAWS,
    *minibatch_laws.LAWS,
    *shuffled_laws.LAWS,
    *adaptive_laws.LAWS,
    *map_laws.LAWS,
    *flip_laws.LAWS,
    *dal_laws.LAWS,
    *edge_laws.LAWS,
    *central_laws.LAWS,
    *minimalist_laws.LAWS,
)
