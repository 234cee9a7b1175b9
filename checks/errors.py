"""Errors that a user of the checks can cause; each message gives the value, the limit and the remedy."""

from __future__ import annotations


class CheckError(ValueError):
    """Base of all errors raised by ``checks``."""
