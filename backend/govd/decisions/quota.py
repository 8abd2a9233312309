"""How much of one agent may wait for a person: intents, and the bytes that they take (threats T18).

Must never be asked outside the work that would write what it lets in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from govd.contract.errors import QuotaError
from govd.contract.limits import MAX_PENDING_PER_AGENT
from govd.intents import store as intent_store

if TYPE_CHECKING:
    from sqlalchemy import Connection

_RETRY_S: Final = 60


def check(connection: Connection, agent: str, size: int, most: int) -> None:
    """Refuse what would wait for a person beside too much of the same agent (threats T18).

    Args:
        connection: The work's, so that no two submissions find the same room.
        agent: Its name.
        size: Of what would wait, sealed, in bytes.
        most: So many bytes may wait.
    """
    waiting = intent_store.waiting(connection, agent)
    if waiting.intents >= MAX_PENDING_PER_AGENT:
        raise QuotaError(
            f"{waiting.intents} intents of this agent wait for a person: at most {MAX_PENDING_PER_AGENT} may",
            retry_after=_RETRY_S,
        )
    if waiting.size + size > most:
        raise QuotaError(
            f"what of this agent waits for a person takes {waiting.size} bytes, and this adds {size}: "
            f"at most {most} may wait",
            hint="withdraw what is not needed any more, or declare less at once",
            retry_after=_RETRY_S,
        )
