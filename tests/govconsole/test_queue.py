"""The queue: the cursor is a job, whatever happens to the rows around it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from govconsole.client.jobview import Row
from govconsole.screens.vote import VoteDialog
from govconsole.state.queue import Queue, urgency
from tests.govconsole.driver import queue_of, running, screen_text, shows, until
from tests.govconsole.world import NOW, job

if TYPE_CHECKING:
    from collections.abc import Callable

    from govconsole.app import ConsoleApp
    from tests.govconsole.conftest import FakeClock
    from tests.govconsole.fake_backend import FakeBackend


def row(name: str, risk: int = 10) -> Row:
    return Row(
        id=name,
        agent="bot",
        title=name,
        state="held",
        risk=risk,
        held=1,
        sums="",
        until=NOW + timedelta(hours=1),
        advisory=False,
    )


pages = st.lists(
    st.builds(row, st.sampled_from("abcdefgh"), st.integers(0, 100)), max_size=8, unique_by=lambda one: one.id
)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("page"), pages),
        st.tuples(st.just("move"), st.integers(-3, 3)),
        st.tuples(st.just("reveal"), st.none()),
    ),
    max_size=30,
)


@given(steps)
def test_no_order_of_events_moves_the_cursor_to_another_job(script: list[tuple[str, object]]) -> None:
    queue = Queue()
    for verb, value in script:
        before, order = queue.cursor, list(queue.order)
        if verb == "page":
            queue.merge(value)  # type: ignore[arg-type] # the strategy pairs them
            assert before is None or (queue.cursor == before and queue.order == order)
        elif verb == "move":
            queue.move(value)  # type: ignore[arg-type] # the strategy pairs them
        else:
            queue.reveal()
            assert before not in queue.rows or queue.cursor == before
        assert sorted(queue.order) == sorted(queue.rows)
        assert set(queue.gone) <= set(queue.rows)
        assert not set(queue.waiting) & set(queue.rows)
        assert queue.cursor is None or queue.cursor in queue.rows


@given(pages, pages)
def test_what_is_shown_after_reveal_is_what_the_backend_has_most_urgent_first(
    first: list[Row], second: list[Row]
) -> None:
    queue = Queue()
    queue.merge(first)
    queue.merge(second)
    queue.reveal()
    assert queue.order == [one.id for one in sorted(second, key=urgency)]


def test_a_row_that_left_stays_until_the_cursor_leaves_it() -> None:
    queue = Queue()
    queue.merge([row("a", 30), row("b", 20), row("c", 10)])
    queue.merge([row("b", 20), row("c", 10)])
    assert queue.order == ["a", "b", "c"]
    assert queue.gone == {"a": "left"}
    queue.move(1)
    assert (queue.order, queue.cursor) == (["b", "c"], "b")


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
