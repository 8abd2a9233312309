"""From what the queue wants to what the backend has: pages, and rows by id.

Must never touch a widget, nor the queue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from govconsole.client.row import Row
from govconsole.state.window import Fetch, Page
from govd.contract.jobs import JobsQuery

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from govconsole.client.backend import Backend
    from govconsole.state.queue import Wanted


async def load_page(backend: Backend, wanted: Wanted, fetch: Fetch) -> Page:
    """The page that a window asked for."""
    found = await backend.jobs(
        JobsQuery(
            state=wanted.view,
            filter=wanted.filter,
            sort=wanted.sort,
            after=fetch.cursor if fetch.side == "after" else None,
            before=fetch.cursor if fetch.side == "before" else None,
            end=fetch.side == "last",
        )
    )
    return Page(
        rows=tuple(Row.of(job) for job in found.jobs),
        previous=found.previous,
        next=found.next,
        offset=found.offset,
        total=found.total,
        searched=found.searched,
        candidates=found.candidates,
    )


async def load_rows(backend: Backend, wanted: Wanted, asked: Sequence[str]) -> tuple[list[Row], int | None]:
    """Those of the jobs that are of the selection, as they are now; and how many the selection has."""
    query = JobsQuery(state=wanted.view, filter=wanted.filter, sort=wanted.sort, ids=tuple(asked))
    found = await backend.jobs(query)
    return [Row.of(job) for job in found.jobs], found.total


async def load_states(backend: Backend, jobs: Collection[str]) -> dict[str, str]:
    """What became of jobs that are of the selection no more."""
    if not jobs:
        return {}
    found = await backend.jobs(JobsQuery(state="all", ids=tuple(jobs)))
    return {job.id: str(job.state) for job in found.jobs}
