"""Far away from the minimum: drift of the log loss, and the number of directions at which it turns."""

from __future__ import annotations

from typing import Any

import mpmath
import sympy as sp

from theory.escape import rates
from theory.escape.notation import (
    CURVATURE,
    DIMENSION,
    TEMPERATURE,
)
from theory.escape.sources import MORI
from theory.law import Law, mutant_value
from theory.source import DERIVED


def _log_drift(temperature: Any, dimension: Any, curvature: Any) -> Any:
    """Generator of the SDE applied to log |d|^2 far away, by differences: -h d.grad + T L Laplacian."""
    with mpmath.workdps(40):
        far = mpmath.mpf(10) ** 9
        loss = mpmath.mpf("0.6") + curvature * far**2 / 2
        step = far / 10**8

        def f(r: Any) -> Any:
            return mpmath.log(r * r)

        first = (f(far + step) - f(far - step)) / (2 * step)
        second = (f(far + step) - 2 * f(far) + f(far - step)) / step**2
        laplacian = second + (dimension - 1) * first / far
        return -curvature * far * first + temperature * loss * laplacian


DRIFT = Law(
    id="escape.log_drift.transient",
    title="Drift of the log loss far away",
    statement="E d(log v)/dt -> h (T n - 2 - 2 T) as v -> infinity for D = T L.",
    quantity=sp.Symbol("drift"),
    parameters=(TEMPERATURE, DIMENSION, CURVATURE),
    derive=rates.log_drift,
    definition=_log_drift,
    sources=(DERIVED,),
    mutants=(
        mutant_value(
            "without -2T", lambda temperature, dimension, curvature: curvature * (temperature * dimension - 2)
        ),
        mutant_value(
            "-T for -2T",
            lambda temperature, dimension, curvature: curvature * (temperature * dimension - 2 - temperature),
        ),
    ),
    rungs=("algebra", "flow"),
)

STABILITY = Law(
    id="escape.stability_dimension.threshold",
    title="Number of directions above which the SDE is transient",
    statement="n_c = 2 (1 + 1/T): L^-phi is normalisable on the quadratic well and the SDE recurrent below.",
    quantity=sp.Symbol("n_c"),
    parameters=(TEMPERATURE,),
    derive=rates.stability_dimension,
    definition=lambda temperature: mpmath.findroot(
        lambda size: _log_drift(temperature, size, mpmath.mpf("1.3")), (2 / temperature, 3 / temperature)
    ),
    sources=(MORI, DERIVED),
    mutants=(
        mutant_value("2/T", lambda temperature: 2 / temperature),
        mutant_value("2/T + 1", lambda temperature: 2 / temperature + 1),
        mutant_value("2/T + 4", lambda temperature: 2 / temperature + 4),
    ),
    rungs=("algebra", "flow", "sgd"),
)

FAR_LAWS = (STABILITY, DRIFT)
