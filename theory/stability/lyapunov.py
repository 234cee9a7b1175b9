"""`sgdlaws derive lyapunov`: the exponent of a user's curvature law, its zeros, windows, fluctuations and phases."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp

from theory.errors import DerivationError, DomainError
from theory.parse import parse_assignments
from theory.stability.batch import MAX_ATOMS, batch_atoms, count
from theory.stability.curvature import Atoms, Curvature, Family, Mixture, drift
from theory.stability.curvature_bound import Bound, BoundAtoms, BoundCharacteristic
from theory.stability.curvature_form import closed_exponent
from theory.stability.curvature_numeric import bind, bind_batch
from theory.stability.curvature_text import CurvatureText, data_curvature, read_curvature
from theory.stability.exponent_check import self_check
from theory.stability.learning_rate_roots import roots_and_windows
from theory.stability.moment_roots import moment_root

LEARNING_RATE = sp.Symbol("learning_rate", positive=True)
MAX_BATCH = 1_000_000
MAX_SUMMED = 60
MAX_PAIRED = 3000
_BOUNDARY = 1e-12
_NUMBERS = (
    "value", "exponent", "log_variance", "critical_learning_rates", "attractive_window", "l2_boundary", "moment_root",
    "moment_exponent", "second_moment_exponent", "exponent_plus", "exponent_minus", "phase", "oriented",
)  # fmt: skip


@dataclass(frozen=True)
class Problem:
    """One question: the one-sample law after weight decay, the batch, and how it is drawn."""

    law: Curvature
    batch_size: int
    replacement: str

    def batch(self) -> Curvature | None:
        """The law of the batch mean in closed terms, or None where only its characteristic function is known."""
        if isinstance(self.law, Atoms):
            return self.law.batch(self.batch_size, self.replacement)
        if isinstance(self.law, Mixture):
            return self.law if self.batch_size == 1 else None
        return self.law.batch(self.batch_size)

    @property
    def enumerated(self) -> bool:
        """Whether all batches of finite data can be listed."""
        size = len(self.law.values) if isinstance(self.law, Atoms) else 0
        number = count(size, self.batch_size, self.replacement)
        return self.replacement == "without" or number <= MAX_ATOMS or (self.batch_size == 2 and size <= MAX_PAIRED)

    def bound(self) -> Bound:
        """Numbers of the batch law (all names must have values)."""
        return _bound(self)

    def moments(self) -> tuple[sp.Expr | None, sp.Expr | None]:
        """Mean and second moment of the batch mean."""
        mean, second = self.law.mean, self.law.second_moment
        if mean is None or second is None:
            return None, None
        variance = (second - mean**2) / self.batch_size
        if self.replacement == "without" and isinstance(self.law, Atoms) and self.batch_size > 1:
            size = len(self.law.values)
            variance *= sp.Rational(size - self.batch_size, size - 1)
        return sp.factor_terms(sp.expand(mean)), sp.expand(mean**2 + variance)

    def method(self, closed: sp.Expr | None) -> str:
        """How the exponent is obtained."""
        if isinstance(self.law, Atoms) and self.batch_size > 1:
            return "enumeration" if self.enumerated else "characteristic_function"
        if closed is not None or isinstance(self.law, Atoms):
            return "closed_form"
        batch = self.batch()
        if batch is None or (
            isinstance(batch, Family) and self.batch_size > 1 and batch.kind not in ("gamma", "uniform")
        ):
            return "characteristic_function"
        return "quadrature"


def derive_lyapunov(
    curvature_text: str | None,
    curvature_data: tuple[Sequence[Any], Sequence[Any] | None] | None = None,
    batch: Any = 1,
    replacement: str = "with",
    weight_decay: Any = 0,
    moment: Any = None,
    phases: bool = False,
    at: str | Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Derive the Lyapunov exponent E log|1 - learning_rate * h| of the batch-mean curvature h.

    Parameters
    ----------
    curvature_text : a law such as ``Normal(m, s)``; see ``theory.stability.curvature_text``
    curvature_data : (curvatures, weights or None) in the place of a text
    batch, replacement : samples in a batch, drawn "with" or (finite data only) "without" replacement
    weight_decay : added to h
    moment : order p of the generalised exponent log E|1 - learning_rate * h|^p
    phases : read h as the signal z of the two-layer scalar network
    at : numbers of every name and of learning_rate, as a mapping or as text "m=-0.2,s=1,learning_rate=0.5"

    Raises
    ------
    ParseError, DerivationError, DomainError : see the modules which read; the message gives the remedy

    >>> result = derive_lyapunov("Cauchy(m, g)", at="m=1, g=2, learning_rate=0.4")
    >>> result["closed_form"], [round(eta, 12) for eta in result["critical_learning_rates"]]
    ('log(g**2*learning_rate**2 + (-learning_rate*m + 1)**2)/2', [0.4])
    """
    source = _source(curvature_text, curvature_data)
    size = _batch_size(batch)
    decay = _number(weight_decay, "weight_decay", low=0)
    order = None if moment is None else float(_number(moment, "moment"))
    if replacement not in ("with", "without"):
        raise DomainError(f"replacement is {replacement!r}, it must be with or without.")
    problem = _problem(source.law, decay, size, replacement)
    closed = _closed(problem)
    mean, second = problem.moments()
    result: dict[str, Any] = {
        "curvature": source.text if decay == 0 else f"{sp.sstr(decay)} + {source.text}",
        "symbols": source.domains,
        "closed_form": None if closed is None else sp.sstr(closed),
        "method": problem.method(closed),
        "mean": _shown(mean),
        "second_moment": _shown(second),
        "l2_boundary_formula": None if mean is None else _shown(sp.cancel(2 * mean / second)),
        "leading_threshold": None if mean is None else _shown(sp.cancel(-2 * mean / second)),
        "notes": [],
        "self_check": self_check(source, lambda law: _problem(law, decay, size, replacement), closed, LEARNING_RATE),
        **dict.fromkeys(_NUMBERS),
    }
    values = _values(at, source)
    if values is None and source.domains:
        return result
    bound_law = source.bound(values or {})
    numeric = _problem(bound_law, decay, size, replacement)
    return result | _numbers(numeric, bound_law, decay, values, order, phases)


