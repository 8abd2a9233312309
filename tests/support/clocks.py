"""A governed clock whose wall and boot times a test moves."""

from __future__ import annotations

from datetime import UTC, datetime

from govd.clock import SystemClock


class Times:
    """Seconds on the wall and since boot. Every reading passes a microsecond."""

    def __init__(
        self, wall: datetime = datetime(2026, 11, 21, 9, 0, tzinfo=UTC), boot: float = 1000.0
    ) -> None:
        self.wall = wall.timestamp()
        self.boot = boot

    def go_on(self, seconds: float) -> None:
        """Time passes, on both clocks."""
        self.wall += seconds
        self.boot += seconds

    def step(self, seconds: float) -> None:
        """Somebody sets the wall clock."""
        self.wall += seconds

    def clock(self, boot_id: str = "boot-1") -> SystemClock:
        """A clock over these times."""
        return SystemClock(wall=lambda: self.wall, boot=lambda: self.boot, boot_id=boot_id)
