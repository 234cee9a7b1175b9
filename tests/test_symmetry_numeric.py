"""The numeric route: nilpotent derivatives, gradient fields, null spaces, brackets, and large models."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

from theory.errors import TheoryError
from theory.symmetry.architectures import architecture, chain
from theory.symmetry.charges import MANY_TERMS, polynomial_charges
from theory.symmetry.conservation import derive_architecture, derive_conservation_laws
from theory.symmetry.fields import FeatureFields, TextFields
from theory.symmetry.model_text import polynomial_model, read_model
from theory.symmetry.nilpotent import Z, lift, multiply, unary
from theory.symmetry.sampled import null_rows, numeric_lie_rank, recognised


def test_two_nilpotent_parts_give_the_second_derivative() -> None:
    function = sp.tanh(Z) * sp.exp(Z / 2)
    point = lift(lift(np.array([[0.4]]), np.array([[1.0]])), np.array([[1.0], [0.0]]))
    product = multiply(unary(sp.tanh(Z), point), unary(sp.exp(Z / 2), point))
    expected = [float(sp.diff(function, Z, k).subs(Z, 0.4)) for k in (0, 1, 1, 2)]
    assert product[:, 0] == pytest.approx(expected)


@pytest.mark.parametrize("text", ["u*tanh(w*x) + sqrt(v)*z", "exp(-u*w*x)/(v + z); u**v*w", "erf(u*x)*softplus(w*z)/v"])
def test_reverse_accumulation_equals_symbolic_gradients(text: str) -> None:
    model = read_model(text, "u,w,v", "x,z")
    fields = TextFields(model)
    data, weights = fields.draw(np.random.default_rng(1))
    theta = np.array([0.7, 1.1, 0.9])
    numbers = dict(zip(model.parameters, theta, strict=True))
    expected = [0.0, 0.0, 0.0]
    for s in range(weights.shape[1]):
        point = numbers | {k: float(v[s]) for k, v in data.items()}
        for k, output in enumerate(model.outputs):
            for i, p in enumerate(model.parameters):
                expected[i] += weights[k, s] * float(sp.diff(output, p).subs(point))
    assert fields.gradient(theta[None], (data, weights))[0] == pytest.approx(expected)


def test_text_and_features_span_the_same_fields() -> None:
    text = read_model("u*relu(w*x + b)", "u,w,b", "x")
    model = polynomial_model(text)
    assert model is not None
    ranks = [numeric_lie_rank(f, 3).rank for f in (TextFields(text), FeatureFields(model))]
    assert ranks == [2, 2]


def test_null_space_is_in_echelon_form() -> None:
    rows = null_rows(np.array([[1.0, 2.0, 0.0], [2.0, 4.0, 0.0]]))
    assert rows == pytest.approx(np.array([[1.0, -0.5, 0.0], [0.0, 0.0, 1.0]]))


def test_rows_of_rationals_become_coprime_integers() -> None:
    assert recognised(np.array([1.0, 0.0, -2 / 3, 0.25])) == {0: 12, 2: -8, 3: 3}


def test_irrational_coefficients_are_refused() -> None:
    with pytest.raises(TheoryError, match="no rational"):
        derive_conservation_laws("w*v**sqrt(2)*x", "w,v", "x", method="sampled")


def test_few_features_decide_large_models() -> None:
    model = chain([7, 9, 9, 7], False, False)
    assert sum(map(len, model.features)) > MANY_TERMS
    assert len(polynomial_charges(model.features, len(model.parameters))) == 90


def test_models_beyond_the_exact_limit_are_counted_numerically() -> None:
    found = derive_architecture("linear:9-8-9", method="sampled")
    assert (found["dimension"], found["independent_laws"], found["certificate"]) == (144, 36, "complete")
    assert found["laws"][0]["generator"]["size"] == 144


def test_large_models_without_symmetry_need_no_null_space() -> None:
    units, inputs = 7, 8
    names = [f"{n}{j}" for j in range(units) for n in ("a", *(f"w{i}_" for i in range(inputs)))]
    lines = [" + ".join(f"w{i}_{j}*x{i}" for i in range(inputs)) for j in range(units)]
    text = " + ".join(f"a{j}*tanh({line})" for j, line in enumerate(lines))
    found = derive_conservation_laws(text, ",".join(names), ",".join(f"x{i}" for i in range(inputs)))
    assert (found["total_laws"], found["certificate"]) == (0, "complete")


def test_deep_brackets_are_needed_under_momentum() -> None:
    model = architecture("linear:1-3-2")
    found = numeric_lie_rank(FeatureFields(model), 2 * 9 + 1, 0.7)
    assert (2 * 9 + 1 - found.rank, found.conclusive) == (3, True)


def test_channels_of_a_convolution_have_one_law_each() -> None:
    hidden = [f"relu(a{c}*x{i} + b{c}*x{i + 1})" for i in range(2) for c in range(2)]
    model = f"u0*{hidden[0]} + v0*{hidden[2]} + u1*{hidden[1]} + v1*{hidden[3]}"
    found = derive_conservation_laws(model, "u0,v0,a0,b0,u1,v1,a1,b1", "x0,x1,x2")
    charges = [law["charge"] for law in found["laws"]]
    assert charges == ["u0**2 + v0**2 - a0**2 - b0**2", "u1**2 + v1**2 - a1**2 - b1**2"]
    assert found["certificate"] == "complete"
