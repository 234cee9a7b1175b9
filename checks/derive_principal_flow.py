"""`sgdlaws derive`: modified-equation and principal-flow."""

from __future__ import annotations

from typing import Annotated

import typer

from checks.output import emit

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
At = Annotated[str, typer.Option(help="Point and settings: x=0.2,y=1/3,learning_rate=0.03,momentum=0.7.")]


def register(app: typer.Typer) -> None:
    """Add the two topics of the family."""

    @app.command("modified-equation")
    def modified_equation(
        method: Annotated[
            str, typer.Option(help="gd, heavy-ball, nesterov, sgd-shuffled, sgd-iid, rmsprop, adam or proximal.")
        ],
        order: Annotated[int, typer.Option(help="Number of terms kept; 1 is the gradient flow.")],
        loss: Annotated[list[str] | None, typer.Option(help="Loss; once per batch for sgd-*.")] = None,
        field: Annotated[list[str] | None, typer.Option(help="Instead of a loss: one component per variable.")] = None,
        variables: Annotated[str, typer.Option(help="Comma-separated names of the variables.")] = "",
        at: At = "",
        epsilon_placement: Annotated[str, typer.Option(help="inside or outside the root.")] = "inside",
        inverse: Annotated[bool, typer.Option("--inverse", help="The modifying integrator (gd).")] = False,
        json_output: Json = False,
    ) -> None:
        """Derive the modified equation of an optimisation method to any order."""
        from theory.principal_flow.modified_equation import derive_modified_equation

        result = derive_modified_equation(
            method, order, losses=loss or (), fields=field or (), variables=variables, at=at,
            epsilon_placement=epsilon_placement, inverse=inverse,
        )  # fmt: skip
        emit(result, json_output)

    @app.command("principal-flow")
    def principal_flow(
        loss: Annotated[str, typer.Option(help="Loss in the variables.")],
        variables: Annotated[str, typer.Option(help="Comma-separated names of the variables.")],
        at: At = "",
        method: Annotated[str, typer.Option(help="gd, heavy-ball or nesterov.")] = "gd",
        quantity: Annotated[
            str,
            typer.Option(
                help="field, alpha, eigenvalues, stability_coefficients, loss_rate, loss_change or next_term."
            ),
        ] = "field",
        json_output: Json = False,
    ) -> None:
        """Derive the principal flow of a loss, symbolically or at a point."""
        from theory.principal_flow.principal import derive_principal_flow

        emit(derive_principal_flow(loss, variables, at=at, method=method, quantity=quantity), json_output)
