"""The parser of user text: what it reads, what it refuses, and that nothing else can happen."""

from __future__ import annotations

import random

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.errors import ParseError
from theory.parse import (
    DEFAULT_FUNCTIONS,
    Function,
    Head,
    List,
    Op,
    Scalar,
    parse_assignments,
    parse_expression,
    parse_expressions,
    parse_moments,
    parse_names,
    parse_structure,
    parse_value,
)

x, y, u, w = sp.symbols("x y u w", real=True)
LAWS = {"Normal", "Uniform", "Exponential", "TwoPoint", "Finite", "Mixture"}

READ = {
    "(u*w*x - y)**2": (u * w * x - y) ** 2,
    "0.1": sp.Rational(1, 10),
    "1.5e-3": sp.Rational(3, 2000),
    ".5 + 2.": sp.Rational(5, 2),
    "007.50e1": 75,
    "x^2": x**2,
    "-x^2": -(x**2),
    "x^-2": x**-2,
    "2^3^2": 512,
    "--x": x,
    "+x": x,
    "1 - 2 - 3": -4,
    "8/4/2": 1,
    "2*x/3*y": sp.Rational(2, 3) * x * y,
    "x**0.5": sp.sqrt(x),
    "pi*E": sp.pi * sp.E,
    "erf(x/sqrt(2))": sp.erf(x / sp.sqrt(2)),
    "relu(x)": sp.Max(x, 0),
    "sigmoid(x)": 1 / (1 + sp.exp(-x)),
    "softplus(x)": sp.log(1 + sp.exp(x)),
    "gelu(x)": x * (1 + sp.erf(x / sp.sqrt(2))) / 2,
    "Max(x, y, 1)": sp.Max(x, y, 1),
    "abs(-x)": sp.Abs(x),
    "log(x, 2)": sp.log(x, 2),
    "gamma(5)": 24,
    "x − 3×y": x - 3 * y,
    " x\n + y ": x + y,
    "θ + η": sp.Symbol("θ", real=True) + sp.Symbol("η", real=True),
}


@pytest.mark.parametrize(("text", "expected"), READ.items())
def test_expressions_are_read(text: str, expected: sp.Expr):
    assert parse_expression(text) == expected


