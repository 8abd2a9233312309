"""Drives the app in tests: waits for what is on the screen instead of for time.

Textual's own pilot takes the app for settled once the process has used no CPU for 20 ms: twice that for each
key, and up to a second of each where anything else of the process works. Here it is settled once no message
waits anywhere, and the backend has answered what it asked by itself.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from unittest import mock

from textual import events
from textual.keys import REPLACED_KEYS, _character_to_key, key_to_character
from textual.pilot import Pilot

from govconsole.screens.dialog import Dialog
from govconsole.screens.queue import QueueScreen
from govconsole.screens.view import View

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from textual.app import App
    from textual.message_pump import MessagePump

from contextlib import asynccontextmanager

LIMIT = 60.0
"""Seconds after which what never came is told: long, for it ends what hangs, and not what is slow."""
ANSWERS = 10.0
"""Seconds for the answers of the backend: a test that has it keep silent says so, and sets less."""

TOASTS = 60.0
"""Seconds for which a toast stands. Of a person's five, a busy machine may need more to draw it."""

ASKING = frozenset({"backend", "content", "detail", "pages", "verbs", "voters"})
"""The groups of workers that ask the backend and then end."""

_ROUNDS = 500
"""A screen that never settles has something that always runs: then its frames are as good as any."""


def screen_text(app: App[None]) -> str:
    """Every cell of the terminal as it is drawn, row by row, without colours."""
    screen = app.screen
    return "\n".join(
        "".join(segment.text for segment in strip)
        for strip in screen._compositor.render_strips()  # noqa: SLF001 - where the cells are
    )


def _drawn(app: App[None]) -> bool:
    return not (app.screen_stack and isinstance(app.screen, Dialog)) or app.screen.standing


class Hands(Pilot[None]):
    """Presses keys, and goes on as soon as the app has done everything that follows from them.

    What an event brings later has to be waited for by what it shows.
    """

    async def press(self, *keys: str) -> None:
        """Press keys one after the other, each when what the former one did is done."""
        for key in keys:
            self.app.post_message(_pressed(key, self.app))
            await self._settled()
            await self.app.animator.wait_until_complete()

    async def pause(self, delay: float | None = None) -> None:
        """Let the app do what it has before it. `delay`: seconds to wait first."""
        if delay is not None:
            await asyncio.sleep(delay)
        await self._settled()

    async def _settled(self) -> None:
        patience = asyncio.get_running_loop().time() + ANSWERS
        for _ in range(_ROUNDS):
            if not await self._wait_for_screen() or not self.app.screen_stack:
                return
            self.app.screen._on_timer_update()  # noqa: SLF001 - draws what waits for the next frame, as the pilot does
            if any(map(_busy, (self.app, *self.app.screen_stack, *self.app.screen.walk_children()))):
                continue
            if not _asking(self.app) or asyncio.get_running_loop().time() > patience:
                return
            await asyncio.sleep(0.005)


def _asking(app: App[None]) -> bool:
    if any(one.group in ASKING and not one.is_finished for one in app.workers):
        return True
    if not isinstance(app.screen, View) or not app.screen.status.connected:
        return False
    # The job under the cursor is fetched when the cursor has rested on it for a moment.
    now = app.screen.situation()
    return now.job is not None and not now.loaded


def _busy(pump: MessagePump) -> bool:
    waiting = pump._message_queue is not None and not pump._message_queue.empty()  # noqa: SLF001
    return waiting or bool(pump._next_callbacks)  # noqa: SLF001 - what it does when it has read its messages


def _pressed(key: str, app: App[None]) -> events.Key:
    name = _character_to_key(key) if len(key) == 1 else key
    event = events.Key(name, key_to_character(REPLACED_KEYS.get(name, name)))
    event.set_sender(app)
    return event


async def until(pilot: Pilot[None], condition: Callable[[], object], what: str = "") -> None:
    """Let the app run until the condition holds, and until a dialog on top has been drawn.

    A dialog's cells are known before its first frame is out, and its deaf moment begins with that frame.
    """
    deadline = asyncio.get_running_loop().time() + LIMIT
    while not (condition() and _drawn(pilot.app)):
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"never came: {what or condition}\n{screen_text(pilot.app)}")
        await pilot.pause(0.01)
    await pilot.pause()


async def shows(pilot: Pilot[None], *texts: str) -> None:
    """Let the app run until every text is on the screen."""
    await until(
        pilot, lambda: all(text in screen_text(pilot.app) for text in texts), f"{texts} on the screen"
    )


@asynccontextmanager
async def running(app: App[None], size: tuple[int, int] = (120, 36)) -> AsyncIterator[Pilot[None]]:
    """The app under Textual's pilot, with toasts that stay until they were seen."""
    with mock.patch.object(app, "NOTIFICATION_TIMEOUT", TOASTS):
        async with app.run_test(size=size, notifications=True):
            yield Hands(app)


def queue_of(app: App[None]) -> QueueScreen:
    """The queue's screen, below any dialog."""
    return next(one for one in app.screen_stack if isinstance(one, QueueScreen))
