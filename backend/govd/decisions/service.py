"""Submitting: decide an intent, and write decision, reservation and log entry in one transaction.

Must never answer before what it answers is durable, nor decide while govd is halted.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from govd.audit.model import Entry, Known
from govd.contract.canonical import canonical_bytes, commitment
from govd.contract.decisions import DecisionView, Finding, Outcome
from govd.contract.errors import (
    ForbiddenError,
    IdempotencyConflictError,
    InvalidRequestError,
    JobClosedError,
    NotFoundError,
    QuotaError,
)
from govd.contract.intents import IntentState, IntentView, Submission, intent_sha256
from govd.contract.jobs import JobState, JobSubmission, JobView
from govd.contract.limits import MAX_INTENTS_PER_JOB, MAX_PENDING_PER_AGENT
from govd.contract.money import units
from govd.decisions.titles import title_of
from govd.ids import new_id
from govd.intents import store as intent_store
from govd.intents.content import Content, open_content, view
from govd.intents.model import Declared
from govd.intents.rules import INITIAL, TERMINAL
from govd.intents.store import Booked
from govd.jobs import books, store
from govd.jobs.rules import OPEN
from govd.policy.model import Facts
from govd.policy.rules import bookings, evaluate
from govd.times import instant, maybe_instant, micros

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection, RowMapping

    from govd.identities.model import Identity
    from govd.identities.service import Directory
    from govd.policy.model import CompiledPolicy
    from govd.policy.service import Policies
    from govd.sealing import JobKey, StateKey
    from govd.storage.ledger import Ledger, Transaction

_SALT_BYTES: Final = 16
_QUOTA_RETRY_S: Final = 60


@dataclass(frozen=True)
class _Draft:
    """A submission on its way through the transaction."""

    agent: Identity
    submission: Submission
    body_mac: str
    origin: str


class Decisions:
    """The agents' side: jobs opened, intents decided."""

    def __init__(
        self,
        ledger: Ledger,
        state_key: StateKey,
        policies: Policies,
        directory: Directory,
        own_findings: Callable[[], Sequence[Finding]],
    ) -> None:
        self._ledger = ledger
        self._state_key = state_key
        self._policies = policies
        self._directory = directory
        self._own_findings = own_findings

    # -- jobs ----------------------------------------------------------------------------------------

    def open_job(self, agent: Identity, body: JobSubmission) -> Callable[[Transaction], JobView]:
        """The work that opens a job of its own. A child inherits its parent's origin."""
        origin = _origin(agent, body.origin)

        def work(transaction: Transaction) -> JobView:
            inherited = origin
            if body.parent is not None:
                inherited = books.job_row(transaction, body.parent, agent.name)["origin"]
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
        """The work by which an agent withdraws a job."""

        def work(transaction: Transaction) -> JobView:
            row = books.job_row(transaction, job, agent.name)
            if JobState(row["state"]) is not JobState.CANCELLED:
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
            row = self._row(transaction.connection, intent, agent)
            books.move_intent(
                transaction, row, IntentState.CANCELLED, f"agent:{agent.name}", code="withdrawn"
            )
            self._settle_empty_holds(transaction, row["job"])
            books.follow(transaction, row["job"], f"agent:{agent.name}")
            return self.intent_view(transaction.connection, intent, agent)

        return work

    def _settle_empty_holds(self, transaction: Transaction, job: str) -> None:
        for hold in store.live_holds(transaction.connection, job):
            rows = intent_store.of_hold(transaction.connection, hold["id"])
            if all(row["state"] != IntentState.HELD.value for row in rows):
                store.change_hold(transaction.connection, hold["id"], state="settled")

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

    def submit(self, agent: Identity, submission: Submission) -> Callable[[Transaction], IntentView]:
        """The work that decides an intent.

        Raises (from the work):
            IdempotencyConflictError: the key came with another body before.
            NotFoundError, JobClosedError: the job is not this agent's, or takes no more.
            QuotaError: this agent has too much waiting already.
        """
        draft = _Draft(
            agent=agent,
            submission=submission,
            body_mac=self._state_key.mac(canonical_bytes(submission.model_dump(mode="json", by_alias=True))),
            origin=_origin(agent, submission.origin),
        )
        return lambda transaction: self._submit_in(transaction, draft)

    def _submit_in(self, transaction: Transaction, draft: _Draft) -> IntentView:
        connection, submission, name = transaction.connection, draft.submission, draft.agent.name
        if submission.idempotency_key is not None:
            known = intent_store.by_idempotency_key(connection, name, submission.idempotency_key)
            if known is not None:
                if known["body_sha256"] != draft.body_mac:
                    raise IdempotencyConflictError("this idempotency key came with another body before")
                return self.intent_view(connection, known["id"], draft.agent)
        job_id, key, origin = self._job_for(transaction, draft)
        declared = _declare(draft, job_id, origin)
        policy = self._policies.current
        decision = self._decide(transaction, declared, policy)
        if decision.outcome is Outcome.PENDING:
            self._check_quota(connection, name)
        if submission.supersedes is not None:
            self._supersede(transaction, draft, submission.supersedes)
        content = Content(declared, decision, os.urandom(_SALT_BYTES).hex())
        row = self._write(transaction, draft, content, key, policy)
        return view(row, content, intent_store.held_until(connection, row["hold"]))

    def _job_for(self, transaction: Transaction, draft: _Draft) -> tuple[str, JobKey, str]:
        submission, agent = draft.submission, draft.agent
        if submission.job is None:
            new = books.NewJob(
                agent=agent.name,
                title=title_of(submission.kind, submission.action),
                purpose=submission.purpose,
                origin=draft.origin,
                parent=None,
                implicit=True,
                assurance=self._directory.assurance(agent.name)[0],
            )
            job_id, key = books.open_job(transaction, self._state_key, new)
            return job_id, key, draft.origin
        row = books.job_row(transaction, submission.job, agent.name)
        if JobState(row["state"]) not in OPEN:
            raise JobClosedError(f"the job is {row['state']}: open another one")
        if row["implicit"]:
            raise JobClosedError("this job was opened for one intent alone: open one with POST /v1/jobs")
        if intent_store.count_of_job(transaction.connection, submission.job) >= MAX_INTENTS_PER_JOB:
            raise QuotaError(f"a job takes {MAX_INTENTS_PER_JOB} intents: open another one", retry_after=1)
        # What set the job in motion set this in motion: an intent cannot claim a milder origin.
        return submission.job, books.job_key(self._state_key, row), row["origin"]

    def _decide(self, transaction: Transaction, declared: Declared, policy: CompiledPolicy) -> DecisionView:
        """Evaluate, and book what an approval needs; once more where another node was faster."""
        decision = self._evaluate(transaction, declared, policy)
        while decision.outcome is Outcome.APPROVED and not _book(transaction, declared.id, decision):
            decision = self._evaluate(transaction, declared, policy)
        return decision

    def _evaluate(self, transaction: Transaction, declared: Declared, policy: CompiledPolicy) -> DecisionView:
        wanted = bookings(declared, policy, transaction.now)
        keys = [(item.cap, item.subject, item.window) for item in wanted]
        found = intent_store.read_totals(transaction.connection, keys)
        facts = Facts(
            now=transaction.now,
            totals={key: total for key, (total, _) in found.items()},
            extra=tuple(self._own_findings()),
        )
        return evaluate(declared, policy, facts)

    def _check_quota(self, connection: Connection, agent: str) -> None:
        waiting = intent_store.count_held(connection, agent)
        if waiting >= MAX_PENDING_PER_AGENT:
            raise QuotaError(
                f"{waiting} intents of this agent wait for a person: at most {MAX_PENDING_PER_AGENT} may",
                retry_after=_QUOTA_RETRY_S,
            )

    def _supersede(self, transaction: Transaction, draft: _Draft, old: str) -> None:
        row = self._row(transaction.connection, old, draft.agent)
        if row["job"] != draft.submission.job:
            raise InvalidRequestError("an intent is superseded within its own job", pointer="/supersedes")
        state = IntentState(row["state"])
        if state in {IntentState.HELD, IntentState.APPROVED}:
            actor = f"agent:{draft.agent.name}"
            books.move_intent(transaction, row, IntentState.SUPERSEDED, actor, code="superseded")
            self._settle_empty_holds(transaction, row["job"])

    def _write(
        self, transaction: Transaction, draft: _Draft, content: Content, key: JobKey, policy: CompiledPolicy
    ) -> dict[str, Any]:
        declared, decision, now = content.declared, content.decision, transaction.now
        state = INITIAL[decision.outcome]
        values: dict[str, Any] = {
            "id": declared.id,
            "job": declared.job,
            "hold": None,
            "agent": declared.agent,
            "kind": declared.kind,
            "state": state.value,
            "outcome": decision.outcome.value,
            "effect": decision.effect,
            "risk": decision.risk.score,
            "sealed": content.seal(key),
            "idempotency_key": draft.submission.idempotency_key,
            "body_sha256": draft.body_mac,
            "policy_sha256": policy.sha256,
            "decided_at": micros(now),
            "decided_by": "policy",
            "approved_until": micros(now + policy.approval_ttl) if state is IntentState.APPROVED else None,
            "redeemed_at": None,
            "redeemed_by": None,
            "settled_at": micros(now) if state is IntentState.DENIED else None,
            "exit_code": None,
            "updated_at": micros(now),
            "supersedes": draft.submission.supersedes,
        }
        if state is IntentState.HELD:
            hold = books.ensure_hold(
                transaction,
                key,
                declared.job,
                ttl=policy.hold_ttl,
                quorum=decision.quorum,
                policy_sha256=policy.sha256,
            )
            values["hold"] = hold["id"]
        intent_store.add(transaction.connection, values)
        if state is IntentState.APPROVED:
            for entry in _entries(declared.id, decision):
                intent_store.reserve(transaction.connection, entry)
        transaction.record(_entry(content, policy))
        self._follow_job(transaction, draft, values)
        return values

    def _follow_job(self, transaction: Transaction, draft: _Draft, values: dict[str, Any]) -> None:
        if values["state"] == IntentState.APPROVED.value and draft.submission.job is None:
            return  # an approved intent leaves its fresh job processing: nothing to move
        if values["risk"]:
            row = books.job_row(transaction, values["job"])
            store.change(transaction.connection, values["job"], risk=max(row["risk"], values["risk"]))
        books.follow(transaction, values["job"], "govd")

    # -- reading -------------------------------------------------------------------------------------

    def _row(self, connection: Connection, intent: str, asker: Identity) -> RowMapping:
        row = intent_store.by_id(connection, intent)
        if row is None or not (
            row["agent"] == asker.name if asker.kind == "agent" else asker.serves(row["agent"])
        ):
            raise NotFoundError("there is no such intent")
        return row

    def intent_view(self, connection: Connection, intent: str, asker: Identity) -> IntentView:
        """An intent as its agent, or an executor of that agent, sees it."""
        row = self._row(connection, intent, asker)
        job = store.by_id(connection, row["job"])
        if job is None:
            raise NotFoundError("there is no such intent")
        content = open_content(row, books.job_key(self._state_key, job))
        return view(row, content, intent_store.held_until(connection, row["hold"]))


