"""The agents' side: jobs opened, delivered and withdrawn, and the door to submissions.

Must never answer before what it answers is durable, nor decide while govd is halted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from govd.contract.actions import Admin
from govd.contract.errors import ForbiddenError, InvalidRequestError, JobClosedError, NotFoundError
from govd.contract.intents import IntentState, IntentView, Submission
from govd.contract.jobs import JobState, JobSubmission, JobView
from govd.decisions import reading
from govd.decisions.submitting import Submissions, origin_of
from govd.intents import store as intent_store
from govd.intents.content import open_content, view
from govd.intents.rules import TERMINAL
from govd.jobs import books, store
from govd.times import instant, maybe_instant

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection

    from govd.contract.decisions import Finding
    from govd.decisions.submitting import VoiceFactsOf
    from govd.identities.model import Identity
    from govd.identities.service import Directory
    from govd.intents.content import IntentAnswer
    from govd.policy.service import Policies
    from govd.sealing import StateKey
    from govd.storage.ledger import Transaction

OWN_OPERATIONS: Final = "voice."
"""What `admin` operations of ours begin with: their arguments are true because we wrote them."""

WITHDRAW: Final = "withdraw what still waits, intent by intent: POST /v1/intents/{id}/cancel"


class Decisions:
    """The agents' side: jobs opened, intents decided."""

    def __init__(
        self,
        state_key: StateKey,
        policies: Policies,
        directory: Directory,
        own_findings: Callable[[], Sequence[Finding]],
        voice: VoiceFactsOf,
        held_bytes: Callable[[], int],
    ) -> None:
        self._state_key = state_key
        self._directory = directory
        self._submissions = Submissions(state_key, policies, directory, own_findings, voice, held_bytes)

    # -- jobs ----------------------------------------------------------------------------------------

    def open_job(self, agent: Identity, body: JobSubmission) -> Callable[[Transaction], JobView]:
        """The work that opens a job of its own. A child inherits its parent's origin."""
        origin = origin_of(agent, body.origin)

        def work(transaction: Transaction) -> JobView:
            inherited = origin
            if body.parent is not None:
                inherited = books.job_row(transaction, body.parent, agent.name)["origin"]
                if body.origin not in {None, inherited}:
                    raise ForbiddenError(
                        f"the parent's origin is {inherited}: it is its children's", pointer="/origin"
                    )
            new = books.NewJob(
                agent=agent.name,
                title=body.title,
                purpose=body.purpose,
                origin=inherited,
                parent=body.parent,
                implicit=False,
                assurance=self._directory.assurance(agent.name)[0],
            )
            job_id, _ = books.open_job(transaction, self._state_key, new)
            return self.job_view(transaction.connection, job_id, agent.name)

        return work

    def deliver(self, agent: Identity, job: str) -> Callable[[Transaction], JobView]:
        """The work by which an agent says that a job is done."""

        def work(transaction: Transaction) -> JobView:
            row = books.job_row(transaction, job, agent.name)
            rows = intent_store.of_job(transaction.connection, job)
            if any(IntentState(item["state"]) not in TERMINAL for item in rows):
                raise JobClosedError("the job cannot be delivered: some of its intents are not settled yet")
            books.move_job(transaction, row, JobState.DELIVERED, f"agent:{agent.name}")
            return self.job_view(transaction.connection, job, agent.name)

        return work

    def cancel_job(self, agent: Identity, job: str) -> Callable[[Transaction], JobView]:
        """The work by which an agent withdraws a job.

        Raises (from the work):
            ConflictError: something of it was redeemed, and what became of that is not known yet.
        """

        def work(transaction: Transaction) -> JobView:
            row = books.job_row(transaction, job, agent.name)
            if JobState(row["state"]) is not JobState.CANCELLED:
                books.nothing_runs(transaction, job, "it cannot be withdrawn", hint=WITHDRAW)
                books.end_job(
                    transaction,
                    row,
                    JobState.CANCELLED,
                    f"agent:{agent.name}",
                    code="withdrawn",
                    waiting=IntentState.CANCELLED,
                )
            return self.job_view(transaction.connection, job, agent.name)

        return work

    def cancel_intent(self, agent: Identity, intent: str) -> Callable[[Transaction], IntentView]:
        """The work by which an agent withdraws one intent."""

        def work(transaction: Transaction) -> IntentView:
            row = reading.intent_row(transaction.connection, intent, agent)
            books.move_intent(
                transaction, row, IntentState.CANCELLED, f"agent:{agent.name}", code="withdrawn"
            )
            books.settle_empty_holds(transaction, row["job"])
            books.follow(transaction, row["job"], f"agent:{agent.name}")
            return self.intent_view(transaction.connection, intent, agent)

        return work

    def job_view(self, connection: Connection, job: str, agent: str) -> JobView:
        """A job as its agent sees it."""
        row = store.by_id(connection, job)
        if row is None or row["agent"] != agent:
            raise NotFoundError("there is no such job")
        key = books.job_key(self._state_key, row)
        live = store.live_holds(connection, job)
        return JobView(
            id=job,
            agent=agent,
            state=JobState(row["state"]),
            title=key.open(row["sealed"], f"job:{job}")["title"],
            opened_at=instant(row["opened_at"]),
            held_until=maybe_instant(live[0]["expires_at"] if live else None),
            parent=row["parent"],
            intents=[
                view(item, open_content(item, key), intent_store.held_until(connection, item["hold"]))
                for item in intent_store.of_job(connection, job)
            ],
        )

    # -- intents -------------------------------------------------------------------------------------

    def submit(self, agent: Identity, submission: Submission) -> Callable[[Transaction], IntentAnswer]:
        """The work that decides an intent.

        Raises (from the work):
            IdempotencyConflictError: the key came with another body before.
            NotFoundError, JobClosedError: the job is not this agent's, or takes no more.
            QuotaError: this agent has too much waiting already.

        Raises:
            InvalidRequestError: it is about voices, which have a door of their own.
        """
        action = submission.action
        if isinstance(action, Admin) and action.operation.strip().lower().startswith(OWN_OPERATIONS):
            raise InvalidRequestError(
                "voices are enrolled with POST /enroll and deleted with DELETE /speakers/{name}",
                hint="govgate voice enroll FILE --name NAME",
                pointer="/action/operation",
            )
        return self._submissions.submit(agent, submission)

    def submit_own(
        self, agent: Identity, submission: Submission, extra: tuple[Finding, ...]
    ) -> Callable[[Transaction], IntentView]:
        """The same for an intent that a room of ours declares for an agent, with findings of its own."""
        work = self._submissions.submit(agent, submission, extra)
        return lambda transaction: work(transaction).view()

    def intent_view(self, connection: Connection, intent: str, asker: Identity) -> IntentView:
        """An intent as its agent, or an executor of that agent, sees it."""
        return reading.intent_answer(connection, self._state_key, intent, asker).view()
