"""`sgdlaws derive`: every family adds its topics through ``checks/derive_<family>.py``."""

from __future__ import annotations

import importlib
from pathlib import Path

import typer

derive_app = typer.Typer(
    help="Derive new closed forms from your own model.", no_args_is_help=True, rich_markup_mode=None
)

for _file in sorted(Path(__file__).parent.glob("derive_*.py")):
    importlib.import_module(f"checks.{_file.stem}").register(derive_app)


@derive_app.callback()
def derive() -> None:
    """Derive new closed forms from your own model."""
