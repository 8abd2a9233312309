"""The least that a Textual app can be: what the console's start and its keys are measured beside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import App, ComposeResult
from textual.widgets import Static

if TYPE_CHECKING:
    from textual import events


class BareApp(App[None]):
    """One line of text, which says how many keys there were."""

    keys = 0

    def compose(self) -> ComposeResult:
        """The line."""
        yield Static("bare-app-is-up")

    def on_key(self, event: events.Key) -> None:
        """Draw it again."""
        event.stop()
        self.keys += 1
        self.query_one(Static).update(f"▌{self.keys}")


if __name__ == "__main__":
    BareApp().run()
