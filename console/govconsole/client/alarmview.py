"""How an alarm reads, on the screen and without one.

Must never leave out the command that mends it, or who has seen it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from govconsole.client.amounts import age
from govconsole.client.document import Document, Line, Span, blank, line

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from govd.contract.system import Alarm


def alarms_document(alarms: Sequence[Alarm], at: int, now: datetime) -> Document:
    """The alarms, with a bar beside the one under the cursor, the `at`-th."""
    if not alarms:
        return [line(Span("No alarm stands.", "title"))]
    found: Document = []
    for number, alarm in enumerate(alarms):
        bar = Span("▌ " if number == at else "  ", "accent")
        found += [*alarm_document(alarm, now, lead=bar), blank()]
    return found


def alarm_document(alarm: Alarm, now: datetime, *, lead: Span | None = None) -> Document:
    """One alarm: its kind, what it is about, what it says, and what mends it. `lead`: stands before it."""
    seen = Span(f"✓ seen by {alarm.seen_by}", "dim") if alarm.seen_by else Span("⚠ not seen", "warn")
    raised = Span(f"  {age(alarm.raised_at, now)} ago", "dim")
    return [
        line(Span(alarm.kind, "title"), "  ", seen, raised, lead=lead),
        Line((Span(alarm.subject, "dim"),), lead=lead),
        Line((Span(alarm.message),), lead=lead),
        Line((Span("mend  ", "dim"), Span(alarm.mend, "accent")), hang=6, lead=lead),
    ]
