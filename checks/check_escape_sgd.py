"""Checks of the escape family, second part: chains with injected noise, real minibatch SGD, and a network."""

from __future__ import annotations

from functools import partial
from typing import Any

import theory
from checks.check import REFUTED, Case, Check, Margin
from checks.escape import net, sgd
from numerics.statistics import Mean, Plan, Rate

AVERAGES = {"statistic": Mean(minimum=1000), "plan": Plan(first=2048, looks=7), "chunk": 2048}
F2 = "F2: the SDE is no small-step limit of minibatch SGD; third and higher noise cumulants cancel the inhomogeneity"
F4 = "F4: the exact covariance has a rank-one term which decoupling drops"

variance_kurtosis = Check(
    law="escape.stationary_variance.kurtosis", rung="sgd", simulate=sgd.stationary_square,
    margin=Margin(relative=0.03), **AVERAGES,
    cases={
        "uniform": Case(
            {"learning_rate": 0.53, "batch_size": 2, "curvature": 1.3, "noise_variance": 0.7, "feature_kurtosis": 1.8},
            settings={"law": "uniform"},
        ),
        "gaussian": Case(
            {"learning_rate": 0.37, "batch_size": 2, "curvature": 0.8, "noise_variance": 1.4, "feature_kurtosis": 3.0},
            settings={"law": "gaussian"},
        ),
    },
)  # fmt: skip
covariance_gaussian = Check(
    law="escape.stationary_covariance.gaussian_features", rung="sgd", simulate=sgd.stationary_squares,
    margin=Margin(relative=0.04), **AVERAGES,
    cases={
        "n=2": {"learning_rate": 0.27, "batch_size": 2, "curvatures": [1.4, 0.9], "noise_variance": 0.7},
    },
)  # fmt: skip


def _from_phi(phi: float, **_: Any) -> float:
    """E d_1^2 under the L^-phi law, one direction, h = sigma = 1."""
    return 0.5 / (phi - 1.5)


_FIT = {
    "eta=0.5-B=4": {"learning_rate": 0.5, "batch_size": 4, "curvature": 1.0},
    "eta=0.31-B=2": {"learning_rate": 0.31, "batch_size": 2, "curvature": 1.0},
}
moment_fit = Check(
    law="escape.stationary_exponent.moment_fit", rung="sgd", simulate=sgd.stationary_square, observable=_from_phi,
    margin=Margin(relative=0.025), **AVERAGES, cases=_FIT,
)  # fmt: skip
exponent_seed = Check(
    law="escape.stationary_exponent.isotropic", rung="sgd", simulate=sgd.stationary_square, observable=_from_phi,
    margin=Margin(relative=0.025), **AVERAGES, cases=_FIT, expected=REFUTED,
    reason=F4 + "; measured E v over the seed's: 1.50 at eta=.5, B=4 and 1.34 at eta=.31, B=2",
    rival="escape.stationary_exponent.moment_fit",
)  # fmt: skip
chain_variance = Check(
    law="escape.stationary_variance.gaussian_chain", rung="chain", simulate=sgd.chain_relative_loss,
    margin=Margin(relative=0.03), **AVERAGES,
    cases={"eta=0.27": {"learning_rate": 0.27, "batch_size": 1.3, "curvature": 1.2}},
)  # fmt: skip

_KURTOSIS_POINT = {"learning_rate": 0.4, "batch_size": 4, "curvature": 1.0}
_LONG: dict[str, Any] = {"statistic": Mean(batch=64, minimum=200), "plan": Plan(first=131072, looks=3), "chunk": 16384}
excess_kurtosis = Check(
    law="escape.excess_kurtosis.gaussian_features", rung="sgd", simulate=sgd.fourth_cumulant,
    margin=Margin(relative=0.1), **_LONG, cases={"eta=0.4-B=4": _KURTOSIS_POINT},
)  # fmt: skip


def _at_temperature(name: str, more: dict[str, float], reason: str) -> Check:
    return Check(
        law=name, rung="sgd", simulate=sgd.fourth_cumulant, margin=Margin(relative=0.1), **_LONG,
        cases={"eta=0.4-B=4": {"temperature": 0.1, **more, **_KURTOSIS_POINT}}, expected=REFUTED, reason=reason,
    )  # fmt: skip


excess_power_law = _at_temperature(
    "escape.excess_kurtosis.power_law",
    {"dimension": 1},
    F2 + "; real kurtosis over the SDE's: 0.55, and as eta^2 at smaller steps",
)
excess_sde = _at_temperature(
    "escape.excess_kurtosis.kurtosis_sde",
    {"feature_kurtosis": 3.0},
    F2 + "; real kurtosis over the SDE's: 0.23, and as eta^2 at smaller steps",
)

