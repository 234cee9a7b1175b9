"""The stationary law of the balanced n-factor model on a user's data or moments."""

from __future__ import annotations

import math
from typing import Any

import sympy as sp

from theory.errors import DerivationError, DomainError, ParseError
from theory.parse import parse_assignments, parse_expression, parse_moments
from theory.symmetry.balanced_model import BalancedModel
from theory.symmetry.sample_data import read_samples
from theory.symmetry.stationary import grid_of

MAX_FACTORS = 60
LARGEST = 1e50
_X, _Y = sp.Symbol("x", real=True), sp.Symbol("y", real=True)
_NEEDED = (_X**2, _X * _Y, _X**4, _X**3 * _Y, _X**2 * _Y**2)


def derive_balance(
    factors: int,
    *,
    samples: str | None = None,
    moments: str | None = None,
    weight_decay: str = "0",
    at: str | None = None,
) -> dict[str, Any]:
    """Return moments, density, tail, collapse threshold and, at given rates, mean and median of v = u_1 ... u_n.

    Parameters
    ----------
    factors : n >= 1
    samples : ``x=1,2; y=0.5,1`` (empirical moments, divisor N)
    moments : ``x**2=..,x*y=..,x**4=..,x**3*y=..,x**2*y**2=..``
    weight_decay : coupled decay
    at : learning_rate and optionally batch_size

    Raises
    ------
    ParseError, DomainError : text that is not understood, n < 1, values outside their domain
    DerivationError : inconsistent moments, or noise that vanishes at some v

    >>> found = derive_balance(2, samples="x=1,1; y=0,2", at="learning_rate=0.1")
    >>> round(found["mean"], 9), found["collapse_learning_rate_sde"]
    (0.9, 1.0)
    """
    if not 1 <= factors <= MAX_FACTORS:
        raise DomainError(f"{factors} factors are outside the range 1 to {MAX_FACTORS}; give --factors 2, 3, ...")
    if (samples is None) == (moments is None):
        raise ParseError("give either --samples or --moments, not both and not none.")
    m = _from_samples(samples) if samples is not None else _from_moments(str(moments))
    b1, b2 = m[0], m[1]
    a1, a2, a3 = m[2] - b1 * b1, m[3] - b1 * b2, m[4] - b2 * b2
    size = max(m[2], 1e-300)
    a1, a2, a3 = (0.0 if abs(a) <= 1e-12 * max(size, abs(b2) ** 2, m[4]) else a for a in (a1, a2, a3))
    discriminant = a1 * a3 - a2 * a2
    decay = _number("weight_decay", weight_decay)
    _require_consistent(b1, a1, a2, a3, discriminant)
    rates = _read_rates(at)
    model = BalancedModel(factors, b1, b2, a1, a2, a3, rates[0] / rates[1] if rates else math.nan, decay)
    batch = rates[1] if rates else 1
    mean, median = _values(model) if rates else (None, None)
    threshold = max(batch * model.b / a3, 0.0) if factors == 2 and a3 > 0 else None
    return {
        "b1": b1, "b2": b2, "a1": a1, "a2": a2, "a3": a3, "discriminant": discriminant,
        "density": density_text(factors, a1 == 0),
        "tail_exponent": _tail(model),
        "normalisable": _normalisable(model) if rates else None,
        "collapse_learning_rate_sde": threshold,
        "mean": mean, "median": median,
    }  # fmt: skip


def _from_samples(text: str) -> list[float]:
    data = read_samples(text, ("x", "y"))
    rows = list(zip(data["x"], data["y"], strict=True))
    if max(abs(v) for row in rows for v in row) > LARGEST:
        raise DomainError(f"a sample is beyond {LARGEST:g} in size; rescale x and y.")
    powers = ((2, 0), (1, 1), (4, 0), (3, 1), (2, 2))
    return [math.fsum(x**i * y**j for x, y in rows) / len(rows) for i, j in powers]


def _from_moments(text: str) -> list[float]:
    given = parse_moments(text, {"x": _X, "y": _Y})
    missing = [k for k in _NEEDED if k not in given]
    if missing:
        raise DomainError(f"--moments lacks {missing[0]}; give {missing[0]}=...")
    values = [given[k] for k in _NEEDED]
    if not all(v.is_number for v in values):
        raise ParseError("the moments must be numbers; write for example x**2=1.1,x*y=0.3,...")
    if any(abs(v) > LARGEST for v in values):
        raise DomainError(f"a moment is beyond {LARGEST:g} in size; rescale x and y.")
    return [float(v) for v in values]


