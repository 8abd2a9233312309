"""Reading an intent for those who may: its agent, and the executors that serve that agent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from govd.contract.errors import NotFoundError
from govd.intents import store as intent_store
from govd.intents.content import IntentAnswer, open_content
from govd.jobs import books, store

if TYPE_CHECKING:
    from sqlalchemy import Connection, RowMapping

    from govd.identities.model import Identity
    from govd.sealing import StateKey


def intent_row(connection: Connection, intent: str, asker: Identity) -> RowMapping:
    """The row of an intent.

    Raises:
        NotFoundError: there is none, or the asker has no part in it: the answer is the same.
    """
    row = intent_store.by_id(connection, intent)
    if row is None or not (
        row["agent"] == asker.name if asker.kind == "agent" else asker.serves(row["agent"])
    ):
        raise NotFoundError("there is no such intent")
    return row


def intent_answer(connection: Connection, state_key: StateKey, intent: str, asker: Identity) -> IntentAnswer:
    """An intent as its agent, or an executor of that agent, sees it."""
    row = intent_row(connection, intent, asker)
    job = store.by_id(connection, row["job"])
    if job is None:
        raise NotFoundError("there is no such intent")
    content = open_content(row, books.job_key(state_key, job))
    return IntentAnswer(row, content, intent_store.held_until(connection, row["hold"]))
