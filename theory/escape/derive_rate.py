"""`derive escape` in one dimension: potential, density, rate, first correction and exact passage time."""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from scipy.optimize import brentq
from sympy.integrals.manualintegrate import manualintegrate
from sympy.integrals.rationaltools import ratint

from theory.errors import DerivationError, ParseError
from theory.escape.derive_rate_numbers import Noise, differentiates_back, fill_numbers, self_check
from theory.escape.effort import within_effort
from theory.escape.rates import correction_terms
from theory.escape.user_model import TEMPERATURE, Model, read_model, sign, vanishes

# about a second; the rule-based integrator may run for ever on a mixture of powers and exponentials
SEARCH_CALLS = 1_000_000
KEYS = (
    "noise", "diffusion_formula", "potential_formula", "stationary_density_formula", "stationary_exponent_formula",
    "stationary_exponent", "normaliser_formula", "normaliser", "log_barrier_formula", "log_barrier", "rate_formula",
    "rate", "rate_exponent_formula", "rate_exponent", "correction_formula", "correction", "rate_corrected",
    "mfpt_formula", "mfpt", "mfpt_reason", "rate_times_mfpt", "rate_per_iteration", "mfpt_iterations", "temperature",
    "minimum_loss", "saddle_loss", "barrier_ratio", "minimum_curvature", "saddle_curvature", "minimum_hessian",
    "saddle_hessian", "effective_dimension", "self_check",
)  # fmt: skip


def derive_escape(
    loss: str,
    variables: str,
    minimum: str,
    saddle: str,
    target: str | None = None,
    reflect: str | None = None,
    noise: str | None = None,
    diffusion: str | None = None,
    noise_shape: str = "isotropic",
    at: str | None = None,
) -> dict[str, Any]:
    """Derive the escape rate of dx = -L' dt + sqrt(2 D) dW from a minimum over a saddle.

    Returns the keys of ``KEYS``: formulas as SymPy-parsable strings in the user's names plus ``temperature``, numbers
    where ``at`` gives every name. Raises ParseError or DerivationError with value, limit and remedy.

    >>> found = derive_escape("1+(c-1)*(x**2-1)**2", "x", "-1", "0", at="temperature=0.1,c=3")
    >>> round(found["rate_times_mfpt"], 6)
    0.990246
    """
    if noise_shape not in ("isotropic", "hessian"):
        raise ParseError(f"noise shape {noise_shape!r} is unknown; choose isotropic or hessian.")
    if noise is not None and diffusion is not None:
        raise ParseError("--noise and --diffusion are both given; give one of them.")
    texts = [text for text in (target, reflect, diffusion) if text is not None]
    model, parsed = read_model(loss, variables, minimum, saddle, at, tuple(texts))
    given = dict(zip([k for k, t in (("target", target), ("reflect", reflect), ("diffusion", diffusion)) if t], parsed))
    _check_points(model)
    result: dict[str, Any] = dict.fromkeys(KEYS)
    if len(model.variables) > 1:
        from theory.escape.derive_rate_many import fill_many

        if "diffusion" in given or (noise or "proportional") not in ("proportional", "additive"):
            raise DerivationError(
                "several variables need --noise proportional or additive; custom noise is one-dimensional."
            )
        return fill_many(result, model, noise or "proportional", noise_shape)
    if noise_shape == "hessian":
        raise DerivationError("--noise-shape hessian needs several variables; leave it out.")
    chosen = _noise(model, noise, given.get("diffusion"))
    return _fill(result, model, chosen, given.get("target"), given.get("reflect"))


def _check_points(model: Model) -> None:
    gradient = [sp.diff(model.loss, x) for x in model.variables]
    for name, point in (("minimum", model.minimum), ("saddle", model.saddle)):
        place = dict(zip(model.variables, point, strict=True))
        for g in gradient:
            if not vanishes(g.subs(place), model.values):
                shown = ", ".join(map(sp.sstr, point))
                raise DerivationError(
                    f"the {name} {shown} is no critical point: the gradient there is {sp.sstr(g.subs(place))[:60]}."
                )
    low = model.loss.subs(dict(zip(model.variables, model.minimum, strict=True)))
    high = model.loss.subs(dict(zip(model.variables, model.saddle, strict=True)))
    if sign(low, model.values) in (0, -1):
        raise DerivationError(
            f"the loss at the minimum is {sp.sstr(low)}, it must be > 0; "
            "for interpolation (zero loss) see the laws escape.lyapunov.*."
        )
    if sign(high - low, model.values) in (0, -1):
        raise DerivationError(
            f"the saddle (loss {sp.sstr(high)}) is not higher than the minimum (loss {sp.sstr(low)})."
        )


