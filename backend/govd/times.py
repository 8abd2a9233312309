"""Instants as the database holds them: microseconds since the epoch, UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def micros(moment: datetime) -> int:
    """Whole microseconds since the epoch, without going through a float."""
    return (moment - _EPOCH) // _MICROSECOND


def instant(value: int) -> datetime:
    """The moment of so many microseconds since the epoch."""
    return _EPOCH + timedelta(microseconds=value)


def maybe_instant(value: int | None) -> datetime | None:
    """The same for a column that may be null."""
    return None if value is None else instant(value)
