"""Every law at points far from the gate's: a finite value or a clear refusal, and agreement with trusted numbers."""

from __future__ import annotations

import contextlib
import math
import random
from typing import Any

import pytest

from theory import catalogue
from theory.errors import TheoryError
from theory.evaluation import has_nan
from theory.gate import definition_value, difference
from theory.law import Law
from theory.parameter import Domain

# Forms grow with these, and so does the time of a derivation.
_LARGEST_INTEGER = 6


def _far(domain: Domain, rng: random.Random) -> Any:
    low = domain.low if domain.low is not None else -20.0
    high = domain.high if domain.high is not None else 30.0
    if domain.kind == "integer":
        return rng.randint(int(domain.low or 0), int(min(high, (domain.low or 0) + _LARGEST_INTEGER)))
    if domain.kind != "real":
        return domain.draw(rng)
    ends = [end for end, free in ((low, not domain.low_open), (high, not domain.high_open)) if free]
    if rng.random() < 0.2 and ends:
        return rng.choice(ends)
    if low >= 0 and domain.high is None:
        return low + math.exp(rng.uniform(math.log(1e-3), math.log(30.0)))
    return rng.uniform(low + 1e-3 * (high - low), high - 1e-3 * (high - low))


@pytest.mark.parametrize("law", list(catalogue.laws()), ids=lambda law: law.id)
def test_a_law_far_from_its_gate_has_a_number_or_says_why_not(law: Law) -> None:
    rng = random.Random(law.id)
    for values in law.generic_points(2, seed=11):
        movable = [p for p in law.parameters if p.domain.region or p.domain.choices]
        for parameter in rng.sample(movable, k=min(2, len(movable))):
            values[parameter.key] = _far(parameter.domain, rng)
        with contextlib.suppress(TheoryError):
            assert not has_nan(law(**values))


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("stability.exponent.laplace", {"curvature_mean": 0.98, "curvature_scale": 0.88, "batch_size": 100}),
        ("stability.exponent.laplace", {"curvature_mean": 0.98, "curvature_scale": 0.88, "batch_size": 400}),
        ("stability.exponent.squared_normal", {"input_mean": 0.52, "input_std": 0.0077, "batch_size": 2}),
        ("stability.exponent.squared_normal", {"input_mean": 29.95, "input_std": 0.61, "batch_size": 2}),
        ("stability.exponent.uniform", {"lower_curvature": -1.1, "upper_curvature": 2.5, "batch_size": 40}),
        ("stability.phase.scalar_net_normal_data",
         {"teacher_slope": 0.2, "label_noise_std": 0.0017, "input_std": 1.04, "loss_factor": 1}),
    ],
)  # fmt: skip
def test_large_batches_and_narrow_dips_agree_with_the_definition(name: str, values: dict[str, Any]) -> None:
    law, full = catalogue.law(name), {"learning_rate": 0.74, **values}
    assert difference(law(**full), definition_value(law, full)) < 1e-7
