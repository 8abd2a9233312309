"""The table `evidence`. Its texts are read one by one: a job is shown with their heads alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, func, insert, select, update

from govd.storage.schema import evidence, intents

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import RowMapping

_HEADS: Final = (
    evidence.c.intent,
    evidence.c.kind,
    evidence.c.head,
    evidence.c.size,
    evidence.c.gathered_by,
    evidence.c.gathered_at,
)


def one(connection: Connection, intent: str, kind: str) -> RowMapping | None:
    """One piece with its text."""
    query = select(evidence).where(evidence.c.intent == intent, evidence.c.kind == kind)
    return connection.execute(query).mappings().first()


def heads(connection: Connection, intents_: Sequence[str]) -> Sequence[RowMapping]:
    """What was gathered about these intents, without the texts."""
    if not intents_:
        return ()
    query = select(*_HEADS).where(evidence.c.intent.in_(intents_)).order_by(evidence.c.kind)
    return connection.execute(query).mappings().all()


def waiting_bytes(connection: Connection, agent: str) -> int:
    """How much stands beside what this agent has waiting: heads as they are kept, and texts."""
    held = (intents.c.agent == agent) & (intents.c.state == "held")
    query = (
        select(func.sum(func.length(evidence.c.head) + evidence.c.size))
        .join_from(evidence, intents)
        .where(held)
    )
    return int(connection.execute(query).scalar() or 0)


def put(connection: Connection, values: dict[str, Any], *, again: bool) -> None:
    """Write a piece; `again` where it takes the place of one that said why there was none."""
    if not again:
        connection.execute(insert(evidence).values(**values))
        return
    place = (evidence.c.intent == values["intent"]) & (evidence.c.kind == values["kind"])
    connection.execute(update(evidence).where(place).values(**values))
