"""Laws i2.A, i3.A, i4.A, j2.A: the Gaussian means of seven activations in closed form, and their wrong versions."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.evaluation import to_mp
from theory.gaussian.closed_form import covariance_symbols
from theory.gaussian.quadrature import numeric_function, smooth_mean
from theory.law import Law, Mutant, mutant_parameters, mutant_result, mutant_value
from theory.order_parameters import expectations as ex
from theory.order_parameters import relu_reference
from theory.order_parameters.activation import activation
from theory.order_parameters.domains import COVARIANCE, symmetric
from theory.parameter import Constraint, Domain, Parameter
from theory.source import DERIVED, Source

SAAD_SOLLA = Source(
    "saadsolla1995",
    "D. Saad, S. A. Solla",
    "On-line learning in soft committee machines",
    1995,
    venue="Physical Review E 52, 4225",
)
NAMES = ("erf", "linear", "quadratic", "hermite2", "cubic", "relu", "sine")
_TITLES = {
    "i2": "mean of the product of two activations",
    "i3": "mean of slope times field times activation",
    "i4": "mean of two slopes times two activations",
    "j2": "mean of the product of two slopes",
}


class _IndexDomain(Domain):
    """1-based positions into the covariance; generic points take distinct ones, sometimes repeated."""

    def draw(self, rng: Any) -> Any:
        """Draw positions into a 5 x 5 covariance."""
        size = self.sizes[0]
        return rng.sample(range(1, 6), size) if rng.random() < 0.75 else [rng.randint(1, 5) for _ in range(size)]


def _indices(size: int) -> Parameter:
    domain = _IndexDomain("list", low=1, region=(1, 5), sizes=(size, size))
    meaning = "positions in the covariance, from 1; equal ones are the same field"
    return Parameter("indices", None, meaning, domain).with_default(list(range(1, size + 1)))


def _fits(values: dict[str, Any], size: int) -> bool:
    n, indices = len(values["covariance"]), values["indices"]
    return len(indices) == size and all(int(i) == i and 1 <= i <= n for i in indices)


def _derive(kind: str, name: str) -> Derivation:
    s = activation(name)
    z = sp.symbols(f"z1:{ex.KINDS[kind] + 1}", real=True)
    pattern = tuple(range(1, ex.KINDS[kind] + 1))
    form, rules = ex.closed_form(kind, name, (name,) * ex.unit_count(kind), pattern)
    variable = ex.factors(kind, s, (s,) * ex.unit_count(kind), z)
    return derivation(
        ("activation and slope", sp.Tuple(s.expression, s.derivative), "definition"),
        ("random variable", variable, "fields z ~ N(0, C)"),
        ("mean", form, "rules: " + ", ".join(rules) + (" (distinct fields)" if s.kinked else "")),
    )


def _evaluate(kind: str, name: str, _: Derivation, values: dict[str, Any], digits: int) -> Any:
    with mpmath.workdps(digits + 10):
        c = to_mp(values["covariance"])
        indices = [int(i) - 1 for i in values["indices"]]
        return ex.value(kind, name, (name,) * ex.unit_count(kind), indices, c)


def _definition(kind: str, name: str, covariance: Any, indices: Any) -> Any:
    """Quadrature of the mean itself, on the distinct fields."""
    wanted = [int(i) - 1 for i in indices]
    distinct = sorted(set(wanted))
    c = [[float(covariance[i][j]) for j in distinct] for i in distinct]
    z = sp.symbols(f"z1:{len(distinct) + 1}", real=True)
    s = activation(name)
    chosen = [z[distinct.index(i)] for i in wanted]
    if name == "relu":
        return relu_reference.mean(kind, [distinct.index(i) for i in wanted], c)
    function = numeric_function(ex.factors(kind, s, (s,) * ex.unit_count(kind), chosen), z)
    return float(smooth_mean(function, c, {1: 120, 2: 80, 3: 48, 4: 40}[len(distinct)]))


def picked(covariance: Any, indices: Any) -> Callable[[int, int], float]:
    """Return C(i, j) by position of the index, from 1."""
    return lambda i, j: float(covariance[int(indices[i - 1]) - 1][int(indices[j - 1]) - 1])


def _wrong(name: str, formula: Callable[[Callable[[int, int], float]], float]) -> Mutant:
    return mutant_value(name, lambda covariance, indices, **_: formula(picked(covariance, indices)))


def _det(c: Any, i: int, j: int, one: float = 1.0) -> float:
    return (one + c(i, i)) * (one + c(j, j)) - c(i, j) ** 2


def _erf_i4(c: Any, factor: float = 4 / math.pi**2, last: float = 1.0) -> float:
    l4 = _det(c, 1, 2)
    l0 = l4 * c(3, 4) - c(2, 3) * c(2, 4) * (1 + c(1, 1)) - c(1, 3) * c(1, 4) * (1 + c(2, 2))
    l0 += last * (c(1, 2) * c(1, 3) * c(2, 4) + c(1, 2) * c(1, 4) * c(2, 3))

    def own(i: int) -> float:
        cross = 2 * c(1, 2) * c(1, i) * c(2, i) - c(2, i) ** 2 * (1 + c(1, 1)) - c(1, i) ** 2 * (1 + c(2, 2))
        return l4 * (1 + c(i, i)) + cross

    return factor / math.sqrt(l4) * math.asin(max(-1.0, min(1.0, l0 / math.sqrt(own(3) * own(4)))))


def _doubled(values: dict[str, Any]) -> dict[str, Any]:
    return {"covariance": [[2 * x for x in row] for row in values["covariance"]]}


def _swap(i: int, j: int) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def change(values: dict[str, Any]) -> dict[str, Any]:
        moved = list(values["indices"])
        moved[i], moved[j] = moved[j], moved[i]
        return {"indices": moved}

    return change


def _drop_i3(c: Any) -> float:
    l3 = _det(c, 1, 3)
    return 2 / math.pi / math.sqrt(l3) * c(2, 3)


def _sine_i4_mutant(value: float, **_: Any) -> float:
    return 2 * value


def _quad_i4(c: Any, missing: bool) -> float:
    pairs = c(1, 4) * c(2, 4) * c(3, 3) * (0 if missing else 2)
    rest = c(1, 2) * (c(3, 3) * c(4, 4) + 2 * c(3, 4) ** 2) + 2 * c(1, 3) * c(2, 3) * c(4, 4)
    return 4 * (rest + pairs + 4 * c(3, 4) * (c(1, 3) * c(2, 4) + c(1, 4) * c(2, 3)))


def _wave(c: Any, i: int, j: int, function: Callable[[float], float]) -> float:
    return math.exp(-(c(i, i) + c(j, j)) / 2) * function(c(i, j))


_SCALE = mutant_parameters("erf(x) for erf(x/sqrt 2)", _doubled)
MUTANTS: dict[str, tuple[Mutant, ...]] = {
    "i2.erf": (_SCALE,),
    "j2.erf": (
        _wrong("determinant without its cross term", lambda c: 2 / math.pi / math.sqrt((1 + c(1, 1)) * (1 + c(2, 2)))),
    ),
    "i3.erf": (_wrong("C12 C13 term dropped", _drop_i3), mutant_parameters("index swap", _swap(0, 2))),
    "i4.erf": (
        _wrong("last two terms of L0 dropped", lambda c: _erf_i4(c, last=0.0)),
        _wrong("2/pi for 4/pi^2", lambda c: _erf_i4(c, factor=2 / math.pi)),
    ),
    "i2.linear": (_wrong("variance for covariance", lambda c: c(1, 1)),),
    "i3.linear": (_wrong("C13 for C23", lambda c: c(1, 3)),),
    "i4.linear": (_wrong("C12 for C34", lambda c: c(1, 2)),),
    "j2.linear": (_wrong("C12 for 1", lambda c: c(1, 2)),),
    "i2.quadratic": (_wrong("C12^2 for 2 C12^2", lambda c: c(1, 1) * c(2, 2) + c(1, 2) ** 2),),
    "i3.quadratic": (_wrong("one pairing missing", lambda c: 2 * (c(1, 2) * c(3, 3) + c(1, 3) * c(2, 3))),),
    "i4.quadratic": (_wrong("one pairing missing", lambda c: _quad_i4(c, True)),),
    "j2.quadratic": (_wrong("2 C12", lambda c: 2 * c(1, 2)),),
    "i2.hermite2": (_wrong("unit variance assumed", lambda c: 2 * c(1, 2) ** 2),),
    "i3.hermite2": (_wrong("unit variance assumed", lambda c: 4 * c(1, 3) * c(2, 3)),),
    "i4.hermite2": (_wrong("form of the plain square", lambda c: _quad_i4(c, False)),),
    "j2.hermite2": (_wrong("2 C12", lambda c: 2 * c(1, 2)),),
    "i2.cubic": (_wrong("9 for 6", lambda c: 9 * c(1, 1) * c(2, 2) * c(1, 2) + 9 * c(1, 2) ** 3),),
    "i3.cubic": (_wrong("last term dropped", lambda c: 9 * c(2, 3) * (c(1, 1) * c(3, 3) + 2 * c(1, 3) ** 2)),),
    "i4.cubic": (mutant_parameters("index swap", _swap(0, 2)),),
    "j2.cubic": (_wrong("C12^2 for 2 C12^2", lambda c: 9 * (c(1, 1) * c(2, 2) + c(1, 2) ** 2)),),
    "i2.relu": (
        mutant_result("missing C/4", lambda v, covariance, indices, **_: v - picked(covariance, indices)(1, 2) / 4),
    ),
    "i3.relu": (
        mutant_parameters("index swap", _swap(1, 2)),
        mutant_result("missing C/4", lambda v, covariance, indices, **_: v - picked(covariance, indices)(2, 3) / 4),
    ),
    "i4.relu": (mutant_result("without the integral of P_4", relu_reference.without_integral),),
    "j2.relu": (
        _wrong(
            "without 1/4",
            lambda c: math.asin(max(-1.0, min(1.0, c(1, 2) / math.sqrt(c(1, 1) * c(2, 2))))) / 2 / math.pi,
        ),
    ),
    "i2.sine": (_wrong("cosh for sinh", lambda c: _wave(c, 1, 2, math.cosh)),),
    "i3.sine": (
        _wrong(
            "sinh and cosh exchanged",
            lambda c: c(2, 3) * _wave(c, 1, 3, math.sinh) - c(1, 2) * _wave(c, 1, 3, math.cosh),
        ),
    ),
    "i4.sine": (mutant_result("1/2 for 1/4", _sine_i4_mutant),),
    "j2.sine": (_wrong("sinh for cosh", lambda c: _wave(c, 1, 2, math.sinh)),),
}


def _law(kind: str, name: str) -> Law:
    size, low = ex.KINDS[kind], kind.lower()
    symbols = covariance_symbols(size)
    entries = [symbols[i, j] for i in range(size) for j in range(i, size)]
    return Law(
        id=f"order_parameters.{low}.{name}",
        title=f"{name}: {_TITLES[low]}",
        statement=f"{kind} of the activation {name} for zero-mean Gaussian fields with any covariance; C_ij refers to "
        "the i-th and j-th index, equal indices are the same field.",
        quantity=sp.Function(kind)(*entries),
        parameters=(COVARIANCE.within(symmetric("covariance", 5)), _indices(size)),
        derive=partial(_derive, kind, name),
        definition=partial(_definition, kind, name),
        evaluator=partial(_evaluate, kind, name),
        sources=(SAAD_SOLLA, DERIVED) if name == "erf" else (DERIVED,),
        mutants=MUTANTS[f"{low}.{name}"],
        constraints=(Constraint(partial(_fits, size=size), f"indices must be {size} positions within the covariance"),),
        gate_points=20 if size < 4 else 4 if name == "relu" else 8,
        rungs=("algebra",),
    )


LAWS = tuple(_law(kind, name) for kind in ("I2", "I3", "I4", "J2") for name in NAMES)
