"""A stretch of a list that is too long to fetch: pages by key, joined, and the part of it on the screen.

Must never move what is on the screen by itself: a page that comes in front shifts places, not lines.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from govconsole.client.row import Row

KEEP: Final = 2000
"""So many rows are kept; of more, the pages that are furthest from the screen are let go."""

AHEAD: Final = 100
"""A page is asked for when so few rows are left beyond the screen."""

Side = Literal["first", "last", "after", "before"]


@dataclass(frozen=True)
class Fetch:
    """A page that the window wants. `generation`: of the selection; an answer to an older one is dropped."""

    side: Side
    cursor: str | None
    generation: int


@dataclass(frozen=True)
class Page:
    """A page as it came.

    `offset`: how many rows of the selection come before it. `searched`, `candidates`: with words of titles,
    how many titles were looked through, and how many there are.
    """

    rows: tuple[Row, ...]
    previous: str | None
    next: str | None
    offset: int | None = None
    total: int | None = None
    searched: int | None = None
    candidates: int | None = None


Key = tuple[Any, ...]
"""What the list is sorted by; keys of one selection compare with one another."""


@dataclass
class _Segment:
    """A page at hand. `low`, `high`: the keys that it began and ended with when it was fetched."""

    ids: list[str]
    previous: str | None
    next: str | None
    low: Key | None
    high: Key | None


@dataclass
class Window:
    """The rows at hand, in order, and which of them are on the screen.

    `top`: the place, within the rows at hand, of the first row on the screen. `height`: its lines.
    `offset`: how many rows of the whole list come before the rows at hand. `total`: of the whole list.
    """

    key: Callable[[Row], Key]
    rows: dict[str, Row] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    offset: int = 0
    total: int | None = None
    searched: int | None = None
    candidates: int | None = None
    top: int = 0
    height: int = 20
    keep: int = KEEP
    ahead: int = AHEAD
    generation: int = 0
    loaded: bool = False
    asked: Fetch | None = None
    _segments: list[_Segment] = field(default_factory=list)
    _jump: Literal["first", "last"] | None = "first"
    _places: dict[str, int] | None = None

    # What is where

    def place(self, job: str | None) -> int | None:
        """The place of a job among the rows at hand."""
        if self._places is None:
            self._places = {name: place for place, name in enumerate(self.order)}
        return None if job is None else self._places.get(job)

    @property
    def on_screen(self) -> list[str]:
        """The jobs on the screen, from its first line on."""
        return self.order[self.top : self.top + self.height]

    @property
    def previous(self) -> str | None:
        """The cursor of the page before the rows at hand; None: they begin the list."""
        return self._segments[0].previous if self._segments else None

    @property
    def next(self) -> str | None:
        """The cursor of the page after the rows at hand; None: they end the list."""
        return self._segments[-1].next if self._segments else None

    # Fetching

    def wants(self) -> Fetch | None:
        """The page that is needed now, and marks it as asked for. None: nothing is, or one is on its way."""
        if self.asked is not None:
            return None
        if self._jump is not None:
            self.asked = Fetch(self._jump, None, self.generation)
        elif self.next is not None and self.top + self.height + self.ahead >= len(self.order):
            self.asked = Fetch("after", self.next, self.generation)
        elif self.previous is not None and self.top < self.ahead:
            self.asked = Fetch("before", self.previous, self.generation)
        return self.asked

    def failed(self, fetch: Fetch) -> None:
        """The page did not come; it may be asked for again."""
        if self.asked == fetch:
            self.asked = None

    def take(self, fetch: Fetch, page: Page) -> bool:
        """Join a page to the rows at hand. False: nobody waits for it any more."""
        if fetch.generation != self.generation or self.asked != fetch:
            return False
        self.asked = None
        if fetch.side in {"first", "last"}:
            self._replace(fetch, page)
            return True
        new = [row.id for row in page.rows if row.id not in self.rows or self.place(row.id) is None]
        self.rows.update((row.id, row) for row in page.rows)
        segment = self._segment(new, page)
        if fetch.side == "after":
            self._segments.append(segment)
            self.order += new
        else:
            self._segments.insert(0, segment)
            self.order[:0] = new
            self.top += len(new)
        self._places = None
        self._count(page, before=fetch.side == "before")
        return True

    def _replace(self, fetch: Fetch, page: Page) -> None:
        self._jump = None
        self.rows = {row.id: row for row in page.rows}
        self.order = [row.id for row in page.rows]
        self._segments = [self._segment(list(self.order), page)]
        self._places = None
        self.loaded = True
        self.top = 0 if fetch.side == "first" else max(len(self.order) - self.height, 0)
        self._count(page, before=True)

    def _segment(self, ids: list[str], page: Page) -> _Segment:
        ends = [self.key(row) for row in (page.rows[0], page.rows[-1])] if page.rows else [None, None]
        return _Segment(ids, page.previous, page.next, ends[0], ends[1])

    def _count(self, page: Page, *, before: bool) -> None:
        self.total = self.total if page.total is None else page.total
        self.searched, self.candidates = page.searched, page.candidates
        if page.offset is not None:
            behind = 0 if before else len(self.order) - len(self._segments[-1].ids)
            self.offset = max(page.offset - behind, 0)
        if self.previous is None:
            self.offset = 0

    def evict(self, keep: Iterable[str | None] = ()) -> set[str]:
        """Let go of the pages furthest from the screen when there are too many; the rows of `keep` are kept.

        Returns:
            The jobs that are not at hand any more.
        """
        gone: set[str] = set()
        while len(self.order) > self.keep and len(self._segments) > 1:
            ahead = self.top
            behind = len(self.order) - self.top - self.height
            if max(ahead, behind) < self.keep // 4:
                break
            first = ahead > behind
            side = self._segments[0 if first else -1]
            if len(side.ids) > max(ahead, behind):
                break
            del self._segments[0 if first else -1]
            gone.update(side.ids)
            if first:
                self.offset += len(side.ids)
                self.top -= len(side.ids)
                del self.order[: len(side.ids)]
            else:
                del self.order[len(self.order) - len(side.ids) :]
            self._places = None
        kept = set(keep)
        for job in gone - kept:
            del self.rows[job]
        return gone

    # Moving

    def scroll(self, by: int) -> None:
        """Move the screen over the rows."""
        self.top = max(0, min(self.top + by, len(self.order) - self.height))

    def reveal(self, job: str) -> None:
        """Move the screen as little as is needed to show that job."""
        place = self.place(job)
        if place is None:
            return
        if place < self.top:
            self.top = place
        elif place >= self.top + self.height:
            self.top = place - self.height + 1

    def resize(self, height: int) -> None:
        """The screen has so many lines now."""
        self.height = max(height, 1)
        self.scroll(0)

    def jump(self, side: Literal["first", "last"]) -> bool:
        """Go to one end of the list. False: it is not at hand; it was asked for, and comes with its page."""
        if (self.previous if side == "first" else self.next) is not None:
            self._jump = side
            self.generation += 1
            self.asked = None
            return False
        self.top = 0
        if side == "last":
            self.scroll(len(self.order))
        return True

    def stay(self) -> None:
        """Whoever asked for an end of the list does not want it any more."""
        if self.loaded and self._jump is not None:
            self._jump, self.asked = None, None
            self.generation += 1

    # Changing

    def update(self, row: Row) -> None:
        """A row as it is now; its line stays where it is."""
        self.rows[row.id] = row

    def covers(self, row: Row) -> bool:
        """Whether that row stands, by its key, among the rows at hand."""
        return _between(self._low, self.key(row), self._high)

    @property
    def _low(self) -> Key | None:
        """The key that the rows at hand begin with; None where they begin the list."""
        return None if self.previous is None else next((one.low for one in self._segments if one.low), None)

    @property
    def _high(self) -> Key | None:
        if self.next is None:
            return None
        return next((one.high for one in reversed(self._segments) if one.high), None)

    def rebuild(self, rows: Iterable[Row], anchor: str | None) -> None:
        """Other rows, in the order of the key; the anchor stays on its line of the screen as far as it can.

        What sorts beyond an end that is not at hand is left out: it comes with its page.
        """
        low, high = self._low, self._high
        keyed = sorted(((self.key(row), row) for row in rows), key=lambda pair: pair[0])
        self.arrange([row for key, row in keyed if row.id == anchor or _between(low, key, high)], anchor)

    def arrange(self, rows: Sequence[Row], anchor: str | None) -> None:
        """These rows in this order; the anchor stays on its line of the screen as far as it can."""
        line = self._line(anchor)
        ids = [row.id for row in rows]
        if self._segments:
            self._segments = [_Segment(list(ids), self.previous, self.next, self._low, self._high)]
        kept = self.rows.get(anchor or "")
        self.rows = {row.id: row for row in rows} | ({kept.id: kept} if kept and kept.id not in ids else {})
        self.order = ids
        self._places = None
        self._hold(anchor, line)

    def remove(self, jobs: set[str], anchor: str | None) -> None:
        """Take rows away; the anchor stays on its line of the screen as far as it can."""
        line = self._line(anchor)
        for segment in self._segments:
            segment.ids = [job for job in segment.ids if job not in jobs]
        self.order = [job for job in self.order if job not in jobs]
        for job in jobs:
            self.rows.pop(job, None)
        self._places = None
        self._hold(anchor, line)

    def _line(self, job: str | None) -> int | None:
        place = self.place(job)
        return None if place is None else place - self.top

    def _hold(self, anchor: str | None, line: int | None) -> None:
        place = self.place(anchor)
        if place is not None and line is not None:
            self.top = place - line
        self.scroll(0)

    def clear(self) -> None:
        """Another selection: everything is let go, and its first page is wanted."""
        self.rows, self.order, self._segments = {}, [], []
        self.offset, self.total, self.top = 0, None, 0
        self.searched, self.candidates = None, None
        self.generation += 1
        self.loaded, self.asked, self._jump, self._places = False, None, "first", None


def _between(low: Key | None, value: Key, high: Key | None) -> bool:
    return (low is None or value >= low) and (high is None or value <= high)
