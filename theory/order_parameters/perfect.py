"""Perfect learning of one unit: linearise the student around the teacher, keep all orders in the learning rate.

Write w = w* - delta and u = delta.x/sqrt d. To first order the residual is e = s'(nu) u, so with mu_n = E[s'(nu)^n],
nu ~ N(0, T), the squared distance r = |delta|^2/d orthogonal to w* obeys dr/dt = (-2 eta mu2 + (eta^2/B) mu4) r +
(eta^2/B) Delta mu2, the component along w* relaxes with rate eta E[s'(nu)^2 nu^2]/T, and the error is mu2 r/2.
"""

from __future__ import annotations

import functools
from typing import Any

import sympy as sp

from theory.errors import DerivationError
from theory.gaussian import NoClosedForm, gaussian_mean
from theory.order_parameters.activation import X, activation

T = sp.Symbol("T", positive=True)
ETA = sp.Symbol("eta", positive=True)
NOISE = sp.Symbol("Delta", nonnegative=True)
BATCH = sp.Symbol("B", positive=True)


@functools.lru_cache(maxsize=256)
def moment(text: str, power: int, field_power: int = 0) -> Any:
    """Return E[s'(nu)^power nu^field_power], nu ~ N(0, T), in closed form.

    >>> moment("erf", 2)
    2/(pi*sqrt(2*T + 1))
    """
    unit = activation(text)
    slope = unit.slope(X)
    if slope == 0:
        raise DerivationError(f"the derivative of {text!r} is identically zero: nothing is learned.")
    found = gaussian_mean(slope**power * X**field_power, (X,), sp.Matrix([[T]]))
    return sp.powdenest(sp.factor(found.form), force=True)


def mu(text: str, power: int) -> Any:
    """Return mu_n = E[s'(nu)^n]."""
    return moment(text, power)


def critical_rate(text: str) -> Any:
    """Return the critical learning rate 2 B mu2/mu4: the root of -2 mu2 + (eta/B) mu4."""
    eta = sp.Symbol("eta", positive=True)
    roots = sp.solve(-2 * mu(text, 2) + eta / BATCH * mu(text, 4), eta)
    if len(roots) != 1:
        raise DerivationError(f"{text!r} has no unique critical learning rate; its fourth moment must be finite.")
    return sp.powdenest(sp.factor(roots[0]), force=True)


def rates(text: str) -> tuple[Any, Any]:
    """Return the rates of growth (perpendicular, parallel) of small deviations, negative when stable."""
    perpendicular = -2 * ETA * mu(text, 2) + ETA**2 / BATCH * mu(text, 4)
    return perpendicular, -ETA * moment(text, 2, 2) / T


def noise_floor(text: str) -> Any:
    """Return the stationary error to first order in Delta, all orders in eta: mu2 r*/2."""
    rate, _ = rates(text)
    deviation = ETA**2 / BATCH * NOISE * mu(text, 2) / (-rate)
    return sp.factor(mu(text, 2) * deviation / 2)


__all__ = ["NoClosedForm", "critical_rate", "moment", "mu", "noise_floor", "rates"]
