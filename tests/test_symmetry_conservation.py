"""Conservation laws of models and architectures: two routes, counts, certificates, messages."""

from __future__ import annotations

import pytest

from theory.errors import TheoryError
from theory.symmetry.conservation import derive_architecture, derive_conservation_laws

COUNTS = {
    "linear:2-2-2": 3,
    "linear:1-4-1": 7,
    "linear:3-2-2,bias": 3,
    "linear:2-3-3-2": 12,
    "relu:3-4-2": 4,
    "relu:2-3-2-1,bias": 5,
    "attention:d=3,r=2": 6,
    "attention:d=2,r=1,v=2,heads=2": 8,
    "gram:4x2": 0,
    "quadratic:d=2,r=3": 3,
    "softmax:classes=3,features=4": 4,
}


@pytest.mark.parametrize(("spec", "count"), COUNTS.items())
def test_architectures_have_complete_lists_of_laws(spec: str, count: int) -> None:
    found = derive_architecture(spec)
    assert (found["independent_laws"], found["total_laws"], found["certificate"]) == (count, count, "complete")


@pytest.mark.parametrize("spec", ["linear:2-2-2", "linear:1-3-1", "relu:2-2-1,bias", "quadratic:d=2,r=2", "gram:2x3"])
@pytest.mark.parametrize("flow", ["gradient", "momentum"])
def test_exact_and_sampled_routes_agree_in_every_law(spec: str, flow: str) -> None:
    exact = derive_architecture(spec, flow=flow)
    sampled = derive_architecture(spec, flow=flow, method="sampled")
    keys = ("laws", "linear_dimension", "quadratic_dimension", "independent_laws", "total_laws", "certificate")
    assert [sampled[k] for k in keys] == [exact[k] for k in keys]


def test_gram_matrix_has_laws_that_no_quadratic_search_sees() -> None:
    found = derive_architecture("gram:3x4")
    assert (found["quadratic_dimension"], found["total_laws"], found["certificate"]) == (0, 3, "incomplete")


def test_redundant_quadratics_are_counted_by_rank() -> None:
    found = derive_architecture("linear:1-4-1")
    assert (found["quadratic_dimension"], found["independent_laws"]) == (16, 7)


@pytest.mark.parametrize("model", ["u*tanh(w*x + v*z)", "u*gelu(w*x + v*z)", "u*swish(w*x + v*z)"])
def test_saturating_units_have_no_law(model: str) -> None:
    found = derive_conservation_laws(model, "u,w,v", "x,z")
    assert (found["method"], found["laws"], found["total_laws"]) == ("sampled", [], 0)


def test_gated_unit_balances_only_its_linear_branch() -> None:
    found = derive_conservation_laws("a*(w*x + v*z)*sigmoid(g*x + h*z)", "a,w,v,g,h", "x,z")
    assert [law["charge"] for law in found["laws"]] == ["a**2 - w**2 - v**2"]
    assert found["certificate"] == "complete"


def test_normalised_neuron_conserves_its_norm() -> None:
    found = derive_conservation_laws("(w*x + v*z)/sqrt(w**2 + v**2)", "w,v", "x,z")
    assert (found["laws"][0]["charge"], found["laws"][0]["kind"]) == ("w**2 + v**2", "scale")
    assert found["laws"][0]["class"] == 2


def test_shared_convolution_filters_balance_as_wholes() -> None:
    found = derive_conservation_laws("v*relu(a*x + b*y) + v*relu(a*y + b*z)", "v,a,b", "x,y,z")
    assert [law["charge"] for law in found["laws"]] == ["v**2 - a**2 - b**2"]


def test_shifted_factor_mixes_linear_and_quadratic_terms() -> None:
    found = derive_conservation_laws("(u + 1)*w*x", "u,w", "x", at="u=1,w=2")
    law = found["laws"][0]
    assert law["charge"] == "u**2 - w**2 + 2*u"
    assert found["charges_at"] == [-1.0]
    assert law["momentum_law"] is None


def test_softmax_head_gives_translations() -> None:
    found = derive_conservation_laws("a*x; b*x; c*x", "a,b,c", "x", head="softmax")
    assert found["laws"][-1]["direction"] == [1, 1, 1]
    assert found["linear_dimension"] == 1


def test_relu_of_a_text_has_the_same_law_as_the_architecture() -> None:
    text = derive_conservation_laws("u*relu(w*x + v*z + b)", "w,v,b,u", "x,z")
    named = derive_architecture("relu:2-1-1,bias")
    assert text["laws"][0]["charge"] == "w**2 + v**2 + b**2 - u**2"
    assert named["laws"][0]["charge"] == "w1_0_0**2 + w1_0_1**2 + b1_0**2 - w2_0_0**2"


def test_momentum_charges_take_velocities() -> None:
    found = derive_architecture(
        "linear:1-2-1", flow="momentum", friction="0.5", at="w1_0_0=1,w1_1_0=1,w2_0_0=1,w2_0_1=2,v_w1_0_0=1"
    )
    assert found["charges_at"] == [-1.0, -2.0]


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        ("u*q*x", {}, "Every name must be a parameter"),
        ("u*floor(w)*x", {}, "no gate"),
        ("u*max(w, 0)*x", {}, "no gate"),
        ("u*w", {}, "no data"),
        ("u*w*x", {"at": "u=1"}, "lacks the parameter w"),
        ("u*w*x", {"at": "u=1,w=1,z=3"}, "no parameter"),
        ("u*w*x", {"head": "hinge"}, "head"),
        ("u*w*x", {"flow": "sideways"}, "flow"),
        ("u*w*x", {"degree": 3}, "degree"),
        ("u*w*x", {"friction": "1"}, "momentum"),
        ("u*w*x", {"flow": "momentum", "friction": "-1"}, "negative"),
        ("u*w*x", {"flow": "momentum", "friction": "1e999999"}, "exponents"),
        ("u*tanh(w*x)", {"method": "polynomial"}, "not polynomial"),
        ("u*w*x; ", {"head": "softmax"}, "two outputs"),
    ],
)
def test_wrong_input_is_refused_with_a_reason(model: str, options: dict[str, str], message: str) -> None:
    with pytest.raises(TheoryError, match=message):
        derive_conservation_laws(model, "u,w", "x", **options)


@pytest.mark.parametrize(
    "spec",
    ["cnn:3", "linear:3", "linear:3-0-2", "linear:99999-99999", "gram:3", "softmax:classes=2", "relu:9-9-9-9-9-9-9"],
)
def test_wrong_architectures_are_refused(spec: str) -> None:
    with pytest.raises(TheoryError):
        derive_architecture(spec)


def test_large_architectures_are_sampled_unless_told_otherwise() -> None:
    found = derive_architecture("relu:8-9-8")
    assert (found["dimension"], found["method"], found["total_laws"]) == (144, "sampled", 9)
    with pytest.raises(TheoryError, match="--method sampled"):
        derive_architecture("relu:8-9-8", method="polynomial")
