"""The jobs that were fetched for review, the latest of them.

Must never keep many: a job is some kilobytes, and what was looked at long ago is fetched again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from govconsole.client.known import Known
    from govd.contract.jobs import JobDetail

KEEP: Final = 64


class Details:
    """Jobs by id. `keep`: how many."""

    def __init__(self, keep: int = KEEP) -> None:
        self._known: dict[str, Known] = {}
        self._keep = keep

    def take(self, detail: JobDetail) -> Known:
        """A job came; the one that came longest ago makes room."""
        from govconsole.client.known import known

        self._known.pop(detail.id, None)
        found = self._known[detail.id] = known(detail)
        while len(self._known) > self._keep:
            del self._known[next(iter(self._known))]
        return found

    def of(self, job: str | None) -> Known | None:
        """What is known of that job."""
        return None if job is None else self._known.get(job)

    def drop(self, job: str) -> None:
        """Something happened to it: what is known is old."""
        self._known.pop(job, None)
