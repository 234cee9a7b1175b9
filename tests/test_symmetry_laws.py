"""Every law of the symmetry family agrees with its definition, and its mutants do not."""

from __future__ import annotations

import pytest

from theory import Law, gate
from theory.gate import difference
from theory.symmetry.architectures import architecture
from theory.symmetry.charges import independent_count, polynomial_charges
from theory.symmetry.counting import lie_count, quadratic_count
from theory.symmetry.laws import LAWS


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.id)
def test_closed_form_agrees_with_the_definition(law: Law) -> None:
    assert max(point.error for point in gate(law, 2)) <= law.tolerance


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.id)
def test_declared_mutants_differ_from_the_law(law: Law) -> None:
    points = law.generic_points(12)
    for mutant in law.mutants:
        assert any(difference(mutant.evaluate(law, values), law(**values)) > 1e-6 for values in points), mutant.name


@pytest.mark.parametrize("spec", ["linear:2-3-2", "linear:1-3-1", "relu:2-2-1,bias", "attention:d=2,r=1,v=2"])
def test_counts_by_charges_and_by_brackets_agree(spec: str) -> None:
    model = architecture(spec)
    assert quadratic_count(model) == lie_count(model)


def test_counts_do_not_depend_on_the_random_point() -> None:
    model = architecture("linear:1-4-1")
    charges = polynomial_charges(model.features, 8)
    assert {independent_count(charges, 8, seed) for seed in range(4)} == {7}
