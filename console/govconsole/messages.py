"""What workers tell the screens. Workers never touch a widget: they post one of these."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from govd.contract.errors import GovError
    from govd.contract.events import Event
    from govd.contract.jobs import JobDetail, JobPage
    from govd.contract.system import Overview


class Refreshed(Message):
    """The backend answered: its overview, and the first page of one view."""

    def __init__(self, overview: Overview, view: str, page: JobPage) -> None:
        super().__init__()
        self.overview = overview
        self.view = view
        self.page = page


class Happened(Message):
    """An event of the backend's stream."""

    def __init__(self, event: Event) -> None:
        super().__init__()
        self.event = event


class Lost(Message):
    """The backend does not answer, or its answers cannot be trusted."""

    def __init__(self, error: GovError, retries: int) -> None:
        super().__init__()
        self.error = error
        self.retries = retries


class DetailArrived(Message):
    """A job as it stands. `peeked`: it was asked for without closing an open hold."""

    def __init__(self, detail: JobDetail, *, peeked: bool = False) -> None:
        super().__init__()
        self.detail = detail
        self.peeked = peeked


class Refused(Message):
    """Something that was asked for a job was refused."""

    def __init__(self, job: str, error: GovError) -> None:
        super().__init__()
        self.job = job
        self.error = error


class VoteCast(Message):
    """A vote was taken; the job as it stands after it."""

    def __init__(self, verdict: str, detail: JobDetail) -> None:
        super().__init__()
        self.verdict = verdict
        self.detail = detail
