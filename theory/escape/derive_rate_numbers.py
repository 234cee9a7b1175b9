"""The numbers of `derive escape` in one dimension: rate, correction and exact passage time at given parameters."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp
from scipy.integrate import quad

from theory.errors import DerivationError
from theory.escape.passage_numeric import Landscape, line_integral, mean_passage_time
from theory.escape.user_model import TEMPERATURE, Model, random_values, real_number


@dataclass(frozen=True)
class Noise:
    """The noise strength D = temperature * weight and its kurtosis (None for a custom one)."""

    name: str
    kurtosis: Any
    weight: Any


def differentiates_back(form: Any, integrand: Any, x: Any) -> float:
    """Largest relative difference between the derivative of ``form`` and ``integrand`` at four generic points."""
    worst = 0.0
    for seed in range(4):
        point = random_values((form.free_symbols | integrand.free_symbols) - {TEMPERATURE}, seed)
        place = {x: sp.Rational(2 * seed - 3, 7)}
        difference = sp.N((sp.diff(form, x) - integrand).subs(point | place), 20)
        scale = 1 + abs(complex(sp.N(integrand.subs(point | place), 20)))
        worst = max(worst, abs(complex(difference)) / scale)
    return worst


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


def fill_numbers(
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
    """Put every number of one problem into ``result``; raises DerivationError where the points do not fit."""
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


def self_check(result: dict[str, Any], model: Model, noise: Noise, form: Any, end: Any, reflect: Any) -> dict[str, Any]:
    """Psi differentiated back at random points, and C1 against (rate * mfpt - 1)/T at small temperatures."""
    (x,), (m,), (s,) = model.variables, model.minimum, model.saddle
    worst, points = 0.0, 0
    if form is not None:
        worst, points = differentiates_back(form, sp.diff(model.loss, x) / noise.weight, x), 4
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
