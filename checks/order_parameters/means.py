"""The derived Gaussian means, printed to torch once per kind and index pattern."""

from __future__ import annotations

import functools
import itertools
import math
from typing import Any

import sympy as sp
import torch

from numerics.committee import Committee
from numerics.committee_field import Heads, Means
from numerics.printer import compile_torch
from theory.gaussian.numeric import quadrature_form
from theory.order_parameters import expectations as ex
from theory.order_parameters.activation import X, activation


@functools.lru_cache(maxsize=64)
def unit_functions(name: str) -> tuple[Any, Any]:
    """Return the activation and its slope as tensor functions."""
    s = activation(name)
    slope = sp.S.Zero if s.derivative is None else s.derivative
    return compile_torch(s.expression, [X], name=name), compile_torch(slope, [X], name=f"slope of {name}")


@functools.lru_cache(maxsize=512)
def compiled_mean(kind: str, student: str, units: tuple[str, ...], pattern: tuple[int, ...]) -> Any:
    """Return a mean of one index pattern as a tensor function of its covariances."""
    form, _ = ex.closed_form(kind, student, units, pattern)
    return compile_torch(quadrature_form(form), list(ex.arguments_for(pattern)), name=f"{kind} of {student}")


@functools.lru_cache(maxsize=512)
def _kinked(kind: str, student: str, units: tuple[str, ...]) -> Any:
    return ex.kinked_positions(kind, activation(student), tuple(activation(u) for u in units))


@functools.lru_cache(maxsize=1024)
def _gathering(
    kind: str, student: str, units: tuple[str, ...], indices: tuple[tuple[int, ...], ...], size: int
) -> tuple[list[tuple[Any, torch.Tensor, int, int]], torch.Tensor | None]:
    """Return for each index pattern (mean, places of its covariances, covariances, members), and the final order."""
    kinked = _kinked(kind, student, units)
    groups: dict[tuple[int, ...], list[int]] = {}
    for n, index in enumerate(indices):
        groups.setdefault(ex.pattern_of(index, kinked), []).append(n)
    parts, order = [], []
    for pattern, members in groups.items():
        labels = sorted(set(pattern))
        chosen = [[indices[n][label - 1] for label in labels] for n in members]
        pairs = [(a, b) for a in range(len(labels)) for b in range(a, len(labels))]
        places = torch.tensor([row[a] * size + row[b] for a, b in pairs for row in chosen])
        parts.append((compiled_mean(kind, student, units, pattern), places, len(pairs), len(members)))
        order += members
    return parts, None if order == sorted(order) else torch.argsort(torch.tensor(order))


@functools.lru_cache(maxsize=512)
def _spreading(heads: Heads, axes: tuple[range, ...], size: int) -> tuple[torch.Tensor, tuple[tuple[int, ...], ...]]:
    """Return the places in omega of all covariances of a grid of fields, and the shape of each covariance."""
    width, depth = len(heads[0]), len(axes)
    fields = [torch.tensor([head[n] for head in heads]).view(-1, *[1] * depth) for n in range(width)]
    for n, units in enumerate(axes):
        fields.append(torch.tensor(list(units)).view(1, *[len(units) if m == n else 1 for m in range(depth)]))
    places = [fields[a] * size + fields[b] for a in range(len(fields)) for b in range(a, len(fields))]
    return torch.cat([p.reshape(-1) for p in places]), tuple(tuple(p.shape) for p in places)


@functools.lru_cache(maxsize=512)
def _spread_mean(kind: str, student: str, units: tuple[str, ...]) -> Any:
    """Return a mean of smooth activations for broadcast covariances: sums collected by those of the last field."""
    pattern = tuple(range(1, ex.KINDS[kind] + 1))
    form, _ = ex.closed_form(kind, student, units, pattern)
    arguments = list(ex.arguments_for(pattern))
    last = [a for a in arguments if str(a).endswith(str(pattern[-1]))]
    collected = quadrature_form(form).replace(lambda e: e.is_Add, lambda e: sp.collect(e, last))
    return compile_torch(collected, arguments, name=f"{kind} of {student}")


@functools.lru_cache(maxsize=512)
def _flat(heads: Heads, axes: tuple[range, ...]) -> tuple[tuple[int, ...], ...]:
    return tuple((*head, *rest) for head in heads for rest in itertools.product(*axes))


@functools.lru_cache(maxsize=64)
def means(student: str, teacher: str) -> Means:
    """Return the means of a problem as the function that ``numerics.committee_field`` asks for."""
    names = {"s": student, "t": teacher}

    def mean(kind: str, letters: str, heads: Heads, axes: tuple[range, ...], omega: torch.Tensor) -> torch.Tensor:
        units = tuple(names[c] for c in letters)
        flat, rows = omega.reshape(-1, omega.shape[-1]), omega.shape[-1]
        shape = (len(heads), *map(len, axes), rows)
        if not _kinked(kind, student, units):
            places, shapes = _spreading(heads, axes, omega.shape[0])
            found = flat[places.to(flat.device)].split([math.prod(s) for s in shapes])
            entries = [part.view(*s, rows) for part, s in zip(found, shapes, strict=True)]
            return _spread_mean(kind, student, units)(*entries).expand(shape)
        parts, order = _gathering(kind, student, units, _flat(heads, axes), omega.shape[0])
        values = [
            function(*flat[places.to(flat.device)].view(pairs, members, rows)).expand(members, rows)
            for function, places, pairs, members in parts
        ]
        joined = values[0] if len(values) == 1 else torch.cat(values)
        return (joined if order is None else joined[order]).view(shape)

    return Means(mean, alike=student == teacher)


def committee(values: dict[str, Any]) -> Committee:
    """Return the simulated problem of a law's parameters (second layers default to ones)."""
    student = values["activation"]
    teacher = values.get("teacher_activation", "same")
    unit, slope = unit_functions(student)
    return Committee(
        unit,
        slope,
        unit_functions(student if teacher == "same" else teacher)[0],
        values["teacher_overlap"],
        values.get("student_second_layer") or [1.0] * len(values["student_overlap"]),
        values.get("teacher_second_layer") or [1.0] * len(values["teacher_overlap"]),
        values["learning_rate"],
        values.get("noise_variance", 0.0),
        values.get("batch_size", 1),
        values.get("second_layer_learning_rate", 0.0),
        values.get("weight_decay_rate", 0.0),
    )


def problem_means(values: dict[str, Any]) -> Any:
    """Return the means of a law's activations."""
    teacher = values.get("teacher_activation", "same")
    return means(values["activation"], values["activation"] if teacher == "same" else teacher)
