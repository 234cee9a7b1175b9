"""Declarations of checks: a law, a rung, an experiment, a statistic, a margin and the verdict that is expected."""

from __future__ import annotations

import functools
import hashlib
import inspect
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numerics
import theory
from checks.errors import CheckError
from numerics.statistics import Plan, Statistic, Verdict
from theory.evaluation import flat_numbers, theory_fingerprint
from theory.law import RUNGS, Law

CONFIRMED, REFUTED = Verdict.CONFIRMED, Verdict.REFUTED
INCONCLUSIVE, INVALID = Verdict.INCONCLUSIVE, Verdict.INVALID


@dataclass(frozen=True)
class Margin:
    """How far a law may be off: the error the theory itself admits, plus the resolution asked of the check.

    ``model(prediction, **values)`` returns the admitted model error (number, or one per component); ``relative``
    (of the magnitude of each component) and ``absolute`` are the resolution. The full profile halves the resolution.
    """

    relative: float = 0.0
    absolute: float = 0.0
    model: Callable[..., Any] | None = None

    def widths(self, prediction: list[float], values: Mapping[str, Any], sharpen: float = 1.0) -> tuple[float, ...]:
        """Return the margin of every component of the prediction."""
        admitted = [0.0] * len(prediction)
        if self.model is not None:
            given = flat_numbers(self.model(prediction if len(prediction) > 1 else prediction[0], **values))
            admitted = given * len(prediction) if len(given) == 1 else given
        return tuple(
            abs(a) + (self.relative * abs(p) + self.absolute) / sharpen
            for a, p in zip(admitted, prediction, strict=True)
        )

    def describe(self) -> str:
        """Return the margin in words."""
        parts = [f"{100 * self.relative:g} %"] if self.relative else []
        parts += [f"{self.absolute:g}"] if self.absolute else []
        parts += [f"model error {self.model.__name__}"] if self.model is not None else []
        return " + ".join(parts) or "0"


@dataclass(frozen=True)
class Measured:
    """A deterministic measurement: estimate (number or list) and its numerical error."""

    estimate: Any
    error: Any = 0.0


@dataclass(frozen=True)
class Context:
    """What a deterministic measurement may depend on besides its values."""

    seed: int
    device: Any


@dataclass(frozen=True)
class Case:
    """One point of a check, with overrides of what the check declares."""

    values: Mapping[str, Any]
    settings: Mapping[str, Any] = field(default_factory=dict)
    margin: Margin | None = None
    expected: Verdict | None = None
    reason: str = ""
    spared: Mapping[str, str] = field(default_factory=dict)
    plan: Plan | None = None


