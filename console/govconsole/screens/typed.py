"""Asks once more before something that cannot be undone: with a name to type, where so much is at stake.

Must never do anything: its answer is whether it is to be done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Input, Label

from govconsole.binding import bindings
from govconsole.screens.dialog import Dialog
from govconsole.shell import shell_of
from govconsole.widgets.field import Field
from govconsole.widgets.paint import words
from govd.contract.text import visible

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType

    from govconsole.clock import Clock


class TypedDialog(Dialog[bool]):
    """Asks.

    Args:
        clock: For the moment in which it is deaf.
        title: The question.
        told: What would happen.
        wanted: What has to be typed; empty: nothing.
        button: The words on the button behind the key.
    """

    scope: ClassVar[str] = "confirm"
    BINDINGS: ClassVar[list[BindingType]] = bindings("confirm")
    DEFAULT_CSS = """
    TypedDialog > #box { max-width: 72; padding: 1 2 0 2; }
    TypedDialog #told { width: 100%; height: auto; margin-bottom: 1; }
    TypedDialog #title { text-style: bold; }
    """

    def __init__(self, clock: Clock, title: str, told: str, wanted: str, button: str) -> None:
        super().__init__(clock)
        self._title = title
        self._told = told
        self._wanted = wanted
        self._button = button

    def compose(self) -> ComposeResult:
        """The question, what is typed, and the two ways out."""
        keys = shell_of(self.app).keymap
        with Vertical(id="box"):
            yield Label(words(self._title), id="title", markup=False)
            yield Label(words(self._told), id="told", markup=False)
            if self._wanted:
                yield Label(words(f"Type {self._wanted}"), classes="label", markup=False)
                yield Field(id="typed", max_length=len(self._wanted) + 8, compact=True)
            with Horizontal(id="buttons"):
                yield Button(words(f"{keys.first('confirm', 'leave')}  Cancel"), id="cancel")
                yield Button(
                    words(f"{keys.first('confirm', 'confirm')}  {self._button}"),
                    id="confirm",
                    variant="error",
                )

    def on_mount(self) -> None:
        """What is typed goes to the line; else Cancel is under the cursor."""
        super().on_mount()
        self.query_one("#typed" if self._wanted else "#cancel").focus()

    @on(Button.Pressed, "#cancel")
    def _cancelled(self) -> None:
        self.action_leave()

    @on(Button.Pressed, "#confirm")
    @on(Input.Submitted)
    def _confirmed(self) -> None:
        self.action_confirm()

    def action_confirm(self) -> None:
        """It is to be done, when what is wanted was typed."""
        if self.deaf:
            return
        typed = self.query_one("#typed", Input).value.strip() if self._wanted else ""
        if typed != self._wanted:
            self.notify(
                visible(f"Type {self._wanted}: it cannot be undone."), severity="warning", markup=False
            )
        else:
            self.dismiss(True)  # noqa: FBT003 - the answer of the dialog
