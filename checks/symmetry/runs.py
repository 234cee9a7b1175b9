"""Points of exact laws that are read off real training runs: which run, which unit and which step, and what came out.

The values of such a case are the record of a run, which is made when they are first looked at, not at import. Of all
units and steps the case takes the one where the law does worst: if that one is within the margin, all are.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch

import theory
from checks.check import Case, Context, Margin, Measured
from numerics.synthetic_training import train_linear, train_product
from numerics.training import FORMS, Form, Record, Training, train

ROUNDING = 4e-16


@dataclass(frozen=True)
class Recorded(Mapping[str, Any]):
    """Values made by ``build(training, form)`` on first use; what they depend on is all that their text shows."""

    build: Callable[[Training, str], dict[str, Any]]
    training: Training
    form: str

    @functools.cached_property
    def _made(self) -> dict[str, Any]:
        return self.build(self.training, self.form)

    def __getitem__(self, key: str) -> Any:
        """Return one value."""
        return self._made[key]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the keys."""
        return iter(self._made)

    def __len__(self) -> int:
        """Return the number of values."""
        return len(self._made)

    def __hash__(self) -> int:
        """Two of them are the same if they are made the same way."""
        return hash((self.build.__qualname__, self.training, self.form))

    def __repr__(self) -> str:
        """Name the run, without making it."""
        return f"{self.build.__qualname__}({self.training}, {self.form!r})"


def record(training: Training, form: str) -> Record:
    """Return the record of a run through a named form; of the synthetic task there is one charge only."""
    return train_linear(training)[0] if training.network == "synthetic" else train(training, FORMS[form])


def outcome(context: Context, *, came_out: list[float] | float, magnitude: list[float] | float, **_: Any) -> Measured:
    """Return what the run did, with the rounding error of forming the charge itself."""
    errors = [ROUNDING * m for m in magnitude] if isinstance(magnitude, list) else ROUNDING * magnitude
    return Measured(came_out, errors)


def _worst(predicted: torch.Tensor, happened: torch.Tensor, magnitude: torch.Tensor) -> tuple[int, ...]:
    """Return the index of the largest relative difference.

    Where a charge changes its sign no relative error can be asked for: it must be 1 % of the sum of its terms.
    """
    distance = ((predicted - happened) / happened).abs()
    flat = int(torch.where(happened.abs() > 0.01 * magnitude, distance, -1.0).argmax())
    return tuple(int(i) for i in torch.unravel_index(torch.tensor(flat), distance.shape))


def _rates(training: Training) -> dict[str, float]:
    return {"learning_rate": training.learning_rate, "weight_decay": training.weight_decay}


def one_step(training: Training, form: str) -> dict[str, Any]:
    """Charge and raw gradient form before the step, charge after it, at the worst of all steps and units."""
    run = record(training, form)
    law = theory.law("symmetry.discrete.charge_step")
    predicted = law(charge=run.charges[:-1], gradient_form=run.gradient_forms, **_rates(training))
    step, unit = _worst(predicted, run.charges[1:], run.magnitudes[1:])
    return {
        "charge": float(run.charges[step, unit]),
        "gradient_form": float(run.gradient_forms[step, unit]),
        **_rates(training),
        "came_out": float(run.charges[step + 1, unit]),
        "magnitude": float(run.magnitudes[step + 1, unit]),
    }


def _whole(training: Training, form: str, law_id: str, update: str, extra: dict[str, str]) -> dict[str, Any]:
    run = record(training, form)
    forms = run.update_forms if update == "full" else run.gradient_forms
    law = theory.law(law_id)
    units = range(run.charges.shape[1])
    given = [
        {"charge": float(run.charges[0, j]), "gradient_forms": forms[:, j].tolist(), **_rates(training), **extra}
        for j in units
    ]
    predicted = torch.tensor([law(**values) for values in given], dtype=torch.float64)
    (unit,) = _worst(predicted, run.charges[-1], run.magnitudes[-1])
    largest = run.magnitudes[:, unit].max()
    return {**given[unit], "came_out": float(run.charges[-1, unit]), "magnitude": float(largest)}


def whole_run(training: Training, form: str) -> dict[str, Any]:
    """All raw gradient forms of a run, and the charge at its end."""
    return _whole(training, form, "symmetry.discrete.charge_sum", "raw", {"update": "raw"})


def whole_run_of_updates(training: Training, form: str) -> dict[str, Any]:
    """All forms of the full updates (decay inside) of a run, and the charge at its end."""
    return _whole(training, form, "symmetry.discrete.charge_sum", "full", {"update": "full"})


