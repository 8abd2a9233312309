"""Who asks the transcription upstream, how many at the same time, and when it is left alone for a while.

Must never let one that hangs keep anybody waiting but who asks it, nor agents take what operators need.
"""

from __future__ import annotations

import contextlib
import math
import threading
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from govd.contract.errors import QuotaError, VoiceUnavailableError
from govd.voice.upstream import failed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from govd.voice.model import Party
    from govd.voice.upstream import Upstream

MOST: Final = 3
"""Clips of all agents that are there at the same time, one of each; and so many of all operators."""

PATIENCE: Final = 3
"""After so many failures one after the other it is left alone."""

PAUSE: Final = timedelta(seconds=15)
"""So long; then one clip at a time goes there, until one comes back with an answer."""

_RETRY_S: Final = 2


@dataclass
class _Door:
    """Those under way of one kind, and how it went. `until`: nobody goes before."""

    upstream: Upstream | None = None
    under_way: set[str] = field(default_factory=set)
    failures: int = 0
    until: datetime | None = None


class Turns:
    """Turns at the upstream.

    Args:
        now: The governed clock.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._agents, self._operators = _Door(), _Door()

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
