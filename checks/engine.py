"""The engine: streams chunks through a statistic, looks at most K times, and decides law and mutants alike."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch

import theory
from checks.check import CONFIRMED, INCONCLUSIVE, INVALID, REFUTED, Case, Check, Context, Gate
from checks.errors import CheckError
from checks.journal import ChunkKey, Journal
from checks.outcome import Outcome
from checks.version import __version__ as VERSION
from numerics.ensemble import chunks, reduce_in_order
from numerics.statistics import Budget, Comparison, decide, exact, replicas_needed, resolution
from theory.evaluation import flat_numbers
from theory.gate import definition_value, difference
from theory.law import Law

SUITE_ALPHA = 1e-3
CAPACITY = 1000
"""Claims the error budget provides for: each claim gets SUITE_ALPHA / CAPACITY, whatever is selected or added."""


@dataclass(frozen=True)
class Options:
    """How a run is made: profile, seed, device, and whether chunks of the journal are used again."""

    profile: str = "quick"
    seed: int = 0
    device: str = "cpu"
    resume: bool = True

    def __post_init__(self) -> None:
        """Refuse unknown profiles and absent devices."""
        if self.profile not in ("quick", "full"):
            raise CheckError(f"profile {self.profile!r} is unknown; choose quick or full.")
        kind = self.device.split(":")[0]
        if kind not in ("cpu", "cuda"):
            raise CheckError(f"device {self.device!r} is unknown; choose cpu or cuda.")
        if kind == "cuda" and not torch.cuda.is_available():
            raise CheckError(f"device {self.device!r} is asked for but no CUDA device is present; use --device cpu.")


@dataclass(frozen=True)
class _Judgement:
    """Verdict of one comparison of the law, its mutants and its rival on the same sample."""

    comparison: Comparison
    margin: tuple[float, ...]
    verdict: Any
    mutants: dict[str, str]
    rival: str
    note: str


def alpha_per_claim() -> float:
    """Return the error probability each claim may spend."""
    return Budget(total=SUITE_ALPHA, claims=CAPACITY).per_claim


def run(
    name: str,
    check: Check | Gate,
    label: str,
    options: Options,
    journal: Journal,
    replay: str = "",
    progress: Callable[[str], None] | None = None,
) -> Outcome:
    """Run one case (``label`` without the rung) and write its verdict to the journal."""
    start = time.perf_counter()
    if isinstance(check, Gate):
        outcome = _run_gate(name, check, label, options)
    elif check.measure is not None:
        outcome = _run_measurement(name, check, label, options, journal)
    else:
        outcome = _run_sampling(name, check, label, options, journal, progress)
    previous = journal.last_verdict(outcome.check, outcome.case)
    note = outcome.note
    if previous is not None and not previous.ok and previous.claim != outcome.claim:
        note = "; ".join(filter(None, [note, f"the claim was changed after a {previous.verdict} verdict"]))
    outcome = replace(outcome, note=note, replay=replay, seconds=time.perf_counter() - start)
    journal.put_verdict(outcome, VERSION)
    return outcome


def _run_sampling(
    name: str,
    check: Check,
    label: str,
    options: Options,
    journal: Journal,
    progress: Callable[[str], None] | None,
) -> Outcome:
    case, law, statistic = check.case(label), check.resolve(), check.statistic
    if check.simulate is None or statistic is None or case.plan is None:
        raise CheckError(f"{name} is no sampling check.")
    plan = case.plan if options.profile == "quick" else replace(case.plan, looks=case.plan.looks + 2)
    case_id = f"{check.rung}-{label}"
    key = ChunkKey(check.sample_key(label), name, case_id, options.seed, options.device.split(":")[0], VERSION)
    known = journal.chunks(key) if options.resume else {}
    reused = bool(known)
    judge = _Judge(check, law, case, options)
    alpha = plan.share(alpha_per_claim())
    state, done, look, judgement = None, 0, 0, None
    for look, size in enumerate(plan.sizes(), 1):  # noqa: B007
        fresh = []
        for chunk in chunks(size, check.chunk, options.seed, f"{name}:{case_id}", options.device, first=done):
            if chunk.index not in known:
                with torch.no_grad():
                    sample = check.simulate(chunk, **case.values, **case.settings)
                known[chunk.index] = statistic.reduce(sample)
                journal.put_chunk(key, chunk.index, known[chunk.index])
            fresh.append(known[chunk.index])
        state = reduce_in_order(([] if state is None else [state]) + fresh, statistic.merge)
        done = size // check.chunk
        judgement = judge(lambda target, s=state: statistic.compare(s, target, alpha))
        if progress is not None:
            progress(f"{size} replicas: {judgement.verdict.value}")
        if judgement.verdict is not INCONCLUSIVE:
            break
    if judgement is None:
        raise CheckError(f"{name}: the plan has no look; give looks >= 1.")
    return judge.outcome(name, label, judgement, look, alpha_per_claim(), reused)


def _run_measurement(name: str, check: Check, label: str, options: Options, journal: Journal) -> Outcome:
    case, law = check.case(label), check.resolve()
    if check.measure is None:
        raise CheckError(f"{name} measures nothing.")
    case_id = f"{check.rung}-{label}"
    key = ChunkKey(check.sample_key(label), name, case_id, options.seed, options.device.split(":")[0], VERSION)
    stored = journal.chunks(key).get(0) if options.resume else None
    if stored is None:
        measured = check.measure(Context(options.seed, torch.device(options.device)), **case.values, **case.settings)
        estimate = flat_numbers(measured.estimate)
        errors = flat_numbers(measured.error)
        stored = {"estimate": estimate, "error": errors * len(estimate) if len(errors) == 1 else errors}
        journal.put_chunk(key, 0, stored)
        reused = False
    else:
        reused = True
    judge = _Judge(check, law, case, options)
    judgement = judge(lambda target: exact(stored["estimate"], stored["error"], target))
    worst = max((e / m if m > 0 else math.inf) for e, m in zip(stored["error"], judgement.margin, strict=True))
    if worst > 0.1:
        judgement = replace(
            judgement,
            verdict=INVALID,
            note=f"the numerical error is {worst:.2g} of the margin; the limit is a tenth",
        )
    return judge.outcome(name, label, judgement, 1, 0.0, reused)


class _Judge:
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

    def __call__(self, compare: Callable[[Any], Comparison]) -> _Judgement:
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
        return _Judgement(comparison, margin, verdict, mutants, rival, note)

    def _survivor_note(self, name: str, margin: tuple[float, ...]) -> str:
        if callable(self.prediction):
            return f"mutant {name!r} is not refuted"
        own, other = flat_numbers(self.prediction), flat_numbers(self.mutants[name])
        apart = max((abs(a - b) / m for a, b, m in zip(own, other, margin, strict=True) if m > 0), default=0.0)
        close = "; choose a point where they differ by more than 3 margins" if apart < 3 else ""
        return f"mutant {name!r}, {apart:.2g} margins away, is not refuted{close}"

    def outcome(self, name: str, label: str, j: _Judgement, looks: int, alpha: float, resumed: bool) -> Outcome:
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


def _identical(mutated: Any, value: Any) -> bool:
    """Whether an automatic mutation changed nothing at all, as for a law whose value is 0 or 1."""
    return difference(mutated, value) == 0.0


def _shown(value: Any) -> Any:
    """Long lists (data sets) are named, not repeated, in the outcome."""
    return f"{len(value)} values" if isinstance(value, (list, tuple)) and len(value) > 50 else value


def _takes(rival: Any, key: str) -> bool:
    return key in {p.key for p in rival.parameters} if isinstance(rival, Law) else True


def _target(prediction: Any) -> Any:
    return prediction if callable(prediction) else flat_numbers(prediction)


def _run_gate(name: str, check: Gate, label: str, options: Options) -> Outcome:
    law = check.by_label()[label]
    count = law.gate_points if law.parameters else 1
    points = law.generic_points(count, options.seed)
    definitions = [definition_value(law, values) for values in points]
    closed = [law(**values) for values in points]
    errors = [difference(c, d) for c, d in zip(closed, definitions, strict=True)]
    worst = max(errors)
    verdict = CONFIRMED if worst <= law.tolerance else REFUTED
    mutants = {}
    for mutant in law.mutants_with_automatic():
        wrong = [mutant.evaluate(law, v) for v in points]
        if mutant.name.startswith("automatic") and all(map(_identical, wrong, closed)):
            continue
        apart = max(difference(w, d) for w, d in zip(wrong, definitions, strict=True))
        mutants[mutant.name] = (REFUTED if apart > 3 * law.tolerance else CONFIRMED).value
    note = f"{count} generic points, largest relative error {worst:.1e}"
    survivors = [m for m, v in mutants.items() if v != REFUTED.value]
    if verdict is CONFIRMED and survivors:
        verdict, note = INVALID, f"mutant {survivors[0]!r} equals the law at every gate point"
    if law.published is not None and verdict is CONFIRMED:
        gap = max(difference(law.published(**law.complete(v)), c) for v, c in zip(points, closed, strict=True))
        agrees = gap <= max(law.tolerance, 1e-9)
        note += f"; the published form {'agrees' if agrees else f'differs by {gap:.2g}'}"
        if agrees is not law.published_agrees:
            verdict, note = REFUTED, note + ", which the law does not declare"
    return Outcome(
        check=name, case=label, law=law.id, rung="algebra", verdict=verdict.value, expected=CONFIRMED.value,
        kind="gate", estimate=[worst], low=[0.0], high=[worst], prediction=[0.0], margin=[law.tolerance],
        resolution=law.tolerance, replicas=count, looks=1, alpha=0.0, mutants=mutants, note=note, seed=options.seed,
        device="cpu", profile=options.profile, claim=check.claim_key(label), sample=check.sample_key(label),
    )  # fmt: skip


def check_law(
    law: Law, *checks: Check, options: Options | None = None, journal: Journal | None = None
) -> list[Outcome]:
    """Put somebody's own law through everything: its gate, its mutants and the checks given.

    Returns the outcomes; ``all(o.ok for o in outcomes)`` tells whether every verdict is the expected one.
    The checks may name any law: they are run against ``law``.
    """
    chosen, book = options or Options(), journal or Journal(":memory:")
    gates = Gate(laws=(law,)) if law.definition is not None else None
    outcomes = [run("gate", gates, label, chosen, book) for label in gates.labels()] if gates else []
    for number, check in enumerate(checks):
        own = replace(check, law=law)
        outcomes += [run(f"check{number}", own, label, chosen, book) for label in own.cases]
    return outcomes
