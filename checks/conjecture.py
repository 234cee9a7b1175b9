"""`sgdlaws test`: somebody's formula in place of a law, before its definition and its experiments."""

from __future__ import annotations

import sympy as sp

import theory
from checks.check import CONFIRMED, Case, Check
from checks.engine import run
from checks.errors import CheckError
from checks.journal import Journal
from checks.options import Options
from checks.outcome import Outcome
from checks.registry import entries
from theory.derivation import derivation
from theory.gate import definition_value, difference
from theory.law import Law
from theory.parse import parse_expression


def formula_law(formula: str, law: Law) -> Law:
    """Return the law with the formula, written in the law's parameter keys, in place of its closed form.

    Raises CheckError if the formula uses a name that is no numeric parameter of the law.
    """
    numeric = {p.key: p for p in law.parameters if p.domain.kind in ("real", "integer")}
    symbols = {k: p.symbol if isinstance(p.symbol, sp.Symbol) else sp.Symbol(k) for k, p in numeric.items()}
    form = parse_expression(formula, symbols=symbols)
    strange = sorted(str(s) for s in form.free_symbols - set(symbols.values()))
    if strange:
        raise CheckError(f"{strange[0]!r} is no numeric parameter of {law.id}; the keys are {', '.join(numeric)}.")
    parameters = tuple(p.but_symbol(symbols[p.key]) if p.key in symbols else p for p in law.parameters)
    return law.but(
        id=f"conjecture.{law.id}",
        title=formula,
        parameters=parameters,
        derive=lambda **_: derivation(("conjecture", form, "as claimed, not derived")),
        evaluator=None,
        mutants=(),
        structure=(),
        published=None,
    )


def judge_formula(formula: str, against: str, options: Options) -> tuple[dict[str, object], list[Outcome]]:
    """Put a formula in the place of a law: before its definition and all its experiments, or before one experiment.

    ``against`` is the id of a law, or the name ``file::check`` of an experiment, which then judges alone.

    Raises CheckError or UnknownLaw if there is no such law or experiment.
    """
    if "::" in against:
        chosen = [e for e in entries() if isinstance(e.check, Check) and e.name == against]
        if not chosen:
            raise CheckError(f"no experiment is called {against!r}; `pytest checks --collect-only -q` prints them all.")
        law = theory.law(chosen[0].law)
        algebra: dict[str, object] = {"formula": formula, "against": against, "verdict": None}
    else:
        law = theory.law(against)
        chosen = [e for e in entries() if isinstance(e.check, Check) and e.law == law.id]
        algebra = _against_definition(formula, law, options.seed)
    claimed, journal, outcomes = formula_law(formula, law), Journal(":memory:"), []
    for entry in chosen:
        if isinstance(entry.check, Check):
            check = _open_minded(entry.check, entry.label, claimed)
            outcomes.append(run(entry.name, check, entry.label, options, journal))
    return algebra, outcomes


def _against_definition(formula: str, law: Law, seed: int) -> dict[str, object]:
    claimed = formula_law(formula, law)
    worst, where = 0.0, {}
    points = law.generic_points(law.gate_points, seed)
    for values in points:
        apart = difference(claimed(**values), definition_value(law, values))
        if apart > worst:
            worst, where = apart, values
    agrees = worst <= law.tolerance
    return {
        "formula": formula,
        "against": law.id,
        "verdict": "CONFIRMED" if agrees else "REFUTED",
        "largest_relative_error": worst,
        "points": len(points),
        "counterexample": None if agrees else where,
    }


def _open_minded(check: Check, label: str, law: Law) -> Check:
    """The same experiment about another law, expecting nothing but what is to be shown."""
    case = check.case(label)
    values = Case(case.values, settings=case.settings, margin=case.margin, expected=CONFIRMED, plan=case.plan)
    return Check(
        law=law,
        rung=check.rung,
        cases={label: values},
        margin=check.margin,
        simulate=check.simulate,
        measure=check.measure,
        statistic=check.statistic,
        chunk=check.chunk,
        plan=check.plan,
        observable=check.observable,
    )
