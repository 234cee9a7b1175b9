"""What a law's figure shows, as plain numbers: the predicted curve, its nearest mutants, and the measured points."""

from __future__ import annotations

import functools
import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import theory
from checks.check import Check
from checks.outcome import Outcome
from theory import store
from theory.evaluation import flat_numbers, theory_fingerprint
from theory.gate import definition_value
from theory.law import Law, Mutant
from theory.parameter import Parameter

_MOST_POINTS, _LEAST_POINTS, _DEFINITION_POINTS = 41, 7, 5
# a law with fewer gate points than usual has declared itself expensive
_CHEAP = 10
_MUTANTS, _COMPONENTS = 2, 3
_LONG_LIST = 50
_FAILURES = (ArithmeticError, ValueError, LookupError, TypeError)


@dataclass(frozen=True)
class Dot:
    """A measured value with its interval, or (``low`` equal to ``high``) a value of the definition."""

    x: float
    estimate: float
    low: float
    high: float
    label: str


@dataclass(frozen=True)
class Curve:
    """One panel: components of the prediction along one parameter, everything else held fixed."""

    title: str
    key: str
    fixed: dict[str, Any]
    xs: list[float]
    lines: list[list[float | None]]
    mutants: list[tuple[str, list[float | None]]]
    dots: list[list[Dot]]
    measured: bool
    rival: list[float | None] | None = None
    direct: bool = True
    """Whether the lines are the law's own value, and not a function of it."""


Predict = Callable[[Any, Mapping[str, Any]], Any]


def measured_curve(law: Law, found: Sequence[tuple[Outcome, Check]]) -> Curve | None:
    """Return the curve through the cases of one check, or None where the prediction is no function of a number.

    The parameter on the axis is one in which the cases differ and which leaves the rest equal, if there is one.
    """
    if not found:
        return None
    first, check = found[0]
    values = _own(law, check.case(_label(first)).values)
    axes = _axes(law, values)
    if not axes or not first.estimate:
        return None
    others = [(o, _own(law, c.case(_label(o)).values)) for o, c in found if len(o.estimate) == len(first.estimate)]
    groups = {p.key: [(o, v) for o, v in others if _rest(v, p.key) == _rest(values, p.key)] for p in axes}
    p = max(axes, key=lambda axis: len(groups[axis.key]))
    same = groups[p.key]
    size = len(first.estimate)
    shown = sorted(range(size), key=lambda i: -abs(first.prediction[i]))[:_COMPONENTS] if size > _COMPONENTS else None
    chosen = sorted(shown) if shown is not None else list(range(size))
    dots = [[Dot(float(v[p.key]), o.estimate[i], o.low[i], o.high[i], o.case) for o, v in same] for i in chosen]
    drawn = _trace(
        law, p, values, [float(v[p.key]) for _, v in same], check.predict, chosen, check.case(_label(first)).values
    )
    if drawn is None:
        return None
    title = first.case if len(same) == 1 else first.rung
    rival = _rival(check, law, p.key, values, drawn[0], chosen[0])
    return Curve(title, p.key, drawn[3], *drawn[:3], dots, True, rival, check.observable is None)


def _rival(
    check: Check, law: Law, key: str, values: Mapping[str, Any], xs: Sequence[float], component: int
) -> list[float | None] | None:
    """The formula that the same samples confirm, where a check names one."""
    if check.rival is None:
        return None
    rival = theory.law(check.rival) if isinstance(check.rival, str) else check.rival
    known = {p.key for p in rival.parameters} if isinstance(rival, Law) else {p.key for p in law.parameters}
    given = [{k: v for k, v in {**values, key: x}.items() if k in known} for x in xs]
    found = [_numbers(lambda g=g: check.predict(rival(**g), {**values, **g})) for g in given]
    return [y[component] if y is not None and len(y) > component else None for y in found]


def definition_curve(law: Law) -> Curve | None:
    """Return the closed form along one parameter through a generic point, with values of the definition as dots."""
    if law.definition is None or not law.parameters:
        return None
    values = law.generic_points(1)[0]
    axes = _axes(law, values)
    if not axes:
        return None
    p = axes[0]
    low, high = map(float, p.domain.region)
    drawn = _trace(law, p, values, [low, high], lambda v, _: v, list(range(_COMPONENTS)), values)
    if drawn is None:
        return None
    xs = [low + (high - low) * (i + 0.5) / _DEFINITION_POINTS for i in range(_DEFINITION_POINTS)]
    found = [(x, _numbers(lambda x=x: definition_value(law, {**values, p.key: x}))) for x in xs]
    dots = [[Dot(x, y[i], y[i], y[i], "definition") for x, y in found if y is not None and len(y) > i]
            for i in range(len(drawn[1]))]  # fmt: skip
    return Curve("closed form and definition", p.key, drawn[3], *drawn[:3], dots, False)


