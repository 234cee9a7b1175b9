"""The documentation names only what exists: laws, commands, files, pages, options."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer.main

import theory
from checks.cli import app

ROOT = Path(__file__).parent.parent
PAGES = sorted([*(ROOT / "docs").glob("*.md"), ROOT / "README.md"])
GENERATED = {"commands.md", "citations.md"}


def commands() -> dict[str, object]:
    group = typer.main.get_command(app)
    return dict(group.commands)


@pytest.fixture(params=PAGES, ids=lambda p: p.name)
def page(request: pytest.FixtureRequest) -> Path:
    return request.param


def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        if not target.startswith("http"):
            assert target in GENERATED or (page.parent / target).exists(), target


def test_named_files_exist(page: Path) -> None:
    text = page.read_text()
    for path in re.findall(r"`((?:examples|docs|checks|numerics|theory|benchmarks|tests)/[\w/.]*)`", text):
        assert (ROOT / path).exists(), path


def test_commands_and_topics_exist(page: Path) -> None:
    known = commands()
    topics = known["derive"].commands
    code = "\n".join(re.findall(r"```.*?```|`[^`]+`", page.read_text(), flags=re.S))
    for first, second in re.findall(r"(?:^|`)sgdlaws ([a-z]+)(?: ([a-z-]+))?", code, flags=re.M):
        assert first in known, first
        if first == "derive" and second and not second.startswith("-"):
            assert second in topics, second


def test_laws_named_in_full_exist(page: Path) -> None:
    ids = {law.id for law in theory.laws()}
    families = "|".join(theory.families())
    for name in re.findall(rf"(?<![\w./])((?:{families})\.[a-z_0-9]+\.[a-z_0-9.]*[a-z_0-9])", page.read_text()):
        family, topic = name.split(".")[:2]
        modules = (f"{name.replace('.', '/')}.py", f"{family}/{topic}.py")
        assert name in ids or any((ROOT / "theory" / m).exists() for m in modules), name


def test_the_site_has_every_page_in_its_navigation() -> None:
    nav = (ROOT / "mkdocs.yml").read_text()
    essays = {f"{family}.md" for family in theory.families()}
    for page in (ROOT / "docs").glob("*.md"):
        assert page.name in nav or page.name in essays, page.name
