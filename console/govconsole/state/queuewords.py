"""What stands under the list: where one is, what is marked, by what it is sorted and filtered, what is new.

Must never call a list empty, or complete, of which not everything is known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from govconsole.client.document import Span, cell_len

if TYPE_CHECKING:
    from govconsole.state.queue import Queue


def position(queue: Queue) -> str:
    """Where the cursor is in the whole list: `12,345 of 100,000`."""
    window = queue.window
    place = window.place(queue.cursor)
    if not window.loaded:
        return f"{queue.wanted.view}: …"
    total = window.total
    if total is None:
        many = f"{len(queue.order):,} found"
        if window.searched is not None and window.candidates is not None and window.next is not None:
            many += f", {window.searched:,} of {window.candidates:,} titles read"
        return f"{queue.wanted.view}: {many}"
    if place is None or not total:
        return f"{queue.wanted.view}: {total:,}"
    return f"{queue.wanted.view}: {window.offset + place + 1:,} of {max(total, len(queue.order)):,}"


def foot(queue: Queue, width: int) -> list[Span]:
    """The line under the list; of what does not fit, the least is left out first."""
    new, gone = len(queue.waiting), len(queue.gone)
    parts: list[tuple[int, Span]] = [(0, Span(position(queue), "dim"))]
    if new:
        parts.append((0, Span(f"{new:,} new, n to show", "accent")))
    if gone:
        parts.append((2, Span(f"{gone:,} left" if new else f"{gone:,} left, n to clear", "dim")))
    if ranged := queue.ranged():
        parts.append((1, Span(f"range of {len(ranged):,}, v to mark", "accent")))
    if queue.marks:
        hidden = sum(queue.window.place(job) is None for job in queue.marks)
        more = f" ({hidden:,} not on this list)" if hidden else ""
        parts.append((1, Span(f"● {len(queue.marks):,} marked{more}", "accent")))
    if queue.wanted.filter:
        parts.append((3, Span(f"/ {queue.wanted.filter}", "warn")))
    if queue.wanted.sort is not None:
        parts.append((4, Span(f"by {queue.wanted.sort}", "dim")))
    while len(parts) > 1 and sum(cell_len(span.text) + 3 for _, span in parts) > width:
        parts.remove(max(parts, key=lambda part: part[0]))
    spans: list[Span] = []
    for _, span in parts:
        spans += [Span(" · ", "dim")] if spans else []
        spans.append(span)
    return spans