_PASSAGE = {
    "c=1.4-eta=0.1": {"learning_rate": 0.1, "batch_size": 1, "barrier_ratio": 1.4, "curvature": 1.0},
    "c=1.6-eta=0.23": {"learning_rate": 0.23, "batch_size": 2, "barrier_ratio": 1.6, "curvature": 1.0},
}
passage_real = Check(
    law="escape.mean_passage_iterations.gaussian_features", rung="sgd",
    simulate=partial(sgd.passage, horizon=1500), statistic=Rate(), observable=lambda value, **_: 1 / value,
    margin=Margin(relative=0.08), plan=Plan(first=8192, looks=4), chunk=8192,
    cases={
        "c=1.4-eta=0.1": _PASSAGE["c=1.4-eta=0.1"],
        "c=1.6-eta=0.23": Case(
            _PASSAGE["c=1.6-eta=0.23"],
            spared={"Gaussian chain": "an accident: 1.1 times the real time near this point; refuted at c=1.4"},
        ),
    },
)  # fmt: skip
passage_operator = Check(
    law="escape.mean_passage_iterations.gaussian_features", rung="sgd", measure=sgd.operator_updates,
    margin=Margin(relative=0.02),
    cases={
        "c=1.8-eta=0.1": {"learning_rate": 0.1, "batch_size": 1, "barrier_ratio": 1.8, "curvature": 1.0},
        "c=1.7-eta=0.17-B=3": {"learning_rate": 0.17, "batch_size": 3, "barrier_ratio": 1.7, "curvature": 1.2},
    },
)  # fmt: skip


def _refuted_passage(kind: str, reason: str) -> Check:
    point = {"temperature": 0.1, "dimension": 1, **_PASSAGE["c=1.4-eta=0.1"]}

    def exact(**_: Any) -> float:
        law = theory.law("escape.mean_passage_iterations.gaussian_features")
        return point["learning_rate"] * law(**_PASSAGE["c=1.4-eta=0.1"])

    return Check(
        law=f"escape.mean_passage_time.{kind}", rung="sgd", simulate=partial(sgd.passage, horizon=1500),
        statistic=Rate(), observable=sgd.seed_updates, margin=Margin(relative=0.08),
        plan=Plan(first=8192, looks=3), chunk=8192, cases={"c=1.4-eta=0.1": point}, expected=REFUTED, reason=reason,
        rival=exact,
    )  # fmt: skip


passage_seed = _refuted_passage("radial", F2 + "; real time over the law's: 1.89")
passage_features_sde = _refuted_passage("radial_gaussian_features", F2 + "; real time over the law's: 2.45")
passage_additive = _refuted_passage("radial_additive", "right barrier, wrong prefactor: real time over the law's 1.28")

_CHAIN = {"temperature": 0.12, "barrier_ratio": 1.9, "curvature": 1.0}
shift = Check(
    law="escape.barrier_shift.discrete", rung="chain", measure=sgd.chain_updates, observable=sgd.shifted_updates,
    margin=Margin(model=lambda prediction, *, learning_rate, **_: 2.2 * learning_rate * prediction),
    cases={
        f"eta={e:g}": Case(
            {"learning_rate": e, **_CHAIN},
            spared={"beta = 1/2": "differs by less than the O(eta) error; refuted by the gate"},
        )
        for e in (0.02, 0.01, 0.005)
    },
)  # fmt: skip
unshifted = Check(
    law="escape.mean_passage_time.radial", rung="chain",
    measure=lambda context, *, dimension, **v: sgd.chain_updates(context, **v),
    observable=lambda value, *, learning_rate, **_: value / learning_rate, margin=Margin(relative=0.05),
    cases={"eta=0.01": {"learning_rate": 0.01, "dimension": 1, **_CHAIN}}, expected=REFUTED,
    reason="a chain overshoots its barrier: 1.233 times the SDE's time at eta=.01; barrier_shift.discrete repairs it",
)  # fmt: skip

kesten = Check(
    law="escape.tail_index.kesten", rung="sgd", simulate=partial(sgd.tail_share, first=3.0, second=30.0),
    statistic=net.tail_slope(3.0, 30.0), observable=lambda value, **_: -value, margin=Margin(relative=0.1),
    plan=Plan(first=4096, looks=5), chunk=4096,
    cases={"eta=0.9": {"learning_rate": 0.9, "batch_size": 1, "dimension": 1, "curvature": 0.8}},
    spared={"orthogonal part dropped": "n = 1 has none; refuted by the gate"},
)  # fmt: skip

trace_network = Check(
    law="escape.gradient_noise.trace_network", rung="net", measure=net.trace_ratio, margin=Margin(relative=0.1),
    cases={"digits": {}},
)  # fmt: skip
proportional_network = Check(
    law="escape.gradient_noise.proportional_to_loss", rung="net", measure=net.trace_loss_correlation,
    margin=Margin(absolute=0.2), cases={"digits": {}}, expected=REFUTED,
    reason="Tr C grows from 6 to about 100 in the first 300 epochs while L falls: the measured rank correlation of Tr Sigma "
    "and L is -0.6 where the claim has 1",
)  # fmt: skip
