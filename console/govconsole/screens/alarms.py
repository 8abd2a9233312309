"""The alarms: what each says, the command that mends it, who has seen it.

Must never take an alarm away by itself: it leaves the header when an operator says that he saw it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.screen import ModalScreen
from textual.widgets import Static

from govconsole.binding import bindings
from govconsole.client.alarmview import alarms_document
from govconsole.client.document import Span
from govconsole.screens.clipboard import copy
from govconsole.shell import shell_of
from govconsole.state.status import Group
from govconsole.widgets.chrome import HeaderBar
from govconsole.widgets.paint import content
from govconsole.widgets.pane import DocumentPane

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from govd.contract.system import Alarm


class AlarmsScreen(ModalScreen[None]):
    """Lists the alarms until it is left.

    Args:
        mark: Tells the backend that these were seen.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("alarms")
    DEFAULT_CSS = """
    AlarmsScreen { background: $background; }
    AlarmsScreen DocumentPane { height: 1fr; }
    AlarmsScreen #keys { height: 1; background: $panel; padding: 0 1; }
    """

    def __init__(self, mark: Callable[[Iterable[str]], object]) -> None:
        super().__init__()
        self._mark = mark
        self._at = ""

    def compose(self) -> ComposeResult:
        """Title, alarms, keys."""
        yield HeaderBar()
        pane = DocumentPane()
        pane.can_focus = False  # its keys would move the text, and not the cursor
        yield pane
        yield Static(id="keys", markup=False)

    def on_mount(self) -> None:
        """Draw what is known."""
        self.redraw()

    @property
    def alarms(self) -> list[Alarm]:
        """Those that stand, the unseen first."""
        over = shell_of(self.app).live.status.overview
        return sorted(over.alarm_list, key=lambda one: bool(one.seen_by)) if over else []

    def redraw(self) -> None:
        """Draw the alarms as they are now; the cursor stays on its alarm."""
        shell, alarms = shell_of(self.app), self.alarms
        unseen = sum(not one.seen_by for one in alarms)
        title = Span(f"Alarms ▸ {len(alarms)}, {unseen} not seen", "title")
        self.query_one(HeaderBar).show([Group((title,), (title,))])
        document = alarms_document(alarms, self._place(), shell.session.clock.now())
        self.query_one(DocumentPane).show(document, keep_place=True)
        keymap = shell.keymap
        spans: list[Span] = []
        for action in ("seen", "all_seen", "copy", "back"):
            label = {"copy": " copy the mending command  "}.get(action, f" {action.replace('_', ' ')}  ")
            spans += [Span(keymap.first("alarms", action), "key"), Span(label)]
        self.query_one("#keys", Static).update(content(spans))

    def _place(self) -> int:
        ids = [one.id for one in self.alarms]
        return ids.index(self._at) if self._at in ids else 0

    def _current(self) -> Alarm | None:
        alarms = self.alarms
        return alarms[self._place()] if alarms else None

    def _move(self, by: int) -> None:
        alarms = self.alarms
        if alarms:
            place = max(0, min(self._place() + by, len(alarms) - 1))
            self._at = alarms[place].id
            self.redraw()
            self.query_one(DocumentPane).bring("▌ ")

    def action_down(self) -> None:
        """The next alarm."""
        self._move(1)

    def action_up(self) -> None:
        """The alarm before."""
        self._move(-1)

    def action_seen(self) -> None:
        """This one was seen."""
        alarm = self._current()
        if alarm is not None and not alarm.seen_by:
            self._at = alarm.id
            self._mark([alarm.id])

    def action_all_seen(self) -> None:
        """All were seen."""
        self._mark([one.id for one in self.alarms if not one.seen_by])

    def action_copy(self) -> None:
        """The command that mends this one."""
        alarm = self._current()
        if alarm is not None:
            copy(self.app, "the mending command", alarm.mend)

    def action_back(self) -> None:
        """Leave."""
        self.dismiss(None)
