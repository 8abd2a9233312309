"""The queue: jobs by id, a cursor and marks that are ids and never positions, and what waits to be shown.

Must never move the cursor to another job by itself, nor a row that the operator did not move: what
is new waits, and what left stays greyed until he asks for the new state or moves on.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal

from govconsole.state.window import Window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from govconsole.client.row import Row
    from govconsole.state.window import Fetch, Page
    from govd.contract.jobs import Order, Selection

ASK: Final = 100
"""So many rows are fetched anew at once."""

_FAR: Final = datetime.max.replace(tzinfo=UTC)


def _risk(row: Row) -> tuple[Any, ...]:
    return (-row.risk, row.until or _FAR, row.id)


def _newest(row: Row) -> tuple[Any, ...]:
    # An id is a UUIDv7: by age and by id are one order.
    return tuple(-ord(char) for char in row.id)


KEYS: Final[Mapping[str, Callable[[Row], tuple[Any, ...]]]] = {
    "risk": _risk,
    "left": lambda row: (row.until or _FAR, row.id),
    "newest": _newest,
    "oldest": lambda row: (row.id,),
    "agent": lambda row: (row.agent, *_risk(row)),
    "changed": _newest,
}
"""The orders as the server has them, so that what is new can be shown at its place without fetching all."""


ORDERS: Final[Mapping[Selection, Order]] = {
    "held": "risk",
    "open": "risk",
    "settled": "changed",
    "all": "newest",
}
"""How the backend orders a view of itself: the contract's own words, without loading its models."""


@dataclass(frozen=True)
class Wanted:
    """Which jobs are shown: the view, the filter as it is typed, the order. `sort` None: the view's own."""

    view: Selection = "held"
    filter: str = ""
    sort: Order | None = None

    @property
    def order(self) -> Order:
        """The order that the rows are in."""
        return self.sort or ORDERS[self.view]


