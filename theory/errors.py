"""Errors that a user of the theory can cause; each message gives the value, the limit and the remedy."""

from __future__ import annotations


class TheoryError(ValueError):
    """Base of all errors raised by ``theory``."""


class DomainError(TheoryError):
    """A parameter value lies outside the domain of a law, is missing, or is not one of its parameters."""


class UnknownLaw(TheoryError):
    """No law of the catalogue has this id."""


class ParseError(TheoryError):
    """User text is not an expression of the accepted language."""


class DerivationError(TheoryError):
    """A derivation does not apply to the given model, or failed its own numerical guard."""


class EvaluationError(TheoryError):
    """A law could not be evaluated to a number at values which its domain admits."""
