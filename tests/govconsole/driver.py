"""Drives the app in tests: waits for what is on the screen instead of for time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from govconsole.screens.dialog import Dialog
from govconsole.screens.queue import QueueScreen

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from textual.app import App
    from textual.pilot import Pilot

from contextlib import asynccontextmanager

LIMIT = 20.0


def screen_text(app: App[None]) -> str:
    """Every cell of the terminal as it is drawn, row by row, without colours."""
    screen = app.screen
    return "\n".join(
        "".join(segment.text for segment in strip)
        for strip in screen._compositor.render_strips()  # noqa: SLF001 - where the cells are
    )


def _drawn(app: App[None]) -> bool:
    return not (app.screen_stack and isinstance(app.screen, Dialog)) or app.screen.standing


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
    """The app under Textual's pilot, with toasts."""
    async with app.run_test(size=size, notifications=True) as pilot:
        yield pilot


def queue_of(app: App[None]) -> QueueScreen:
    """The queue's screen, below any dialog."""
    return next(one for one in app.screen_stack if isinstance(one, QueueScreen))
