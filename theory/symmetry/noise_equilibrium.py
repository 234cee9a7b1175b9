"""Where gradient noise drives a charge: the drift along the orbit of a symmetry and its zero, from a user's model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import mpmath

from theory.errors import DerivationError, DomainError, ParseError
from theory.parse import parse_assignments
from theory.symmetry import spectrum
from theory.symmetry.charges import Charge, polynomial_charges
from theory.symmetry.equilibrium import Orbit
from theory.symmetry.law_text import charge_text, generator_rows
from theory.symmetry.model_text import TextModel, polynomial_model, read_loss, read_model
from theory.symmetry.orbit_text import Eigenspace, drift_formula, eigenspaces, flow_parameter_formula, noise_forms
from theory.symmetry.sample_data import GradientMoments, gradient_moments, read_samples

RATES = ("learning_rate", "batch_size", "weight_decay", "momentum")
_NUMERIC_KEYS = (
    "charge_at", "noise_form", "mean_gradient_form", "drift", "expected_next_charge", "exists", "unique", "reason",
    "flow_parameter", "equilibrium", "charge_at_equilibrium", "relaxation_rate", "equilibration_steps",
)  # fmt: skip


@dataclass(frozen=True)
class Rates:
    """Learning rate, batch size, coupled decay, momentum, and the factor k of drawing without replacement."""

    learning_rate: float
    batch_size: int
    weight_decay: float
    momentum: float
    correction: float

    @property
    def temperature(self) -> float:
        """k eta/(S (1 - mu)), the temperature of the slow motion."""
        return self.correction * self.learning_rate / (self.batch_size * (1 - self.momentum))


def derive_noise_equilibrium(
    model: str,
    parameters: str,
    data: str,
    targets: str,
    *,
    loss: str | None = None,
    law: int | None = None,
    generator: str | None = None,
    samples: str | None = None,
    replacement: str = "with",
    at: str | None = None,
) -> dict[str, Any]:
    """Return the drift of a charge under SGD noise along its orbit, and the noise equilibrium.

    Parameters
    ----------
    model, parameters, data : as for ``derive_conservation_laws``
    targets : one name per output
    loss : in f and y (or f1, f2, y1, y2); default the sum of (f - y)**2
    law, generator : which symmetry: a number of the list of laws, or a diagonal generator ``u:1,w:-1``
    samples : the empirical distribution, ``x=1,2; y=0.5,1``
    replacement : with or without
    at : parameters, learning_rate, and optionally batch_size, weight_decay, momentum

    Raises
    ------
    ParseError, DomainError : text that is not understood, or values outside their domain
    DerivationError : no symmetry, no choice between several, a linear law, a generator that is no symmetry

    >>> found = derive_noise_equilibrium("u*w*x", "u,w", "x", "y", samples="x=1,1; y=0,2",
    ...                                  at="u=2,w=0.5,learning_rate=0.1")
    >>> [round(p, 9) for p in found["equilibrium"]]
    [1.0, 1.0]
    """
    if replacement not in ("with", "without"):
        raise ParseError(f"replacement {replacement[:40]!r} is unknown; choose with or without.")
    text = read_model(model, parameters, data)
    per_sample = read_loss(text, targets, loss)
    names = text.names()
    charge = _given(generator, text) if generator is not None else _chosen(text, law)
    if generator is not None and law is not None:
        raise ParseError("both --law and --generator are given; give one of them.")
    entries = spectrum.generator(charge)
    spaces = eigenspaces(entries, names)
    result: dict[str, Any] = {
        "generator": generator_rows(entries, len(names)),
        "charge": charge_text(charge, names),
        "class": spectrum.class_of(spectrum.eigenvalues(entries, len(names))),
        "drift_formula": drift_formula(spaces, replacement),
        "noise_forms": noise_forms(spaces, per_sample),
        "flow_parameter_formula": flow_parameter_formula(spaces, replacement),
        **dict.fromkeys(_NUMERIC_KEYS),
    }
    point = None if at is None else _read_at(at, names)
    given = None if samples is None else read_samples(samples, tuple(s.name for s in per_sample.data))
    if point is None or given is None:
        return result
    moments = gradient_moments(per_sample, point, given)
    return result | _numbers(
        charge, spaces, [point[n] for n in names], moments, _rates(point, moments.count, replacement)
    )


def _chosen(text: TextModel, law: int | None) -> Charge:
    from theory.symmetry.fields import TextFields
    from theory.symmetry.sampled import sampled_charges

    features = polynomial_model(text)
    size = len(text.parameters)
    charges = sampled_charges(TextFields(text)) if features is None else polynomial_charges(features.features, size)
    if not charges:
        raise DerivationError("the model has no linear symmetry with a charge; there is no noise equilibrium to find.")
    listed = "; ".join(f"{i}: {charge_text(c, text.names())}" for i, c in enumerate(charges[:12], 1))
    if law is None:
        if len(charges) > 1:
            raise DerivationError(
                f"the model has {len(charges)} laws ({listed}); choose one with --law or --generator."
            )
        law = 1
    if not 1 <= law <= len(charges):
        raise DomainError(f"law {law} does not exist, there are {len(charges)} ({listed}); choose one of these.")
    charge = charges[law - 1]
    if not charge.quadratic:
        raise DerivationError("a linear law is chosen; the charge of a translation has no noise drift. Choose another.")
    if charge.linear:
        raise DerivationError(
            f"the law {charge_text(charge, text.names())} is not centred; shift the parameters so that it is quadratic."
        )
    return charge


def _given(generator: str, text: TextModel) -> Charge:
    """Read a diagonal generator and verify that it is a symmetry."""
    from theory.symmetry.fields import TextFields
    from theory.symmetry.sampled import residual
    from theory.symmetry.verification import LIMIT, charge_direction

    weights = parse_assignments(generator.replace(":", "="))
    names = text.names()
    unknown = [n for n in weights if n not in names]
    if unknown:
        raise ParseError(f"{unknown[0]} in --generator is no parameter; the parameters are {', '.join(names[:12])}.")
    if not all(w.is_Rational for w in weights.values()) or not any(weights.values()):
        raise ParseError(
            "the weights of --generator must be rational numbers, not all zero; write for example u:1,w:-1."
        )
    common = math.lcm(*(int(w.q) for w in weights.values()))
    integers = {names.index(n): int(w * common) for n, w in weights.items() if w}
    divisor = math.gcd(*integers.values())
    charge = Charge(tuple(((i, i), integers[i] // divisor) for i in sorted(integers)), ())
    worst = residual(TextFields(text), [charge_direction(charge)])
    if worst > LIMIT:
        raise DerivationError(
            f"the generator {generator[:60]!r} is no symmetry of the model: |g . A theta| is {worst:.2g} of its scale; "
            "see sgdlaws derive conservation-laws for those that are."
        )
    return charge


def _read_at(at: str, names: Sequence[str]) -> dict[str, float]:
    clash = set(names) & set(RATES)
    if clash:
        raise ParseError(f"the parameter name {sorted(clash)[0]} is taken by a rate of SGD; rename it.")
    given = {k: float(v) for k, v in parse_assignments(at).items()}
    missing = [n for n in (*names, "learning_rate") if n not in given]
    if missing:
        raise DomainError(f"--at lacks {missing[0]}; give {missing[0]}=...")
    unknown = [n for n in given if n not in (*names, *RATES)]
    if unknown:
        raise DomainError(f"--at has {unknown[0]}, which is neither a parameter nor one of {', '.join(RATES)}.")
    return given


def _rates(point: dict[str, float], count: int, replacement: str) -> Rates:
    eta, batch = point["learning_rate"], point.get("batch_size", 1.0)
    decay, mu = point.get("weight_decay", 0.0), point.get("momentum", 0.0)
    if eta <= 0:
        raise DomainError(f"learning_rate is {eta:g}; give a number > 0.")
    if batch < 1 or batch != int(batch):
        raise DomainError(f"batch_size is {batch:g}; give an integer >= 1.")
    if decay < 0:
        raise DomainError(f"weight_decay is {decay:g}; give a number >= 0.")
    if not 0 <= mu < 1:
        raise DomainError(f"momentum is {mu:g}; give a number in [0, 1).")
    correction = 1.0
    if replacement == "without":
        if batch > count:
            raise DomainError(
                f"batch_size is {batch:g} but there are {count} samples; without replacement give at most N."
            )
        correction = (count - batch) / (count - 1) if count > 1 else 0.0
    return Rates(eta, int(batch), decay, mu, correction)


def _numbers(
    charge: Charge, spaces: Sequence[Eigenspace], theta: Sequence[float], moments: GradientMoments, rates: Rates
) -> dict[str, Any]:
    """Return the numeric keys at one point."""
    flat = [(s.eigenvalue, v) for s in spaces for v in s.directions]
    # what is below the rounding of its own terms counts as zero, or existence would hang on noise of the arithmetic
    components = [
        _kept(sum(x * theta[i] for i, x in v.items()), 1e-14 * sum(abs(x * theta[i]) for i, x in v.items()))
        for _, v in flat
    ]
    squares = [float(moments.covariance[i, i] + moments.mean[i] ** 2) for i in range(len(theta))]
    noise = [
        _kept(_form(moments.covariance, v), 1e-24 * sum(x * x * squares[i] for i, x in v.items())) for _, v in flat
    ]
    means = [sum(x * moments.mean[i] for i, x in v.items()) for _, v in flat]
    mu = [m for m, _ in flat]
    value = sum(m * c * c for m, c in zip(mu, components, strict=True))
    noise_form = sum(m * s for m, s in zip(mu, noise, strict=True))
    mean_form = float(sum(m * g * g for m, g in zip(mu, means, strict=True)))
    eta, decay, slow = rates.learning_rate, rates.weight_decay, 1 - rates.momentum
    jump = rates.correction * noise_form / rates.batch_size + mean_form
    orbit = Orbit(mu, components, noise, rates.temperature, decay)
    found = {
        "charge_at": value,
        "noise_form": noise_form,
        "mean_gradient_form": mean_form,
        "drift": (-2 * decay * value + rates.temperature * noise_form) / slow,
        "expected_next_charge": (1 - eta * decay) ** 2 * value + eta**2 * jump,
        **_existence(orbit),
    }
    if not found["exists"]:
        return found
    position = orbit.position()
    moved = [m * position for m in mu]
    end = [float(p) for p in theta]
    for (_, v), c, shift in zip(flat, components, moved, strict=True):
        for i, x in v.items():
            end[i] = end[i] - x * c + float(x * c * mpmath.exp(shift))
    rate = float(orbit.relaxation_rate(position)) / slow
    return found | {
        "flow_parameter": float(position),
        "equilibrium": end,
        "charge_at_equilibrium": float(mpmath.fsum(m * c * c * mpmath.exp(2 * s)
                                                   for m, c, s in zip(mu, components, moved, strict=True))),
        "relaxation_rate": rate,
        "equilibration_steps": 1 / (eta * rate),
    }  # fmt: skip


def _existence(orbit: Orbit) -> dict[str, Any]:
    if orbit.vanishes():
        return {"exists": False, "unique": False, "reason": "drift vanishes on the whole orbit"}
    if orbit.exists():
        reason = "the drift decreases along the orbit from positive to negative values: one zero, which attracts"
        return {"exists": True, "unique": True, "reason": reason}
    side = "upwards" if orbit.drift(0) > 0 else "downwards"
    need = "weight decay > 0" if orbit.weight_decay == 0 else "noise on the other side"
    return {"exists": False, "unique": False,
            "reason": f"the drift has one sign on the whole orbit and moves the charge {side} for ever; "
                      f"an equilibrium needs {need}"}  # fmt: skip


def _kept(value: float, smallest: float) -> float:
    """Return the value, or zero where it is rounding only."""
    return float(value) if abs(value) > smallest else 0.0


def _form(covariance: Any, direction: dict[int, float]) -> float:
    return float(sum(x * y * covariance[i, j] for i, x in direction.items() for j, y in direction.items()))
