"""Who failed how often: a delay that doubles, then a lock that an operator opens. Never of a speaker.

Must never let a party try while it has to wait, nor make one party's misses another's.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, delete, func, insert, select, update

from govd.contract.errors import ForbiddenError, QuotaError
from govd.contract.voice import LockView
from govd.storage.schema import voice_locks
from govd.times import instant, maybe_instant, micros
from govd.voice import sessions
from govd.voice.rules import Lock, after_miss

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import ColumnElement

    from govd.storage.ledger import Transaction
    from govd.voice.model import Party

MOST_FAILING_CHATS: Final = 64
"""Chats of one agent with misses that stand. It names its chats itself: a fresh name for each clip would
otherwise be a fresh count for each clip. A chat that was verified before is not counted."""

_RETRY_S: Final = 3600


def _place(party: Party) -> ColumnElement[bool]:
    return (
        (voice_locks.c.agent == party.agent)
        & (voice_locks.c.chat == party.chat)
        & (voice_locks.c.operator == party.operator)
    )


def standing(connection: Connection, party: Party) -> Lock:
    """What stands against a party."""
    row = connection.execute(select(voice_locks).where(_place(party))).mappings().first()
    if row is None:
        return Lock()
    return Lock(row["failures"], maybe_instant(row["until"]), bool(row["locked"]))


def check(connection: Connection, party: Party, now: datetime) -> None:
    """Refuse a party that has to wait.

    Raises:
        QuotaError: not before `retry_after`.
        ForbiddenError: it is locked.
    """
    lock = standing(connection, party)
    if lock.locked:
        raise ForbiddenError(
            f"{lock.failures} clips in a row matched nobody: locked until an operator unlocks it",
            hint=f"govd voice unlock {party.agent} {party.chat or '-'}",
        )
    if lock.until is not None and now < lock.until:
        raise QuotaError(
            f"{lock.failures} clips in a row matched nobody: wait before the next",
            retry_after=max(1, math.ceil((lock.until - now).total_seconds())),
        )
    fresh = party.agent and lock.failures == 0 and not sessions.had(connection, party)
    if fresh and _failing_chats(connection, party.agent) >= MOST_FAILING_CHATS:
        raise QuotaError(
            f"clips of {MOST_FAILING_CHATS} chats of this agent matched nobody: no further chat is tried",
            hint="an operator unlocks them: govd voice unlock AGENT CHAT",
            retry_after=_RETRY_S,
        )


def _failing_chats(connection: Connection, agent: str) -> int:
    query = select(func.count()).select_from(voice_locks).where(voice_locks.c.agent == agent)
    return int(connection.execute(query).scalar_one())


def miss(transaction: Transaction, party: Party) -> Lock:
    """One more miss; what stands now."""
    connection = transaction.connection
    lock = after_miss(standing(connection, party), transaction.now, lockable=bool(party.agent))
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
    return lock


def clear(connection: Connection, party: Party) -> bool:
    """Forget a party's misses; False where it had none."""
    return connection.execute(delete(voice_locks).where(_place(party))).rowcount == 1


def clear_of(connection: Connection, **whose: str) -> None:
    """Forget every miss of an agent or an operator."""
    connection.execute(delete(voice_locks).where(*(voice_locks.c[k] == v for k, v in whose.items())))


def listed(connection: Connection, most: int = 500) -> list[LockView]:
    """The agents' chats that have to wait or are locked, the latest first, at most so many."""
    query = (
        select(voice_locks)
        .where(
            voice_locks.c.agent != "",
            (voice_locks.c.locked == 1) | voice_locks.c.until.is_not(None),
        )
        .order_by(voice_locks.c.locked.desc(), voice_locks.c.changed_at.desc())
        .limit(most)
    )
    return [
        LockView(
            agent=row["agent"],
            chat=row["chat"],
            failures=row["failures"],
            until=None if row["until"] is None else instant(row["until"]),
            locked=bool(row["locked"]),
        )
        for row in connection.execute(query).mappings()
    ]
