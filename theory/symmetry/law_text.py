"""What is printed of one conservation law: the charge, its generator, and the laws of its motion."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from theory.symmetry import spectrum
from theory.symmetry.charges import Charge

MAX_DENSE = 120
_KEEP = "(1 - learning_rate*weight_decay)"


def written(coefficients: Sequence[tuple[str, int]]) -> str:
    """Return a sum as text.

    >>> written([("u**2", 2), ("w**2", -1)])
    '2*u**2 - w**2'
    """
    text = ""
    for term, c in coefficients:
        size = term if abs(c) == 1 else f"{abs(c)}*{term}"
        sign = (" - " if c < 0 else " + ") if text else ("-" if c < 0 else "")
        text += sign + size
    return text or "0"


def _square(charge: Charge, name: Callable[[int], str]) -> str:
    terms = [(f"{name(i)}**2" if i == j else f"{name(i)}*{name(j)}", c) for (i, j), c in charge.quadratic]
    return written(terms)


def charge_text(charge: Charge, names: Sequence[str]) -> str:
    """Return the charge polynomial in the parameter names."""
    quadratic = [(f"{names[i]}**2" if i == j else f"{names[i]}*{names[j]}", c) for (i, j), c in charge.quadratic]
    return written([*quadratic, *((names[i], c) for i, c in charge.linear)])


def covariance_text(charge: Charge, names: Sequence[str]) -> str:
    """Return Tr[Sigma A] in the entries Sigma_a_b of the per-sample covariance."""
    return written([(f"Sigma_{names[i]}_{names[j]}", c) for (i, j), c in charge.quadratic])


def _forms(charge: Charge, names: Sequence[str]) -> dict[str, str | None]:
    """Return the four laws of one charge as text."""
    if not charge.quadratic:
        return {
            "discrete_law": f"C_next = {_KEEP}*C",
            "expected_law": f"E[C_next] = {_KEEP}*C",
            "sde_law": "dC/dt = -weight_decay*C",
            "momentum_law": f"V_next = weight_decay*C + momentum*V; C_next = {_KEEP}*C - learning_rate*momentum*V",
        }
    noise = covariance_text(charge, names)
    g, mean, v = (_square(charge, lambda i, p=p: f"{p}_{names[i]}") for p in ("g", "mean_g", "v"))
    keep, mean_keep, decay = f"{_KEEP}**2*C", f"{_KEEP}**2*C", "2*weight_decay*C"
    if charge.linear:
        # decay multiplies the linear part once; n . g is tied to the quadratic part by orthogonality
        line = written([(names[i], c) for i, c in charge.linear])
        n_g, n_mean = (written([(f"{p}_{names[i]}", c) for i, c in charge.linear]) for p in ("g", "mean_g"))
        extra = f" + learning_rate*weight_decay*{_KEEP}*({line}) - learning_rate**2*weight_decay*"
        keep, mean_keep = f"{keep}{extra}({n_g})", f"{keep}{extra}({n_mean})"
        decay = f"(2*weight_decay*C - weight_decay*({line}))"
    momentum = (
        "m_next = momentum*m + weight_decay*C - learning_rate*q; "
        f"C_next = C - 2*learning_rate*(momentum*m + weight_decay*C) + learning_rate**2*q, q = {v} of the new velocity"
    )
    return {
        "discrete_law": f"C_next = {keep} + learning_rate**2*({g})",
        "expected_law": f"E[C_next] = {mean_keep} + learning_rate**2/batch_size*({noise}) + learning_rate**2*({mean})",
        "sde_law": f"dC/dt = -{decay} + learning_rate/batch_size*({noise})",
        # the recursion of (C, m) closes for charges without linear part only
        "momentum_law": None if charge.linear else momentum,
    }


def law_record(charge: Charge, names: Sequence[str]) -> dict[str, Any]:
    """Return one entry of the list of laws."""
    entries = spectrum.generator(charge)
    size = len(names)
    values = spectrum.eigenvalues(entries, size) if charge.quadratic else None
    linear = dict(charge.linear)
    return {
        "charge": charge_text(charge, names),
        "generator": generator_rows(entries, size) if charge.quadratic else None,
        "direction": [linear.get(i, 0) for i in range(size)] if linear else None,
        "kind": spectrum.kind_of(charge),
        "class": spectrum.class_of(values) if values is not None else None,
        "eigenvalues": values,
        **_forms(charge, names),
    }


def generator_rows(entries: spectrum.Entries, size: int) -> Any:
    """Return the matrix of a generator; above 120 parameters its entries [row, column, value] only."""
    if size > MAX_DENSE:
        return {"size": size, "entries": [[i, j, _number(x)] for (i, j), x in sorted(entries.items())]}
    return [[_number(entries.get((i, j), 0.0)) for j in range(size)] for i in range(size)]


def _number(x: float) -> float | int:
    return int(x) if x == int(x) else x
