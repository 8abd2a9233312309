"""The queue: the cursor is a job, whatever happens to the rows around it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from govconsole.screens.vote import VoteDialog
from govconsole.widgets.joblist import JobList
from tests.govconsole.driver import queue_of, running, screen_text, shows, until
from tests.govconsole.world import job

if TYPE_CHECKING:
    from collections.abc import Callable

    from govconsole.app import ConsoleApp
    from tests.govconsole.conftest import FakeClock
    from tests.govconsole.fake_backend import FakeBackend


async def test_a_key_acts_on_the_job_of_the_dialog_when_rows_vanish_and_arrive_under_it(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock, unlocked: Callable[[], None]
) -> None:
    high, low = job("the risky one", risk=90), job("the calm one", risk=10)
    backend.put(high, low)
    unlocked()
    async with running(app) as pilot:
        await shows(pilot, "the risky one", "the calm one")
        await pilot.press("j")
        await shows(pilot, low.id)
        await pilot.press("d")
        await shows(pilot, "Deny: the calm one")
        backend.take(high.id)
        backend.put(job("the newcomer", risk=99))
        await until(pilot, lambda: queue_of(app).queue.waiting, "the newcomer, waiting")
        clock.advance(1)
        await pilot.press("shift+tab", "n", "o", "ctrl+y")
        await until(pilot, lambda: backend.submissions, "the vote")
    assert [one.signed.vote.job for one in backend.submissions] == [low.id]


async def test_new_jobs_wait_until_they_are_asked_for(app: ConsoleApp, backend: FakeBackend) -> None:
    backend.put(job("first"))
    async with running(app) as pilot:
        await shows(pilot, "Why it is held")
        backend.put(job("second", risk=99))
        await shows(pilot, "1 new, n to show")
        assert "second" not in screen_text(app)
        await pilot.press("n")
        await shows(pilot, "second")
        assert queue_of(app).queue.cursor == queue_of(app).queue.order[1]


async def test_a_click_selects_the_job_whose_row_was_clicked(app: ConsoleApp, backend: FakeBackend) -> None:
    first, second = job("first", risk=90), job("second", risk=10)
    backend.put(first, second)
    async with running(app) as pilot:
        await shows(pilot, "first", "second")
        place = next(y for y, text in enumerate(screen_text(app).split("\n")) if "second" in text)
        await pilot.click(offset=(12, place))
        await shows(pilot, second.id)


async def test_a_click_on_the_marks_of_a_job_that_has_just_left_marks_no_other(
    app: ConsoleApp, backend: FakeBackend
) -> None:
    backend.put(job("alpha"), job("bravo"))
    async with running(app) as pilot:
        await shows(pilot, "held: 1 of 2")
        queue_of(app).post_message(JobList.Picked("left-meanwhile", mark=True))
        await pilot.pause()
        assert queue_of(app).queue.marks == set()


async def test_the_view_goes_from_held_to_all_and_back(app: ConsoleApp, backend: FakeBackend) -> None:
    gone = job("was denied")
    backend.put(gone, job("is held"))
    backend.take(gone.id)
    async with running(app) as pilot:
        await shows(pilot, "is held", "held: 1")
        assert "was denied" not in screen_text(app)
        await pilot.press("t", "t")
        await shows(pilot, "was denied", "settled: 1")


async def test_a_second_verb_cannot_open_over_a_dialog(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock
) -> None:
    backend.put(job())
    async with running(app) as pilot:
        await shows(pilot, "Why it is held")
        queue_of(app).action_act("approve")
        queue_of(app).action_act("deny")
        await shows(pilot, "You sign this with your vote key")
        clock.advance(1)
        assert sum(isinstance(screen, VoteDialog) for screen in app.screen_stack) == 1


async def test_the_narrow_terminal_has_everything_within_reach(app: ConsoleApp, backend: FakeBackend) -> None:
    backend.assurance = "advisory"
    backend.put(job(advisory=True))
    async with running(app, size=(80, 24)) as pilot:
        await shows(pilot, "ADVISORY", "held 1", "a approve", "Purpose, in the agent's words")
        await pilot.press("enter")
        await shows(pilot, "Why it is held", "exec.git.push")
        await pilot.press("end")
        await shows(pilot, "Votes", "Provenance")
        await pilot.press("escape", "question_mark")
        await shows(pilot, "Keys ▸ Queue", "govconsole approve JOB --token T --reason R")
