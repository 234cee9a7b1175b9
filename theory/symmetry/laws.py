"""All laws of the symmetry family."""

from __future__ import annotations

from theory.law import Law
from theory.symmetry import (
    backward_error,
    balance,
    collapse,
    collapse_normal,
    counting,
    counting_controls,
    counting_networks,
    discrete,
    discrete_models,
    epochs,
    kinds,
    matrix_factorisation,
    momentum,
    noether,
    noise,
    norms,
    norms_momentum,
    sharpness,
    spectral,
    stationary,
    stationary_depth,
    stationary_limits,
    two_layer,
    warmup,
)

_TOPICS = (
    backward_error,
    balance,
    collapse,
    collapse_normal,
    noether,
    kinds,
    discrete,
    discrete_models,
    matrix_factorisation,
    momentum,
    noise,
    norms,
    norms_momentum,
    sharpness,
    spectral,
    stationary,
    stationary_depth,
    stationary_limits,
    two_layer,
    warmup,
    epochs,
    counting,
    counting_networks,
    counting_controls,
)
LAWS: tuple[Law, ...] = tuple(law for topic in _TOPICS for law in topic.LAWS)
