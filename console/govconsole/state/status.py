"""What the header says: the backend as it last answered, and whether it still does. Imports no Textual."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from govconsole.client.amounts import age, left
from govconsole.client.document import Span

if TYPE_CHECKING:
    from datetime import datetime

    from govd.contract.system import Alarm, Overview


@dataclass(frozen=True)
class Status:
    """The connection and the last overview."""

    overview: Overview | None = None
    connected: bool = False
    fresh_at: datetime | None = None
    lost_why: str = ""
    retries: int = 0

    def heard(self, overview: Overview, now: datetime) -> Status:
        """The backend answered."""
        return Status(overview=overview, connected=True, fresh_at=now)

    def lost(self, why: str, retries: int, now: datetime) -> Status:
        """It did not. Until a moment ago its events came: what is shown is as old as the loss, not older."""
        fresh_at = now if self.connected else self.fresh_at
        return replace(self, connected=False, fresh_at=fresh_at, lost_why=why, retries=retries)

    @property
    def alarms(self) -> list[Alarm]:
        """The alarms that nobody has seen yet."""
        return [alarm for alarm in self.overview.alarm_list if not alarm.seen_by] if self.overview else []


def header(status: Status, *, unlocked: bool, now: datetime) -> list[list[Span]]:
    """The header in groups, the most important first; a narrow screen takes two rows for them."""
    over = status.overview
    if over is None:
        return [[Span("govconsole", "title")], [Span("○ connecting", "warn")]]
    word = str(over.status) if over.status != "ok" else str(over.mode or "service")
    mode = Span(f"● {word}", "good" if over.status == "ok" else "bad")
    backend = [mode if status.connected else Span("○ lost", "bad")]
    if over.assurance == "advisory":
        backend.append(Span(" ADVISORY", "warn"))
    held = [Span(f"held {over.pending}", "warn" if over.pending else "dim")]
    if over.next_expiry is not None:
        held.append(Span(f" · next {left(over.next_expiry, now)}"))
    policy = f"policy {over.policy_name or '?'} {(over.policy_sha256 or '')[:6]}"
    draft = [Span(" draft waits", "warn")] if over.draft_sha256 else []
    key = Span(" key unlocked", "accent") if unlocked else Span(" key locked", "dim")
    return [
        [Span("govconsole ▸ Queue", "title")],
        backend,
        held,
        [Span(over.operator), key],
        [Span(policy, "dim"), *draft],
    ]


def banner(status: Status, now: datetime) -> list[Span]:
    """What stands under the header while something is wrong: empty when nothing is."""
    if not status.connected and status.fresh_at is not None:
        seen = age(status.fresh_at, now)
        return [
            Span("⚠ backend lost  ", "bad"),
            Span(f"what you see is {seen} old, verbs are refused · try {status.retries} · {status.lost_why}"),
        ]
    if not status.connected and status.retries:
        return [Span("⚠ no backend  ", "bad"), Span(f"{status.lost_why} · try {status.retries}")]
    if status.overview is not None and status.overview.halted:
        return [Span("⚠ govd has stopped deciding  ", "bad"), Span(status.overview.halted)]
    if alarms := status.alarms:
        first = alarms[0]
        more = f" (+{len(alarms) - 1} more)" if len(alarms) > 1 else ""
        return [
            Span(f"⚠ {first.kind}{more}  ", "bad"),
            Span(first.message),
            Span(f"  mend: {first.mend}", "accent"),
            Span("  x: seen", "dim"),
        ]
    return []
