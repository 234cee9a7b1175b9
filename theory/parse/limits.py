"""Limits on user text, checked before Python's parser or SymPy sees anything that could take long."""

from __future__ import annotations

import keyword
import re
import unicodedata
from math import comb

import sympy as sp

from theory.errors import ParseError

MAX_CHARACTERS = 10_000
MAX_DEPTH = 40
MAX_NODES = 6_000
MAX_NAME = 64
MAX_DIGITS = 50
MAX_DECIMAL_EXPONENT = 100
MAX_EXPONENT = 64
MAX_ARGUMENT = 10_000
MAX_BITS = 1_024
MAX_SIZE = 1e308
MAX_TERMS = 10_000
MAX_DEGREE = 512
MAX_COMPARISONS = 32
MAX_FUNCTIONS = 12
MAX_ARGUMENT_TERMS = 300
MAX_ARGUMENT_DEGREE = 24

_TYPOGRAPHY = str.maketrans({"−": "-", "–": "-", "×": "*", "·": "*", "⋅": "*", "∗": "*", "÷": "/"})
_REFUSED_CHARACTERS = {
    '"': "texts in quotes are not part of an expression",
    "'": "texts in quotes and primes are not part of an expression",
    "`": "back quotes are not part of an expression",
    "#": "comments are not part of an expression",
    "\\": "back slashes are not part of an expression",
    ";": "only one expression is read; leave out the semicolon",
    "{": "braces are not part of an expression; use parentheses",
    "}": "braces are not part of an expression; use parentheses",
    "@": "the matrix product is not part of the language; use *",
    "$": "the dollar sign is not part of an expression",
    "!": "use factorial(n) for n!",
    "?": "the question mark is not part of an expression",
    "~": "the operations are + - * / ** and ^ (power)",
    "|": "use abs(x) for |x|",
    "&": "the operations are + - * / ** and ^ (power)",
    "%": "the operations are + - * / ** and ^ (power)",
}
_NOT_FINITE = re.compile(r"(?i:nan|inf|infinity)|oo|zoo")
_NUMBER = re.compile(r"(\d+\.?\d*|\.\d+)(?:[eE]([+-]?\d+))?", re.ASCII)
_LONG_DIGITS = re.compile(rf"\d{{{MAX_DIGITS + 1},}}")


def quote(text: str) -> str:
    """Return text in quotes for a message, cut to 60 characters, without control characters."""
    cut = text if len(text) <= 60 else text[:57] + "..."
    return repr(cut)


def prepare(text: str) -> str:
    """Return the text as one line with ``^`` written ``**`` and typographic signs replaced, after cheap checks.

    Raises ParseError for an empty or too long text, too deep brackets, and characters outside the language.
    """
    if not isinstance(text, str):
        raise ParseError(f"an expression must be text, not {type(text).__name__}.")
    if len(text) > MAX_CHARACTERS:
        raise ParseError(f"the expression has {len(text)} characters, the limit is {MAX_CHARACTERS}; split it.")
    line = " ".join(text.translate(_TYPOGRAPHY).split())
    if not line:
        raise ParseError("the expression is empty; write for example (u*w*x - y)**2.")
    depth = 0
    for character in line:
        if character in _REFUSED_CHARACTERS:
            raise ParseError(f"{character!r} in {quote(line)} is not accepted: {_REFUSED_CHARACTERS[character]}.")
        if character != " " and (not character.isprintable() or unicodedata.category(character) == "Cs"):
            raise ParseError(f"the character U+{ord(character):04X} in {quote(line)} is not accepted; remove it.")
        depth += (character in "([") - (character in ")]")
        if depth > MAX_DEPTH:
            raise ParseError(f"brackets are nested deeper than the limit of {MAX_DEPTH}; simplify the expression.")
    if _LONG_DIGITS.search(line):
        raise ParseError(f"a number has more than {MAX_DIGITS} digits in a row; use scientific notation, 1.5e60.")
    return line.replace("^", "**")


def check_name(name: str) -> str:
    """Return the name if it may stand for a symbol, else raise ParseError."""
    if len(name) > MAX_NAME:
        raise ParseError(f"the name {quote(name)} has {len(name)} characters, the limit is {MAX_NAME}; shorten it.")
    if name.startswith("_") or "__" in name:
        raise ParseError(f"the name {quote(name)} is not accepted: no leading and no double underscores; rename it.")
    if not name.isidentifier() or keyword.iskeyword(name):
        raise ParseError(f"{quote(name)} is no name; names are letters, digits and underscores, and no reserved word.")
    if _NOT_FINITE.fullmatch(name):
        raise ParseError(f"{name} is not a finite number; give a finite value.")
    return name


def exact_number(literal: str) -> sp.Rational:
    """Return the exact rational that a decimal literal spells: 0.1 is 1/10.

    >>> exact_number("1.5e-3")
    3/2000
    """
    match = _NUMBER.fullmatch(literal)
    if match is None:
        raise ParseError(f"{quote(literal)} is no number of the language; write plain decimals, 12, 0.5 or 1.5e-3.")
    mantissa, exponent = match.group(1), match.group(2) or "0"
    if len(mantissa) > 2 * MAX_DIGITS:
        raise ParseError(f"the number {quote(literal)} has more than {2 * MAX_DIGITS} digits; round it.")
    if len(exponent) > 6 or abs(int(exponent)) > MAX_DECIMAL_EXPONENT:
        raise ParseError(f"{quote(literal)}: decimal exponents go up to {MAX_DECIMAL_EXPONENT}; rescale the value.")
    whole, _, fraction = mantissa.partition(".")
    shift = int(exponent) - len(fraction)
    digits = int((whole + fraction) or "0")
    return sp.Rational(digits * 10 ** max(shift, 0), 10 ** max(-shift, 0))


