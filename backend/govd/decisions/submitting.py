"""One submission: evaluated, booked, recorded and answered, inside one work of the ledger. The hot path.

Must never answer what it has not written, nor book for an approval that it does not give.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from govd.audit.model import Entry, Known
from govd.contract.canonical import commitment, sorted_json
from govd.contract.decisions import DecisionView, Finding, Outcome
from govd.contract.errors import (
    ForbiddenError,
    IdempotencyConflictError,
    InvalidRequestError,
    JobClosedError,
    NotFoundError,
    QuotaError,
)
from govd.contract.intents import IntentState, Submission, wire_sha256
from govd.contract.jobs import JobState
from govd.contract.limits import MAX_INTENTS_PER_JOB
from govd.decisions import quota, reading
from govd.decisions.titles import title_of
from govd.ids import new_id
from govd.intents import store as intent_store
from govd.intents.content import Content, IntentAnswer
from govd.intents.model import Declared
from govd.intents.rules import INITIAL, implicit_job_state
from govd.intents.store import Booked
from govd.jobs import books, store
from govd.jobs.rules import OPEN
from govd.policy.model import NO_VOICE, Facts
from govd.policy.rules import evaluate, read
from govd.times import micros

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy import Connection

    from govd.contract.wire import JsonObject
    from govd.identities.model import Identity
    from govd.identities.service import Directory
    from govd.policy.model import CompiledPolicy, VoiceFacts
    from govd.policy.service import Policies
    from govd.sealing import JobKey, StateKey
    from govd.storage.ledger import Transaction

    VoiceFactsOf = Callable[[Connection, str, str], VoiceFacts]
    """Where an agent's chat stands, by the agent's name and the intent's origin."""

_TRIES: Final = 8
_SALT_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class _Draft:
    """A submission on its way through the transaction. `body_mac`: None where no key was given.

    `wire`: the submission as JSON values, made once. `extra`: findings of the room that submits it in the
    agent's name.
    """

    agent: Identity
    submission: Submission
    wire: JsonObject
    key_mac: str | None
    body_mac: str | None
    origin: str
    extra: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class _Job:
    """The job of a submission, as it stood when the work began: what is known is not read again."""

    id: str
    key: JobKey
    origin: str
    row: Mapping[str, Any]
    held: bool


