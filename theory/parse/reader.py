"""The visitor over Python's ``ast``: accepts numbers, names, operations and listed calls, nothing else."""

from __future__ import annotations

import ast
import difflib
import itertools
import warnings
from collections.abc import Collection, Mapping
from math import inf
from typing import Any, Literal

import sympy as sp

from theory.errors import ParseError
from theory.parse.functions import ALSO_NAMES, Function
from theory.parse.limits import (
    MAX_COMPARISONS,
    MAX_DEPTH,
    MAX_FUNCTIONS,
    MAX_NODES,
    check_argument,
    check_constant,
    check_exponential,
    check_name,
    check_power,
    exact_number,
    quote,
)
from theory.parse.structure import Head, List, Node, Op, Scalar

Unknown = Literal["symbol", "error"]

_REFUSED = {
    ast.Attribute: "an attribute (a dot after a name)",
    ast.Subscript: "a subscript (square brackets after a name)",
    ast.Lambda: "a lambda",
    ast.IfExp: "a conditional",
    ast.Compare: "a comparison",
    ast.BoolOp: "a logical operation",
    ast.NamedExpr: "an assignment",
    ast.Starred: "a starred argument",
    ast.Tuple: "a comma outside a call",
    ast.List: "a list",
    ast.Dict: "a dictionary",
    ast.Set: "a set",
    ast.ListComp: "a comprehension",
    ast.SetComp: "a comprehension",
    ast.DictComp: "a comprehension",
    ast.GeneratorExp: "a comprehension",
    ast.Await: "await",
    ast.Yield: "yield",
    ast.YieldFrom: "yield",
    ast.JoinedStr: "a text",
}
_ALLOWED = "allowed are numbers, names, + - * / ** (or ^), parentheses and calls such as tanh(x)"
SYMPY_ERRORS = (
    TypeError,
    ValueError,
    ArithmeticError,
    AttributeError,
    NotImplementedError,
    RecursionError,
    MemoryError,
)


