"""Who failed how often: a delay that doubles, then a lock that an operator opens. Never of a speaker.

Must never let a party try while it has to wait, nor make one party's misses another's.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, delete, insert, select, update

from govd.contract.errors import ForbiddenError, QuotaError
from govd.contract.voice import LockView
from govd.storage.schema import voice_locks
from govd.times import instant, maybe_instant, micros
from govd.voice import sessions
from govd.voice.model import Party
from govd.voice.rules import (
    DAILY_MISSES,
    DELAYED_FOR,
    FREE_FAILURES,
    FREE_FOR,
    Lock,
    after_miss,
    over,
)

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import ColumnElement, RowMapping

    from govd.storage.ledger import Transaction

ALL_CHATS: Final = "*"
"""How the count of an agent's day is written where a chat stands; no chat has that name."""


def _place(party: Party) -> ColumnElement[bool]:
    return (
        (voice_locks.c.agent == party.agent)
        & (voice_locks.c.chat == party.chat)
        & (voice_locks.c.operator == party.operator)
    )


def standing(connection: Connection, party: Party, now: datetime) -> Lock:
    """What stands against a party."""
    row = connection.execute(select(voice_locks).where(_place(party))).mappings().first()
    if row is None or _ended(row, now):
        return Lock()
    return Lock(row["failures"], maybe_instant(row["until"]), bool(row["locked"]))


def _ended(row: RowMapping, now: datetime) -> bool:
    """Whether a count is over by itself."""
    if row["locked"]:
        return False
    if row["chat"] == ALL_CHATS:
        return instant(row["until"]) <= now
    return over(row["failures"], instant(row["changed_at"]), now)


def check(connection: Connection, party: Party, now: datetime, owner: str | None = None) -> None:
    """Refuse a party that has to wait.

    Args:
        connection: Where the counts are.
        party: Who wants to try.
        now: The governed time.
        owner: Who has admin scope: in a chat in which he was verified an agent may still try when it has
            used its day up; with nobody so named, in any chat in which somebody was.

    Raises:
        QuotaError: not before `retry_after`.
        ForbiddenError: it is locked.
    """
    lock = standing(connection, party, now)
    if lock.locked:
        raise ForbiddenError(
            f"{lock.failures} clips in a row matched nobody: locked until an operator unlocks it",
            hint=f"govd voice unlock {party.agent} {party.chat or '-'}",
        )
    if lock.until is not None and now < lock.until:
        raise _wait(f"{lock.failures} clips in a row matched nobody: wait before the next", lock.until, now)
    if not party.agent:
        return
    day = standing(connection, Party(agent=party.agent, chat=ALL_CHATS), now)
    used_up = day.until is not None and day.failures >= DAILY_MISSES
    if day.until is not None and used_up and not sessions.had(connection, party, owner):
        why = f"{day.failures} clips of this agent matched nobody within a day: no further chat is tried"
        raise _wait(why, day.until, now, hint=f"an operator clears it: govd voice unlock {party.agent} --all")


def _wait(why: str, until: datetime, now: datetime, hint: str | None = None) -> QuotaError:
    return QuotaError(why, hint=hint, retry_after=max(1, math.ceil((until - now).total_seconds())))


def miss(transaction: Transaction, party: Party) -> Lock:
    """One more miss; what stands now."""
    connection, now = transaction.connection, transaction.now
    lock = after_miss(standing(connection, party, now), now, lockable=bool(party.agent))
    _put(transaction, party, lock)
    if party.agent:
        whole = Party(agent=party.agent, chat=ALL_CHATS)
        day = standing(connection, whole, now)
        _put(transaction, whole, Lock(day.failures + 1, day.until or now + FREE_FOR))
    return lock


def _put(transaction: Transaction, party: Party, lock: Lock) -> None:
    connection = transaction.connection
    values: dict[str, Any] = {
        "failures": lock.failures,
        "until": None if lock.until is None else micros(lock.until),
        "locked": int(lock.locked),
        "changed_at": micros(transaction.now),
    }
    if connection.execute(update(voice_locks).where(_place(party)).values(**values)).rowcount == 0:
        connection.execute(
            insert(voice_locks).values(agent=party.agent, chat=party.chat, operator=party.operator, **values)
        )


def clear(connection: Connection, party: Party) -> bool:
    """Forget a party's misses; False where it had none."""
    return connection.execute(delete(voice_locks).where(_place(party))).rowcount == 1


def clear_of(connection: Connection, **whose: str) -> None:
    """Forget every miss of an agent or an operator."""
    connection.execute(delete(voice_locks).where(*(voice_locks.c[k] == v for k, v in whose.items())))


def listed(connection: Connection, now: datetime, most: int = 500) -> list[LockView]:
    """What keeps agents' chats from trying, or costs them a delay: the latest first, at most so many."""
    query = (
        select(voice_locks)
        .where(
            voice_locks.c.agent != "",
            (voice_locks.c.locked == 1)
            | ((voice_locks.c.chat != ALL_CHATS) & voice_locks.c.until.is_not(None))
            | (voice_locks.c.failures >= DAILY_MISSES),
            ~_over(now),
        )
        .order_by(voice_locks.c.locked.desc(), voice_locks.c.changed_at.desc())
        .limit(most)
    )
    return [_view(row) for row in connection.execute(query).mappings()]


def of_agent(connection: Connection, agent: str, most: int = 500) -> list[LockView]:
    """Every count of an agent, also those that cost nothing yet."""
    query = select(voice_locks).where(voice_locks.c.agent == agent).limit(most)
    return [_view(row) for row in connection.execute(query).mappings()]


def _view(row: RowMapping) -> LockView:
    return LockView(
        agent=row["agent"],
        chat=row["chat"],
        failures=row["failures"],
        until=maybe_instant(row["until"]),
        locked=bool(row["locked"]),
    )


def _over(now: datetime) -> ColumnElement[bool]:
    """The counts that have ended by themselves; see `_ended`."""
    table = voice_locks.c
    free, delayed = micros(now - FREE_FOR), micros(now - DELAYED_FOR)
    chat = (table.failures < FREE_FAILURES) & (table.changed_at <= free) | (table.changed_at <= delayed)
    day = (table.chat == ALL_CHATS) & (table.until <= micros(now))
    return (table.locked == 0) & (day | (table.chat != ALL_CHATS) & chat)


def ended(connection: Connection, now: datetime) -> bool:
    """Whether any count has ended by itself."""
    return connection.execute(select(voice_locks.c.agent).where(_over(now)).limit(1)).first() is not None


def forget_ended(transaction: Transaction) -> None:
    """Let them go."""
    transaction.connection.execute(delete(voice_locks).where(_over(transaction.now)))
