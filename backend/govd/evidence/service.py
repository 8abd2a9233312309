"""Takes evidence in and hands it out.

Must never take it from anybody but an executor of that agent, about anything but what was declared, nor
after somebody may have decided by it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from govd.audit.model import Entry
from govd.contract.actions import ProcessExec
from govd.contract.canonical import commitment
from govd.contract.errors import ConflictError, InvalidRequestError, NotFoundError, QuotaError
from govd.contract.intents import IntentState
from govd.contract.limits import MAX_EVIDENCE_PER_AGENT
from govd.evidence import content, store
from govd.intents import store as intent_store
from govd.intents.content import open_content
from govd.jobs import books
from govd.jobs import store as job_store
from govd.times import micros

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection, RowMapping

    from govd.contract.evidence import Evidence, EvidenceHead, EvidenceSubmission
    from govd.identities.model import Identity
    from govd.sealing import JobKey, StateKey
    from govd.storage.ledger import Transaction

_SALT_BYTES: Final = 16
_QUOTA_RETRY_S: Final = 60


class EvidenceBox:
    """What executors gathered."""

    def __init__(self, state_key: StateKey) -> None:
        self._state_key = state_key

    def put(
        self, executor: Identity, intent: str, body: EvidenceSubmission
    ) -> Callable[[Transaction], EvidenceHead]:
        """The work that takes evidence in.

        Raises (from the work):
            NotFoundError: no such intent of an agent that this executor serves.
            ConflictError: it is not held any more, or has such evidence already.
            InvalidRequestError: it is about another push than the one that was declared.
            QuotaError: too much stands beside what this agent has waiting.
        """

        def work(transaction: Transaction) -> EvidenceHead:
            connection = transaction.connection
            row = intent_store.by_id(connection, intent)
            if row is None or not executor.serves(row["agent"]):
                raise NotFoundError("there is no such intent of an agent that this executor serves")
            if row["state"] != IntentState.HELD.value:
                raise ConflictError(f"the intent is {row['state']}: evidence is taken while it is held")
            key = self._key(connection, row)
            self._check(row, key, body)
            found = store.one(connection, intent, body.kind)
            # Only what said that it could not be gathered gives way.
            if found is not None and (found["size"] or body.missing):
                raise ConflictError("such evidence of this intent is here already: it is taken once")
            self._write(transaction, row, executor, body, key, again=found is not None)
            return content.heads(connection, [intent], key)[intent][0]

        return work

    @staticmethod
    def _check(row: RowMapping, key: JobKey, body: EvidenceSubmission) -> None:
        action = open_content(row, key).declared.action
        if not isinstance(action, ProcessExec) or action.git != body.push:
            raise InvalidRequestError("this is not the push that the intent declares", pointer="/push")

    @staticmethod
    def _write(
        transaction: Transaction,
        row: RowMapping,
        executor: Identity,
        body: EvidenceSubmission,
        key: JobKey,
        *,
        again: bool,
    ) -> None:
        salt, text = os.urandom(_SALT_BYTES), body.text.encode()
        values = {
            "intent": row["id"],
            "kind": body.kind,
            "size": len(text),
            "gathered_by": executor.name,
            "gathered_at": micros(transaction.now),
        }
        sealed = content.seal(values, body, salt.hex(), key)
        # The head counts too: names of files and words of commits are as long as their author likes.
        waiting = store.waiting_bytes(transaction.connection, row["agent"])
        if waiting + len(sealed["head"]) + len(text) > MAX_EVIDENCE_PER_AGENT:
            raise QuotaError(
                f"more than {MAX_EVIDENCE_PER_AGENT} bytes of evidence would wait for one agent",
                retry_after=_QUOTA_RETRY_S,
            )
        store.put(transaction.connection, sealed, again=again)
        transaction.record(
            Entry(
                type="intent.evidence",
                actor=f"executor:{executor.name}",
                agent=row["agent"],
                job_id=row["job"],
                intent_id=row["id"],
                payload_commitment=commitment(salt, text),
                details={
                    "kind": body.kind,
                    "bytes": len(text),
                    "truncated": body.truncated,
                    "gathered": not body.missing,
                },
            )
        )

    def show(self, connection: Connection, intent: str, kind: str) -> Evidence:
        """One piece with its text.

        Raises:
            NotFoundError: there is none of that kind.
        """
        row, found = intent_store.by_id(connection, intent), store.one(connection, intent, kind)
        if row is None or found is None:
            raise NotFoundError("there is no such evidence")
        return content.whole(found, self._key(connection, row))

    def _key(self, connection: Connection, row: RowMapping) -> JobKey:
        job = job_store.by_id(connection, row["job"])
        if job is None:
            raise NotFoundError("there is no such intent")
        return books.job_key(self._state_key, job)
