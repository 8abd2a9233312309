"""A document some of whose lines stand for something, which a click picks. Takes no key: its screen does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message

from govconsole.widgets.pane import DocumentPane

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events

    from govconsole.client.document import Line
    from govconsole.state.voices import Entry


class EntryPane(DocumentPane, can_focus=False):
    """Lines, and what they stand for."""

    class Picked(Message):
        """A line was clicked that stands for something."""

        def __init__(self, entry: Entry) -> None:
            super().__init__()
            self.entry = entry

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._entries: list[Entry | None] = []

    def list(self, rows: Sequence[tuple[Entry | None, Line]]) -> None:
        """Draw these lines."""
        self._entries = [entry for entry, _ in rows]
        self.show([line for _, line in rows], keep_place=True)

    def on_click(self, event: events.Click) -> None:
        """Say what was picked."""
        row = event.y + self.scroll_offset.y - self.styles.padding.top
        at = next((number for number, end in enumerate(self._ends) if row < end), None)
        entry = self._entries[at] if at is not None and at < len(self._entries) else None
        if entry is not None:
            self.post_message(self.Picked(entry))
