"""The queue's list: draws only the rows in the window, so that its cost does not grow with the queue.

Must never act by position: a click or a key names the id of the row that was drawn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.cells import set_cell_size
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView

from govconsole.client.amounts import left
from govconsole.client.document import Line, Role, Span
from govconsole.widgets.paint import ROLE_CLASSES, ROLE_CSS, ink, strip

if TYPE_CHECKING:
    from rich.style import Style
    from textual import events
    from textual.strip import Strip

    from govconsole.client.jobview import Row
    from govconsole.clock import Clock
    from govconsole.state.queue import Queue

_LEFT, _RISK, _AGENT, _WIDE = 9, 9, 14, 56
_SOON, _NOW = 0.25, 0.0625
_HIGH, _MIDDLE = 60, 30
_BARS = "▁▂▃▄▅▆▇█"
_DAY = 86_400.0


class JobList(ScrollView, can_focus=True):
    """The rows of a `Queue`."""

    COMPONENT_CLASSES: ClassVar[set[str]] = ROLE_CLASSES | {"joblist--cursor"}
    DEFAULT_CSS = (
        "JobList { background: $background; overflow-x: hidden; scrollbar-size-vertical: 1;"
        + ROLE_CSS
        + "&> .joblist--cursor { background: $panel; } }"
    )

    class Picked(Message):
        """A row was clicked."""

        def __init__(self, job: str) -> None:
            super().__init__()
            self.job = job

    def __init__(self, queue: Queue, clock: Clock, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._queue = queue
        self._clock = clock

    def redraw(self) -> None:
        """The queue changed: draw it again, with the cursor in view."""
        self.virtual_size = Size(self.scrollable_content_region.width, len(self._queue.order))
        if self._queue.cursor in self._queue.order:
            place = self._queue.order.index(self._queue.cursor)
            self.scroll_to_region(Region(0, place, 1, 1), animate=False)
        self.refresh()

    def on_resize(self, event: events.Resize) -> None:
        """Draw to the new width."""
        del event
        self.redraw()

    def on_click(self, event: events.Click) -> None:
        """Pick the job whose row was clicked."""
        at = event.y + self.scroll_offset.y
        if at < len(self._queue.order):
            self.post_message(self.Picked(self._queue.order[at]))

    def render_line(self, y: int) -> Strip:
        """One row of the window."""
        at = y + self.scroll_offset.y
        width = self.scrollable_content_region.width
        if at >= len(self._queue.order):
            return strip(Line(), width, self.get_style, self.rich_style)
        job = self._queue.order[at]
        here = job == self._queue.cursor
        ground = self.get_component_rich_style("joblist--cursor") if here else self.rich_style
        cells = tuple(self._cells(self._queue.rows[job], width, here=here))
        return strip(Line(cells), width, self.get_style, ground)

    def get_style(self, role: Role) -> Style:
        """The theme's style for a role."""
        return ink(self, role)

    def _cells(self, row: Row, width: int, *, here: bool) -> list[Span]:
        gone = self._queue.gone.get(row.id)
        agent = _AGENT if width >= _WIDE else 0
        room = max(width - 2 - _RISK - agent - _LEFT - 1, 8)
        quiet: Role | None = "dim" if gone else None
        mark = "*" if row.advisory else " "
        title = set_cell_size(row.title, room)
        until = gone if gone and gone != "left" else ("" if gone else left(row.until, self._clock.now()))
        return [
            Span("▌ " if here else "  ", "accent"),
            Span(f"{_risk_bar(row.risk)}{row.risk:>3}{mark} ", quiet or _risk_role(row.risk)),
            Span(title, quiet or ("title" if here else "plain")),
            Span(" " + set_cell_size(row.agent, agent - 1) if agent else "", "dim"),
            Span(f"{until or row.state:>8} "[: _LEFT + 1], quiet or "plain"),
            *([] if gone else [self._left_bar(row)]),
        ]

    def _left_bar(self, row: Row) -> Span:
        if row.until is None:
            return Span(" ")
        share = (row.until - self._clock.now()).total_seconds() / _DAY
        bar = _BARS[max(0, min(int(share * len(_BARS)), len(_BARS) - 1))]
        return Span(bar, "bad" if share < _NOW else "warn" if share < _SOON else "dim")


def columns(width: int) -> str:
    """The names of the columns, for a list of that width."""
    agent = f" {'agent':<{_AGENT - 1}}" if width >= _WIDE else ""
    room = max(width - 2 - _RISK - len(agent) - _LEFT - 1, 8)
    return f"  {'risk':<{_RISK}}{'job':<{room}}{agent}{'left':>8}"


def _risk_role(risk: int) -> Role:
    return "bad" if risk >= _HIGH else "warn" if risk >= _MIDDLE else "good"


def _risk_bar(risk: int) -> str:
    return f"{'▇' * max(1, min(4, risk // 20)):<4}"
