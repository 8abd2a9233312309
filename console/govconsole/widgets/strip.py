"""The strip under the header that guides a newcomer; not there when it has nothing to say. Takes no key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from govconsole.client.document import Line, wrap
from govconsole.widgets.chrome import Bar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from govconsole.client.document import Span


class Strip(Bar):
    """What to try next, wrapped."""

    DEFAULT_CSS = "Strip { max-height: 3; background: $surface; display: none; }"

    def show(self, rows: Sequence[Sequence[Span]]) -> None:
        """Draw the words, or take the strip away."""
        self.display = bool(rows)
        lines = wrap([Line(tuple(row)) for row in rows], self.room)
        self.draw([[(span, "") for span in line.spans] for line in lines])
