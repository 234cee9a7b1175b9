"""A law: a closed form that somebody claims about stochastic gradient descent, with everything needed to test it."""

from __future__ import annotations

import functools
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import mpmath
import sympy as sp

from theory import evaluation, store
from theory.derivation import Derivation
from theory.errors import DomainError, EvaluationError, TheoryError
from theory.parameter import Constraint, Parameter, ParameterSet
from theory.source import Source

RUNGS = ("algebra", "flow", "chain", "sgd", "net")
_KEPT = 64
_REMEDY = "The point is too extreme or degenerate for the evaluation; choose less extreme values."
_compiler: Callable[..., Any] | None = None


def use_compiler(compile_expression: Callable[..., Any]) -> None:
    """Install the function which compiles an expression for tensors: ``(expression, symbols, name=) -> callable``.

    The theory knows no tensor library; whoever does (``checks`` installs the torch printer) injects it here.
    """
    global _compiler
    _compiler = compile_expression
    _compiled.cache_clear()


@dataclass(frozen=True)
class Regime:
    """Where a law holds: exactly, or asymptotically as ``small`` -> its limit with an error of the given order."""

    small: str = ""
    order: str = ""

    def __str__(self) -> str:
        """Return "exact" or the named small parameter with the order of the error."""
        return f"{self.small}, error {self.order}" if self.order else (self.small or "exact")


EXACT = Regime()


@dataclass(frozen=True)
class Mutant:
    """A wrong version of a law which every check must refute. ``evaluate(law, values)`` is its value."""

    name: str
    evaluate: Callable[[Law, Mapping[str, Any]], Any]


def mutant_value(name: str, function: Callable[..., Any]) -> Mutant:
    """Mutant given as a function of the parameter keys (keyword arguments, extra ones in ``**_``)."""
    return Mutant(name, lambda law, values: function(**law.complete(values)))


def mutant_parameters(name: str, change: Callable[[dict[str, Any]], Mapping[str, Any]]) -> Mutant:
    """Mutant that evaluates the law at changed parameter values (domain checks are not applied)."""

    def value(law: Law, values: Mapping[str, Any]) -> Any:
        full = law.complete(values)
        return law.value({**full, **change(full)}, check=False)

    return Mutant(name, value)


def mutant_result(name: str, change: Callable[..., Any]) -> Mutant:
    """Mutant that spoils the true value: ``change(value, **values)``."""
    return Mutant(name, lambda law, values: change(law(**values), **law.complete(values)))


def mutant_form(name: str, change: Callable[[Any], Any]) -> Mutant:
    """Mutant that transforms the derived SymPy expression: ``change(expression) -> expression``."""

    def value(law: Law, values: Mapping[str, Any]) -> Any:
        full = law.complete(values)
        wrong = change(law.derivation(**law.structure_of(full)).result)
        return evaluation.to_python(evaluation.evaluate(wrong, law.parameters, full, 15), law.complex_valued)

    return Mutant(name, value)


