"""`sgdlaws derive`: lyapunov, saddle-type."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from checks.errors import CheckError
from checks.output import emit

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
MAX_LINES = 200_000


def read_curvatures(path: Path) -> tuple[list[float], list[float] | None]:
    """Read one curvature a line, with an optional weight in a second column; empty lines and # comments are skipped.

    Raises CheckError for an unreadable file, a line that is no number, or weights on some lines only.
    """
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CheckError(f"the curvature file {path} cannot be read ({error}); give a text file.") from error
    rows = [(n, fields) for n, line in enumerate(lines, 1) if (fields := line.split("#")[0].replace(",", " ").split())]
    if not 1 <= len(rows) <= MAX_LINES:
        raise CheckError(f"{path} holds {len(rows)} curvatures, between 1 and {MAX_LINES} are needed.")
    columns = {len(fields) for _, fields in rows}
    if columns not in ({1}, {2}):
        raise CheckError(f"every line of {path} needs a curvature, or a curvature and a weight, all lines alike.")
    numbers = [[_number(field, number, path) for field in fields] for number, fields in rows]
    return [row[0] for row in numbers], [row[1] for row in numbers] if columns == {2} else None


def _number(field: str, line: int, path: Path) -> float:
    try:
        value = float(field)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise CheckError(f"line {line} of {path} has {field[:40]!r}, which is no finite number.")
    return value


def register(app: typer.Typer) -> None:
    """Add the two topics of the family."""
    signed = {"ignore_unknown_options": True}

    @app.command("lyapunov", context_settings=signed)
    def lyapunov(
        curvature: Annotated[
            str | None, typer.Option(help='Law of one sample\'s curvature: "Normal(m,s)", "0.1-2*Gamma(k,t)", ...')
        ] = None,
        curvature_file: Annotated[
            Path | None, typer.Option(help="Data: one curvature a line, optional weight.")
        ] = None,
        batch: Annotated[str, typer.Option(help="Samples in a batch.")] = "1",
        replacement: Annotated[str, typer.Option(help="with or without.")] = "with",
        weight_decay: Annotated[str, typer.Option(help="Coupled decay, added to the curvature.")] = "0",
        moment: Annotated[str | None, typer.Option(help="Order of the generalised exponent.")] = None,
        phases: Annotated[
            bool, typer.Option("--phases", help="Phases of the scalar network with this signal.")
        ] = False,
        at: Annotated[str | None, typer.Option(help="Numbers: name=value,...,learning_rate=value")] = None,
        json_output: Json = False,
    ) -> None:
        """Derive the Lyapunov exponent E log|1 - learning_rate*h| of a curvature law, its zeros and windows."""
        from theory.stability.lyapunov import derive_lyapunov

        if (curvature is None) == (curvature_file is None):
            raise CheckError("give either --curvature or --curvature-file, not both and not none.")
        data = None if curvature_file is None else read_curvatures(curvature_file)
        emit(derive_lyapunov(curvature, data, batch, replacement, weight_decay, moment, phases, at), json_output)

    @app.command("saddle-type", context_settings=signed)
    def saddle_type(
        loss: Annotated[str, typer.Option(help="Loss of one sample in parameters and data.")],
        parameters: Annotated[str, typer.Option(help="Names of the parameters: u,w")],
        data: Annotated[str, typer.Option(help="Names of the data: x,y")] = "",
        point: Annotated[str, typer.Option(help="Critical point: u=0,w=0 (default: zeros).")] = "",
        moments: Annotated[str, typer.Option(help="Moments of the data: x*y=0.3,x**2=1.1")] = "",
        directions: Annotated[str, typer.Option(help="Linear forms that span a subspace: u1-u2,w1-w2")] = "",
        tolerance: Annotated[float, typer.Option(help="What counts as zero.")] = 1e-9,
        json_output: Json = False,
    ) -> None:
        """Classify a critical point by the gradient noise on its escape directions: type I, II, or degenerate."""
        from theory.stability.saddle import saddle_report_from_text

        report = saddle_report_from_text(loss, parameters, data, point, moments, directions, tolerance)
        emit(report.as_dict(), json_output)
