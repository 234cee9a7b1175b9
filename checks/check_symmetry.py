"""The algebra rung of the symmetry family: every law against its definition at generic points."""

from __future__ import annotations

from checks.check import Gate

gate = Gate("symmetry")