REFUSED = {
    "empty": "",
    "blank": " \t\n",
    "nul byte": "x\0y",
    "control character": "x\x1by",
    "lone surrogate": "\ud800",
    "right to left mark": "x\u202ey",
    "import": "__import__('os').system('true')",
    "attribute": "x.__class__",
    "attribute of a number": "1 .real",
    "attribute call": "(1).bit_length()",
    "subscript": "x[0]",
    "slice": "x[1:2]",
    "lambda": "lambda: 1",
    "comprehension": "[a for a in b]",
    "generator": "Max(a for a in b)",
    "text": "'x'",
    "f-string": 'f"{x}"',
    "bytes": "b'x'",
    "keyword argument": "sqrt(x, evaluate=False)",
    "starred": "Max(*x)",
    "double starred": "Max(**x)",
    "comparison": "x < y",
    "equality": "x == y",
    "assignment": "x = 1",
    "walrus": "(x := 1)",
    "logical": "x and y",
    "not": "not x",
    "invert": "~x",
    "conditional": "1 if x else 2",
    "await": "await x",
    "yield": "(yield x)",
    "tuple": "x, y",
    "list": "[x]",
    "set": "{x}",
    "dictionary": "{x: 1}",
    "complex": "2j",
    "true": "True",
    "none": "None",
    "ellipsis": "...",
    "matrix product": "x @ y",
    "modulo": "x % 2",
    "floor division": "x // 2",
    "shift": "1 << 99",
    "bit or": "x | y",
    "two statements": "x; y",
    "comment": "x # y",
    "line join": "x \\\n + y",
    "unbalanced": "((x)",
    "implicit product": "2x",
    "no operand": "x +",
    "double caret": "x ^^ y",
    "hexadecimal": "0xff",
    "digit groups": "1_000",
    "dunder": "__debug__",
    "leading underscore": "_x",
    "inner dunder": "a__b",
    "long name": "a" * 65,
    "reserved word": "lambda",
    "nan": "nan",
    "infinity": "-inf",
    "SymPy infinity": "oo",
    "overflowing number": "1e999",
    "huge exponent": "1e99999999999",
    "long number": "9" * 51,
    "unknown function": "system(x)",
    "eval": "eval(x)",
    "function without call": "sin + 1",
    "call of a call": "sin(x)(y)",
    "call of a number": "2(x)",
    "no arguments": "sin()",
    "too many arguments": "sin(x, y)",
    "division by zero": "1/0",
    "division by a difference": "1/(x - x)",
    "negative power of zero": "0**-1",
    "pole": "gamma(0)",
    "log of zero": "log(0)",
    "complex value": "sqrt(-1)",
    "complex comparison": "Max(sqrt(-2), 1)",
    "tower": "9**9**9",
    "caret tower": "9^9^9^9",
    "large exponent": "x**65",
    "large negative exponent": "2**-65",
    "iterated power": "(9**64)**64",
    "exact exponential": "exp(10**40*log(2))",
    "exact power": "3**(10**40*log(2)/log(3))",
    "exact sigmoid": "sigmoid(10**40*log(2))",
    "large gamma": "gamma(10**9/2)",
    "gamma of a large constant": "gamma(exp(9))",
    "iterated exponential": "exp(exp(exp(9)))",
    "large shift of an exponent": "2**(x - 10**40)",
    "complex constant": "erfc(acos(3))",
    "complex root": "(-8)**(1/3)",
    "large argument of a function": "tanh((x + y + z)**24)",
    "deep functions": "tanh(" * 13 + "x" + ")" * 13,
    "exploding power": "(a+b+c+d+e)**64",
    "exploding product": "*".join(f"(a{i} + 1)" for i in range(20)),
    "degree": "((x**64)**9)",
    "many comparisons": "+".join(f"Max(x{i}, 1)" for i in range(40)),
    "long": "x" + "+x" * 6000,
    "deep parentheses": "(" * 60 + "x" + ")" * 60,
    "unbalanced depth": "(" * 5000,
    "deep calls": "sin(" * 39 + "-(" + "sin(" * 3 + "x" + ")" * 43,
    "deep powers": "x" + "**x" * 3000,
    "deep signs": "-" * 9000 + "x",
    "many terms": "x" + "+x" * 4500,
    "calls in a row": "x" + "()" * 4000,
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED.keys())
def test_hostile_or_malformed_text_is_a_parse_error(text: str):
    with pytest.raises(ParseError) as caught:
        parse_expression(text)
    assert len(str(caught.value)) > 20


def test_the_message_names_the_piece_the_limit_and_the_remedy():
    with pytest.raises(ParseError, match=r"'x\.a' is an attribute .*; allowed are"):
        parse_expression("1 + x.a*2")
    with pytest.raises(ParseError, match=r"exponent '65' is beyond the limit of 64; lower it"):
        parse_expression("x**65")
    with pytest.raises(ParseError, match="Did you mean sigmoid"):
        parse_expression("sigmod(x)")


def test_given_symbols_go_before_constants_and_may_be_expressions():
    E = sp.Symbol("E", positive=True)
    assert parse_expression("E*pi + z", {"E": E, "z": x + 1}) == E * sp.pi + x + 1


def test_a_given_symbol_cannot_be_called():
    with pytest.raises(ParseError, match=r"gamma\*"):
        parse_expression("gamma(x + 1)", {"gamma": sp.Symbol("gamma")})


def test_the_name_of_gamma_is_a_symbol_without_a_call():
    assert parse_expression("gamma*x") == sp.Symbol("gamma", real=True) * x


def test_unknown_names_are_errors_on_request():
    with pytest.raises(ParseError, match=r"'yy' is unknown; known are: x, y\. Did you mean y\?"):
        parse_expression("x + yy", {"x": x, "y": y}, unknown="error")


def test_assumptions_apply_to_unknown_names():
    assert parse_expression("sqrt(a**2)", assumptions={"positive": True}) == sp.Symbol("a", positive=True)