def _noise(model: Model, noise: str | None, diffusion: Any) -> Noise:
    (x,), (m,) = model.variables, model.minimum
    low = model.loss.subs(x, m)
    if diffusion is not None:
        weight = sp.cancel(diffusion / TEMPERATURE)
        if TEMPERATURE in weight.free_symbols or weight == 0:
            raise DerivationError("--diffusion is not of the form temperature * G(x); write it linear in temperature.")
        return Noise("custom", None, weight)
    name = noise or "proportional"
    if name.startswith("kurtosis="):
        from theory.parse import parse_expression

        kurtosis = parse_expression(name.split("=", 1)[1])
    else:
        table = {"proportional": 2, "additive": 1, "gaussian-features": 3}
        if name not in table:
            raise ParseError(
                f"noise {name!r} is unknown; choose proportional, additive, gaussian-features or kurtosis=K."
            )
        kurtosis = sp.Integer(table[name])
    if not kurtosis.is_number:
        raise ParseError(f"kurtosis = {sp.sstr(kurtosis)} must be a number; give for example kurtosis=2.4.")
    if kurtosis < 1:
        raise DerivationError(f"kurtosis = {sp.sstr(kurtosis)} is below 1, the smallest possible; give a value >= 1.")
    if kurtosis == 2:
        return Noise(name, kurtosis, model.loss)
    return Noise(name, kurtosis, low + (kurtosis - 1) * (model.loss - low))


def _potential(model: Model, noise: Noise) -> tuple[Any, Any]:
    """temperature * Psi and Psi: closed where verified by differentiating back, else None."""
    (x,), (m,) = model.variables, model.minimum
    low = model.loss.subs(x, m)
    if noise.kurtosis is not None:
        k = noise.kurtosis - 1
        form = (model.loss - low) / low if k == 0 else sp.log(noise.weight / low) / k
        return form, form / TEMPERATURE
    integrand = sp.cancel(sp.diff(model.loss, x) / noise.weight)
    # with assumptions on the symbols, integrate() drops logarithms of rational functions: ratint on dummies does not
    dummy = sp.Dummy("x")
    swap = {s: sp.Dummy(s.name) for s in integrand.free_symbols - {x}} | {x: dummy}
    bare = integrand.xreplace(swap)
    search = ratint if integrand.is_rational_function(x) else manualintegrate
    raw = within_effort(lambda: search(bare, dummy), SEARCH_CALLS)
    if raw is None or raw.has(sp.Integral) or not raw.has(dummy):
        return None, None
    raw = raw.xreplace({v: k for k, v in swap.items()})
    form = raw - raw.subs(x, m)
    return (form, form / TEMPERATURE) if differentiates_back(form, integrand, x) < 1e-10 else (None, None)


