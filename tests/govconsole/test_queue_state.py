"""The queue's state against a model server, over every order of events: nothing moves that nobody moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from govconsole.state.queue import KEYS, ORDERS, Queue, Wanted
from govconsole.state.window import Fetch, Page, Window
from govd.contract.jobs import DEFAULT_ORDER
from tests.govconsole.model_server import ModelServer, row

if TYPE_CHECKING:
    from govconsole.client.row import Row

RISKS = st.integers(0, 9)


class Operator(RuleBasedStateMachine):
    """An operator at a list that changes under him, behind a line that is slow and out of step."""

    def __init__(self) -> None:
        super().__init__()
        self.server = ModelServer()
        for number in range(23):
            self.server.add(number % 10)
        self.queue = Queue(window=Window(KEYS["risk"], height=4, keep=15, ahead=2))
        self.heard = len(self.server.events)
        self.page: tuple[Fetch, Page] | None = None
        self.answer: tuple[tuple[str, ...], list[Row], Wanted] | None = None
        self.dialog: tuple[str, Row | None] | None = None
        self.voted: list[str] = []
        self.a_page_is_asked_for()
        self.a_page_arrives(lost=False)

    # The world

    @rule(risk=RISKS)
    def a_job_comes(self, risk: int) -> None:
        self.server.add(risk)

    @precondition(lambda self: self.server.held)
    @rule(data=st.data())
    def a_job_leaves(self, data: st.DataObject) -> None:
        self.server.settle(data.draw(st.sampled_from(sorted(self.server.held))))

    @precondition(lambda self: self.queue.cursor in self.server.held)
    @rule()
    def the_job_under_the_cursor_leaves(self) -> None:
        self.server.settle(str(self.queue.cursor))

    @precondition(lambda self: self.server.held)
    @rule(data=st.data(), risk=RISKS)
    def a_job_sorts_elsewhere(self, data: st.DataObject, risk: int) -> None:
        self.server.change(data.draw(st.sampled_from(sorted(self.server.held))), risk)

    # The line: an answer is what the server had when it was asked, and arrives later or never

    @rule(count=st.integers(1, 9))
    def events_arrive(self, count: int) -> None:
        before = self._seen()
        for job in self.server.events[self.heard : self.heard + count]:
            self.queue.touch(job)
        self.heard = min(self.heard + count, len(self.server.events))
        self._nothing_moved(before)

    @precondition(lambda self: self.page is None)
    @rule()
    def a_page_is_asked_for(self) -> None:
        fetch = self.queue.wants()
        if fetch is not None:
            self.page = fetch, self.server.page(self.queue.wanted, fetch)

    @precondition(lambda self: self.page is not None)
    @rule(lost=st.booleans())
    def a_page_arrives(self, *, lost: bool) -> None:
        assert self.page is not None
        fetch, page = self.page
        self.page = None
        before, asked_to_go = self._seen(), fetch.side in {"first", "last"}
        if lost:
            self.queue.window.failed(fetch)
        elif self.queue.take(fetch, page) and asked_to_go:
            return
        self._nothing_moved(before)

    @precondition(lambda self: self.answer is None)
    @rule()
    def rows_are_asked_for(self) -> None:
        asked = self.queue.asks()
        if asked:
            self.answer = asked, self.server.rows(asked), self.queue.wanted

    @precondition(lambda self: self.answer is not None)
    @rule()
    def rows_arrive(self) -> None:
        assert self.answer is not None
        before, empty = self._seen(), self.queue.cursor is None
        self.queue.refreshed(*self.answer)
        self.answer = None
        if not empty:
            self._nothing_moved(before)

    # The operator

    @rule(by=st.integers(-7, 7))
    def he_moves(self, by: int) -> None:
        place = self.queue.window.place(self.queue.cursor)
        order = list(self.queue.order)
        self.queue.move(by)
        if place is not None:
            assert self.queue.cursor == order[max(0, min(place + by, len(order) - 1))]

    @rule(side=st.sampled_from(["first", "last"]))
    def he_jumps(self, side: str) -> None:
        self.queue.jump(side)  # type: ignore[arg-type] # one of the two

    @rule(by=st.integers(-9, 9))
    def he_turns_the_wheel(self, by: int) -> None:
        cursor = self.queue.cursor
        self.queue.window.scroll(by)
        assert self.queue.cursor == cursor

    @rule(line=st.integers(0, 3))
    def he_clicks(self, line: int) -> None:
        if line < len(self.queue.window.on_screen):
            job = self.queue.window.on_screen[line]
            self.queue.select(job)
            assert self.queue.cursor == job

    @rule()
    def he_asks_for_what_is_new(self) -> None:
        before, gone = self.queue.cursor, dict(self.queue.gone)
        self.queue.reveal()
        assert before in gone or self.queue.cursor == before
        assert not self.queue.news

    @rule()
    def he_marks(self) -> None:
        self.queue.mark()

    @rule()
    def he_ranges(self) -> None:
        self.queue.range()

    @rule(order=st.sampled_from(["risk", "left", "agent", "newest", "oldest"]))
    def he_sorts(self, order: str) -> None:
        marks = set(self.queue.marks)
        self.queue.sort(order)  # type: ignore[arg-type] # one of the orders
        assert self.queue.marks == marks

    @precondition(lambda self: self.queue.cursor is not None)
    @rule()
    def he_opens_the_dialog(self) -> None:
        job = str(self.queue.cursor)
        self.dialog = job, self.queue.rows.get(job)

    @precondition(lambda self: self.dialog is not None)
    @rule()
    def he_confirms(self) -> None:
        assert self.dialog is not None
        job, shown = self.dialog
        assert shown is None or shown.id == job
        self.voted.append(job)
        self.dialog = None

    # What holds

    def _seen(self) -> tuple[str | None, list[str], set[str]]:
        return self.queue.cursor, self.queue.window.on_screen, set(self.queue.marks)

    def _nothing_moved(self, before: tuple[str | None, list[str], set[str]]) -> None:
        cursor, lines, marks = before
        assert self.queue.cursor == cursor
        assert self.queue.window.on_screen[: len(lines)] == lines
        assert self.queue.marks <= marks
        assert not (marks - self.queue.marks) & set(self.queue.order)

    @invariant()
    def the_state_is_whole(self) -> None:
        queue = self.queue
        assert len(set(queue.order)) == len(queue.order)
        assert set(queue.order) <= set(queue.rows)
        assert set(queue.rows) <= {*queue.order, queue.cursor}
        assert set(queue.gone) <= set(queue.order)
        assert not set(queue.waiting) & set(queue.order)
        assert [job for part in queue.window._segments for job in part.ids] == queue.order  # noqa: SLF001 - it must agree
        assert 0 <= queue.window.top <= max(len(queue.order) - 1, 0)
        assert all(queue.rows[job].id == job for job in queue.order)

    @invariant()
    def not_more_is_kept_than_may_be(self) -> None:
        assert (
            len(self.queue.order) <= 15 + 2 * self.server.size + len(self.queue.gone) + self.server.made - 23
        )

    @rule()
    def the_dust_settles(self) -> None:
        """All that happened has been told: what is shown, once he asks for it, is what the server has."""
        if self.page is not None:
            self.a_page_arrives(lost=False)
        for _ in range(60):
            self.events_arrive(99)
            if self.answer is None:
                self.rows_are_asked_for()
            if self.answer is not None:
                self.rows_arrive()
            self.a_page_is_asked_for()
            if self.page is not None:
                self.a_page_arrives(lost=False)
        self.queue.reveal()
        listed = self.server.listed(self.queue.wanted)
        at_hand = [one.id for one in listed if self.queue.window.covers(one) or one.id == self.queue.cursor]
        assert [job for job in self.queue.order if job != self.queue.cursor] == [
            job for job in at_hand if job != self.queue.cursor
        ]
        assert all(self.queue.rows[job] == self.server.held[job] for job in self.queue.order)
        assert self.queue.marks <= set(self.server.held)


Operator.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestNoOrderOfEventsMovesWhatTheOperatorDidNotMove = Operator.TestCase


def test_the_queue_orders_each_view_as_the_backend_does_where_nothing_else_is_asked_for() -> None:
    assert ORDERS == DEFAULT_ORDER


def settled(*, previous: str | None) -> Queue:
    """The settled jobs, the latest change first: more are behind."""
    queue = Queue()
    queue.switch("settled")
    fetch = queue.wants()
    assert fetch is not None
    queue.take(fetch, Page((row("j000005"), row("j000009")), previous=previous, next="more"))
    return queue


@pytest.mark.parametrize("job", ["j000001", "j000007", "j000010"])
def test_a_job_that_ends_waits_as_new_in_front_of_the_settled_ones_however_old_it_is(job: str) -> None:
    queue = settled(previous=None)
    queue.touch(job)
    queue.refreshed(queue.asks(), [row(job)], queue.wanted)
    assert (queue.news, queue.order) == (1, ["j000005", "j000009"])
    queue.reveal()
    assert queue.order == [job, "j000005", "j000009"]


def test_a_job_that_ends_comes_with_its_page_where_the_front_of_the_settled_ones_is_not_at_hand() -> None:
    queue = settled(previous="before")
    queue.touch("j000007")
    queue.refreshed(queue.asks(), [row("j000007")], queue.wanted)
    assert not queue.news


def test_who_sorts_twice_before_the_first_page_came_stays_on_his_job() -> None:
    server, queue = ModelServer(), Queue()
    for risk in (30, 20, 10):
        server.add(risk)

    def a_page_comes() -> None:
        fetch = queue.wants()
        assert fetch is not None
        assert queue.take(fetch, server.page(queue.wanted, fetch))

    a_page_comes()
    queue.move(1)
    chosen = queue.cursor
    queue.sort("agent")
    queue.wants()  # on its way, and never waited for
    queue.sort("newest")
    a_page_comes()
    assert chosen is not None
    assert queue.cursor == chosen
