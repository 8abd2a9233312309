"""The queue: jobs by id, their order, and a cursor that is an id and never a position.

Must never move the cursor to another job by itself, nor a row that the operator did not move: what
is new waits, and what left stays greyed until he asks for the new state or moves on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from govconsole.client.jobview import Row

VIEWS: Final = ("held", "open", "settled", "all")
_FAR: Final = datetime.max.replace(tzinfo=UTC)


def urgency(row: Row) -> tuple[int, datetime, str]:
    """The order of the queue: the riskiest first, among equals the one that runs out first."""
    return (-row.risk, row.until or _FAR, row.id)


@dataclass
class Queue:
    """The rows that are shown, and what waits to be shown."""

    rows: dict[str, Row] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    cursor: str | None = None
    waiting: dict[str, Row] = field(default_factory=dict)
    gone: dict[str, str] = field(default_factory=dict)
    view: str = "held"

    def merge(self, page: Iterable[Row]) -> None:
        """Take what the backend has now."""
        now = {row.id: row for row in page}
        for job in self.order:
            if job in now:
                self.rows[job] = now[job]
                self.gone.pop(job, None)
            else:
                self.gone.setdefault(job, "left")
        self.waiting = {job: row for job, row in now.items() if job not in self.rows}
        if self.cursor is None:
            self.reveal()

    def reveal(self) -> None:
        """Show what waits, take away what left, and sort. The cursor stays on its job while that is there."""
        place = self.order.index(self.cursor) if self.cursor in self.order else 0
        for job in self.gone:
            self.rows.pop(job, None)
        self.rows.update(self.waiting)
        self.gone, self.waiting = {}, {}
        self.order = [row.id for row in sorted(self.rows.values(), key=urgency)]
        if self.cursor not in self.rows:
            self.cursor = self.order[min(place, len(self.order) - 1)] if self.order else None

    def settle(self, job: str, state: str) -> None:
        """Mark a row whose job was seen to have left this view, with the state that it is in now."""
        if job in self.rows:
            self.gone[job] = state

    def select(self, job: str) -> None:
        """Put the cursor on a job of the list; rows that left and are not under it are swept."""
        if job not in self.rows or job == self.cursor:
            return
        self.cursor = job
        for left in [one for one in self.gone if one != job]:
            self.order.remove(left)
            del self.rows[left], self.gone[left]

    def move(self, by: int) -> None:
        """Move the cursor by so many rows, within the list."""
        if not self.order:
            return
        place = self.order.index(self.cursor) if self.cursor in self.order else 0
        self.select(self.order[max(0, min(place + by, len(self.order) - 1))])

    def switch(self, view: str) -> None:
        """Another view: its rows come with the next page."""
        self.view, self.cursor = view, None
        self.rows, self.order, self.waiting, self.gone = {}, [], {}, {}

    @property
    def news(self) -> int:
        """How many rows would come or go with `reveal`."""
        return len(self.waiting) + len(self.gone)
