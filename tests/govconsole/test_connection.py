"""A backend that is lost, comes back, or is not what it was."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import uvicorn

from govconsole.app import ConsoleApp
from govconsole.client.backend import Backend
from govconsole.client.door import Door
from govd.contract.headmemory import HeadMemory
from tests.govconsole.driver import queue_of, running, screen_text, shows, until
from tests.govconsole.world import job

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from govconsole.paths import Operator
    from govconsole.session import Session
    from tests.govconsole.conftest import FakeClock
    from tests.govconsole.fake_backend import FakeBackend


async def test_a_lost_backend_is_told_its_last_state_stays_and_verbs_are_refused(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock, unlocked: Callable[[], None]
) -> None:
    backend.put(job("still there"))
    unlocked()
    async with running(app) as pilot:
        await shows(pilot, "Why it is held")
        clock.advance(600)
        backend.close()
        await shows(pilot, "backend lost", "what you see is 0 s old", "still there")
        clock.advance(42)
        await shows(pilot, "what you see is 42 s old", "still there")
        await pilot.press("a")
        await shows(pilot, "approve: the backend is lost")
        assert queue_of(app).has_class("-lost")
        assert "a approve" not in screen_text(app)


async def test_after_a_loss_the_console_resumes_where_it_was_and_misses_nothing(
    app: ConsoleApp, backend: FakeBackend
) -> None:
    backend.put(job("before"))
    async with running(app) as pilot:
        await shows(pilot, "Why it is held")
        backend.put(job("seen", risk=1))
        await shows(pilot, "1 new, n to show")
        seen = backend.seq
        backend.close()
        await shows(pilot, "backend lost")
        backend.put(job("missed", risk=2))
        backend.open()
        await shows(pilot, "2 new, n to show")
        await until(pilot, lambda: backend.resumed_from[-1] >= seen, "the resumed stream")
        assert "backend lost" not in screen_text(app)
        assert not queue_of(app).has_class("-lost")


async def test_no_backend_at_all_never_looks_like_an_empty_queue(
    app: ConsoleApp, backend: FakeBackend
) -> None:
    backend.close()
    async with running(app) as pilot:
        await shows(pilot, "no backend", "Nothing is known yet")
        assert "Nothing is held" not in screen_text(app)


async def test_the_remembered_head_is_sent_with_every_request(app: ConsoleApp, backend: FakeBackend) -> None:
    backend.put(job())
    async with running(app) as pilot:
        await shows(pilot, "Why it is held")
    assert backend.heads_received[0] is None
    assert all(head is not None and head.startswith("log-1.1.") for head in backend.heads_received[1:])


@pytest.mark.threat("T13")
async def test_a_log_that_went_back_is_told_and_no_verb_works(
    app: ConsoleApp, backend: FakeBackend, unlocked: Callable[[], None]
) -> None:
    """A backend put back to an older state is not taken for the one whose log this operator has seen."""
    backend.put(job("old news"))
    unlocked()
    async with running(app) as pilot:
        await shows(pilot, "Why it is held")
        backend.close()
        await shows(pilot, "backend lost")
        backend.seq = 1
        backend.open()
        await shows(pilot, "the backend's log went back: it stands at entry 1", "verbs are refused")
        await pilot.press("a")
        await shows(pilot, "approve: the backend is lost")
    assert backend.submissions == []


@pytest.mark.threat("T1")
async def test_a_shared_unix_user_is_called_advisory_in_the_header_on_the_job_and_before_signing(
    app: ConsoleApp, backend: FakeBackend
) -> None:
    """Where no file mode protects anything, nobody is left to believe that it does."""
    backend.assurance = "advisory"
    backend.put(job(advisory=True))
    async with running(app) as pilot:
        await shows(pilot, "● embedded ADVISORY", "ADVISORY the agent could act without asking")
        await pilot.press("a")
        await shows(pilot, "You sign this with your vote key", "ADVISORY the agent could act without asking")


async def test_a_backend_that_falls_silent_is_lost_though_nobody_hangs_up(
    operator: Operator, backend: FakeBackend, session: Session
) -> None:
    """Behind a dead tunnel the connection stays open for ever: a stream that does not beat is none."""
    backend.put(job("still there"))
    heads = HeadMemory(operator.heads, str(backend.path))
    silent = replace(session, backend=Backend(backend.path, operator.token, heads, silence=0.2))
    async with running(ConsoleApp(silent)) as pilot:
        await shows(pilot, "backend lost", "the event stream broke: ReadTimeout", "still there")
    await session.backend.aclose()


class CountingDoor(Door):
    """Counts the connections that were made."""

    made = 0

    def meet(self, connection: socket.socket) -> None:
        super().meet(connection)
        self.made += 1


async def test_a_connection_that_rests_is_closed_from_here_long_before_the_backend_closes_it(
    operator: Operator, backend: FakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were both to wait as long, a request would meet the closed door, and the backend be called lost."""
    door, now = CountingDoor(backend.path), time.monotonic
    theirs = uvicorn.Config(backend.app()).timeout_keep_alive
    client = Backend(backend.path, operator.token, HeadMemory(operator.heads), door=door)
    await client.overview()
    await client.overview()
    assert door.made == 1
    with monkeypatch.context() as later:
        later.setattr(time, "monotonic", lambda: now() + theirs / 2)
        await client.overview()
    assert door.made == 2
    await client.aclose()