class Submissions:
    """Decides what agents submit."""

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
        self._policies = policies
        self._directory = directory
        self._own_findings = own_findings
        self._voice = voice
        self._held_bytes = held_bytes

    def submit(
        self, agent: Identity, submission: Submission, extra: tuple[Finding, ...] = ()
    ) -> Callable[[Transaction], IntentAnswer]:
        """The work that decides an intent; see `Decisions.submit`."""
        key = submission.idempotency_key
        wire = submission.model_dump(mode="json", by_alias=True)
        draft = _Draft(
            agent=agent,
            submission=submission,
            wire=wire,
            # The agent's own words, like the body: the database holds neither in the clear.
            key_mac=None if key is None else self._state_key.mac(b"key\n" + key.encode()),
            body_mac=None if key is None else self._mac(wire),
            origin=origin_of(agent, submission.origin),
            extra=extra,
        )
        return lambda transaction: self._submit_in(transaction, draft)

    def _mac(self, wire: JsonObject) -> str:
        # Compared with itself alone, so any one spelling will do: RFC 8785 would cost 20 µs more.
        return self._state_key.mac(b"body\n" + sorted_json(wire))

    def _submit_in(self, transaction: Transaction, draft: _Draft) -> IntentAnswer:
        connection, submission, name = transaction.connection, draft.submission, draft.agent.name
        if draft.key_mac is not None:
            known = intent_store.by_idempotency_key(connection, name, draft.key_mac)
            if known is not None:
                intent, body_mac = known
                if body_mac != draft.body_mac:
                    raise IdempotencyConflictError("this idempotency key came with another body before")
                return reading.intent_answer(connection, self._state_key, intent, draft.agent)
        job = self._job_for(transaction, draft)
        declared = _declare(draft, job)
        policy = self._policies.current
        if submission.supersedes is not None:
            # First, so that what the old form had booked is free for the new one.
            _supersede(transaction, draft, submission.supersedes)
        decision, booked = self._decide(transaction, declared, policy, draft.extra)
        content = Content(declared, decision, os.urandom(_SALT_BYTES).hex())
        sealed = content.seal(job.key)
        if decision.outcome is Outcome.PENDING:
            quota.check(connection, name, len(sealed), self._held_bytes())
        row, held_until = _write(transaction, draft, content, sealed, job, policy)
        for entry in booked:
            intent_store.reserve(connection, entry)
        transaction.record(_entry(content, policy))
        _follow_job(transaction, draft, job, row)
        return IntentAnswer(row, content, held_until)

    def _job_for(self, transaction: Transaction, draft: _Draft) -> _Job:
        submission, agent = draft.submission, draft.agent
        if submission.job is None:
            return self._implicit_job(transaction, draft)
        row = store.standing(transaction.connection, submission.job)
        if row is None or row["agent"] != agent.name:
            raise NotFoundError("there is no such job")
        if JobState(row["state"]) not in OPEN:
            raise JobClosedError(f"the job is {row['state']}: open another one")
        if row["implicit"]:
            raise JobClosedError("this job was opened for one intent alone: open one with POST /v1/jobs")
        if row["intents"] >= MAX_INTENTS_PER_JOB:
            raise QuotaError(f"a job takes {MAX_INTENTS_PER_JOB} intents: open another one", retry_after=1)
        # What set the job in motion set this in motion: another claim is refused.
        if submission.origin not in {None, row["origin"]}:
            raise ForbiddenError(
                f"the job's origin is {row['origin']}: it is its intents'", pointer="/origin"
            )
        return _Job(row["id"], books.job_key(self._state_key, row), row["origin"], row, held=row["live"] > 0)

    def _implicit_job(self, transaction: Transaction, draft: _Draft) -> _Job:
        submission, agent = draft.submission, draft.agent
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
        row = {"id": job_id, "agent": agent.name, "parent": None, "state": JobState.PROCESSING, "risk": 0}
        return _Job(job_id, key, draft.origin, row, held=False)

    def _decide(
        self,
        transaction: Transaction,
        declared: Declared,
        policy: CompiledPolicy,
        extra: tuple[Finding, ...],
    ) -> tuple[DecisionView, list[Booked]]:
        """Evaluate, and book what an approval needs; once more where another node was faster.

        Raises:
            QuotaError: others were faster every time: nothing was decided.
        """
        voice = NO_VOICE
        if policy.voice is not None:
            # Asked at each use: a session may have ended since the last intent.
            voice = self._voice(transaction.connection, declared.agent, declared.origin)
        for _ in range(_TRIES):
            understood = read(declared, policy, transaction.now)
            wanted = [
                Booked(declared.id, item.cap, item.subject, item.window, item.amount, item.limit, "booked")
                for item in understood.bookings
            ]
            found = intent_store.read_totals(transaction.connection, [entry.key for entry in wanted])
            facts = Facts(
                now=transaction.now,
                totals={key: total for key, (total, _) in found.items()},
                extra=(*self._own_findings(), *extra),
                voice=voice,
            )
            decision = evaluate(declared, policy, facts, understood)
            if decision.outcome is not Outcome.APPROVED:
                return decision, []
            if _book(transaction, wanted):
                return decision, wanted
        raise QuotaError("a cap of this intent is contended: nothing was decided", retry_after=1)


def origin_of(agent: Identity, claimed: str | None) -> str:
    """The origin that an agent's words get: one that its token may state.

    Raises:
        ForbiddenError: it claims another.
    """
    allowed = agent.origins or ("user",)
    if claimed is None:
        return allowed[0]
    if claimed not in allowed:
        raise ForbiddenError(
            f"this token may not state the origin {claimed}: it may state {', '.join(allowed)}",
            pointer="/origin",
        )
    return claimed


