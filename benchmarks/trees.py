"""Modified equations by rooted trees: our time for all coefficients, and that of kauri where it is importable.

kauri computes the same numbers from the convolution logarithm of a character of the Hopf algebra of trees. The
comparison is of equal work: the coefficients of all trees to the order, from a cold start, in one process each.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.timing import row

ORDER, LARGE = 8, 10
LIMITS = {ORDER: 0.05, LARGE: 2.0}
"""Seconds which our own tables may take, in which no other program has a part."""

_OURS = """
import json, time
from theory.trees import coefficient_table
coefficient_table(1)
start = time.perf_counter()
table = coefficient_table({order})
spent = time.perf_counter() - start
from theory.trees import levels, symmetry
print(json.dumps([spent, {{str(levels(t)): float(c * symmetry(t)) for row in table for t, c in row}}]))
"""

_THEIRS = """
import json, time
import kauri
from theory.trees import levels, trees
def nested(tree):
    return [nested(child) for child in tree]
wanted = [tree for size in range(1, {order} + 1) for tree in trees(size)]
objects = [kauri.Tree(nested(tree)) for tree in wanted]
omega = kauri.euler.modified_equation_map()
start = time.perf_counter()
values = [float(omega(tree)) for tree in objects]
spent = time.perf_counter() - start
print(json.dumps([spent, {{str(levels(t)): v for t, v in zip(wanted, values)}}]))
"""


def _timed(program: str, order: int) -> tuple[float, dict[str, float]]:
    """Run a program in a fresh interpreter; return its time and the coefficients sigma(t) c(t) by level sequence."""
    done = subprocess.run(
        [sys.executable, "-c", program.format(order=order)],
        capture_output=True, text=True, check=True, cwd=Path(__file__).resolve().parent.parent,
    )  # fmt: skip
    spent, values = json.loads(done.stdout)
    return spent, values


def run(device: str = "cpu") -> list[dict[str, Any]]:
    """Return one line per order against its limit of time, and one against kauri where it is installed.

    Exact arithmetic has no use for a device. Raises ArithmeticError where a coefficient differs from that of kauri by
    more than rounding.
    """
    lines, ours, best = [], {}, {}
    for order, limit in LIMITS.items():
        best[order], ours[order] = min((_timed(_OURS, order) for _ in range(3)), key=lambda result: result[0])
        detail = f"{len(ours[order])} trees in {1000 * best[order]:.1f} ms"
        found = limit / best[order]
        lines.append(row(f"modified equation, order {order}", "the limit", found, f"< {limit:g} s", None, detail))
    if importlib.util.find_spec("kauri") is None:
        return lines
    spent, theirs = _timed(_THEIRS, ORDER)
    if theirs.keys() != ours[ORDER].keys():
        raise ArithmeticError("kauri and this project list different trees; one of the two programs is wrong.")
    miss = max(abs(ours[ORDER][key] - value) for key, value in theirs.items())
    if miss > 1e-12:
        raise ArithmeticError(f"the coefficients of kauri differ by {miss:.2e}; one of the two programs is wrong.")
    detail = f"{len(theirs)} equal coefficients (to {miss:.0e}): {spent:.1f} s there, {1000 * best[ORDER]:.1f} ms here"
    lines.append(row(f"modified equation, order {ORDER}", "kauri", spent / best[ORDER], "20x", None, detail))
    return lines


if __name__ == "__main__":
    for line in run():
        print(line)
