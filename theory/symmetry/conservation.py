"""All conservation laws of a model or an architecture, by the exact or by the sampled route, with a certificate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from theory.errors import DerivationError, DomainError, ParseError
from theory.parse import parse_assignments
from theory.symmetry.architectures import Model, architecture
from theory.symmetry.charges import (
    Charge,
    antisymmetric_rank,
    independent_count,
    linear_dimension,
    polynomial_charges,
)
from theory.symmetry.law_text import law_record
from theory.symmetry.lie import gradient_fields, lie_rank
from theory.symmetry.model_text import TextModel, polynomial_model, read_model
from theory.symmetry.momentum_charges import (
    momentum_charge_values,
    momentum_direction,
    momentum_laws,
    momentum_records,
    read_friction,
)
from theory.symmetry.verification import LIMIT, POINTS, certificate, charge_direction, self_check

MAX_SYMBOLIC = 120
MAX_NUMERIC = 1000


def derive_conservation_laws(
    model: str,
    parameters: str,
    data: str,
    *,
    head: str = "none",
    flow: str = "gradient",
    friction: str | None = None,
    method: str = "auto",
    degree: int = 2,
    at: str | None = None,
) -> dict[str, Any]:
    """Return every conservation law of degree <= ``degree`` of a model given as text, their number and a certificate.

    Parameters
    ----------
    model : outputs in parameters and data, separated by semicolons
    parameters, data : names separated by commas
    head : none, or softmax (the loss sees outputs up to a common shift)
    flow : gradient, or momentum with a ``friction`` (default 1)
    method : polynomial (exact), sampled (numeric), or auto (exact for polynomial models up to 120 parameters)
    degree : 1 or 2
    at : values of the parameters, ``u=1,w=0.5``

    Raises
    ------
    ParseError, DomainError : text that is not understood, or beyond the limits
    DerivationError : the model has no polynomial features and the exact route was asked for; the self-check failed

    >>> derive_conservation_laws("u*w*x", "u,w", "x")["laws"][0]["charge"]
    'u**2 - w**2'
    """
    _require_choice("method", method, ("auto", "polynomial", "sampled"))
    text = read_model(model, parameters, data, head)
    features = polynomial_model(text)
    if features is None and method == "polynomial":
        raise DerivationError("the model is not polynomial in its parameters; use --method sampled.")
    if features is not None and _exact(features, method):
        return exact_laws(features, flow=flow, friction=friction, degree=degree, at=at)
    return sampled_laws(text, features, flow=flow, friction=friction, degree=degree, at=at)


def derive_architecture(
    spec: str,
    *,
    flow: str = "gradient",
    friction: str | None = None,
    method: str = "auto",
    degree: int = 2,
    at: str | None = None,
) -> dict[str, Any]:
    """Return the conservation laws of an architecture such as ``relu:4-3-2,bias``; keys and errors as for a model.

    >>> derive_architecture("linear:2-3-2")["independent_laws"]
    6
    """
    _require_choice("method", method, ("auto", "polynomial", "sampled"))
    model = architecture(spec, MAX_NUMERIC)
    if _exact(model, method):
        return exact_laws(model, flow=flow, friction=friction, degree=degree, at=at)
    return sampled_laws(None, model, flow=flow, friction=friction, degree=degree, at=at)


def _exact(model: Model, method: str) -> bool:
    return method == "polynomial" or (method == "auto" and len(model.parameters) <= MAX_SYMBOLIC)


def exact_laws(
    model: Model, *, flow: str = "gradient", friction: str | None = None, degree: int = 2, at: str | None = None
) -> dict[str, Any]:
    """Return the laws of a polynomial model by exact elimination over the rationals and the Lie rank modulo a prime.

    Raises DomainError for more than 120 parameters, DerivationError if the self-check fails.
    """
    size = len(model.parameters)
    if size > MAX_SYMBOLIC:
        raise DomainError(f"{size} parameters are beyond the exact limit of {MAX_SYMBOLIC}; use --method sampled.")
    base, point = _base(model, "polynomial", flow, degree, at)
    if flow == "momentum":
        return base | momentum_laws(model, read_friction(friction), point)
    _require_no_friction(friction)
    charges = polynomial_charges(model.features, size)
    linear = linear_dimension(model.features, size)
    independent = independent_count(charges, size)
    search = lie_rank(gradient_fields(model.features), size, size - independent)
    counted = {
        "linear_dimension": linear,
        "quadratic_dimension": len(charges) - linear,
        **certificate(independent, size - search.rank, search.reached or search.closed),
    }
    return (
        base | counted | _printed(charges, model.parameters, degree, point) | {"self_check": self_check(model, charges)}
    )


def sampled_laws(
    text: TextModel | None,
    model: Model | None,
    *,
    flow: str = "gradient",
    friction: str | None = None,
    degree: int = 2,
    at: str | None = None,
) -> dict[str, Any]:
    """Return the laws by the numeric route: null space over random points, Lie rank by nested numeric brackets.

    A polynomial model with more unknown coefficients than the null space can hold gets them from the exact elimination.
    Raises DomainError for more than 1000 parameters.
    """
    from theory.symmetry import sampled
    from theory.symmetry.fields import FeatureFields, TextFields

    fields = TextFields(text) if text is not None else FeatureFields(_present(model))
    size = fields.dimension
    if size > MAX_NUMERIC:
        raise DomainError(f"{size} parameters are beyond the numeric limit of {MAX_NUMERIC}; use a smaller model.")
    shown = model or _unexpanded(text)
    base, point = _base(shown, "sampled", flow, degree, at)
    large = size * (size + 3) // 2 > sampled.MAX_UNKNOWNS
    if flow == "momentum":
        number = read_friction(friction)
        generators = sampled.sampled_antisymmetric(fields)
        independent = antisymmetric_rank(generators, size)
        total = 2 * size + 1
        found = sampled.numeric_lie_rank(fields, total - independent, float(number))
        values = None
        if point is not None:
            velocity = [point.get(f"v_{n}", 0.0) for n in shown.parameters]
            values = momentum_charge_values(generators, [point[n] for n in shown.parameters], velocity)
        return base | {
            "linear_dimension": sampled.sampled_linear_dimension(fields),
            "quadratic_dimension": len(generators),
            **certificate(independent, total - found.rank, found.conclusive),
            "laws": momentum_records(generators, shown.parameters),
            "classes": [None] * len(generators),
            "charges_at": values,
            "self_check": _numeric_check(fields, [momentum_direction(g, size) for g in generators]),
        }
    _require_no_friction(friction)
    if not large:
        charges = sampled.sampled_charges(fields)
    elif model is not None:
        charges = polynomial_charges(model.features, size)
    elif sampled.numeric_lie_rank(fields, size).rank == size:
        # the gradients and their brackets span every direction: there is no law of any degree
        charges = []
    else:
        charges = sampled.sampled_charges(fields)
    independent = independent_count(charges, size)
    found = sampled.numeric_lie_rank(fields, size - independent)
    linear = linear_dimension(model.features, size) if large and model else sampled.sampled_linear_dimension(fields)
    counted = {
        "linear_dimension": linear,
        "quadratic_dimension": len(charges) - linear,
        **certificate(independent, size - found.rank, found.conclusive),
    }
    checked = _numeric_check(fields, [charge_direction(c) for c in charges])
    return base | counted | _printed(charges, shown.parameters, degree, point) | {"self_check": checked}


def _present(model: Model | None) -> Model:
    if model is None:
        raise DerivationError("neither a text nor features are given; give one of them.")
    return model


def _unexpanded(text: TextModel | None) -> Model:
    """Return names and gates of a text model that has no polynomial features; every output counts as a sampled field."""
    if text is None:
        raise DerivationError("neither a text nor features are given; give one of them.")
    gates = tuple((g.name, name, str(a)) for g, name, a in text.gates)
    return Model(text.names(), tuple(s.name for s in text.data), tuple({} for _ in text.outputs), gates)


def _base(
    model: Model, method: str, flow: str, degree: int, at: str | None
) -> tuple[dict[str, Any], dict[str, float] | None]:
    _require_choice("flow", flow, ("gradient", "momentum"))
    if degree not in (1, 2):
        raise DomainError(f"degree {degree} is not searched; choose 1 or 2.")
    head = {
        "parameters": list(model.parameters),
        "data": list(model.data),
        "gates": [{"symbol": s, "function": f, "argument": a} for s, f, a in model.gates],
        "dimension": len(model.parameters),
        "features": len(model.features),
        "method": method,
        "flow": flow,
    }
    optional = [f"v_{n}" for n in model.parameters] if flow == "momentum" else []
    return head, read_point(at, model.parameters, optional)


def _printed(
    charges: Sequence[Charge], names: Sequence[str], degree: int, point: dict[str, float] | None
) -> dict[str, Any]:
    shown = [c for c in charges if degree == 2 or not c.quadratic]
    records = [law_record(c, names) for c in shown]
    values = None if point is None else [charge_value(c, [point[n] for n in names]) for c in shown]
    return {"laws": records, "classes": [r["class"] for r in records], "charges_at": values}


def charge_value(charge: Charge, point: Sequence[Any]) -> Any:
    """Return the charge at a point."""
    total = sum(c * point[i] * point[j] for (i, j), c in charge.quadratic)
    return total + sum(c * point[i] for i, c in charge.linear)


def read_point(at: str | None, names: Sequence[str], optional: Sequence[str] = ()) -> dict[str, float] | None:
    """Read values of all parameters, ``u=1,w=0.5``; ``optional`` names may be given too.

    Raises DomainError if one is missing or unknown.

    >>> read_point("u=1, w=1/2", ["u", "w"])
    {'u': 1.0, 'w': 0.5}
    """
    if at is None:
        return None
    given = parse_assignments(at)
    missing = [n for n in names if n not in given]
    if missing:
        raise DomainError(f"--at lacks the parameter {missing[0]}; give {missing[0]}=...")
    unknown = [n for n in given if n not in names and n not in optional]
    if unknown:
        shown = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
        raise DomainError(f"--at has {unknown[0]}, which is no parameter; the parameters are {shown}.")
    return {name: float(value) for name, value in given.items()}


def _numeric_check(fields: Any, directions: list[Any]) -> dict[str, Any]:
    from theory.symmetry.sampled import residual

    worst = residual(fields, directions, POINTS)
    if worst > LIMIT:
        raise DerivationError(
            f"the self-check failed: |g . A theta| is {worst:.1e} of its scale, the limit is {LIMIT}."
        )
    return {"points": POINTS, "max_residual": worst, "passed": True}


def _require_choice(what: str, value: str, choices: Sequence[str]) -> None:
    if value not in choices:
        raise ParseError(f"the {what} {value[:40]!r} is unknown; choose {' or '.join(choices)}.")


def _require_no_friction(friction: str | None) -> None:
    if friction is not None:
        raise ParseError("--friction belongs to the momentum flow; add --flow momentum or leave it out.")
