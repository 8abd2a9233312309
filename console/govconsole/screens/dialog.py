"""What every dialog shares: it is deaf until it has stood for a moment, and escape leaves it without effect.

A terminal does not say which keys are repeats: whoever leans on a key must not confirm what it opened.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar, Final, TypeVar

from textual.screen import ModalScreen

from govconsole.actions.registry import SCOPES
from govconsole.binding import bindings
from govconsole.shell import shell_of

if TYPE_CHECKING:
    from textual.binding import BindingType

    from govconsole.clock import Clock

DEAF_SECONDS: Final = 0.3

R = TypeVar("R")


class Dialog(ModalScreen[R | None]):
    """A modal dialog whose answer is None when it was left."""

    scope: ClassVar[str] = "passphrase"
    BINDINGS: ClassVar[list[BindingType]] = bindings("passphrase")

    DEFAULT_CSS = """
    Dialog { align: center middle; background: $background 60%; }
    Dialog > #box {
        width: 92%; max-width: 96; height: auto; max-height: 92%;
        background: $surface; border: round $primary; padding: 0 1;
    }
    Dialog #buttons { height: 3; align-horizontal: right; }
    Dialog Button { margin-left: 2; }
    Dialog.-narrow > #box { width: 100%; }
    Dialog Input { background: $background; }
    Dialog Input:focus { background: $panel; }
    Dialog DocumentPane { background: $surface; padding: 0; }
    Dialog .label { color: $foreground 70%; }
    """

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self._stands_since = math.inf

    def on_mount(self) -> None:
        """It has been told to appear; it is on the screen after the next frame, and not before."""
        self.call_after_refresh(self.stands)

    def stands(self) -> None:
        """A frame of it was drawn: who reads begins now."""
        if not self.standing:
            self._stands_since = self._clock.monotonic()

    @property
    def standing(self) -> bool:
        """Whether a frame of it was drawn."""
        return self._stands_since != math.inf

    @property
    def deaf(self) -> bool:
        """Whether keys and clicks are still discarded."""
        return self._too_early(self._clock.monotonic())

    def ignores(self, stamp: float) -> bool:
        """Whether it discards what a hand did then. What waited behind a frame is as old as it is."""
        return self.deaf or self._too_early(self._clock.stamped(stamp))

    def _too_early(self, moment: float) -> bool:
        return moment - self._stands_since < DEAF_SECONDS

    def action_leave(self) -> None:
        """Leave without effect."""
        if not self.deaf:
            self.dismiss(None)

    def action_help(self) -> None:
        """The keys of this dialog."""
        from govconsole.screens.help import help_document
        from govconsole.screens.reader import Reader

        document = help_document((self.scope,), shell_of(self.app).keymap)
        self.app.push_screen(Reader(f"Keys ▸ {SCOPES[self.scope].title}", document))
