"""After a decision: an operator takes back what has not been redeemed, or says what became of what has.

Must never take the token of an operator for his word: both are signed statements, like votes (threats T12).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from govd.contract.errors import ConflictError, JobClosedError, NotFoundError, ReviewStaleError
from govd.contract.intents import IntentDetail, IntentState
from govd.contract.jobs import JobState
from govd.contract.votes import action_commitment
from govd.intents import store as intent_store
from govd.intents.content import detail, open_content
from govd.jobs import books
from govd.reviews import rules
from govd.reviews.recording import keep_statement

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection, RowMapping

    from govd.contract.afterwards import ResolutionSubmission, RevocationSubmission
    from govd.identities.service import Directory
    from govd.sealing import StateKey
    from govd.storage.ledger import Transaction


class Afterwards:
    """What is left to say about a job once it was decided."""

    def __init__(
        self,
        state_key: StateKey,
        directory: Directory,
        on_resolved: Callable[[Transaction, RowMapping], None],
    ) -> None:
        self._state_key = state_key
        self._directory = directory
        self._on_resolved = on_resolved

    def intent(self, connection: Connection, intent: str) -> IntentDetail:
        """One intent as an operator sees it: what a resolution is about.

        Raises:
            NotFoundError: there is none.
        """
        row = _row(connection, intent)
        job = books.job_of(connection, row["job"])
        held_until = intent_store.held_until(connection, row["hold"])
        return detail(row, open_content(row, books.job_key(self._state_key, job)), held_until)

    def revoke(self, operator: str, job: str, body: RevocationSubmission) -> Callable[[Transaction], None]:
        """The work that takes back everything of a job that has not been redeemed.

        Raises (from the work):
            ForbiddenError: the statement is not this operator's.
            ReviewStaleError: it is about another job.
            ConflictError: the job is one intent, and that was redeemed: nothing is left to take back.
            JobClosedError: the job has ended.
        """

        def work(transaction: Transaction) -> None:
            row = books.job_row(transaction, job)
            self._check(transaction, operator, body)
            if body.statement.job != job:
                raise ReviewStaleError("the statement is about another job: nothing was taken back")
            if row["state"] == JobState.REVOKED.value:
                raise JobClosedError("the job is revoked already")
            if row["implicit"]:
                books.nothing_runs(transaction, job, "there is nothing left to take back")
            keep_statement(transaction, self._state_key, row, body, "job.revocation_signed")
            books.end_job(
                transaction,
                row,
                JobState.REVOKED,
                f"operator:{operator}",
                code="revoked",
                waiting=IntentState.REVOKED,
            )

        return work

    def resolve(
        self, operator: str, intent: str, body: ResolutionSubmission
    ) -> Callable[[Transaction], IntentDetail]:
        """The work by which a person says what became of an outcome that nobody knows.

        Raises (from the work):
            ForbiddenError: the statement is not this operator's, or not from now.
            ReviewStaleError: it is about another action.
            ConflictError: the outcome is known.
        """

        def work(transaction: Transaction) -> IntentDetail:
            row = _row(transaction.connection, intent)
            job = books.job_row(transaction, row["job"])
            key = books.job_key(self._state_key, job)
            self._check(transaction, operator, body)
            statement, digest = body.statement, open_content(row, key).declared.intent_sha256
            if (statement.job, statement.action) != (job["id"], action_commitment(body.salt, intent, digest)):
                raise ReviewStaleError("the statement is about another action: nothing was resolved")
            if row["state"] != IntentState.UNKNOWN.value:
                raise ConflictError(
                    f"the intent is {row['state']}: only an unknown outcome is resolved by hand"
                )
            actor = f"operator:{operator}"
            keep_statement(transaction, self._state_key, job, body, "intent.resolution_signed", intent)
            books.move_intent(transaction, row, IntentState(statement.status), actor, code="resolved")
            self._on_resolved(transaction, row)
            books.follow(transaction, row["job"], actor)
            fresh: Any = intent_store.by_id(transaction.connection, intent)
            return detail(fresh, open_content(fresh, key), None)

        return work

    def _check(
        self, transaction: Transaction, operator: str, body: RevocationSubmission | ResolutionSubmission
    ) -> None:
        key = self._directory.public_keys().get(operator)
        rules.check_statement(body, operator, key, transaction.signing)


def _row(connection: Connection, intent: str) -> RowMapping:
    row = intent_store.by_id(connection, intent)
    if row is None:
        raise NotFoundError("there is no such intent")
    return row
