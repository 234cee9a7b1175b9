"""`sgdlaws derive`: escape, gradient-noise, quasi-potential."""

from __future__ import annotations

from typing import Annotated

import typer

from checks.errors import CheckError
from checks.output import emit

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
At = Annotated[str | None, typer.Option(help="Numbers: name=value,...")]


def register(app: typer.Typer) -> None:
    """Add the three topics of the family."""
    signed = {"ignore_unknown_options": True}

    @app.command("escape", context_settings=signed)
    def escape(
        loss: Annotated[str, typer.Option(help="Loss in the variables.")],
        minimum: Annotated[str, typer.Option(help="Coordinates of the minimum.")],
        saddle: Annotated[str, typer.Option(help="Coordinates of the saddle.")],
        variable: Annotated[str | None, typer.Option(help="Name of the variable.")] = None,
        variables: Annotated[str | None, typer.Option(help="Names of several variables.")] = None,
        target: Annotated[
            str | None, typer.Option(help="Where the passage ends; default: next critical point.")
        ] = None,
        reflect: Annotated[str | None, typer.Option(help="Reflecting point on the minimum's side.")] = None,
        noise: Annotated[
            str | None, typer.Option(help="proportional, additive, gaussian-features or kurtosis=K.")
        ] = None,
        diffusion: Annotated[str | None, typer.Option(help="Noise strength D = temperature*G(x).")] = None,
        noise_shape: Annotated[str, typer.Option(help="isotropic or hessian.")] = "isotropic",
        at: At = None,
        json_output: Json = False,
    ) -> None:
        """Derive potential, stationary law, escape rate, correction and exact passage time of a landscape."""
        from theory.escape.derive_rate import derive_escape

        if (variable is None) == (variables is None):
            raise CheckError("give either --variable x or --variables x,y, not both and not none.")
        names = variable if variable is not None else str(variables)
        emit(
            derive_escape(loss, names, minimum, saddle, target, reflect, noise, diffusion, noise_shape, at), json_output
        )

    @app.command("gradient-noise", context_settings=signed)
    def gradient_noise(
        model: Annotated[str, typer.Option(help="Model output in parameters and features.")],
        target: Annotated[str, typer.Option(help="Noiseless label in the features.")],
        parameters: Annotated[str, typer.Option(help="Names of the parameters.")],
        features: Annotated[str, typer.Option(help="Names of the features.")],
        feature_law: Annotated[
            str, typer.Option(help="gaussian, rademacher, kurtosis=K or moments=m2,m4,...")
        ] = "gaussian",
        feature_covariance: Annotated[str | None, typer.Option(help='Covariance: "v" or "a,b;b,c".')] = None,
        label_noise_variance: Annotated[str, typer.Option(help="Variance of the label noise.")] = "0",
        batch_size: Annotated[str, typer.Option(help="Samples in a batch.")] = "1",
        at: At = None,
        json_output: Json = False,
    ) -> None:
        """Derive the exact covariance of the minibatch gradient and what decoupling makes of it."""
        from theory.escape.derive_noise import derive_gradient_noise

        result = derive_gradient_noise(
            model, target, parameters, features, feature_law, feature_covariance, label_noise_variance, batch_size, at
        )
        emit(result, json_output)

    @app.command("quasi-potential", context_settings=signed)
    def quasi_potential(
        hamiltonian: Annotated[str, typer.Option(help="H(d, p), convex in p, zero at p = 0.")],
        variable: Annotated[str, typer.Option(help="Name of the place.")],
        momentum: Annotated[str, typer.Option(help="Name of the momentum.")],
        start: Annotated[str, typer.Option("--from", help="Where the path starts.")],
        end: Annotated[str, typer.Option("--to", help="Where it ends.")],
        at: At = None,
        json_output: Json = False,
    ) -> None:
        """Derive the quasi-potential of a Hamiltonian and that of its diffusion truncation."""
        from theory.escape.derive_potential import derive_quasi_potential

        emit(derive_quasi_potential(hamiltonian, variable, momentum, start, end, at), json_output)
