"""The four Gaussian means of the theory for any activation: I2, I3, I4, J2, derived once each and kept on disk.

I2(u,w) = E[s_u s_w], I3(j,r,u) = E[s'(z_j) z_r s_u], I4(j,l,u,w) = E[s'(z_j) s'(z_l) s_u s_w],
J2(j,l) = E[s'(z_j) s'(z_l)]. A smooth activation has one form for all index patterns; a kinked one has a form for
every coincidence of its kinked factors, because two steps of the same field are one step.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import mpmath
import sympy as sp

from theory import evaluation, store
from theory.errors import DerivationError
from theory.gaussian import NoClosedForm, covariance_symbols, gaussian_mean
from theory.gaussian.numeric import form_function
from theory.order_parameters.activation import Activation, activation

KINDS = {"I2": 2, "I3": 3, "I4": 4, "J2": 2}
_DERIVATIVES = {"I2": 0, "I3": 1, "I4": 2, "J2": 2}


def factors(kind: str, student: Activation, units: Sequence[Activation], z: Sequence[Any]) -> Any:
    """Return the random variable whose mean is asked for, in the fields z (s' belongs to the student).

    >>> factors("I3", activation("linear"), (activation("cubic"),), sp.symbols("z1:4"))
    z2*z3**3
    """
    if kind == "I2":
        return units[0].at(z[0]) * units[1].at(z[1])
    if kind == "J2":
        return student.slope(z[0]) * student.slope(z[1])
    if kind == "I3":
        return student.slope(z[0]) * z[1] * units[0].at(z[2])
    return student.slope(z[0]) * student.slope(z[1]) * units[0].at(z[2]) * units[1].at(z[3])


def unit_count(kind: str) -> int:
    """Return how many undifferentiated activations the mean holds."""
    return {"I2": 2, "I3": 1, "I4": 2, "J2": 0}[kind]


def kinked_positions(kind: str, student: Activation, units: Sequence[Activation]) -> tuple[int, ...]:
    """Return the positions (from 0) of the factors with kinks: where equal indices change the form."""
    own = [0, 1][: _DERIVATIVES[kind]] if student.kinked else []
    first = KINDS[kind] - unit_count(kind)
    return tuple(own) + tuple(first + i for i, u in enumerate(units) if u.kinked)


def pattern_of(indices: Sequence[int], kinked: Sequence[int]) -> tuple[int, ...]:
    """Return the index pattern (from 1): equal kinked fields share the position of the first of them.

    >>> pattern_of((5, 5, 2, 7), (0, 1, 2, 3)), pattern_of((5, 5, 2, 7), ())
    ((1, 1, 3, 4), (1, 2, 3, 4))
    """
    result = []
    for position, index in enumerate(indices):
        equal = [k for k in kinked if k < position and indices[k] == index]
        result.append(equal[0] + 1 if position in kinked and equal else position + 1)
    return tuple(result)


def fields_for(pattern: Sequence[int]) -> tuple[sp.Symbol, ...]:
    """Return the distinct field symbols of a pattern: z1, z2, ... by position."""
    return tuple(sp.Symbol(f"z{i}", real=True) for i in sorted(set(pattern)))


def symbols_for(pattern: Sequence[int]) -> sp.Matrix:
    """Return the covariance symbols of the distinct fields of a pattern, named by position."""
    full = covariance_symbols(len(pattern))
    chosen = [i - 1 for i in sorted(set(pattern))]
    return sp.Matrix(len(chosen), len(chosen), lambda a, b: full[chosen[a], chosen[b]])


@functools.lru_cache(maxsize=4096)
def closed_form(
    kind: str, student: str, units: tuple[str, ...], pattern: tuple[int, ...]
) -> tuple[Any, tuple[str, ...]]:
    """Return (closed form in C11, C12, ... by position, rules used); raises NoClosedForm naming the mean."""
    s, others = activation(student), tuple(activation(u) for u in units)
    z = [sp.Symbol(f"z{i}", real=True) for i in pattern]

    def build() -> Any:
        found = gaussian_mean(factors(kind, s, others, z), fields_for(pattern), symbols_for(pattern))
        return store.encode((found.form, tuple(found.method)))

    key = f"order_parameters.{kind}:{sp.srepr(s.expression)}:{[sp.srepr(u.expression) for u in others]}:{pattern}"
    try:
        return store.decode(store.cached(key, build, evaluation.theory_fingerprint(closed_form)))
    except NoClosedForm as error:
        raise NoClosedForm(f"{kind} of {student}: {error}") from error


def arguments_for(pattern: Sequence[int]) -> tuple[sp.Symbol, ...]:
    """Return the symbols a form of this pattern takes, row by row of the upper triangle."""
    c = symbols_for(pattern)
    return tuple(c[i, j] for i in range(c.rows) for j in range(i, c.rows))


def value(
    kind: str, student: str, units: tuple[str, ...], indices: Sequence[int], covariance: Any, parameters: Any = None
) -> Any:
    """Evaluate a mean at 0-based positions of a numeric covariance, at the current mpmath precision.

    Kinked factors on numerically identical fields count as coincident.
    """
    s, others = activation(student), tuple(activation(u) for u in units)
    kinked = kinked_positions(kind, s, others)
    merged = [_representative(i, covariance) for i in indices] if kinked else list(indices)
    pattern = pattern_of(merged, kinked)
    form, _ = closed_form(kind, student, units, pattern)
    names = tuple(p for a in (s, *others) for p in a.parameters)
    names = tuple(dict.fromkeys(names))
    given = dict(parameters or {})
    missing = [p.name for p in names if p.name not in given]
    if missing:
        raise DerivationError(f"the activation contains the parameter {missing[0]!r}; give its value in 'parameters'.")
    function = form_function(form, (*arguments_for(pattern), *names))
    place = {label: merged[label - 1] for label in sorted(set(pattern))}
    chosen = [place[label] for label in sorted(place)]
    entries = [covariance[a][b] for n, a in enumerate(chosen) for b in chosen[n:]]
    result = function(*(mpmath.mpmathify(e) for e in entries), *(mpmath.mpmathify(given[p.name]) for p in names))
    return mpmath.re(result)


def _representative(index: int, covariance: Any) -> int:
    for earlier in range(index):
        a, b, c = covariance[earlier][earlier], covariance[index][index], covariance[earlier][index]
        if abs(a - b) <= 1e-12 * abs(a) and abs(a - c) <= 1e-12 * abs(a):
            return earlier
    return index