def _supersede(transaction: Transaction, draft: _Draft, old: str) -> None:
    row = reading.intent_row(transaction.connection, old, draft.agent)
    if row["job"] != draft.submission.job:
        raise InvalidRequestError("an intent is superseded within its own job", pointer="/supersedes")
    state = IntentState(row["state"])
    if state in {IntentState.HELD, IntentState.APPROVED}:
        actor = f"agent:{draft.agent.name}"
        books.move_intent(transaction, row, IntentState.SUPERSEDED, actor, code="superseded")
        books.settle_empty_holds(transaction, row["job"])


def _write(
    transaction: Transaction,
    draft: _Draft,
    content: Content,
    sealed: bytes,
    job: _Job,
    policy: CompiledPolicy,
) -> tuple[dict[str, Any], int | None]:
    """The intent's row, and the end of its hold where it waits in one."""
    declared, decision, now = content.declared, content.decision, micros(transaction.now)
    state = INITIAL[decision.outcome]
    hold = None
    if state is IntentState.HELD:
        hold = books.ensure_hold(
            transaction,
            job.key,
            job.id,
            ttl=policy.hold_ttl,
            quorum=decision.quorum,
            policy_sha256=policy.sha256,
        )
    approved = state is IntentState.APPROVED
    row: dict[str, Any] = {
        "id": declared.id,
        "job": declared.job,
        "hold": None if hold is None else hold.id,
        "agent": declared.agent,
        "kind": declared.kind,
        "state": state.value,
        "outcome": decision.outcome.value,
        "effect": decision.effect,
        "risk": decision.risk.score,
        "sealed": sealed,
        "size": len(sealed),
        "idempotency_key": draft.key_mac,
        "body_sha256": draft.body_mac,
        "policy_sha256": policy.sha256,
        "decided_at": now,
        "decided_by": "policy",
        "approved_until": micros(transaction.now + policy.approval_ttl) if approved else None,
        "redeemed_at": None,
        "redeemed_by": None,
        "settled_at": now if state is IntentState.DENIED else None,
        "exit_code": None,
        "updated_at": now,
        "supersedes": draft.submission.supersedes,
    }
    intent_store.add(transaction.connection, row)
    return row, None if hold is None else hold.expires_at


def _follow_job(transaction: Transaction, draft: _Draft, job: _Job, row: dict[str, Any]) -> None:
    """Bring the job to what this intent makes of it, without reading what this work knows already."""
    state = IntentState(row["state"])
    if state is IntentState.HELD:
        store.note_held(transaction.connection, job.id)
    elif row["risk"] > job.row["risk"]:
        store.change(transaction.connection, job.id, calm=store.HIGHEST_RISK - row["risk"])
    if draft.submission.job is None:
        books.move_job(transaction, job.row, implicit_job_state([state]), "govd")
    elif draft.submission.supersedes is not None:
        books.follow(transaction, job.id, "govd")
    else:
        books.follow_holds(transaction, job.row, "govd", held=job.held or state is IntentState.HELD)


def _book(transaction: Transaction, wanted: Sequence[Booked]) -> bool:
    """Add to every total that the approval counts in, or to none of them."""
    for done, entry in enumerate(wanted):
        if not intent_store.add_to_total(transaction.connection, entry, ceiling=entry.limit, permitted=None):
            for other in wanted[:done]:
                intent_store.take_from_total(transaction.connection, other)
            return False
    return True


def _declare(draft: _Draft, job: _Job) -> Declared:
    submission = draft.submission
    return Declared(
        id=new_id(),
        agent=draft.agent.name,
        job=job.id,
        kind=submission.kind,
        action=submission.action,
        origin=job.origin,
        intent_sha256=wire_sha256(
            agent=draft.agent.name,
            job=job.id,
            kind=submission.kind,
            action=draft.wire["action"],
            inputs=draft.wire["inputs"],
            origin=job.origin,
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
