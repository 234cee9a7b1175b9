"""Power counting: which terms of the ODE survive as the dimension grows, with p = p0 d^kappa, gamma = gamma0 d^-delta.

In the mean normalisation (a = 1/p, v = 1/k, rate gamma) one step changes the overlaps by a learning term of size
gamma/(p d) and a noise term of size gamma^2/(p^2 d): the powers -(1 + sigma) and -(1 + 2 sigma) of d, where
sigma = kappa + delta.
"""

from __future__ import annotations

import functools
import re
from fractions import Fraction
from typing import Any

import sympy as sp

from theory.errors import DomainError
from theory.order_parameters import equations as eq

KAPPA, DELTA = sp.Symbol("kappa", nonnegative=True), sp.Symbol("delta", real=True)
D, P0, GAMMA0 = sp.Symbol("d", positive=True), sp.Symbol("p0", positive=True), sp.Symbol("gamma0", positive=True)
SIGMA = KAPPA + DELTA
LARGEST, _LONGEST = 1000, 40
PERFECT, PLATEAU, BAD, NONE = "perfect_learning", "plateau", "bad_learning", "no_ode"


def rational(value: Any) -> Fraction:
    """Return an exponent as an exact fraction; decimals mean what they show.

    >>> rational(0.15), rational("-1/3")
    (Fraction(3, 20), Fraction(-1, 3))
    """
    text = str(value).strip()
    power = re.search(r"[eE]([+-]?\d+)$", text)
    if len(text) > _LONGEST or (power and (len(power[1]) > 4 or abs(int(power[1])) > _LONGEST)):
        raise DomainError(f"the exponent {text[:_LONGEST]!r} is beyond the limit of {LARGEST}; give a smaller number.")
    try:
        found = Fraction(text)
    except (ValueError, ZeroDivisionError) as error:
        raise DomainError(
            f"the exponent {text!r} is no number; write a decimal such as 0.25 or a fraction -1/3."
        ) from error
    if abs(found) > LARGEST:
        raise DomainError(f"the exponent {text!r} is beyond the limit of {LARGEST}; give a smaller number.")
    return found


def power_of_dimension(expression: Any) -> Any:
    """Return the power of d of a product of powers."""
    logarithm = sp.expand(sp.expand_log(sp.log(expression), force=True))
    return sp.expand(logarithm.coeff(sp.log(D)))


@functools.lru_cache(maxsize=1)
def step_sizes() -> tuple[Any, Any]:
    """Return the sizes in one step of the learning and the noise term, from the one-step update."""
    found = eq.equations(1, 1)
    scaling = {eq.ETA: GAMMA0 * D**-DELTA, sp.Symbol("a1", real=True): 1 / (P0 * D**KAPPA), eq.BATCH: 1}
    terms = (found.learning_m[0, 0], found.noise_q[0, 0])
    prefactors = [t.as_independent(sp.Add, as_Add=False)[0] for t in terms]
    learning, noise = (f.subs(scaling) / D for f in prefactors)
    return learning, noise


@functools.lru_cache(maxsize=1)
def exponents() -> tuple[Any, Any]:
    """Return the exponents of the learning and the noise term, -(1 + sigma) and -(1 + 2 sigma)."""
    learning, noise = step_sizes()
    return power_of_dimension(learning), power_of_dimension(noise)


def describe(kappa: Any, delta: Any) -> dict[str, Any]:
    """Return the phase of a point: exact sum, regime, exponents and surviving terms (keys of `derive phase`).

    >>> describe("0.2", "0.15")["regime"]
    'perfect_learning'
    """
    k, d = rational(kappa), rational(delta)
    if k < 0:
        raise DomainError(f"kappa = {k} is negative; the width cannot shrink with the dimension, give kappa >= 0.")
    given = {KAPPA: sp.Rational(k.numerator, k.denominator), DELTA: sp.Rational(d.numerator, d.denominator)}
    learning, noise = (Fraction(int(e.p), int(e.q)) for e in (x.subs(given) for x in exponents()))
    x, sigma = max(learning, noise), k + d
    surviving = [n for n, e in (("learning", learning), ("noise", noise)) if e == x]
    if x >= 0:
        regime, surviving = NONE, []
    else:
        regime = {("learning",): PERFECT, ("learning", "noise"): PLATEAU, ("noise",): BAD}[tuple(surviving)]
    c = None if regime == NONE else -x / 2
    limit = None if c is None else c if regime == PLATEAU else min(c, abs(sigma))
    return {
        "kappa": str(k),
        "delta": str(d),
        "sum": str(sigma),
        "regime": regime,
        "learning_term_exponent": float(learning),
        "noise_term_exponent": float(noise),
        "time_step_exponent": float(x),
        "surviving_terms": surviving,
        "convergence_exponent": None if c is None else float(c),
        "limit_exponent": None if limit is None else float(limit),
        "noise_floor_exponent": float(sigma) if regime == PERFECT else None,
        "equations": _limiting(surviving),
    }


def _limiting(surviving: list[str]) -> dict[str, str] | None:
    if not surviving:
        return None
    learning, noise = "learning" in surviving, "noise" in surviving
    terms = ["(gamma0/p0)*Phi_GF"] * learning + ["(gamma0/p0)**2*Phi_Var"] * noise
    return {"dM": "(gamma0/p0)*Psi" if learning else "0", "dQ": " + ".join(terms)}
