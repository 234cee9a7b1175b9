"""Errors that a user of the numerics can cause; each message gives the value, the limit and the remedy."""

from __future__ import annotations


class NumericsError(ValueError):
    """Base of all errors raised by ``numerics``."""


class UnsupportedFunction(NumericsError):
    """An expression contains a function which cannot be printed to torch."""


class InvalidSample(NumericsError):
    """A sample cannot support the statement asked of it (too few values, non-finite values, heavy tails)."""