def _bits(number: sp.Expr) -> int:
    if not isinstance(number, sp.Rational):
        return 64
    return max(int(number.p).bit_length(), int(number.q).bit_length())


def check_power(base: sp.Expr, exponent: sp.Expr) -> None:
    """Refuse a power that SymPy would compute into a huge number, before it is formed."""
    if base is not sp.E:
        _check_numbers(exponent, MAX_EXPONENT)
    check_exponential(exponent)
    if not isinstance(exponent, sp.Rational):
        return
    bits = _bits(base.as_coeff_Mul()[0])
    if bits * max(abs(exponent), 1) > MAX_BITS:
        raise ParseError(
            f"a power of a number with {bits} bits and the exponent {exponent} is too large "
            f"(the limit is {MAX_BITS} bits); use a smaller number or a symbol."
        )


def check_exponential(exponent: sp.Expr) -> None:
    """Refuse large numbers in the exponent of exp; of a logarithm too: exp(n*log(2)) is computed exactly."""
    _check_numbers(exponent, MAX_EXPONENT if exponent.has(sp.log) else MAX_ARGUMENT)


def _check_numbers(exponent: sp.Expr, limit: int) -> None:
    nodes = sp.preorder_traversal(exponent)
    for node in nodes:
        if isinstance(node, sp.Function):
            nodes.skip()
        elif isinstance(node, sp.Number) and abs(node) > limit:
            shown = quote(sp.sstr(exponent))
            raise ParseError(
                f"{quote(sp.sstr(node))} in the exponent {shown} is beyond the limit of {limit}; lower it."
            )


def check_constant(value: sp.Expr, largest: float, piece: str) -> None:
    """Refuse a symbol-free value that is complex, beyond ``largest``, or outside the range of floats.

    SymPy evaluates constants to find their signs. With bounded real arguments at every call each evaluation is fast;
    ``gamma(exp(exp(10)))`` or the square root of ``erfc(acos(3))`` is not.
    """
    if not value.is_number or value == 0:
        return
    number = value if value.is_Rational else value.evalf(15)
    if not (number.is_Rational or number.is_Float):
        raise ParseError(f"{quote(piece)} is complex or has no number as its value; only real values are accepted.")
    if not 1 / MAX_SIZE <= abs(number) <= min(largest, MAX_SIZE):
        raise ParseError(
            f"{quote(piece)} has a constant beyond the limit of {min(largest, MAX_SIZE):g}; use a smaller one."
        )


def check_argument(value: sp.Expr, name: str) -> None:
    """Refuse an argument of a function that SymPy would need long to simplify."""
    terms, degree = expanded_size(value)
    if terms > MAX_ARGUMENT_TERMS or degree > MAX_ARGUMENT_DEGREE:
        raise ParseError(
            f"an argument of {name} has up to {terms} terms and degree {degree} when multiplied out, the limits are "
            f"{MAX_ARGUMENT_TERMS} and {MAX_ARGUMENT_DEGREE}; use a simpler one."
        )


def expanded_size(expression: sp.Expr) -> tuple[int, int]:
    """Return bounds of the number of terms and of the degree of an expression when it is multiplied out.

    Raises ParseError if there are over 10000 terms or the degree is over 512.

    >>> x, y = sp.symbols("x y")
    >>> expanded_size((x + y + 1) ** 3 * sp.sin(x * y))
    (10, 4)
    """
    sizes: dict[sp.Basic, tuple[int, int]] = {}

    def measure(node: sp.Basic) -> tuple[int, int]:
        if node not in sizes:
            sizes[node] = _measure(node, [measure(a) for a in node.args])
            if sizes[node][0] > MAX_TERMS:
                raise ParseError(f"multiplied out the expression has over {MAX_TERMS} terms; use lower powers.")
            if sizes[node][1] > MAX_DEGREE:
                raise ParseError(f"the expression has a degree over the limit of {MAX_DEGREE}; use lower powers.")
        return sizes[node]

    return measure(expression)


def _measure(node: sp.Basic, inner: list[tuple[int, int]]) -> tuple[int, int]:
    if not inner:
        return (1, 0 if node.is_number else 1)
    if isinstance(node, sp.Add):
        return sum(t for t, _ in inner), max(d for _, d in inner)
    if isinstance(node, sp.Mul):
        terms = 1
        for t, _ in inner:
            terms *= t
        return terms, sum(d for _, d in inner)
    if isinstance(node, sp.Pow) and isinstance(node.exp, sp.Rational):
        power = int(sp.ceiling(abs(node.exp)))
        (terms, degree), _ = inner
        if terms > MAX_TERMS or power > MAX_DEGREE * MAX_EXPONENT:
            return MAX_TERMS + 1, degree
        return comb(power + terms - 1, min(power, terms - 1)), degree * power
    return 1, 1
