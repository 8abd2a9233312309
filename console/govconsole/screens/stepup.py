"""The step-up dialog: an operator shows his voice, and votes whose rule asks for it are his to cast.

Must never take a voice for more than it is: his token and key are asked for all the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from textual.containers import Vertical
from textual.widgets import Label, Static

from govconsole.actions.registry import SCOPES
from govconsole.binding import bindings
from govconsole.client.document import Document, Span, blank, line, quoted
from govconsole.client.standing import seconds_left
from govconsole.client.voicewords import DEMO, broken, refused_words, verdict_span
from govconsole.messages import Answered
from govconsole.screens.taking import TakingDialog
from govconsole.state.enrollment import Taking
from govconsole.widgets.paint import content, words
from govconsole.widgets.pane import DocumentPane
from govd.contract.errors import GovError
from govd.contract.text import visible
from govd.contract.voice import VoiceSession, VoiceState
from govd.contract.voice_limits import MIN_NET_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from govconsole.client.voices import Take
    from govconsole.screens.view import View
    from govconsole.shell import Shell
    from govd.contract.voice import StepUp, Voices
    from govd.contract.voicephrase import VoicePhrase


_OVER: Final = "the phrase's time is over: ask for another"
_SECOND: Final = 1.0


class StepUpDialog(TakingDialog[bool]):
    """Takes a clip and shows what came of it. Its answer: whether the voice was his.

    Args:
        shell: The shared parts.
        why: What it is for, in one line.
    """

    scope: ClassVar[str] = "step_up"
    BINDINGS: ClassVar[list[BindingType]] = bindings("step_up")
    DEFAULT_CSS = """
    StepUpDialog > #box { max-width: 84; padding: 1 2 0 2; }
    StepUpDialog #title { text-style: bold; }
    StepUpDialog #text { height: auto; max-height: 12; background: $surface; }
    StepUpDialog #meter { height: 3; display: none; }
    StepUpDialog #told { height: auto; min-height: 1; }
    StepUpDialog #keys { height: 1; margin: 1 0 0 0; }
    """

    def __init__(self, shell: Shell, why: str = "") -> None:
        super().__init__(shell)
        self._why = why
        self._taking = Taking()
        self._voices: Voices | None = None
        self._said = Span("")
        self._phrase: VoicePhrase | None = None
        self._no_phrase = "the phrase is on its way"
        """Why there is none to say, where one is asked for."""

    @property
    def taking(self) -> Taking:
        """Where clips come from."""
        return self._taking

    @property
    def wanted(self) -> float:
        """Seconds of speech to aim at."""
        return MIN_NET_SECONDS + 1.0

    def can(self) -> Mapping[str, str]:
        """For each action why it does not work now."""
        taking = self.taking
        no_model = broken(self._voices)
        silent = no_model or taking.busy or ("" if taking.recording else self._speechless())
        busy = silent or ("it is recording" if taking.recording else "")
        return {
            "record": silent or ("" if taking.microphone else "there is no microphone here"),
            "file": busy,
            "page": busy,
            "source": busy or ("" if len(taking.sources) > 1 else "there is no other microphone"),
            "phrase": self._no_other(),
            "leave": "",
            "help": "",
        }

    @property
    def prompt(self) -> str:
        """The phrase, where one is asked for."""
        return "" if self._phrase is None else self._phrase.phrase

    @property
    def _says_phrase(self) -> bool:
        return self._voices is not None and self._voices.step_up_phrase

    def _speechless(self) -> str:
        """Why there is nothing to say now; empty: there is."""
        if self._voices is None or not self._says_phrase or self._left():
            return ""
        return self._no_phrase if self._phrase is None else _OVER

    def _left(self) -> str:
        """How long the phrase can be said; empty: there is none, or it is over."""
        now = self.shell.session.clock.now()
        return "" if self._phrase is None else seconds_left(self._phrase.expires_at, now)

    def _no_other(self) -> str:
        if not self._says_phrase:
            return broken(self._voices) or "no phrase is asked for here"
        if self.taking.recording or self.taking.busy:
            return self.taking.busy or "it is recording"
        return "this one can be said" if self._left() else ""

    def compose(self) -> ComposeResult:
        """What it is for, what to say, the meter, the verdict, the keys."""
        with Vertical(id="box"):
            yield Label(words("Show your voice"), id="title", markup=False)
            pane = DocumentPane(id="text")
            pane.can_focus = False  # the keys are the dialog's
            yield pane
            yield Static(id="meter", markup=False)
            yield Static(id="told", markup=False)
            yield Static(id="keys", markup=False)

    def on_mount(self) -> None:
        """Ask what there is to say."""
        super().on_mount()
        self.run_worker(self._fetch(), group="backend")
        self.redraw()

    async def _fetch(self) -> None:
        try:
            voices = await self.shell.session.voices.voices()
        except GovError as error:
            self.post_message(Answered(error=error))
        else:
            self.post_message(Answered(lambda: self._known(voices)))

    def _known(self, voices: Voices) -> None:
        self._voices = voices
        if self._says_phrase and not broken(voices):
            self.set_interval(_SECOND, self._count)
            self._ask_phrase()

    def _ask_phrase(self) -> None:
        """Another one; a page that shows the former is waited for no more."""
        self.close_page()
        self._phrase, self._no_phrase = None, "the phrase is on its way"
        self.run_worker(self._fetch_phrase(), group="phrase", exclusive=True)

    async def _fetch_phrase(self) -> None:
        try:
            phrase = await self.shell.session.voices.phrase()
        except GovError as error:
            self.post_message(Answered(error=error))
            self._no_phrase = "there is no phrase to say"
        else:
            self.post_message(Answered(lambda: self._given(phrase)))

    def _given(self, phrase: VoicePhrase) -> None:
        self._phrase = phrase

    def _count(self) -> None:
        """Once a second: how long the phrase can be said."""
        if self._phrase is not None:
            self.redraw()

    # Drawing

    def redraw(self) -> None:
        """Draw everything from the state."""
        if not self.query("#keys"):
            return
        self.query_one("#text", DocumentPane).show(self._document(), keep_place=True)
        busy = self.taking.busy
        self.query_one("#told", Static).update(content([Span(f"{busy} …", "dim") if busy else self._said]))
        spans: list[Span] = []
        can, keymap = self.can(), self.shell.keymap
        for action in SCOPES["step_up"].actions:
            if not can.get(action.id):
                label = "end" if action.id == "record" and self.taking.recording else action.label
                spans += [Span(keymap.first("step_up", action.id), "key"), Span(f" {label}   ")]
        self.query_one("#keys", Static).update(content(spans))
        self.draw_meter()

    def _document(self) -> Document:
        voices, taking = self._voices, self.taking
        found: Document = [line(Span(self._why, "dim"))] if self._why else []
        if (why := broken(voices)) and voices is not None:
            mend = [line(Span("mend  ", "dim"), Span(voices.mend, "accent"))] if voices.mend else []
            return [*found, blank(), line(Span(f"⚠ {why}", "bad")), *mend]
        if voices is None:
            return [*found, line(Span("…", "dim"))]
        if voices.model is not None and voices.model.demo:
            found.append(line(Span("⚠ ", "warn"), Span(DEMO, "warn"), hang=2))
        found += [blank(), *self._to_say(voices), blank()]
        if taking.page:
            return [*found, line("Open this page, and record there:"), line(Span(taking.page, "accent"))]
        if taking.microphone:
            found.append(line(Span(taking.sources[taking.chosen], "dim")))
        else:
            found.append(line(Span("no microphone here: a file, or a page of a browser", "dim")))
        return found

    def _to_say(self, voices: Voices) -> Document:
        if not self._says_phrase:
            return quoted(voices.prompts[0] if voices.prompts else "Say a sentence or two.")
        if self._phrase is None:
            return [line(Span(f"{self._no_phrase} …", "dim"))]
        left = self._left()
        until = Span(f"within {left}; it is good once", "dim") if left else Span(_OVER, "warn")
        return [line("Say this, and nothing else:"), *quoted(self._phrase.phrase), line(until)]

    # Clips

    def took(self, takes: Sequence[Take]) -> None:
        """A clip is there."""
        self.taking.doing, self._said = "the voice is being compared", Span("")
        self.run_worker(self._show(takes[0]), group="backend")

    def failed(self, error: GovError) -> None:
        """There is no clip, or the backend took none."""
        hint = f" ({error.hint})" if error.hint else ""
        self._said = Span(f"✗ {error.detail}{hint}", "bad")

    async def _show(self, take: Take) -> None:
        try:
            answer = await self.shell.session.voices.step_up(take)
        except GovError as error:
            self.post_message(Answered(error=error))
        else:
            self.post_message(Answered(lambda: self._told(answer)))

    def on_answered(self, message: Answered) -> None:
        """The backend answered."""
        self.taking.doing = ""
        if message.error is not None:
            self.failed(message.error)
        elif message.apply is not None:
            message.apply()
        self.redraw()

    def _told(self, answer: StepUp) -> None:
        if answer.verified and answer.expires_at is not None:
            self.shell.live.stepped_up(
                VoiceSession(
                    state=VoiceState.VERIFIED, chat="", speaker=answer.speaker, expires_at=answer.expires_at
                )
            )
            until = answer.expires_at.strftime("%H:%M")
            self.app.notify(visible(f"✓ your voice stands until {until} UTC"), markup=False)
            self.dismiss(True)  # noqa: FBT003 - the answer of the dialog
            return
        self._said = verdict_span(good=False, words=refused_words(answer))
        if self._says_phrase and not (answer.quality and answer.quality.faults):
            self._ask_phrase()  # what was judged has used it up

    # Keys

    def action_record(self) -> None:
        """Record, or end it."""
        if self.may("record"):
            self._said = Span("")
            self.record()

    def action_file(self) -> None:
        """Take a file."""
        if self.may("file"):
            self.ask_file()

    def action_page(self) -> None:
        """Take what a browser records."""
        if self.may("page"):
            self.open_page()

    def action_phrase(self) -> None:
        """Another phrase."""
        if self.may("phrase"):
            self._said = Span("")
            self._ask_phrase()
            self.redraw()

    def action_source(self) -> None:
        """The next microphone."""
        if self.may("source"):
            self.taking.chosen = (self.taking.chosen + 1) % len(self.taking.sources)
            self.redraw()


def ask_step_up(view: View, why: str = "", then: Callable[[], None] | None = None) -> None:
    """Open the dialog over a view. `then`: what goes on when the voice was his."""

    def shown(verified: bool | None) -> None:  # noqa: FBT001 - the answer of a dialog
        view.draw_chrome()
        if verified and then is not None:
            then()

    view.app.push_screen(StepUpDialog(view.shell, why), shown)
