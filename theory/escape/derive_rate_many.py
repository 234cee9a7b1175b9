"""`derive escape` in several dimensions: Langer's formula after the time change."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import sympy as sp

from theory.errors import DerivationError
from theory.escape.user_model import TEMPERATURE, Model, sign


def fill_many(result: dict[str, Any], model: Model, noise: str, shape: str) -> dict[str, Any]:
    """Fill the keys of ``derive escape`` for isotropic or Hessian-shaped noise in several variables."""
    t, size = TEMPERATURE, len(model.variables)
    at_m, at_s = (dict(zip(model.variables, point, strict=True)) for point in (model.minimum, model.saddle))
    low, high = (sp.simplify(model.loss.subs(place)) for place in (at_m, at_s))
    hessian = sp.hessian(model.loss, model.variables)
    well, top = (hessian.subs(place).applyfunc(sp.simplify) for place in (at_m, at_s))
    ratio = sp.simplify(high / low)
    escape = _symbolic_escape(top, model)
    proportional = noise == "proportional"
    barrier = sp.log(ratio) if proportional else ratio - 1
    exponent = 1 / t + 1 - sp.Rational(size, 2)
    if shape == "hessian":
        exponent = None
    factor = ratio ** (-exponent) if proportional and exponent is not None else sp.exp(-barrier / t)
    rate = None
    if escape is not None and shape == "isotropic":
        rate = -escape / (2 * sp.pi) * sp.sqrt(sp.simplify(well.det() / -top.det())) * factor
    result |= {
        "noise": noise,
        "diffusion_formula": sp.sstr(t * (model.loss if proportional else low)),
        "potential_formula": sp.sstr((sp.log(model.loss / low) if proportional else (model.loss - low) / low) / t),
        "stationary_density_formula": sp.sstr(
            model.loss ** (-1 - 1 / t) if proportional else sp.exp(-(model.loss - low) / (low * t))
        ),
        "stationary_exponent_formula": sp.sstr(1 + 1 / t) if proportional else None,
        "log_barrier_formula": sp.sstr(barrier),
        "rate_formula": None if rate is None else sp.sstr(rate),
        "rate_exponent_formula": sp.sstr(exponent) if proportional and exponent is not None else None,
    }
    if shape == "hessian":
        for key in (
            "potential_formula",
            "stationary_density_formula",
            "stationary_exponent_formula",
            "diffusion_formula",
        ):
            result[key] = None
    if model.numeric:
        _numbers(result, model, noise, shape, low, high, well, top)
    else:
        result["effective_dimension"] = float(size) if shape == "isotropic" else None
    gap = 0.0
    if rate is not None and result["rate"] is not None:
        given = {**(model.values or {}), t: result["temperature"]}
        gap = abs(float(sp.N(rate.subs(given), 17)) / result["rate"] - 1)
    result["self_check"] = {"points": int(gap >= 0.0 and rate is not None), "max_difference": gap, "passed": gap < 1e-9}
    return result


def _symbolic_escape(top: Any, model: Model) -> Any:
    """The negative eigenvalue as an expression: of a diagonal or 2 x 2 Hessian."""
    if top.is_diagonal():
        found = [top[k, k] for k in range(top.rows)]
    elif top.rows == 2:
        found = list(top.eigenvals(multiple=True))
    else:
        return None
    negative = [e for e in found if sign(e, model.values) == -1]
    return negative[0] if len(negative) == 1 else None


def _numbers(
    result: dict[str, Any], model: Model, noise: str, shape: str, low: Any, high: Any, well: Any, top: Any
) -> None:
    numeric = [np.array([[float(model.number(e) or 0.0) for e in row] for row in a.tolist()]) for a in (well, top)]
    h_m, h_s = numeric
    spectrum_m = np.linalg.eigvalsh(h_m)
    spectrum_s, vectors = np.linalg.eigh(h_s)
    scale = max(1.0, float(np.abs(h_m).max()), float(np.abs(h_s).max()))
    if spectrum_m[0] <= 1e-10 * scale:
        raise DerivationError(f"the minimum has the eigenvalue {spectrum_m[0]:.4g}; all must be positive.")
    if np.min(np.abs(spectrum_s)) <= 1e-10 * scale:
        raise DerivationError("the saddle has a zero eigenvalue; the rate formula needs a non-degenerate saddle.")
    if spectrum_s[0] > 0:
        raise DerivationError(
            f"the saddle has no negative eigenvalue (lowest {spectrum_s[0]:.4g}); exactly one is needed."
        )
    if spectrum_s[1] < 0:
        raise DerivationError("the saddle has more than one negative eigenvalue; exactly one is needed.")
    escape, direction = float(spectrum_s[0]), vectors[:, 0]
    along = float(direction @ h_m @ direction)
    temperature = model.temperature
    if temperature is None:
        temperature = float(model.learning_rate or 0.0) * along / float(model.batch_size or 1.0)
    size = len(h_m)
    effective = float(size) if shape == "isotropic" else float(np.trace(h_m)) / along
    minimum_loss, saddle_loss = float(model.number(low) or 0.0), float(model.number(high) or 0.0)
    ratio = saddle_loss / minimum_loss
    proportional = noise == "proportional"
    barrier = math.log(ratio) if proportional else ratio - 1
    exponent = 1 / temperature + 1 - effective / 2
    rate = None
    if shape == "isotropic":
        prefactor = -escape / (2 * math.pi) * math.sqrt(float(np.prod(spectrum_m) / -np.prod(spectrum_s)))
        rate = prefactor * (ratio**-exponent if proportional else math.exp(-barrier / temperature))
    result |= {
        "temperature": temperature,
        "minimum_loss": minimum_loss,
        "saddle_loss": saddle_loss,
        "barrier_ratio": ratio,
        "minimum_curvature": along,
        "saddle_curvature": escape,
        "minimum_hessian": h_m.tolist(),
        "saddle_hessian": h_s.tolist(),
        "stationary_exponent": 1 + 1 / temperature if proportional and shape == "isotropic" else None,
        "log_barrier": barrier,
        "rate": rate,
        "rate_exponent": exponent if proportional else None,
        "effective_dimension": effective,
        "rate_per_iteration": None if rate is None or model.learning_rate is None else model.learning_rate * rate,
        "mfpt_reason": "the exact passage time is one-dimensional",
    }
