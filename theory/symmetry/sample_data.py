"""An empirical distribution given as text, and the gradients of a loss on it, gates decided by the point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sympy as sp

from theory.errors import DerivationError, DomainError, ParseError
from theory.parse import parse_value
from theory.symmetry.fields import TextFields
from theory.symmetry.model_text import TextModel
from theory.symmetry.nilpotent import number

if TYPE_CHECKING:
    import numpy as np

MAX_SAMPLES = 100_000


@dataclass(frozen=True)
class GradientMoments:
    """Mean and covariance (divisor N) of the per-sample gradients."""

    count: int
    mean: np.ndarray
    covariance: np.ndarray


def read_samples(text: str, names: tuple[str, ...]) -> dict[str, list[float]]:
    """Read equally long lists, ``x=1,2,3; y=0.5,1,0``.

    Raises ParseError for missing or unknown names, DomainError for lists of different lengths.

    >>> read_samples("x=1,2; y=0.5,1", ("x", "y"))
    {'x': [1.0, 2.0], 'y': [0.5, 1.0]}
    """
    found: dict[str, list[float]] = {}
    for part in (p for p in text.split(";") if p.strip()):
        name, equals, values = part.partition("=")
        name = name.strip()
        if not equals or name not in names:
            raise ParseError(
                f"{part.strip()[:40]!r} in --samples is not one of the data {', '.join(names)} with values."
            )
        if name in found:
            raise ParseError(f"the samples of {name} are given twice; give them once.")
        value = parse_value(values)
        items: list[Any] = value if isinstance(value, list) else [value]
        if not all(isinstance(v, (int, float)) for v in items):
            raise ParseError(f"the samples of {name} must be numbers separated by commas, for example {name}=0.5,-1,2.")
        found[name] = [float(v) for v in items]
    missing = [n for n in names if n not in found]
    if missing:
        raise ParseError(f"--samples lacks {missing[0]}; give {missing[0]}=... with as many values as the others.")
    lengths = {len(v) for v in found.values()}
    if len(lengths) > 1:
        shown = ", ".join(f"{n}: {len(v)}" for n, v in found.items())
        raise DomainError(f"the samples have different lengths ({shown}); give equally many of each.")
    if max(lengths) > MAX_SAMPLES:
        raise DomainError(f"{max(lengths)} samples are beyond the limit of {MAX_SAMPLES}; give fewer.")
    return found


def gradient_moments(loss: TextModel, point: dict[str, float], samples: dict[str, list[float]]) -> GradientMoments:
    """Return mean and covariance of the gradients of a loss model at a point.

    Raises DerivationError if a gradient is not finite.
    """
    import numpy as np

    data: dict[sp.Symbol, Any] = {s: np.array(samples[s.name]) for s in loss.data}
    values: dict[sp.Symbol, Any] = {s: point[s.name] for s in loss.parameters} | data
    count = len(next(iter(data.values())))
    for symbol, name, argument in loss.gates:
        inner = np.broadcast_to(number(argument, values), (count,))
        data[symbol] = values[symbol] = np.sign(inner) if name == "abs" else (inner > 0).astype(float)
    theta = np.array([[point[s.name] for s in loss.parameters]])
    slopes = TextFields(loss).sample_gradients(theta, data, np.ones((1, count)))[0]
    if not (np.isfinite(slopes).all() and np.isfinite(number(loss.outputs[0], values)).all()):
        raise DerivationError(
            "the loss or a gradient is not finite at the given point and samples; change --at or the samples."
        )
    mean = slopes.mean(axis=0)
    centred = slopes - mean
    return GradientMoments(count, mean, centred.T @ centred / count)
