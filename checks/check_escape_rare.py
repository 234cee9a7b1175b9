"""Checks of the escape family, fifth part: rare events, barriers over a decade, and a true double well with real batches.

No verdict here rests on a slope over less than a decade: barriers are fitted over a decade of learning rates, in which
the exact mean exit time grows by 7 to 30 decades, with the prefactor's power of the learning rate as a fit parameter.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

from scipy.special import betainc

from checks.check import REFUTED, Case, Check, Margin
from checks.escape import rare, sgd
from checks.escape.flow import correction_margin, well
from checks.escape.net import tail_slope, trace_ratio
from numerics.statistics import Mean, Plan, Rate

F2 = "F2: the SDE is no small-step limit of minibatch SGD; third and higher noise cumulants cancel the inhomogeneity"
F3 = "F3: the tail of real SGD is Kesten's"

action = Check(
    law="escape.quasi_potential.linear_regression", rung="sgd", measure=rare.real_barrier,
    margin=Margin(relative=0.015), settings={"curvature": 1.0},
    cases={
        f"c={c:g}-B={b}": Case(
            {"batch_size": b, "noise_variance": 1.0, "displacement": [(c - 1) ** 0.5]},
            settings={"barrier_ratio": c, "per_step": 4.4},
        )
        for c, b in ((1.7, 1), (1.3, 2))
    },
)  # fmt: skip
action_sde = Check(
    law="escape.quasi_potential.diffusion", rung="sgd", measure=rare.real_barrier, margin=Margin(relative=0.05),
    cases={"c=1.4": {"barrier_ratio": 1.4, "batch_size": 1, "curvature": 1.0}}, expected=REFUTED,
    reason=F2 + "; barrier of the exact exit times over a decade of learning rates 0.403 against 0.294",
)  # fmt: skip
one_jump = Check(
    law="escape.quasi_potential.one_jump", rung="sgd", measure=rare.real_barrier, margin=Margin(relative=0.015),
    cases={
        f"c={c:g}": Case(
            {"barrier_ratio": c, "batch_size": 1, "curvature": 1.0}, settings={"per_step": 1.6},
            spared={"minimum over u0 >= 0 only": "a per cent from the law; refuted by the gate"},
        )
        for c in (2.85, 3.3)
    },
)  # fmt: skip
label_noise = Check(
    law="escape.quasi_potential.label_noise", rung="sgd", measure=rare.laplace_barrier, margin=Margin(relative=0.02),
    cases={
        "laplace": {
            "displacement": 0.9, "batch_size": 1, "noise_variance": 1.0, "feature_law": "rademacher",
            "label_law": "laplace",
        },
    },
)  # fmt: skip


def _inverse(value: float, **_: Any) -> float:
    return 1 / value


_CHAIN = {"learning_rate": 0.1, "batch_size": 2.0, "curvature": 1.0}
splitting_chain = Check(
    law="escape.mean_passage_iterations.gaussian_noise", rung="chain", simulate=rare.split_rate, observable=_inverse,
    statistic=Mean(minimum=512), plan=Plan(first=1024, looks=5), chunk=512, margin=Margin(relative=0.1),
    cases={
        "1e-3": Case(
            {**_CHAIN, "barrier_ratio": 1.25},
            spared={"real SGD": "less than three margins from the chain by accident; refuted by brute_chain"},
        ),
        "1e-6": Case({**_CHAIN, "barrier_ratio": 1.75}, settings={"walkers": 96}, margin=Margin(relative=0.15)),
        "1e-9": Case({**_CHAIN, "barrier_ratio": 2.5}, settings={"walkers": 256}, margin=Margin(relative=0.3)),
    },
)  # fmt: skip
brute_chain = Check(
    law="escape.mean_passage_iterations.gaussian_noise", rung="chain", simulate=rare.brute_rate, observable=_inverse,
    statistic=Rate(), plan=Plan(first=2048, looks=4), chunk=2048, margin=Margin(relative=0.1),
    cases={"1e-3": {**_CHAIN, "barrier_ratio": 1.25}},
)  # fmt: skip


def _double_well(law: str, directions: int, measured: str) -> Check:
    t, c = 0.2, 1.5
    shape = well(c) if directions == 1 else {
        "minimum_curvatures": [8 * (c - 1), 8 * (c - 1)], "saddle_curvatures": [-4 * (c - 1), 8 * (c - 1)]
    }  # fmt: skip
    return Check(
        law=f"escape.escape_rate.{law}", rung="sgd", simulate=partial(rare.well_exits, directions=directions),
        statistic=Rate(), plan=Plan(first=4096, looks=3), chunk=4096, margin=Margin(model=correction_margin(2.0)),
        cases={f"T={t:g}-c={c:g}": {"temperature": t, "barrier_ratio": c, **shape}}, expected=REFUTED,
        reason=F2 + f"; real rate over the law's {measured} in a double well whose Gram matrix is constant",
    )  # fmt: skip


rate_real = _double_well("one_dimensional", 1, "1.28, where the SDE's is 0.88")
rate_real_plane = _double_well("multi_dimensional", 2, "1.35")
exponent_real = Check(
    law="escape.escape_exponent.multi_dimensional", rung="sgd", measure=rare.real_slope,
    margin=Margin(relative=0.03), cases={"n=1-T=0.1": {"temperature": 0.1, "dimension": 1}}, expected=REFUTED,
    reason="F5: over the decade c = 1.5 to 15 the exact slope is 9.61, the law's 10.5; shorter ranges of c give "
    "anything from 12.9 to 9, by crossover",
)  # fmt: skip

AVERAGES = {"statistic": Mean(minimum=1000), "plan": Plan(first=2048, looks=7), "chunk": 2048}
survival_real = Check(
    law="escape.relative_loss.survival", rung="sgd",
    simulate=partial(rare.share_above, learning_rate=0.5, batch_size=4), margin=Margin(relative=0.1), **AVERAGES,
    cases={"eta=0.5-B=4-c=1.5": {"temperature": 0.125, "dimension": 1, "barrier_ratio": 1.5}}, expected=REFUTED,
    reason=F2 + "; real share over the law's 2.8",
)  # fmt: skip
excess_general = Check(
    law="escape.excess_kurtosis.general", rung="sgd",
    simulate=partial(rare.general_cumulant, law="uniform", batch_size=1), margin=Margin(relative=0.1),
    statistic=Mean(batch=64, minimum=200), plan=Plan(first=65536, looks=3), chunk=8192,
    cases={"uniform": {"learning_rate": 0.5, "batch_curvature_moments": [3.0**k / (2 * k + 1) for k in range(1, 5)]}},
)  # fmt: skip

_TAIL: dict[str, Any] = {
    "rung": "sgd", "statistic": tail_slope(3.0, 30.0), "margin": Margin(relative=0.1), "expected": REFUTED,
    "simulate": lambda chunk, **_: sgd.tail_share(
        chunk, learning_rate=0.9, batch_size=1, dimension=1, curvature=0.8, first=3.0, second=30.0
    ),
    "plan": Plan(first=4096, looks=3), "chunk": 4096, "cases": {"eta=0.9": {"temperature": 0.72, "dimension": 1}},
}  # fmt: skip


def _survival_slope(psi: float, *, temperature: float, dimension: int) -> float:
    """d log P(|d| > r)/d log r between r = 3 and 30 in units of sigma, w = 2 h r^2 beta-prime, h = 0.8."""
    del temperature
    shares = [1 - betainc(dimension / 2, psi - dimension / 2, w / (1 + w)) for w in (1.6 * 9.0, 1.6 * 900.0)]
    return math.log(shares[1] / shares[0]) / math.log(10.0)


tail_seed = Check(
    law="escape.tail_index.power_law", observable=lambda value, **_: -value,
    reason=F3 + "; measured index 1.74 over a decade of r, the law's 3.78", **_TAIL,
)  # fmt: skip
tail_features = Check(
    law="escape.tail_index.gaussian_features_sde", observable=lambda value, **_: -value,
    reason=F3 + "; measured index 1.74 over a decade of r, the law's 2.39", **_TAIL,
)  # fmt: skip
density_features = Check(
    law="escape.stationary_exponent.gaussian_features", observable=_survival_slope,
    reason=F3 + "; measured slope over a decade of r -1.74, that of the density of the SDE -2.36", **_TAIL,
)  # fmt: skip

decoupled_network = Check(
    law="escape.gradient_noise.decoupled", rung="net", margin=Margin(relative=0.1),
    measure=lambda context, **_: trace_ratio(context), observable=lambda value, **_: value / 2,
    cases={"digits, L = Tr C = B = 1": {"loss": 1.0, "curvature": 1.0, "batch_size": 1}},
)  # fmt: skip
