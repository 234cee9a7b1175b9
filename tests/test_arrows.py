"""The arrows of the architecture: checks -> theory, checks -> numerics, and nothing else."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FORBIDDEN = {
    "theory": {"torch", "numerics", "checks"},
    "numerics": {"theory", "checks"},
}


def _imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("package", sorted(FORBIDDEN))
def test_package_imports_nothing_against_the_arrows(package: str) -> None:
    wrong = {
        str(path.relative_to(ROOT)): sorted(_imports(path) & FORBIDDEN[package])
        for path in (ROOT / package).rglob("*.py")
        if _imports(path) & FORBIDDEN[package]
    }
    assert wrong == {}


def test_sympy_is_imported_in_numerics_only_by_the_printer() -> None:
    using = {p.relative_to(ROOT).as_posix() for p in (ROOT / "numerics").rglob("*.py") if "sympy" in _imports(p)}
    assert all(name.startswith("numerics/printer") for name in using)


def test_importing_the_command_line_does_not_import_torch() -> None:
    code = "import sys, checks.cli; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
