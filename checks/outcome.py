"""The outcome of one case: verdict, interval, margin, resolution, mutants, and the line that replays it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from html import escape
from typing import Any


@dataclass(frozen=True)
class Outcome:
    """Everything a reader needs to judge one verdict; plain JSON-able values throughout."""

    check: str
    case: str
    law: str
    rung: str
    verdict: str
    expected: str
    kind: str
    estimate: list[float]
    low: list[float]
    high: list[float]
    prediction: list[float]
    margin: list[float]
    resolution: float
    replicas: int
    looks: int
    alpha: float
    mutants: dict[str, str] = field(default_factory=dict)
    reason: str = ""
    note: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    replay: str = ""
    seed: int = 0
    device: str = "cpu"
    profile: str = "quick"
    claim: str = ""
    sample: str = ""
    seconds: float = 0.0
    resumed: bool = False

    @property
    def ok(self) -> bool:
        """Whether the verdict is the expected one."""
        return self.verdict == self.expected

    @property
    def killed(self) -> int:
        """Number of mutants refuted."""
        return sum(v == "REFUTED" for v in self.mutants.values())

    @property
    def id(self) -> str:
        """Node id without the path: ``exponent_normal[chain-saddle]``."""
        return f"{self.check}[{self.case}]"

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON-able dictionary."""
        return asdict(self) | {"ok": self.ok, "killed": self.killed, "declared": len(self.mutants)}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Outcome:
        """Read back what ``as_dict`` wrote."""
        return cls(**{k: v for k, v in data.items() if k in cls.__dataclass_fields__})

    def _repr_html_(self) -> str:
        """A small table, for notebooks."""
        from checks.table import row

        law, rung, case, verdict, interval, prediction, resolution, mutants, replicas, _ = map(escape, row(self))
        colour = "#0a6b2d" if self.verdict == "CONFIRMED" else "#6b3fa0"
        colour = colour if self.ok else "#a3110a"
        cells = {
            "interval": interval, "prediction ± margin": prediction.replace("+-", "±"), "resolution": resolution,
            "mutants refuted": mutants, "n": replicas,
        }  # fmt: skip
        heads = "".join(f"<th>{name}</th>" for name in cells)
        values = "".join(f"<td>{value}</td>" for value in cells.values())
        remark = f"<p>{escape(self.reason or self.note)}</p>" if self.reason or self.note else ""
        return (
            f"<p><code>{law}</code> on {rung}, {case}: <strong style='color:{colour}'>{verdict}</strong></p>"
            f"<table><tr>{heads}</tr><tr>{values}</tr></table>{remark}"
        )

    def summary(self) -> str:
        """One line for tables and failure messages."""
        from numpy import argmax

        worst = 0
        if self.margin and self.prediction:
            worst = int(
                argmax([abs(e - p) / m if m else 0.0 for e, p, m in zip(self.estimate, self.prediction, self.margin)])
            )
        if not self.estimate:
            return f"{self.verdict} {self.note}"
        many = f" (worst of {len(self.estimate)})" if len(self.estimate) > 1 else ""
        return (
            f"{self.verdict}: interval [{self.low[worst]:.6g}, {self.high[worst]:.6g}]{many} against "
            f"{self.prediction[worst]:.6g} +- {self.margin[worst]:.3g}; n={self.replicas}, alpha={self.alpha:.1e}"
            + (f"; {self.note}" if self.note else "")
        )
