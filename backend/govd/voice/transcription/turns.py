"""Who asks the transcription upstream, how many at the same time, and when it is left alone for a while.

Must never let one that hangs keep anybody waiting but who asks it, nor agents take what operators need.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import threading
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

from govd.contract.errors import QuotaError, VoiceUnavailableError
from govd.voice.transcription.upstream import failed

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from datetime import datetime

    from govd.voice.model import Party
    from govd.voice.transcription.upstream import Upstream

MOST: Final = 3
"""Clips of all agents that are there at the same time, one of each; and so many of all operators."""

PATIENCE: Final = 3
"""After so many failures one after the other it is left alone."""

PAUSE: Final = timedelta(seconds=15)
"""So long; then one clip at a time goes there, until one comes back with an answer."""

_RETRY_S: Final = 2

T = TypeVar("T")


@dataclass
class _Door:
    """Those under way of one kind, and how it went. `until`: nobody goes before."""

    upstream: Upstream | None = None
    under_way: set[str] = field(default_factory=set)
    failures: int = 0
    until: datetime | None = None


class Ending:
    """The end of govd, for calls that would outlast it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stops: set[Callable[[], None]] = set()
        self._over = False

    async def bound(self, work: Coroutine[Any, Any, T]) -> T:
        """Do it in the loop that runs here; it is cancelled when the end has come."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()

        def stop() -> None:
            if task is not None:
                task.cancel()

        def stop_there() -> None:
            with contextlib.suppress(RuntimeError):  # that loop has ended by itself
                loop.call_soon_threadsafe(stop)

        with self._lock:
            self._stops.add(stop_there)
            over = self._over
        try:
            if over:
                stop()
            return await work
        finally:
            with self._lock:
                self._stops.discard(stop_there)

    def come(self) -> None:
        """It has come, for good."""
        with self._lock:
            self._over, stops = True, list(self._stops)
        for stop in stops:
            stop()


class Turns:
    """Turns at the upstream.

    Args:
        now: The governed clock.

    Attributes:
        ending: When it comes, no turn is waited for any more.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._agents, self._operators = _Door(), _Door()
        self.ending = Ending()

    @contextlib.contextmanager
    def take(self, party: Party, upstream: Upstream) -> Iterator[None]:
        """One turn. What it raises is whether it failed.

        Raises:
            QuotaError: a clip of this party is there, or too many are.
            VoiceUnavailableError: it has failed so often that it is left alone.
        """
        door = self._agents if party.agent else self._operators
        who = party.agent or party.operator
        self._enter(door, who, upstream)
        failure: bool | None = None
        try:
            yield
            failure = False
        except VoiceUnavailableError:
            failure = True
            raise
        finally:
            self._leave(door, who, upstream, failure=failure)

    def _enter(self, door: _Door, who: str, upstream: Upstream) -> None:
        with self._lock:
            if door.upstream != upstream:  # another one was set: it has not failed yet
                door.upstream, door.failures, door.until = upstream, 0, None
            if who in door.under_way:
                raise QuotaError(
                    "a phrase of yours is being heard: wait for its answer", retry_after=_RETRY_S
                )
            now = self._now()
            if door.until is not None and (now < door.until or door.under_way):
                left = max(_RETRY_S, math.ceil((door.until - now).total_seconds()))
                raise failed(f"has failed {PATIENCE} times in a row: it is left alone for {left} s")
            if len(door.under_way) >= MOST:
                raise QuotaError(f"{MOST} phrases are being heard: send it again", retry_after=_RETRY_S)
            door.under_way.add(who)

    def _leave(self, door: _Door, who: str, upstream: Upstream, *, failure: bool | None) -> None:
        """`failure` None: it was not the upstream's doing, either way."""
        with self._lock:
            door.under_way.discard(who)
            if failure is None or door.upstream != upstream:
                return
            door.failures = door.failures + 1 if failure else 0
            door.until = self._now() + PAUSE if door.failures >= PATIENCE else None