@functools.lru_cache(maxsize=8)
def _bound(problem: Problem) -> Bound:
    """Numbers of the batch law."""
    law, batch = problem.law, problem.batch()
    if isinstance(law, Atoms) and batch is None and problem.enumerated:
        weights = law.weights if law.weighted else None
        return BoundAtoms(tuple(batch_atoms(law.values, weights, problem.batch_size, problem.replacement)))
    circle = isinstance(batch, Family) and batch.kind in ("arcsine", "semicircle") and batch.size > 1
    return bind_batch(law, problem.batch_size) if batch is None or circle else bind(batch)


def _source(text: str | None, data: tuple[Sequence[Any], Sequence[Any] | None] | None) -> CurvatureText:
    if (text is None) == (data is None):
        raise DomainError("give either a curvature law or curvature data, not both and not none.")
    if text is not None:
        return read_curvature(text)
    curvatures, weights = data or ((), None)
    return data_curvature(list(curvatures), None if weights is None else list(weights))


def _number(value: Any, name: str, low: float | None = None) -> sp.Expr:
    if isinstance(value, str):
        value = parse_assignments(f"x={value}")["x"]
    number = sp.nsimplify(repr(value)) if isinstance(value, float) and math.isfinite(value) else sp.sympify(value)
    if not number.is_number or not number.is_finite or (low is not None and bool(number < low)):
        bound = "a finite number" if low is None else f"a finite number >= {low:g}"
        raise DomainError(f"{name} is {value}, it must be {bound}.")
    return number


def _batch_size(batch: Any) -> int:
    number = _number(batch, "batch")
    if not number.is_Integer or not 1 <= number <= MAX_BATCH:
        raise DomainError(f"batch is {batch}, it must be an integer between 1 and {MAX_BATCH}.")
    return int(number)


def _problem(law: Curvature, decay: sp.Expr, size: int, replacement: str) -> Problem:
    if replacement == "without" and not isinstance(law, Atoms):
        raise DomainError(
            "replacement is without, but only finite data can be drawn without replacement; use with, or Finite([...])."
        )
    if isinstance(law, Family) and law.kind in ("uniform", "arcsine", "semicircle") and size > MAX_SUMMED:
        raise DerivationError(
            f"batches of {size} {law.kind} curvatures exceed the limit of {MAX_SUMMED} summed variables; their mean is "
            "close to Normal with the same mean and the variance divided by the batch size, use that."
        )
    if decay != 0:
        law = law.affine(decay, sp.S.One)
    problem = Problem(law, size, replacement)
    if isinstance(law, Atoms):
        problem.batch()
    return problem


