"""Special functions which torch lacks, gets wrong, or cannot differentiate.

Each is made of plain torch operations, so it works on every device and under autograd (any order), ``torch.func``
(vmap, jacfwd, jacrev) and ``torch.compile``. Computation is in float64, the result has the dtype of the arguments.
Piece boundaries use a double ``where``: the branch not taken never leaks NaN into a gradient.
The error quoted in each docstring is the maximum over the grid of tests/test_special.py, against mpmath at 40 digits.
"""

from __future__ import annotations

from numerics.special.bessel import bessel_i, bessel_j, bessel_k
from numerics.special.dawson import dawson, erfi, gaussian_log_moment, hyp2f2_log_moment
from numerics.special.elementary import csch, sech, sinc
from numerics.special.exponential_integrals import ei, expint, expint_e1
from numerics.special.gamma import (
    beta,
    binomial,
    digamma,
    factorial,
    gamma,
    harmonic,
    hurwitz_zeta,
    loggamma,
    polygamma,
    zeta,
)
from numerics.special.hypergeometric import hyp1f1
from numerics.special.incomplete_gamma import lower_gamma, upper_gamma
from numerics.special.lambert import lambert_w

__all__ = [
    "bessel_i",
    "bessel_j",
    "bessel_k",
    "beta",
    "binomial",
    "csch",
    "dawson",
    "digamma",
    "ei",
    "erfi",
    "expint",
    "expint_e1",
    "factorial",
    "gamma",
    "gaussian_log_moment",
    "harmonic",
    "hurwitz_zeta",
    "hyp1f1",
    "hyp2f2_log_moment",
    "lambert_w",
    "loggamma",
    "lower_gamma",
    "polygamma",
    "sech",
    "sinc",
    "upper_gamma",
    "zeta",
]
