"""What is known of the backend while the console runs: its status, and the feed that keeps it fresh.

Must never touch a widget: it posts to whoever stands in front.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from govconsole.feed import Feed
from govconsole.messages import Lost, Refreshed
from govconsole.state.status import Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.message import Message

    from govconsole.client.backend import Backend
    from govconsole.clock import Clock
    from govconsole.feed import Fetch
    from govd.contract.voice import VoiceSession


class Live:
    """The status, and the feed under it. One for the whole app; what it says goes to the current view.

    Args:
        backend: Where to listen.
        clock: Says how old things are.
        post: Takes what is to be told to the current view.
    """

    def __init__(self, backend: Backend, clock: Clock, post: Callable[[Message], object]) -> None:
        self.status = Status()
        self._clock = clock
        self._post = post
        self._feed = Feed(backend, self._take)

    def watch(self, fetch: Fetch | None) -> None:
        """From now on fetch this with each refresh, for the view that is in front; and refresh."""
        self._feed.fetch = fetch
        self._feed.refresh()

    def refresh(self, *, voice: bool = False) -> None:
        """Ask the backend again soon. `voice`: also whether the operator's own voice stands."""
        self._feed.refresh(voice=voice)

    def stepped_up(self, voice: VoiceSession) -> None:
        """The operator showed his voice just now: that counts until the backend says otherwise."""
        self.status = replace(self.status, voice=voice)
        self._feed.refresh(voice=True)

    async def run(self) -> None:
        """Follow the backend until this is cancelled."""
        await self._feed.run()

    def _take(self, message: Message) -> None:
        if isinstance(message, Refreshed):
            message.resumed = not self.status.connected
            self.status = self.status.heard(message.overview, self._clock.now(), message.voice)
            if message.found is not None:
                self._post(message.found)
        elif isinstance(message, Lost):
            self.status = self.status.lost(message.error.detail, message.retries, self._clock.now())
        self._post(message)
