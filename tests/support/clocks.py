"""A governed clock whose wall and boot times a test moves."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from govd.clock import SystemClock

if TYPE_CHECKING:
    from govd.clock import Clock


class Times:
    """Seconds on the wall and since boot."""

    def __init__(
        self, wall: datetime = datetime(2026, 11, 21, 9, 0, tzinfo=UTC), boot: float = 1000.0
    ) -> None:
        # One tuple: another thread that read them one by one would see a step that nobody made.
        self.now = wall.timestamp(), boot

    def go_on(self, seconds: float) -> None:
        """Time passes, on both clocks."""
        wall, boot = self.now
        self.now = wall + seconds, boot + seconds

    def step(self, seconds: float) -> None:
        """Somebody sets the wall clock."""
        wall, boot = self.now
        self.now = wall + seconds, boot

    def clock(self, boot_id: str = "boot-1") -> SystemClock:
        """A clock over these times."""
        return SystemClock(lambda: self.now, boot_id)


def see_step(clock: Clock) -> None:
    """An operator has seen the step that stands, if one does."""
    clock.now()
    if clock.stepped is not None:
        clock.acknowledge(clock.stepped)
