"""The Queue: the list of jobs, the job under the cursor, and the verbs on it.

Must never act on a job by its row: every verb carries the id and the review that was on the screen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.widgets import Static

from govconsole.actions import APP, QUEUE, Action, Situation
from govconsole.client.describe import raw
from govconsole.client.document import Document, Span, blank, line
from govconsole.client.jobview import Row, job_document
from govconsole.client.review import prepare
from govconsole.feed import Feed
from govconsole.messages import DetailArrived, Happened, Lost, Refreshed, Refused, VoteCast
from govconsole.screens.ballot import Ballot, votable
from govconsole.screens.reader import Reader, help_document
from govconsole.state.queue import VIEWS, Queue
from govconsole.state.status import Status, banner, header
from govconsole.widgets.chrome import Banner, FooterBar, HeaderBar
from govconsole.widgets.joblist import JobList, columns
from govconsole.widgets.paint import words
from govconsole.widgets.pane import DocumentPane
from govd.contract.errors import GovError
from govd.contract.text import visible

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.timer import Timer

    from govconsole.session import Session
    from govd.contract.jobs import JobDetail
    from govd.contract.votes import Verdict

_REST = 0.15
_DONE = {"approve": "approved", "deny": "denied", "deny_with_guidance": "denied, with guidance"}


class QueueScreen(Screen[None]):
    """List left, job right; one above the other on a narrow terminal."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(action.key, f"act({action.id!r})", action.label, show=False, priority=action.id == "pane")
        for action in QUEUE
    ]
    DEFAULT_CSS = """
    QueueScreen #columns { height: 1fr; width: 1fr; layout: horizontal; }
    QueueScreen #left { width: 1fr; height: 1fr; }
    QueueScreen #columns-row { height: 1; color: $foreground 60%; text-wrap: nowrap; }
    QueueScreen #detail { width: 1fr; height: 1fr; border-left: solid $panel; }
    QueueScreen #detail:focus { border-left: solid $accent; }
    QueueScreen #pill { height: 1; padding: 0 1; color: $accent; }
    QueueScreen JobList { height: 1fr; }
    QueueScreen.-narrow #columns { layout: vertical; }
    QueueScreen.-narrow #left { width: 1fr; height: 8; }
    QueueScreen.-narrow #detail { width: 1fr; border-left: none; border-top: solid $panel; }
    QueueScreen.-narrow #detail:focus { border-left: none; border-top: solid $accent; }
    QueueScreen.-zoom #left { display: none; }
    QueueScreen.-zoom #detail { border: none; }
    QueueScreen.-lost #columns { opacity: 55%; }
    """

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.queue = Queue()
        self.status = Status()
        self.details: dict[str, JobDetail] = {}
        self.total = 0
        self._shown_since: tuple[str, float] = ("", 0.0)
        self._stale = False
        self._rest: Timer | None = None

    def compose(self) -> ComposeResult:
        """Header, what is wrong, the two panes, the keys."""
        yield HeaderBar()
        yield Banner()
        with Horizontal(id="columns"):
            with Vertical(id="left"):
                yield Static(id="columns-row", markup=False)
                yield JobList(self.queue, self._session.clock, id="list")
                yield Static(id="pill", markup=False)
            yield DocumentPane(id="detail")
        yield FooterBar()

    def on_mount(self) -> None:
        """Start listening; the clock in the header ticks."""
        self.query_one(JobList).focus()
        self.feed = Feed(self._session.backend, self.post_message)
        self.run_worker(self.feed.run(), group="feed")
        self.set_interval(1.0, self._tick)
        self.redraw()

    # What came in

    def on_resize(self) -> None:
        """Header and footer are laid out to the width."""
        self.call_after_refresh(self.redraw)

    def on_refreshed(self, message: Refreshed) -> None:
        """The backend answered."""
        was_lost = not self.status.connected
        self.status = self.status.heard(message.overview, self._session.clock.now())
        if message.view == self.queue.view:
            before = self.queue.cursor
            self.total = message.page.total
            self.queue.merge(Row.of(job) for job in message.page.jobs)
            if was_lost or self._stale or self.queue.cursor != before:
                self._stale = False
                self._fetch_focused()
        self.redraw()

    def on_happened(self, message: Happened) -> None:
        """Something happened to a job; the one under the cursor is fetched again."""
        job = message.event.job
        if job is not None and job != self.queue.cursor:
            self.details.pop(job, None)
        elif job is not None:
            # Fetched with the refresh that follows: a hundred events are one request, not a hundred.
            self._stale = True

    def on_lost(self, message: Lost) -> None:
        """The backend is lost: what is shown stays, greyed, and nothing can be done to it."""
        self.status = self.status.lost(message.error.detail, message.retries, self._session.clock.now())
        self.redraw()

    def on_detail_arrived(self, message: DetailArrived) -> None:
        """A job, for the pane if the cursor is still on it."""
        self.details[message.detail.id] = message.detail
        if message.detail.id == self.queue.cursor and message.peeked and _next_waits(message.detail):
            self._fetch_focused()
        self.redraw()

    def on_refused(self, message: Refused) -> None:
        """The backend said no: say so, and show the job as it stands."""
        self._say(message.error)
        if message.job == self.queue.cursor and self.status.connected:
            self._fetch_focused()

    def on_vote_cast(self, message: VoteCast) -> None:
        """A vote was taken."""
        detail = message.detail
        self.details[detail.id] = detail
        self.notify(visible(f"{_DONE[message.verdict]}: {detail.title}"), markup=False)
        self.feed.refresh()
        self.redraw()

    # Drawing

    def situation(self) -> Situation:
        """What decides which keys work."""
        job = self.queue.cursor
        detail = self.details.get(job or "")
        row = self.queue.rows.get(job or "")
        return Situation(
            connected=self.status.connected,
            job=job,
            loaded=detail is not None,
            votable=detail is not None and votable(detail),
            state=str(detail.state) if detail else row.state if row else "",
            waiting=self.queue.news,
            alarms=len(self.status.alarms),
        )

    def redraw(self) -> None:
        """Draw everything from the state."""
        for job in self.queue.gone:
            if (known := self.details.get(job)) is not None:
                self.queue.settle(job, str(known.state))
        self.set_class(not self.status.connected, "-lost")
        self._tick()
        jobs = self.query_one(JobList)
        jobs.redraw()
        self.query_one("#columns-row", Static).update(words(columns(jobs.scrollable_content_region.width)))
        self.query_one("#pill", Static).update(words(self._pill()))
        self._draw_detail()
        self.query_one(FooterBar).show([*QUEUE, *APP], self.situation())

    def _tick(self) -> None:
        now = self._session.clock.now()
        self.query_one(HeaderBar).show(header(self.status, unlocked=self._session.keys.unlocked, now=now))
        self.query_one(Banner).show(banner(self.status, now))
        self.query_one(JobList).refresh()

    def _pill(self) -> str:
        parts = [f"{self.queue.view}: {self.total}"]
        if len(self.queue.rows) + len(self.queue.waiting) < self.total:
            parts = [f"{self.queue.view}: the first {len(self.queue.rows)} of {self.total}"]
        if new := len(self.queue.waiting):
            parts.append(f"{new} new, n to show")
        if gone := len(self.queue.gone):
            parts.append(f"{gone} left, n to clear")
        return "── " + " · ".join(parts) + " ──"

    def _draw_detail(self) -> None:
        job = self.queue.cursor
        pane = self.query_one("#detail", DocumentPane)
        detail = self.details.get(job or "")
        shown, _ = self._shown_since
        pane.show(self._document(detail), keep_place=job == shown)
        if detail is not None and shown != job:
            self._shown_since = (detail.id, self._session.clock.monotonic())
        elif job is None:
            self._shown_since = ("", 0.0)

    def _document(self, detail: JobDetail | None) -> Document:
        if detail is not None:
            return job_document(detail)
        if self.queue.cursor is not None:
            return [line(Span("…", "dim"))]
        if not self.status.connected:
            return [line(Span("Nothing is known yet: the backend has not answered.", "dim"))]
        url = self.status.overview.agent_url if self.status.overview else ""
        return [
            line(Span("Nothing is held.", "title")),
            blank(),
            line(Span("Actions that policy cannot settle alone appear here.", "dim")),
            line(Span(f"Agents ask at {url}", "dim")),
        ]

    # Acting

    def action_act(self, name: str) -> None:
        """Run an action of the registry, or say why it does not work now."""
        if self.app.screen is not self:
            return
        action: Action = next(one for one in QUEUE if one.id == name)
        why = action.blocked(self.situation())
        if why is not None:
            self.notify(visible(f"{action.label}: {why}"), severity="warning", markup=False)
            return
        getattr(self, f"do_{name}")()

    def do_approve(self) -> None:
        """Ask for an approval."""
        self._review("approve")

    def do_deny(self) -> None:
        """Ask for a refusal."""
        self._review("deny")

    def do_guide(self) -> None:
        """Ask for a refusal that tells the agent what to do instead."""
        self._review("deny_with_guidance")

    def do_open(self) -> None:
        """The full arguments."""
        detail = self.details[self.queue.cursor or ""]
        intents = [*(detail.hold.intents if detail.hold else []), *detail.settled]
        document = [part for intent in intents for part in (*raw(intent), blank())]
        self.app.push_screen(Reader(f"Full arguments ▸ {detail.title}", document))

    def do_show_new(self) -> None:
        """Show what is new."""
        self.queue.reveal()
        self._moved()

    def do_view(self) -> None:
        """The next view."""
        self.queue.switch(VIEWS[(VIEWS.index(self.queue.view) + 1) % len(VIEWS)])
        self.feed.view = self.queue.view
        self.feed.refresh()
        self.redraw()

    def do_seen(self) -> None:
        """The alarms were seen."""
        self.run_worker(self._see([alarm.id for alarm in self.status.alarms]), group="verbs")

    def do_down(self) -> None:
        """The next job."""
        self.queue.move(1)
        self._moved()

    def do_up(self) -> None:
        """The job before."""
        self.queue.move(-1)
        self._moved()

    def do_top(self) -> None:
        """The first job."""
        self.queue.move(-len(self.queue.order))
        self._moved()

    def do_bottom(self) -> None:
        """The last job."""
        self.queue.move(len(self.queue.order))
        self._moved()

    def do_pane(self) -> None:
        """The other pane."""
        pane, jobs = self.query_one("#detail", DocumentPane), self.query_one(JobList)
        (jobs if pane.has_focus and not self.has_class("-zoom") else pane).focus()

    def do_zoom(self) -> None:
        """The job alone, and back."""
        zoomed = not self.has_class("-zoom") and self.queue.cursor is not None
        self.set_class(zoomed, "-zoom")
        (self.query_one("#detail", DocumentPane) if zoomed else self.query_one(JobList)).focus()

    def on_job_list_picked(self, message: JobList.Picked) -> None:
        """A row was clicked."""
        self.queue.select(message.job)
        self._moved()

    def show_help(self) -> None:
        """The keys of this screen."""
        self.app.push_screen(Reader("Keys ▸ Queue", help_document((("Queue", QUEUE), ("Everywhere", APP)))))

    def _moved(self) -> None:
        self.redraw()
        if self.queue.cursor is not None and self.queue.cursor not in self.details:
            # Asking closes the job's hold for review: not for each row that the cursor flies over.
            if self._rest is not None:
                self._rest.stop()
            self._rest = self.set_timer(_REST, self._fetch_focused)

    def _review(self, verdict: Verdict) -> None:
        detail = self.details[self.queue.cursor or ""]
        try:
            prepared = prepare(detail)
        except GovError as error:
            self._say(error)
            return
        job, since = self._shown_since
        seen = since if job == detail.id else self._session.clock.monotonic()
        Ballot(self, self._session, prepared, verdict, seen).ask()

    def _say(self, error: GovError) -> None:
        hint = f" ({error.hint})" if error.hint else ""
        self.notify(visible(f"{error.detail}{hint}"), severity="error", timeout=10, markup=False)

    # Workers: they post messages and touch no widget

    def _fetch_focused(self) -> None:
        job = self.queue.cursor
        if job is not None:
            known = self.details.get(job)
            peek = known is not None and known.hold is not None
            self.run_worker(self._fetch(job, peek=peek), group="detail", exclusive=True)

    async def _fetch(self, job: str, *, peek: bool) -> None:
        try:
            self.post_message(DetailArrived(await self._session.backend.job(job, peek=peek), peeked=peek))
        except GovError as error:
            self.post_message(Refused(job, error))

    async def _see(self, alarms: list[str]) -> None:
        try:
            for alarm in alarms:
                await self._session.backend.alarm_seen(alarm)
        except GovError as error:
            self.post_message(Refused("", error))
        self.feed.refresh()


def _next_waits(detail: JobDetail) -> bool:
    """Whether the review that was shown is over, and another one waits to be closed for review."""
    return detail.hold is None and detail.waiting_holds > 0
