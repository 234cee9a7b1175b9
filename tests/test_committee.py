"""The projected chain against brute force, the ODE field against the law, the control variate."""

from __future__ import annotations

import math

import pytest
import torch
from scipy.stats import chi2, ks_2samp, kstest

import theory
from checks.order_parameters.means import committee, problem_means
from numerics.committee import Committee, brute_force, frame, projected_chain
from numerics.committee_chain import chi_squared
from numerics.committee_field import generalisation_error, initial, pack, packed_field, unpack
from numerics.committee_twin import twin_chain
from numerics.ensemble import Chunk
from numerics.errors import NumericsError

POINT = {
    "activation": "erf",
    "student_overlap": [[0.9, 0.1], [0.1, 0.7]],
    "teacher_student_overlap": [[0.3, 0.1], [-0.2, 0.2]],
    "teacher_overlap": [[1.1, 0.2], [0.2, 0.9]],
    "student_second_layer": [0.8, 1.2],
    "teacher_second_layer": [1.0, -0.7],
    "learning_rate": 0.9,
    "noise_variance": 0.3,
    "second_layer_learning_rate": 0.4,
    "weight_decay_rate": 0.1,
}


def _problem(batch: int, **changes: float) -> Committee:
    def unit(x: torch.Tensor) -> torch.Tensor:
        return torch.erf(x / math.sqrt(2))

    def slope(x: torch.Tensor) -> torch.Tensor:
        return math.sqrt(2 / math.pi) * torch.exp(-x * x / 2)

    rates = {"learning_rate": 1.5, "noise_variance": 0.3, "second_rate": 0.5, "decay": 0.2} | changes
    return Committee(
        unit,
        slope,
        unit,
        POINT["teacher_overlap"],
        [0.8, 1.2],
        [1.0, -0.7],
        rates["learning_rate"],
        rates["noise_variance"],
        batch,
        rates["second_rate"],
        rates["decay"],
    )


def _smallest_p(batch: int, wrong: bool, seed: int, steps: int) -> float:
    problem, q0, m0 = _problem(batch), POINT["student_overlap"], POINT["teacher_student_overlap"]
    chain = projected_chain(Chunk(40_000, seed), problem, q0, m0, 10, steps, mean_length=wrong)
    brute = brute_force(Chunk(40_000, seed + 1), problem, q0, m0, 10, steps)
    pairs = zip([*chain.columns(), *chain.a], [*brute.columns(), *brute.a], strict=True)
    return min(float(ks_2samp(x.numpy(), y.numpy()).pvalue) for x, y in pairs)


@pytest.mark.parametrize("batch", [1, 3])
def test_projected_chain_has_the_law_of_brute_force(batch: int) -> None:
    assert _smallest_p(batch, wrong=False, seed=5, steps=20) > 1e-4


def test_mean_length_in_place_of_chi_squared_is_detected() -> None:
    assert _smallest_p(1, wrong=True, seed=5, steps=3) < 1e-6


def test_start_has_the_overlaps_asked_for() -> None:
    lower, along, own = frame(_problem(1), POINT["student_overlap"], POINT["teacher_student_overlap"])
    assert torch.allclose(along @ along.T + own @ own.T, torch.tensor(POINT["student_overlap"], dtype=torch.float64))
    assert torch.allclose(along @ lower.T, torch.tensor(POINT["teacher_student_overlap"], dtype=torch.float64))


def test_impossible_overlaps_and_small_dimensions_are_errors() -> None:
    with pytest.raises(NumericsError, match="negative eigenvalue"):
        frame(_problem(1), [[0.1, 0.0], [0.0, 0.1]], [[0.9, 0.0], [0.0, 0.9]])
    with pytest.raises(NumericsError, match="too small"):
        projected_chain(Chunk(4, 1), _problem(1), POINT["student_overlap"], POINT["teacher_student_overlap"], 4, 1)


def test_tensor_field_is_the_law() -> None:
    found = packed_field(problem_means(POINT), committee(POINT))(
        initial(committee(POINT), POINT["student_overlap"], POINT["teacher_student_overlap"])
    )
    q, m, a = unpack(found, 2, 2)
    law = {
        name: theory.law(f"order_parameters.ode.{name}")(**POINT)
        for name in ("student_overlap", "teacher_overlap", "second_layer")
    }
    assert torch.allclose(q[..., 0], torch.tensor(law["student_overlap"], dtype=torch.float64))
    assert torch.allclose(m[..., 0], torch.tensor(law["teacher_overlap"], dtype=torch.float64))
    assert torch.allclose(a[..., 0], torch.tensor(law["second_layer"], dtype=torch.float64))