def stored(law: Law, key: str, build: Callable[[], Curve | None]) -> Curve | None:
    """Return a curve from the cache on disk, or build it: evaluating laws is what makes a report slow."""

    def encoded() -> Any:
        built = build()
        return built and asdict(built)

    data = store.cached(f"curve:{law.id}:{key}", encoded, theory_fingerprint(law.derive) + _own_source())
    if data is None:
        return None
    dots = [[Dot(**d) for d in dots] for dots in data.pop("dots")]
    mutants = [(name, ys) for name, ys in data.pop("mutants")]
    return Curve(**data, dots=dots, mutants=mutants)


@functools.lru_cache(maxsize=1)
def _own_source() -> str:
    return hashlib.sha256(Path(__file__).read_bytes()).hexdigest()


def key_of(found: Sequence[tuple[Outcome, Check]]) -> str:
    """Return what a curve depends on besides the theory: the samples and the claims of its cases."""
    return json.dumps([(o.id, o.sample, o.claim, o.estimate) for o, _ in found])


def _label(outcome: Outcome) -> str:
    return outcome.case.removeprefix(f"{outcome.rung}-")


def _rest(values: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {k: v for k, v in values.items() if k != key}


def _own(law: Law, values: Mapping[str, Any]) -> dict[str, Any]:
    return {p.key: values[p.key] for p in law.parameters if p.key in values}


def _axes(law: Law, values: Mapping[str, Any]) -> list[Parameter]:
    return [
        p
        for p in law.parameters
        if p.domain.kind == "real" and p.key not in law.structure and isinstance(values.get(p.key), (int, float))
    ]


def _trace(
    law: Law,
    p: Parameter,
    values: Mapping[str, Any],
    seen: Sequence[float],
    predict: Predict,
    chosen: Sequence[int],
    given: Mapping[str, Any],
) -> tuple[list[float], list[list[float | None]], list[tuple[str, list[float | None]]], dict[str, Any]] | None:
    """Evaluate the prediction of the law and of its nearest mutants along the axis."""
    low, high = _range(p, seen)
    data = any(isinstance(v, (list, tuple)) and len(v) > _LONG_LIST for v in values.values())
    count = _LEAST_POINTS if data else max(_LEAST_POINTS, min(_MOST_POINTS, 2 * law.gate_points + 1))
    xs = [low + (high - low) * i / (count - 1) for i in range(count)]

    def at(x: float, value: Callable[[dict[str, Any]], Any]) -> list[float] | None:
        return _numbers(lambda: predict(value({**values, p.key: x}), {**given, p.key: x}))

    rows = [at(x, lambda v: law(**v)) for x in xs]
    size = max((len(r) for r in rows if r), default=0)
    chosen = [i for i in chosen if i < size]
    if not chosen or sum(r is not None for r in rows) < count // 2:
        return None
    lines = [[r[i] if r is not None and len(r) > i else None for r in rows] for i in chosen]
    middle = seen[0] if len(seen) == 1 else xs[count // 2]
    mutants = _nearest(
        law, chosen[0], lambda m, x: at(x, lambda v: m.evaluate(law, v)), middle, at(middle, lambda v: law(**v))
    )
    traced = [
        (m.name, [y[chosen[0]] if (y := at(x, lambda v, m=m: m.evaluate(law, v))) else None for x in xs])
        for m in mutants
    ]
    fixed = {k: v for k, v in values.items() if k != p.key}
    return xs, lines, traced, fixed


def _range(p: Parameter, seen: Sequence[float]) -> tuple[float, float]:
    if len(seen) > 1:
        pad = 0.15 * (max(seen) - min(seen)) if not p.domain.region else 0.0
        low, high = min(seen) - pad, max(seen) + pad
    else:
        spread = 0.6 * abs(seen[0]) or 1.0
        low, high = seen[0] - spread, seen[0] + spread
    if p.domain.low is not None:
        low = max(low, p.domain.low + (1e-3 * (high - p.domain.low) if p.domain.low_open else 0.0))
    if p.domain.high is not None:
        high = min(high, p.domain.high - (1e-3 * (p.domain.high - low) if p.domain.high_open else 0.0))
    return low, high


def _nearest(
    law: Law, component: int, at: Callable[[Mutant, float], list[float] | None], x: float, own: list[float] | None
) -> list[Mutant]:
    """The declared mutants closest to the law in the middle of the axis."""
    many = _MUTANTS if law.gate_points >= _CHEAP else 1
    if own is None or len(own) <= component:
        return list(law.mutants[:many])
    apart = [
        (abs(y[component] - own[component]), n)
        for n, m in enumerate(law.mutants)
        if (y := at(m, x)) and len(y) > component
    ]
    return [law.mutants[n] for _, n in sorted(apart)[:many]]


def _numbers(compute: Callable[[], Any]) -> list[float] | None:
    """Flat finite numbers of a value; None where it is undefined, a text or a distribution."""
    try:
        value = compute()
        found = flat_numbers(value) if not callable(value) else []
    except _FAILURES:
        return None
    return found if found and all(map(math.isfinite, found)) else None
