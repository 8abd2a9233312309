"""After a restore: rotations that the log has and the database does not are made once more (threats T5, T13).

Must never take the log's word for a key: an operator has signed for each, and the old key vouches for it.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import select

from govd.attestations import keys, rotation
from govd.attestations.keys import Term
from govd.audit.rules import parse
from govd.contract import logged
from govd.contract.errors import InvalidRequestError
from govd.contract.keys import endorsed, thumbprint
from govd.contract.votes import KeyRotation, StolenKey, load_public_key, verify
from govd.identities import store as identity_store
from govd.storage.schema import audit

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sqlalchemy import Connection

    from govd.storage.ledger import Transaction


def relearn(transaction: Transaction, folder: Path, log: str) -> int:
    """Follow the log's rotations to the key that signs by it; how many were new.

    One whose key has no file in `folder` is not followed, nor what comes after it: then the key of before
    signs on, and only another rotation ends that. A key that an operator has said to be stolen counts for
    nothing, also where none follows it: then nothing is attested before it is rotated.

    Args:
        transaction: In which the log was taken in.
        folder: Where the keys are.
        log: The log's id, which an endorsement names.
    """
    files = {key.kid for key in keys.read_all(folder)}
    before = rotation.recorded(transaction.connection)
    terms = list(before)
    query = select(audit.c.line).where(audit.c.type.in_(("key.rotated", "key.stolen"))).order_by(audit.c.seq)
    for (line,) in transaction.connection.execute(query).all():
        statement = _statement(transaction.connection, line, log)
        if statement is None:
            continue
        at = datetime.fromisoformat(json.loads(line)["time"])
        if isinstance(statement, StolenKey):
            terms = _given_up(terms, statement.kid, at)
            continue
        old, new = _kid(statement.previous), _kid(statement.public_key)
        terms = terms or [Term(old)]
        if any(term.kid == new for term in terms):
            continue
        if terms[-1].kid == old and new in files:
            terms = rotation.followed(terms, new, at, stolen=statement.stolen)
        elif statement.stolen:
            terms = _given_up(terms, old, at)
    if terms != before:
        rotation.record(transaction.connection, terms)
    return max(len(terms) - max(len(before), 1), 0)


def _kid(public_key: str) -> str:
    return thumbprint(load_public_key(public_key).public_bytes_raw())


def _given_up(terms: Sequence[Term], kid: str, at: datetime) -> list[Term]:
    return [rotation.given_up(term, at) if term.kid == kid and not term.stolen else term for term in terms]


def _statement(connection: Connection, line: bytes, log: str) -> KeyRotation | StolenKey | None:
    """What an operator signed, if he did and, where a key follows another, that one vouches for it."""
    parsed = parse(line)
    if parsed is None:
        return None
    statement: KeyRotation | StolenKey
    try:
        if parsed.type == "key.stolen":
            statement, signature = logged.stolen(parsed.actor, parsed.details)
            vouched = True
        else:
            statement, signature, endorsement = logged.rotation(parsed.actor, parsed.details)
            vouched = endorsed(log, statement.public_key, statement.previous, endorsement)
    except (ValueError, InvalidRequestError):
        return None
    operator = identity_store.find(connection, "operator", statement.signed_by)
    key = None if operator is None else operator.public_key
    return statement if vouched and key is not None and verify(statement, signature, key) else None
