"""Noise equilibria of users' models: formulas, enumeration of batches, existence, messages."""

from __future__ import annotations

import math
from itertools import combinations, product
from typing import Any

import pytest

from theory.errors import TheoryError
from theory.symmetry.noise_equilibrium import derive_noise_equilibrium

X, Y, Z = (0.7, -1.1, 1.6, 0.4), (0.3, 0.9, -0.5, 1.2), (1.0, -0.4, 0.2, 0.6)
SAMPLES = f"x={','.join(map(str, X))}; y={','.join(map(str, Y))}; z={','.join(map(str, Z))}"


def two_outputs(**options: Any) -> dict[str, Any]:
    at = "u=1.3,v=-0.6,w=0.8,learning_rate=0.05,batch_size=2,weight_decay=0.1"
    return derive_noise_equilibrium("u*w*x; v*w*x", "u,v,w", "x", "y,z", samples=SAMPLES, at=at, **options)


def next_charge(batch: tuple[int, ...]) -> float:
    u, v, w, eta, decay = 1.3, -0.6, 0.8, 0.05, 0.1
    g = [0.0, 0.0, 0.0]
    for i in batch:
        a, b = 2 * (u * w * X[i] - Y[i]) * X[i] / len(batch), 2 * (v * w * X[i] - Z[i]) * X[i] / len(batch)
        g = [g[0] + a * w, g[1] + b * w, g[2] + a * u + b * v]
    u, v, w = (p - eta * (s + decay * p) for p, s in zip((u, v, w), g, strict=True))
    return u * u + v * v - w * w


@pytest.mark.parametrize("replacement", ["with", "without"])
def test_expected_charge_equals_the_mean_over_all_batches(replacement: str) -> None:
    batches = list(combinations(range(4), 2)) if replacement == "without" else list(product(range(4), repeat=2))
    exact = math.fsum(map(next_charge, batches)) / len(batches)
    assert two_outputs(replacement=replacement)["expected_next_charge"] == pytest.approx(exact, rel=1e-12)


def test_drift_vanishes_at_the_equilibrium_it_names() -> None:
    first = two_outputs()
    u, v, w = first["equilibrium"]
    assert u * w == pytest.approx(1.3 * 0.8)
    at = f"u={u:.15f},v={v:.15f},w={w:.15f},learning_rate=0.05,batch_size=2,weight_decay=0.1"
    there = derive_noise_equilibrium("u*w*x; v*w*x", "u,v,w", "x", "y,z", samples=SAMPLES, at=at)
    assert abs(there["drift"]) < 1e-12
    assert there["charge_at"] == pytest.approx(first["charge_at_equilibrium"])
    assert there["relaxation_rate"] == pytest.approx(first["relaxation_rate"])


def test_scalar_net_balances_whatever_the_loss() -> None:
    found = derive_noise_equilibrium(
        "u*w*x",
        "u,w",
        "x",
        "y",
        loss="log(1 + exp(-f*y))",
        samples="x=1,2,0.5; y=1,-1,1",
        at="u=3,w=-0.5,learning_rate=0.1",
    )
    assert [abs(p) for p in found["equilibrium"]] == pytest.approx([math.sqrt(1.5)] * 2)


def test_noise_in_data_moments_is_the_covariance() -> None:
    found = derive_noise_equilibrium("u*w*x", "u,w", "x", "y")
    assert found["noise_forms"][0]["moments"].startswith("4*w**2*(E[x**2*y**2]")
    assert found["charge_at"] is None


def test_scale_symmetry_needs_decay() -> None:
    model, at = "(w*x + v*z)/sqrt(w**2 + v**2)", "w=1,v=0.5,learning_rate=0.1"
    data = "x=1,0.5,-1; z=0.2,-0.7,1; y=1,0,0.5"
    free = derive_noise_equilibrium(model, "w,v", "x,z", "y", samples=data, at=at)
    held = derive_noise_equilibrium(model, "w,v", "x,z", "y", samples=data, at=at + ",weight_decay=0.01")
    assert (free["class"], free["exists"], free["flow_parameter"]) == (2, False, None)
    assert held["exists"]
    norm = 1.25 * math.exp(2 * held["flow_parameter"])
    assert held["charge_at_equilibrium"] == pytest.approx(norm)
    # e^{4 lambda} = T Tr Sigma/(2 wd |theta|^2)
    assert norm == pytest.approx(math.sqrt(0.1 * held["noise_form"] * 1.25 / 0.02))