def test_further_functions_can_be_given():
    cube = DEFAULT_FUNCTIONS | {"cube": Function(lambda z: z**3)}
    assert parse_expression("cube(x)", functions=cube) == x**3


def test_a_sum_of_a_thousand_terms_is_read():
    text = "+".join(f"{i}*x" for i in range(1, 1001))
    assert parse_expression(text) == 500500 * x


def test_lists_of_expressions_and_names():
    assert parse_expressions("u - w, Max(x, 1)") == (u - w, sp.Max(x, 1))
    assert parse_names(" u , w1 ") == ("u", "w1")
    assert parse_names("") == ()
    for text in ("u,,w", "u,u", "u,1", "_u", "u w", "x,lambda"):
        with pytest.raises(ParseError):
            parse_names(text)


def test_structures_keep_heads_lists_and_operations():
    assert parse_structure("Normal(m, 0.5)**2", LAWS) == Op(
        "**", (Head("Normal", (Scalar(sp.Symbol("m", real=True)), Scalar(sp.Rational(1, 2)))), Scalar(sp.Integer(2)))
    )
    assert parse_structure("Finite([1, -2], [1/4, 3/4])", LAWS) == Head(
        "Finite",
        (
            List((Scalar(sp.Integer(1)), Scalar(sp.Integer(-2)))),
            List((Scalar(sp.Rational(1, 4)), Scalar(sp.Rational(3, 4)))),
        ),
    )
    mixture = parse_structure("Mixture([Normal(0,1), Uniform(0,2)], [0.5,0.5])", LAWS)
    assert isinstance(mixture, Head)
    assert isinstance(mixture.args[0], List)
    assert [str(item).split("(")[0] for item in mixture.args[0]] == ["Normal", "Uniform"]


def test_scalars_of_an_affine_image_are_combined():
    law = Head("Exponential", (Scalar(sp.Symbol("t", real=True)),))
    assert parse_structure("1 + 2*3 + c*x/2*Exponential(t)", LAWS) == Op(
        "+", (Scalar(sp.Integer(7)), Op("*", (Scalar(sp.Symbol("c", real=True) * x / 2), law)))
    )
    assert parse_structure("-Exponential(t)", LAWS) == Op("-", (law,))
    assert parse_structure("2 - Exponential(t)/3", LAWS) == Op(
        "-", (Scalar(sp.Integer(2)), Op("/", (law, Scalar(sp.Integer(3)))))
    )


@pytest.mark.parametrize(
    "text",
    ["c + k*Normal(m, s)", "-Normal(m, -s)**2", "Normal(0, a)*Normal(0, b)/(2*x)", "(1 - Uniform(0, 2))**2 - [1, 2]"],
)
def test_the_text_of_a_structure_reads_back(text: str):
    node = parse_structure(text, LAWS)
    assert parse_structure(str(node), LAWS) == node


@pytest.mark.parametrize(
    "text",
    ["sin(Normal(0,1))", "Normal", "Normal(m=1)", "Normal(*[1])", "Uniform(0,1)/0", "Norml(0,1)", "Normal(0,1)[0]"],
)
def test_wrong_structures_are_parse_errors(text: str):
    with pytest.raises(ParseError):
        parse_structure(text, LAWS)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3", 3),
        ("-3", -3),
        ("0.5", 0.5),
        ("1e3", 1000.0),
        ("1/4", 0.25),
        ("2**10", 1024),
        ("pi/2", 1.5707963267948966),
        ("0.4,-0.2,1.1", [0.4, -0.2, 1.1]),
        ("1, 1/2", [1, 0.5]),
        ("1,2;3,4", [[1, 2], [3, 4]]),
        ("1;2", [[1], [2]]),
        ("[[1, 2], [3, 4.5]]", [[1, 2], [3, 4.5]]),
        ("[]", []),
        ("[1,2],[3,4]", [[1, 2], [3, 4]]),
        ("without", "without"),
        ("linear:2-3-2", "linear:2-3-2"),
        ('["left", "right"]', ["left", "right"]),
    ],
)
def test_values_are_read_as_typed(text: str, expected: object):
    value = parse_value(text)
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nan",
        "inf",
        "-inf",
        "[1,nan]",
        "1e999",
        "1,,2",
        "[1",
        "1]",
        "[[[[[1]]]]]",
        "x+1",
        "9" * 60,
        "{}",
        "2j",
        "__import__('os')",
        "1;;2",
        "sqrt(-1)",
        "1 2",
        "[" * 9000,
        "9**9**9",
        '{"a": 1}',
    ],
)
def test_wrong_values_are_parse_errors(text: str):
    with pytest.raises(ParseError):
        parse_value(text)


