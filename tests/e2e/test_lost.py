"""A backend that is killed and started again under the console, while agents go on asking."""

from __future__ import annotations

import asyncio
import contextlib
import re
import sqlite3
import threading
from typing import TYPE_CHECKING, Self

from govconsole.app import ConsoleApp
from govconsole.feed import Feed
from govconsole.messages import Happened, Lost
from govconsole.paths import Operator
from govconsole.session import Session
from tests.govconsole.driver import queue_of, running, screen_text, shows, until
from tests.support.govd_process import OPERATOR
from tests.support.pushes import submission

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.message import Message

    from tests.support.govd_process import Client, GovdProcess

POLICY = """\
version: 1
name: releases
tools: ["exec.*"]
tool_calls: {hold: ["exec.git.push"]}
"""


class Chatter:
    """An agent that declares held pushes from a thread until it is told to stop, over losses."""

    def __init__(self, agent: Client) -> None:
        self._agent = agent
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.declared = 0

    def _run(self) -> None:
        while not self._stop.wait(0.02):
            with contextlib.suppress(Exception):
                self._agent.http.post("/v1/intents", json=submission()).raise_for_status()
                self.declared += 1

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def session(govd: GovdProcess) -> Session:
    return Session.open(Operator(OPERATOR, govd.operator_dir), govd.state)


class Ear:
    """Takes what a feed says."""

    def __init__(self) -> None:
        self.heard: list[int] = []
        self.losses = 0
        self._changed = asyncio.Event()

    def take(self, message: Message) -> None:
        if isinstance(message, Happened):
            self.heard.append(message.event.seq)
        self.losses += isinstance(message, Lost)
        self._changed.set()

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(60):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def hear(self, more: int) -> None:
        wanted = len(self.heard) + more
        await self.until(lambda: len(self.heard) >= wanted)


def log_after(govd: GovdProcess, seq: int) -> list[int]:
    """What the log holds after that entry."""
    with contextlib.closing(sqlite3.connect(govd.state / "govd.db")) as database:
        return [row[0] for row in database.execute("select seq from audit where seq > ? order by seq", [seq])]


async def test_no_event_is_lost_or_doubled_although_govd_is_killed_twice(
    govd_at: Callable[..., GovdProcess],
) -> None:
    govd = govd_at(policy=POLICY)
    agent = govd.agent("release-bot")
    ear, opened = Ear(), session(govd)
    feed = Feed(opened.backend, ear.take, pause=lambda _: asyncio.sleep(0.05))
    following = asyncio.create_task(feed.run())
    try:
        with Chatter(agent):
            for losses in (0, 1):
                await ear.hear(20)
                await asyncio.to_thread(govd.kill)
                await ear.until(lambda losses=losses: ear.losses > losses)
                await asyncio.to_thread(govd.serve)
            await ear.hear(20)
        expected = await asyncio.to_thread(log_after, govd, ear.heard[0] - 1)
        await ear.until(lambda: ear.heard[-1] >= expected[-1])
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await opened.backend.aclose()
    assert ear.heard[: len(expected)] == expected


async def test_the_app_says_that_govd_is_gone_and_is_whole_again_when_it_is_back(
    govd_at: Callable[..., GovdProcess],
) -> None:
    govd = govd_at(policy=POLICY)
    agent = govd.agent("release-bot")
    agent.http.post("/v1/intents", json=submission()).raise_for_status()
    app = ConsoleApp(session(govd))
    async with running(app) as pilot:
        await shows(pilot, "Why it is held", "held 1")
        await asyncio.to_thread(govd.kill)
        await shows(pilot, "backend lost", "verbs are refused", "try ", "Why it is held")
        assert queue_of(app).has_class("-lost")
        await pilot.press("a")
        await shows(pilot, "the backend is lost")
        assert "a approve" not in screen_text(app)
        await until(pilot, lambda: re.search(r"try [3-9]", screen_text(app)), "the third try, or a later one")
        await asyncio.to_thread(govd.serve)
        await asyncio.to_thread(agent.http.post, "/v1/intents", json=submission())
        await shows(pilot, "held 2", "1 new, n to show", "a approve")
        assert "backend lost" not in screen_text(app)
        assert not queue_of(app).has_class("-lost")