def test_extreme_starts_reach_the_same_equilibrium() -> None:
    found = derive_noise_equilibrium(
        "u*w*x", "u,w", "x", "y", samples="x=1,1; y=1,2", at="u=1e60,w=1e-60,learning_rate=0.1"
    )
    assert found["equilibrium"] == pytest.approx([1.0, 1.0])


def test_no_noise_and_no_decay_leave_the_whole_orbit() -> None:
    found = derive_noise_equilibrium("u*w*x", "u,w", "x", "y", samples="x=1; y=2", at="u=2,w=0.5,learning_rate=0.1")
    assert (found["exists"], found["reason"]) == (False, "drift vanishes on the whole orbit")


def test_relu_unit_uses_the_gates_of_the_point() -> None:
    at = "u=1.5,w=0.6,b=0.1,learning_rate=0.1"
    gated = derive_noise_equilibrium("u*relu(w*x + b)", "u,w,b", "x", "y", samples="x=1,2,-3; y=1,0,5", at=at)
    # the third sample is off: it contributes a zero gradient
    assert gated["charge"] == "u**2 - w**2 - b**2"
    assert gated["exists"]


def test_momentum_raises_the_temperature() -> None:
    at = "u=1.3,v=-0.6,w=0.8,learning_rate=0.05,weight_decay=0.1"
    with_momentum = derive_noise_equilibrium(
        "u*w*x; v*w*x", "u,v,w", "x", "y,z", samples=SAMPLES, at=at + ",momentum=0.5"
    )
    hotter = derive_noise_equilibrium(
        "u*w*x; v*w*x", "u,v,w", "x", "y,z", samples=SAMPLES, at=at.replace("0.05", "0.1")
    )
    assert with_momentum["flow_parameter"] == pytest.approx(hotter["flow_parameter"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"targets": ""}, "targets"),
        ({"targets": "u"}, "rename"),
        ({"law": 2}, "does not exist"),
        ({"law": 1, "generator": "u:1,w:-1"}, "give one of them"),
        ({"generator": "u:1,w:1"}, "no symmetry"),
        ({"generator": "q:1"}, "no parameter"),
        ({"generator": "u:0"}, "not all zero"),
        ({"samples": "x=1,2; y=1"}, "different lengths"),
        ({"samples": "x=1,2"}, "lacks y"),
        ({"samples": "x=1,a; y=1,2"}, "numbers"),
        ({"at": "u=1,w=1"}, "lacks learning_rate"),
        ({"at": "u=1,w=1,learning_rate=0"}, "learning_rate"),
        ({"at": "u=1,w=1,learning_rate=1,batch_size=1.5"}, "batch_size"),
        ({"at": "u=1,w=1,learning_rate=1,batch_size=3", "replacement": "without"}, "without replacement"),
        ({"at": "u=1,w=1,learning_rate=1,momentum=1"}, "momentum"),
        ({"at": "u=1,w=1,learning_rate=1,weight_decay=-1"}, "weight_decay"),
        ({"replacement": "maybe"}, "replacement"),
        ({"loss": "f + q"}, "unknown"),
        ({"loss": "y"}, "does not depend"),
        ({"model": "u*tanh(w*x)"}, "no linear symmetry"),
        ({"model": "(u + w)*x", "law": 2}, "translation"),
        ({"model": "(u + 1)*w*x"}, "not centred"),
        ({"loss": "log(f - y)", "samples": "x=1,1; y=3,3"}, "not finite"),
    ],
)
def test_wrong_input_is_refused_with_a_reason(options: dict[str, Any], message: str) -> None:
    base = {"model": "u*w*x", "targets": "y", "samples": "x=1,2; y=1,0", "at": "u=1,w=0.5,learning_rate=0.1"} | options
    with pytest.raises(TheoryError, match=message):
        derive_noise_equilibrium(base.pop("model"), "u,w", "x", base.pop("targets"), **base)


def test_several_laws_are_listed() -> None:
    with pytest.raises(TheoryError, match="2: "):
        derive_noise_equilibrium("a*b*x + c*d*z", "a,b,c,d", "x,z", "y")
