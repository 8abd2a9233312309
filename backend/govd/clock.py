"""The governed clock: the wall's time, which never runs backwards, and which does not believe a step.

Must never hand out a time earlier than one that it handed out before, nor follow the wall through a
step of more than 60 s until somebody has seen it (threats T14).
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from govd.freshness import SigningTime

if TYPE_CHECKING:
    from collections.abc import Callable

STEP_LIMIT: Final = timedelta(seconds=60)
"""How far the wall may move against the boot clock before it counts as a step; in a day, all together."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_SECOND: Final = 1_000_000
_LIMIT: Final = STEP_LIMIT // _MICROSECOND
_DAY: Final = 86_400 * _SECOND
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


class Clock(Protocol):
    """What govd asks for the time."""

    @property
    def stepped(self) -> timedelta | None:
        """How far the wall has stepped, until acknowledged; None: it has not. One that changes says so."""

    def signing(self) -> SigningTime:
        """The governed time, and how far it stays ahead of the wall by steps back that were acknowledged."""

    @property
    def mark(self) -> str:
        """What to remember across restarts, so that a step made meanwhile is seen."""

    def now(self) -> datetime:
        """The governed time: UTC, microseconds, never earlier than before."""

    def start(self, high_water: datetime | None, mark: str | None = None) -> None:
        """Compare with the latest time and the mark that were recorded before this start."""

    def acknowledge(self, seen: timedelta) -> None:
        """An operator has seen a step of that size: follow the wall again, if it is the one that stands."""


def _system_times() -> tuple[float, float]:
    return time.time(), time.clock_gettime(time.CLOCK_BOOTTIME)


def _boot_id() -> str:
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return "unknown"


def _read_mark(mark: str | None) -> tuple[str, str, int]:
    """The boot that a mark is of, its wall against its boot clock, and how far time was ahead of the wall."""
    boot_id, offset, ahead = (*(mark or "").split(":"), "", "", "")[:3]
    return boot_id, offset, int(ahead) if ahead.isdigit() else 0


class SystemClock:
    """The wall clock, held against the boot clock.

    After a step back has been acknowledged, governed time stays ahead of the wall by the step, because
    it must not run backwards; time-outs go on as before.

    Args:
        times: Seconds since the epoch, and seconds since boot, sleep included, both as of one moment.
        boot_id: Names this boot; None: the kernel's.
    """

    def __init__(
        self,
        times: Callable[[], tuple[float, float]] = _system_times,
        boot_id: str | None = None,
    ) -> None:
        self._times = times
        self._boot_id = _boot_id() if boot_id is None else boot_id
        self._lock = threading.Lock()
        self._stepped: int | None = None
        self._before = 0
        """Microseconds that the wall had stepped when this clock was started, before its reference."""
        self._ahead = 0
        """Microseconds that governed time stays ahead of the wall, after a step back was acknowledged."""
        self._last, self._last_boot = self._read = self._readings()
        self._reference = self._last, self._last_boot
        self.mark = self._new_mark()

    @property
    def stepped(self) -> timedelta | None:
        """How far the wall has stepped, until acknowledged; None: it has not.

        Another value than before: the wall was moved once more, by more than the limit.
        """
        return None if self._stepped is None else timedelta(microseconds=self._stepped)

    def now(self) -> datetime:
        """The governed time: UTC, microseconds, never earlier than before."""
        with self._lock:
            return _EPOCH + timedelta(microseconds=self._advance())

    def signing(self) -> SigningTime:
        """The governed time, and how far it stays ahead of the wall by steps back that were acknowledged."""
        with self._lock:
            now = _EPOCH + timedelta(microseconds=self._advance())
            return SigningTime(now, timedelta(microseconds=self._ahead))

    def start(self, high_water: datetime | None, mark: str | None = None) -> None:
        """Compare with the latest time and the mark that were recorded before this start.

        Args:
            high_water: The latest time on record; None on the first start.
            mark: What `mark` was then. Within one boot it shows a step that was made while govd was down;
                and by how much the record may be ahead of the wall, since an operator has seen why.
        """
        boot_id, offset, ahead = _read_mark(mark)
        with self._lock:
            wall, boot = self._readings()
            self._last, self._last_boot = max(self._last, wall), boot
            recorded = wall if high_water is None else (high_water - _EPOCH) // _MICROSECOND
            self._last = max(self._last, recorded)
            same_boot = boot_id == self._boot_id
            # After a reboot no more of it than the record needs: the wall may have been set right meanwhile.
            self._ahead = max(self._ahead, ahead if same_boot else min(ahead, max(0, recorded - wall)))
            if recorded - wall - self._ahead > _LIMIT:
                self._stepped = wall + self._ahead - recorded
            if same_boot and offset.lstrip("-").isdigit():
                drift = wall - boot - int(offset)
                if abs(drift) > max(_LIMIT, abs(self._stepped or 0)):
                    self._stepped = drift
            self._reference, self._before = (wall, boot), self._stepped or 0
            self.mark = self._new_mark() if self._stepped is None else mark or ""

    def acknowledge(self, seen: timedelta) -> None:
        """An operator has seen a step: follow the wall again, forward at once, back by staying ahead.

        Args:
            seen: What `stepped` was when he was told. Where it has changed since, the step stays as it is:
                nobody has seen that one.
        """
        with self._lock:
            governed = self._advance()
            if self._stepped is None or self._stepped != seen // _MICROSECOND:
                return
            wall, boot = self._read  # as it was judged: a step made since is another one
            self._ahead = max(0, governed - wall)
            self._reference, self._before = (wall, boot), 0
            self._stepped = None
            self.mark = self._new_mark()

    def _readings(self) -> tuple[int, int]:
        wall, boot = self._times()
        return int(wall * _SECOND), int(boot * _SECOND)

    def _new_mark(self) -> str:
        wall, boot = self._reference
        return f"{self._boot_id}:{wall - boot}:{self._ahead}"

    def _advance(self) -> int:
        """One step of governed time; the caller holds the lock."""
        wall, boot = self._read = self._readings()
        elapsed = max(0, boot - self._last_boot)
        reference_wall, reference_boot = self._reference
        drift = self._before + (wall - reference_wall) - (boot - reference_boot)
        # A wall that was set right again is no other step: what was told stays until somebody has seen it.
        if abs(drift) > _LIMIT and abs(drift - (self._stepped or 0)) > _LIMIT:
            self._stepped = drift
        if self._stepped is None:
            self._last = max(self._last, wall + self._ahead)
            if boot - reference_boot > _DAY:
                self._reference = wall, boot
                self.mark = self._new_mark()
        else:
            self._last += elapsed
        self._last_boot = max(boot, self._last_boot)
        return self._last
