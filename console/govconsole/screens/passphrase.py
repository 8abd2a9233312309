"""Asks for the passphrase of the vote key. Must never keep it: it goes to the key ring and is forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on
from textual.containers import Vertical
from textual.widgets import Input, Label

from govconsole.screens.dialog import Dialog
from govd.contract.text import visible

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from govconsole.clock import Clock


class PassphraseDialog(Dialog[str]):
    """One hidden line; enter takes it, escape leaves."""

    DEFAULT_CSS = "PassphraseDialog > #box { max-width: 60; padding: 1 2; }"

    def __init__(self, operator: str, clock: Clock) -> None:
        super().__init__(clock)
        self._operator = operator

    def compose(self) -> ComposeResult:
        """The question and the line."""
        with Vertical(id="box"):
            yield Label(visible(f"Passphrase of {self._operator}'s vote key"), markup=False)
            yield Input(password=True, id="passphrase", compact=True)
            yield Label("enter unlock   esc cancel   locks after 30 min idle", classes="label", markup=False)

    @on(Input.Submitted)
    def _given(self, event: Input.Submitted) -> None:
        event.stop()
        self.dismiss(event.value)
