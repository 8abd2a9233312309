"""Amounts, digests and durations as a person reads them. Must never turn a decimal into a float."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation, localcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

_CENT = Decimal("0.01")
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_BAR = 30


def amount(text: str, metric: str) -> str:
    """A decimal with its thousands marked; USD keep two places, or more where they are not zero."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        return text
    if metric != "usd":
        return f"{value:,}"
    with localcontext() as context:
        context.prec = 60
        cents = value.quantize(_CENT)
    return f"{cents:,} USD" if cents == value else f"{value.normalize():,f} USD"


def short(digest: str) -> str:
    """The first twelve digits of a digest, marked as cut."""
    return digest[:12] + "…"


def left(until: datetime | None, now: datetime) -> str:
    """The time left, at most eight characters: `23:59:10`, `6:05`, `over`."""
    if until is None:
        return "-"
    seconds = int((until - now).total_seconds())
    if seconds <= 0:
        return "over"
    if seconds >= 2 * _DAY:
        return f"{seconds // _DAY} d"
    hours, rest = divmod(seconds, _HOUR)
    minutes, last = divmod(rest, _MINUTE)
    return f"{hours}:{minutes:02d}:{last:02d}" if hours else f"{minutes}:{last:02d}"


def calm_left(until: datetime, now: datetime) -> str:
    """The time left with seconds only where they matter, so that a calm screen stands still: `23 h 59`."""
    minutes = int((until - now).total_seconds() // _MINUTE)
    if _HOUR <= minutes * _MINUTE < 2 * _DAY:
        return f"{minutes // 60} h {minutes % 60:02d}"
    return left(until, now)


def age(since: datetime, now: datetime) -> str:
    """How long ago, in one unit."""
    seconds = max(int((now - since).total_seconds()), 0)
    for unit, name in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if seconds >= unit:
            return f"{seconds // unit} {name}"
    return f"{seconds} s"


def gauge_bar(used: Decimal, adds: Decimal, limit: Decimal, width: int = _BAR) -> tuple[str, str, str]:
    """A bar of `width` cells up to the limit: what is used, what this adds below it, and what lies over."""
    if limit <= 0:
        return "", "", "▒" * width
    scale = Decimal(width) / limit
    full = min(int(used * scale), width)
    within = min(int((used + adds) * scale), width) - full
    over = min(max(int((used + adds - limit) * scale), 1 if used + adds > limit else 0), width // 2)
    return "▓" * full, "░" * within + "·" * (width - full - within), "▒" * over
