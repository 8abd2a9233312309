"""The Queue: the list of jobs, the job under the cursor, and the verbs on it.

Must never act on a job by its row: every verb carries the id and the review that was on the screen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.containers import Horizontal, Vertical
from textual.widgets import Static

from govconsole.actions.model import Situation
from govconsole.actions.queue import NEEDS_VOICE
from govconsole.actions.registry import SCOPES
from govconsole.binding import bindings
from govconsole.client.document import blank
from govconsole.client.standing import standing_left
from govconsole.screens.queuejobs import QueueJobs
from govconsole.widgets.joblist import JobList, ListHead
from govconsole.widgets.pane import DocumentPane
from govd.contract.errors import ConflictError, GovError, InvalidRequestError
from govd.contract.text import visible

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from govconsole.actions.model import Action
    from govconsole.actions.registry import Scope
    from govconsole.messages import BatchCast, BatchGathered, Settled, VoteCast
    from govconsole.screens.ballot import BatchBallot
    from govconsole.shell import Shell
    from govd.contract.votes import Verdict

_REST = 0.15
_DONE = {"approve": "approved", "deny": "denied", "deny_with_guidance": "denied, with guidance"}


class QueueScreen(QueueJobs):
    """List left, job right; one above the other on a narrow terminal."""

    spec: ClassVar[Scope] = SCOPES["queue"]
    BINDINGS: ClassVar[list[BindingType]] = bindings("queue", act=True)
    DEFAULT_CSS = """
    QueueScreen #columns { height: 1fr; width: 1fr; layout: horizontal; }
    QueueScreen #left { width: 1fr; height: 1fr; max-width: 110; }
    QueueScreen #detail { width: 1fr; height: 1fr; border-left: solid $line; }
    QueueScreen #detail:focus { border-left: solid $accent; }
    QueueScreen #foot { height: 1; padding: 0 1; text-wrap: nowrap; }
    QueueScreen.-narrow #columns { layout: vertical; }
    QueueScreen.-narrow #left { width: 1fr; height: 40%; max-width: 100%; min-height: 6; }
    QueueScreen.-narrow #detail { width: 1fr; border-left: none; border-top: solid $line; }
    QueueScreen.-narrow #detail:focus { border-left: none; border-top: solid $accent; }
    QueueScreen.-zoom #left { display: none; }
    QueueScreen.-zoom #detail { border: none; }
    QueueScreen.-lost #columns { opacity: 70%; }
    """

    def __init__(self, shell: Shell) -> None:
        super().__init__(shell)
        self._batch: BatchBallot | None = None

    def compose_body(self) -> ComposeResult:
        """The two panes."""
        with Horizontal(id="columns"):
            with Vertical(id="left"):
                yield ListHead(self.queue)
                yield JobList(self.queue, self.session.clock, id="list")
                yield Static(id="foot", markup=False)
            yield DocumentPane(id="detail")

    def on_mount(self) -> None:
        """The list has the keys."""
        self.query_one(JobList).focus()
        self.redraw()

    # What came of votes

    def on_vote_cast(self, message: VoteCast) -> None:
        """A vote was taken."""
        detail = message.detail
        self.details.take(detail)
        self.queue.marks.discard(detail.id)
        self.queue.touch(detail.id)
        self.notify(visible(f"{_DONE[message.verdict]}: {detail.title}"), markup=False)
        self.shell.did(f"vote.{message.verdict}")
        self.shell.live.refresh()
        self.redraw()

    def on_settled(self, message: Settled) -> None:
        """A resolution or a revocation was taken."""
        self.notify(visible(message.words), markup=False)
        self.queue.touch(message.job)
        if message.job == self.queue.cursor:
            self.fetch_focused()
        else:
            self.details.drop(message.job)
        self.shell.live.refresh()

    def on_batch_gathered(self, message: BatchGathered) -> None:
        """The marked jobs are there: show what would be signed, or why nothing would."""
        from govconsole.client.batch import told

        batch, ballot = message.batch, self._batch
        if ballot is None or message.ballot is not ballot:
            return  # He has asked for another vote since, or for none.
        self._batch = None
        if self.app.screen is not self or self.queue.marks != set(ballot.jobs):
            self.say(
                ConflictError("the marks or the screen changed while the jobs were fetched", hint="ask again")
            )
        elif batch.ready:
            ballot.ask(batch)
        else:
            self.say(ConflictError(f"none of them takes this vote: {told(batch.left_out)}"))

    def on_batch_cast(self, message: BatchCast) -> None:
        """Votes on several jobs were taken, or refused."""
        from govconsole.client.batch import told

        for detail in message.done:
            self.details.take(detail)
            self.queue.marks.discard(detail.id)
            self.queue.touch(detail.id)
        if count := len(message.done):
            self.notify(f"{_DONE[message.verdict]}: {count} job{'s' * (count != 1)}", markup=False)
        if message.refused:
            refused = [(title, error.detail) for title, error in message.refused]
            self.say(ConflictError(f"{len(refused)} refused: {told(refused)}"))
        self.shell.live.refresh()
        self.redraw()

    def situation(self) -> Situation:
        """What decides which keys work."""
        job = self.queue.cursor
        known = self.details.of(job)
        row = self.queue.rows.get(job or "")
        return Situation(
            job=job,
            loaded=known is not None,
            votable=known is not None and known.votable,
            state=str(known.detail.state) if known else row.state if row else "",
            waiting=self.queue.news,
            pane="detail" if self.has_class("-zoom") or self.query_one("#detail").has_focus else "list",
            view=self.queue.wanted.view,
            marked=len(self.queue.marks),
            filter=self.queue.wanted.filter,
            ranging=self.queue.anchor is not None,
            unread=known is not None and known.careful and not self.was_read(known),
            unresolved=len(known.unresolved) if known is not None else 0,
            approved=len(known.approved) if known is not None else 0,
            voiceless=known is not None and known.needs_voice and not self._voice_stands(),
        )

    def _voice_stands(self) -> bool:
        return bool(standing_left(self.status.voice, self.session.clock.now()))

    def refuse(self, action: Action, why: str) -> None:
        """Say why; where the operator's voice is what is missing, ask for it, and go on."""
        if action.id == "approve" and why == NEEDS_VOICE:
            self.do_step_up(lambda: self.action_act("approve"))
        else:
            super().refuse(action, why)

    # Acting

    def do_approve(self) -> None:
        """Ask for an approval."""
        self._review("approve")

    def do_deny(self) -> None:
        """Ask for a refusal."""
        self._review("deny")

    def do_guide(self) -> None:
        """Ask for a refusal that tells the agent what to do instead."""
        self._review("deny_with_guidance")

    def do_step_up(self, then: Callable[[], None] | None = None) -> None:
        """Show the operator's own voice. `then`: what goes on by it."""
        from govconsole.screens.stepup import ask_step_up

        why = "The rule of this job asks for your voice before you approve it." if then is not None else ""
        ask_step_up(self, why, then)

    def do_resolve(self) -> None:
        """Ask what became of an action that nobody reported on."""
        from govconsole.screens.afterwards import ask_resolution

        known = self.details.of(self.queue.cursor)
        if known is not None and known.unresolved:
            try:
                ask_resolution(self, self.session, known)
            except GovError as error:
                self.say(error)

    def do_revoke(self) -> None:
        """Ask for an approval to be taken back."""
        from govconsole.screens.afterwards import ask_revocation

        known = self.details.of(self.queue.cursor)
        if known is not None:
            ask_revocation(self, self.session, known)

    def do_clear(self) -> None:
        """Back by one step: first out of a vote whose jobs are still being fetched."""
        if self._batch is None:
            super().do_clear()
            return
        self._batch = None
        self.notify("no vote is asked for: the marks stay", markup=False)

    def do_open(self) -> None:
        """The full arguments."""
        from govconsole.client.describe import raw
        from govconsole.screens.reader import Reader

        known = self.details.of(self.queue.cursor)
        if known is None:
            return
        detail = known.detail
        intents = [*(detail.hold.intents if detail.hold else []), *detail.settled]
        document = [part for intent in intents for part in (*raw(intent), blank())]
        self.app.push_screen(Reader(f"Full arguments ▸ {detail.title}", document))

    def do_content(self) -> None:
        """What it would change or send."""
        from govconsole.screens.content import ContentReader

        known = self.details.of(self.queue.cursor)
        if known is not None:
            self.app.push_screen(ContentReader(known.detail, self.session.backend))

    def do_pane(self) -> None:
        """The other pane."""
        pane, jobs = self.query_one("#detail", DocumentPane), self.query_one(JobList)
        (jobs if pane.has_focus and not self.has_class("-zoom") else pane).focus()

    def do_zoom(self) -> None:
        """The job alone."""
        self.zoom()

    def zoom(self, *, out: bool = False) -> None:
        """The job over the whole screen, or back."""
        zoomed = not out and not self.has_class("-zoom") and self.queue.cursor is not None
        self.set_class(zoomed, "-zoom")
        (self.query_one("#detail", DocumentPane) if zoomed else self.query_one(JobList)).focus()

    def _review(self, verdict: Verdict) -> None:
        from govconsole.screens.ballot import Ballot

        self._batch = None
        if self.queue.marks:
            self._review_marked(verdict)
            return
        known = self.details.of(self.queue.cursor)
        if known is None:
            return
        if known.prepared is None:
            self.say(known.why or InvalidRequestError("nothing can be signed"))
            return
        job, since = self.shown_since
        seen = since if job == known.detail.id else self.session.clock.monotonic()
        Ballot(self, self.session, known.prepared, verdict, seen).ask()

    def _review_marked(self, verdict: Verdict) -> None:
        from govconsole.client.batch import MOST
        from govconsole.screens.ballot import BatchBallot

        marks = self.queue.marks
        if len(marks) > MOST:
            self.say(ConflictError(f"{len(marks):,} jobs are marked: a dialog shows {MOST} at most"))
            return
        order = sorted(
            marks, key=lambda job: (self.queue.window.place(job) is None, self.queue.window.place(job))
        )
        rows = self.queue.rows
        jobs = {job: rows[job].title if job in rows else job for job in order}
        opened, voice = dict(self.queue.opened), self._voice_stands()
        self._batch = BatchBallot(self, self.session, jobs, verdict, opened, voice)
        self._batch.gather()
