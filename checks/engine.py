"""The engine: streams chunks through a statistic, looks at most K times, and decides law and mutants alike.

A case is a conversation: ``steps`` asks for work (chunks, a measurement, a gate) and is sent the results. Whoever
drives it chooses where the work is performed, in this process (``run``) or on a cluster (``checks.cluster``); the
numbers are the same.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from typing import Any

import torch

from checks.check import INCONCLUSIVE, INVALID, Check, Context, Gate
from checks.errors import CheckError
from checks.gating import run_gate
from checks.journal import ChunkKey, Journal
from checks.judge import Judge
from checks.options import Options
from checks.outcome import Outcome
from checks.version import __version__ as VERSION
from numerics.ensemble import chunk_at, reduce_in_order
from numerics.statistics import Budget, exact
from theory.evaluation import flat_numbers
from theory.law import Law

SUITE_ALPHA = 1e-3
CAPACITY = 1000
"""Claims the error budget provides for: each claim gets SUITE_ALPHA / CAPACITY, whatever is selected or added."""


def alpha_per_claim() -> float:
    """Return the error probability each claim may spend."""
    return Budget(total=SUITE_ALPHA, claims=CAPACITY).per_claim


@dataclass(frozen=True)
class Work:
    """One piece of work of a case: chunk ``index`` of a sampling check, a measurement (index 0), or a gate.

    ``key`` is where the journal keeps its state; gates, whose verdict is all there is to keep, have none.
    """

    name: str
    label: str
    index: int
    key: ChunkKey | None


def perform(work: Work, check: Check | Gate, options: Options) -> Any:
    """Do one piece of work and return its state, which JSON can hold. Depends on nothing but its arguments."""
    if isinstance(check, Gate):
        return run_gate(work.name, check, work.label, options).as_dict()
    case = check.case(work.label)
    if check.simulate is not None and check.statistic is not None:
        stream = f"{work.name}:{check.rung}-{work.label}"
        chunk = chunk_at(work.index, check.chunk, options.seed, stream, options.device)
        with torch.no_grad():
            return check.statistic.reduce(check.simulate(chunk, **case.values, **case.settings))
    if check.measure is None:
        raise CheckError(f"{work.name} neither simulates nor measures.")
    measured = check.measure(Context(options.seed, torch.device(options.device)), **case.values, **case.settings)
    estimate, errors = flat_numbers(measured.estimate), flat_numbers(measured.error)
    return {"estimate": estimate, "error": errors * len(estimate) if len(errors) == 1 else errors}


Conversation = Generator[list[Work], list[Any], Outcome]
"""Yields the work that is missing, is sent its states in the same order, and returns the outcome."""


def steps(
    name: str,
    check: Check | Gate,
    label: str,
    options: Options,
    journal: Journal,
    replay: str = "",
    progress: Callable[[str], None] | None = None,
) -> Conversation:
    """Converse about one case (``label`` without the rung) and write its verdict to the journal."""
    start = time.perf_counter()
    if isinstance(check, Gate):
        states = yield [Work(name, label, 0, None)]
        outcome = Outcome.from_dict(states[0])
    elif check.measure is not None:
        outcome = yield from _measurement(name, check, label, options, journal)
    else:
        outcome = yield from _sampling(name, check, label, options, journal, progress)
    previous = journal.last_verdict(outcome.check, outcome.case)
    note = outcome.note
    if previous is not None and not previous.ok and previous.claim != outcome.claim:
        note = "; ".join(filter(None, [note, f"the claim was changed after a {previous.verdict} verdict"]))
    outcome = replace(outcome, note=note, replay=replay, seconds=time.perf_counter() - start)
    journal.put_verdict(outcome, VERSION)
    return outcome


def run(
    name: str,
    check: Check | Gate,
    label: str,
    options: Options,
    journal: Journal,
    replay: str = "",
    progress: Callable[[str], None] | None = None,
) -> Outcome:
    """Run one case (``label`` without the rung) in this process; each finished chunk is journalled at once."""
    conversation = steps(name, check, label, options, journal, replay, progress)
    states = None
    while True:
        try:
            wanted = conversation.send(states) if states is not None else next(conversation)
        except StopIteration as end:
            return end.value
        states = []
        for work in wanted:
            states.append(perform(work, check, options))
            if work.key is not None:
                journal.put_chunk(work.key, work.index, states[-1])


def _key(name: str, check: Check, label: str, options: Options) -> ChunkKey:
    kind = options.device.split(":")[0]
    return ChunkKey(check.sample_key(label), name, f"{check.rung}-{label}", options.seed, kind, VERSION)


def _sampling(
    name: str,
    check: Check,
    label: str,
    options: Options,
    journal: Journal,
    progress: Callable[[str], None] | None,
) -> Conversation:
    case, law, statistic = check.case(label), check.resolve(), check.statistic
    if statistic is None or case.plan is None:
        raise CheckError(f"{name} is no sampling check.")
    plan = case.plan if options.profile == "quick" else replace(case.plan, looks=case.plan.looks + 2)
    key = _key(name, check, label, options)
    known = journal.chunks(key) if options.resume else {}
    reused = bool(known)
    judge = Judge(check, law, case, options)
    alpha = plan.share(alpha_per_claim())
    state, done, look, judgement = None, 0, 0, None
    for look, size in enumerate(plan.sizes(), 1):  # noqa: B007
        wanted = range(done, size // check.chunk)
        missing = [index for index in wanted if index not in known]
        if missing:
            states = yield [Work(name, label, index, key) for index in missing]
            known.update(zip(missing, states, strict=True))
        fresh = [known[index] for index in wanted]
        state = reduce_in_order(([] if state is None else [state]) + fresh, statistic.merge)
        done = wanted.stop
        judgement = judge(lambda target, s=state: statistic.compare(s, target, alpha))
        if progress is not None:
            progress(f"{size} replicas: {judgement.verdict.value}")
        if judgement.verdict is not INCONCLUSIVE:
            break
    if judgement is None:
        raise CheckError(f"{name}: the plan has no look; give looks >= 1.")
    return judge.outcome(name, label, judgement, look, alpha_per_claim(), reused)


def _measurement(name: str, check: Check, label: str, options: Options, journal: Journal) -> Conversation:
    key = _key(name, check, label, options)
    stored = journal.chunks(key).get(0) if options.resume else None
    reused = stored is not None
    if stored is None:
        (stored,) = yield [Work(name, label, 0, key)]
    judge = Judge(check, check.resolve(), check.case(label), options)
    judgement = judge(lambda target: exact(stored["estimate"], stored["error"], target))
    worst = max((e / m if m > 0 else math.inf) for e, m in zip(stored["error"], judgement.margin, strict=True))
    if worst > 0.1:
        judgement = replace(
            judgement,
            verdict=INVALID,
            note=f"the numerical error is {worst:.2g} of the margin; the limit is a tenth",
        )
    return judge.outcome(name, label, judgement, 1, 0.0, reused)


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