@dataclass
class Queue:
    """The rows that are shown, and what waits to be shown.

    `opened`: the jobs that stood open before the operator, by the token of the review that he saw.
    """

    wanted: Wanted = field(default_factory=Wanted)
    window: Window = field(default_factory=lambda: Window(_risk))
    cursor: str | None = None
    marks: set[str] = field(default_factory=set)
    anchor: str | None = None
    waiting: dict[str, Row] = field(default_factory=dict)
    gone: dict[str, str] = field(default_factory=dict)
    opened: dict[str, str] = field(default_factory=dict)
    _touched: dict[str, None] = field(default_factory=dict)
    _meanwhile: set[str] = field(default_factory=set)
    _keep: str | None = None

    @property
    def rows(self) -> Mapping[str, Row]:
        """What is known of each job at hand."""
        return self.window.rows

    @property
    def order(self) -> list[str]:
        """The jobs at hand, as they stand in the list."""
        return self.window.order

    @property
    def news(self) -> int:
        """How many rows would come or go with `reveal`."""
        return len(self.waiting) + len(self.gone)

    # What came in

    def wants(self) -> Fetch | None:
        """The page that is needed now; it counts as asked for."""
        fetch = self.window.wants()
        if fetch is not None:
            self._meanwhile.clear()
        return fetch

    def take(self, fetch: Fetch, page: Page) -> bool:
        """A page came. False: nobody waits for it any more."""
        if not self.window.take(fetch, page):
            return False
        for row in page.rows:
            self.waiting.pop(row.id, None)
            self.gone.pop(row.id, None)
            if row.id in self._meanwhile:
                # The page may be older than what happened to this job while it was on its way.
                self._touched[row.id] = None
        if fetch.side in {"first", "last"}:
            self._after_jump(fetch.side)
        self.window.evict((self.cursor,))
        self._forget_far()
        return True

    def _after_jump(self, side: Literal["first", "last"]) -> None:
        """He asked for this end of the list, or for another selection: the cursor goes to it."""
        self.marks -= set(self.gone)
        self.gone.clear()
        self.waiting.clear()
        kept, self._keep = self._keep, None
        if kept is not None and self.window.place(kept) is not None:
            self.cursor = kept
            self.window.reveal(kept)
        elif self.order:
            self.cursor = self.order[0 if side == "first" else -1]
        else:
            self.cursor = None

    def touch(self, job: str) -> None:
        """Something happened to a job: its row is to be fetched anew."""
        self._touched[job] = None
        self._meanwhile.add(job)

    @property
    def pending(self) -> bool:
        """Whether there are rows still to be fetched anew."""
        return bool(self._touched)

    def asks(self) -> tuple[str, ...]:
        """The jobs whose rows are fetched next, those on the screen first. They count as asked for."""
        if len(self._touched) > ASK:
            first = [job for job in self.window.on_screen if job in self._touched]
            jobs = list(dict.fromkeys([*first, *self._touched]))[:ASK]
        else:
            jobs = list(self._touched)
        for job in jobs:
            del self._touched[job]
        return tuple(jobs)

    def unanswered(self, asked: Iterable[str]) -> None:
        """The answer did not come: the rows are asked for again."""
        self._touched.update(dict.fromkeys(asked))

    def refreshed(self, asked: Iterable[str], rows: Iterable[Row], wanted: Wanted) -> set[str]:
        """The rows of those jobs as they are now, where they are of the selection still.

        Returns:
            The jobs at hand that are of it no more.
        """
        if wanted != self.wanted:
            self.unanswered(asked)
            return set()
        now = {row.id: row for row in rows}
        left: set[str] = set()
        for job in asked:
            row, here = now.get(job), self.window.place(job) is not None
            if row is None:
                self.waiting.pop(job, None)
                if here and job not in self.gone:
                    self.gone[job] = "left"
                    left.add(job)
                elif not here:
                    self.marks.discard(job)
            elif here:
                self.window.update(row)
                self.gone.pop(job, None)
            elif self.window.loaded and self._belongs(row):
                self.waiting[job] = row
            else:
                self.waiting.pop(job, None)
        if self.cursor is None and self.window.loaded:
            self.reveal()
        return left

    def _belongs(self, row: Row) -> bool:
        """Whether a row that is not at hand would stand among those that are."""
        if self.wanted.order == "changed":
            # A row does not say when it changed; but it did just now, so that it begins the list.
            return self.window.previous is None
        return self.window.covers(row)

    def settle(self, job: str, state: str) -> None:
        """Say what became of a job that is of the selection no more."""
        if job in self.gone:
            self.gone[job] = state

    def reveal(self) -> None:
        """Show what waits, take away what left, and sort. The cursor stays on its job while that is there."""
        place = self.window.place(self.cursor) or 0
        stay = self.cursor if self.cursor not in self.gone else None
        rows = [
            row
            for job, row in self.rows.items()
            if job not in self.gone and self.window.place(job) is not None
        ]
        if self.wanted.order == "changed":
            self.window.arrange([*reversed(self.waiting.values()), *sorted(rows, key=self._standing)], stay)
        else:
            self.window.rebuild([*rows, *self.waiting.values()], stay)
        self.marks -= set(self.gone)
        self._drop_total(len(self.gone))
        self.gone, self.waiting = {}, {}
        if stay is None:
            self.cursor = self.order[min(place, len(self.order) - 1)] if self.order else None
            if self.cursor is not None:
                self.window.reveal(self.cursor)
        if self.anchor is not None and self.window.place(self.anchor) is None:
            self.anchor = None

    def _standing(self, row: Row) -> int:
        return self.window.place(row.id) or 0

    # Moving

    def select(self, job: str) -> None:
        """Put the cursor on a job of the list; rows that left and are not under it are swept."""
        if self.window.place(job) is None:
            return
        self.window.stay()
        self.cursor = job
        self._sweep()
        self.window.reveal(job)

    def move(self, by: int) -> None:
        """Move the cursor by so many rows, within what is at hand."""
        if not self.order:
            return
        place = self.window.place(self.cursor)
        if place is None:
            # The cursor's row was let go: it was far from the screen, so it goes on from what is seen.
            self.select(self.window.on_screen[0 if by >= 0 else -1])
        else:
            self.select(self.order[max(0, min(place + by, len(self.order) - 1))])

    def jump(self, side: Literal["first", "last"]) -> None:
        """Go to an end of the whole list; where it is not at hand, the cursor goes there when it comes."""
        if self.window.jump(side) and self.order:
            self.select(self.order[0 if side == "first" else -1])

    def _sweep(self) -> None:
        swept = {job for job in self.gone if job != self.cursor}
        if not swept:
            return
        self.window.remove(swept, self.cursor)
        self.marks -= swept
        self._drop_total(len(swept))
        for job in swept:
            del self.gone[job]
        if self.anchor in swept:
            self.anchor = None

    def _drop_total(self, count: int) -> None:
        if self.window.total is not None:
            self.window.total = max(self.window.total - count, len(self.order))

    def _forget_far(self) -> None:
        """What was let go with its page is not there to be greyed."""
        for job in [one for one in self.gone if self.window.place(one) is None]:
            del self.gone[job]
            self.marks.discard(job)

    # Marks

    def mark(self) -> None:
        """Mark the job under the cursor, or take its mark away."""
        if self.cursor is not None and self.cursor not in self.gone:
            self.marks ^= {self.cursor}

    def ranged(self) -> list[str]:
        """The jobs from where the range began to the cursor."""
        start, end = self.window.place(self.anchor), self.window.place(self.cursor)
        if start is None or end is None:
            return []
        return self.order[min(start, end) : max(start, end) + 1]

    def range(self) -> None:
        """Begin a range at the cursor; or mark the one that was begun."""
        if self.anchor is None or not self.ranged():
            self.anchor = self.cursor
            return
        self.marks.update(job for job in self.ranged() if job not in self.gone)
        self.anchor = None

    def escape(self) -> bool:
        """Let go of the range, else of the marks. False: there was neither."""
        if self.anchor is not None:
            self.anchor = None
        elif self.marks:
            self.marks.clear()
        else:
            return False
        return True

    # Another selection

    def choose(self, wanted: Wanted) -> None:
        """Other jobs, or another order: the rows come with the next page. Marks stay, but not over views."""
        if wanted.view != self.wanted.view:
            self.marks.clear()
        self.wanted = wanted
        # Whoever chooses twice before the first page came still stood on the same job.
        self._keep, self.cursor, self.anchor = self.cursor or self._keep, None, None
        self.waiting, self.gone = {}, {}
        self.window.clear()
        self.window.key = KEYS[wanted.order]

    def switch(self, view: Selection) -> None:
        """Another view, in its own order, with the filter that stands."""
        self.choose(replace(self.wanted, view=view, sort=None))

    def sort(self, order: Order) -> None:
        """Another order."""
        self.choose(replace(self.wanted, sort=order))

    def filter(self, text: str) -> None:
        """Another filter; it is known to be one."""
        self.choose(replace(self.wanted, filter=text))
