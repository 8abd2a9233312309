"""What every dialog shares: it is deaf for a moment after it opens, and escape leaves it without effect.

A terminal does not say which keys are repeats: whoever leans on a key must not confirm what it opened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, TypeVar

from textual.binding import Binding
from textual.screen import ModalScreen

if TYPE_CHECKING:
    from textual.binding import BindingType

    from govconsole.clock import Clock

DEAF_SECONDS: Final = 0.3

R = TypeVar("R")


class Dialog(ModalScreen[R | None]):
    """A modal dialog whose answer is None when it was left."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Cancel")]

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
        self._opened_at = clock.monotonic()

    def on_mount(self) -> None:
        """It is on the screen from now on."""
        self._opened_at = self._clock.monotonic()

    @property
    def deaf(self) -> bool:
        """Whether keys and clicks are still discarded."""
        return self._clock.monotonic() - self._opened_at < DEAF_SECONDS

    def action_leave(self) -> None:
        """Leave without effect."""
        if not self.deaf:
            self.dismiss(None)
