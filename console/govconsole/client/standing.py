"""How long a verified voice still stands, as the header says it. Must never load the contract's models."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from govd.contract.voice import VoiceSession

_MINUTE, _HOUR = 60, 3600


def short_left(until: datetime, now: datetime) -> str:
    """What is left of hours, calm: `1:42`, below an hour `42 min`; nothing: it is over."""
    seconds = int((until - now).total_seconds())
    if seconds <= 0:
        return ""
    if seconds >= _HOUR:
        return f"{seconds // _HOUR}:{seconds % _HOUR // _MINUTE:02d}"
    return f"{seconds // _MINUTE} min" if seconds >= _MINUTE else "<1 min"


def seconds_left(until: datetime, now: datetime) -> str:
    """What is left of minutes, to the second: `2:41`; nothing: it is over."""
    seconds = int((until - now).total_seconds())
    return f"{seconds // _MINUTE}:{seconds % _MINUTE:02d}" if seconds > 0 else ""


def standing_left(session: VoiceSession | None, now: datetime) -> str:
    """What is left of the operator's own session; nothing: none stands."""
    if session is None or session.state != "verified" or session.expires_at is None:
        return ""
    return short_left(session.expires_at, now)
