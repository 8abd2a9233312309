"""The form of every dialog that ends in a signature: what is signed, the words, Cancel under the cursor.

Must never hide its buttons, whatever it shows and however small the terminal is, nor sign while it is deaf.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from textual import on
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Button, Input, Label, Static

from govconsole.binding import bindings
from govconsole.client.review import Words
from govconsole.keymap import key_label
from govconsole.screens.dialog import Dialog
from govconsole.shell import shell_of
from govconsole.widgets.field import Field
from govconsole.widgets.paint import words
from govconsole.widgets.pane import DocumentPane
from govd.contract.limits import MAX_REASON
from govd.contract.text import visible

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual import events
    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.strip import Strip

    from govconsole.client.document import Document
    from govconsole.clock import Clock
    from govconsole.keymap import Keymap
    from govd.contract.votes import Verdict

_SHARE: Final = 0.92
_LEAST: Final = 3
_FRAME: Final = 2


@dataclass(frozen=True)
class Typed:
    """What has to be typed before anything is signed: for what cannot be undone, a key press is too little.

    Args:
        told: Asks for it.
        text: What it is. The case of letters does not matter.
        missed: What is said while it is not there.
    """

    told: str
    text: str
    missed: str


@dataclass(frozen=True)
class Choice:
    """One of several answers, typed as a word: none is chosen before, and none by a single key.

    Args:
        told: Asks for it, and names the words.
        words: What each word means. The case of letters does not matter.
        missed: What is said while there is none of them.
    """

    told: str
    words: Mapping[str, str]
    missed: str

    def meant(self, text: str) -> str:
        """What the typed word means; empty: it is none of them."""
        return self.words.get(text.casefold(), "")


@dataclass(frozen=True)
class Ask:
    """What a dialog shows and wants.

    Args:
        document: What is signed.
        verdict: A refusal needs a reason, one with guidance needs that too; it colours the button.
        sign: The words on the button behind the key.
        reader: Who reads the guidance.
        reason: What the reason is for; empty: none is asked for.
        missed: What is said while a reason that is needed is not there.
        typed: What has to be typed, or None.
        choice: What has to be chosen, or None.
    """

    document: Document
    verdict: Verdict
    sign: str
    reader: str = "what the agent reads"
    reason: str = "sealed, its commitment is signed"
    missed: str = "A refusal needs a reason."
    typed: Typed | None = None
    choice: Choice | None = None


class Statement(DocumentPane):
    """What is signed. Tells when it has its size, and when it is on the screen: a long one takes a while."""

    class Drawn(Message):
        """Its first rows were drawn."""

    class Measured(Message):
        """It has its size, for now."""

    _drawn = False

    def on_resize(self, event: events.Resize) -> None:
        """What does not fit is counted by the size that it got at last, not by the one that it began with."""
        del event  # the pane's own handler is called too
        self.post_message(self.Measured())

    def render_line(self, y: int) -> Strip:
        """One row of the window."""
        if self._rows and not self._drawn:
            self._drawn = True
            self.post_message(self.Drawn())
        return super().render_line(y)


class SigningDialog(Dialog[Words]):
    """Asks for the words and the confirmation."""

    scope: ClassVar[str] = "vote"
    BINDINGS: ClassVar[list[BindingType]] = bindings("vote")
    DEFAULT_CSS = """
    SigningDialog #what { height: auto; }
    SigningDialog #more { height: 1; color: $role-dim; text-align: right; }
    SigningDialog #typed-label, SigningDialog #choice-label { color: $role-warn; text-style: bold; }
    """

    def __init__(self, ask: Ask, clock: Clock) -> None:
        super().__init__(clock)
        self.ask = ask

    def compose(self) -> ComposeResult:
        """The statement, the words, and the two ways out."""
        ask, keys = self.ask, shell_of(self.app).keymap
        refuses = ask.verdict != "approve"
        with Vertical(id="box"):
            yield Statement(ask.document, id="what")
            yield Static(id="more", markup=False)
            if ask.verdict == "deny_with_guidance":
                yield Label(words(f"Guidance: {ask.reader}"), classes="label", markup=False)
                yield Field(id="guidance", max_length=MAX_REASON, compact=True)
            if ask.choice is not None:
                yield Label(words(ask.choice.told), id="choice-label", markup=False)
                yield Field(id="choice", max_length=max(map(len, ask.choice.words)) + 8, compact=True)
            if ask.reason:
                need = " (needed)" if refuses else ""
                yield Label(words(f"Reason{need}: {ask.reason}"), classes="label", markup=False)
                yield Field(id="reason", max_length=MAX_REASON, compact=True)
            if ask.typed is not None:
                yield Label(words(ask.typed.told), id="typed-label", markup=False)
                yield Field(id="typed", max_length=len(ask.typed.text) + 8, compact=True)
            with Horizontal(id="buttons"):
                yield Button(words(f"{keys.first('vote', 'leave')}  Cancel"), id="cancel")
                yield Button(
                    words(f"{self._signs(keys)}  {ask.sign}"),
                    id="confirm",
                    variant="error" if refuses else "success",
                )

    def _signs(self, keys: Keymap) -> str:
        """The key that signs: where a line is typed first, one that does not type there."""
        if self.types:
            return next(
                (key_label(key) for key in keys.keys("vote", "confirm") if "+" in key),
                keys.first("vote", "confirm"),
            )
        return keys.first("vote", "confirm")

    @property
    def types(self) -> bool:
        """Whether a line is typed, and nothing else is asked for."""
        return self.ask.typed is not None and not self.ask.reason

    def on_mount(self) -> None:
        """Cancel is under the cursor; where nothing but a name is typed, that line."""
        super().on_mount()
        self.query_one("#typed" if self.types else "#cancel").focus()
        self.watch(self.query_one("#what"), "scroll_y", self._tell_more)

    def stands(self) -> None:
        """A frame without the statement shows nobody what he would sign: only its own counts."""

    def on_statement_drawn(self, message: Statement.Drawn) -> None:
        """What is signed is on the screen."""
        message.stop()
        super().stands()

    def on_resize(self, event: events.Resize) -> None:
        """What is signed gets the room that the rest leaves."""
        self._fit(event.size.height)

    def on_statement_measured(self, message: Statement.Measured) -> None:
        """How much of it lies below is told."""
        message.stop()
        self._tell_more()

    def _fit(self, height: int) -> None:
        rest = sum(
            3 if child.id == "buttons" else 1
            for child in self.query_one("#box").children
            if child.id != "what"
        )
        self.query_one("#what").styles.max_height = max(int(height * _SHARE) - _FRAME - rest, _LEAST)

    def _tell_more(self) -> None:
        pane = self.query_one("#what", DocumentPane)
        below = pane.virtual_size.height - int(pane.scroll_y) - pane.scrollable_content_region.height
        key = shell_of(self.app).keymap.first("vote", "page_down")
        told = f"↓ {below} more line{'s' * (below != 1)}, {key}" if below > 0 else ""
        self.query_one("#more", Static).update(words(told))

    @on(Button.Pressed, "#cancel")
    def _cancelled(self) -> None:
        self.action_leave()

    @on(Button.Pressed, "#confirm")
    def _confirmed(self) -> None:
        self.action_confirm()

    @on(Input.Submitted)
    def _next(self) -> None:
        self.focus_next()

    def action_confirm(self) -> None:
        """Take the words, when those that are needed are there."""
        if self.deaf:
            return
        ask, reason, guidance = self.ask, self._text("reason"), self._text("guidance")
        chosen = "" if ask.choice is None else ask.choice.meant(self._text("choice"))
        if ask.verdict == "deny_with_guidance" and not guidance:
            self._miss("guidance", "Say what the agent should do instead.")
        elif ask.choice is not None and not chosen:
            self._miss("choice", ask.choice.missed)
        elif ask.verdict != "approve" and ask.reason and not reason:
            self._miss("reason", ask.missed)
        elif ask.typed is not None and self._text("typed").casefold() != ask.typed.text.casefold():
            self._miss("typed", ask.typed.missed)
        else:
            self.dismiss(Words(reason=reason, guidance=guidance, choice=chosen))

    def _text(self, field: str) -> str:
        found = self.query(f"#{field}").results(Input)
        return next((one.value.strip() for one in found), "")

    def _miss(self, field: str, why: str) -> None:
        self.query_one(f"#{field}", Input).focus()
        self.notify(visible(why), severity="warning", markup=False)

    def action_scroll_down(self) -> None:
        """One line down."""
        self.query_one("#what").scroll_down(animate=False)

    def action_scroll_up(self) -> None:
        """One line up."""
        self.query_one("#what").scroll_up(animate=False)

    def action_page_down(self) -> None:
        """One page down."""
        self.query_one("#what").scroll_page_down(animate=False)

    def action_page_up(self) -> None:
        """One page up."""
        self.query_one("#what").scroll_page_up(animate=False)