def test_relu_field_uses_the_coincident_forms() -> None:
    point = {
        "activation": "relu",
        "student_overlap": [[0.9]],
        "teacher_student_overlap": [[0.3]],
        "teacher_overlap": [[1.1]],
        "learning_rate": 0.9,
        "noise_variance": 0.3,
    }
    found = packed_field(problem_means(point), committee(point))(initial(committee(point), [[0.9]], [[0.3]]))
    law = theory.law("order_parameters.ode.student_overlap")(**point)
    assert float(found[0, 0]) == pytest.approx(law[0][0], rel=1e-12)


def test_field_broadcasts_over_a_thousand_points() -> None:
    field, start = (
        packed_field(problem_means(POINT), committee(POINT)),
        initial(committee(POINT), POINT["student_overlap"], POINT["teacher_student_overlap"]),
    )
    grid = start * torch.linspace(0.9, 1.0, 1000, dtype=torch.float64)
    assert torch.allclose(field(grid)[:, 417:418], field(grid[:, 417:418]))


def test_error_of_the_teacher_itself_is_zero() -> None:
    p = torch.tensor(POINT["teacher_overlap"], dtype=torch.float64)[..., None]
    v = torch.tensor(POINT["teacher_second_layer"], dtype=torch.float64)[:, None]
    assert float(generalisation_error(problem_means(POINT), p, p, p, v, v)) == pytest.approx(0.0, abs=1e-14)


def test_control_variate_has_mean_zero_and_removes_almost_all_variance() -> None:
    problem = committee(POINT)
    overlaps, twin = twin_chain(
        Chunk(4000, 3),
        problem,
        problem_means(POINT),
        POINT["student_overlap"],
        POINT["teacher_student_overlap"],
        100,
        100,
    )
    plain = pack(overlaps.q, overlaps.m, overlaps.a)
    z = twin.mean(1) / (twin.std(1) / 4000**0.5)
    assert float(z.abs().max()) < 4.5
    assert float((plain.var(1) / (plain - twin).var(1)).min()) > 20


@pytest.mark.parametrize("degrees", [3.5, 420.0, 1e4])
def test_chi_squared_lengths_have_their_law(degrees: float) -> None:
    drawn = chi_squared(Chunk(200_000, 11), degrees).numpy()
    assert float(kstest(drawn, chi2(degrees).cdf).pvalue) > 1e-4
    tail = chi2(degrees).isf(1e-3)
    assert abs(float((drawn > tail).mean()) - 1e-3) < 5 * (1e-3 / 200_000) ** 0.5


def test_chain_stops_when_its_observer_says_so() -> None:
    seen: list[int] = []
    projected_chain(
        Chunk(4, 1), _problem(1), POINT["student_overlap"], POINT["teacher_student_overlap"], 50, 100,
        observe=lambda step, state: seen.append(step) or step == 7,
    )  # fmt: skip
    assert seen[-1] == 7


def test_weight_decay_leaves_a_fixed_second_layer_alone() -> None:
    for run in (projected_chain, brute_force):
        problem = _problem(1, second_rate=0.0)
        end = run(Chunk(4, 1), problem, POINT["student_overlap"], POINT["teacher_student_overlap"], 50, 9)
        assert end.a[:, 0].tolist() == [0.8, 1.2]


def test_chain_shows_its_observer_every_so_many_steps() -> None:
    seen: list[int] = []
    problem, q0, m0 = _problem(1), POINT["student_overlap"], POINT["teacher_student_overlap"]
    projected_chain(Chunk(8, 1), problem, q0, m0, 50, 10, observe=lambda step, _: seen.append(step), every=4)
    assert seen == [0, 4, 8]


def test_field_is_differentiable_in_blocks_of_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    field = packed_field(problem_means(POINT), committee(POINT))
    start = initial(committee(POINT), POINT["student_overlap"], POINT["teacher_student_overlap"])
    grid = (start * torch.linspace(0.9, 1.0, 7, dtype=torch.float64)).requires_grad_()
    (whole,) = torch.autograd.grad(field(grid).square().sum(), grid)
    monkeypatch.setattr("numerics.committee_field._BLOCK_ENTRIES", 30)
    (blocks,) = torch.autograd.grad(field(grid).square().sum(), grid)
    assert torch.allclose(whole, blocks, rtol=1e-12, atol=1e-14)
