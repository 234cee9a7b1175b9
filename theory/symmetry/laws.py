"""All laws of the symmetry family."""

from __future__ import annotations

from theory.law import Law
from theory.symmetry import (
    counting,
    counting_controls,
    counting_networks,
    discrete,
    discrete_models,
    epochs,
    kinds,
    momentum,
    noether,
    noise,
    spectral,
)

_TOPICS = (
    noether,
    kinds,
    discrete,
    discrete_models,
    momentum,
    noise,
    spectral,
    epochs,
    counting,
    counting_networks,
    counting_controls,
)
LAWS: tuple[Law, ...] = tuple(law for topic in _TOPICS for law in topic.LAWS)
