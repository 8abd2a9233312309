"""The clock's own alarm, raised once for each step, whoever sees it at whatever moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from govd.clock import SystemClock
from govd.founding import found
from govd.service import Govd
from govd.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from tests.govd.house.conftest import Inside


class Watched(SystemClock):
    """A clock that lets somebody act at the moment after its step was read."""

    after_reading: Callable[[], None] | None = None

    @property
    def stepped(self) -> timedelta | None:
        found = super().stepped
        if self.after_reading is not None:
            act, self.after_reading = self.after_reading, None
            act()
        return found


@pytest.mark.threat("T14")
def test_a_step_that_is_seen_while_the_clock_is_looked_at_is_not_raised_once_more(inside: Inside):
    """An alarm that comes back after it was seen teaches its reader to click it away."""
    found(inside.founding())
    clock = Watched(lambda: inside.times.now, "boot-1")
    govd = Govd(inside.state, read_settings(inside.state), clock=clock)
    inside.stack.callback(govd.close)
    inside.times.step(600)
    clock.now()
    govd.tick()
    (alarm,) = govd.alarms.standing

    clock.after_reading = lambda: govd.alarms.seen(alarm.id, "ana")
    govd.tick()

    assert govd.alarms.standing == []
    assert clock.stepped is None
    inside.times.step(600)
    clock.now()
    govd.tick()
    assert [item.kind for item in govd.alarms.standing] == ["clock-step"], "another step is another alarm"
