"""Saddle types: does the gradient noise act along the escape directions of a critical point?

A critical point is of type I if the noise covariance, projected on the negative eigenspace of the mean Hessian, is not
zero, and of type II if it is. A type-II saddle can attract SGD; a Lyapunov exponent decides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp

from theory.derivation import Derivation, derivation
from theory.errors import DerivationError
from theory.parse import parse_assignments, parse_expression, parse_expressions, parse_moments, parse_names
from theory.stability.data_moments import MomentTable
from theory.stability.eigenspaces import Eigenspace, directions, eigenspaces
from theory.stability.local_model import LocalModel, local_model
from theory.stability.saddle_sign import SignCase, classify_signs, is_zero

MAX_PARAMETERS = 8


@dataclass(frozen=True)
class SaddleReport:
    """What ``classify_saddle`` found; matrices and vectors are in the basis of ``directions`` (rows)."""

    type: str
    critical: bool
    conditions: tuple[str, ...]
    loss: sp.Expr
    parameters: tuple[sp.Symbol, ...]
    data: tuple[sp.Symbol, ...]
    point: dict[sp.Symbol, sp.Expr]
    directions: sp.ImmutableMatrix
    sample_gradient: sp.ImmutableMatrix
    sample_hessian: sp.ImmutableMatrix
    mean_gradient: sp.ImmutableMatrix
    hessian: sp.ImmutableMatrix
    hessian_eigenvalues: tuple[sp.Expr, ...]
    noise_covariance: sp.ImmutableMatrix
    noise_trace: sp.Expr
    escape_projector: sp.ImmutableMatrix | None
    escape_directions: tuple[sp.ImmutableMatrix, ...]
    escape_noise: sp.Expr | None
    commuting: bool
    multipliers: tuple[sp.Expr, ...] | None
    closed: bool
    derivation: Derivation

    def as_dict(self) -> dict[str, Any]:
        """Return JSON-able values: numbers, or strings where a list or matrix holds symbols."""
        return {
            "type": self.type,
            "critical": self.critical,
            "conditions": list(self.conditions),
            "mean_gradient": _shown(list(self.mean_gradient)),
            "hessian": _shown(self.hessian.tolist()),
            "hessian_eigenvalues": _shown(list(self.hessian_eigenvalues)),
            "noise_covariance": _shown(self.noise_covariance.tolist()),
            "noise_trace": _shown(self.noise_trace),
            "escape_directions": _shown([list(row) for row in self.escape_directions]),
            "escape_noise": None if self.escape_noise is None else _shown(self.escape_noise),
            "commuting": self.commuting,
            "multipliers": None if self.multipliers is None else [f"1 - eta*({h})" for h in self.multipliers],
            "closed": self.closed,
            "derivation": [
                {"name": s.name, "expression": sp.sstr(s.expression), "rule": s.rule} for s in self.derivation.steps
            ],
        }


def classify_saddle(
    loss: sp.Expr,
    parameters: Sequence[sp.Symbol],
    data: Sequence[sp.Symbol] = (),
    point: Mapping[sp.Symbol, sp.Expr] | None = None,
    moments: Mapping[sp.Expr, sp.Expr] | None = None,
    directions: Sequence[sp.Expr] | None = None,
    tolerance: float = 1e-9,
) -> SaddleReport:
    """Classify a point of a per-sample loss: "I", "II", "degenerate", "minimum" or "not_critical".

    With g and H_x the gradient and Hessian of one sample at the point, C = E g g^T - E g E g^T and P the projector on
    the negative eigenspace of E H_x: ``escape_noise = trace(P C)``; type II if it is zero.

    Parameters
    ----------
    loss : loss of one sample in the parameters and the data
    parameters, data : at most 8 parameters; the gradient at the point must be polynomial in the data
    point : parameter -> value, 0 where not given; values may hold further symbols (generic values)
    moments : monomial of the data -> expectation; others stay symbols ``E[x*y]``, generic under the ``conditions``
    directions : linear forms of the parameters; everything is restricted to their span
    tolerance : a numeric mean gradient, eigenvalue or noise within it counts as zero

    Raises
    ------
    DerivationError : unknown symbol, singular or non-differentiable point, not polynomial in the data, impossible
        moments, dependent or nonlinear directions, more than 8 parameters

    >>> u, w, x, y = sp.symbols("u w x y", real=True)
    >>> report = classify_saddle((u * w * x - y) ** 2, [u, w], [x, y])
    >>> report.type, report.conditions, report.hessian_eigenvalues, report.multipliers
    ('II', ('E[x*y] != 0',), (-2*E[x*y], 2*E[x*y]), (-2*x*y, 2*x*y))
    """
    table = MomentTable(data, moments)
    if len(parameters) > MAX_PARAMETERS:
        raise DerivationError(
            f"{len(parameters)} parameters are given, the limit is {MAX_PARAMETERS}; use the numeric (autograd) "
            "version."
        )
    model = local_model(loss, tuple(parameters), tuple(data), dict(point or {}), directions)
    gradient, hessian = model.mean_gradient(table), model.mean_hessian(table)
    covariance = model.noise_covariance(table)
    if any(c.is_number and c < -tolerance for c in covariance.diagonal()):
        raise DerivationError("the moments are impossible (a negative variance of the gradient); check --moments.")
    spaces = eigenspaces(hessian)
    case = classify_signs(gradient, spaces, covariance, table, tolerance)
    ordered = tuple(spaces[i] for i in case.order)
    commuting = all(is_zero(m * hessian - hessian * m, table) for m in model.hessians.values())
    split = _common_projectors(ordered, model, table) if commuting else None
    multipliers = None if split is None else tuple(model.curvature(projector) for projector in split)
    return _report(model, gradient, hessian, covariance, ordered, case, commuting, multipliers)


def _report(
    model: LocalModel,
    gradient: sp.ImmutableMatrix,
    hessian: sp.ImmutableMatrix,
    covariance: sp.ImmutableMatrix,
    spaces: tuple[Eigenspace, ...],
    case: SignCase,
    commuting: bool,
    multipliers: tuple[sp.Expr, ...] | None,
) -> SaddleReport:
    eigenvalues = tuple(space.value for space in spaces for _ in range(space.multiplicity))
    escape = [row for space in spaces[: case.negative] for row in directions(space.projector)]
    projector = sum((s.projector for s in spaces[: case.negative]), sp.zeros(*hessian.shape)).as_immutable()
    sample_gradient, sample_hessian = model.sample_gradient(), model.sample_hessian()
    steps = [
        ("loss of one sample", model.loss, "given"),
        ("gradient of one sample", sample_gradient, "differentiate, insert the point, project on the directions"),
        ("Hessian of one sample", sample_hessian, "differentiate twice, insert the point, project on the directions"),
        ("mean gradient", gradient, "expectation of every monomial of the data"),
        ("mean Hessian", hessian, "expectation of every monomial of the data"),
        ("noise covariance", covariance, "C = E[g g^T] - E[g] E[g]^T"),
        ("Hessian eigenvalues", sp.Tuple(*eigenvalues), "roots of the characteristic polynomial, block by block"),
    ]
    if case.negative:
        steps.append(("escape projector", projector, "projector on the negative eigenspace of the mean Hessian"))
        steps.append(("escape noise", case.escape_noise, "trace(P C)"))
    if multipliers is not None:
        rule = "h(x) = n^T H_x n along the common eigenvectors; the multiplier is 1 - eta*h(x)"
        steps.append(("curvatures of one sample", sp.Tuple(*multipliers), rule))
    return SaddleReport(
        type=case.type,
        critical=case.type != "not_critical",
        conditions=case.conditions,
        loss=model.loss,
        parameters=model.parameters,
        data=model.data,
        point=model.point,
        directions=model.basis,
        sample_gradient=sample_gradient,
        sample_hessian=sample_hessian,
        mean_gradient=gradient,
        hessian=hessian,
        hessian_eigenvalues=eigenvalues,
        noise_covariance=covariance,
        noise_trace=sp.expand(covariance.trace()),
        escape_projector=projector if case.negative else None,
        escape_directions=tuple((row * model.basis).applyfunc(sp.expand) for row in escape),
        escape_noise=case.escape_noise,
        commuting=commuting,
        multipliers=multipliers,
        closed=model.closed(),
        derivation=derivation(*steps),
    )


def _common_projectors(
    spaces: tuple[Eigenspace, ...], model: LocalModel, table: MomentTable
) -> list[sp.ImmutableMatrix] | None:
    """Return rank-one projectors on common eigenvectors of all sample Hessians, in the order of the spaces, or None."""
    found: list[sp.ImmutableMatrix] = []
    for space in spaces:
        if space.multiplicity == 1:
            found.append(space.projector)
            continue
        rows = sp.ImmutableMatrix.vstack(*directions(space.projector))
        inside = [(rows * matrix * rows.T).applyfunc(sp.expand) for matrix in model.hessians.values()]
        mixed = sp.zeros(rows.rows, rows.rows)
        for index, matrix in enumerate(inside):
            mixed += sp.Rational(sp.prime(index + 5), sp.prime(index + 2)) * matrix
        lines = [line for part in eigenspaces(mixed.as_immutable()) for line in directions(part.projector)]
        for line in lines:
            eigenvector = all(is_zero(m * line.T - line.T * (line * m * line.T), table) for m in inside)
            if not eigenvector:
                return None
            vector = line * rows
            found.append((vector.T * vector).applyfunc(sp.expand).as_immutable())
    return found


def _shown(value: Any) -> Any:
    if isinstance(value, sp.Expr):
        return float(value) if value.is_number else sp.sstr(value)
    flat = [v for row in value for v in (row if isinstance(row, list) else [row])]
    show = _shown if all(v.is_number for v in flat) else sp.sstr
    return [[show(v) for v in row] if isinstance(row, list) else show(row) for row in value]


def saddle_report_from_text(
    loss_text: str,
    parameters_text: str,
    data_text: str = "",
    point_text: str = "",
    moments_text: str = "",
    directions_text: str = "",
    tolerance: float = 1e-9,
) -> SaddleReport:
    """Read texts of the command line and classify; see ``classify_saddle``.

    Raises ParseError for a text outside the language, DerivationError as ``classify_saddle``.

    >>> saddle_report_from_text("(w^2 - 1)^2/4 + y*w", "w", "y", moments_text="y=0").type
    'I'
    """
    parameters = {name: sp.Symbol(name, real=True) for name in parse_names(parameters_text)}
    data = {name: sp.Symbol(name, real=True) for name in parse_names(data_text)}
    loss = parse_expression(loss_text, parameters | data, unknown="error")
    values = parse_assignments(point_text, unknown="symbol")
    point = {parameters.get(name, sp.Symbol(name, real=True)): value for name, value in values.items()}
    moments = parse_moments(moments_text, data)
    forms = parse_expressions(directions_text, parameters, unknown="error") if directions_text.strip() else None
    return classify_saddle(loss, list(parameters.values()), list(data.values()), point, moments, forms, tolerance)