def _closed(problem: Problem) -> sp.Expr | None:
    batch = problem.batch()
    return None if batch is None else closed_exponent(batch, LEARNING_RATE)


def _shown(value: sp.Expr | None) -> str | None:
    if value is None:
        return None
    # The exact mean of measured data is a ratio of long integers.
    long = isinstance(value, sp.Rational) and value.q > 10**9
    return sp.sstr(sp.N(value, 17) if long else value)


def _values(at: str | Mapping[str, Any] | None, source: CurvatureText) -> dict[str, sp.Expr] | None:
    if at is None:
        return None
    given = parse_assignments(at) if isinstance(at, str) else {k: _number(v, k) for k, v in at.items()}
    wanted = [*source.domains, "learning_rate"]
    unknown = [name for name in given if name not in wanted]
    if unknown:
        raise DomainError(f"--at gives {unknown[0]}, but the names are: {', '.join(wanted)}.")
    missing = [name for name in wanted if name not in given]
    if missing:
        raise DomainError(f"--at lacks a number for {missing[0]}; give {missing[0]}=... (names: {', '.join(wanted)}).")
    for name, value in given.items():
        if not value.is_number or not value.is_finite or not value.is_real:
            raise DomainError(f"{name} is {value}, it must be a finite real number.")
    if not 1e-100 <= given["learning_rate"] <= 1e100:
        raise DomainError(f"learning_rate is {sp.sstr(given['learning_rate'])[:40]}, it must be > 0 (1e-100 to 1e100).")
    return given


def _numbers(
    problem: Problem,
    sample: Curvature,
    decay: sp.Expr,
    values: dict[str, sp.Expr] | None,
    order: float | None,
    phases: bool,
) -> dict[str, Any]:
    bound = problem.bound()
    mean, second = problem.moments()
    sign = int(sp.sign(drift(problem.law)))
    if not (math.isfinite(bound.scale) and bound.scale > 0):
        raise DomainError("the curvature is 0 almost surely; give a law with a curvature different from 0.")
    roots, windows, unresolved = roots_and_windows(bound, sign)
    notes = []
    if unresolved:
        notes.append(f"{unresolved} windows around single poles are narrower than 1e-14 of eta and are left out")
    if isinstance(bound, BoundCharacteristic):
        notes.append("the moment root is searched in (-1, 3), where the characteristic function gives moments")
    result: dict[str, Any] = {
        "notes": notes,
        "critical_learning_rates": roots,
        "attractive_window": [list(window) for window in windows],
        "l2_boundary": float(2 * mean / second) if mean is not None and bool(mean > 0) else None,
    }
    if values is None:
        return result
    eta = float(values["learning_rate"])
    exponent = bound.exponent(eta)
    finite = math.isfinite(exponent)
    result |= {
        "exponent": exponent,
        "value": exponent,
        "log_variance": bound.log_variance(eta) if finite else None,
        "moment_root": moment_root(bound, eta, exponent) if finite else None,
        "moment_exponent": None if order is None else bound.moment_exponent(eta, order),
        "second_moment_exponent": None
        if mean is None
        else float(sp.log(1 - 2 * values["learning_rate"] * mean + values["learning_rate"] ** 2 * second)),
    }
    return result | (_phases(problem, sample, decay, eta) if phases else {})


def _phases(problem: Problem, sample: Curvature, decay: sp.Expr, eta: float) -> dict[str, Any]:
    """Exponents along u = w (plus) and u = -w (minus) of the scalar network with signal z, and the phase."""
    oriented = bool(drift(sample) >= 0)
    signal = sample if oriented else sample.affine(sp.S.Zero, sp.S.NegativeOne)
    exponents = []
    for sign in (-1, 1):
        law = signal.affine(decay, sp.Integer(sign))
        exponents.append(Problem(law, problem.batch_size, problem.replacement).bound().exponent(eta))
    plus, minus = exponents
    if min(abs(plus), abs(minus)) < _BOUNDARY:
        phase = "boundary"
    else:
        phase = {(True, False): "I", (False, True): "II", (False, False): "III", (True, True): "IV"}[
            plus > 0, minus > 0
        ]
    return {"exponent_plus": plus, "exponent_minus": minus, "phase": phase, "oriented": oriented}
