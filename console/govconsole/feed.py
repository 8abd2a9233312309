"""The live line to the backend: follows its events, keeps the view in front fresh, says when it is lost.

Must never poll: a refresh follows an event, and resuming goes by the last event that was seen.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

from govconsole.client.voices import VoiceDoor
from govconsole.messages import Happened, Lost, Refreshed
from govd.contract.errors import GovError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from textual.message import Message

    from govconsole.client.backend import Backend
    from govd.contract.voice import VoiceSession

    Fetch = Callable[[], Awaitable[Message | None]]

COALESCE: Final = 0.1
_VOICE: Final = "voice"
"""How the types of events begin that may end or begin a session of a voice."""

_STABLE: Final = 5.0
_BACKOFF: Final = (0.5, 1.0, 2.0, 4.0, 8.0)


class Feed:
    """Runs until it is cancelled.

    Args:
        backend: Where to listen.
        post: Takes the messages.
        pause: Sleeps for so many seconds; tests pass one that does not.
    """

    def __init__(
        self,
        backend: Backend,
        post: Callable[[Message], object],
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._backend = backend
        self._post = post
        self._pause = pause
        self._dirty = asyncio.Event()
        self._last: int | None = None
        self._voice: VoiceSession | None = None
        self._voice_is_old = True
        self.fetch: Fetch | None = None
        """What the view in front wants with each refresh: a message for it, or nothing."""

    def refresh(self, *, voice: bool = False) -> None:
        """Fetch again soon. `voice`: also whether the operator's own voice stands."""
        self._voice_is_old |= voice
        self._dirty.set()

    async def run(self) -> None:
        """Follow the backend, over losses."""
        retries, loop = 0, asyncio.get_running_loop()
        while True:
            stable = float("inf")
            try:
                await self._refresh()
                stable = loop.time() + _STABLE
                await self._follow()
            except GovError as error:
                # One that answers and hangs up at once was not back yet: the pauses go on growing.
                retries = 1 if loop.time() > stable else retries + 1
                self._voice_is_old = True
                self._post(Lost(error, retries))
                await self._pause(_BACKOFF[min(retries, len(_BACKOFF)) - 1])

    async def _follow(self) -> None:
        tasks = {asyncio.ensure_future(self._keep_fresh()), asyncio.ensure_future(self._listen())}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep_fresh(self) -> None:
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            await self._refresh()
            # A hundred events a second are one refresh, not a hundred.
            await self._pause(COALESCE)

    async def _listen(self) -> None:
        async with contextlib.aclosing(self._backend.events(self._last or 0)) as events:
            async for event in events:
                self._last = event.seq
                self._voice_is_old |= event.type.startswith(_VOICE)
                self._post(Happened(event))
                self._dirty.set()
        raise UnreachableError("the event stream ended")

    async def _refresh(self) -> None:
        overview = await self._backend.overview()
        if self._last is None:
            # What happened up to this answer is in what is fetched after it; the answer itself may be older.
            self._last = self._backend.log_position()
            overview = await self._backend.overview()
        if self._voice_is_old:
            self._voice = await self._standing()
        found = await self.fetch() if self.fetch is not None else None
        self._post(Refreshed(overview, found, self._voice))

    async def _standing(self) -> VoiceSession | None:
        """Whether the operator's voice stands; a backend that does not say has none."""
        self._voice_is_old = False
        try:
            return await VoiceDoor(self._backend).standing()
        except UnreachableError:
            self._voice_is_old = True
            raise
        except GovError:
            return None
