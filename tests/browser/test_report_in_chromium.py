"""The report in a real headless Chromium: filters, live panel, no network, no overflow, escaped texts."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, sync_playwright

from checks import check_law
from checks.report.build import write_report
from checks.report.figures import law_curves
from checks.report.live import panel
from checks.report.pdf import print_pdf
from tests.toy import FINDING, RIGHT, SECOND_MOMENT
from theory import Law
from theory.catalogue import law as find
from theory.evaluation import flat_numbers

SET_SLIDER = "([id, v]) => { const e = document.getElementById(id); e.value = v; e.dispatchEvent(new Event('input')); }"
LIVE = (
    "stability.phase.two_point",
    "stability.exponent.two_point",
    "principal_flow.coefficient.third_order",
    "symmetry.discrete.charge_step",
)
HOSTILE = '<script>document.title="broken"</script><img src=x onerror=alert(1)>'


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("report")
    hostile = SECOND_MOMENT.but(title=HOSTILE, statement=HOSTILE, erratum=HOSTILE)
    other: Law = find("stability.exponent.normal")
    outcomes = check_law(SECOND_MOMENT, RIGHT, FINDING)
    outcomes = [replace(o, replay=f"pytest 'check_toy.py::x[{o.case}]' --seed 0") for o in outcomes]
    checks = {("check0", o.case): RIGHT for o in outcomes if o.check == "check0"}
    return write_report(
        outcomes, out, laws=[hostile, other, find("stability.phase.two_point")], checks=checks, budget="budget"
    )


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
    assert page.locator("#matrix tbody tr:visible").count() == 3
    page.fill("#search", "stability.exponent")
    assert page.locator("#matrix tbody tr:visible").count() == 1
    page.fill("#search", "")
    page.select_option("#verdict", "REFUTED")
    assert page.locator("#matrix tbody tr:visible").inner_text().startswith("toy.second_moment")
    assert "1 of 3 laws" in page.locator("#count").inner_text()


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


def test_pdf_is_printed(report: Path, tmp_path: Path) -> None:
    print_pdf(report, tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")


PAGES = (
    "index.html",
    "laws/toy.second_moment.html",
    "laws/stability.exponent.normal.html",
    "laws/stability.phase.two_point.html",
)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(report: Path, page: Page, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    for name in PAGES:
        page.goto((report.parent / name).as_uri())
        for details in page.locator("details").all():
            details.evaluate("e => { e.open = true; }")
        found = Axe().run(page, options={"preload": False}).response["violations"]
        serious = [(v["id"], v["nodes"][0]["html"][:120]) for v in found if v["impact"] in ("serious", "critical")]
        assert serious == [], name


def test_everything_is_reached_and_moved_by_keyboard(report: Path, page: Page) -> None:
    page.goto(report.as_uri())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.locator("#search").focus()
    page.keyboard.type("two_point")
    assert page.locator("#count").inner_text() == "1 of 3 laws"
    page.keyboard.press("Enter")
    assert "?" not in page.url
    page.goto((report.parent / "laws" / "toy.second_moment.html").as_uri())
    before = page.locator("#value").inner_text()
    page.locator("#slider-mean").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("#value").inner_text() != before
    page.locator("details.replay summary").focus()
    page.keyboard.press("Enter")
    assert page.locator("details.replay code").first.is_visible()


def test_the_replay_line_is_copied_or_selected(report: Path, page: Page) -> None:
    page.goto((report.parent / "laws" / "toy.second_moment.html").as_uri())
    page.locator("details.replay").evaluate("e => { e.open = true; }")
    wanted = page.locator("button[data-copy]").first.get_attribute("data-copy")
    page.locator("button[data-copy]").first.click()
    page.wait_for_function("document.getElementById('copied').textContent")
    chosen = page.evaluate("getSelection().toString()")
    said = page.locator("#copied").inner_text()
    assert said == "Copied." or (said.startswith("Selected") and chosen == wanted)


def test_every_live_panel_gives_the_value_of_its_law(tmp_path: Path, page: Page) -> None:
    laws = [find(law_id) for law_id in LIVE]
    index = write_report([], tmp_path, laws=laws)
    for law in laws:
        page.goto((index.parent / "laws" / f"{law.id}.html").as_uri())
        values = {a: float(page.locator(f"#slider-{a}").input_value()) for a in _sliders(page)}
        live = panel(law)
        assert live is not None
        given = {p.key: int(values[p.key]) if p.domain.kind == "integer" else values[p.key]
                 for p in law.parameters if p.key in values}  # fmt: skip
        expected = flat_numbers(law(**given, **live.fixed))
        shown = [float(x) for x in page.locator("#value").inner_text().split(", ")]
        assert shown == pytest.approx(expected, rel=1e-9, abs=1e-12), law.id


def _sliders(page: Page) -> list[str]:
    return page.locator("input[type=range]").evaluate_all("e => e.map(x => x.id.replace('slider-', ''))")


def test_a_tabulated_panel_steps_through_values_of_the_law(tmp_path: Path, page: Page) -> None:
    law = find("stability.critical_learning_rate.exponential")
    (curve,) = law_curves(law, [], {})
    index = write_report([], tmp_path, laws=[law])
    page.goto((index.parent / "laws" / f"{law.id}.html").as_uri())
    page.locator(f"#slider-{curve.key}").focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    at = float(page.locator(f"#slider-{curve.key}").input_value())
    shown = float(page.locator("#value").inner_text())
    assert at > curve.xs[len(curve.xs) // 2]
    assert shown == pytest.approx(law(**{**curve.fixed, curve.key: at}), rel=1e-8)


def test_print_style_hides_the_controls(report: Path, page: Page) -> None:
    page.goto(report.as_uri())
    page.emulate_media(media="print")
    assert not page.locator(".filters").is_visible()
    assert page.locator("#matrix").is_visible()
