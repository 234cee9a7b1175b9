"""Run the benchmark suite: ``python -m benchmarks [--device cuda] [--only NAME]``.

Writes ``benchmarks/results.json`` (one entry for each device) and the table of the README, which a test keeps equal.
Peers that are not installed are left out of the comparison: ``pip install -e '.[benchmarks]'`` installs those that
live beside this project's versions.
"""

from __future__ import annotations

import argparse
import importlib
import json
import platform
import sys
from importlib.metadata import version

import torch

from benchmarks.table import README, RESULTS, render, replaced

_MODULES = ("committee", "walkers", "rare_events", "matrix_products", "derivations", "trees")


def _environment(device: str) -> dict[str, str]:
    name = torch.cuda.get_device_name() if device != "cpu" else platform.processor() or platform.machine()
    return {"device": name, "threads": "1", "python": platform.python_version(), "torch": version("torch")}


def main() -> None:
    """Run the modules asked for and merge their lines into the results."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--only", choices=_MODULES, action="append", help="run this part (repeatable)")
    asked = parser.parse_args()
    if asked.device == "cuda" and not torch.cuda.is_available():
        parser.error("--device cuda: no CUDA device is present; use --device cpu")
    torch.set_num_threads(1)
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    kept = results.get(asked.device, {"parts": {}})
    for name in asked.only or _MODULES:
        lines = importlib.import_module(f"benchmarks.{name}").run(asked.device)
        kept["parts"][name] = lines
        for line in lines:
            print(render([line])[-1])
            sys.stdout.flush()
    kept["environment"] = _environment(asked.device)
    kept["parts"] = {name: kept["parts"][name] for name in _MODULES if name in kept["parts"]}
    results[asked.device] = kept
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    README.write_text(replaced(README.read_text(), results))


if __name__ == "__main__":
    main()