def tree(line: str) -> ast.expr:
    """Return the syntax tree of one prepared line; raises ParseError if Python's grammar does not accept it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(line, mode="eval").body
    except (RecursionError, MemoryError) as error:
        raise ParseError("the expression is nested too deeply or has too many terms in a row; split it.") from error
    except (SyntaxError, ValueError) as error:
        column = getattr(error, "offset", None) or 0
        where = f" near {quote(line[max(column - 1, 0) :][:20])}" if 0 < column <= len(line) else ""
        raise ParseError(
            f"{quote(line)} is not an expression{where}; write products as 2*x, powers as x**2."
        ) from error


class Reader:
    """State of one reading: the names it knows and the nodes it has seen."""

    def __init__(
        self,
        line: str,
        heads: frozenset[str],
        symbols: dict[str, sp.Expr],
        functions: Mapping[str, Function],
        constants: Mapping[str, sp.Expr],
        unknown: Unknown,
        assumptions: Mapping[str, bool] | None,
    ) -> None:
        self._source = line.encode()
        self._heads, self._symbols, self._functions, self._constants = heads, symbols, functions, constants
        self._unknown = unknown
        self._assumptions = {"real": True} if assumptions is None else dict(assumptions)
        self._nodes = 0
        self._comparisons = 0
        self._inside = 0

    def _piece(self, tree: ast.expr) -> str:
        return self._source[tree.col_offset : tree.end_col_offset].decode(errors="replace")

    def node(self, tree: ast.expr, depth: int) -> Node:
        """Read one piece of the tree."""
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise ParseError(f"the expression has over {MAX_NODES} numbers, names and operations; split it.")
        if depth > MAX_DEPTH:
            raise ParseError(f"the expression is nested deeper than the limit of {MAX_DEPTH}; simplify it.")
        if isinstance(tree, ast.BinOp):
            return self._binary(tree, depth)
        if isinstance(tree, ast.UnaryOp):
            return self._unary(tree, depth)
        if isinstance(tree, ast.Constant):
            return Scalar(self._constant(tree))
        if isinstance(tree, ast.Name):
            return Scalar(self._name(tree.id))
        if isinstance(tree, ast.Call):
            return self._call(tree, depth)
        if isinstance(tree, ast.List) and self._heads:
            return List(tuple(self.node(item, depth + 1) for item in tree.elts))
        raise ParseError(f"{quote(self._piece(tree))} is {_REFUSED.get(type(tree), 'not accepted')}; {_ALLOWED}.")

    def _constant(self, tree: ast.Constant) -> sp.Expr:
        if type(tree.value) not in (int, float):
            kind = "a complex number" if isinstance(tree.value, complex) else "no number"
            raise ParseError(f"{quote(self._piece(tree))} is {kind}; {_ALLOWED}.")
        return exact_number(self._piece(tree))

    def _name(self, name: str) -> sp.Expr:
        if name in self._symbols:
            return self._symbols[name]
        check_name(name)
        if name in self._constants:
            return self._constants[name]
        if name in self._heads or (name in self._functions and name not in ALSO_NAMES):
            raise ParseError(f"{name} is a function; give its arguments, {name}(...).")
        if self._unknown == "error":
            known = ", ".join(sorted(self._symbols)) or "none"
            raise ParseError(f"the name {quote(name)} is unknown; known are: {known}.{_suggest(name, self._symbols)}")
        return sp.Symbol(name, **self._assumptions)

    def _unary(self, tree: ast.expr, depth: int) -> Node:
        negative = False
        while isinstance(tree, ast.UnaryOp):
            if not isinstance(tree.op, (ast.USub, ast.UAdd)):
                raise ParseError(f"{quote(self._piece(tree))} is a logical operation; {_ALLOWED}.")
            negative ^= isinstance(tree.op, ast.USub)
            tree = tree.operand
        inner = self.node(tree, depth + 1)
        if not negative:
            return inner
        return Scalar(-inner.value) if isinstance(inner, Scalar) else Op("-", (inner,))

    def _binary(self, tree: ast.BinOp, depth: int) -> Node:
        if isinstance(tree.op, ast.Pow):
            base, exponent = self.node(tree.left, depth + 1), self.node(tree.right, depth + 1)
            if isinstance(base, Scalar) and isinstance(exponent, Scalar):
                return Scalar(self._power(base.value, exponent.value, self._piece(tree)))
            return Op("**", (base, exponent))
        signs = (
            {ast.Add: "+", ast.Sub: "-"} if isinstance(tree.op, (ast.Add, ast.Sub)) else {ast.Mult: "*", ast.Div: "/"}
        )
        if type(tree.op) not in signs:
            raise ParseError(f"the operation in {quote(self._piece(tree))} is not accepted; {_ALLOWED}.")
        # A long sum is a deep chain of left operands: walk down it, then combine all terms at once.
        chain: list[tuple[str, ast.expr]] = []
        first: ast.expr = tree
        while isinstance(first, ast.BinOp) and type(first.op) in signs:
            chain.append((signs[type(first.op)], first.right))
            first = first.left
        operands = [("", self.node(first, depth + 1))]
        operands += [(sign, self.node(right, depth + 1)) for sign, right in reversed(chain)]
        return self._chain(operands)

    def _chain(self, operands: list[tuple[str, Node]]) -> Node:
        scalars = list(itertools.takewhile(lambda operand: isinstance(operand[1], Scalar), operands))
        leading = [(sign, node.value) for sign, node in scalars if isinstance(node, Scalar)]
        if len(leading) == len(operands):
            return Scalar(self._combine(leading))
        rest = operands[len(leading) :]
        if leading:
            result: Node = Scalar(self._combine(leading))
        else:
            result, rest = rest[0][1], rest[1:]
        for sign, node in rest:
            if sign == "/" and isinstance(node, Scalar) and node.value == 0:
                raise ParseError("division by zero; give a nonzero denominator.")
            result = Op(sign, (result, node))
        return result

    def _combine(self, parts: list[tuple[str, sp.Expr]]) -> sp.Expr:
        if any(sign in ("+", "-") for sign, _ in parts):
            return _finite(sp.Add(*[-value if sign == "-" else value for sign, value in parts]))
        for sign, value in parts:
            if sign == "/" and value == 0:
                raise ParseError("division by zero; give a nonzero denominator.")
        return _finite(sp.Mul(*[1 / value if sign == "/" else value for sign, value in parts]))

    def _power(self, base: sp.Expr, exponent: sp.Expr, piece: str) -> sp.Expr:
        check_power(base, exponent)
        if base == 0 and exponent.is_negative:
            raise ParseError(f"{quote(piece)} divides by zero; give a nonzero base.")
        value = _finite(_build(piece, lambda: base**exponent))
        check_constant(value, inf, piece)
        return value

    def _call(self, tree: ast.Call, depth: int) -> Node:
        if not isinstance(tree.func, ast.Name):
            raise ParseError(f"{quote(self._piece(tree.func))} cannot be called; only listed functions can, by name.")
        name, piece = tree.func.id, self._piece(tree)
        if tree.keywords:
            raise ParseError(f"{quote(piece)} has a keyword argument; give the arguments by position.")
        if name in self._symbols:
            raise ParseError(f"{name} is a name here, not a function; write a product as {name}*(...).")
        if name in self._heads:
            return Head(name, tuple(self.node(argument, depth + 1) for argument in tree.args))
        if name not in self._functions:
            check_name(name)
            known = {*self._functions, *self._heads}
            raise ParseError(f"{quote(name)} is no known function; known are: {_listed(known)}.{_suggest(name, known)}")
        function = self._functions[name]
        if not function.least <= len(tree.args) <= function.most:
            asked = str(function.least) if function.least == function.most else f"{function.least} to {function.most}"
            raise ParseError(f"{name} takes {asked} arguments, {len(tree.args)} are given in {quote(piece)}.")
        if self._inside >= MAX_FUNCTIONS:
            raise ParseError(f"functions are nested deeper than the limit of {MAX_FUNCTIONS}; simplify {quote(piece)}.")
        self._inside += 1
        arguments = []
        for argument in tree.args:
            node = self.node(argument, depth + 1)
            if not isinstance(node, Scalar):
                raise ParseError(f"{name} takes numbers and expressions, not {quote(str(node))}.")
            arguments.append(node.value)
        self._inside -= 1
        self._guard(name, function, arguments)
        value = _finite(_build(piece, lambda: function.build(*arguments)))
        check_constant(value, inf, piece)
        return Scalar(value)

    def _guard(self, name: str, function: Function, arguments: list[sp.Expr]) -> None:
        if function.compares:
            self._comparisons += len(arguments)
            if self._comparisons > MAX_COMPARISONS:
                raise ParseError(f"over {MAX_COMPARISONS} arguments are compared by Max, Min and relu; use fewer.")
        for argument in arguments:
            if function.exponential:
                check_exponential(argument)
            check_argument(argument, name)
            check_constant(argument, function.largest, f"{name}({sp.sstr(argument)})")


def _build(piece: str, build: Any) -> sp.Expr:
    try:
        return build()
    except SYMPY_ERRORS as error:
        raise ParseError(f"{quote(piece)} has no value ({str(error)[:80]}); check its arguments.") from error


def _finite(value: sp.Expr) -> sp.Expr:
    if value.has(sp.zoo, sp.nan, sp.oo, sp.S.NegativeInfinity):
        raise ParseError("the expression is not finite (a division by zero or a pole); give finite values.")
    return value


def _listed(names: Collection[str]) -> str:
    return ", ".join(sorted(names, key=str.lower))


def _suggest(name: str, known: Collection[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f" Did you mean {close[0]}?" if close else ""
