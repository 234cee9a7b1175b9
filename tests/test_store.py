"""The disk cache of expressions: identical round trips, nothing evaluated, damage repaired."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from theory import store
from theory.store import StoreError, cached, decode, encode, fingerprint

x, y = sp.symbols("x y", positive=True)
n = sp.Symbol("n", integer=True, nonnegative=True)
h = sp.IndexedBase("h")
f = sp.Function("f")

EXPRESSIONS = [
    x,
    sp.Symbol("E[x*y]", real=True),
    sp.Integer(-(10**60)),
    sp.Rational(-22, 7),
    sp.Float("0.1", 40),
    sp.Float(1e-300),
    sp.Float(0),
    sp.pi + sp.E + sp.EulerGamma + sp.I * sp.Catalan + sp.GoldenRatio,
    sp.oo,
    -sp.oo,
    sp.zoo,
    sp.nan,
    sp.true,
    sp.S.Half * x**2 - y / 3,
    sp.Add(x, x, evaluate=False),
    sp.Mul(2, x + 1, evaluate=False),
    sp.sqrt(2) * x ** sp.Rational(-3, 2),
    sp.exp(-x) * sp.Ei(1 / x) + sp.expint(1, y),
    sp.log(sp.Abs(1 - sp.Symbol("h"))),
    sp.sin(0, evaluate=False),
    sp.erf(x) + sp.erfc(y) + sp.erfi(x) + sp.erfinv(x / (1 + x)),
    sp.gamma(x) + sp.polygamma(1, x) + sp.digamma(x) + sp.uppergamma(x, y) + sp.LambertW(x),
    sp.besselk(0, x) + sp.besselj(1, y) + sp.zeta(3, x) + sp.binomial(n, 3) + sp.factorial(n),
    sp.Max(x, y, 1) + sp.Min(x, 2),
    sp.Heaviside(x - y) + sp.sign(x - y) + sp.DiracDelta(x - y),
    sp.Piecewise((x, x < 1), (sp.log(x), (x >= 1) & (y < 2)), (0, True)),
    sp.Eq(x, y + 1),
    sp.Ne(x, 1) & ~sp.Contains(y, sp.Interval(0, 1)),
    sp.Sum(sp.log(sp.Abs(1 - h[n])) / x, (n, 0, 5)),
    sp.Product(h[n + 1, 2], (n, 1, x)),
    sp.Integral(sp.exp(-(x**2)) * f(x, y), (x, 0, sp.oo), y),
    sp.Derivative(f(x, y), (x, 2), y),
    sp.Function("g", real=True)(x) ** 2,
    sp.Subs(sp.Derivative(f(x), x), x, 0),
    sp.Tuple(x, sp.Tuple(1, y)),
    sp.ImmutableMatrix([[x, 1], [0, sp.Rational(1, 3)]]),
    sp.ImmutableMatrix(0, 3, []),
    sp.hyper([1, 1], [sp.Rational(3, 2), 2], -x),
    sp.meijerg([[1, 1], [2]], [[sp.S.Half], [0, x]], y),
    sp.Lambda((x, y), x * y + 1),
    sp.MatrixSymbol("A", 2, 3).T * sp.MatrixSymbol("B", 2, n),
    sp.Trace(sp.MatrixSymbol("A", n, n)),
]


@pytest.mark.parametrize("expression", EXPRESSIONS, ids=lambda e: sp.sstr(e)[:40])
def test_expressions_survive_the_round_trip(expression: sp.Basic):
    read = decode(json.loads(json.dumps(encode(expression))))
    assert read == expression or (expression is sp.nan and read is sp.nan)
    assert type(read) is type(expression)
    assert sp.srepr(read) == sp.srepr(expression)


def test_assumptions_survive():
    read = decode(encode(sp.Symbol("eta", positive=True, integer=False)))
    assert read.is_positive
    assert read.is_integer is False
    assert read != sp.Symbol("eta", positive=True)


def test_plain_values_and_containers_survive():
    value = [1, 0.1, "text", None, True, (x, [y + 1]), float("-inf")]
    assert decode(json.loads(json.dumps(encode(value)))) == value


_LEAVES = st.sampled_from([x, y, n, sp.pi, sp.Rational(2, 3), sp.Integer(-2), sp.Float(0.3)])


def _grow(inner: st.SearchStrategy[sp.Expr]) -> st.SearchStrategy[sp.Expr]:
    functions = st.sampled_from([sp.sin, sp.exp, sp.log, sp.erf, sp.Abs, sp.tanh])
    return (
        st.tuples(inner, inner).map(lambda t: t[0] + t[1])
        | st.tuples(inner, inner).map(lambda t: t[0] * t[1])
        | st.tuples(functions, inner).map(lambda t: t[0](t[1]))
        | inner.map(lambda e: e**2)
    )


@settings(max_examples=80, deadline=None)
@given(st.recursive(_LEAVES, _grow, max_leaves=8))
def test_random_expressions_survive_the_round_trip(expression: sp.Expr):
    assert decode(json.loads(json.dumps(encode(expression)))) == expression


@pytest.mark.parametrize("value", [sp.Dummy("d"), sp.Wild("w"), object(), {"a": 1}, {x}, sp.Poly(x, x), 1j, sp.sin])
def test_other_objects_are_refused(value: object):
    with pytest.raises(StoreError):
        encode(value)


FOREIGN = [
    None,
    3,
    "text",
    [],
    [[]],
    ["sin"],
    ["Poly", ["Integer", "1"]],
    ["sin", ["plain", "__import__('os').abort()"]],
    ["Add", ["plain", "__import__('os').abort()"], ["Integer", "1"]],
    ["sin", "__import__('os').abort()"],
    ["Integer", "__import__('os').abort()"],
    ["Integer", 3],
    ["Symbol", ["x"], {}],
    ["Symbol", "x", {"positive": "yes"}],
    ["Symbol", "x", {"no_such_assumption": 3}],
    ["applied", "f", {"evaluate": "x"}],
    ["constant", "__class__"],
    ["plain", {"a": 1}],
    ["plain"],
    ["Matrix", 2, 2, ["Integer", "1"]],
    ["Matrix", 1, 1, ["plain", "__import__('os').abort()"]],
    ["Rational", "1", "0"],
    ["Rational", "2", "x"],
    ["Tuple", ["plain", 1]],
    ["os.system", ["plain", "true"]],
    ["Symbol"],
    ["Float", 0, "x", 1, 2],
    ["Sum", ["Integer", "1"]],
]


@pytest.mark.parametrize("data", FOREIGN, ids=lambda d: str(d)[:50])
def test_foreign_data_are_refused(data: object):
    with pytest.raises(StoreError):
        decode(data)


def test_data_that_would_change_when_formed_are_refused():
    with pytest.raises(StoreError, match="changes"):
        decode(["Interval", ["Integer", "2"], ["Integer", "1"], ["constant", "false"], ["constant", "false"]])


def test_too_deep_expressions_are_refused_not_fatal():
    data: list[object] = ["Integer", "1"]
    for _ in range(5000):
        data = ["sin", data]
    with pytest.raises(StoreError):
        decode(data)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SGDLAWS_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def _counting(values: list[object]):
    calls: list[int] = []

    def build() -> object:
        calls.append(1)
        return values[len(calls) - 1]

    return build, calls


def test_the_second_call_reads_the_entry(cache: Path):
    build, calls = _counting([[1, ("a", 2)], "never"])
    first = cached("key", build, "one")
    assert first == [1, ["a", 2]]
    assert cached("key", build, "one") == first
    assert len(calls) == 1
    assert [p.suffix for p in cache.iterdir()] == [".json"]


def test_another_fingerprint_replaces_the_entry(cache: Path):
    build, calls = _counting(["old", "new"])
    assert cached("key", build, "one") == "old"
    assert cached("key", build, "two") == "new"
    assert cached("key", build, "two") == "new"
    assert len(calls) == 2
    assert len(list(cache.iterdir())) == 1


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "",
        lambda text: text[: len(text) // 2],
        lambda text: text.replace("first", "fake!"),
        lambda text: "[1, 2]",
        lambda text: '{"key": "key", "fingerprint": "one"}',
        lambda text: "\x00\udcff",
        lambda text: "[" * 100_000,
        lambda text: '{"key": "other", "fingerprint": "one", "data": 1, "checksum": ""}',
    ],
    ids=["empty", "truncated", "changed", "list", "no data", "binary", "deep", "foreign"],
)
def test_a_damaged_entry_is_rebuilt(cache: Path, damage):
    build, _ = _counting(["first", "second", "third"])
    cached("key", build, "one")
    (entry,) = cache.iterdir()
    entry.write_text(damage(entry.read_text()), errors="surrogateescape")
    assert cached("key", build, "one") == "second"
    assert cached("key", build, "one") == "second"


def test_a_directory_in_place_of_the_entry_is_not_fatal(cache: Path):
    build, _ = _counting(["first", "second", "third"])
    cached("key", build, "one")
    (entry,) = cache.iterdir()
    entry.unlink()
    entry.mkdir()
    assert cached("key", build, "one") == "second"
    assert [p.suffix for p in cache.iterdir()] == [".json"]


def test_without_a_writable_directory_everything_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SGDLAWS_CACHE_DIR", str(tmp_path / "file" / "cache"))
    build, calls = _counting(["first", "second"])
    assert [cached("key", build, "one"), cached("key", build, "one")] == ["first", "second"]
    assert len(calls) == 2


def test_an_error_of_the_builder_is_the_callers_and_leaves_nothing(cache: Path):
    def build() -> object:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        cached("key", build, "one")
    assert not cache.exists()


def test_directories_follow_the_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("SGDLAWS_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert store.directory() == Path("/somewhere/sgdlaws")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert store.directory() == Path.home() / ".cache" / "sgdlaws"


def _write_many(folder: str) -> bool:
    os.environ["SGDLAWS_CACHE_DIR"] = folder
    return all(cached("key", lambda i=i: ["x" * 5000, i], str(i % 3))[0] == "x" * 5000 for i in range(60))


def test_processes_may_write_the_same_entry(cache: Path):
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        assert pool.map(_write_many, [str(cache)] * 2) == [True, True]
    assert [p.suffix for p in cache.iterdir()] == [".json"]


def test_the_fingerprint_depends_on_the_source():
    assert fingerprint(encode) == fingerprint(encode)
    assert fingerprint(encode) != fingerprint(decode)
    assert fingerprint(store) != fingerprint(store, encode)
    with pytest.raises(StoreError):
        fingerprint(len)


def test_entries_do_not_depend_on_the_hash_seed():
    code = (
        "import sympy as sp, json; from theory.store import encode\n"
        "x, y, z = sp.symbols('x y z'); print(json.dumps(encode(sp.Max(x, y, z)*(x + y*sp.sin(z)) + sp.Min(z, y))))"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1
