"""Prints a page to PDF through a headless browser."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from checks.errors import CheckError

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
_SECONDS = 300


def print_pdf(page: Path, target: Path) -> None:
    """Print a page to PDF; raises CheckError if no browser is present, or if it fails or takes too long."""
    browser = next((found for name in _BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        raise CheckError(f"no browser is present for --pdf; install one of {', '.join(_BROWSERS)}.")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [
            browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--no-pdf-header-footer", f"--user-data-dir={profile}", f"--print-to-pdf={target.resolve()}",
            page.resolve().as_uri(),
        ]  # fmt: skip
        try:
            run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise CheckError(
                f"the browser did not print {target} within {_SECONDS} s; open the HTML and print it there."
            ) from error
    if run.returncode or not target.exists():
        raise CheckError(
            f"the browser could not print {target} (exit {run.returncode}); open the HTML and print it there."
        )
