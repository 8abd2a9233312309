"""After a restore: rotations that the log has and the database does not are made once more (threats T5, T13).

Must never take the log's word for a key: an operator has signed for each, and the old key vouches for it.
"""

from __future__ import annotations

import base64
import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from govd.attestations import keys, rotation
from govd.attestations.keys import Term
from govd.contract.errors import InvalidRequestError
from govd.contract.keys import endorsed
from govd.contract.votes import KeyRotation, verify
from govd.identities import store as identity_store
from govd.storage.schema import audit

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

    from govd.storage.ledger import Transaction


def relearn(transaction: Transaction, folder: Path, log: str) -> int:
    """Follow the log's rotations to the key that signs by it; how many were new.

    One whose key has no file in `folder` is not followed, nor what comes after it: then the key of before
    signs on, and only another rotation ends that.

    Args:
        transaction: In which the log was taken in.
        folder: Where the keys are.
        log: The log's id, which an endorsement names.
    """
    files = {key.public: key.kid for key in keys.read_all(folder)}
    terms, count = rotation.recorded(transaction.connection), 0
    query = select(audit.c.line).where(audit.c.type == "key.rotated").order_by(audit.c.seq)
    for (line,) in transaction.connection.execute(query).all():
        entry = json.loads(line)
        statement = _statement(transaction.connection, entry, log)
        if statement is None or any(term.kid == files.get(statement.public_key) for term in terms):
            continue
        old, new = files.get(statement.previous), files.get(statement.public_key)
        terms = terms or [Term(old or "")]
        if new is None or terms[-1].kid != old:
            break
        at = datetime.fromisoformat(entry["time"])
        terms, count = rotation.followed(terms, new, at, stolen=statement.stolen), count + 1
    if count:
        rotation.record(transaction.connection, terms)
    return count


def _statement(connection: Connection, entry: dict[str, Any], log: str) -> KeyRotation | None:
    """What an operator signed, if he did and the previous key vouches for the next."""
    details, name = entry["details"], str(entry["actor"]).removeprefix("operator:")
    operator = identity_store.find(connection, "operator", name)
    try:
        statement = KeyRotation(
            public_key=_text(details["public_key"]),
            previous=_text(details["previous"]["public_key"]),
            stolen=details["stolen"],
            signed_by=name,
            signed_at=details["signed_at"],
        )
        endorsement, signature = bytes.fromhex(details["endorsement"]), _text(details["signature"])
        vouched = endorsed(log, statement.public_key, statement.previous, endorsement)
    except (KeyError, TypeError, ValueError, InvalidRequestError):
        return None
    key = None if operator is None else operator.public_key
    return statement if vouched and key is not None and verify(statement, signature, key) else None


def _text(hexadecimal: str) -> str:
    return base64.b64encode(bytes.fromhex(hexadecimal)).decode()