@dataclass(frozen=True)
class Law:
    """A claim ``quantity = closed form`` with its derivation, independent definition, sources and mutants.

    Parameters
    ----------
    id : ``family.topic.variant``
    title, statement : one line; the claim in words with its assumptions
    quantity : left side of the claim, a SymPy symbol or function application
    parameters : the parameters in the order of the statement
    derive : function of the structural parameters (keyword arguments) that returns a ``Derivation`` starting
        from the loss, the update and the law of the data
    definition : numeric oracle evaluated with mpmath on the definition, never on the closed form
        (keyword arguments: all parameters); its working precision is the current ``mpmath.mp``; None for a
        bare conjecture, which then has no algebra rung
    structure : keys of the parameters on which the *form* depends (batch sizes, dimensions, words)
    evaluator : ``evaluator(derivation, values, digits)`` where the result is no plain expression (roots, lists)
    constraints : conditions between the parameters
    published : value of the formula as printed in the source, a function of the keys; ``published_agrees``
        says whether it equals the derived one
    tolerance : relative error allowed between closed form and definition (1e-9 unless the law says why not)
    rungs : the rungs of the fidelity ladder on which the law is checked
    """

    id: str
    title: str
    statement: str
    quantity: Any
    parameters: tuple[Parameter, ...]
    derive: Callable[..., Derivation]
    definition: Callable[..., Any] | None
    sources: tuple[Source, ...]
    mutants: tuple[Mutant, ...]
    rungs: tuple[str, ...] = ("algebra",)
    regime: Regime = EXACT
    assumptions: tuple[str, ...] = ()
    structure: tuple[str, ...] = ()
    display: Mapping[str, Any] | None = None
    evaluator: Callable[[Derivation, dict[str, Any], int], Any] | None = None
    constraints: tuple[Constraint, ...] = ()
    published: Callable[..., Any] | None = None
    published_agrees: bool = True
    erratum: str = ""
    complex_valued: bool = False
    tolerance: float = 1e-9
    gate_points: int = 20
    priority: str = "A"

    @property
    def family(self) -> str:
        """The first part of the id."""
        return self.id.split(".", 1)[0]

    @functools.cached_property
    def _parameter_set(self) -> ParameterSet:
        return ParameterSet(self.parameters, self.constraints)

    def complete(self, values: Mapping[str, Any], *, check: bool = True) -> dict[str, Any]:
        """Return all values with defaults filled in; raise DomainError with value, limit and remedy."""
        return self._parameter_set.complete(self.id, values, check=check)

    def generic_points(self, count: int, seed: int = 0) -> list[dict[str, Any]]:
        """Draw ``count`` generic points of the domain, deterministic in ``seed``."""
        rng = random.Random(f"{self.id}:{seed}")
        return [self._parameter_set.draw(rng, self.id) for _ in range(count)]

    def structure_of(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the part of the values on which the form of the law depends."""
        return {key: values[key] for key in self.structure}

    def derivation(self, **structure: Any) -> Derivation:
        """Return the derivation for a structure (defaults: the display structure), cached in memory and on disk."""
        chosen = {key: p.default for key in self.structure for p in [self._parameter_set.by_key[key]]}
        chosen |= dict(self.display or {}) | structure
        missing = [key for key in self.structure if chosen.get(key) is None]
        if missing:
            raise DomainError(f"{self.id}: the form depends on {missing[0]!r}; give {missing[0]}=...")
        return _derivation(self, tuple((key, _frozen(chosen[key])) for key in self.structure))

    @property
    def closed_form(self) -> Any:
        """The derived right side for the display structure."""
        return self.derivation().result

    @property
    def claim(self) -> Any:
        """The claim as a SymPy equation."""
        form = self.closed_form
        return form if isinstance(form, sp.Rel) else sp.Eq(self.quantity, form, evaluate=False)

    def evaluate(self, digits: int = 15, **values: Any) -> Any:
        """Evaluate with mpmath to ``digits`` digits: an mpf, mpc, or nested lists of them (text and None as is)."""
        return self._compute(self.complete(values), digits)

    def value(self, values: Mapping[str, Any], *, check: bool = True) -> Any:
        """Evaluate to plain Python floats, lists, complex pairs, text or None."""
        full = self.complete(values, check=check)
        return evaluation.to_python(self._compute(full, 15, check=check), self.complex_valued)

    def _compute(self, full: dict[str, Any], digits: int, *, check: bool = True) -> Any:
        """Evaluate at complete values; ``check`` also asks for a number where the evaluation gave NaN.

        The last values are kept: a gate asks for the same ones again for each of its mutants.
        """
        key = digits, tuple((name, _frozen(value)) for name, value in full.items())
        if key not in self._known:
            if len(self._known) >= _KEPT:
                self._known.clear()
            self._known[key] = self._evaluated(full, digits)
        raw = self._known[key]
        if check and evaluation.has_nan(raw):
            raise EvaluationError(f"{self.id} is not a number at {_listed(full)}. {_REMEDY}")
        return evaluation.map_numbers(raw, lambda number: number)

    @functools.cached_property
    def _known(self) -> dict[Any, Any]:
        return {}

    def _evaluated(self, full: dict[str, Any], digits: int) -> Any:
        try:
            derivation = self.derivation(**self.structure_of(full))
            if self.evaluator is not None:
                return self.evaluator(derivation, full, digits)
            return evaluation.evaluate(derivation.result, self.parameters, full, digits)
        except TheoryError:
            raise
        except RecursionError as error:
            raise EvaluationError(
                f"the form of {self.id} is too long at {_listed(full)}; choose fewer terms."
            ) from error
        except (ArithmeticError, ValueError, mpmath.libmp.NoConvergence) as error:
            raise EvaluationError(f"{self.id} has no value at {_listed(full)}: {error}. {_REMEDY}") from error

    def __call__(self, **values: Any) -> Any:
        """Evaluate with floats (plain Python result) or with tensors and arrays (broadcast, differentiable)."""
        if any(hasattr(v, "shape") and hasattr(v, "dtype") for v in values.values()):
            return self._evaluate_tensors(values)
        return self.value(values)

    def _evaluate_tensors(self, values: Mapping[str, Any]) -> Any:
        if _compiler is None:
            raise DomainError(f"{self.id}: tensors need a compiler; `import checks` installs the torch printer.")
        if self.evaluator is not None:
            raise DomainError(f"{self.id} is not a plain closed form; evaluate it with floats, one point at a time.")
        full = {p.key: values.get(p.key, p.default) for p in self.parameters}
        self._parameter_set.complete(self.id, values, check=False)
        structure = tuple((key, _frozen(_scalar(self.id, key, full[key]))) for key in self.structure)
        arguments = evaluation.arguments(self.parameters, full)
        return _compiled(self, structure)(*arguments)

    def mutants_with_automatic(self) -> tuple[Mutant, ...]:
        """Declared mutants plus the automatic ones: factor, sign, exponent, dropped terms."""
        return self.mutants + automatic_mutants(self)

    def latex(self) -> str:
        """The claim in LaTeX."""
        return sp.latex(self.claim)

    def citation(self) -> str:
        """BibTeX of all sources."""
        return "\n\n".join(source.bibtex() for source in self.sources)

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"

    def _repr_html_(self) -> str:
        from html import escape

        rows = "".join(
            f"<tr><td><code>{escape(p.key)}</code></td><td>{escape(p.meaning)}</td>"
            f"<td>{escape(p.domain.describe())}</td></tr>"
            for p in self.parameters
        )
        return (
            f"<h4>{escape(self.id)}</h4><p>{escape(self.title)}</p>{escape(self._repr_latex_())}"
            f"<table>{rows}</table><p>{escape(str(self.regime))}</p>"
        )

    def __hash__(self) -> int:
        """Laws are identified by their id."""
        return hash(self.id)

    def __eq__(self, other: object) -> bool:
        """Laws are equal if they are the same object or agree in id and derivation function."""
        return isinstance(other, Law) and (self is other or (self.id, self.derive) == (other.id, other.derive))

    def but(self, **changes: Any) -> Law:
        """Return a copy with some fields changed."""
        return replace(self, **changes)


def automatic_mutants(law: Law) -> tuple[Mutant, ...]:
    """Mutants every number-valued law gets: value times 3/2, sign flipped, exponent 3/2, single terms dropped."""
    mutants = [
        mutant_result("automatic: factor 3/2", lambda v, **_: evaluation.map_numbers(v, lambda x: 1.5 * x)),
        mutant_result("automatic: sign", lambda v, **_: evaluation.map_numbers(v, lambda x: -x)),
        mutant_result("automatic: exponent 3/2", lambda v, **_: evaluation.map_numbers(v, _power)),
    ]
    if law.evaluator is None:
        form = law.closed_form
        terms = form.args if isinstance(form, sp.Add) and not law.structure else ()
        for index, term in enumerate(terms[:6]):
            mutants.append(mutant_form(f"automatic: without {sp.sstr(term)[:60]}", _dropper(index)))
    return tuple(mutants)


def _dropper(index: int) -> Callable[[Any], Any]:
    return lambda form: sp.Add(*[t for i, t in enumerate(form.args) if i != index])


def _listed(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in values.items())[:300] or "its only point"


def _power(x: Any) -> Any:
    return abs(x) ** 1.5 * (1 if x > 0 else -1) if isinstance(x, float) else x * abs(x)


def _scalar(law_id: str, key: str, value: Any) -> Any:
    if getattr(value, "ndim", 0):
        raise DomainError(f"{law_id}: the form depends on {key!r}, which must be one value, not an array.")
    return value.item() if hasattr(value, "item") else value


def _frozen(value: Any) -> Any:
    return tuple(_frozen(v) for v in value) if isinstance(value, list) else value


@functools.lru_cache(maxsize=4096)
def _derivation(law: Law, structure: tuple[tuple[str, Any], ...]) -> Derivation:
    kwargs = dict(structure)
    built: list[Derivation] = []

    def build() -> Any:
        built.append(law.derive(**kwargs))
        data = built[0].encode()
        if Derivation.decode(data) != built[0]:
            raise store.StoreError(f"the derivation of {law.id} does not survive storage.")
        return data

    try:
        data = store.cached(f"{law.id}:{structure!r}", build, evaluation.theory_fingerprint(law.derive))
        return built[0] if built else Derivation.decode(data)
    except store.StoreError:
        return built[0] if built else law.derive(**kwargs)


@functools.lru_cache(maxsize=1024)
def _compiled(law: Law, structure: tuple[tuple[str, Any], ...]) -> Any:
    if _compiler is None:
        raise DomainError(f"{law.id}: tensors need a compiler; `import checks` installs the torch printer.")
    form = law.derivation(**dict(structure)).result
    return _compiler(form, evaluation.argument_symbols(law.parameters), name=law.id)