@dataclass(frozen=True)
class Check:
    """Confront one law with dynamics on one rung, at one or several points (see ``docs/your-own-law.md``).

    Give either ``simulate(chunk, **values, **settings)`` (a sampling check; returns one row per replica) or
    ``measure(context, **values, **settings)`` (a deterministic one; returns ``Measured``). ``observable`` maps the
    value of the law, and of each of its mutants, to what the statistic measures.
    """

    law: str | Law
    rung: str
    cases: Mapping[str, Mapping[str, Any] | Case]
    margin: Margin
    simulate: Callable[..., Any] | None = None
    measure: Callable[..., Measured] | None = None
    statistic: Statistic | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    plan: Plan = Plan(first=16384, looks=6)
    chunk: int = 8192
    observable: Callable[..., Any] | None = None
    expected: Verdict = CONFIRMED
    reason: str = ""
    rival: str | Callable[..., Any] | None = None
    mutants: tuple[str, ...] | None = None
    spared: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse declarations that could not be judged."""
        if (self.simulate is None) == (self.measure is None):
            raise CheckError(f"a check of {self.law_id} needs either simulate= or measure=, not both and not none.")
        if self.simulate is not None and self.statistic is None:
            raise CheckError(f"a sampling check of {self.law_id} needs statistic=, for example Mean().")
        if self.rung not in RUNGS:
            raise CheckError(f"rung {self.rung!r} of {self.law_id} is none of {', '.join(RUNGS)}.")
        if not self.cases:
            raise CheckError(f"the check of {self.law_id} has no cases; give at least one generic point.")
        expected_other = [c for c in map(self.case, self.cases) if c.expected is not CONFIRMED and not c.reason]
        if expected_other:
            raise CheckError(
                f"the check of {self.law_id} expects {expected_other[0].expected} and must say why (reason=)."
            )
        if self.plan.first % self.chunk:
            raise CheckError(f"{self.law_id}: first={self.plan.first} is no multiple of the chunk {self.chunk}.")

    @property
    def law_id(self) -> str:
        """Id of the law."""
        return self.law if isinstance(self.law, str) else self.law.id

    def resolve(self) -> Law:
        """Return the law itself."""
        return theory.law(self.law) if isinstance(self.law, str) else self.law

    def case(self, label: str) -> Case:
        """Return a case with everything the check declares filled in."""
        given = self.cases[label]
        case = given if isinstance(given, Case) else Case(given)
        return Case(
            values=case.values,
            settings={**self.settings, **case.settings},
            margin=case.margin or self.margin,
            expected=case.expected or self.expected,
            reason=case.reason or self.reason,
            spared={**self.spared, **case.spared},
            plan=case.plan or self.plan,
        )

    def predict(self, law_value: Any, values: Mapping[str, Any]) -> Any:
        """Map a value of the law to the prediction of the statistic."""
        return law_value if self.observable is None else self.observable(law_value, **values)

    def labels(self) -> list[str]:
        """Labels of the cases, each with its rung: ``sgd-c=1.5``."""
        return [f"{self.rung}-{label}" for label in self.cases]

    def sample_key(self, label: str) -> str:
        """Hash of everything a sample depends on: experiment source, values, settings, chunk size."""
        case = self.case(label)
        work = self.simulate or self.measure
        described = json.dumps(
            [case.values, case.settings, self.chunk, repr(self.statistic)], sort_keys=True, default=repr
        )
        return _digest(
            described,
            _sources(work),
            source_hash("numerics"),
            theory_fingerprint(theory.law) if self.measure else "",
        )

    def claim_key(self, label: str) -> str:
        """Hash of the claim: law, margin, plan, expectation, so that a loosened margin shows in the journal."""
        case = self.case(label)
        margin, law = case.margin, self.resolve()
        model = inspect.getsource(margin.model) if margin is not None and margin.model is not None else ""
        return _digest(self.law_id, law.statement, repr(margin and (margin.relative, margin.absolute)), model,
                       repr(case.plan), str(case.expected), json.dumps(dict(case.spared), sort_keys=True))  # fmt: skip


@dataclass(frozen=True)
class Gate:
    """The algebra rung: every law against its definition at generic points, and every mutant refuted there.

    Give the name of a family of the catalogue, or laws of your own: ``Gate(laws=(my_law,))``.
    """

    family: str = ""
    laws: tuple[Law, ...] = ()
    rung: str = "algebra"

    def by_label(self) -> dict[str, Law]:
        """One item per law, labelled by its id without the family."""
        found = self.laws or (tuple(theory.laws(self.family)) if self.family in theory.families() else ())
        return {law.id.split(".", 1)[-1]: law for law in found}

    def labels(self) -> list[str]:
        """Labels of the items."""
        return list(self.by_label())

    def sample_key(self, label: str) -> str:
        """Hash of everything the gate depends on."""
        return _digest(self.family, label, theory_fingerprint(self.by_label()[label].derive))

    def claim_key(self, label: str) -> str:
        """Hash of the claim."""
        law = self.by_label()[label]
        return _digest(law.id, law.statement, repr(law.tolerance), repr(law.gate_points))


def _digest(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:24]


def _sources(function: Any) -> str:
    bound = ""
    while isinstance(function, partial):
        bound += repr((function.args, function.keywords)).split(" at 0x")[0]
        function = function.func
    module = sys.modules.get(getattr(function, "__module__", ""), None)
    path = getattr(module, "__file__", None)
    text = Path(path).read_text() if path else repr(function)
    closure = getattr(function, "__closure__", None) or ()
    inner = [repr(c.cell_contents).split(" at 0x")[0] for c in closure]
    return text + bound + getattr(function, "__qualname__", "") + "".join(inner)


@functools.cache
def source_hash(*packages: str) -> str:
    """Hash of all source files of packages of this distribution."""
    root = Path(numerics.__file__).parent.parent
    return _digest(*(p.read_text() for name in packages for p in sorted((root / name).rglob("*.py"))))
