"""Pages of the queue: jobs as rows, opened for their titles and sums, a page with a handful of queries.

Must never take longer for a longer queue: what words of titles would have to open is looked through in
portions, and the page says how far it looked.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import orjson
from sqlalchemy import func, select

from govd.contract.filters import folded, has_words
from govd.contract.intents import IntentState
from govd.contract.jobs import JobPage, JobState, JobSummary
from govd.jobs import books, store
from govd.jobs.listing import Listing, Place
from govd.storage.schema import NEVER, holds, intents, votes
from govd.times import instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, RowMapping

    from govd.contract.jobs import JobsQuery
    from govd.sealing import JobKey, StateKey


@dataclass(frozen=True)
class Look:
    """How far one page looks for words of titles: so many are opened (about 60 ms), so many read at once."""

    titles: int = 4_000
    portion: int = 500


FAR: Final = Look()


def page(
    connection: Connection, query: JobsQuery, state_key: StateKey, now: datetime, look: Look = FAR
) -> JobPage:
    """One page of a selection.

    Raises:
        InvalidRequestError: the filter or the cursor is none.
    """
    listing = Listing(query, now)
    if query.ids is not None:
        rows = [row for row in listing.of(connection, query.ids) if _titled(listing, row, state_key)]
        total = None if listing.titles else listing.count(connection)
        return JobPage(jobs=summaries(connection, rows, state_key), total=total)
    found = _look(connection, listing, query, state_key, look)
    return _page(connection, listing, query, found, summaries(connection, found.rows, state_key))


@dataclass(frozen=True)
class _Found:
    """The rows of a page in the order of the listing, and the first and the last row that were looked at."""

    rows: Sequence[RowMapping]
    first: RowMapping | None
    last: RowMapping | None


def _look(
    connection: Connection, listing: Listing, query: JobsQuery, state_key: StateKey, look: Look
) -> _Found:
    backwards = query.end or query.before is not None
    rows: list[RowMapping] = []
    looked: list[RowMapping] = []
    for row in _candidates(connection, listing, query, look):
        looked.append(row)
        if _titled(listing, row, state_key):
            rows.append(row)
            if len(rows) == query.limit:
                break
    if backwards:
        rows.reverse()
        looked.reverse()
    return _Found(rows, looked[0] if looked else None, looked[-1] if looked else None)


def _candidates(
    connection: Connection, listing: Listing, query: JobsQuery, look: Look
) -> Iterator[RowMapping]:
    """The rows that columns alone leave, from the side that the page begins at, so many at most."""
    after = None if query.after is None else listing.place(query.after)
    before = None if query.before is None else listing.place(query.before)
    if not listing.titles:
        if query.end:
            yield from listing.last(connection, query.limit)
        else:
            yield from listing.rows(connection, query.limit, after=after, before=before)
        return
    for number in range(0, look.titles, look.portion):
        if query.end and not number:
            rows = listing.last(connection, look.portion)
        else:
            rows = listing.rows(connection, look.portion, after=after, before=before)
        yield from rows
        if len(rows) < look.portion:
            return
        place = Place(listing.key(rows[-1]))
        after, before = (None, place) if query.end or before is not None else (place, None)


def _titled(listing: Listing, row: RowMapping, state_key: StateKey) -> bool:
    """Whether the words that are looked for stand in the title."""
    if not listing.titles:
        return True
    shown = folded(_title(row, books.job_key(state_key, row)))
    return all(has_words(term, shown) for term in listing.titles)


def _page(
    connection: Connection, listing: Listing, query: JobsQuery, found: _Found, jobs: list[JobSummary]
) -> JobPage:
    """The page with its cursors: told by how many rows stand in front of what was looked at, and behind."""
    start, end = _edges(listing, query, found)
    total = listing.count(connection)
    first = not query.end and query.after is None and query.before is None
    if first or start is None:
        ahead = 0
    elif query.end and not listing.titles:
        ahead = total - len(found.rows)
    else:
        ahead = listing.count(connection, before=start)
    if listing.titles and end is not None:
        seen = listing.count(connection, before=end)
    else:
        seen = ahead + len(found.rows)
    cursors: dict[str, Any] = {
        "previous": listing.cursor(start.key, inclusive=start.inclusive) if start and ahead else None,
        "next": listing.cursor(end.key, inclusive=not end.inclusive) if end and seen < total else None,
    }
    if not listing.titles:
        return JobPage(jobs=jobs, **cursors, total=total, offset=ahead)
    whole = not ahead and seen == total
    return JobPage(
        jobs=jobs,
        **cursors,
        total=len(jobs) if whole else None,
        offset=0 if whole else None,
        searched=total - ahead if query.end or query.before is not None else seen,
        candidates=total,
    )


def _edges(listing: Listing, query: JobsQuery, found: _Found) -> tuple[Place | None, Place | None]:
    """Where what was looked at begins and ends, each as the place that all before it stand in front of."""
    if found.first is not None and found.last is not None:
        return Place(listing.key(found.first)), Place(listing.key(found.last), inclusive=True)
    if query.after is not None:
        place = listing.place(query.after)
        edge = Place(place.key, not place.inclusive)
        return edge, edge
    if query.before is not None:
        place = listing.place(query.before)
        return place, place
    return None, None


# -- rows ----------------------------------------------------------------------------------------------


def summaries(connection: Connection, rows: Sequence[RowMapping], state_key: StateKey) -> list[JobSummary]:
    """The jobs as rows of the queue: some queries for all of them together."""
    ids = [row["id"] for row in rows]
    counts = _counted(connection, ids)
    waiting = _waiting(connection, ids)
    first = {hold["job"]: hold for hold in waiting}
    approvals = _approvals(connection, [hold["id"] for hold in first.values()])
    held = _held(connection, [hold["id"] for hold in waiting])
    found = []
    for row in rows:
        job = row["id"]
        key = books.job_key(state_key, row)
        hold = first.get(job)
        found.append(
            JobSummary(
                id=job,
                agent=row["agent"],
                state=JobState(row["state"]),
                title=_title(row, key),
                opened_at=instant(row["opened_at"]),
                held_until=None if row["held_until"] == NEVER else instant(row["held_until"]),
                risk=store.HIGHEST_RISK - row["calm"],
                intents=counts.get(job, 0),
                held=len(held.get(job, ())),
                sums=_sums(held.get(job, ()), key),
                assurance=row["assurance"],
                quorum=1 if hold is None else hold["quorum"],
                approvals=0 if hold is None else approvals.get(hold["id"], 0),
                origin=row["origin"],
                effect=row["effect"] or None,
                kinds=[kind for kind in row["kinds"].split(",") if kind],
            )
        )
    return found


def _title(row: RowMapping, key: JobKey) -> str:
    return str(orjson.loads(key.open_json(row["sealed"], f"job:{row['id']}"))["title"])


def _counted(connection: Connection, ids: Sequence[str]) -> dict[str, int]:
    query = select(intents.c.job, func.count()).where(intents.c.job.in_(ids)).group_by(intents.c.job)
    return {job: int(count) for job, count in connection.execute(query)}


def _waiting(connection: Connection, ids: Sequence[str]) -> list[RowMapping]:
    """The live holds of the jobs, the oldest last. Their states are looked at here, as in `_held`."""
    query = select(holds.c.id, holds.c.job, holds.c.state, holds.c.quorum).where(holds.c.job.in_(ids))
    found = [row for row in connection.execute(query).mappings() if row["state"] in store.LIVE]
    return sorted(found, key=lambda row: str(row["id"]), reverse=True)


def _approvals(connection: Connection, hold_ids: Sequence[str]) -> dict[str, int]:
    query = (
        select(votes.c.hold, func.count())
        .where(votes.c.hold.in_(hold_ids), votes.c.lapsed_at.is_(None), votes.c.verdict == "approve")
        .group_by(votes.c.hold)
    )
    return {hold: int(count) for hold, count in connection.execute(query)}


def _held(connection: Connection, hold_ids: Sequence[str]) -> dict[str, list[RowMapping]]:
    """The held intents of each job, by way of its live holds: a job has many more intents than these."""
    # Their states are looked at here: by a state in the condition SQLite would go through all that is held.
    query = select(intents.c.id, intents.c.job, intents.c.state, intents.c.sealed).where(
        intents.c.hold.in_(hold_ids)
    )
    found: dict[str, list[RowMapping]] = {}
    for row in connection.execute(query).mappings():
        if row["state"] == IntentState.HELD.value:
            found.setdefault(row["job"], []).append(row)
    return found


def _sums(held: Iterable[RowMapping], key: JobKey) -> dict[str, str]:
    """What the held intents add, by metric: each amount once, though several caps may count it."""
    found: dict[str, Decimal] = {}
    for row in held:
        largest: dict[str, Decimal] = {}
        content = orjson.loads(key.open_json(row["sealed"], f"intent:{row['id']}"))
        for item in content["decision"]["reservations"]:
            metric = item["metric"]
            largest[metric] = max(largest.get(metric, Decimal(0)), Decimal(item["amount"]))
        for metric, amount in largest.items():
            found[metric] = found.get(metric, Decimal(0)) + amount
    return {metric: str(amount) for metric, amount in found.items()}
