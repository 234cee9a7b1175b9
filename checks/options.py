"""How a run is made."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from checks.errors import CheckError


@dataclass(frozen=True)
class Options:
    """How a run is made: profile, seed, device, and whether chunks of the journal are used again."""

    profile: str = "quick"
    seed: int = 0
    device: str = "cpu"
    resume: bool = True

    def __post_init__(self) -> None:
        """Refuse unknown profiles and absent devices."""
        if self.profile not in ("quick", "full"):
            raise CheckError(f"profile {self.profile!r} is unknown; choose quick or full.")
        kind = self.device.split(":")[0]
        if kind not in ("cpu", "cuda"):
            raise CheckError(f"device {self.device!r} is unknown; choose cpu or cuda.")
        if kind == "cuda" and not torch.cuda.is_available():
            raise CheckError(f"device {self.device!r} is asked for but no CUDA device is present; use --device cpu.")
