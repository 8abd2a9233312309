"""What the queue knows and draws of its jobs: rows, pages and details as they come in.

Must never draw what is drawn already, nor fetch for each event: a storm of them costs what a breeze costs.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from textual.widgets import Static

from govconsole.client.emptyview import empty_document, row_document
from govconsole.messages import DetailArrived, Happened, Listed, Refreshed, Refused, VotersMet
from govconsole.screens.queuemoves import QueueMoves
from govconsole.state.details import Details
from govconsole.state.queuewords import foot
from govconsole.widgets.joblist import JobList, ListHead
from govconsole.widgets.paint import content
from govconsole.widgets.pane import DocumentPane
from govd.contract.errors import GovError, InvalidRequestError, UnreachableError

if TYPE_CHECKING:
    from textual.message import Message
    from textual.timer import Timer

    from govconsole.client.document import Document, Span
    from govconsole.client.known import Known
    from govconsole.client.voters import Voters
    from govconsole.shell import Shell
    from govconsole.state.queue import Wanted
    from govconsole.state.window import Fetch
    from govd.contract.jobs import JobDetail

_REST = 0.15


class QueueJobs(QueueMoves):
    """The half of the Queue that knows jobs."""

    def __init__(self, shell: Shell) -> None:
        super().__init__(shell)
        self.session = shell.session
        self.details = Details()
        self.voters: Voters | None = None
        self.shown_since: tuple[str, float] = ("", 0.0)
        """The job whose detail stands on the screen, and since when, by the session's monotonic clock."""
        self._shown: JobDetail | None = None
        self._stale = False
        self._in_flight: str | None = None
        self._rest: Timer | None = None
        self._foot: list[Span] = []

    # What came in

    async def fetch(self) -> Message | None:
        """What is wanted with a refresh: the rows that something happened to, and a page if one is needed."""
        return await self._ask(self.queue.wanted, self.queue.wants(), self.queue.asks())

    async def _ask(self, wanted: Wanted, fetch: Fetch | None, asked: tuple[str, ...]) -> Message | None:
        from govconsole.loading import load_page, load_rows, load_states

        found = Listed(wanted, fetch=fetch, asked=asked)
        backend = self.session.backend
        try:
            if fetch is not None:
                found.page = await load_page(backend, wanted, fetch)
            if asked:
                found.rows, found.total = await load_rows(backend, wanted, asked)
                kept = {row.id for row in found.rows}
                left = [job for job in asked if job not in kept and self.queue.window.place(job) is not None]
                found.became = await load_states(backend, left)
        except InvalidRequestError as error:
            # Not put back: what the backend takes for no question is not asked again until another one is.
            return Refused("", error, verb=False)
        except BaseException:
            self._not_found(fetch, asked)
            raise
        return found

    def _not_found(self, fetch: Fetch | None, asked: tuple[str, ...]) -> None:
        self.queue.unanswered(asked)
        if fetch is not None:
            self.queue.window.failed(fetch)

    def load(self) -> None:
        """Fetch the page that is needed now, if one is, without waiting for the next refresh."""
        if self.status.connected and (fetch := self.queue.wants()) is not None:
            self.run_worker(self._load(self.queue.wanted, fetch), group="pages")

    async def _load(self, wanted: Wanted, fetch: Fetch) -> None:
        try:
            found = await self._ask(wanted, fetch, ())
        except GovError as error:
            found = Refused("", error, verb=False)
        if found is not None:
            self.post_message(found)

    def on_listed(self, message: Listed) -> None:
        """Rows came."""
        before = self.queue.cursor
        if message.fetch is not None and message.page is not None:
            self.queue.take(message.fetch, message.page)
        if message.asked:
            self.queue.refreshed(message.asked, message.rows, message.wanted)
            for job, state in message.became.items():
                self.queue.settle(job, state)
            if message.total is not None and message.wanted == self.queue.wanted:
                self.queue.window.total = message.total
        if self.queue.pending:
            self.shell.live.refresh()
        if self.queue.cursor != before:
            self.fetch_focused()
        self.draw_list()
        self.draw_detail()
        self.load()

    def on_refreshed(self, message: Refreshed) -> None:
        """The backend answered; after a loss the job under the cursor may be another version of itself."""
        if message.resumed:
            self.run_worker(self._meet(), group="voters", exclusive=True)
        if message.resumed or self._stale:
            self._stale = False
            self.fetch_focused()
        self.load()
        self.redraw()

    def on_happened(self, message: Happened) -> None:
        """Something happened to a job: its row is fetched anew, and the job where it is under the cursor."""
        job = message.event.job
        if job is None:
            return
        self.queue.touch(job)
        if job == self.queue.cursor:
            # Fetched with the refresh that follows: a hundred events are one request, not a hundred.
            self._stale = True
        else:
            self.details.drop(job)
        self.shell.live.refresh()

    def on_detail_arrived(self, message: DetailArrived) -> None:
        """A job, for the pane if the cursor is still on it."""
        detail = message.detail
        self._in_flight = None
        self.details.take(detail)
        keys = self.voters.keys if self.voters is not None else {}
        if any(vote.operator not in keys for vote in detail.votes):
            self.run_worker(self._meet(), group="voters", exclusive=True)
        waits = detail.hold is None and detail.waiting_holds > 0
        if detail.id == self.queue.cursor and message.peeked and waits:
            # The review that was shown is over, and another one waits to be closed for review.
            self.fetch_focused()
        self.draw_detail()
        self.draw_chrome()

    def on_refused(self, message: Refused) -> None:
        """The backend said no: say so, and show the job as it stands."""
        self._in_flight = None
        if message.verb or not isinstance(message.error, UnreachableError):
            # That it is lost is said by the banner already.
            self.say(message.error)
        if message.verb and message.job == self.queue.cursor:
            self.fetch_focused()

    def on_voters_met(self, message: VotersMet) -> None:
        """The operators' keys: the votes on the screen are checked with them."""
        if message.voters != self.voters:
            self.voters, self._shown = message.voters, None
            self.draw_detail()

    # Drawing

    def redraw(self) -> None:
        """Draw from the state what is not drawn so already."""
        if not self.query(JobList):
            return  # It is being put together, or taken apart: an answer came before or after its time.
        super().redraw()
        self.draw_detail()

    def draw_chrome(self) -> None:
        """The time left in the rows ticks with the header."""
        if not self.query(JobList):
            return
        super().draw_chrome()
        self.draw_list()

    def draw_list(self) -> None:
        """The lines of the list that look otherwise now, and the line under it."""
        self.query_one(JobList).sync()
        line = self.query_one("#foot", Static)
        spans = foot(self.queue, max(line.size.width - 2, 20))
        if spans != self._foot:
            self._foot = spans
            line.update(content(spans), layout=False)

    def draw_detail(self) -> None:
        """The job under the cursor, where it is another one, or another version of it."""
        known = self.details.of(self.queue.cursor)
        pane = self.query_one("#detail", DocumentPane)
        if known is None:
            document = self._unknown()
            if self._shown is not None or document != pane.document:
                pane.show(document)
            self._shown, self.shown_since = None, ("", 0.0)
            return
        detail = known.detail
        if detail is self._shown:
            return
        from govconsole.client.jobview import job_document

        pane.show(
            job_document(known, self.voters),
            keep_place=self._shown is not None and self._shown.id == detail.id,
        )
        self._shown = detail
        if self.shown_since[0] != detail.id:
            self.shown_since = (detail.id, self.session.clock.monotonic())
        self._note_read()

    def was_read(self, known: Known) -> bool:
        """Whether this very review stood before the operator."""
        prepared = known.prepared
        return prepared is not None and self.queue.opened.get(known.detail.id) == prepared.token

    def _note_read(self) -> None:
        """A job was opened when all that it does has stood on the screen."""
        known = self.details.of(self.queue.cursor)
        if known is None or known.detail is not self._shown or known.prepared is None:
            return
        from govconsole.client.jobview import lines_to_read

        lines = lines_to_read(known) if known.careful else 0
        if self.query_one("#detail", DocumentPane).has_shown(lines) and not self.was_read(known):
            self.queue.opened[known.detail.id] = known.prepared.token
            self.draw_chrome()

    def on_document_pane_read(self, message: DocumentPane.Read) -> None:
        """More of the job has stood on the screen."""
        message.stop()
        self._note_read()

    def on_screen_resume(self) -> None:
        """Nothing covers the job any more: what stands there is seen."""
        self.query_one("#detail", DocumentPane).look()

    def _unknown(self) -> Document:
        row = self.queue.rows.get(self.queue.cursor or "")
        if row is not None:
            return row_document(row)
        wanted, sure = self.queue.wanted, self.queue.window.loaded and self.status.connected
        return empty_document(self.status.overview, wanted.view, wanted.filter, known=sure)

    def moved(self) -> None:
        """The cursor is on another job by the operator's hand: draw it, and fetch what it needs."""
        self.draw_chrome()
        self.draw_detail()
        self.load()
        if self.queue.cursor is not None and self.details.of(self.queue.cursor) is None:
            # Asking closes the job's hold for review: not for each row that the cursor flies over.
            if self._rest is not None:
                self._rest.stop()
            self._rest = self.set_timer(_REST, self.fetch_focused)

    def chosen(self) -> None:
        """Another selection was chosen."""
        self.query_one(ListHead).refresh()
        self.load()
        self.redraw()

    # Workers: they post messages and touch no widget

    def fetch_focused(self) -> None:
        """Fetch the job under the cursor; not twice at once."""
        job = self.queue.cursor
        if job is None or not self.status.connected:
            return
        if job == self._in_flight:
            self._stale = True
            return
        known = self.details.of(job)
        self._in_flight = job
        peek = known is not None and known.detail.hold is not None
        self.run_worker(self._fetch(job, peek=peek), group="detail", exclusive=True)

    async def _meet(self) -> None:
        with contextlib.suppress(GovError):
            # Without their keys their votes are shown as not verified; what is lost is told by the feed.
            self.post_message(VotersMet(await self.session.voters()))

    async def _fetch(self, job: str, *, peek: bool) -> None:
        try:
            self.post_message(DetailArrived(await self.session.backend.job(job, peek=peek), peeked=peek))
        except GovError as error:
            self.post_message(Refused(job, error, verb=False))
