"""What every law does: completes and validates parameters, derives once, evaluates, carries mutants."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
import sympy as sp
import torch

import checks  # noqa: F401  (installs the torch printer)
import theory
from theory import (
    DERIVED,
    Constraint,
    DomainError,
    EvaluationError,
    Law,
    Parameter,
    UnknownLaw,
    derivation,
    gate,
    integer,
    mutant_form,
    mutant_parameters,
    mutant_value,
    positive,
    real_list,
)

eta, lam = sp.symbols("eta lambda", positive=True)
h, n = sp.IndexedBase("h"), sp.Symbol("N", integer=True, positive=True)
i = sp.Symbol("i", integer=True)
calls: list[int] = []


def _derive_rate():
    calls.append(1)
    return derivation(("update", 1 - eta * lam, "one step"), ("rate", -sp.log(1 - eta * lam), "minus the logarithm"))


def _law(**changes) -> Law:
    base = Law(
        id="toy.rate",
        title="Decay rate of gradient descent on a quadratic",
        statement="rate = -log(1 - eta lambda)",
        quantity=sp.Symbol("r"),
        parameters=(
            Parameter("learning_rate", eta, "step", positive(0.05, 0.3)),
            Parameter("curvature", lam, "second derivative", positive(0.5, 2.0)),
        ),
        derive=_derive_rate,
        definition=lambda learning_rate, curvature: -mpmath.log(abs(1 - learning_rate * curvature)),
        sources=(DERIVED,),
        mutants=(
            mutant_value("continuous time", lambda learning_rate, curvature: learning_rate * curvature),
            mutant_parameters("half step", lambda v: {"learning_rate": v["learning_rate"] / 2}),
            mutant_form("square", lambda e: e**2),
        ),
        constraints=(
            Constraint(lambda v: v["learning_rate"] * v["curvature"] < 1, "needs learning_rate * curvature < 1"),
        ),
    )
    return base.but(**changes)


def test_law_evaluates_floats_and_any_precision() -> None:
    law = _law()
    assert law(learning_rate=0.1, curvature=1.3) == pytest.approx(-np.log(0.87), rel=1e-15)
    with mpmath.workdps(45):
        exact = -mpmath.log(1 - mpmath.mpf("0.13"))
        assert abs(law.evaluate(40, learning_rate=0.1, curvature=1.3) - exact) < mpmath.mpf(10) ** -39


def test_law_broadcasts_tensors_and_differentiates() -> None:
    rate = torch.tensor([[0.1], [0.2]], dtype=torch.float64, requires_grad=True)
    value = _law()(learning_rate=rate, curvature=torch.tensor([0.7, 1.3, 1.9], dtype=torch.float64))
    assert value.shape == (2, 3)
    value[0, 1].backward()
    assert rate.grad is not None
    assert rate.grad[0, 0].item() == pytest.approx(1.3 / 0.87)


def test_law_takes_arrays() -> None:
    value = _law()(learning_rate=np.array([0.1, 0.2]), curvature=1.3)
    assert np.allclose(np.asarray(value), -np.log(1 - 1.3 * np.array([0.1, 0.2])))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"learning_rate": -0.1, "curvature": 1.0}, r"learning_rate = -0.1 .* > 0"),
        ({"learning_rate": 0.1}, "needs a value for 'curvature'"),
        ({"learning_rate": 0.1, "curvature": 1.0, "rate": 2}, "no parameter 'rate'"),
        ({"learning_rate": 1.1, "curvature": 1.0}, r"needs learning_rate \* curvature < 1"),
        ({"learning_rate": float("nan"), "curvature": 1.0}, "finite"),
        ({"learning_rate": "x", "curvature": 1.0}, "a real number"),
        ({"learning_rate": True, "curvature": 1.0}, "a real number"),
    ],
)
def test_values_outside_the_domain_say_value_limit_and_remedy(values, message) -> None:
    with pytest.raises(DomainError, match=message):
        _law()(**values)


@pytest.mark.parametrize(
    "broken", [lambda *_: mpmath.log(mpmath.inf) * 0, lambda *_: mpmath.gamma(0), lambda *_: 1 / 0]
)
def test_a_point_without_a_number_is_an_error_that_names_the_point(broken) -> None:
    law = _law(evaluator=broken)
    for evaluate in (law, law.evaluate):
        with pytest.raises(EvaluationError, match=r"toy\.rate .*learning_rate=0\.1, curvature=1\.3"):
            evaluate(learning_rate=0.1, curvature=1.3)


def test_values_are_kept_and_cannot_be_spoiled_from_outside() -> None:
    counted: list[int] = []

    def pair(*_):
        counted.append(1)
        return [mpmath.mpf(len(counted)), mpmath.mpf(2)]

    law = _law(evaluator=pair)
    first = law.evaluate(learning_rate=0.1, curvature=1.3)
    first[0] = mpmath.mpf(99)
    assert law.evaluate(learning_rate=0.1, curvature=1.3) == [1, 2]
    assert law(learning_rate=0.1, curvature=1.4) == [2.0, 2.0]


def test_derivation_runs_once() -> None:
    calls.clear()
    law = _law()
    for _ in range(3):
        law(learning_rate=0.1, curvature=1.3)
    assert len(calls) <= 1
    assert [s.name for s in law.derivation().steps] == ["update", "rate"]


def test_gate_passes_the_law_and_its_points_kill_every_mutant() -> None:
    law = _law()
    points = gate(law)
    assert len(points) == 20
    assert max(p.error for p in points) < 1e-12
    for mutant in law.mutants_with_automatic():
        assert any(abs(mutant.evaluate(law, p.values) - p.definition) > 1e-6 for p in points)


def test_gate_sees_a_wrong_definition() -> None:
    wrong = _law(definition=lambda learning_rate, curvature: learning_rate * curvature)
    assert max(p.error for p in gate(wrong)) > 1e-3


def test_list_parameters_enter_through_sums() -> None:
    law = _law(
        id="toy.mean",
        parameters=(Parameter("curvatures", h, "data", real_list(0.2, 0.9), length=n),),
        derive=lambda: derivation(("mean", sp.Sum(h[i], (i, 0, n - 1)) / n, "definition")),
        definition=lambda curvatures: mpmath.fsum(curvatures) / len(curvatures),
        mutants=(),
        constraints=(),
    )
    assert law(curvatures=[0.5, 0.25, 0.75]) == pytest.approx(0.5)
    assert max(p.error for p in gate(law)) < 1e-14


def test_structural_parameters_change_the_form() -> None:
    law = _law(
        id="toy.power",
        parameters=(
            Parameter("curvature", lam, "base", positive()),
            Parameter("power", None, "exponent", integer(1), default=2, required=False),
        ),
        structure=("power",),
        derive=lambda power: derivation(("power", lam**power, "definition")),
        definition=lambda curvature, power: curvature**power,
        mutants=(),
        constraints=(),
    )
    assert law(curvature=3.0, power=3) == pytest.approx(27.0)
    assert law.closed_form == lam**2
    assert law(curvature=torch.tensor([2.0, 3.0]), power=2).tolist() == [4.0, 9.0]


def test_cancellation_is_met_with_more_digits() -> None:
    law = _law(
        id="toy.cancel",
        parameters=(Parameter("curvature", lam, "argument", positive(20.0, 40.0)),),
        derive=lambda: derivation(("difference", sp.exp(lam) * (1 - sp.sqrt(1 - sp.exp(-3 * lam))), "definition")),
        definition=lambda curvature: mpmath.mpf(0),
        mutants=(),
        constraints=(),
    )
    assert law(curvature=30.0) == pytest.approx(float(np.exp(-60.0) / 2), rel=1e-12)


def test_law_shows_itself_in_notebooks() -> None:
    law = _law(title="<script>")
    assert "\\log" in law._repr_latex_()
    assert "<script>" not in law._repr_html_()
    assert law.citation().startswith("@misc{derived")


def test_catalogue_names_the_nearest_id() -> None:
    with pytest.raises(UnknownLaw, match=r"did you mean stability\.exponent\.normal"):
        theory.law("stability.exponent.normall")


def test_catalogue_ids_are_unique_and_well_formed() -> None:
    ids = [law.id for law in theory.laws()]
    assert len(ids) == len(set(ids))
    assert all(law.id.count(".") >= 2 or law.id.count(".") == 1 for law in theory.laws())
    assert all(law.title and law.statement and law.sources for law in theory.laws())


def test_every_law_declares_mutants() -> None:
    without = [law.id for law in theory.laws() if not law.mutants_with_automatic()]
    assert without == []


def test_generic_points_are_deterministic_and_in_the_domain() -> None:
    law = _law()
    assert law.generic_points(5) == law.generic_points(5) != law.generic_points(5, seed=1)
    assert all(law.complete(point) for point in law.generic_points(50))
