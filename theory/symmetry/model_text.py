"""A model given as text becomes outputs in parameters, data and gates, and if polynomial a list of features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import lcm

import sympy as sp

from theory.errors import DerivationError, ParseError
from theory.parse import DEFAULT_FUNCTIONS, Function, parse_expression, parse_names
from theory.symmetry.architectures import Model
from theory.symmetry.polynomials import Poly

_RELU, _ABS, _LEAKY = (sp.Function(n, real=True) for n in ("relu", "gate_abs", "leaky_relu"))
_SMOOTH = "exp log ln sqrt tanh sigmoid softplus erf erfc sin cos sinh cosh atan gelu swish silu"
_FUNCTIONS = {name: DEFAULT_FUNCTIONS[name] for name in [*_SMOOTH.split(), "max", "min", "Max", "Min", "sign"]} | {
    "relu": Function(_RELU),
    "abs": Function(_ABS),
    "Abs": Function(_ABS),
    "leaky_relu": Function(_LEAKY, 2, 2),
    "floor": Function(sp.floor),
}
_NOT_GATED = (sp.Max, sp.Min, sp.sign, sp.floor, sp.Heaviside)


@dataclass(frozen=True)
class TextModel:
    """Outputs as SymPy expressions with every gate replaced by a data symbol."""

    parameters: tuple[sp.Symbol, ...]
    data: tuple[sp.Symbol, ...]
    outputs: tuple[sp.Expr, ...]
    gates: tuple[tuple[sp.Symbol, str, sp.Expr], ...]
    head: str
    originals: tuple[sp.Expr, ...]

    def names(self) -> tuple[str, ...]:
        """Names of the parameters."""
        return tuple(s.name for s in self.parameters)


def read_model(model: str, parameters: str, data: str, head: str = "none") -> TextModel:
    """Read outputs separated by semicolons; every name is a parameter or a data symbol.

    Raises ParseError for unknown names, a parameter under a non-smooth function that is not gated, or no data.
    """
    if head not in ("none", "softmax"):
        raise ParseError(f"the head {head!r} is unknown; choose none or softmax.")
    names, data_names = parse_names(parameters), parse_names(data)
    if not names:
        raise ParseError("a model needs parameters; give --parameters u,w.")
    if not data_names:
        raise ParseError("a model needs data, otherwise there is no gradient noise; give --data x.")
    both = set(names) & set(data_names)
    if both:
        raise ParseError(f"{sorted(both)[0]} is given as parameter and as data; it can be one of them only.")
    symbols = {n: sp.Symbol(n, real=True) for n in (*names, *data_names)}
    texts = [t for t in model.split(";") if t.strip()]
    if not texts:
        raise ParseError("the model is empty; write for example u*w*x.")
    if head == "softmax" and len(texts) < 2:
        raise ParseError(f"a softmax head needs at least two outputs, {len(texts)} given; separate them by ;.")
    raw = [_parse(t, symbols) for t in texts]
    used = set().union(*(e.free_symbols for e in raw))
    own = tuple(symbols[n] for n in names)
    if not used & {symbols[n] for n in data_names}:
        raise ParseError("the model contains no data symbol; a data-free model has no gradient noise.")
    gates: list[tuple[sp.Symbol, str, sp.Expr]] = []
    outputs = tuple(_gated(e, set(own), gates) for e in raw)
    return TextModel(own, tuple(symbols[n] for n in data_names), outputs, tuple(gates), head, tuple(raw))


def read_loss(model: TextModel, targets: str, loss: str | None) -> TextModel:
    """Return the loss of one sample as a text model with one output; the targets join the data.

    ``loss`` is written in f and y, or f1, f2, ... and y1, y2, ...; the default is the sum of (f - y)**2.
    Raises ParseError if there is not one target per output, or for unknown names.
    """
    names = parse_names(targets)
    count = len(model.originals)
    if len(names) != count:
        raise ParseError(f"{count} outputs need {count} targets, {len(names)} given; give --targets y,... in order.")
    clash = {s.name for s in (*model.parameters, *model.data)} & set(names)
    if clash:
        raise ParseError(f"{sorted(clash)[0]} is a target and a parameter or data symbol; rename it.")
    symbols = tuple(sp.Symbol(n, real=True) for n in names)
    raw = sum((f - y) ** 2 for f, y in zip(model.originals, symbols, strict=True))
    if loss is not None:
        index = [""] if count == 1 else [str(i + 1) for i in range(count)]
        known = {f"f{i}": sp.Dummy(f"f{i}", real=True) for i in index}
        outputs = dict(zip(known.values(), model.originals, strict=True))
        known |= {f"y{i}": y for i, y in zip(index, symbols, strict=True)}
        raw = parse_expression(loss, known, functions=_FUNCTIONS, unknown="error").xreplace(outputs)
    gates: list[tuple[sp.Symbol, str, sp.Expr]] = []
    output = _gated(sp.Add(raw), set(model.parameters), gates)
    if not output.free_symbols & set(model.parameters):
        raise ParseError("the loss does not depend on any parameter; write it in f and y, for example (f - y)**2.")
    return TextModel(model.parameters, (*model.data, *symbols), (output,), tuple(gates), "none", (raw,))


def _parse(text: str, symbols: dict[str, sp.Symbol]) -> sp.Expr:
    try:
        return parse_expression(text, symbols, functions=_FUNCTIONS, unknown="error")
    except ParseError as error:
        if "name" in str(error) or "unknown" in str(error):
            known = ", ".join(symbols)
            raise ParseError(f"{error} Every name must be a parameter or a data symbol: {known}.") from error
        raise


def _gated(expression: sp.Expr, own: set[sp.Symbol], gates: list[tuple[sp.Symbol, str, sp.Expr]]) -> sp.Expr:
    """Replace relu, abs and leaky_relu of parameters by a fresh data symbol times their argument."""
    if not expression.args:
        return expression
    if expression.free_symbols & own and isinstance(expression, _NOT_GATED):
        raise ParseError(
            f"a parameter stands under {type(expression).__name__.lower()}, which is not smooth and has no gate; "
            "use relu, abs or leaky_relu."
        )
    args = [_gated(a, own, gates) for a in expression.args]
    if not isinstance(expression, (_RELU, _ABS, _LEAKY)):
        return expression.func(*args)
    inner = args[0]
    if not inner.free_symbols & own:
        return _plain(expression, args)
    name = type(expression).__name__.removeprefix("gate_")
    gate = next((g for g, f, a in gates if a == inner and f == name), None)
    if gate is None:
        gate = sp.Symbol(f"gate{len(gates) + 1}", real=True)
        gates.append((gate, name, inner))
    if name == "leaky_relu":
        if args[1].free_symbols:
            raise ParseError(f"the slope {args[1]} of leaky_relu must be a number; give for example 0.1.")
        return inner * (args[1] + (1 - args[1]) * gate)
    return inner * gate


def _plain(expression: sp.Expr, args: Sequence[sp.Expr]) -> sp.Expr:
    if isinstance(expression, _ABS):
        return sp.Abs(args[0])
    slope = args[1] if isinstance(expression, _LEAKY) else sp.Integer(0)
    return sp.Max(args[0], 0) + slope * sp.Min(args[0], 0)


def smooth(expression: sp.Expr, own: set[sp.Symbol]) -> sp.Expr:
    """Return an output with its gates written out as Max, Min and Abs."""
    if not expression.args:
        return expression
    args = [smooth(a, own) for a in expression.args]
    return _plain(expression, args) if isinstance(expression, (_RELU, _ABS, _LEAKY)) else expression.func(*args)


def polynomial_model(text: TextModel) -> Model | None:
    """Return the features of a model that is polynomial in its parameters, or None.

    Parts free of parameters (exp(x), 1/x) count as data; powers of gates are reduced (s^2 = s, or 1 for abs).
    """
    own = set(text.parameters)
    atoms: dict[sp.Expr, sp.Symbol] = {}
    outputs = [_abstract(sp.expand(e), own, atoms) for e in text.outputs]
    if text.head == "softmax":
        outputs = [sp.expand(e - outputs[0]) for e in outputs[1:]]
    data = [*text.data, *(g for g, _, _ in text.gates), *atoms.values()]
    squares = {g: (name == "abs") for g, name, _ in text.gates}
    features: list[Poly] = []
    for output in outputs:
        try:
            poly = sp.Poly(output, *text.parameters, *data)
        except sp.PolynomialError:
            return None
        if poly.free_symbols_in_domain or (not poly.domain.is_QQ and not poly.domain.is_ZZ):
            return None
        features += _collect(poly, len(text.parameters), [squares.get(d) for d in data])
    if not features:
        raise DerivationError("no output of the model depends on a parameter; there is nothing to conserve.")
    names = tuple(f"{a}" for a in text.data)
    gates = tuple((g.name, name, sp.sstr(a)) for g, name, a in text.gates)
    return Model(text.names(), names, tuple(features), gates)


def _abstract(expression: sp.Expr, own: set[sp.Symbol], atoms: dict[sp.Expr, sp.Symbol]) -> sp.Expr:
    """Replace parts without parameters that are no polynomials of data by symbols of their own."""
    if not expression.args or expression.is_Number:
        return expression
    if not expression.free_symbols & own:
        polynomial = expression.is_polynomial(*expression.free_symbols) and not expression.has(sp.Function)
        rational = all(n.is_Rational for n in expression.atoms(sp.Number, sp.NumberSymbol))
        if not (polynomial and rational):
            return atoms.setdefault(expression, sp.Symbol(f"data_{len(atoms)}", real=True))
        return expression
    return expression.func(*(_abstract(a, own, atoms) for a in expression.args))


def _collect(poly: sp.Poly, count: int, squares: Sequence[bool | None]) -> list[Poly]:
    groups: dict[tuple[int, ...], dict] = {}
    for powers, coefficient in poly.terms():
        reduced = tuple(
            e if kind is None else (e % 2 if kind else min(e, 1))
            for e, kind in zip(powers[count:], squares, strict=True)
        )
        monomial = tuple((i, e) for i, e in enumerate(powers[:count]) if e)
        group = groups.setdefault(reduced, {})
        group[monomial] = group.get(monomial, 0) + sp.Rational(coefficient)
    result = []
    for group in groups.values():
        kept = {m: c for m, c in group.items() if m and c != 0}
        if kept:
            common = lcm(*(int(c.q) for c in kept.values()))
            result.append({m: int(c * common) for m, c in kept.items()})
    return result
