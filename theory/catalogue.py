"""The catalogue: every law by id, loaded family by family and only when asked for."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterator
from pathlib import Path

from theory.errors import UnknownLaw
from theory.law import Law

FAMILIES = ("order_parameters", "escape", "symmetry", "principal_flow", "stability")
_registered: dict[str, Law] = {}


def register(law: Law) -> Law:
    """Add somebody's own law to the catalogue of this process, so that it is found by id."""
    if law.id in _registered and _registered[law.id] is not law:
        raise UnknownLaw(f"the id {law.id!r} is taken by another law; choose another id.")
    _registered[law.id] = law
    return law


def families() -> tuple[str, ...]:
    """Return the families whose laws are present."""
    return tuple(f for f in FAMILIES if (Path(__file__).parent / f / "laws.py").is_file())


def laws(family: str | None = None) -> Iterator[Law]:
    """Yield the laws of one family, or of all, in the order of their declaration."""
    known = families()
    if family is not None and family not in known:
        raise UnknownLaw(f"no family {family!r}; the families are {', '.join(known)}.")
    for name in known if family is None else (family,):
        yield from importlib.import_module(f"theory.{name}.laws").LAWS
    yield from (law for law in _registered.values() if family in (None, law.family))


def law(law_id: str) -> Law:
    """Return a law by id; an unknown id raises UnknownLaw with the nearest ids."""
    if law_id in _registered:
        return _registered[law_id]
    family = law_id.split(".", 1)[0]
    pool = laws(family) if family in families() else laws()
    ids = {found.id: found for found in pool}
    if law_id in ids:
        return ids[law_id]
    close = difflib.get_close_matches(law_id, ids, n=3, cutoff=0.4)
    hint = f"; did you mean {', '.join(close)}?" if close else "; `sgdlaws list` prints all ids."
    raise UnknownLaw(f"no law has the id {law_id!r}{hint}")
