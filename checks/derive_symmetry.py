"""`sgdlaws derive`: conservation-laws, noise-equilibrium, balance."""

from __future__ import annotations

from typing import Annotated

import typer

from checks.errors import CheckError
from checks.output import emit

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def register(app: typer.Typer) -> None:
    """Add the topics of the family."""
    signed = {"ignore_unknown_options": True}

    @app.command("conservation-laws", context_settings=signed)
    def conservation_laws(
        model: Annotated[str | None, typer.Option(help='Outputs of the model: "u*relu(w*x + b); v*x".')] = None,
        parameters: Annotated[str, typer.Option(help="Names of the parameters: u,w,b")] = "",
        data: Annotated[str, typer.Option(help="Names of the data: x")] = "",
        architecture: Annotated[
            str | None,
            typer.Option(help="linear:3-2-1[,bias], relu:..., attention:d=3,r=2, gram:3x4, quadratic:d=3,r=2, "
                         "softmax:classes=3,features=4"),
        ] = None,
        head: Annotated[str, typer.Option(help="none or softmax.")] = "none",
        flow: Annotated[str, typer.Option(help="gradient or momentum.")] = "gradient",
        friction: Annotated[str | None, typer.Option(help="Friction of the momentum flow (default 1).")] = None,
        method: Annotated[str, typer.Option(help="auto, polynomial (exact) or sampled (numeric).")] = "auto",
        degree: Annotated[int, typer.Option(help="Largest degree of a law: 1 or 2.")] = 2,
        at: Annotated[str | None, typer.Option(help="Values of the parameters: u=1,w=0.5")] = None,
        json_output: Json = False,
    ) -> None:  # fmt: skip
        """Find all linear symmetries of a model, their charges, how many laws exist, and whether the list is complete."""
        from theory.symmetry.conservation import derive_architecture, derive_conservation_laws

        if (model is None) == (architecture is None):
            raise CheckError("give either --model or --architecture, not both and not none.")
        options = {"flow": flow, "friction": friction, "method": method, "degree": degree, "at": at}
        if architecture is not None:
            if parameters or data or head != "none":
                raise CheckError("--parameters, --data and --head belong to --model; leave them out.")
            emit(derive_architecture(architecture, **options), json_output)
            return
        emit(derive_conservation_laws(str(model), parameters, data, head=head, **options), json_output)

    @app.command("noise-equilibrium", context_settings=signed)
    def noise_equilibrium(
        model: Annotated[str, typer.Option(help='Outputs of the model: "u*w*x".')],
        parameters: Annotated[str, typer.Option(help="Names of the parameters: u,w")],
        data: Annotated[str, typer.Option(help="Names of the data: x")],
        targets: Annotated[str, typer.Option(help="One name per output: y")],
        loss: Annotated[
            str | None, typer.Option(help='Loss of one sample in f, y (f1, y1, ...): "(f - y)**2".')
        ] = None,
        law: Annotated[int | None, typer.Option(help="Number of the law in the list of conservation-laws.")] = None,
        generator: Annotated[str | None, typer.Option(help="A diagonal generator: u:1,w:-1")] = None,
        samples: Annotated[str | None, typer.Option(help='The data: "x=0.5,1,2; y=0,1,1".')] = None,
        replacement: Annotated[str, typer.Option(help="with or without.")] = "with",
        at: Annotated[
            str | None, typer.Option(help="u=..,w=..,learning_rate=..[,batch_size=..,weight_decay=..,momentum=..]")
        ] = None,
        json_output: Json = False,
    ) -> None:
        """Find where SGD noise drives a charge: the drift on the orbit of a symmetry, its zero, and how fast it is reached."""
        from theory.symmetry.noise_equilibrium import derive_noise_equilibrium

        options = {"loss": loss, "generator": generator, "samples": samples, "replacement": replacement, "at": at}
        emit(derive_noise_equilibrium(model, parameters, data, targets, law=law, **options), json_output)

    @app.command("balance", context_settings=signed)
    def balance(
        factors: Annotated[int, typer.Option(help="Number of factors of v.")],
        samples: Annotated[str | None, typer.Option(help='The data: "x=0.5,1,2; y=0,1,1".')] = None,
        moments: Annotated[str | None, typer.Option(help="x**2=..,x*y=..,x**4=..,x**3*y=..,x**2*y**2=..")] = None,
        weight_decay: Annotated[str, typer.Option(help="Coupled weight decay.")] = "0",
        at: Annotated[str | None, typer.Option(help="learning_rate=..[,batch_size=..]")] = None,
        json_output: Json = False,
    ) -> None:
        """Derive the stationary law of the balanced product of n factors: density, tail, collapse, mean and median."""
        from theory.symmetry.balance_report import derive_balance

        found = derive_balance(factors, samples=samples, moments=moments, weight_decay=weight_decay, at=at)
        emit(found, json_output)
