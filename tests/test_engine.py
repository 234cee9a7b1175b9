"""The engine: verdicts on known truths, mutants on the same sample, resume with identical numbers."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

import theory
from checks import CONFIRMED, INCONCLUSIVE, INVALID, Case, Check, Gate, Margin, Measured, Options, check_law
from checks.engine import CAPACITY, run
from checks.errors import CheckError
from checks.journal import Journal
from checks.registry import budget_line, claims, entries
from numerics.statistics import Plan
from tests.toy import FINDING, RIGHT, SECOND_MOMENT, WRONG
from theory import mutant_parameters


def _run(check, label="a", journal=None, **options):
    return run("toy", check, label, Options(**options), journal or Journal(":memory:"))


def test_a_true_law_is_confirmed_and_its_mutant_refuted() -> None:
    outcome = _run(RIGHT)
    assert (outcome.verdict, outcome.mutants) == ("CONFIRMED", {"std not squared": "REFUTED"})
    assert outcome.ok
    assert 0 < outcome.resolution < 0.03


def test_a_false_law_is_refuted_and_that_is_unexpected() -> None:
    outcome = _run(WRONG)
    assert (outcome.verdict, outcome.ok) == ("REFUTED", False)


def test_an_expected_refutation_is_a_finding_with_its_rival_confirmed() -> None:
    outcome = _run(FINDING)
    assert outcome.ok
    assert "rival CONFIRMED" in outcome.note


def test_a_refutation_whose_rival_fails_is_no_finding() -> None:
    outcome = _run(replace(FINDING, rival=lambda mean, std: mean**2 + std**2 + 0.6))
    assert outcome.verdict == "INCONCLUSIVE"


def test_too_few_replicas_for_the_margin_are_inconclusive_with_the_number_that_would_decide() -> None:
    outcome = _run(replace(RIGHT, margin=Margin(relative=0.001), plan=Plan(first=16384, looks=1)))
    assert outcome.verdict == "INCONCLUSIVE"
    assert "replicas would decide" in outcome.note


def test_a_mutant_that_equals_the_law_makes_the_case_invalid() -> None:
    blind = SECOND_MOMENT.but(mutants=(mutant_parameters("same", lambda v: {"std": v["std"] * 1.0001}),))
    outcome = _run(replace(RIGHT, law=blind))
    assert outcome.verdict == "INVALID"
    assert "more than 3 margins" in outcome.note


def test_a_spared_mutant_is_not_judged() -> None:
    spared = replace(RIGHT, spared={"std not squared": "not told apart here"})
    assert _run(spared).mutants == {}


def test_non_finite_replicas_are_invalid() -> None:
    def broken(chunk, *, mean, std):
        x = chunk.normal(chunk.replicas)
        x[0] = float("nan")
        return x

    assert _run(replace(RIGHT, simulate=broken)).verdict == "INVALID"


def test_results_do_not_depend_on_interruption() -> None:
    journal = Journal(":memory:")
    first = _run(replace(RIGHT, plan=Plan(first=16384, looks=1)), journal=journal)
    resumed, whole = _run(RIGHT, journal=journal), _run(RIGHT)
    assert resumed.resumed
    assert first.replicas <= resumed.replicas
    assert (resumed.estimate, resumed.low, resumed.high) == (whole.estimate, whole.low, whole.high)


def test_a_margin_loosened_after_a_failure_shows() -> None:
    journal = Journal(":memory:")
    _run(WRONG, journal=journal)
    outcome = _run(replace(WRONG, margin=Margin(relative=0.5)), journal=journal)
    assert "changed after a REFUTED verdict" in outcome.note


def test_seeds_change_the_sample() -> None:
    assert _run(RIGHT, seed=1).estimate != _run(RIGHT, seed=2).estimate


def test_measurements_are_judged_with_their_numerical_error() -> None:
    def measured(error):
        return Check(
            law=SECOND_MOMENT,
            rung="flow",
            measure=lambda context, mean, std: Measured(mean**2 + std**2 + 1e-9, error),
            cases={"a": Case({"mean": 0.7, "std": 1.3})},
            margin=Margin(absolute=1e-6),
        )

    assert _run(measured(1e-8)).verdict == CONFIRMED.value
    assert _run(measured(5e-7)).verdict == INVALID.value


def test_gate_confirms_and_counts_automatic_mutants() -> None:
    outcome = _run(Gate(laws=(SECOND_MOMENT,)), "second_moment")
    assert outcome.ok
    assert len(outcome.mutants) > 3
    assert outcome.killed == len(outcome.mutants)


def test_gate_refutes_a_wrong_closed_form() -> None:
    wrong = SECOND_MOMENT.but(definition=lambda mean, std: mean + std)
    assert _run(Gate(laws=(wrong,)), "second_moment").verdict == "REFUTED"


def test_check_law_is_open_to_other_peoples_laws() -> None:
    outcomes = check_law(SECOND_MOMENT, RIGHT)
    assert [o.rung for o in outcomes] == ["algebra", "chain", "chain"]
    assert all(o.ok for o in outcomes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"simulate": None}, "either simulate= or measure="),
        ({"statistic": None}, "needs statistic="),
        ({"rung": "sky"}, "none of algebra"),
        ({"cases": {}}, "no cases"),
        ({"expected": INCONCLUSIVE}, "must say why"),
        ({"plan": Plan(first=5000)}, "no multiple of the chunk"),
    ],
)
def test_declarations_that_cannot_be_judged_are_refused(changes, message) -> None:
    with pytest.raises(CheckError, match=message):
        replace(RIGHT, **changes)


def test_unknown_profile_and_absent_device_are_refused() -> None:
    with pytest.raises(CheckError, match="choose quick or full"):
        Options(profile="fast")
    if not torch.cuda.is_available():
        with pytest.raises(CheckError, match="use --device cpu"):
            Options(device="cuda")


def test_registry_fits_the_error_budget() -> None:
    found = entries()
    assert claims(found) <= CAPACITY
    assert f"the registry holds {claims(found)}" in budget_line(found)


def _rungs() -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    checked: dict[str, set[str]] = {}
    for entry in entries():
        checked.setdefault(entry.law, set()).add(entry.check.rung)
    return checked, {law.id: set(law.rungs) for law in theory.laws()}


def test_no_check_stands_on_a_rung_that_its_law_does_not_declare() -> None:
    checked, declared = _rungs()
    assert {law: rungs - declared[law] for law, rungs in checked.items() if rungs - declared[law]} == {}


def test_every_declared_rung_of_the_stability_family_is_checked() -> None:
    checked, declared = _rungs()
    own = {law: rungs for law, rungs in declared.items() if law.startswith("stability.")}
    assert {law: rungs - checked.get(law, set()) for law, rungs in own.items() if rungs - checked.get(law, set())} == {}


def test_every_spared_mutant_has_its_reason() -> None:
    for entry in entries():
        if isinstance(entry.check, Check):
            assert all(entry.check.case(entry.label).spared.values()), entry.node
