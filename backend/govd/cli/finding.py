"""What `govd doctor` says of one thing that it looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `mend`: the command that mends it."""

    level: Literal["ok", "warn", "bad"]
    subject: str
    message: str
    mend: str = ""
