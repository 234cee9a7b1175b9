"""The functions and constants of the language, each with its number of arguments and the numbers it may be given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf
from types import MappingProxyType

import sympy as sp

from theory.parse.limits import MAX_ARGUMENT


@dataclass(frozen=True)
class Function:
    """A callable of the language: builder, least and most number of arguments.

    ``largest`` bounds constant arguments (SymPy expands gamma of integers and evaluates constants to find signs);
    ``exponential`` marks functions that exponentiate their argument, ``compares`` those that compare arguments.
    """

    build: Callable[..., sp.Expr]
    least: int = 1
    most: int = 1
    largest: float = MAX_ARGUMENT
    exponential: bool = False
    compares: bool = False


def _sigmoid(x: sp.Expr) -> sp.Expr:
    return 1 / (1 + sp.exp(-x))


def _table() -> dict[str, Function]:
    same_name = "sin cos tan cot sec csc asin acos atan sinh cosh tanh coth asinh acosh atanh erf erfc erfi erfinv"
    table = {name: Function(getattr(sp, name)) for name in same_name.split()}
    table |= {
        "exp": Function(sp.exp, exponential=True),
        "sqrt": Function(sp.sqrt, largest=inf),
        "Abs": Function(sp.Abs, largest=inf),
        "abs": Function(sp.Abs, largest=inf),
        "sign": Function(sp.sign, largest=inf),
        "log": Function(sp.log, 1, 2, largest=inf),
        "ln": Function(sp.log, largest=inf),
        "cbrt": Function(lambda x: x ** sp.Rational(1, 3)),
        "atan2": Function(sp.atan2, 2, 2),
        "Heaviside": Function(sp.Heaviside, 1, 2),
        "Max": Function(sp.Max, 1, 8, largest=inf, compares=True),
        "Min": Function(sp.Min, 1, 8, largest=inf, compares=True),
        "max": Function(sp.Max, 1, 8, largest=inf, compares=True),
        "min": Function(sp.Min, 1, 8, largest=inf, compares=True),
        "gamma": Function(sp.gamma, largest=170),
        "relu": Function(lambda x: sp.Max(x, 0), largest=inf, compares=True),
        "leaky_relu": Function(lambda x, slope: sp.Max(x, 0) + slope * sp.Min(x, 0), 2, 2, largest=inf, compares=True),
        "sigmoid": Function(_sigmoid, exponential=True),
        "softplus": Function(lambda x: sp.log(1 + sp.exp(x)), exponential=True),
        "swish": Function(lambda x: x * _sigmoid(x), exponential=True),
        "silu": Function(lambda x: x * _sigmoid(x), exponential=True),
        "gelu": Function(lambda x: x * (1 + sp.erf(x / sp.sqrt(2))) / 2),
    }
    return table


DEFAULT_FUNCTIONS: Mapping[str, Function] = MappingProxyType(_table())

CONSTANTS: Mapping[str, sp.Expr] = MappingProxyType({"pi": sp.pi, "E": sp.E, "EulerGamma": sp.EulerGamma})

# Functions whose name is also a usual parameter name: without a call they are read as that name.
ALSO_NAMES = frozenset({"gamma", "sign", "sec", "max", "min"})
