"""Asks once more before something that cannot be undone and needs no signature.

Must never do anything: its answer is whether it is to be done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Label

from govconsole.binding import bindings
from govconsole.screens.dialog import Dialog
from govconsole.shell import shell_of
from govconsole.widgets.paint import words

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType

    from govconsole.clock import Clock


class ConfirmDialog(Dialog[bool]):
    """Asks.

    Args:
        clock: For the moment in which it is deaf.
        title: The question.
        told: What would happen.
        button: The words on the button behind the key.
    """

    scope: ClassVar[str] = "confirm"
    BINDINGS: ClassVar[list[BindingType]] = bindings("confirm")
    DEFAULT_CSS = """
    ConfirmDialog > #box { max-width: 72; padding: 1 2 0 2; }
    ConfirmDialog #told { width: 100%; height: auto; margin-bottom: 1; }
    ConfirmDialog #title { text-style: bold; }
    """

    def __init__(self, clock: Clock, title: str, told: str, button: str) -> None:
        super().__init__(clock)
        self._title = title
        self._told = told
        self._button = button

    def compose(self) -> ComposeResult:
        """The question, what is typed, and the two ways out."""
        keys = shell_of(self.app).keymap
        with Vertical(id="box"):
            yield Label(words(self._title), id="title", markup=False)
            yield Label(words(self._told), id="told", markup=False)
            with Horizontal(id="buttons"):
                yield Button(words(f"{keys.first('confirm', 'leave')}  Cancel"), id="cancel")
                yield Button(
                    words(f"{keys.first('confirm', 'confirm')}  {self._button}"),
                    id="confirm",
                    variant="error",
                )

    def on_mount(self) -> None:
        """Cancel is under the cursor."""
        super().on_mount()
        self.query_one("#cancel").focus()

    @on(Button.Pressed, "#cancel")
    def _cancelled(self) -> None:
        self.action_leave()

    @on(Button.Pressed, "#confirm")
    def _confirmed(self) -> None:
        self.action_confirm()

    def action_confirm(self) -> None:
        """It is to be done."""
        if not self.deaf:
            self.dismiss(True)  # noqa: FBT003 - the answer of the dialog
