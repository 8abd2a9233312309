"""Selections of jobs in SQL: filtered by columns, ordered, and paged by keys in either direction.

Must never open what is sealed, nor page by counting rows that it skips: what comes and goes meanwhile
would be lost or doubled.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from sqlalchemy import Select, and_, func, literal, literal_column, not_, or_, select, true, tuple_

from govd.contract.errors import InvalidRequestError
from govd.contract.filters import FIELDS, Term, parse
from govd.jobs.store import HIGHEST_RISK, IS_HELD
from govd.storage.schema import ENDED_STATES, NEVER, OPEN_STATES, jobs
from govd.times import micros

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection, RowMapping

    from govd.contract.jobs import Cursor, JobsQuery, Order, Selection

Key: TypeAlias = tuple[int | str, ...]
"""The columns of an order, as one job has them: its place."""

_KEYS: Final[dict[str, tuple[str, ...]]] = {
    "risk": ("calm", "held_until", "id"),
    "left": ("held_until", "id"),
    "newest": ("id",),
    "oldest": ("id",),
    "agent": ("agent", "calm", "held_until", "id"),
    "changed": ("updated_at", "id"),
}
"""An id is a UUIDv7: by age and by id are one order."""

_DOWN: Final = frozenset({"newest", "changed"})
_BIGGEST: Final = 2**63 - 1
_LONGEST: Final = 64


@dataclass(frozen=True)
class Place:
    """Where a page begins or ends: behind a job, or at it."""

    key: Key
    inclusive: bool = False


class Listing:
    """One selection in one order, as it is at one moment.

    Args:
        query: Which jobs, and in which order.
        now: What `left` and `age` are measured from.

    Raises:
        InvalidRequestError: the filter is none.
    """

    def __init__(self, query: JobsQuery, now: datetime) -> None:
        terms = parse(query.filter)
        self.order: Order = query.order
        self.titles = terms.titles
        self._conditions = [
            _selected(query.state),
            *(_condition(term, micros(now)) for term in terms.columns),
        ]
        self._columns = [jobs.c[name] for name in _KEYS[self.order]]
        self._down = self.order in _DOWN

    def key(self, row: RowMapping) -> Key:
        """The place of a job."""
        return tuple(row[name] for name in _KEYS[self.order])

    def cursor(self, key: Key, *, inclusive: bool = False) -> Cursor:
        """A place as text, to be handed back by a client."""
        value = json.dumps([self.order, int(inclusive), *key], separators=(",", ":"))
        return base64.urlsafe_b64encode(value.encode()).decode().rstrip("=")

    def place(self, cursor: Cursor) -> Place:
        """The place that a cursor names.

        Raises:
            InvalidRequestError: it is of another order, or was never given out.
        """
        try:
            value = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        except (binascii.Error, ValueError, RecursionError):
            value = None
        if not isinstance(value, list) or len(value) != 2 + len(self._columns):
            raise _no_place()
        order, inclusive, *key = value
        if order != self.order or type(inclusive) is not int or inclusive not in {0, 1}:
            # By its type first: asking whether a list is in a set ends in an error of ours.
            raise _no_place()
        for name, part in zip(_KEYS[self.order], key, strict=True):
            if not _fits(part, text=name in {"id", "agent"}):
                raise _no_place()
        return Place(tuple(key), bool(inclusive))

    # -- reading -------------------------------------------------------------------------------------

    def rows(
        self, connection: Connection, limit: int, *, after: Place | None = None, before: Place | None = None
    ) -> Sequence[RowMapping]:
        """The first jobs behind a place, or with `before` the last in front of it, nearest first."""
        backwards = before is not None
        query = self._where(select(jobs), after, before)
        return connection.execute(self._ordered(query, backwards=backwards).limit(limit)).mappings().all()

    def last(self, connection: Connection, limit: int) -> Sequence[RowMapping]:
        """The last jobs of all, the very last first."""
        query = self._ordered(self._where(select(jobs)), backwards=True)
        return connection.execute(query.limit(limit)).mappings().all()

    def of(self, connection: Connection, ids: Sequence[str]) -> Sequence[RowMapping]:
        """Those of some jobs that are of the selection."""
        query = self._where(select(jobs)).where(jobs.c.id.in_(ids))
        return connection.execute(self._ordered(query, backwards=False)).mappings().all()

    def count(self, connection: Connection, *, before: Place | None = None) -> int:
        """How many jobs there are, in front of a place where one is given."""
        query = self._where(select(func.count()).select_from(jobs), None, before)
        return int(connection.execute(query).scalar_one())

    def _where(
        self, query: Select[Any], after: Place | None = None, before: Place | None = None
    ) -> Select[Any]:
        found = query.where(*self._conditions)
        for place, behind in ((after, True), (before, False)):
            if place is not None:
                found = found.where(self._beyond(place, up=behind is not self._down))
        return found

    def _beyond(self, place: Place, *, up: bool) -> ColumnElement[bool]:
        """Keys on one side of a place. One comparison of rows: an index leads there at once."""
        here = tuple_(*self._columns)
        there = tuple_(
            *(literal(part, column.type) for part, column in zip(place.key, self._columns, strict=True))
        )
        if up:
            return here >= there if place.inclusive else here > there
        return here <= there if place.inclusive else here < there

    def _ordered(self, query: Select[Any], *, backwards: bool) -> Select[Any]:
        down = self._down is not backwards
        return query.order_by(*(column.desc() if down else column.asc() for column in self._columns))


def _fits(part: object, *, text: bool) -> bool:
    if text:
        return isinstance(part, str) and 0 < len(part) <= _LONGEST and part.isascii() and part.isprintable()
    return type(part) is int and abs(part) <= _BIGGEST


def _no_place() -> InvalidRequestError:
    return InvalidRequestError(
        "this cursor is of another order, or of no page", hint="begin at the first page", pointer="/after"
    )


def _selected(state: Selection) -> ColumnElement[bool]:
    match state:
        case "held":
            return IS_HELD
        case "open":
            return literal_column(f"jobs.{OPEN_STATES}")
        case "settled":
            return literal_column(f"jobs.{ENDED_STATES}")
        case _:
            return true()


# -- filters -------------------------------------------------------------------------------------------


def _condition(term: Term, now: int) -> ColumnElement[bool]:
    """One term as a condition that is true or false, never null."""
    sort = FIELDS[term.field].sort
    if sort == "glob":
        found = or_(*(_like(term.field, value) for value in term.values))
    elif sort == "id":
        found = or_(*(jobs.c.id.startswith(part) | jobs.c.id.endswith(part) for part in term.values))
    elif sort == "number":
        found = _compared(HIGHEST_RISK - jobs.c.calm, term)
    elif sort == "span":
        found = _span(term, now)
    elif term.field == "kind":
        found = or_(*(jobs.c.kinds.contains(f",{value},", autoescape=True) for value in term.values))
    else:
        found = jobs.c[term.field].in_(term.values)
    return not_(found) if term.negated else found


def _like(field: str, pattern: str) -> ColumnElement[bool]:
    if not set(pattern) & {"*", "?"}:
        return jobs.c[field] == pattern
    escaped = pattern.replace("_", "\\_").replace("*", "%").replace("?", "_")
    return jobs.c[field].like(escaped, escape="\\")


def _compared(value: ColumnElement[Any], term: Term, other: int | None = None) -> ColumnElement[bool]:
    number = term.number if other is None else other
    match term.op:
        case "<":
            return value < number
        case "<=":
            return value <= number
        case ">":
            return value > number
        case ">=":
            return value >= number
        case _:
            return value == number


def _span(term: Term, now: int) -> ColumnElement[bool]:
    length = term.number * 1_000_000
    if term.field == "left":
        return and_(jobs.c.held_until != NEVER, _compared(jobs.c.held_until - now, term, length))
    return _compared(now - jobs.c.opened_at, term, length)
