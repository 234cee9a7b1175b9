"""The registry: every check of the project, whatever a run selects, and the error budget that follows from it."""

from __future__ import annotations

import fnmatch
import importlib
import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from checks.check import Check, Gate
from checks.engine import CAPACITY, SUITE_ALPHA, alpha_per_claim
from checks.errors import CheckError
from checks.options import Options


@dataclass(frozen=True)
class Entry:
    """One item: a check, the label of one of its cases, and the names under which it is found."""

    name: str
    check: Check | Gate
    label: str
    path: str

    @property
    def case(self) -> str:
        """Label with the rung in front, except for gates."""
        return self.label if isinstance(self.check, Gate) else f"{self.check.rung}-{self.label}"

    @property
    def law(self) -> str:
        """Id of the law."""
        return self.check.by_label()[self.label].id if isinstance(self.check, Gate) else self.check.law_id

    @property
    def node(self) -> str:
        """The node id of pytest."""
        return f"{self.path}::{self.name.split('::')[-1]}[{self.case}]"

    def replay(self, options: Options) -> str:
        """The command line which repeats this item."""
        return (
            f"pytest '{self.node}' --profile {options.profile} --seed {options.seed} "
            f"--device {options.device} --no-resume"
        )


def entries_of(module: ModuleType) -> list[Entry]:
    """Return the items which a module declares at its top level, in the order of declaration."""
    path = Path(module.__file__ or module.__name__)
    shown = "/".join(path.parts[-2:])
    found = []
    for attribute, value in vars(module).items():
        if isinstance(value, (Check, Gate)):
            labels = value.cases if isinstance(value, Check) else value.labels()
            found += [Entry(f"{path.stem}::{attribute}", value, label, shown) for label in labels]
    return found


def entries_of_file(path: Path) -> list[Entry]:
    """Import a file of checks, wherever it lies, and return its items; raises CheckError if it is no module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise CheckError(f"{path} cannot be imported; give a Python file with checks.")
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.parent))
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(path.parent))
    return entries_of(module)


def entries() -> list[Entry]:
    """Return every item of every ``checks/check_*.py``."""
    files = sorted(Path(__file__).parent.glob("check_*.py"))
    return [entry for f in files for entry in entries_of(importlib.import_module(f"checks.{f.stem}"))]


def select(pattern: str | None) -> list[Entry]:
    """Return the items whose node id or law contains the pattern (``*``: any text); none raises CheckError."""
    found = entries()
    if pattern:
        glob = f"*{pattern.strip('*')}*"
        found = [e for e in found if fnmatch.fnmatchcase(e.node, _literal(glob)) or fnmatch.fnmatchcase(e.law, glob)]
    if not found:
        raise CheckError(f"no check matches {pattern!r}; `pytest checks --collect-only -q` prints all of them.")
    return found


def _literal(glob: str) -> str:
    return glob.replace("[", "[[]")


def claims(items: list[Entry]) -> int:
    """Number of items that spend error probability: the sampling ones."""
    return sum(isinstance(e.check, Check) and e.check.simulate is not None for e in items)


def budget_line(items: list[Entry]) -> str:
    """Describe the error budget of the whole registry in one line.

    Raises CheckError if the registry holds more claims than the budget provides for.
    """
    count = claims(items)
    if count > CAPACITY:
        raise CheckError(f"the registry holds {count} sampling claims; the error budget provides for {CAPACITY}.")
    share = alpha_per_claim()
    return (
        f"error budget: {SUITE_ALPHA:g} over at most {CAPACITY} sampling claims ({share:.0e} each); the registry holds "
        f"{count}: if every law is right, P(any false REFUTED in a run) < {count * share:.1e}"
    )
