"""Laws from bare formulas: a conjecture is confronted with dynamics without a derivation or a definition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sympy as sp

from theory.derivation import derivation
from theory.law import EXACT, Law, Mutant, Regime
from theory.parameter import Domain, Parameter, positive
from theory.parse import parse_expression
from theory.source import DERIVED, Source


def conjecture(
    law_id: str,
    statement: str,
    formula: str,
    *,
    title: str = "",
    domains: Mapping[str, Domain] | None = None,
    unused: Sequence[str] = (),
    regime: str = "",
    mutants: Sequence[Mutant] = (),
    sources: Sequence[Source] = (DERIVED,),
) -> Law:
    """Return a law whose closed form is the text ``formula``; the names in it are its parameters.

    Names are positive unless ``domains`` says otherwise; ``unused`` names parameters of the experiment on which the
    formula is claimed not to depend. Raises ParseError for text outside the accepted language.

    >>> law = conjecture("my.variance", "variance of SGD", "learning_rate * noise_std**2 / 2")
    >>> law(learning_rate=0.5, noise_std=2.0)
    1.0
    """
    given = dict(domains or {})
    names = {name: _symbol(name, domain) for name, domain in given.items()}
    names |= {name: sp.Symbol(name, positive=True) for name in unused if name not in names}
    form = parse_expression(formula, symbols=names, assumptions={"positive": True})
    found = sorted(form.free_symbols | {names[n] for n in unused}, key=lambda s: s.name)
    return Law(
        id=law_id,
        title=title or formula,
        statement=statement,
        quantity=sp.Symbol(law_id.rsplit(".", 1)[-1]),
        parameters=tuple(Parameter(s.name, s, s.name, given.get(s.name, positive())) for s in found),
        derive=lambda: derivation(("conjecture", form, "as claimed, not derived")),
        definition=None,
        sources=tuple(sources),
        mutants=tuple(mutants),
        regime=Regime(regime) if regime else EXACT,
    )


def _symbol(name: str, domain: Domain) -> sp.Symbol:
    if domain.kind == "integer":
        return sp.Symbol(name, integer=True)
    return sp.Symbol(name, positive=True) if domain.low == 0 and domain.low_open else sp.Symbol(name, real=True)
