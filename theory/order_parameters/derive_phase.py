"""`derive phase` and `derive perfect-learning`: the phase of two exponents, thresholds and floors of an activation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import mpmath
import sympy as sp

from theory.errors import DerivationError
from theory.gaussian import NoClosedForm
from theory.gaussian.numeric import form_function
from theory.order_parameters import perfect
from theory.order_parameters.activation import activation
from theory.order_parameters.phases import describe


def derive_phase(kappa: str, delta: str) -> dict[str, Any]:
    """Return the phase of a point of the phase diagram; exponents are decimals or fractions, read exactly.

    >>> derive_phase("0.2", "0.15")["convergence_exponent"]
    0.675
    """
    return describe(kappa, delta)


def derive_perfect_learning(
    activation_text: str, batch: int | None = None, at: Mapping[str, float] | None = None
) -> dict[str, Any]:
    """Return moments, critical learning rate, noise floor and rates of one unit learning one like itself.

    >>> derive_perfect_learning("linear")["closed_form"]["critical_learning_rate"]
    '2'
    """
    if batch is not None and batch < 1:
        raise DerivationError(f"--batch {batch} must be at least 1.")
    size = batch or 1
    unit = activation(activation_text)
    if unit.parameters:
        raise DerivationError(f"the activation contains the parameter {unit.parameters[0]}; give it a number.")
    at_batch = {perfect.BATCH: sp.Integer(size)}
    try:
        forms: dict[str, Any] = {
            "second_derivative_moment": perfect.mu(activation_text, 2),
            "fourth_derivative_moment": perfect.mu(activation_text, 4),
            "critical_learning_rate": perfect.critical_rate(activation_text),
            "noise_floor": perfect.noise_floor(activation_text),
            "rates": list(perfect.rates(activation_text)),
        }
    except NoClosedForm as error:
        reason = str(error).split("; use --allow-quadrature")[0].split(", use --allow-quadrature")[0].rstrip(".")
        raise DerivationError(
            f"{reason}; perfect-learning needs the moments of the slope in closed form, choose another activation."
        ) from error
    renamed = {
        perfect.T: sp.Symbol("teacher_norm", positive=True),
        perfect.ETA: sp.Symbol("learning_rate", positive=True),
        perfect.NOISE: sp.Symbol("noise_variance", nonnegative=True),
    }
    texts = {
        key: [sp.sstr(f.subs(at_batch).subs(renamed)) for f in form]
        if isinstance(form, list)
        else sp.sstr(form.subs(at_batch).subs(renamed))
        for key, form in forms.items()
    }
    result: dict[str, Any] = {"activation": sp.sstr(unit.expression), "batch_size": size, "closed_form": texts}
    return result | _values(forms, size, at)


def _values(forms: Mapping[str, Any], batch: int, at: Mapping[str, float] | None) -> dict[str, Any]:
    if at is None:
        return dict.fromkeys(forms)
    known = {"teacher_norm": perfect.T, "learning_rate": perfect.ETA, "noise_variance": perfect.NOISE}
    unknown = sorted(set(at) - set(known))
    if unknown:
        raise DerivationError(f"--at has the unknown key {unknown[0]!r}; its keys are {', '.join(known)}.")
    for key, value in at.items():
        if value < 0 or (value == 0 and key != "noise_variance"):
            raise DerivationError(f"{key} = {value} must be {'>= 0' if key == 'noise_variance' else '> 0'}.")
    full = {"teacher_norm": 1.0, "noise_variance": 0.0, **at}

    def number(form: Any) -> float | None:
        form = sp.sympify(form).subs(perfect.BATCH, batch)
        keys = [k for k, s in known.items() if s in form.free_symbols]
        if any(k not in full for k in keys):
            return None
        result = mpmath.mpmathify(form_function(form, tuple(known[k] for k in keys))(*(full[k] for k in keys)))
        if result.imag != 0 or not mpmath.isfinite(result):
            raise DerivationError(
                f"the moments of the slope are infinite at teacher_norm = {full['teacher_norm']}; give a smaller one."
            )
        return float(result.real)

    values: dict[str, Any] = {
        key: [number(f) for f in form] if isinstance(form, list) else number(form) for key, form in forms.items()
    }
    rate, limit = full.get("learning_rate"), values["critical_learning_rate"]
    if rate is None or (limit is not None and rate >= limit):
        values["noise_floor"] = None
    return values