def exponential(training: Training, form: str) -> dict[str, Any]:
    """The same for the exponential sum of the literature, where it does worst."""
    return _whole(training, form, "symmetry.discrete.exponential_sum", "full", {})


def exact_sum(**values: Any) -> Any:
    """Return the exact law that should replace the exponential one, on the same record."""
    return theory.law("symmetry.discrete.charge_sum")(update="full", **values)


def heavy_ball_step(training: Training, form: str) -> dict[str, Any]:
    """Charge, momentum charge and velocity form of the worst of all steps and units, and both charges after it."""
    run = record(training, form)
    law = theory.law("symmetry.momentum.charge_step")
    given = {
        "charge": run.charges[:-1],
        "momentum_charge": run.momentum_charges[:-1],
        "velocity_form": run.velocity_forms,
    }
    rates = {**_rates(training), "momentum": training.momentum}
    clear = run.charges[1:].abs() > 0.01 * run.magnitudes[1:]
    middle = torch.where(clear, run.momentum_charges[1:], 0.0)
    step, unit = _worst(law(**given, **rates)[1], middle, run.momentum_magnitudes[1:])
    return {
        **{key: float(value[step, unit]) for key, value in given.items()},
        **rates,
        "came_out": [float(run.charges[step + 1, unit]), float(run.momentum_charges[step + 1, unit])],
        "magnitude": [float(run.magnitudes[step + 1, unit]), float(run.momentum_magnitudes[step + 1, unit])],
    }


def heavy_ball_run(training: Training, form: str) -> dict[str, Any]:
    """All velocity forms of a run without decay, and the charge at its end, of the worst unit."""
    run = record(training, form)
    law = theory.law("symmetry.momentum.charge_sum")
    rates = {"learning_rate": training.learning_rate, "momentum": training.momentum}
    given = [
        {"charge": float(run.charges[0, j]), "velocity_forms": run.velocity_forms[:, j].tolist(), **rates}
        for j in range(run.charges.shape[1])
    ]
    predicted = torch.tensor([law(**values) for values in given], dtype=torch.float64)
    (unit,) = _worst(predicted, run.charges[-1], run.magnitudes[-1])
    largest = run.magnitudes[:, unit].max()
    return {**given[unit], "came_out": float(run.charges[-1, unit]), "magnitude": float(largest)}


def product_step(training: Training, form: str) -> dict[str, Any]:
    """The step of a run of n scalar factors (n is the form's name) where the product rule does worst."""
    law = theory.law("symmetry.discrete.product_rule")
    worst, found = -1.0, {}
    for step in train_product(int(form), training.learning_rate, training.steps, training.batch_size):
        u, w, *rest = step.before
        given = {
            "first_weight": u,
            "second_weight": w,
            "other_product": math.prod(rest),
            "product_slope": step.slope,
            "learning_rate": training.learning_rate,
        }
        after = step.after[0] ** 2 - step.after[1] ** 2
        distance, size = abs(law(**given) - after), step.after[0] ** 2 + step.after[1] ** 2
        if distance > worst and abs(after) > 0.01 * size:
            worst, found = distance, {**given, "came_out": after, "magnitude": size}
    return found


SUMS = Form((("last.weight", 0, 1.0),))


def column_sums(training: Training, form: str) -> dict[str, Any]:
    """A column sum of the softmax layer before and after the run: the worst of all pixels whose sum is not tiny."""
    run = train(training, SUMS)
    ones = {name: torch.ones_like(value) for name, value in run.first.items()}
    start, end = SUMS(run.first, ones), SUMS(run.last, ones)
    given: dict[str, Any] = {**_rates(training), "steps": training.steps}
    law = theory.law("symmetry.discrete.translation")
    if training.momentum:
        law, given = theory.law("symmetry.momentum.translation_charge"), {**given, "momentum": training.momentum}
    factor = law(charge=1.0, **given)
    sizes = SUMS.magnitude(run.first, ones)
    (pixel,) = _worst(factor * start, end, sizes)
    return {"charge": float(start[pixel]), **given, "came_out": float(end[pixel]), "magnitude": float(sizes[pixel])}


EXACT = Margin(relative=1e-12)


def recorded(build: Callable[[Training, str], dict[str, Any]], form: str, name: str, **settings: Any) -> Case:
    """Return a case whose values are read off the run with these settings."""
    return Case(Recorded(build, Training(name, **settings), form))
