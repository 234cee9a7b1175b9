"""The drift of a charge along its orbit as text: eigenspaces of the generator, their noise in data moments, lambda*."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp

from theory.symmetry import spectrum
from theory.symmetry.model_text import TextModel

MAX_MOMENT_TERMS = 40


@dataclass(frozen=True)
class Eigenspace:
    """One eigenvalue with orthonormal eigenvectors, and |projection of theta|^2 and its noise as text."""

    eigenvalue: float
    directions: tuple[dict[int, float], ...]
    square: str
    noise: str


def eigenspaces(entries: spectrum.Entries, names: Sequence[str]) -> list[Eigenspace]:
    """Return the eigenspaces of non-zero eigenvalue, largest eigenvalue first."""
    grouped: dict[float, list[dict[int, float]]] = {}
    for value, vector in spectrum.eigenpairs(entries):
        if value:
            grouped.setdefault(value, []).append(vector)
    spaces = []
    for value in sorted(grouped, reverse=True):
        vectors = grouped[value]
        squares, noises = zip(*(_texts(v, names) for v in vectors), strict=True)
        spaces.append(Eigenspace(value, tuple(vectors), _sum(squares), _sum(noises)))
    return spaces


def _texts(vector: Mapping[int, float], names: Sequence[str]) -> tuple[str, str]:
    if len(vector) == 1:
        name = names[next(iter(vector))]
        return f"{name}**2", f"Sigma_{name}_{name}"
    kept = {i: x for i, x in vector.items() if abs(x) > 1e-12}
    line = " + ".join(f"{x:.10g}*{names[i]}" for i, x in kept.items()).replace("+ -", "- ")
    noise = " + ".join(f"{x * y:.10g}*Sigma_{names[i]}_{names[j]}" for i, x in kept.items() for j, y in kept.items())
    return f"({line})**2", noise.replace("+ -", "- ")


def _sum(terms: Sequence[str]) -> str:
    return terms[0] if len(terms) == 1 else f"({' + '.join(terms)})"


def _number(x: float) -> str:
    return f"{x:.12g}"


def _temperature(replacement: str) -> str:
    drawn = "*(N - batch_size)/(N - 1)" if replacement == "without" else ""
    return f"learning_rate/batch_size{drawn}"


def drift_formula(spaces: Sequence[Eigenspace], replacement: str) -> str:
    """Return D(lambda) without momentum, in the parameters and the entries of Sigma at lambda = 0."""

    def series(sign: int, part: str) -> str:
        text = ""
        for space in spaces:
            value = space.eigenvalue
            factor = "" if abs(value) == 1 else f"{_number(abs(value))}*"
            joint = (" - " if value < 0 else " + ") if text else ("-" if value < 0 else "")
            inner = getattr(space, part)
            inner = f"({inner})" if " " in inner and not inner.startswith("(") else inner
            text += f"{joint}{factor}exp({_number(2 * sign * value)}*lambda)*{inner}"
        return text

    return f"-2*weight_decay*({series(1, 'square')}) + {_temperature(replacement)}*({series(-1, 'noise')})"


def flow_parameter_formula(spaces: Sequence[Eigenspace], replacement: str) -> str | None:
    """Return lambda* in closed form for eigenvalues +m and -m, or m alone; else None."""
    values = [s.eigenvalue for s in spaces]
    t = f"{_temperature(replacement)}/(1 - momentum)"
    if len(values) == 1:
        m = values[0]
        return f"log({t}*{_term(spaces[0].noise)}/(2*weight_decay*{_term(spaces[0].square)}))/{_bracket(4 * m)}"
    if len(values) != 2 or values[0] != -values[1]:
        return None
    plus, minus = spaces
    top = f"{t}*{_term(plus.noise)} + 2*weight_decay*{_term(minus.square)}"
    bottom = f"{t}*{_term(minus.noise)} + 2*weight_decay*{_term(plus.square)}"
    return f"log(({top})/({bottom}))/{_bracket(4 * values[0])}"


def _bracket(x: float) -> str:
    return _number(x) if x > 0 else f"({_number(x)})"


def _term(text: str) -> str:
    return f"({text})" if " " in text and not text.startswith("(") else text


def noise_forms(spaces: Sequence[Eigenspace], loss: TextModel) -> list[dict[str, Any]]:
    """Return for every eigenspace its eigenvalue, |projection|^2 and sum of n^T Sigma n, in data moments if polynomial."""
    return [
        {"eigenvalue": s.eigenvalue, "square": s.square, "noise": s.noise, "moments": _moments(s, loss)} for s in spaces
    ]


def _moments(space: Eigenspace, loss: TextModel) -> str | None:
    """Return sum over n of E[(n . g)^2] - E[n . g]^2 with moments written E[x**2*y]; None if not polynomial or long."""
    output = loss.outputs[0]
    if loss.gates or not output.is_polynomial(*loss.parameters, *loss.data):
        return None
    total = sp.Integer(0)
    for vector in space.directions:
        slope = sum(
            (sp.Integer(1) if x == 1 else sp.Float(x, 12)) * sp.diff(output, loss.parameters[i])
            for i, x in vector.items()
        )
        poly = sp.Poly(sp.expand(slope), *loss.data)
        if len(poly.terms()) > MAX_MOMENT_TERMS:
            return None
        total += _mean(poly**2) - _mean(poly) ** 2
    terms = sp.Add.make_args(sp.expand(total))
    return sp.sstr(sp.factor_terms(sp.Add(*terms))) if len(terms) <= MAX_MOMENT_TERMS else None


def _mean(poly: sp.Poly) -> sp.Expr:
    total = sp.Integer(0)
    for powers, coefficient in poly.terms():
        monomial = sp.Mul(*(s**e for s, e in zip(poly.gens, powers, strict=True)))
        total += coefficient * (sp.Integer(1) if monomial == 1 else sp.Symbol(f"E[{sp.sstr(monomial)}]", real=True))
    return total
