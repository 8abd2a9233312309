"""What the header says: the backend as it last answered, and whether it still does. Imports no Textual."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from govconsole.client.amounts import age, calm_left
from govconsole.client.document import Span
from govconsole.client.standing import standing_left

if TYPE_CHECKING:
    from datetime import datetime

    from govd.contract.system import Alarm, Overview
    from govd.contract.voice import VoiceSession


@dataclass(frozen=True)
class Status:
    """The connection and the last overview."""

    overview: Overview | None = None
    connected: bool = False
    fresh_at: datetime | None = None
    lost_why: str = ""
    retries: int = 0
    voice: VoiceSession | None = None
    """Whether the operator's own voice stands, and until when."""

    def heard(self, overview: Overview, now: datetime, voice: VoiceSession | None = None) -> Status:
        """The backend answered."""
        return Status(overview=overview, connected=True, fresh_at=now, voice=voice)

    def lost(self, why: str, retries: int, now: datetime) -> Status:
        """It did not. Until a moment ago its events came: what is shown is as old as the loss, not older."""
        fresh_at = now if self.connected else self.fresh_at
        return replace(self, connected=False, fresh_at=fresh_at, lost_why=why, retries=retries)

    @property
    def alarms(self) -> list[Alarm]:
        """The alarms that nobody has seen yet."""
        return [alarm for alarm in self.overview.alarm_list if not alarm.seen_by] if self.overview else []


@dataclass(frozen=True)
class Group:
    """One thing that the header says, in full and short. `target`: the action that a click on it means."""

    full: tuple[Span, ...]
    short: tuple[Span, ...]
    target: str = ""


def _group(*spans: Span, short: tuple[Span, ...] = (), target: str = "") -> Group:
    return Group(spans, short or spans, target)


def header(status: Status, title: str, *, unlocked: float, now: datetime) -> list[Group]:
    """What the header says, the most important first.

    Args:
        status: Of the backend.
        title: Of the view.
        unlocked: For how many seconds the vote key stays unlocked; 0: it is locked.
        now: The wall clock.
    """
    name = _group(Span(f"govconsole ▸ {title}", "title"), short=(Span(title, "title"),))
    over = status.overview
    if over is None:
        return [name, _group(Span("○ connecting", "warn"))]
    groups = [name, _backend(status, over)]
    if alarms := status.alarms:
        many = f"⚠ {len(alarms)} alarm{'s' * (len(alarms) > 1)}"
        few = (Span(f"⚠ {len(alarms)}", "bad"),)
        groups.append(_group(Span(many, "bad"), short=few, target="app.alarms"))
    held = Span(f"held {over.pending}", "warn" if over.pending else "dim")
    expiry = calm_left(over.next_expiry, now) if over.next_expiry is not None else ""
    soon = [(Span(f" · {word}{expiry}"),) if expiry else () for word in ("next ", "")]
    draft = (Span(" draft waits", "warn"),) if over.draft_sha256 else ()
    digest = (over.policy_sha256 or "")[:6]
    return [
        *groups,
        _group(held, *soon[0], short=(held, *soon[1])),
        _who(over, unlocked),
        *_voice(status, now),
        _group(
            Span(f"policy {over.policy_name or '?'} {digest}", "dim"),
            *draft,
            short=(Span(f"policy {digest}", "dim"), *(Span(" +draft", "warn") for _ in draft)),
        ),
    ]


def _backend(status: Status, over: Overview) -> Group:
    if not status.connected:
        return _group(Span("○ lost", "bad"))
    word = str(over.status) if over.status != "ok" else str(over.mode or "service")
    spans = [Span(f"● {word}", "good" if over.status == "ok" else "bad")]
    if over.assurance == "advisory":
        spans.append(Span(" ADVISORY", "warn"))
    return _group(*spans)


def _who(over: Overview, unlocked: float) -> Group:
    if not unlocked:
        short = (Span(over.operator), Span(" locked", "dim"))
        return _group(Span(over.operator), Span(" key locked", "dim"), short=short)
    minutes = f" {max(1, round(unlocked / 60))} min"
    return _group(
        Span(over.operator),
        Span(f" ✓ key unlocked{minutes}", "accent"),
        short=(Span(over.operator), Span(" ✓ unlocked", "accent")),
        target="app.lock",
    )


def _voice(status: Status, now: datetime) -> list[Group]:
    """How long the operator's own voice stands; nothing where it does not."""
    left = standing_left(status.voice, now) if status.connected else ""
    return [_group(Span(f"✓ voice {left}", "accent"))] if left else []


def banner(status: Status, now: datetime, key: str = "!") -> list[Span]:
    """What stands under the header while something is wrong, if anything is. `key`: lists all alarms."""
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
            Span(f"  {key} alarms", "dim"),
        ]
    return []
