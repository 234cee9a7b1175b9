"""Judging a sample: the verdict of a law, of each of its mutants and of a rival, from the same comparison."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import theory
from checks.check import CONFIRMED, INCONCLUSIVE, INVALID, REFUTED, Case, Check
from checks.errors import CheckError
from checks.options import Options
from checks.outcome import Outcome
from numerics.statistics import Comparison, decide, replicas_needed, resolution
from theory.evaluation import flat_numbers
from theory.law import Law


@dataclass(frozen=True)
class Judgement:
    """Verdict of one comparison of the law, its mutants and its rival on the same sample."""

    comparison: Comparison
    margin: tuple[float, ...]
    verdict: Any
    mutants: dict[str, str]
    rival: str
    note: str


class Judge:
    """Holds the predictions of a law, its mutants and its rival at one case, and judges comparisons with them."""

    def __init__(self, check: Check, law: Law, case: Case, options: Options) -> None:
        self.check, self.law, self.case, self.options = check, law, case, options
        values = {k: v for k, v in case.values.items() if k in {p.key for p in law.parameters}}
        self.prediction = check.predict(law(**values), case.values)
        sharpen = 1.0 if options.profile == "quick" else 2.0
        self.margin = None
        if not callable(self.prediction) and case.margin is not None:
            self.margin = case.margin.widths(flat_numbers(self.prediction), case.values, sharpen)
        elif case.margin is not None:
            self.margin = (case.margin.absolute / sharpen,)
        chosen = law.mutants if check.mutants is None else [m for m in law.mutants if m.name in check.mutants]
        if case.expected is REFUTED:
            chosen = []
        absent = set(check.mutants or ()) - {m.name for m in law.mutants}
        absent |= set(case.spared) - {m.name for m in law.mutants}
        if absent:
            raise CheckError(f"{law.id} declares no mutant {sorted(absent)[0]!r}.")
        self.mutants = {
            m.name: check.predict(m.evaluate(law, values), case.values) for m in chosen if m.name not in case.spared
        }
        self.rival = None
        if check.rival is not None:
            rival = theory.law(check.rival) if isinstance(check.rival, str) else check.rival
            self.rival = check.predict(rival(**{k: v for k, v in values.items() if _takes(rival, k)}), case.values)

    def __call__(self, compare: Callable[[Any], Comparison]) -> Judgement:
        """Compare the law, then its mutants and its rival, with the same sample."""
        comparison = compare(_target(self.prediction))
        margin = self.margin or (0.0,)
        verdict = decide(comparison, margin)
        note = comparison.invalid or ""
        mutants = {}
        if not comparison.invalid:
            mutants = {m: decide(compare(_target(p)), margin).value for m, p in self.mutants.items()}
        rival = ""
        if self.rival is not None and not comparison.invalid:
            rival = decide(compare(_target(self.rival)), margin).value
        survivors = [m for m, v in mutants.items() if v != REFUTED.value]
        if verdict is CONFIRMED and survivors:
            verdict = INVALID if any(mutants[m] == CONFIRMED.value for m in survivors) else INCONCLUSIVE
            note = self._survivor_note(survivors[0], margin)
        if verdict is REFUTED and self.rival is not None and rival != CONFIRMED.value:
            verdict, note = INCONCLUSIVE, f"the rival is {rival}, not CONFIRMED, on the same sample"
        if verdict is INCONCLUSIVE and not note:
            needed = replicas_needed(comparison, margin)
            note = f"about {needed} replicas would decide" if needed else "the truth lies at the edge of the margin"
        return Judgement(comparison, margin, verdict, mutants, rival, note)

    def _survivor_note(self, name: str, margin: tuple[float, ...]) -> str:
        if callable(self.prediction):
            return f"mutant {name!r} is not refuted"
        own, other = flat_numbers(self.prediction), flat_numbers(self.mutants[name])
        apart = max((abs(a - b) / m for a, b, m in zip(own, other, margin, strict=True) if m > 0), default=0.0)
        close = "; choose a point where they differ by more than 3 margins" if apart < 3 else ""
        return f"mutant {name!r}, {apart:.2g} margins away, is not refuted{close}"

    def outcome(self, name: str, label: str, j: Judgement, looks: int, alpha: float, resumed: bool) -> Outcome:
        """Build the outcome of a case from its last judgement."""
        case, c = self.case, j.comparison
        expected = case.expected or CONFIRMED
        return Outcome(
            check=name,
            case=f"{self.check.rung}-{label}",
            law=self.law.id,
            rung=self.check.rung,
            verdict=j.verdict.value,
            expected=expected.value,
            kind=self.check.statistic.kind if self.check.statistic is not None else "measurement",
            estimate=list(c.estimate),
            low=list(c.low),
            high=list(c.high),
            prediction=list(c.target),
            margin=list(j.margin) * (len(c.estimate) if len(j.margin) == 1 else 1),
            resolution=resolution(c, j.margin) if not c.invalid else float("nan"),
            replicas=c.replicas,
            looks=looks,
            alpha=alpha,
            mutants=j.mutants,
            reason=case.reason,
            note="; ".join(filter(None, [j.note, f"rival {j.rival}" if j.rival else ""])),
            values={k: _shown(v) for k, v in {**case.values, **case.settings}.items()},
            seed=self.options.seed,
            device=self.options.device.split(":")[0],
            profile=self.options.profile,
            claim=self.check.claim_key(label),
            sample=self.check.sample_key(label),
            resumed=resumed,
        )


def _shown(value: Any) -> Any:
    """Long lists (data sets) are named, not repeated, in the outcome."""
    return f"{len(value)} values" if isinstance(value, (list, tuple)) and len(value) > 50 else value


def _takes(rival: Any, key: str) -> bool:
    return key in {p.key for p in rival.parameters} if isinstance(rival, Law) else True


def _target(prediction: Any) -> Any:
    return prediction if callable(prediction) else flat_numbers(prediction)
