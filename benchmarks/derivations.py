"""Derivations: a sample of closed forms from every family, cold (empty cache) and warm, each in a fresh process."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence

from benchmarks.timing import row

_PROGRAM = """
import json, sys, time
import theory
laws = [theory.law(name) for name in json.loads(sys.argv[1])]
start = time.perf_counter()
for law in laws:
    law.derivation()
print(time.perf_counter() - start)
"""
_SAMPLE = (
    "order_parameters.i3.erf",
    "order_parameters.i4.erf",
    "order_parameters.ode.student_overlap",
    "escape.escape_rate.one_dimensional",
    "symmetry.noise_equilibrium.rescale",
    "principal_flow.modified_field.third_order",
    "stability.exponent.normal",
    "stability.exponent.exponential",
    "stability.exponent.uniform",
)


def _seconds(names: Sequence[str], cache: str) -> float:
    environment = {**os.environ, "SGDLAWS_CACHE_DIR": cache}
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, json.dumps(list(names))],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return float(done.stdout)


def run(device: str = "cpu") -> list[dict]:
    """Return the one line of this module: cold over warm, with both medians in the detail."""
    cold, warm = [], []
    for _ in range(5):
        with tempfile.TemporaryDirectory() as cache:
            cold.append(_seconds(_SAMPLE, cache))
            warm.append(_seconds(_SAMPLE, cache))
    detail = f"{len(_SAMPLE)} closed forms: cold {statistics.median(cold):.1f} s, warm {statistics.median(warm):.2f} s"
    found = statistics.median(c / w for c, w in zip(cold, warm, strict=True))
    return [row("derivations, warm", "cold", found, "cold < 5 s, warm < 0.3 s", None, detail)]
