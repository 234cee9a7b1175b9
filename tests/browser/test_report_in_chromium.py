"""The report in a real headless Chromium: filters, live panel, no network, no overflow, escaped texts."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from checks import check_law
from checks.report.build import print_pdf, write_report
from tests.toy import FINDING, RIGHT, SECOND_MOMENT
from theory import Law
from theory.catalogue import law as find

SET_SLIDER = "([id, v]) => { const e = document.getElementById(id); e.value = v; e.dispatchEvent(new Event('input')); }"
HOSTILE = '<script>document.title="broken"</script><img src=x onerror=alert(1)>'


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("report")
    hostile = SECOND_MOMENT.but(title=HOSTILE, statement=HOSTILE, erratum=HOSTILE)
    other: Law = find("stability.exponent.normal")
    outcomes = check_law(SECOND_MOMENT, RIGHT, FINDING)
    return write_report(outcomes, out, laws=[hostile, other], budget="budget")


@pytest.fixture(scope="module")
def browser() -> Iterator:
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert path is not None, "these tests need Chromium: install Debian's package chromium"
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-background-networking", "--disable-component-update"]
        )
        yield running
        running.close()


@pytest.fixture
def page(browser) -> Iterator[Page]:
    opened = browser.new_page(viewport={"width": 1200, "height": 900})
    opened.problems = []
    opened.on("console", lambda m: opened.problems.append(m.text) if m.type == "error" else None)
    opened.on("pageerror", lambda e: opened.problems.append(str(e)))
    opened.on("request", lambda r: opened.problems.append(r.url) if not r.url.startswith(("file:", "data:")) else None)
    yield opened
    assert opened.problems == []
    opened.close()


def test_filters_show_what_they_name(report: Path, page: Page) -> None:
    page.goto(report.as_uri())
    assert page.locator("#matrix tbody tr:visible").count() == 2
    page.fill("#search", "stability.exponent")
    assert page.locator("#matrix tbody tr:visible").count() == 1
    page.fill("#search", "")
    page.select_option("#verdict", "REFUTED")
    assert page.locator("#matrix tbody tr:visible").inner_text().startswith("toy.second_moment")
    assert "1 of 2 laws" in page.locator("#count").inner_text()


def test_sliders_move_the_value_to_that_of_the_law(report: Path, page: Page) -> None:
    for law, values in (
        (SECOND_MOMENT, {"mean": 0.9, "std": 0.8}),
        (find("stability.exponent.normal"), {"learning_rate": 0.77, "curvature_mean": 0.31, "curvature_std": 0.93}),
    ):
        page.goto((report.parent / "laws" / f"{law.id}.html").as_uri())
        for key, value in values.items():
            page.evaluate(
                SET_SLIDER,
                [f"slider-{key}", value],
            )
        shown = {k: float(page.locator(f"#slider-{k}").input_value()) for k in values}
        assert float(page.locator("#value").inner_text()) == pytest.approx(law(**shown), rel=1e-9)


@pytest.mark.parametrize("width", [390, 1200])
def test_no_horizontal_scroll(report: Path, page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    for path in (report, *(report.parent / "laws").glob("*.html")):
        page.goto(path.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path.name


def test_hostile_texts_are_shown_not_run(report: Path, page: Page) -> None:
    page.goto(report.as_uri())
    assert page.title() == "sgdlaws validation report"
    assert HOSTILE in page.content().replace("&lt;", "<").replace("&gt;", ">")
    assert page.locator("img[src=x]").count() == 0


def test_figures_have_text_alternatives_and_controls_have_names(report: Path, page: Page) -> None:
    for path in (report, report.parent / "laws" / "toy.second_moment.html"):
        page.goto(path.as_uri())
        assert all(alt and len(alt) > 20 for alt in page.locator("img").evaluate_all("e => e.map(x => x.alt)"))
        unnamed = "e => e.filter(x => !x.labels.length && !x.getAttribute('aria-label')).length"
        assert page.locator("input, select").evaluate_all(unnamed) == 0


def test_special_functions_of_the_page_match_mpmath(report: Path, page: Page) -> None:
    import mpmath

    page.goto((report.parent / "laws" / "toy.second_moment.html").as_uri())
    table = {
        "erf": (mpmath.erf, [-3.1, -0.7, 0.2, 2.4, 2.6, 4.0]),
        "erfc": (mpmath.erfc, [-2.0, 0.3, 2.4, 3.0, 5.0]),
        "gamma": (mpmath.gamma, [-1.3, 0.2, 1.7, 6.3]),
        "digamma": (mpmath.digamma, [-0.6, 0.3, 2.2, 30.0]),
        "ei": (mpmath.ei, [-7.0, -1.2, -0.3, 0.2, 1.5, 20.0, 50.0]),
        "lambertw": (mpmath.lambertw, [0.1, 0.36, 1.0, 20.0]),
        "hyp2f2": (lambda z: mpmath.hyper([1, 1], [1.5, 2], z), [-60.0, -12.0, -0.4, 0.5, 6.0]),
    }
    for name, (exact, points) in table.items():
        for x in points:
            assert page.evaluate(f"S.{name}({x!r})") == pytest.approx(float(exact(x)), rel=1e-9), (name, x)


def test_downloads_hold_every_verdict(report: Path) -> None:
    data = json.loads((report.parent / "data.json").read_text())
    assert {d["law"] for d in data} == {"toy.second_moment"}
    assert len((report.parent / "data.csv").read_text().splitlines()) == len(data) + 1
    assert "@misc{" in (report.parent / "references.bib").read_text()


def test_pdf_is_printed(report: Path, tmp_path: Path) -> None:
    print_pdf(report, tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")


def test_figures_are_the_same_files_every_time(report: Path, tmp_path: Path) -> None:
    from checks.report.figures import law_figure

    outcomes = check_law(SECOND_MOMENT, RIGHT)
    files = [law_figure(SECOND_MOMENT, outcomes, tmp_path / n) for n in "ab"]
    assert all(f is not None for f in files)
    assert (tmp_path / "a" / "toy.second_moment.svg").read_bytes() == (
        tmp_path / "b" / "toy.second_moment.svg"
    ).read_bytes()