def _number(name: str, text: str) -> float:
    value = parse_expression(text, unknown="error")
    number = float(value)
    if number < 0:
        raise DomainError(f"{name} is {number:g}; give a number >= 0.")
    return number


def _read_rates(at: str | None) -> tuple[float, float] | None:
    if at is None:
        return None
    given = {k: float(v) for k, v in parse_assignments(at).items()}
    unknown = [k for k in given if k not in ("learning_rate", "batch_size")]
    if unknown or "learning_rate" not in given:
        raise DomainError("--at takes learning_rate and batch_size; give for example learning_rate=0.1,batch_size=2.")
    eta, batch = given["learning_rate"], given.get("batch_size", 1.0)
    if eta <= 0 or batch < 1 or batch != int(batch):
        raise DomainError(f"learning_rate is {eta:g} and batch_size {batch:g}; they must be > 0 and an integer >= 1.")
    return eta, batch


def _require_consistent(b1: float, a1: float, a2: float, a3: float, discriminant: float) -> None:
    small = 1e-12 * max(abs(a1 * a3), a2 * a2, 1e-300)
    if b1 <= 0 or a1 < 0 or a3 < 0 or discriminant < -small:
        raise DerivationError(
            f"the moments are inconsistent: E x^2 = {b1:g}, Var x^2 = {a1:g}, Var xy = {a3:g}, "
            f"discriminant {discriminant:g}; variances and discriminant must be >= 0."
        )
    if a1 > 0 and discriminant <= small:
        raise DerivationError(f"the noise vanishes at v = {a2 / a1:g}, so v stays on one side; add label noise.")
    if a3 == 0:
        raise DerivationError("the gradient has no noise at v = 0; there is no stationary law. Give noisy data.")


def density_text(factors: int, no_quadratic: bool) -> str:
    """Return the density up to normalisation, in v, T = learning_rate/batch_size and the moments.

    >>> density_text(2, True)
    'v**(-3/2 + b/(2*T*a3))*exp(-b1*v/(2*T*a3)), b = b2 - weight_decay/2'
    """
    if factors == 2:
        if no_quadratic:
            return "v**(-3/2 + b/(2*T*a3))*exp(-b1*v/(2*T*a3)), b = b2 - weight_decay/2"
        return (
            "v**(-3/2 + b/(2*T*a3))*A(v)**(-1 - b/(4*T*a3))"
            "*exp(-(a3*b1 - a2*b)/(2*T*a3*sqrt(D))*atan((a1*v - a2)/sqrt(D))), "
            "b = b2 - weight_decay/2, D = a1*a3 - a2**2, A(v) = a1*v**2 - 2*a2*v + a3"
        )
    n = factors
    first, second = sp.Rational(-2 * n + 2, n), sp.Rational(-3 * n + 4, n)
    power = "" if n == 1 else f"v**({sp.Rational(-3 * n + 3, n)})*"
    return (
        f"{power}exp(-Integral(((b1*s - b2)*s**({first}) + weight_decay/2*s**({second}))/A(s), s)/({n}*T))/A(v), "
        "A(v) = a1*v**2 - 2*a2*v + a3"
    )


def _tail(model: BalancedModel) -> float | None:
    if model.a1 == 0:
        return None
    if model.factors == 1:
        known = not math.isnan(model.temperature)
        return -2 - (model.b1 + model.weight_decay / 2) / (model.temperature * model.a1) if known else None
    return -5 + 3 / model.factors


def _normalisable(model: BalancedModel) -> bool:
    if model.factors == 1:
        return True
    if model.factors == 2:
        return model.temperature * model.a3 < model.b
    return model.weight_decay == 0 and model.b2 > 0


def _values(model: BalancedModel) -> tuple[float | None, float | None]:
    """Return mean and median; a single factor is a linear diffusion of both signs, of which the mean is known."""
    if model.factors == 1:
        return model.b2 / (model.b1 + model.weight_decay / 2), None
    if not _normalisable(model):
        return None, None
    try:
        grid = grid_of(model, model.flux_slope)
    except DerivationError:
        # so close to the threshold that the mass at v = 0 cannot be resolved
        return None, None
    return grid.mean(lambda v: v), grid.quantile(0.5)
