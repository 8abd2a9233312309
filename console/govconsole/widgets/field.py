"""The one line to type into that every screen uses.

Must never draw what a terminal would obey or not show, though it was pasted (threats T17).
"""

from __future__ import annotations

from textual.widgets import Input

from govd.contract.text import visible

_MARKS = 2
"""After so many marks over one letter, `visible` shows the next as an escape."""


class Field(Input):
    """An input whose value can be drawn as it is: what cannot be shown is left out."""

    def validate_value(self, value: str) -> str:
        """What may stand there, however it came. Hidden text is drawn as dots, so it stays what it is."""
        return value if self.password else _shown(value)

    def replace(self, text: str, start: int, end: int) -> None:
        """Put text there, and the cursor behind what of it remains."""
        super().replace(text if self.password else _shown(text), start, end)


def _shown(text: str) -> str:
    if visible(text) == text:
        return text
    kept = ""
    for char in text:
        one = " " if char.isspace() else char
        behind = kept[-_MARKS:]
        if visible(behind + one) == behind + one:
            kept += one
    return kept
