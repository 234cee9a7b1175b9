"""Online SGD of committees: brute force, the projected chain, the control variate, and the ODE's right-hand side."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import sympy as sp
import torch
from scipy.special import erf

from benchmarks.timing import interleaved, ratio, row
from checks.order_parameters.means import committee, problem_means
from numerics.committee import brute_force, projected_chain
from numerics.committee_field import drift, pack
from numerics.committee_twin import twin_chain
from numerics.ensemble import Chunk
from theory.order_parameters import expectations

_RATE, _NOISE = 0.7, 0.1


def _values(units: int) -> dict[str, Any]:
    eye = np.eye(units)
    return {
        "activation": "erf",
        "teacher_overlap": eye.tolist(),
        "student_overlap": (0.6 * eye + 0.05).tolist(),
        "teacher_student_overlap": (0.3 * eye + 0.02).tolist(),
        "learning_rate": _RATE,
        "noise_variance": _NOISE,
    }


def _start(values: dict[str, Any]) -> tuple[Any, Any]:
    return values["student_overlap"], values["teacher_student_overlap"]


def _numpy_loop(units: int, dimension: int, steps: int) -> None:
    """The textbook loop: one replica, one sample at a time."""
    rng = np.random.default_rng(0)
    student, teacher = rng.normal(size=(2, units, dimension))
    root = dimension**0.5
    for _ in range(steps):
        x = rng.normal(size=dimension)
        lam, nu = student @ x / root, teacher @ x / root
        error = erf(nu / 2**0.5).sum() + _NOISE**0.5 * rng.normal() - erf(lam / 2**0.5).sum()
        push = _RATE / root * error * (2 / np.pi) ** 0.5 * np.exp(-(lam**2) / 2)
        student += push[:, None] * x


def brute(device: str) -> list[dict]:
    """Brute force at d = 1000, p = k = 4, against a NumPy loop and the time of its random numbers alone."""
    values, dimension, steps, replicas, loop = _values(4), 1000, 40, 256, 2000
    problem = committee(values)
    chunk = Chunk(replicas, 1, torch.device(device))
    times = interleaved(
        {
            "ours": lambda: brute_force(chunk, problem, *_start(values), dimension, steps),
            "normals": lambda: [chunk.normal(dimension, replicas, dtype=torch.float32) for _ in range(steps)],
            "numpy": lambda: _numpy_loop(4, dimension, loop),
        },
        device=device,
    )
    found = ratio(times, "numpy", "ours", steps * replicas / loop)
    floor = 1 / ratio(times, "ours", "normals")
    return [row("brute committee, d=1000, p=k=4", "NumPy loop", found, "8x, 60 % of floor", floor, "per replica-step")]


def projected(device: str) -> list[dict]:
    """The projected chain against brute force, per replica-step."""
    rows = []
    for units, dimension in ((2, 1000), (4, 1000), (2, 10000)):
        values = _values(units)
        problem, replicas, steps = committee(values), 8192, 20
        few, short = (64, 40) if dimension == 1000 else (64, 10)
        chunk, small = Chunk(replicas, 1, torch.device(device)), Chunk(few, 2, torch.device(device))
        draws = 2 * units + 2
        times = interleaved(
            {
                "chain": lambda c=chunk, p=problem, v=values, d=dimension, s=steps: projected_chain(
                    c, p, *_start(v), d, s
                ),
                "normals": lambda c=chunk, n=draws, s=steps: [c.normal(n, c.replicas) for _ in range(s)],
                "brute": lambda c=small, p=problem, v=values, d=dimension, s=short: brute_force(c, p, *_start(v), d, s),
            },
            device=device,
        )
        found = ratio(times, "brute", "chain", replicas * steps / (few * short))
        floor = 1 / ratio(times, "chain", "normals")
        target = "150x" if dimension == 1000 else ""
        rows.append(row(f"projected chain, d={dimension}, p=k={units}", "own brute force", found, target, floor))
    return rows


def control_variate(device: str) -> list[dict]:
    """Time to a fixed error of d (E Omega - ODE) at d = 400: brute force against the chain with its twin."""
    values, dimension, horizon = _values(2), 400, 1.0
    problem, means = committee(values), problem_means(values)
    steps = round(horizon * dimension)
    many, few = Chunk(2048, 3, torch.device(device)), Chunk(24, 4, torch.device(device))
    found: dict[str, torch.Tensor] = {}

    def twin() -> None:
        end, deviation = twin_chain(many, problem, means, *_start(values), dimension, steps)
        found["plain"] = pack(end.q, end.m, end.a)[:-2]
        found["twin"] = found["plain"] - deviation[:-2]

    times = interleaved(
        {"twin": twin, "brute": lambda: brute_force(few, problem, *_start(values), dimension, steps)},
        rounds=3,
        device=device,
    )
    variances = float((found["plain"].var(1) / found["twin"].var(1)).median())
    cost = ratio(times, "brute", "twin", many.replicas / few.replicas)
    detail = f"variance ratio {variances:.0f}, cost ratio {cost:.0f}"
    return [row("d (E Omega - ODE) to a fixed error, d=400", "own brute force", cost * variances, "1e4x", None, detail)]


_C = """
#include <math.h>
%s
#define P 4
#define N 8
void field(int rows, const double *omega, double eta, double noise, double *dm, double *dq) {
  for (int r = 0; r < rows; r++) {
    const double *c = omega + (long)r * N * N;
#define C(i, j) c[(i) * N + (j)]
    double learn[P][N];
    for (int j = 0; j < P; j++) for (int n = 0; n < N; n++) {
      double sum = 0;
      for (int u = 0; u < N; u++)
        sum += (u < P ? -1 : 1) * i3(C(j, j), C(j, n), C(j, u), C(n, n), C(n, u), C(u, u));
      learn[j][n] = sum;
    }
    for (int j = 0; j < P; j++) for (int n = 0; n < P; n++) dm[((long)r * P + j) * P + n] = eta * learn[j][P + n];
    for (int j = 0; j < P; j++) for (int l = j; l < P; l++) {
      double sum = noise * j2(C(j, j), C(j, l), C(l, l));
      for (int u = 0; u < N; u++) for (int w = u; w < N; w++)
        sum += (u == w ? 1 : 2) * ((u < P) == (w < P) ? 1 : -1) *
          i4(C(j, j), C(j, l), C(j, u), C(j, w), C(l, l), C(l, u), C(l, w), C(u, u), C(u, w), C(w, w));
      double value = eta * (learn[j][l] + learn[l][j]) + eta * eta * sum;
      dq[((long)r * P + j) * P + l] = dq[((long)r * P + l) * P + j] = value;
    }
  }
}
"""


def _c_function(name: str, kind: str, units: tuple[str, ...], size: int) -> str:
    pattern = tuple(range(1, size + 1))
    form, _ = expectations.closed_form(kind, "erf", units, pattern)
    arguments = expectations.arguments_for(pattern)
    replaced, (reduced,) = sp.cse([form], symbols=sp.numbered_symbols("x_"))
    lines = [f"double {s} = {sp.ccode(e)};" for s, e in replaced]
    head = ", ".join(f"double {a}" for a in arguments)
    return f"static double {name}({head}) {{ {' '.join(lines)} return {sp.ccode(reduced)}; }}"


def right_hand_side(device: str) -> list[dict]:
    """The ODE at 1000 points, p = k = 4, against C printed by SymPy from the same three means (gcc -O2)."""
    name, rows, units = "ODE right-hand side, p=k=4, 1000 points", 1000, 4
    compiler = shutil.which("gcc")
    if compiler is None or device != "cpu":
        return [row(name, "C by SymPy, gcc -O2", None, "1.0x", None, "needs gcc and the CPU")]
    source = _C % "\n".join(
        [
            _c_function("i3", "I3", ("erf",), 3),
            _c_function("i4", "I4", ("erf", "erf"), 4),
            _c_function("j2", "J2", (), 2),
        ]
    )
    torch.manual_seed(0)
    factor = torch.randn(rows, 2 * units, 3 * units, dtype=torch.float64)
    omega = (factor @ factor.transpose(1, 2) / (3 * units)).contiguous()
    q, m, p = (omega[:, a, b].permute(1, 2, 0).contiguous() for a, b in (
        (slice(0, 4), slice(0, 4)), (slice(0, 4), slice(4, 8)), (slice(4, 8), slice(4, 8))))  # fmt: skip
    ones = torch.ones(units, rows, dtype=torch.float64)
    means = problem_means(_values(units))
    dm, dq = (np.empty((rows, units, units)) for _ in range(2))
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "field.c").write_text(source)
        subprocess.run(
            [compiler, "-O2", "-shared", "-fPIC", "-o", f"{folder}/field.so", f"{folder}/field.c", "-lm"], check=True
        )
        field = ctypes.CDLL(f"{folder}/field.so").field
        pointer = ctypes.POINTER(ctypes.c_double)
        given = [x.ctypes.data_as(pointer) for x in (omega.numpy(), dm, dq)]

        def call_c() -> None:
            field(rows, given[0], ctypes.c_double(_RATE), ctypes.c_double(_NOISE), given[1], given[2])

        times = interleaved({"torch": lambda: drift(means, q, m, p, ones, ones, _RATE, _NOISE), "c": call_c}, rounds=9)
    ours = drift(means, q, m, p, ones, ones, _RATE, _NOISE)
    gap = max(
        float((ours.m.permute(2, 0, 1) - torch.from_numpy(dm)).abs().max()),
        float((ours.q.permute(2, 0, 1) - torch.from_numpy(dq)).abs().max()),
    )
    detail = f"largest difference {gap:.0e}"
    return [row(name, "C by SymPy, gcc -O2", ratio(times, "c", "torch"), "1.0x", None, detail)]


def run(device: str = "cpu") -> list[dict]:
    """Return the lines of this module."""
    return [*brute(device), *projected(device), *control_variate(device), *right_hand_side(device)]
