"""`sgdlaws derive`: gaussian-expectation, order-parameters, phase, perfect-learning."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from checks.errors import CheckError
from checks.output import emit

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Quadrature = Annotated[
    bool, typer.Option("--allow-quadrature", help="Fall back to numerical quadrature where no closed form exists.")
]


def read_json(path: str) -> dict[str, Any]:
    """Read a JSON object from a file; raises CheckError with the reason."""
    try:
        data = json.loads(Path(path).read_text())
    except OSError as error:
        raise CheckError(f"the file {path} cannot be read ({error.strerror}); give the path of a JSON file.") from error
    except (ValueError, RecursionError) as error:
        raise CheckError(f"the file {path} is no JSON document ({error}).") from error
    if not isinstance(data, dict):
        raise CheckError(f"the file {path} must hold a JSON object with keys, not a {type(data).__name__}.")
    return data


def register(app: typer.Typer) -> None:
    """Add the four topics of the family."""
    signed = {"ignore_unknown_options": True}

    @app.command("gaussian-expectation")
    def gaussian_expectation(
        expression: Annotated[str, typer.Option(help="Expression in the variables.")],
        variables: Annotated[str, typer.Option(help="Comma-separated names of the Gaussian variables.")],
        at: Annotated[str | None, typer.Option(help="JSON file with covariance and parameters.")] = None,
        allow_quadrature: Quadrature = False,
        json_output: Json = False,
    ) -> None:
        """Derive the mean of an expression in jointly Gaussian variables."""
        from theory.order_parameters.derive_mean import derive_gaussian_expectation

        point = None if at is None else read_json(at)
        emit(derive_gaussian_expectation(expression, variables, point, allow_quadrature), json_output)

    @app.command("order-parameters")
    def order_parameters(
        activation: Annotated[str, typer.Option(help="Activation of the student: a name or an expression in x.")],
        students: Annotated[int, typer.Option(help="Number of students.")],
        teachers: Annotated[int, typer.Option(help="Number of teachers.")],
        teacher_activation: Annotated[str | None, typer.Option(help="Activation of the teacher.")] = None,
        second_layer: Annotated[str, typer.Option(help="fixed or trained.")] = "fixed",
        batch: Annotated[int | None, typer.Option(help="Samples averaged per step.")] = None,
        at: Annotated[str | None, typer.Option(help="JSON file with the state.")] = None,
        allow_quadrature: Quadrature = False,
        json_output: Json = False,
    ) -> None:
        """Derive the ODEs of the overlaps and the generalisation error of a two-layer network."""
        from theory.order_parameters.derive_equations import derive_order_parameters

        state = None if at is None else read_json(at)
        result = derive_order_parameters(
            activation, students, teachers, teacher_activation, second_layer, batch, state, allow_quadrature
        )
        emit(result, json_output)

    @app.command("phase", context_settings=signed)
    def phase(
        kappa: Annotated[str, typer.Option(help="Exponent of the width.")],
        delta: Annotated[str, typer.Option(help="Exponent of the learning rate.")],
        json_output: Json = False,
    ) -> None:
        """Derive the phase of a point (kappa, delta) by power counting."""
        from theory.order_parameters.derive_phase import derive_phase

        emit(derive_phase(kappa, delta), json_output)

    @app.command("perfect-learning")
    def perfect_learning(
        activation: Annotated[str, typer.Option(help="Activation: a name or an expression in x.")],
        batch: Annotated[int | None, typer.Option(help="Samples averaged per step.")] = None,
        at: Annotated[str | None, typer.Option(help="teacher_norm=T,learning_rate=eta,noise_variance=Delta")] = None,
        json_output: Json = False,
    ) -> None:
        """Derive critical learning rate, noise floor and rates of one unit learning one like itself."""
        from theory.order_parameters.derive_phase import derive_perfect_learning
        from theory.parse import parse_assignments

        values = None if at is None else {k: float(v) for k, v in parse_assignments(at).items()}
        emit(derive_perfect_learning(activation, batch, values), json_output)
