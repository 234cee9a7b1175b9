"""Checks of the escape family, third part: validity atlas, tails, kurtosis, barriers and exit laws of the SDE (flow)."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import theory
from checks.check import REFUTED, Case, Check, Margin
from checks.escape import flow, line
from checks.escape.flow import well
from numerics.statistics import Mean, Plan

DRIFTS = {"statistic": Mean(minimum=1000), "plan": Plan(first=4096, looks=6), "chunk": 4096}


def _atlas_line(error: float, *points: tuple[float, float]) -> Check:
    """Points where the validity atlas puts the closed form ``error`` above the exact rate: its boundary passes there."""
    return Check(
        law="escape.escape_rate.one_dimensional", rung="flow", measure=line.atlas_point,
        observable=lambda rate, **_: rate / (1 + error), margin=Margin(relative=3e-4),
        cases={f"T={t:g}-c={c:g}": {"temperature": t, "barrier_ratio": c, **well(c)} for t, c in points},
    )  # fmt: skip


atlas_ten_per_cent = _atlas_line(0.10, (0.02, 1.1009), (0.05, 1.2377), (0.1, 1.4282), (0.2, 1.6599))
atlas_three_per_cent = _atlas_line(0.03, (0.05, 1.4931), (0.1, 1.8031), (0.2, 2.1939))
atlas_minus_three_per_cent = _atlas_line(-0.03, (0.1, 83.55), (0.2, 4.0586))

kurtosis_power_law = Check(
    law="escape.excess_kurtosis.power_law", rung="flow", measure=line.excess_kurtosis, margin=Margin(relative=1e-4),
    cases={f"T={t:g}": {"temperature": t, "dimension": 1} for t in (0.07, 0.13, 0.22)},
)  # fmt: skip
kurtosis_sde = Check(
    law="escape.excess_kurtosis.kurtosis_sde", rung="flow", measure=line.excess_kurtosis, margin=Margin(relative=1e-4),
    cases={
        "K=1.7": {"temperature": 0.17, "feature_kurtosis": 1.7},
        "K=3": {"temperature": 0.08, "feature_kurtosis": 3.0},
        "K=4.2": {"temperature": 0.06, "feature_kurtosis": 4.2},
    },
)  # fmt: skip


def _tail(law: str, kind: str) -> Check:
    return Check(
        law=f"escape.tail_index.{law}", rung="flow", measure=partial(line.tail_index, kind=kind),
        margin=Margin(relative=1e-3),
        cases={
            f"n={n}": {"temperature": t, "dimension": n} for t, n in ((0.41, 1), (0.53, 3), (0.33, 4))
        },
    )  # fmt: skip


tail_power_law = _tail("power_law", "seed")
tail_gaussian_features = _tail("gaussian_features_sde", "gaussian_features")
barrier_diffusion = Check(
    law="escape.quasi_potential.diffusion", rung="flow", measure=line.diffusion_barrier, margin=Margin(relative=0.01),
    cases={
        "c=1.5": {"barrier_ratio": 1.5, "batch_size": 1, "curvature": 1.0},
        "c=2.7-B=3": {"barrier_ratio": 2.7, "batch_size": 3, "curvature": 1.3},
    },
)  # fmt: skip
_WELL = {"temperature": 0.08, "barrier_ratio": 1.7}
exponential_times = Check(
    law="escape.escape_time.exponential", rung="flow", measure=line.survival, settings=_WELL,
    margin=Margin(absolute=0.005), cases={f"t={t:g}": {"relative_time": t} for t in (0.3, 1.1, 2.4)},
)  # fmt: skip
exponential_distance = Check(
    law="escape.escape_time.exponential", rung="flow", measure=line.survival_gap, settings=_WELL,
    margin=Margin(absolute=0.005), cases={"sup over two decades": {"relative_time": 0.7}},
)  # fmt: skip

log_drift = Check(
    law="escape.log_drift.transient", rung="flow", simulate=line.loss_drift, margin=Margin(absolute=0.06), **DRIFTS,
    cases={
        "n=1": {"temperature": 0.31, "dimension": 1, "curvature": 1.3},
        "n=4": {"temperature": 0.24, "dimension": 4, "curvature": 0.8},
    },
)  # fmt: skip
lyapunov_sde = Check(
    law="escape.lyapunov.interpolation_sde", rung="flow", simulate=line.distance_drift, margin=Margin(absolute=0.04),
    **DRIFTS,
    cases={
        "n=3": {"temperature": 0.58, "dimension": 3, "curvature": 1.2},
        "n=9": {"temperature": 0.47, "dimension": 9, "curvature": 0.9},
    },
)  # fmt: skip
_AROUND = (4, 7)
threshold = Check(
    law="escape.stability_dimension.threshold", rung="flow",
    simulate=partial(line.threshold_drifts, below=_AROUND[0], above=_AROUND[1]),
    observable=lambda value, *, temperature: [temperature * (n - value) for n in _AROUND],
    margin=Margin(absolute=0.08), **DRIFTS, cases={"T=0.58": {"temperature": 0.58}},
)  # fmt: skip
short_time = Check(
    law="escape.escaping_efficiency.short_time", rung="flow", simulate=line.short_time_growth,
    settings={"time": 0.01}, margin=Margin(relative=0.05), statistic=Mean(minimum=1000),
    plan=Plan(first=32768, looks=4), chunk=32768,
    cases={"n=2": {"learning_rate": 0.2, "curvatures": [1.7, 0.6], "noise_variances": [0.5, 1.4]}},
)  # fmt: skip


def _size_of_the_factor(barrier_ratio: float, ratio: float) -> float:
    """The n_eff which would give the transverse factor: 1/factor = c^(1 - n_eff/2) at n = 2."""
    factor = theory.law("escape.transverse_factor.anisotropic")(barrier_ratio=barrier_ratio, curvature_ratio=ratio)
    return 2 * (1 + math.log(factor) / math.log(barrier_ratio))


def _anisotropic(barrier_ratio: float, ratio: float, **expectation: Any) -> Check:
    """Passage time with noise proportional to the Hessian over that with equal noise: c^(1 - n_eff/2) at n = 2."""
    return Check(
        law="escape.effective_dimension.anisotropic", rung="flow",
        measure=partial(flow.transverse_ratio, temperature=0.05, barrier_ratio=barrier_ratio),
        observable=lambda size, **_: barrier_ratio ** (1 - size / 2), margin=Margin(relative=0.02),
        cases={f"ratio={ratio:g}-c={barrier_ratio:g}": {"curvatures": [1.7, 1.7 * ratio], "escape_curvature": 1.7}},
        **expectation,
    )  # fmt: skip


effective_dimension = _anisotropic(1.5, 1.7)
effective_dimension_high = _anisotropic(
    3.1, 1.8, expected=REFUTED, rival=lambda **_: _size_of_the_factor(3.1, 1.8),
    reason="n_eff is the limit of low barriers: at c = 3.1 the exact ratio of times is 0.594, n_eff gives 0.636",
)  # fmt: skip


transverse_factor = Check(
    law="escape.transverse_factor.anisotropic", rung="flow",
    measure=lambda context, *, curvature_ratio, barrier_ratio: flow.transverse_ratio(
        context, curvatures=[1.0, curvature_ratio], escape_curvature=1.0, temperature=0.05, barrier_ratio=barrier_ratio
    ),
    observable=lambda value, **_: 1 / value, margin=Margin(relative=0.02),
    cases={
        "ratio=2-c=3": {"barrier_ratio": 3.0, "curvature_ratio": 2.0},
        "ratio=1.7-c=2.4": Case(
            {"barrier_ratio": 2.4, "curvature_ratio": 1.7},
            spared={"leading order, n_eff = 1 + r": "differs by 4 %, two margins; refuted at ratio 2, c = 3"},
        ),
        "ratio=0.7-c=2.4": Case(
            {"barrier_ratio": 2.4, "curvature_ratio": 0.7},
            spared={"leading order, n_eff = 1 + r": "differs by a per cent; refuted at ratio 2, c = 3"},
        ),
    },
)  # fmt: skip
