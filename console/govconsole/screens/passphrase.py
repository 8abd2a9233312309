"""Asks for the passphrase of the vote key, and opens the key with it.

Must never keep it: it goes to the key ring and is forgotten, and no answer of the dialog holds it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual import on
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Button, Input, Label

from govconsole.screens.dialog import Dialog
from govconsole.shell import shell_of
from govconsole.widgets.field import Field
from govconsole.widgets.paint import words
from govd.contract.errors import GovError

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult
    from textual.screen import Screen

    from govconsole.client.votekeys import KeyRing
    from govconsole.clock import Clock
    from govconsole.session import Session

_MINUTE = 60


class PassphraseDialog(Dialog[bool]):
    """One hidden line; enter takes it, escape leaves. Its answer: whether the key is unlocked.

    Args:
        keys: Opens.
        operator: Whose key it is.
        clock: For the moment in which the dialog is deaf.
    """

    DEFAULT_CSS = """
    PassphraseDialog > #box { max-width: 64; padding: 1 2 0 2; }
    PassphraseDialog #told.wrong { color: $role-bad; text-style: bold; }
    """

    class Tried(Message):
        """The passphrase was tried. `error`: what was wrong, or None."""

        def __init__(self, error: GovError | None) -> None:
            super().__init__()
            self.error = error

    def __init__(self, keys: KeyRing, operator: str, clock: Clock) -> None:
        super().__init__(clock)
        self._keys = keys
        self._operator = operator
        self._left = False

    def compose(self) -> ComposeResult:
        """The question, the line, and the two ways out."""
        locks = f"The key locks again after {self._keys.idle / _MINUTE:.0f} min without a key press."
        with Vertical(id="box"):
            yield Label(words(f"Passphrase of {self._operator}'s vote key"), markup=False)
            yield Field(password=True, id="passphrase", compact=True)
            yield Label(words(locks), id="told", classes="label", markup=False)
            with Horizontal(id="buttons"):
                leave = shell_of(self.app).keymap.first("passphrase", "leave")
                yield Button(words(f"{leave}  Cancel"), id="cancel")
                yield Button(words("enter  Unlock"), id="unlock", variant="primary")

    def on_mount(self) -> None:
        """What is typed goes to the line."""
        super().on_mount()
        self.query_one(Input).focus()

    @on(Button.Pressed, "#cancel")
    def _cancelled(self) -> None:
        self.action_leave()

    @on(Button.Pressed, "#unlock")
    @on(Input.Submitted)
    def _given(self) -> None:
        given = self.query_one(Input)
        if given.disabled:
            return
        passphrase, given.value = given.value, ""
        given.disabled = True
        self._tell("Opening the key …", wrong=False)
        # The passphrase is guarded by many rounds: a second in which the screen must not stand still.
        self.run_worker(lambda: self._try(passphrase), thread=True, group="unlock")

    def _try(self, passphrase: str) -> None:
        try:
            self._keys.unlock(passphrase)
        except GovError as error:
            self.post_message(self.Tried(error))
            return
        if self._left:
            self._keys.lock()  # it opened for somebody who had turned away by then
        self.post_message(self.Tried(None))

    def action_leave(self) -> None:
        """Leave; the key stays locked, also where it is just being opened."""
        if not self.deaf:
            self._left = True
        super().action_leave()

    def on_passphrase_dialog_tried(self, message: Tried) -> None:
        """Open: go on. Otherwise say what was wrong, and ask again."""
        if self._left:
            return
        if message.error is None:
            self.dismiss(True)  # noqa: FBT003 - the answer of the dialog
            return
        self._tell(message.error.detail, wrong=True)
        line = self.query_one(Input)
        line.disabled = False
        line.focus()

    def _tell(self, text: str, *, wrong: bool) -> None:
        told = self.query_one("#told", Label)
        told.set_class(wrong, "wrong")
        told.update(words(text))


def unlocked(screen: Screen[Any], session: Session, then: Callable[[], object]) -> None:
    """Go on at once while the key is unlocked; else have it unlocked first.

    Args:
        screen: Over which the dialog opens.
        session: Whose key it is.
        then: What is to be signed with it.
    """
    if session.keys.unlocked:
        then()
        return

    def opened(is_open: bool | None) -> None:  # noqa: FBT001 - the answer of a dialog
        if is_open:
            then()

    screen.app.push_screen(PassphraseDialog(session.keys, session.operator, session.clock), opened)
