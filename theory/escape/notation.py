"""Symbols, keys and domains of the escape family; one key has one meaning in all of its laws."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import sympy as sp

from theory.parameter import (
    Constraint,
    Domain,
    Parameter,
    choice,
    integer,
    interval,
    nonnegative,
    positive,
    real,
    real_list,
)

eta, h, T, B, c, n = sp.symbols("eta h T B c n", positive=True)
L, L_min, s2 = sp.symbols("L L_* sigma2", positive=True)
h_m, h_e = sp.symbols("h_* h_e", positive=True)
h_s = sp.Symbol("h_s", negative=True)
K = sp.Symbol("K", positive=True)
d, p, v = sp.symbols("d p v", real=True)
m = sp.Symbol("m", real=True)
alpha = sp.Symbol("alpha", nonnegative=True)
N = sp.Symbol("N", integer=True, positive=True)
i, j = sp.symbols("i j", integer=True, nonnegative=True)
minimum_eigenvalues, saddle_eigenvalues = sp.IndexedBase("h_*"), sp.IndexedBase("h_s")
eigenvalues, displacements = sp.IndexedBase("h"), sp.IndexedBase("d")

TWO_PI = 2 * sp.pi


@dataclass(frozen=True)
class SaddleDomain(Domain):
    """Eigenvalues of a saddle: the escape direction, negative, comes first; all others are positive."""

    def problem(self, value: Any) -> str | None:
        """Return why the list is no saddle spectrum, or None."""
        found = super().problem(value)
        if found is None and not (value[0] < 0 and all(x > 0 for x in value[1:])):
            found = "must have exactly one negative eigenvalue, the first"
        return found

    def draw(self, rng: random.Random) -> Any:
        """Draw generic eigenvalues with the negative one first."""
        value = super().draw(rng)
        return [-value[0], *value[1:]]


LEARNING_RATE = Parameter("learning_rate", eta, "step size", positive(0.03, 0.6))
BATCH_SIZE = Parameter("batch_size", B, "number of samples in a batch", integer(1, (1, 9)))
REAL_BATCH = BATCH_SIZE.within(positive(1.0, 9.0))
CURVATURE = Parameter(
    "curvature", h, "second derivative at the minimum along the escape direction", positive(0.6, 1.6), 1, False
)
TEMPERATURE = Parameter("temperature", T, "learning_rate * curvature / batch_size", positive(0.04, 0.35))
BARRIER_RATIO = Parameter(
    "barrier_ratio", c, "loss at the saddle (or level) over loss at the minimum",
    Domain("real", low=1.0, low_open=True, region=(1.4, 6.0)),
)  # fmt: skip
DIMENSION = Parameter("dimension", n, "number of outlier directions", integer(1, (1, 5)))
MINIMUM_LOSS = Parameter("minimum_loss", L_min, "loss at the minimum", positive(0.3, 2.0))
MINIMUM_CURVATURE = Parameter("minimum_curvature", h_m, "curvature at the minimum", positive(0.6, 4.0))
SADDLE_CURVATURE = Parameter(
    "saddle_curvature", h_s, "curvature at the saddle, negative",
    Domain("real", high=0.0, high_open=True, region=(-4.0, -0.6)),
)  # fmt: skip
MINIMUM_CURVATURES = Parameter(
    "minimum_curvatures", minimum_eigenvalues, "eigenvalues at the minimum, the escape direction first",
    real_list(0.6, 4.0, (1, 4), positive=True), length=N,
)  # fmt: skip
SADDLE_CURVATURES = Parameter(
    "saddle_curvatures", saddle_eigenvalues, "eigenvalues at the saddle, the negative one first",
    SaddleDomain("list", region=(0.6, 4.0), sizes=(1, 4)),
)  # fmt: skip
CURVATURES = Parameter(
    "curvatures", eigenvalues, "eigenvalues of the Hessian", real_list(0.6, 4.0, (1, 4), positive=True), length=N
)
ESCAPE_CURVATURE = Parameter("escape_curvature", h_e, "curvature along the escape direction", positive(0.8, 2.5))
NOISE_VARIANCE = Parameter("noise_variance", s2, "variance of the label noise", positive(0.2, 2.0), 1, False)
KURTOSIS = Parameter(
    "feature_kurtosis", K, "E x^4 / (E x^2)^2 of the scalar feature", Domain("real", low=1.0, region=(1.3, 5.0))
)
KURTOSIS_ABOVE_ONE = KURTOSIS.within(Domain("real", low=1.0, low_open=True, region=(1.3, 5.0)))
DISPLACEMENT = Parameter("displacement", d, "distance from the minimum, theta - theta_*", real(0.3, 1.4))
DISPLACEMENTS = Parameter(
    "displacement", displacements, "theta - theta_*, a list", real_list(-1.4, 1.4, (1, 4)), length=N
)
MOMENT_ORDER = Parameter("moment_order", m, "order of the moment", real(-0.4, 1.7))
ITO = Parameter("ito_parameter", alpha, "0 Ito, 1/2 Stratonovich, 1 anti-Ito", interval(0, 1, open_ends=False))
REPLACEMENT = Parameter("replacement", None, "how batches are drawn", choice("with", "without"), "with", False)
RELATIVE_TIME = Parameter(
    "relative_time", sp.Symbol("tau", positive=True), "time over the mean escape time", nonnegative()
)

SAME_LENGTH = Constraint(
    lambda values: len(values["minimum_curvatures"]) == len(values["saddle_curvatures"]),
    "minimum_curvatures and saddle_curvatures must have the same length",
)


def temperature_of(learning_rate: Any, batch_size: Any, curvature: Any) -> Any:
    """Return T = learning_rate * curvature / batch_size."""
    return learning_rate * curvature / batch_size