def _fill(result: dict[str, Any], model: Model, noise: Noise, target: Any, reflect: Any) -> dict[str, Any]:
    (x,), (m,), (s,) = model.variables, model.minimum, model.saddle
    t = TEMPERATURE
    slope = sp.diff(model.loss, x)
    second_m, second_s = (sp.simplify(sp.diff(model.loss, x, 2).subs(x, q)) for q in (m, s))
    for name, curvature, wanted in (("minimum", second_m, 1), ("saddle", second_s, -1)):
        found = sign(curvature, model.values)
        if found not in (None, wanted):
            word = "positive" if wanted > 0 else "negative"
            raise DerivationError(f"the curvature at the {name} is {sp.sstr(curvature)}, it must be {word}.")
    low, high = (sp.simplify(model.loss.subs(x, q)) for q in (m, s))
    form, psi = _potential(model, noise)
    weight_m, weight_s = (sp.simplify(noise.weight.subs(x, q)) for q in (m, s))
    barrier = None if form is None else sp.simplify(form.subs(x, s))
    prefactor = sp.sqrt(second_m * -second_s) * sp.sqrt(weight_m / weight_s) / (2 * sp.pi)
    rate = None if barrier is None else sp.simplify(prefactor) * sp.exp(-barrier / t)
    correction = sp.factor(sp.cancel(sp.together(sum(correction_terms(slope, noise.weight, x, m, s)))))
    exponent = None if noise.kurtosis in (None, 1) else 1 + 1 / ((noise.kurtosis - 1) * t)
    density = None
    if noise.kurtosis is not None:
        density = sp.exp(-psi) if noise.kurtosis == 1 else noise.weight ** (-1 - 1 / ((noise.kurtosis - 1) * t))
    elif psi is not None:
        density = sp.exp(-psi) / noise.weight
    if barrier is not None and noise.kurtosis == 2:
        rate = sp.simplify(prefactor) * (high / low) ** (-1 / t)
    critical = _critical_points(model, slope)
    end = target if target is not None else _default_target(model, critical)
    result |= {
        "noise": noise.name
        if noise.kurtosis is None or noise.name in ("proportional", "additive", "gaussian-features")
        else f"kurtosis={sp.sstr(noise.kurtosis)}",
        "diffusion_formula": _text(t * noise.weight),
        "potential_formula": _text(psi),
        "stationary_density_formula": _text(density),
        "stationary_exponent_formula": _text(exponent),
        "log_barrier_formula": _text(barrier),
        "rate_formula": _text(rate),
        "rate_exponent_formula": _text(1 / t + sp.Rational(1, 2)) if noise.kurtosis == 2 else None,
        "correction_formula": _text(correction),
        "mfpt_formula": _text(_integral(model, noise, psi, end, reflect)),
    }
    if model.numeric:
        fill_numbers(result, model, noise, form, prefactor, correction, exponent, end, reflect, critical)
    result["self_check"] = self_check(result, model, noise, form, end, reflect)
    return result


def _text(expression: Any) -> str | None:
    return None if expression is None else sp.sstr(expression)


def _integral(model: Model, noise: Noise, psi: Any, end: Any, reflect: Any) -> Any:
    if psi is None or end is None:
        return None
    (x,), (m,), (s,) = model.variables, model.minimum, model.saddle
    y, z = sp.Symbol("y_", real=True), sp.Symbol("z_", real=True)
    leftward = sign(s - m, model.values) == -1
    start = reflect if reflect is not None else (sp.oo if leftward else -sp.oo)
    inner = sp.Integral((sp.exp(-psi) / (TEMPERATURE * noise.weight)).subs(x, z), (z, start, y))
    return sp.Integral(sp.exp(psi).subs(x, y) * inner, (y, m, end))


def _critical_points(model: Model, slope: Any) -> list[Any] | None:
    """Real zeros of L' where a polynomial gives them, as exact expressions where possible."""
    (x,) = model.variables
    numerator = sp.fraction(sp.together(slope))[0]
    if not numerator.is_polynomial(x):
        return None
    roots = sp.roots(sp.Poly(numerator, x))
    if sum(roots.values()) != sp.degree(numerator, x):
        if model.values is None:
            return None
        return [r for r in sp.Poly(numerator.subs(model.values), x).nroots(20, maxsteps=200) if abs(sp.im(r)) < 1e-12]
    values = model.values or {}
    real = []
    for r in roots:
        number = sp.N(r.subs(values), 20)
        if number.free_symbols:
            return None
        if abs(sp.im(number)) < 1e-12:
            real.append(r)
    return real


def _default_target(model: Model, critical: list[Any] | None) -> Any:
    (x,), (m,), (s,) = model.variables, model.minimum, model.saddle
    values = model.values or {}
    if any(sp.N(q.subs(values)).free_symbols for q in (m, s)):
        return None
    start, top = (float(sp.N(q.subs(values), 20)) for q in (m, s))
    side = 1.0 if top > start else -1.0
    if critical is not None:
        beyond = [(side * (float(sp.re(sp.N(q.subs(values), 20))) - top), q) for q in critical]
        beyond = [(distance, q) for distance, q in beyond if distance > 1e-9 * (1 + abs(top))]
        return min(beyond, key=lambda pair: pair[0])[1] if beyond else None
    if model.values is None:
        return None
    slope = sp.lambdify(x, sp.diff(model.loss, x).subs(values), modules="numpy")
    step = abs(top - start) / 200
    places = top + side * step * (np.arange(1, 8001) - 0.5)
    with np.errstate(all="ignore"):
        found = np.broadcast_to(np.asarray(slope(places), dtype=float), places.shape)
    change = np.flatnonzero(np.diff(np.sign(found)) != 0)
    if not len(change):
        return None
    k = int(change[0])
    return sp.Float(brentq(lambda q: float(slope(q)), *sorted((places[k], places[k + 1])), xtol=1e-15), 17)
