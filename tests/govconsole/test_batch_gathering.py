"""Marked jobs are fetched before their dialog opens: what the operator does meanwhile counts."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from govconsole.app import ConsoleApp
from govconsole.client.backend import Backend
from govconsole.screens.batch import BatchDialog
from govconsole.screens.queue import QueueScreen
from govd.contract.headmemory import HeadMemory
from tests.govconsole import driver
from tests.govconsole.driver import queue_of, running, shows, until
from tests.govconsole.world import job

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from govconsole.paths import Operator
    from govconsole.session import Session
    from govd.contract.jobs import JobDetail
    from tests.govconsole.fake_backend import FakeBackend


class Slow(Backend):
    """A connection that keeps jobs back for as long as a test wants."""

    gate: asyncio.Event | None = None
    answered = 0

    async def job(self, job: str, *, peek: bool = False) -> JobDetail:
        gate = self.gate
        if gate is not None:
            await gate.wait()
        found = await super().job(job, peek=peek)
        self.answered += gate is not None
        return found

    def shut(self) -> asyncio.Event:
        """What is asked for from now on waits."""
        self.gate = asyncio.Event()
        return self.gate


@pytest.fixture
def slow(session: Session, operator: Operator, monkeypatch: pytest.MonkeyPatch) -> Slow:
    monkeypatch.setattr(driver, "ANSWERS", 1.0)
    session.backend = Slow(session.backend.socket, operator.token, HeadMemory(operator.heads))
    return session.backend


async def mark_three(pilot: Pilot[None], backend: FakeBackend) -> None:
    backend.put(*(job(name) for name in ("alpha", "bravo", "charlie")))
    await shows(pilot, "held: 1 of 3")
    await pilot.press("space", "space", "space")
    await shows(pilot, "● 3 marked", "Why it is held")


async def answers(pilot: Pilot[None], slow: Slow, gate: asyncio.Event, count: int) -> None:
    gate.set()
    await until(pilot, lambda: slow.answered >= count, "the jobs")
    await pilot.pause()


async def test_of_two_votes_that_are_asked_for_the_dialog_is_of_the_last(
    backend: FakeBackend, session: Session, slow: Slow
) -> None:
    app = ConsoleApp(session)
    async with running(app) as pilot:
        await mark_three(pilot, backend)
        first = slow.shut()
        await pilot.press("a")
        second = slow.shut()
        await pilot.press("d")
        await answers(pilot, slow, first, 3)
        assert isinstance(app.screen, QueueScreen)
        await answers(pilot, slow, second, 6)
        await until(pilot, lambda: isinstance(app.screen, BatchDialog), "the dialog")
        assert isinstance(app.screen, BatchDialog)
        assert app.screen.asked.verdict == "deny"


async def test_esc_takes_a_vote_back_whose_jobs_are_still_being_fetched_and_leaves_the_marks(
    backend: FakeBackend, session: Session, slow: Slow
) -> None:
    app = ConsoleApp(session)
    async with running(app) as pilot:
        await mark_three(pilot, backend)
        gate = slow.shut()
        await pilot.press("a", "escape")
        await shows(pilot, "no vote is asked for", "● 3 marked")
        await answers(pilot, slow, gate, 3)
        assert isinstance(app.screen, QueueScreen)


async def test_a_dialog_is_of_the_jobs_that_are_marked_when_it_opens(
    backend: FakeBackend, session: Session, slow: Slow
) -> None:
    app = ConsoleApp(session)
    async with running(app) as pilot:
        await mark_three(pilot, backend)
        gate = slow.shut()
        await pilot.press("a", "space")
        await answers(pilot, slow, gate, 3)
        await shows(pilot, "the marks or the screen changed while")
        assert isinstance(app.screen, QueueScreen)
        assert len(queue_of(app).queue.marks) == 2
