"""Charges along gradient and momentum flow, motion along an orbit by noise, and counts of charges by trajectories."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from checks.check import Case, Check, Margin
from checks.symmetry import counts, flows


class Computed(Mapping[str, Any]):
    """Values of a case that take an integration to compute: made when first looked at, named by how."""

    def __init__(self, name: str, build: Callable[[], dict[str, Any]], **given: Any) -> None:
        self.name, self.build, self.given = name, build, given
        self.made: dict[str, Any] = {}

    def _all(self) -> dict[str, Any]:
        self.made = self.made or {**self.build(), **self.given}
        return self.made

    def __getitem__(self, key: str) -> Any:
        """Return one value."""
        return self._all()[key]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the keys."""
        return iter(self._all())

    def __len__(self) -> int:
        """Return the number of values."""
        return len(self._all())

    def __repr__(self) -> str:
        """Name them."""
        return f"{self.name}({self.given})"


charge = Check(
    law="symmetry.noether.charge",
    rung="flow",
    measure=flows.charge_rate,
    cases={"wd=0.3": {"charge": 1.4, "weight_decay": 0.3}},
    margin=Margin(relative=0.001),
)
_SAME = {"sum of squares for every kind": "the charge of a scale symmetry is the sum of squares"}
kinds = Check(
    law="symmetry.noether.kinds",
    rung="flow",
    measure=flows.charge_at_start,
    cases={
        kind: Case(
            Computed(f"end_of_flow {kind}", lambda kind=kind: flows.end_of_flow(kind)[1]),
            spared=_SAME if kind == "scale" else {},
        )
        for kind in ("translation", "scale", "rescale", "matrix", "homogeneous")
    },
    margin=Margin(absolute=1e-8),
)
relu_unit = Check(
    law="symmetry.noether.relu_unit",
    rung="flow",
    measure=flows.relu_charge_at_start,
    cases={"second-unit": Case(Computed("relu_flow", lambda: flows.relu_flow()[1]))},
    margin=Margin(absolute=1e-5),
)
momentum = Check(
    law="symmetry.momentum_flow.charge",
    rung="flow",
    measure=flows.momentum_charge,
    cases={"tau=0.7": {"charge": 0.8, "friction": 0.7, "time": 1.3}},
    margin=Margin(relative=1e-6),
)


def third_order(prediction: float, *, learning_rate: float, **_: Any) -> float:
    """Return the next order of the modified flow, h^3 with a constant of the order of the curvature cubed."""
    return 30 * learning_rate**3


_VECTORS = {
    "first_weights": [0.9, 1.3], "second_weights": [0.7, 0.4], "product_target": [[0.2, -0.6], [0.9, 0.4]],
}  # fmt: skip
vector_descent = Check(
    law="symmetry.backward_error.charge_drift",
    rung="flow",
    measure=flows.vector_descent,
    cases={f"h={h}": {**_VECTORS, "learning_rate": h} for h in (0.004, 0.001)},
    margin=Margin(absolute=1e-8, model=third_order),
)
scalar_descent = Check(
    law="symmetry.backward_error.charge_drift.scalar_net",
    rung="flow",
    measure=flows.scalar_descent,
    cases={
        f"h={h}": {"first_weight": 1.3, "second_weight": -0.8, "target": 0.6, "learning_rate": h}
        for h in (0.004, 0.001)
    },
    margin=Margin(absolute=1e-8, model=third_order),
)

_RATES = {"learning_rate": 0.1, "batch_size": 2, "weight_decay": 0.04}


def _values(kind: str, **rates: Any) -> Computed:
    return Computed(f"orbit_values {kind}", lambda: flows.orbit_values(kind), **rates)


def _both_ends(kind: str, **rates: Any) -> dict[str, Case]:
    return {
        f"from-{side}": Case(_values(kind, **rates), settings={"kind": kind, "start": start})
        for side, start in (("above", 0.7), ("below", -0.7))
    }


