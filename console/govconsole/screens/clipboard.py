"""Puts text into the clipboard of the operator's terminal (OSC 52), also over SSH.

Must never pass on what a terminal would obey when it is pasted: every line goes through the sanitiser.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from govd.contract.text import visible, visible_lines

if TYPE_CHECKING:
    from textual.app import App

MAX_BYTES: Final = 48 * 1024
"""Terminals drop longer sequences without a word."""


def copy(app: App[None], what: str, text: str) -> None:
    """Copy the text, and say so."""
    clean = "\n".join(visible_lines(text))
    data = clean.encode()
    cut = len(data) > MAX_BYTES
    app.copy_to_clipboard(data[:MAX_BYTES].decode(errors="ignore") if cut else clean)
    first = clean.partition("\n")[0]
    if cut:
        words = f"copied the first {MAX_BYTES // 1024} KiB of {what}: a terminal takes no more"
    else:
        words = f"copied {what}: {visible(first, 60)}"
    app.notify(visible(words), severity="warning" if cut else "information", markup=False)
