"""The console's two clocks behind one seam, so that tests move time instead of waiting for it.

Must never be read for a decision about a job: govd's clock alone says when a hold ends.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What the console reads time from."""

    def monotonic(self) -> float:
        """Seconds that only go forward; for how long something has been on screen or idle."""
        ...

    def stamped(self, at: float) -> float:
        """The moment, on `monotonic`'s scale, of an event that the terminal's reader stamped with `at`."""
        ...

    def now(self) -> datetime:
        """The wall clock, UTC; for the time in a vote and the time left of a hold."""
        ...


class SystemClock:
    """The machine's clocks."""

    def monotonic(self) -> float:
        """Seconds since some start."""
        return time.monotonic()

    def stamped(self, at: float) -> float:
        """The same: the reader stamps with this machine's monotonic clock."""
        return at

    def now(self) -> datetime:
        """The wall clock, UTC."""
        return datetime.now(UTC)
