"""The app: a thin shell around the screens. Must never hold what the state or a screen holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import App
from textual.binding import Binding

from govconsole.actions import APP
from govconsole.screens.dialog import Dialog
from govconsole.screens.queue import QueueScreen
from govd.contract.text import visible

if TYPE_CHECKING:
    from textual.binding import BindingType

    from govconsole.session import Session

_HANDS = (events.Key, events.Paste, events.MouseDown, events.MouseUp, events.Click)


class ConsoleApp(App[None]):
    """The operator's terminal."""

    TITLE = "govconsole"
    ENABLE_COMMAND_PALETTE = False
    HORIZONTAL_BREAKPOINTS: list[tuple[int, str]] | None = [  # noqa: RUF012 - Textual declares it so
        (0, "-narrow"),
        (100, "-wide"),
    ]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(action.key, action.id, action.label, show=False) for action in APP
    ]

    def __init__(self, session: Session, *, notice: str = "") -> None:
        super().__init__()
        self._session = session
        self._notice = notice

    def on_mount(self) -> None:
        """Open the queue; say what the operator has to know first."""
        self.push_screen(QueueScreen(self._session))
        if self._notice:
            self.notify(visible(self._notice), timeout=10, markup=False)

    async def on_unmount(self) -> None:
        """Close the connections; the backend goes on."""
        self.workers.cancel_all()
        await self._session.backend.aclose()

    async def on_event(self, event: events.Event) -> None:
        """Keys keep the vote key open, and never reach a dialog that has only just appeared."""
        if isinstance(event, events.Key):
            self._session.keys.touch()
        if isinstance(event, _HANDS) and isinstance(self.screen, Dialog) and self.screen.deaf:
            return
        await super().on_event(event)

    def action_help(self) -> None:
        """The keys of the screen."""
        if isinstance(self.screen, QueueScreen):
            self.screen.show_help()

    def action_lock(self) -> None:
        """Forget the vote key."""
        self._session.keys.lock()
        if isinstance(self.screen, QueueScreen):
            self.screen.redraw()