def test_ten_thousand_numbers_are_read():
    numbers = [random.Random(0).random() for _ in range(10_000)]
    assert parse_value(",".join(map(repr, numbers))) == numbers


def test_assignments_are_exact():
    assert parse_assignments("x=0.1, learning_rate = 1/3,a=sqrt(2)") == {
        "x": sp.Rational(1, 10),
        "learning_rate": sp.Rational(1, 3),
        "a": sp.sqrt(2),
    }
    assert parse_assignments("") == {}
    assert parse_assignments("b=m/2", unknown="symbol") == {"b": sp.Symbol("m", real=True) / 2}


@pytest.mark.parametrize(
    "text", ["x", "x=", "=1", "x=1,x=2", "x=1,,y=2", "x==1", "1=x", "x=y", "x=nan", "__x=1", "x*y=1"]
)
def test_wrong_assignments_are_parse_errors(text: str):
    with pytest.raises(ParseError):
        parse_assignments(text)


def test_moments_take_monomials_on_the_left():
    assert parse_moments("x*y=0.3,x**2=1.1,y=m", {"x": x, "y": y}) == {
        x * y: sp.Rational(3, 10),
        x**2: sp.Rational(11, 10),
        y: sp.Symbol("m", real=True),
    }


@pytest.mark.parametrize("text", ["x+y=1", "2*x=1", "z=1", "x**-1=2", "x**0.5=1", "1=1", "sin(x)=1", "x*y=1,y*x=2"])
def test_wrong_moments_are_parse_errors(text: str):
    with pytest.raises(ParseError):
        parse_moments(text, {"x": x, "y": y})


_PIECES = st.sampled_from(
    [
        "x",
        "y1",
        "2",
        "0.5",
        "1e3",
        "+",
        "-",
        "*",
        "/",
        "**",
        "^",
        "(",
        ")",
        ",",
        "sin(",
        "log(",
        "Max(",
        "exp(",
        "[",
        "]",
        "gamma(",
        ".",
        "=",
        "'",
        "lambda",
        "if",
        "E",
        "pi",
        "64",
        "9",
        "sqrt(",
        "relu(",
        " ",
        "\n",
        "_",
        "oo",
        "Normal(",
    ]
)
_TEXTS = st.text(max_size=40) | st.lists(_PIECES, max_size=25).map("".join)


@settings(max_examples=400, deadline=None)
@given(_TEXTS)
def test_any_text_gives_an_expression_or_a_parse_error(text: str):
    for read in (parse_expression, parse_value, parse_names, parse_assignments, lambda t: parse_structure(t, LAWS)):
        try:
            result = read(text)
        except ParseError:
            continue
        if read is parse_expression:
            assert isinstance(result, sp.Expr)
            assert not result.has(sp.nan, sp.zoo, sp.oo, sp.I)


_LEAVES = st.sampled_from(["x", "y", "3", "0.25", "pi"])


def _grow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    binary = st.tuples(inner, st.sampled_from("+-*"), inner).map(lambda t: f"({t[0]}{t[1]}{t[2]})")
    unary = st.tuples(st.sampled_from(["-", "sin", "tanh", "exp", "erf"]), inner).map(lambda t: f"{t[0]}({t[1]})")
    return binary | unary | inner.map(lambda t: f"({t})**2")


@settings(max_examples=80, deadline=None)
@given(st.recursive(_LEAVES, _grow, max_leaves=6))
def test_printed_expressions_read_back_equal(text: str):
    try:
        expression = parse_expression(text)
    except ParseError:
        return
    assert parse_expression(sp.sstr(expression)) == expression
