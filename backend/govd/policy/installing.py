"""Writing a version of the policy down as the one in force, and as what signed statements did it.

Must never take a signed statement twice: what was taken back would come back without anybody's will.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from govd.audit.model import Entry
from govd.contract.errors import ForbiddenError
from govd.policy import store
from govd.times import micros

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from govd.policy.model import CompiledPolicy
    from govd.storage.ledger import Transaction


def spend(transaction: Transaction, statement: str) -> None:
    """Note that a signed change was made, whatever has been in force since.

    Args:
        transaction: The one that makes it.
        statement: The change as JSON, as its model writes it: so a signature that is only written otherwise
            is the same one.

    Raises:
        ForbiddenError: it was made before.
    """
    digest = hashlib.sha256(statement.encode()).hexdigest()
    if not store.spend(transaction.connection, digest, micros(transaction.now)):
        raise ForbiddenError("this very signature has put it in force before: sign again")


def row_of(policy: CompiledPolicy, state: str, transaction: Transaction) -> dict[str, Any]:
    """A version as its row has it, in that state, found now."""
    return {
        "sha256": policy.sha256,
        "name": policy.name,
        "source": policy.source,
        "state": state,
        "found_at": micros(transaction.now),
    }


def install(
    transaction: Transaction,
    policy: CompiledPolicy,
    previous: CompiledPolicy | None,
    *,
    by: str,
    how: str,
    extra: dict[str, Any] | None = None,
    reason_commitment: str | None = None,
) -> None:
    """Write a version down as the one in force."""
    connection: Connection = transaction.connection
    store.retire(connection)
    store.drop(connection, store.DRAFT)
    values = {
        **row_of(policy, store.IN_FORCE, transaction),
        "applied_at": micros(transaction.now),
        "applied_by": by,
    }
    store.put(connection, {**values, **(extra or {})})
    transaction.record(
        Entry(
            type="policy.applied",
            actor="govd" if by == "disk" else f"operator:{by}",
            policy_sha256=policy.sha256,
            details={
                "how": how,
                "previous_sha256": None if previous is None else previous.sha256,
                "reason_commitment": reason_commitment,
            },
        )
    )
