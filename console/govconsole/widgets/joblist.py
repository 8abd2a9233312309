"""The queue's list: draws only the lines that changed, so that its cost grows with neither queue nor events.

Must never act by position: a click or a key names the id of the row that was drawn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.geometry import Region
from textual.message import Message
from textual.widget import Widget

from govconsole.client.document import Line
from govconsole.client.rowcells import Look, cells, heads
from govconsole.widgets.paint import ROLE_CLASSES, ROLE_CSS, ink, strip

if TYPE_CHECKING:
    from rich.style import Style
    from textual import events
    from textual.strip import Strip

    from govconsole.client.document import Role
    from govconsole.clock import Clock
    from govconsole.state.queue import Queue

_THUMB = "▐"
_WHEEL = 3
_KEPT = 400


class JobList(Widget, can_focus=True):
    """The rows of a `Queue` that are on the screen."""

    COMPONENT_CLASSES: ClassVar[set[str]] = ROLE_CLASSES | {"joblist--cursor", "joblist--range"}
    DEFAULT_CSS = (
        "JobList { background: $background; height: 1fr;"
        + ROLE_CSS
        + "&> .joblist--cursor { background: $panel; } &> .joblist--range { background: $panel 50%; } }"
    )

    class Picked(Message):
        """A row was clicked. `mark`: on its first cells, where the marks stand."""

        def __init__(self, job: str, *, mark: bool) -> None:
            super().__init__()
            self.job = job
            self.mark = mark

    class Scrolled(Message):
        """Other rows came onto the screen, without the cursor."""

    def __init__(self, queue: Queue, clock: Clock, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._queue = queue
        self._clock = clock
        self._drawn: list[Look | None] = []
        self._inks: dict[Role, Style] = {}
        self._grounds: dict[str, Style] = {}
        self._strips: dict[Look, Strip] = {}
        self.lines_drawn = 0

    def sync(self) -> None:
        """The queue or the time changed: draw the lines that look otherwise than they did."""
        looks = self._looks()
        width = self.size.width
        changed = [y for y, look in enumerate(looks) if y >= len(self._drawn) or self._drawn[y] != look]
        if len(looks) != len(self._drawn):
            self._drawn = looks
            self.refresh()
            return
        self._drawn = looks
        if len(self._strips) > _KEPT:
            kept = set(looks)
            self._strips = {look: drawn for look, drawn in self._strips.items() if look in kept}
        if changed:
            self.refresh(*(Region(0, y, width, 1) for y in changed))

    def _looks(self) -> list[Look | None]:
        """What each line shows; None: an empty one."""
        queue, height = self._queue, self.size.height
        now, jobs = self._clock.now(), queue.window.on_screen
        ranged = set(queue.ranged())
        thumb = self._thumb(height)
        looks: list[Look | None] = [
            Look.of(
                queue.rows[job],
                now,
                here=job == queue.cursor,
                marked=job in queue.marks,
                ranged=job in ranged,
                gone=queue.gone.get(job, ""),
                thumb=y in thumb,
            )
            for y, job in enumerate(jobs[:height])
        ]
        return looks + [None] * (height - len(looks))

    def _thumb(self, height: int) -> range:
        """The lines of the last column that show where in the whole list the screen is."""
        window = self._queue.window
        total = max(window.total or 0, len(window.order))
        if total <= height or not height:
            return range(0)
        size = max(height * height // total, 1)
        start = (window.offset + window.top) * (height - size) // max(total - height, 1)
        start = max(0, min(start, height - size))
        return range(start, start + size)

    def on_resize(self, event: events.Resize) -> None:
        """Draw to the new size, with the cursor in view."""
        self._queue.window.resize(event.size.height)
        if self._queue.cursor is not None:
            self._queue.window.reveal(self._queue.cursor)
        self._drawn, self._strips = [], {}
        self.sync()
        self.post_message(self.Scrolled())

    def notify_style_update(self) -> None:
        """Another theme: the colours are looked up again."""
        super().notify_style_update()
        self._inks, self._grounds, self._strips = {}, {}, {}

    def on_click(self, event: events.Click) -> None:
        """Pick the job whose row was clicked."""
        jobs = self._queue.window.on_screen
        if event.y < len(jobs):
            self.post_message(self.Picked(jobs[event.y], mark=event.x < 2 or event.ctrl))  # noqa: PLR2004 - the gutter

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel moves the screen over the rows, not the cursor."""
        self._scroll(event, _WHEEL)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel moves the screen over the rows, not the cursor."""
        self._scroll(event, -_WHEEL)

    def _scroll(self, event: events.MouseEvent, by: int) -> None:
        event.stop()
        self._queue.window.scroll(by)
        self.sync()
        self.post_message(self.Scrolled())

    def render_line(self, y: int) -> Strip:
        """One line."""
        self.lines_drawn += 1
        look = self._drawn[y] if y < len(self._drawn) else None
        if look is None:
            return strip(Line(), self.size.width, self.get_style, self._ground(""))
        found = self._strips.get(look)
        if found is None:
            ground = self._ground("joblist--cursor" if look.here else "joblist--range" if look.ranged else "")
            found = strip(Line(tuple(cells(look, self.size.width))), self.size.width, self.get_style, ground)
            self._strips[look] = found
        return found

    def _ground(self, name: str) -> Style:
        if name not in self._grounds:
            self._grounds[name] = self.get_component_rich_style(name) if name else self.rich_style
        return self._grounds[name]

    def get_style(self, role: Role) -> Style:
        """The theme's style for a role."""
        if role not in self._inks:
            self._inks[role] = ink(self, role)
        return self._inks[role]


class ListHead(Widget):
    """The names of the columns, with a mark at the one that the list is sorted by."""

    COMPONENT_CLASSES: ClassVar[set[str]] = ROLE_CLASSES
    DEFAULT_CSS = "ListHead { height: 1; background: $background;" + ROLE_CSS + "}"

    def __init__(self, queue: Queue) -> None:
        super().__init__()
        self._queue = queue

    def render_line(self, y: int) -> Strip:
        """The one line."""
        del y
        row = Line(tuple(heads(self.size.width, self._queue.wanted.order)))
        return strip(row, self.size.width, lambda role: ink(self, role), self.rich_style)
