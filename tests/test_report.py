"""The report without a browser: figures, formulas, escaping, downloads."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
import sympy as sp

from checks import Check, Margin, check_law
from checks.registry import entries_of_file
from checks.report.build import report_of, write_report
from checks.report.diagrams import diagrams
from checks.report.figures import law_curves, law_figures
from checks.report.formulas import formula, mathml
from checks.report.live import panel, tabulated
from checks.report.names import breakable, typeset
from checks.report.shown import shown_derivation
from numerics.statistics import Mean, Plan
from tests.toy import FINDING, RIGHT, SECOND_MOMENT
from theory import conjecture
from theory.catalogue import law as find

HOSTILE = "<script>alert(1)</script>$\\frac{"


def checks_of(outcomes, *given: Check) -> dict[tuple[str, str], Check]:
    return {(o.check, o.case): given[int(o.check.removeprefix("check"))] for o in outcomes if o.kind != "gate"}


def test_figures_are_the_same_files_every_time(tmp_path: Path) -> None:
    outcomes = check_law(SECOND_MOMENT, RIGHT)
    curves = law_curves(SECOND_MOMENT, outcomes, checks_of(outcomes, RIGHT))
    drawn = [law_figures(SECOND_MOMENT, outcomes, curves, tmp_path / n) for n in "ab"]
    assert drawn[0]
    assert drawn[0] == drawn[1]
    for figure in drawn[0]:
        assert (tmp_path / "a" / figure.file).read_bytes() == (tmp_path / "b" / figure.file).read_bytes()


def test_a_figure_has_curve_points_and_mutants(tmp_path: Path) -> None:
    outcomes = check_law(SECOND_MOMENT, RIGHT)
    curves = law_curves(SECOND_MOMENT, outcomes, checks_of(outcomes, RIGHT))
    drawn = law_figures(SECOND_MOMENT, outcomes, curves, tmp_path)
    assert "std not squared" in drawn[0].caption
    assert "against mean: from" in drawn[0].alt
    assert "measured" in drawn[0].alt
    assert "prefers-color-scheme: dark" in (tmp_path / drawn[0].file).read_text()


def test_a_law_without_experiments_is_drawn_with_its_definition(tmp_path: Path) -> None:
    outcomes = check_law(SECOND_MOMENT)
    (drawn,) = law_figures(SECOND_MOMENT, outcomes, law_curves(SECOND_MOMENT, outcomes, {}), tmp_path)
    assert "from the definition" in drawn.caption


def test_hostile_names_reach_neither_mathtext_nor_markup(tmp_path: Path) -> None:
    check = Check(
        law=SECOND_MOMENT, rung="chain", simulate=RIGHT.simulate, statistic=Mean(), margin=Margin(relative=0.03),
        cases={HOSTILE: {"mean": 0.7, "std": 1.3}}, plan=Plan(first=16384), chunk=4096,
    )  # fmt: skip
    hostile = SECOND_MOMENT.but(title=HOSTILE, statement=HOSTILE, erratum=HOSTILE, quantity=sp.Symbol(HOSTILE))
    outcomes = check_law(hostile, check)
    write_report(outcomes, tmp_path, laws=[hostile], checks=checks_of(outcomes, check), budget=HOSTILE)
    pages = [(tmp_path / "index.html").read_text(), (tmp_path / "laws" / "toy.second_moment.html").read_text()]
    pages += [p.read_text() for p in (tmp_path / "figures").glob("toy*.svg")]
    assert len(pages) > 2
    assert all("<script>alert" not in page for page in pages)


@pytest.mark.parametrize("text", ["dQ/dt", "<b>", "x_{", "50%", "a b", "lambda_max'", "\\input", "C_12", "€"])
def test_any_symbol_name_becomes_markup(text: str) -> None:
    shown = mathml(sp.Symbol(text))
    assert shown.startswith("<math")
    assert "<b>" not in shown


def test_long_forms_are_shown_in_parts_and_longer_ones_as_text() -> None:
    x = sp.Symbol("x")
    inner = sp.sqrt(x**2 + sp.sin(x) * 3 + sp.cos(x) ** 2)
    long = sum(sp.exp(-n * inner) / (n + inner) for n in range(2, 60))
    shown = formula(long)
    assert shown.line is None
    assert shown.parts
    chaotic = formula(sum(sp.sin(x**n + n) ** (n + 1) for n in range(2, 400)))
    assert not chaotic.parts
    assert "characters" in chaotic.text


def test_matrices_have_drawn_brackets() -> None:
    assert 'class="matrix"' in mathml(sp.Matrix([[1, 2], [3, 4]]))


def test_numbers_are_typeset() -> None:
    assert str(typeset("[2.1e+06, 0.0e+00] <= 3e-05 +- 1")) == "[2.1·10<sup>6</sup>, 0] ≤ 3·10<sup>-5</sup> ± 1"
    assert str(breakable("a.b_c<")) == "a.<wbr>b_<wbr>c&lt;"


def test_a_form_that_depends_on_a_structure_is_shown_for_one() -> None:
    law = next(law for law in [find("stability.exponent.empirical")] if law.structure)
    derived, structure = shown_derivation(law)
    assert set(structure) == set(law.structure)
    assert derived.steps


def test_the_panel_knows_what_it_cannot_evaluate() -> None:
    assert panel(find("escape.mean_passage_time.double_well")) is None
    live = panel(find("stability.exponent.normal"))
    assert live is not None
    assert {a["key"] for a in live.arguments} >= {"learning_rate", "curvature_mean", "curvature_std"}


def test_a_value_the_page_cannot_evaluate_is_tabulated() -> None:
    law = find("stability.critical_learning_rate.exponential")
    assert panel(law) is None
    (curve,) = law_curves(law, [], {})
    live = tabulated(curve)
    assert live is not None
    assert live.arguments[0]["key"] == curve.key
    middle = {**live.fixed, curve.key: live.arguments[0]["start"]}
    assert curve.lines[0][len(curve.xs) // 2] == pytest.approx(law(**middle), rel=1e-9)


def test_downloads_hold_every_verdict(tmp_path: Path) -> None:
    outcomes = check_law(SECOND_MOMENT, RIGHT, FINDING)
    write_report(outcomes, tmp_path, laws=[SECOND_MOMENT])
    data = json.loads((tmp_path / "data.json").read_text())
    rows = list(csv.DictReader((tmp_path / "data.csv").open()))
    assert [d["verdict"] for d in data] == [r["verdict"] for r in rows] == [o.verdict for o in outcomes]
    assert {r["law"] for r in rows} == {"toy.second_moment"}
    assert float(rows[-1]["low"]) <= float(rows[-1]["estimate"]) <= float(rows[-1]["high"])
    assert "@misc{" in (tmp_path / "references.bib").read_text()


def test_a_cell_never_starts_a_spreadsheet_formula(tmp_path: Path) -> None:
    law = conjecture("mine.x", "s", "a", mutants=())
    check = Check(law=law, rung="chain", simulate=lambda chunk, a: chunk.normal(chunk.replicas) + a, statistic=Mean(),
                  margin=Margin(absolute=0.1), cases={"=1+1": {"a": 0.3}}, plan=Plan(first=16384))  # fmt: skip
    write_report(check_law(law, check), tmp_path, laws=[law])
    assert "'=1" not in (tmp_path / "data.csv").read_text()
    assert "chain-=1+1" in (tmp_path / "data.csv").read_text()


def test_laws_outside_the_catalogue_get_their_page(tmp_path: Path) -> None:
    example = Path(__file__).parent.parent / "examples" / "check_iterate_average.py"
    entries = entries_of_file(example)
    report_of(entries, [], tmp_path, everything=False)
    assert [p.stem for p in (tmp_path / "laws").iterdir()] == ["example.averaged_iterates"]


def test_an_id_that_is_no_file_name_stays_inside_the_report(tmp_path: Path) -> None:
    law = conjecture("../../a b#<c>", "s", "a", mutants=())
    write_report([], tmp_path / "report", laws=[law])
    (page,) = (tmp_path / "report" / "laws").iterdir()
    assert f'href="laws/{page.name}"' in (tmp_path / "report" / "index.html").read_text()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["report"]


@pytest.mark.parametrize("family", ["order_parameters", "escape", "principal_flow", "stability"])
def test_a_family_diagram_has_a_text_alternative_and_a_dark_scheme(tmp_path: Path, family: str) -> None:
    (drawn,) = diagrams(tmp_path, {family})
    assert len(drawn.alt) > 80
    assert "prefers-color-scheme: dark" in (tmp_path / drawn.file).read_text()
