"""`derive escape` in one dimension: potential, density, rate, first correction and exact passage time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp
from scipy.optimize import brentq
from sympy.integrals.manualintegrate import manualintegrate
from sympy.integrals.rationaltools import ratint

from theory.errors import DerivationError, ParseError
from theory.escape.effort import within_effort
from theory.escape.passage_numeric import Landscape, line_integral, mean_passage_time
from theory.escape.rates import correction_terms
from theory.escape.user_model import TEMPERATURE, Model, random_values, read_model, real_number, sign, vanishes

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


@dataclass(frozen=True)
class Noise:
    """The noise strength D = temperature * weight and its kurtosis (None for a custom one)."""

    name: str
    kurtosis: Any
    weight: Any


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
    return (form, form / TEMPERATURE) if _differentiates_back(form, integrand, x) < 1e-10 else (None, None)


def _differentiates_back(form: Any, integrand: Any, x: Any) -> float:
    worst = 0.0
    for seed in range(4):
        point = random_values((form.free_symbols | integrand.free_symbols) - {TEMPERATURE}, seed)
        place = {x: sp.Rational(2 * seed - 3, 7)}
        difference = sp.N((sp.diff(form, x) - integrand).subs(point | place), 20)
        scale = 1 + abs(complex(sp.N(integrand.subs(point | place), 20)))
        worst = max(worst, abs(complex(difference)) / scale)
    return worst


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
        _numbers(result, model, noise, form, prefactor, correction, exponent, end, reflect, critical)
    result["self_check"] = _self_check(result, model, noise, form, end, reflect)
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


def _landscape(model: Model, noise: Noise, form: Any, temperature: float, mirror: bool) -> Landscape:
    (x,), (m,) = model.variables, model.minimum
    values = model.values or {}
    flip = -x if mirror else x

    def compiled(expression: Any) -> Any:
        function = sp.lambdify(x, sp.sympify(expression).subs(values).subs(x, flip), modules="numpy")
        return lambda q: np.broadcast_to(
            np.real(np.asarray(function(q + 0j if _complex(expression) else q))), np.shape(q)
        ).astype(float)

    slope = sp.diff(model.loss, x)
    potential = None
    if form is not None:
        potential = compiled(form)
        if noise.kurtosis is not None and noise.kurtosis != 1:
            low = model.loss.subs(x, m)
            height, k = compiled((model.loss - low) / low), float(noise.kurtosis - 1)
            potential = lambda q: np.log1p(k * height(q)) / k  # noqa: E731
    start = real_number(m, values)
    return Landscape(
        compiled(-slope if mirror else slope),
        compiled(noise.weight),
        potential,
        temperature,
        -start if mirror else start,
    )


def _complex(expression: Any) -> bool:
    return sp.sympify(expression).has(sp.I)


def _numbers(
    result: dict[str, Any],
    model: Model,
    noise: Noise,
    form: Any,
    prefactor: Any,
    correction: Any,
    exponent: Any,
    end: Any,
    reflect: Any,
    critical: list[Any] | None,
) -> None:
    (x,), (m,), (s,) = model.variables, model.minimum, model.saddle
    number = model.number
    start, top = float(number(m) or 0.0), float(number(s) or 0.0)
    mirror = top < start
    curvature_m = float(number(sp.diff(model.loss, x, 2).subs(x, m)) or 0.0)
    curvature_s = float(number(sp.diff(model.loss, x, 2).subs(x, s)) or 0.0)
    temperature = model.temperature
    if temperature is None:
        temperature = float(model.learning_rate or 0.0) * curvature_m / float(model.batch_size or 1.0)
    low, high = float(number(model.loss.subs(x, m)) or 0.0), float(number(model.loss.subs(x, s)) or 0.0)
    landscape = _landscape(model, noise, form, temperature, mirror)
    _check_between(landscape, model, critical, start, top)
    if form is not None:
        barrier = float(landscape.potential(np.array(-top if mirror else top))) if landscape.potential else 0.0
    else:
        from scipy.integrate import quad

        def force(q: float) -> float:
            return float(landscape.slope(np.array(q)) / landscape.weight(np.array(q)))

        ends = sorted((landscape.minimum, -top if mirror else top))
        barrier = float(quad(force, *ends, epsabs=0, epsrel=1e-12)[0])
    rate = float(number(prefactor) or 0.0) * math.exp(-barrier / temperature)
    c1 = float(number(correction) or 0.0)
    result |= {
        "temperature": temperature,
        "minimum_loss": low,
        "saddle_loss": high,
        "barrier_ratio": high / low,
        "minimum_curvature": curvature_m,
        "saddle_curvature": curvature_s,
        "stationary_exponent": None if exponent is None else float(exponent.subs(TEMPERATURE, temperature)),
        "log_barrier": barrier,
        "rate": rate,
        "rate_exponent": 1 / temperature + 0.5 if noise.kurtosis == 2 else None,
        "correction": c1,
        # beyond the reach of the first correction its denominator is no longer positive
        "rate_corrected": rate / (1 + c1 * temperature) if 1 + c1 * temperature > 0 else None,
        "effective_dimension": 1.0,
        "rate_per_iteration": None if model.learning_rate is None else model.learning_rate * rate,
    }
    if reflect is None and form is not None:
        try:
            result["normaliser"] = line_integral(landscape, abs(top - start))
        except DerivationError:
            result["normaliser"] = None
    result["mfpt"], result["mfpt_reason"] = _passage(model, landscape, mirror, top, end, reflect)
    if result["mfpt"] is not None:
        result["rate_times_mfpt"] = rate * result["mfpt"]
        result["mfpt_iterations"] = None if model.learning_rate is None else result["mfpt"] / model.learning_rate


def _passage(
    model: Model, landscape: Landscape, mirror: bool, top: float, end: Any, reflect: Any
) -> tuple[float | None, str | None]:
    if end is None:
        return None, "no critical point lies beyond the saddle; give --target"
    side = -1.0 if mirror else 1.0
    goal = side * float(model.number(end) or 0.0)
    wall = None if reflect is None else side * float(model.number(reflect) or 0.0)
    if goal <= landscape.minimum:
        raise DerivationError(f"the target {sp.sstr(end)} does not lie beyond the minimum on the saddle's side.")
    if wall is not None and wall >= landscape.minimum:
        raise DerivationError(f"the reflecting point {sp.sstr(reflect)} must lie on the other side of the minimum.")
    try:
        return mean_passage_time(landscape, min(side * top, goal), goal, wall), None
    except DerivationError as error:
        return None, str(error)


def _check_between(landscape: Landscape, model: Model, critical: list[Any] | None, start: float, top: float) -> None:
    side = -1.0 if top < start else 1.0
    places = np.linspace(side * start, side * top, 4001)[1:-1]
    if not np.all(landscape.weight(places) > 0):
        raise DerivationError("the noise strength D is not positive between minimum and saddle.")
    inner = landscape.slope(places[20:-20])
    found = bool(np.any(inner <= 0))
    for q in critical or []:
        place = float(sp.re(sp.N(q.subs(model.values or {}), 20)))
        found |= min(start, top) + 1e-7 < place < max(start, top) - 1e-7
    if found:
        raise DerivationError("another critical point lies strictly between minimum and saddle; escape in two steps.")


def _self_check(
    result: dict[str, Any], model: Model, noise: Noise, form: Any, end: Any, reflect: Any
) -> dict[str, Any]:
    """Psi differentiated back at random points, and C1 against (rate * mfpt - 1)/T at small temperatures."""
    (x,), (m,), (s,) = model.variables, model.minimum, model.saddle
    worst, points = 0.0, 0
    if form is not None:
        worst, points = _differentiates_back(form, sp.diff(model.loss, x) / noise.weight, x), 4
    passed = worst < 1e-8
    if model.numeric and result["mfpt"] is not None and end is not None and reflect is None and form is not None:
        start, top = float(model.number(m) or 0.0), float(model.number(s) or 0.0)
        mirror = top < start
        base = result["rate"] * math.exp(result["log_barrier"] / result["temperature"])
        reduced = []
        unit = 0.01 * min(1.0, result["log_barrier"])
        for scale in (unit, unit / 2, unit / 4):
            landscape = _landscape(model, noise, form, scale, mirror)
            time, _ = _passage(model, landscape, mirror, top, end, reflect)
            if time is None:
                break
            product = base * math.exp(-result["log_barrier"] / scale + math.log(time))
            reduced.append((product - 1) / scale)
        if len(reduced) == 3:
            estimate = (reduced[0] - 6 * reduced[1] + 8 * reduced[2]) / 3
            gap = abs(estimate - result["correction"]) / (1 + abs(result["correction"]))
            worst, points = max(worst, gap), points + 3
            passed = passed and gap < 2e-2
    return {"points": points, "max_difference": worst, "passed": passed}
