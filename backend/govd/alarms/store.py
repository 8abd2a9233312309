"""The table `alarms`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection, insert, select, update

from govd.contract.system import Alarm
from govd.storage.schema import alarms
from govd.times import instant, micros

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import RowMapping


def _alarm(row: RowMapping) -> Alarm:
    return Alarm(
        id=row["id"],
        kind=row["kind"],
        subject=row["subject"],
        message=row["message"],
        mend=row["mend"],
        raised_at=instant(row["raised_at"]),
        seen_by=row["seen_by"],
    )


def standing(connection: Connection) -> list[Alarm]:
    """The alarms that nobody and nothing has cleared, oldest first."""
    query = select(alarms).where(alarms.c.cleared_at.is_(None)).order_by(alarms.c.raised_at, alarms.c.id)
    return [_alarm(row) for row in connection.execute(query).mappings()]


def find(connection: Connection, kind: str, subject: str) -> Alarm | None:
    """The standing alarm of that kind about that subject."""
    query = select(alarms).where(
        alarms.c.kind == kind, alarms.c.subject == subject, alarms.c.cleared_at.is_(None)
    )
    row = connection.execute(query).mappings().first()
    return None if row is None else _alarm(row)


def add(connection: Connection, alarm: Alarm) -> None:
    """Insert an alarm."""
    connection.execute(
        insert(alarms).values(
            id=alarm.id,
            kind=alarm.kind,
            subject=alarm.subject,
            message=alarm.message,
            mend=alarm.mend,
            raised_at=micros(alarm.raised_at),
            seen_by=None,
            seen_at=None,
            cleared_at=None,
        )
    )


def mark_seen(connection: Connection, alarm: str, operator: str, at: datetime) -> bool:
    """Write down who has seen it; False where no such alarm stands."""
    done = connection.execute(
        update(alarms)
        .where(alarms.c.id == alarm, alarms.c.cleared_at.is_(None))
        .values(seen_by=operator, seen_at=micros(at))
    )
    return done.rowcount == 1


def clear(connection: Connection, alarm: str, at: datetime) -> None:
    """It is mended."""
    connection.execute(update(alarms).where(alarms.c.id == alarm).values(cleared_at=micros(at)))
