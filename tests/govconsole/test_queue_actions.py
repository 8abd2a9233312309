"""Every action of the Queue, by its key, on a screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from textual.events import MouseScrollDown

from govconsole.actions.registry import SCOPES
from govconsole.screens.batch import BatchDialog
from govconsole.screens.line import LineScreen
from govconsole.screens.vote import VoteDialog
from govconsole.widgets.joblist import JobList
from govconsole.widgets.pane import DocumentPane
from tests.govconsole.driver import queue_of, running, screen_text, shows, until
from tests.govconsole.world import held_decision, intent, job, new_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.pilot import Pilot

    from govconsole.app import ConsoleApp
    from govd.contract.jobs import JobDetail
    from tests.govconsole.conftest import FakeClock
    from tests.govconsole.fake_backend import FakeBackend

KEYS = {" ": "space", ">": "greater_than_sign", ":": "colon", "-": "minus"}
PROVEN = {
    "approve": "test_votes",
    "deny": "test_votes",
    "guide": "test_votes",
    "content": "test_evidence",
    "step_up": "test_stepup",
    "resolve": "test_settling",
    "revoke": "test_settling",
}
"""Actions whose tests stand elsewhere."""


async def write(pilot: Pilot[None], text: str) -> None:
    await pilot.press(*(KEYS.get(char, char) for char in text))


def three(backend: FakeBackend) -> list[JobDetail]:
    jobs = [job("alpha", risk=90), job("bravo", risk=50, agent="mail-bot"), job("charlie", risk=10)]
    backend.put(*jobs)
    return jobs


def irreversible(title: str, *, actions: int = 1, risk: int = 61) -> JobDetail:
    name = new_id()
    decision = held_decision().model_copy(update={"effect": "irreversible"})
    held = [intent(name, decision=decision) for _ in range(actions)]
    return job(title, job_id=name, intents=held, risk=risk).model_copy(update={"effect": "irreversible"})


def test_every_action_of_the_queue_has_a_test_that_presses_its_key() -> None:
    named = {name.removeprefix("test_key_") for name in globals() if name.startswith("test_key_")}
    assert {action.id for action in SCOPES["queue"].actions} == named | set(PROVEN)


# -- moving --------------------------------------------------------------------------------------------


async def test_key_down(app: ConsoleApp, backend: FakeBackend) -> None:
    jobs = three(backend)
    async with running(app) as pilot:
        await shows(pilot, "alpha", "charlie", jobs[0].id)
        await pilot.press("j")
        await shows(pilot, jobs[1].id, "held: 2 of 3")
        await pilot.press("down", "down", "down")
        await shows(pilot, jobs[2].id, "held: 3 of 3")


async def test_key_up(app: ConsoleApp, backend: FakeBackend) -> None:
    jobs = three(backend)
    async with running(app) as pilot:
        await shows(pilot, jobs[0].id)
        await pilot.press("j", "j", "k")
        await shows(pilot, jobs[1].id)
        await pilot.press("up", "up")
        await shows(pilot, jobs[0].id)


async def test_key_page_down(app: ConsoleApp, backend: FakeBackend) -> None:
    backend.put(*(job(f"job {number:03}", risk=50) for number in range(70)))
    async with running(app) as pilot:
        await shows(pilot, "held: 1 of 70")
        height = queue_of(app).query_one(JobList).size.height
        await pilot.press("pagedown")
        await shows(pilot, f"held: {height} of 70")


async def test_key_page_up(app: ConsoleApp, backend: FakeBackend) -> None:
    backend.put(*(job(f"job {number:03}", risk=50) for number in range(70)))
    async with running(app) as pilot:
        await shows(pilot, "held: 1 of 70")
        await pilot.press("ctrl+d", "ctrl+d", "ctrl+u", "pageup")
        await shows(pilot, "held: 1 of 70")


async def test_key_bottom(app: ConsoleApp, backend: FakeBackend) -> None:
    """The end of a list that is far longer than a page is asked for as such."""
    backend.put(*(job(f"job {number:03}", risk=50) for number in range(450)))
    async with running(app) as pilot:
        await shows(pilot, "held: 1 of 450")
        await pilot.press("end")
        await shows(pilot, "held: 450 of 450", "job 449")
        assert any(query.end for query in backend.queries)
        await pilot.press("k")
        await shows(pilot, "held: 449 of 450")


async def test_key_top(app: ConsoleApp, backend: FakeBackend) -> None:
    backend.put(*(job(f"job {number:03}", risk=50) for number in range(450)))
    async with running(app) as pilot:
        await shows(pilot, "held: 1 of 450")
        await pilot.press("G")
        await shows(pilot, "held: 450 of 450")
        await pilot.press("home")
        await shows(pilot, "held: 1 of 450", "job 000")


async def test_pages_follow_the_cursor_through_a_long_list_in_both_directions(
    app: ConsoleApp, backend: FakeBackend
) -> None:
    backend.put(*(job(f"job {number:03}", risk=50) for number in range(450)))
    async with running(app) as pilot:
        await shows(pilot, "held: 1 of 450")
        queue = queue_of(app).queue
        await pilot.press("end")
        await shows(pilot, "held: 450 of 450")
        for _ in range(18):
            await pilot.press("pageup")
            await until(pilot, lambda: queue.window.asked is None, "the page")
        assert queue.cursor == queue.order[0]
        assert [queue.rows[one].title for one in queue.order] == [f"job {number:03}" for number in range(450)]


async def test_key_pane(app: ConsoleApp, backend: FakeBackend) -> None:
    three(backend)
    async with running(app) as pilot:
        await shows(pilot, "Why it is held")
        await pilot.press("tab")
        assert isinstance(app.focused, DocumentPane)
        await pilot.press("tab")
        assert isinstance(app.focused, JobList)


async def test_key_zoom(app: ConsoleApp, backend: FakeBackend) -> None:
    three(backend)
    async with running(app) as pilot:
        await shows(pilot, "Why it is held", "bravo")
        await pilot.press("enter")
        await until(pilot, lambda: "bravo" not in screen_text(app), "the job alone")
        assert isinstance(app.focused, DocumentPane)
        await pilot.press("enter")
        await shows(pilot, "bravo")


async def test_key_open(app: ConsoleApp, backend: FakeBackend) -> None:
    jobs = three(backend)
    held = jobs[0].hold
    assert held is not None
    async with running(app) as pilot:
        await shows(pilot, "Why it is held")
        await pilot.press("o")
        await shows(pilot, "Full arguments", held.intents[0].intent_sha256)
        await pilot.press("escape")
        await shows(pilot, "Why it is held")


# -- what is shown -------------------------------------------------------------------------------------


async def test_key_show_new(app: ConsoleApp, backend: FakeBackend) -> None:
    """What is new waits, what left stays greyed; the cursor stays on its job and on its line."""
    jobs = three(backend)
    async with running(app) as pilot:
        await shows(pilot, jobs[0].id)
        await pilot.press("j")
        backend.put(job("delta", risk=99))
        backend.take(jobs[2].id)
        await shows(pilot, "1 new, n to show · 1 left", "cancelled")
        assert "delta" not in screen_text(app)
        await pilot.press("n")
        await shows(pilot, "delta", jobs[1].id, "held: 3 of 3")
        assert "charlie" not in screen_text(app)


async def test_key_view(app: ConsoleApp, backend: FakeBackend) -> None:
    jobs = three(backend)
    backend.take(jobs[2].id)
    async with running(app) as pilot:
        await shows(pilot, "held: 1 of 2")
        await pilot.press("t", "t")
        await shows(pilot, "settled: 1 of 1", "charlie")
        await pilot.press("t", "t")
        await shows(pilot, "held: 1 of 2", "alpha")


async def test_key_sort(app: ConsoleApp, backend: FakeBackend) -> None:
    """The cursor stays on its job when the rows around it are put in another order."""
    jobs = three(backend)
    async with running(app) as pilot:
        await shows(pilot, jobs[0].id)
        await pilot.press("s", "s")
        await shows(pilot, "by newest", "held: 3 of 3")
        assert queue_of(app).queue.cursor == jobs[0].id
        assert [queue_of(app).queue.rows[one].title for one in queue_of(app).queue.order] == [
            "charlie",
            "bravo",
            "alpha",
        ]


async def test_key_filter(app: ConsoleApp, backend: FakeBackend) -> None:
    three(backend)
    async with running(app) as pilot:
        await shows(pilot, "held: 1 of 3")
        await pilot.press("slash")
        await until(pilot, lambda: isinstance(app.screen, LineScreen), "the line")
        await write(pilot, "risk>20 agent:ma")
        await shows(pilot, "agent:mail-bot")
        await pilot.press("tab", "enter")
        await shows(pilot, "held: 1 of 1", "/ risk>20 agent:mail-bot", "bravo")
        assert "alpha" not in screen_text(app)
        await pilot.press("escape")
        await shows(pilot, "held: 2 of 3", "alpha")


async def test_a_filter_that_is_none_says_where_and_what_would_help(
    app: ConsoleApp, backend: FakeBackend
) -> None:
    three(backend)
    async with running(app) as pilot:
        await shows(pilot, "held: 1 of 3")
        await pilot.press("slash")
        await until(pilot, lambda: isinstance(app.screen, LineScreen), "the line")
        await write(pilot, "riks>20")
        await shows(pilot, "column 1: there is no field", "did you mean risk>")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, LineScreen), "the line, again")
        assert queue_of(app).queue.wanted.filter == ""
        await pilot.press("escape")


async def test_a_filter_that_nothing_fits_is_told_from_an_empty_queue(
    app: ConsoleApp, backend: FakeBackend
) -> None:
    three(backend)
    async with running(app) as pilot:
        await shows(pilot, "held: 1 of 3")
        queue_of(app).do_filter("agent:nobody")
        await shows(pilot, "No job fits the filter", "agent:nobody", "esc takes it away")
        assert "Nothing is held" not in screen_text(app)


# -- marks ---------------------------------------------------------------------------------------------


async def test_key_mark(app: ConsoleApp, backend: FakeBackend) -> None:
    jobs = three(backend)
    async with running(app) as pilot:
        await shows(pilot, jobs[0].id)
        await pilot.press("space")
        await shows(pilot, "● 1 marked", "held: 2 of 3")
        assert queue_of(app).queue.marks == {jobs[0].id}
        await pilot.press("k", "space")
        assert queue_of(app).queue.marks == set()


async def test_key_range(app: ConsoleApp, backend: FakeBackend) -> None:
    jobs = three(backend)
    async with running(app) as pilot:
        await shows(pilot, jobs[0].id)
        await pilot.press("v", "j")
        await shows(pilot, "range of 2, v to mark")
        await pilot.press("v")
        await shows(pilot, "● 2 marked")
        assert queue_of(app).queue.marks == {jobs[0].id, jobs[1].id}


async def test_key_clear(app: ConsoleApp, backend: FakeBackend) -> None:
    """Escape goes back by one step at a time, and says when there is none."""
    three(backend)
    async with running(app) as pilot:
        await shows(pilot, "Why it is held")
        await pilot.press("space", "v", "enter")
        assert queue_of(app).has_class("-zoom")
        await pilot.press("escape")
        assert not queue_of(app).has_class("-zoom")
        assert queue_of(app).queue.anchor is not None
        await pilot.press("escape")
        assert queue_of(app).queue.anchor is None
        assert queue_of(app).queue.marks
        await pilot.press("escape")
        assert not queue_of(app).queue.marks
        await pilot.press("escape")
        await shows(pilot, "nothing to leave")


async def test_a_click_on_the_first_cells_marks_and_one_on_the_title_selects(
    app: ConsoleApp, backend: FakeBackend
) -> None:
    jobs = three(backend)
    async with running(app) as pilot:
        await shows(pilot, "alpha", "bravo", "charlie")
        line = next(y for y, text in enumerate(screen_text(app).split("\n")) if "charlie" in text)
        await pilot.click(offset=(1, line))
        await shows(pilot, "● 1 marked", jobs[2].id)
        await pilot.click(offset=(12, line - 1))
        await shows(pilot, jobs[1].id)
        assert queue_of(app).queue.marks == {jobs[2].id}


async def test_the_wheel_moves_the_screen_and_not_the_cursor(app: ConsoleApp, backend: FakeBackend) -> None:
    backend.put(*(job(f"job {number:03}", risk=50) for number in range(70)))
    async with running(app) as pilot:
        await shows(pilot, "held: 1 of 70", "job 000")
        cursor = queue_of(app).queue.cursor
        await pilot._post_mouse_events([MouseScrollDown], JobList, offset=(5, 5), button=0)  # noqa: SLF001 - there is no wheel in a pilot
        await until(pilot, lambda: queue_of(app).queue.window.top, "the scrolled list")
        assert queue_of(app).queue.cursor == cursor
        await pilot.press("k")
        await shows(pilot, "job 000")


# -- votes on several ----------------------------------------------------------------------------------


async def mark_all(pilot: Pilot[None], count: int) -> None:
    await shows(pilot, f"held: 1 of {count}")
    await pilot.press(*["space"] * count)
    await shows(pilot, f"● {count} marked")


async def test_marked_jobs_are_approved_in_one_dialog_with_a_signed_vote_each(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock, unlocked: Callable[[], None]
) -> None:
    jobs = three(backend)
    unlocked()
    async with running(app, size=(120, 50)) as pilot:
        await mark_all(pilot, 3)
        await pilot.press("a")
        await shows(pilot, "Approve: 3 jobs", "Each gets a vote of its own", "Sign 3 votes")
        clock.advance(0.31)
        await pilot.press("y")
        await until(pilot, lambda: len(backend.submissions) == 3, "three votes")
        await shows(pilot, "approved: 3 jobs")
        assert queue_of(app).queue.marks == set()
    votes = [one.signed.vote for one in backend.submissions]
    assert {vote.job for vote in votes} == {one.id for one in jobs}
    assert (
        len({vote.review_token for vote in votes})
        == len({one.signed.signature for one in backend.submissions})
        == 3
    )


async def test_a_marked_job_that_changed_under_the_dialog_is_skipped_and_told(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock, unlocked: Callable[[], None]
) -> None:
    jobs = three(backend)
    unlocked()
    async with running(app, size=(120, 50)) as pilot:
        await mark_all(pilot, 3)
        await pilot.press("d")
        await until(pilot, lambda: isinstance(app.screen, BatchDialog), "the dialog")
        backend.put(job("bravo", job_id=jobs[1].id, agent="mail-bot"))
        clock.advance(0.31)
        await pilot.press("y")
        await shows(pilot, "A refusal needs a reason")
        await write(pilot, "no")
        await pilot.press("ctrl+y")
        await shows(pilot, "denied: 2 jobs", "1 refused: bravo: what was signed is not what stands")
    assert {one.signed.vote.job for one in backend.submissions} == {jobs[0].id, jobs[2].id}


async def test_a_marked_job_that_cannot_be_undone_is_left_out_until_it_was_opened(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock, unlocked: Callable[[], None]
) -> None:
    backend.put(job("first", risk=99), irreversible("for good", risk=5))
    unlocked()
    async with running(app, size=(120, 50)) as pilot:
        await shows(pilot, "held: 1 of 2")
        queue_of(app).queue.marks |= set(backend.jobs)
        await pilot.press("a")
        await shows(pilot, "Approve: 1 job", "Not voted on", "you have not read what it does")
        clock.advance(0.31)
        await pilot.press("escape", "j")
        await shows(pilot, "◆ irreversible")
        await pilot.press("a")
        await shows(pilot, "Approve: 2 jobs", "1 cannot be undone: type 2, the number of jobs")
        clock.advance(0.31)
        await pilot.press("y")
        await shows(pilot, "Type the number of jobs")
        assert backend.submissions == []
        await write(pilot, "2")
        await pilot.press("ctrl+y")
        await until(pilot, lambda: len(backend.submissions) == 2, "two votes")


async def test_more_marks_than_a_dialog_can_show_are_refused(app: ConsoleApp, backend: FakeBackend) -> None:
    backend.put(*(job(f"job {number:03}") for number in range(60)))
    async with running(app) as pilot:
        await shows(pilot, "held: 1 of 60")
        queue_of(app).queue.marks |= set(backend.jobs)
        await pilot.press("d")
        await shows(pilot, "60 jobs are marked: a dialog shows 50 at most")


# -- what cannot be undone -----------------------------------------------------------------------------


@pytest.mark.threat("T12")
async def test_what_cannot_be_undone_is_approved_only_after_its_actions_stood_on_the_screen(
    app: ConsoleApp, backend: FakeBackend, clock: FakeClock, unlocked: Callable[[], None]
) -> None:
    """Nobody approves for good what was below the edge of a small terminal."""
    backend.put(irreversible("for good", actions=4))
    unlocked()
    async with running(app, size=(80, 24)) as pilot:
        await shows(pilot, "What it does")
        await pilot.press("a")
        await shows(pilot, "approve: ◆ first read what it does (enter)")
        assert not isinstance(app.screen, VoteDialog)
        await pilot.press("enter", "end")
        await pilot.press("escape", "a")
        assert not isinstance(app.screen, VoteDialog), "what was jumped over was not read"
        await pilot.press("enter", "home", "pagedown", "pagedown", "pagedown")
        await until(pilot, lambda: not queue_of(app).now().unread, "all of it read")
        await pilot.press("a")
        await until(pilot, lambda: isinstance(app.screen, VoteDialog), "the dialog")
        clock.advance(0.31)
        await pilot.press("escape", "d")
        await until(pilot, lambda: isinstance(app.screen, VoteDialog), "a refusal needs no reading")


async def test_a_job_that_stood_behind_another_screen_was_not_read(
    app: ConsoleApp, backend: FakeBackend
) -> None:
    async with running(app) as pilot:
        await shows(pilot, "Nothing is held")
        await pilot.press("question_mark")
        await shows(pilot, "Keys ▸")
        made = irreversible("for good")
        backend.put(made)
        await until(pilot, lambda: queue_of(app).details.of(made.id), "the job")
        await pilot.pause()
        assert queue_of(app).now().unread
        await pilot.press("escape")
        await until(pilot, lambda: not queue_of(app).now().unread, "the job, read")