_FINE = Margin(absolute=1e-4)
_STILL = {"T unchanged by momentum": "no momentum here; the momentum case and sgd refute it"}
rescale = Check(
    law="symmetry.noise_equilibrium.rescale",
    rung="flow",
    measure=flows.end_of_orbit,
    cases={
        **{
            label: Case(case.values, settings=case.settings, spared=_STILL)
            for label, case in _both_ends("rescale", **_RATES).items()
        },
        "momentum": Case(_values("rescale", **_RATES, momentum=0.6), settings={"kind": "rescale", "start": 0.5}),
    },
    margin=_FINE,
)
gamma_zero = Check(
    law="symmetry.noise_equilibrium.gamma_zero",
    rung="flow",
    measure=flows.end_of_orbit,
    cases=_both_ends("rescale"),
    margin=_FINE,
)
scale = Check(
    law="symmetry.noise_equilibrium.scale",
    rung="flow",
    measure=flows.end_of_orbit,
    cases=_both_ends("scale", **_RATES),
    margin=_FINE,
)
spectral = Check(
    law="symmetry.noise_equilibrium.spectral",
    rung="flow",
    measure=flows.end_of_orbit,
    cases=_both_ends("spectral", **_RATES),
    margin=_FINE,
)
relaxation_rescale = Check(
    law="symmetry.noise_equilibrium.relaxation_rate.rescale",
    rung="flow",
    measure=flows.rate_on_orbit,
    cases={"rescale": Case(_values("rescale", **_RATES), settings={"kind": "rescale"})},
    margin=Margin(relative=0.001),
)
relaxation_spectral = Check(
    law="symmetry.noise_equilibrium.relaxation_rate.spectral",
    rung="flow",
    measure=flows.rate_on_orbit,
    cases={"spectral": Case(_values("spectral", **_RATES), settings={"kind": "spectral"})},
    margin=Margin(relative=0.001),
)
uniqueness = Check(
    law="symmetry.noise_equilibrium.uniqueness",
    rung="flow",
    measure=flows.slope_of_drift,
    cases={f"lambda={x}": Case(_values("spectral", **_RATES, flow_parameter=x)) for x in (-0.6, 0.45)},
    margin=Margin(relative=1e-4),
)
_CLASSES = {
    "rescale": ("spectral", {**_RATES, "weight_decay": 0.0}),
    "scale-without-decay": ("scale", {**_RATES, "weight_decay": 0.0}),
    "scale-with-decay": ("scale", _RATES),
}


def _spectrum(kind: str) -> dict[str, Any]:
    if kind == "spectral":
        return flows.orbit_values(kind)
    noise = flows.orbit(kind, 1.0, 0.0).noise(0.0).tolist()
    return {"generator_eigenvalues": [1.0] * 4, "components": flows.START, "noise_components": noise}


classes = Check(
    law="symmetry.noise_equilibrium.classes",
    rung="flow",
    measure=flows.class_and_existence,
    cases={
        label: Case(
            Computed(f"spectrum {kind}", lambda kind=kind: _spectrum(kind), **rates), settings={"kind": kind},
            spared={"class by the sign of the trace": "right for a definite A"} if kind == "scale" else {},
        )
        for label, (kind, rates) in _CLASSES.items()
    },
    margin=Margin(absolute=0.1),
)  # fmt: skip

_FACTORS = {"first_factor": [[0.9, 0.3], [-0.2, 1.1]], "second_factor": [[0.8, -0.5], [0.4, 1.2]]}
_S_X, _S_E = [[1.3, 0.4], [0.4, 0.6]], [[0.3, 0.1], [0.1, 0.9]]
_GAMMAS = {
    "first_noise_matrix": [[4 * 1.9 * x for x in row] for row in _S_E],
    "second_noise_matrix": [[4 * 1.2 * x for x in row] for row in _S_X],
}
factors = Check(
    law="symmetry.matrix_factorisation.equilibrium",
    rung="flow",
    measure=flows.end_of_factors,
    cases={
        "width-2": {**_FACTORS, **_GAMMAS, "learning_rate": 0.1, "batch_size": 1, "weight_decay": 0.05},
    },
    settings={"duration": 60.0},
    margin=Margin(relative=1e-4),
)
_TALL = {"first_weights": [0.3, 1.1], "second_weights": [0.7, -0.8], "input_covariance": _S_X}
sharpening = Check(
    law="symmetry.two_layer_linear.sharpening_sign",
    rung="flow",
    measure=flows.sharpness_change,
    cases={
        "sharpens": {**_TALL, "residual_covariance": [[2.4, 0.0], [0.0, 0.24]]},
        "flattens": Case(
            {**_TALL, "first_weights": [1.6, 0.7], "residual_covariance": _S_E},
            spared={"always flattens": "here it does; the other case refutes it"},
        ),
    },
    settings={"duration": 80.0},
    margin=Margin(absolute=1e-4),
)
count_relu = Check(
    law="symmetry.count.relu",
    rung="flow",
    measure=counts.relu_count,
    cases={"2-2-1": {"widths": [2, 2, 1], "bias": "with"}},
    margin=Margin(absolute=0.1),
)
count_quadratic = Check(
    law="symmetry.count.quadratic_activation",
    rung="flow",
    measure=counts.quadratic_count,
    cases={
        "d=2-r=2": Case(
            {"dimension": 2, "width": 2},
        )
    },
    margin=Margin(absolute=0.1),
)
count_units = Check(
    law="symmetry.count.negative_controls",
    rung="flow",
    measure=counts.unit_count,
    cases={
        unit: Case(
            {"unit": unit, "dimension": 2},
            spared={"one law for every unit": "the gated unit has one"} if unit == "gated" else {},
        )
        for unit in ("tanh", "gelu", "swish", "gated")
    },
    margin=Margin(absolute=0.1),
)
count_momentum = Check(
    law="symmetry.count.momentum_two_layer_linear",
    rung="flow",
    measure=counts.momentum_count,
    cases={
        "2-2-1": {"input_width": 2, "width": 2, "output_width": 1, "friction": 0.6},
        "1-3-2": {"input_width": 1, "width": 3, "output_width": 2, "friction": 0.0},
    },
    margin=Margin(absolute=0.1),
)
