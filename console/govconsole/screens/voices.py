"""The Voices screen: who is enrolled, what agents sent, who is verified now, who is locked out, the model.

Must never act by position: every verb carries the name or id of what was under the cursor.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual.containers import Horizontal

from govconsole.actions.model import Situation
from govconsole.actions.registry import SCOPES
from govconsole.binding import bindings
from govconsole.client.document import Line, Span, wrap
from govconsole.client.voicewords import TIDYING, TIDYING_MEND, broken, is_speaker
from govconsole.messages import VoiceDone, VoicesCame
from govconsole.screens.view import View
from govconsole.state.commandline import Offer
from govconsole.state.enrollment import Enrollment
from govconsole.state.voicelist import detail_document, list_rows
from govconsole.state.voices import Entry, VoiceList
from govconsole.widgets.chrome import Bar
from govconsole.widgets.entries import EntryPane
from govconsole.widgets.pane import DocumentPane
from govd.contract.errors import GovError, NotFoundError
from govd.contract.text import visible

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.message import Message

    from govconsole.actions.registry import Scope
    from govconsole.shell import Shell
    from govd.contract.voice import Draft


class Notice(Bar):
    """What is wrong with all of it, with the command that mends it; not there when nothing is."""

    DEFAULT_CSS = "Notice { max-height: 3; background: $ground-alarm; display: none; }"

    def show(self, what: str, why: str, mend: str) -> None:
        """Draw the words, or, without a `why`, take the bar away."""
        self.display = bool(why)
        spans = [Span(f"⚠ {what}  ", "bad"), Span(why)]
        spans += [Span(f"  mend: {mend}", "accent")] if mend else []
        rows = wrap([Line(tuple(spans))], self.room) if why else []
        self.draw([[(span, "") for span in row.spans] for row in rows])


class Degraded(Notice):
    """Why nobody can be verified."""


class Owed(Notice):
    """What is still to be done for a deletion."""


class VoicesScreen(View):
    """List left, what the cursor is on right; one above the other on a narrow terminal."""

    spec: ClassVar[Scope] = SCOPES["voices"]
    AUTO_FOCUS: ClassVar[str | None] = ""  # the keys are the list's, which takes none by itself
    BINDINGS: ClassVar[list[BindingType]] = bindings("voices", act=True)
    DEFAULT_CSS = """
    VoicesScreen #columns { height: 1fr; width: 1fr; layout: horizontal; }
    VoicesScreen #list { width: 1fr; height: 1fr; max-width: 96; padding: 0; }
    VoicesScreen #detail { width: 1fr; height: 1fr; border-left: solid $line; }
    VoicesScreen #detail:focus { border-left: solid $accent; }
    VoicesScreen.-narrow #columns { layout: vertical; }
    VoicesScreen.-narrow #list { width: 1fr; height: 50%; max-width: 100%; min-height: 6; }
    VoicesScreen.-narrow #detail { width: 1fr; border-left: none; border-top: solid $line; }
    VoicesScreen.-narrow #detail:focus { border-left: none; border-top: solid $accent; }
    VoicesScreen.-zoom #list { display: none; }
    VoicesScreen.-zoom #detail { border: none; }
    VoicesScreen.-lost #columns { opacity: 70%; }
    """

    def __init__(self, shell: Shell) -> None:
        super().__init__(shell)
        self.list = VoiceList()
        self._door = shell.session.voices

    def compose_body(self) -> ComposeResult:
        """What is wrong with voices, the two panes."""
        yield Degraded()
        yield Owed()
        with Horizontal(id="columns"):
            yield EntryPane(id="list")
            yield DocumentPane(id="detail")

    def on_mount(self) -> None:
        """Draw what is known."""
        self.redraw()

    # What comes in

    async def fetch(self) -> Message | None:
        """What is wanted with a refresh."""
        try:
            return VoicesCame(await self._door.voices())
        except GovError as error:
            if type(error) not in (GovError, NotFoundError):
                raise
            # It answers, and knows no such route: that is no loss of the backend.
            return VoicesCame(None)

    def on_voices_came(self, message: VoicesCame) -> None:
        """The voices as they are."""
        self.list.take(message.voices)
        self.redraw()

    def on_voice_done(self, message: VoiceDone) -> None:
        """Something was done, or refused."""
        if message.error is not None:
            self.say(message.error)
        elif message.words:
            self.notify(visible(message.words), markup=False, timeout=10)
        self.shell.live.refresh(voice=True)

    # Drawing

    def redraw(self) -> None:
        """Draw everything from the state."""
        if not self.query("#detail"):
            return
        super().redraw()
        voices = self.list.voices
        why = broken(voices) if voices is not None else ""
        for bar in self.query(Degraded):
            bar.show("nobody can be verified", why, voices.mend if voices is not None else "")
        for owed in self.query(Owed):
            left = voices is not None and voices.tidying
            owed.show("a deletion is owed", TIDYING if left else "", TIDYING_MEND)

    def draw_chrome(self) -> None:
        """What ticks in the list ticks with the header."""
        if not (self.query("#detail") and self.query("#list")):
            return
        super().draw_chrome()
        now = self.shell.session.clock.now()
        pane = self.query_one("#list", EntryPane)
        pane.list(
            [
                (entry, replace(line, lead=Span("▌ " if entry == self.list.at else "  ", "accent")))
                if entry is not None
                else (None, replace(line, lead=Span(" ")))
                for entry, line in list_rows(self.list, now)
            ]
        )
        self.query_one("#detail", DocumentPane).show(detail_document(self.list, now), keep_place=True)

    def situation(self) -> Situation:
        """What decides which keys work."""
        zoomed = self.has_class("-zoom") or self.query_one("#detail").has_focus
        return Situation(
            item=self.list.at.kind,
            degraded=self.list.unknown or broken(self.list.voices),
            pane="detail" if zoomed else "list",
        )

    def copyable(self) -> tuple[str, str] | None:
        """The name or id of what is under the cursor."""
        found = super().copyable()
        return found or (("the name", self.list.at.key) if self.list.at.kind else None)

    # Moving

    def do_down(self) -> None:
        """The next one."""
        self._move(1)

    def do_up(self) -> None:
        """The one before."""
        self._move(-1)

    def do_top(self) -> None:
        """The first one."""
        self._move(-len(self.list.entries))

    def do_bottom(self) -> None:
        """The last one."""
        self._move(len(self.list.entries))

    def _move(self, by: int) -> None:
        self.list.move(by)
        self.draw_chrome()
        self.query_one("#list", EntryPane).bring("▌ ")
        self.query_one("#detail", DocumentPane).scroll_home(animate=False)

    def on_entry_pane_picked(self, message: EntryPane.Picked) -> None:
        """A line was clicked."""
        self.list.select(message.entry)
        self._move(0)

    def do_pane(self) -> None:
        """The other pane."""
        pane = self.query_one("#detail", DocumentPane)
        if pane.has_focus and not self.has_class("-zoom"):
            self.set_focus(None)
        else:
            pane.focus()

    def do_zoom(self) -> None:
        """What is under the cursor alone, or back; an enrollment that was left goes on."""
        if (draft := self.list.draft) is not None:
            self._go_on(draft)
        else:
            self._zoom(out=self.has_class("-zoom"))

    def do_clear(self) -> None:
        """Back to the list."""
        self._zoom(out=True)

    def _zoom(self, *, out: bool) -> None:
        self.set_class(not out, "-zoom")
        self.set_focus(None if out else self.query_one("#detail"))

    # Enrolling

    def do_enroll(self, name: str = "") -> None:
        """Begin an enrollment, or go on with the one that is under the cursor, or has that name."""
        if name:
            self._begin(name)
        elif (draft := self.list.draft) is not None:
            self._go_on(draft)
        else:
            self.shell.live.refresh()  # another console may have left one meanwhile
            self.ask_line("enroll ", "", self._begin, offers=self._offers, changed=wrong_name)

    def _offers(self, typed: str) -> list[Offer]:
        voices = self.list.voices
        if voices is None:
            return []
        names = {one.name: "stale" for one in voices.speakers if one.stale}
        names |= {one.name: "under way" for one in voices.drafts}
        return [Offer(name, name, why) for name, why in names.items() if name.startswith(typed)]

    def _begin(self, name: str | None) -> None:
        voices = self.list.voices
        if name is None or not (name := name.strip()) or voices is None:
            return
        if (wrong := wrong_name(name)) is not None:
            self.notify(visible(wrong), severity="warning", markup=False)
        elif left := [one for one in voices.drafts if one.name == name]:
            self._go_on(left[-1])
        else:
            self._wizard(Enrollment(name, voices))

    def _go_on(self, draft: Draft) -> None:
        left, voices = self.shell.enrollment, self.list.voices
        if left is not None and left.draft is not None and left.draft.id == draft.id:
            self._wizard(left)
        elif voices is not None:
            self.shell.enrollment = Enrollment.of(draft, voices)
            self._wizard(self.shell.enrollment)

    def _wizard(self, enrollment: Enrollment) -> None:
        from govconsole.screens.enroll import EnrollScreen

        def left(saved: bool | None) -> None:  # noqa: FBT001 - the answer of a dialog
            if saved:
                self.list.expect(Entry("speaker", enrollment.name))
                self.notify(visible(f"✓ {enrollment.name} is enrolled"), markup=False)
            elif enrollment.draft is not None:
                self.list.expect(Entry("draft", enrollment.draft.id))
            self.shell.live.refresh()
            self.redraw()

        self.app.push_screen(EnrollScreen(self.shell, enrollment), left)

    # Verbs

    def do_step_up(self) -> None:
        """Show the operator's own voice."""
        from govconsole.screens.stepup import ask_step_up

        ask_step_up(self)

    def do_play(self) -> None:
        """Let the operator hear a sample."""
        if (one := self.list.waiting) is not None:
            self.notify(visible(f"playing {one.seconds:.0f} s …"), markup=False)
            self.run_worker(self._play(one.id), group="verbs")

    async def _play(self, sample: str) -> None:
        try:
            wav = await self._door.waiting(sample)
            said = await asyncio.to_thread(self.shell.studio.play, wav)
        except GovError as error:
            self.post_message(VoiceDone(error=error))
        else:
            self.post_message(VoiceDone(said))

    def do_revoke(self) -> None:
        """End a session."""
        if (one := self.list.session) is not None:
            self._do(self._door.revoke(one.id), f"revoked: {one.speaker}")

    def do_unlock(self) -> None:
        """Let a chat try again."""
        if (one := self.list.lock) is not None:
            self._do(self._door.unlock(one.agent, one.chat), f"unlocked: {one.agent} {one.chat}")

    def do_delete(self) -> None:
        """Forget a voice, when its name was typed, on the operator's signature."""
        from govconsole.client.voiceplan import VoicePlan
        from govconsole.screens.voicesigning import sign_voice

        speaker, voices, session = self.list.speaker, self.list.voices, self.shell.session
        if speaker is None or voices is None:
            return
        plan = VoicePlan(speaker.name, voices)
        sign_voice(
            self,
            session,
            plan,
            lambda: self._do(session.delete_voice(plan), f"deleted: {plan.name}"),
        )

    def _do(self, work: Awaitable[object], words: str) -> None:
        self.run_worker(self._done(work, words), group="verbs")

    async def _done(self, work: Awaitable[object], words: str) -> None:
        try:
            await work
        except GovError as error:
            self.post_message(VoiceDone(error=error))
        else:
            self.post_message(VoiceDone(words))


def wrong_name(text: str) -> str | None:
    """What is wrong with a speaker's name as far as it was typed; None: nothing is."""
    if not text or is_speaker(text):
        return None
    return "a name has lower-case letters, digits, . _ and -, begins with a letter or digit, and no spaces"