def _entries(intent: str, decision: DecisionView) -> list[Booked]:
    return [
        Booked(
            intent,
            item.cap,
            item.subject,
            item.window,
            units(item.metric, item.amount),
            units(item.metric, item.limit),
            "booked",
        )
        for item in decision.reservations
    ]


def _book(transaction: Transaction, intent: str, decision: DecisionView) -> bool:
    """Add to every total that the approval counts in, or to none of them."""
    done: list[Booked] = []
    for entry in _entries(intent, decision):
        if not intent_store.add_to_total(transaction.connection, entry, ceiling=entry.limit, permitted=None):
            for other in done:
                intent_store.take_from_total(transaction.connection, other)
            return False
        done.append(entry)
    return True


def _origin(agent: Identity, claimed: str | None) -> str:
    allowed = agent.origins or ("user",)
    if claimed is None:
        return allowed[0]
    if claimed not in allowed:
        raise ForbiddenError(
            f"this token may not state the origin {claimed}: it may state {', '.join(allowed)}",
            pointer="/origin",
        )
    return claimed


def _declare(draft: _Draft, job: str, origin: str) -> Declared:
    submission = draft.submission
    return Declared(
        id=new_id(),
        agent=draft.agent.name,
        job=job,
        kind=submission.kind,
        action=submission.action,
        origin=origin,
        intent_sha256=intent_sha256(
            agent=draft.agent.name,
            job=job,
            kind=submission.kind,
            action=submission.action,
            inputs=submission.inputs,
            origin=origin,
        ),
        purpose=submission.purpose,
        inputs=tuple(submission.inputs),
        model=submission.model,
        declared_capabilities=tuple(submission.declared_capabilities),
    )


def _entry(content: Content, policy: CompiledPolicy) -> Entry:
    declared, decision = content.declared, content.decision
    return Entry(
        type="intent.decided",
        actor=f"agent:{declared.agent}",
        agent=declared.agent,
        job_id=declared.job,
        intent_id=declared.id,
        level=decision.autonomy_level,
        decision=decision.outcome.value,
        policy_sha256=policy.sha256,
        payload_commitment=commitment(bytes.fromhex(content.salt), declared.intent_sha256.encode()),
        details={
            "kind": declared.kind,
            "origin": declared.origin,
            "effect": decision.effect,
            "risk": decision.risk.score,
            "findings": [
                {"code": finding.code, "rule": Known.of(finding.rule), "outcome": finding.outcome.value}
                for finding in decision.findings
            ],
            "booked": len(decision.reservations) if decision.outcome is Outcome.APPROVED else 0,
        },
    )
