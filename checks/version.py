"""The version of sgdlaws, in one place."""

__version__ = "0.1.0"
