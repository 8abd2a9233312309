"""The operators' side of a job: shown and voted on.

Must never let an approval count that was not signed for exactly what stands, nor book more than the
signed permits allow.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from govd.audit.model import Entry
from govd.contract.decisions import DecisionView, Finding, Outcome
from govd.contract.errors import JobClosedError, NotFoundError
from govd.contract.intents import IntentState
from govd.contract.jobs import HoldView, JobDetail, JobState
from govd.contract.votes import SignedVote, lowest_permits, vote_sha256
from govd.ids import new_id
from govd.intents import store as intent_store
from govd.intents.content import Content, open_content
from govd.jobs import books, store
from govd.policy.model import NO_VOICE, Facts, ReasonCode
from govd.policy.rules import bookings, evaluate
from govd.policy.voicing import spoken
from govd.reviews import rules, totals, views
from govd.reviews.recording import vote_details
from govd.times import micros

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, RowMapping

    from govd.contract.votes import VoteSubmission
    from govd.identities.model import Identity
    from govd.identities.service import Directory
    from govd.policy.model import CompiledPolicy, VoiceFacts
    from govd.policy.service import Policies
    from govd.reviews.said import Said
    from govd.sealing import JobKey, StateKey
    from govd.storage.ledger import Transaction

    BeforeApproval = Callable[[Transaction, str, Sequence[Content]], None]
    """Handed the operator who approves, and what he approves."""

    AfterApproval = Callable[[Transaction, str, JobKey, Sequence[tuple[RowMapping, Content]]], None]
    """Handed the operator whose vote was the last, the job's key, and what was approved."""


OF_ROOMS: Final = frozenset({ReasonCode.VOICE_ENROLMENT.value})
"""Codes of what a room of ours finds when it declares something in an agent's name."""


@dataclass(frozen=True)
class _Hold:
    """The hold under review, opened, with the job around it."""

    job: RowMapping
    row: RowMapping
    view: HoldView
    key: JobKey


class Reviews:
    """Jobs under review."""

    def __init__(
        self,
        state_key: StateKey,
        policies: Policies,
        directory: Directory,
        expire: Callable[[Transaction], int],
        own_findings: Callable[[], Sequence[Finding]],
        voice: Callable[[Connection, str, str], VoiceFacts],
    ) -> None:
        self._own_findings = own_findings
        self._voice = voice
        self._checks: list[BeforeApproval] = []
        self._followers: list[AfterApproval] = []
        self._expire = expire
        self._state_key = state_key
        self._policies = policies
        self._directory = directory

    def on_approval(self, before: BeforeApproval | None = None, after: AfterApproval | None = None) -> None:
        """Have them called with each vote that approves, and with the one that reaches the quorum.

        Either may raise: then the vote does not count.
        """
        self._checks += [] if before is None else [before]
        self._followers += [] if after is None else [after]

    # -- showing -------------------------------------------------------------------------------------

    def close_hold(self, job: str) -> Callable[[Transaction], None]:
        """The work that closes the open hold before it is shown: what comes later opens the next hold."""

        def work(transaction: Transaction) -> None:
            self._expire(transaction)
            self._close(transaction, books.job_row(transaction, job))

        return work

    def detail(self, connection: Connection, job: str) -> JobDetail:
        """The job as it is shown. Read outside the writer: a large job must not keep decisions waiting."""
        return views.job_detail(connection, job, self._state_key)

    def _close(self, transaction: Transaction, job: RowMapping) -> None:
        live = store.live_holds(transaction.connection, job["id"])
        if not live:
            return
        first = live[0]
        if first["state"] == "open":
            store.change_hold(
                transaction.connection, first["id"], state="closed", closed_at=micros(transaction.now)
            )
            transaction.record(
                Entry(type="hold.closed", agent=job["agent"], job_id=job["id"], details={"hold": first["id"]})
            )
        if first["policy_sha256"] != self._policies.current.sha256:
            self._reevaluate(transaction, job, first)

    def phrase_said(self, transaction: Transaction, job: str, said: Said) -> None:
        """Decide what waits in a job again, now that the owner has said its phrase.

        What nothing but his voice holds is approved where the policy asks for no more, and where the phrase
        named all that it needs a voice for. All else waits on, with what was said among its findings: also
        what had waited for a reason that is gone by now. Earlier votes lapse: they were signed for others.

        Raises:
            ReviewStaleError: another node used up a cap meanwhile: nothing was decided.
        """
        row = books.job_row(transaction, job)
        for hold in store.live_holds(transaction.connection, job):
            if micros(transaction.now) < hold["expires_at"]:
                self._reevaluate(transaction, row, hold, said)

    def assess(
        self, connection: Connection, now: datetime, contents: Sequence[Content]
    ) -> tuple[str, list[DecisionView]]:
        """What the policy in force would say of intents that wait, and that policy's sha256."""
        policy = self._policies.current
        return policy.sha256, [self._evaluate(connection, now, policy, one) for one in contents]

    def _reevaluate(
        self, transaction: Transaction, job: RowMapping, hold: RowMapping, said: Said | None = None
    ) -> None:
        """Decide the held intents again, by the policy and the totals of now, and let earlier votes lapse."""
        policy, key = self._policies.current, books.job_key(self._state_key, job)
        for row in intent_store.of_hold(transaction.connection, hold["id"]):
            if row["state"] != IntentState.HELD.value:
                continue
            content = open_content(row, key)
            decision = self._evaluate(transaction.connection, transaction.now, policy, content, said)
            sealed = Content(content.declared, decision, content.salt, content.guidance).seal(key)
            intent_store.change(
                transaction.connection,
                row["id"],
                sealed=sealed,
                size=len(sealed),
                policy_sha256=policy.sha256,
                outcome=decision.outcome.value,
                risk=decision.risk.score,
                effect=decision.effect,
            )
            if decision.outcome is Outcome.DENIED:
                books.move_intent(transaction, row, IntentState.DENIED, "govd", code="policy-changed")
            elif said and decision.outcome is Outcome.APPROVED and said.covers(row["id"], decision):
                self._approve_said(transaction, row["id"], content, said)
        lapsed = store.lapse_votes(transaction.connection, hold["id"], micros(transaction.now))
        store.change_hold(transaction.connection, hold["id"], policy_sha256=policy.sha256)
        transaction.record(
            Entry(
                type="hold.reevaluated",
                agent=job["agent"],
                job_id=job["id"],
                policy_sha256=policy.sha256,
                details={"hold": hold["id"], "votes_lapsed": lapsed},
            )
        )
        if not self._waiting(transaction, hold["id"]):
            store.change_hold(transaction.connection, hold["id"], state="settled")
        books.follow(transaction, job["id"], "govd")

    def _approve_said(self, transaction: Transaction, intent: str, content: Content, said: Said) -> None:
        """By policy, as if it had never been held: no vote stands for it, and none is named."""
        policy = self._policies.current
        totals.book(transaction, content, policy, {})
        row = intent_store.by_id(transaction.connection, intent)
        if row is None:  # pragma: no cover - it was read in this work
            raise NotFoundError("there is no such intent")
        books.move_intent(
            transaction,
            row,
            IntentState.APPROVED,
            "govd",
            code="phrase-said",
            details={"phrase": said.phrase},
            approved_until=micros(transaction.now + policy.approval_ttl),
        )

    def _evaluate(
        self,
        connection: Connection,
        now: datetime,
        policy: CompiledPolicy,
        content: Content,
        said: Said | None = None,
    ) -> DecisionView:
        wanted = bookings(content.declared, policy, now)
        found = intent_store.read_totals(connection, [(one.cap, one.subject, one.window) for one in wanted])
        standing = {key: total for key, (total, _) in found.items()}
        voice = NO_VOICE
        if policy.voice is not None:
            declared, asked = content.declared, said.voice if said else spoken(content.decision)
            voice = asked or self._voice(connection, declared.agent, declared.origin)
        # What a room of ours found when it declared this in the agent's name is no matter of the policy.
        asked_for = (one for one in content.decision.findings if one.code in OF_ROOMS)
        extra = (*self._own_findings(), *asked_for)
        # What a phrase lifts waits for no vote any more; what else is in its job waits on.
        held = said is None or not said.opens.get(content.declared.id)
        facts = Facts(now=now, totals=standing, extra=extra, voice=voice, held=held)
        return evaluate(content.declared, policy, facts)

    def _waiting(self, transaction: Transaction, hold: str) -> list[RowMapping]:
        rows = intent_store.of_hold(transaction.connection, hold)
        return [row for row in rows if row["state"] == IntentState.HELD.value]

    # -- voting --------------------------------------------------------------------------------------

    def vote(self, operator: str, job: str, body: VoteSubmission) -> Callable[[Transaction], bool]:
        """The work that counts a vote, and settles the hold when the quorum is reached.

        It returns False where showing the job again is all that can be done: the policy in force changed, or
        a cap's total has moved past what the vote permits, and the hold was decided again. The caller answers
        with `ReviewStaleError`.
        """

        def work(transaction: Transaction) -> bool:
            job_row = books.job_row(transaction, job)
            live = store.live_holds(transaction.connection, job)
            if not live or live[0]["state"] != "closed":
                raise JobClosedError(f"the job is {job_row['state']}: no hold of it is up for a vote")
            if live[0]["policy_sha256"] != self._policies.current.sha256:
                self._reevaluate(transaction, job_row, live[0])
                return False
            key = books.job_key(self._state_key, job_row)
            hold = _Hold(job_row, live[0], views.hold_view(transaction.connection, live[0], key), key)
            self._check(transaction, operator, hold, body)
            if body.signed.vote.verdict == "approve":
                waiting = [open_content(row, key) for row in self._waiting(transaction, hold.row["id"])]
                for check in self._checks:
                    check(transaction, operator, waiting)
            if self._outgrown(transaction, hold, body.signed):
                self._reevaluate(transaction, job_row, live[0])
                return False
            self._write(transaction, operator, hold, body)
            self._settle(transaction, operator, hold, body)
            return True

        return work

    def _check(self, transaction: Transaction, operator: str, hold: _Hold, body: VoteSubmission) -> None:
        if micros(transaction.now) >= hold.row["expires_at"]:
            raise JobClosedError("the hold has expired: nobody decided in time")
        standing = store.standing_votes(transaction.connection, hold.row["id"])
        rules.check_vote(
            body,
            rules.Standing(
                hold=hold.view,
                review=views.review_of(hold.view),
                signing=transaction.signing,
                public_key=self._directory.public_keys().get(operator),
                operator=operator,
                reason_required=self._policies.current.reason_required,
                voted_already=any(row["operator"] == operator for row in standing),
            ),
        )

    def _outgrown(self, transaction: Transaction, hold: _Hold, signed: SignedVote) -> bool:
        """Whether the approval does not fit any more, and the figures that were shown are old."""
        if signed.vote.verdict != "approve":
            return False
        cast = [*self._approvals(transaction, hold), signed]
        permits = lowest_permits(one.vote for one in cast)
        contents = [open_content(row, hold.key) for row in self._waiting(transaction, hold.row["id"])]
        if totals.fit(transaction, contents, self._policies.current, permits):
            return False
        _, fresh = self.assess(transaction.connection, transaction.now, contents)
        return any(new.findings != one.decision.findings for new, one in zip(fresh, contents, strict=True))

    def _approvals(self, transaction: Transaction, hold: _Hold) -> list[SignedVote]:
        return [
            SignedVote.model_validate_json(row["signed"])
            for row in store.standing_votes(transaction.connection, hold.row["id"])
            if row["verdict"] == "approve"
        ]

    def _write(self, transaction: Transaction, operator: str, hold: _Hold, body: VoteSubmission) -> None:
        vote_id, digest = new_id(), vote_sha256(body.signed)
        vote = body.signed.vote
        words = {"reason": body.reason, "guidance": body.guidance, "salt": body.salt}
        store.add_vote(
            transaction.connection,
            {
                "id": vote_id,
                "job": hold.view.job,
                "hold": hold.view.id,
                "operator": operator,
                "verdict": vote.verdict,
                "signed": body.signed.model_dump_json(),
                "sealed": hold.key.seal(words, f"vote:{vote_id}"),
                "cast_at": micros(transaction.now),
                "lapsed_at": None,
                "sha256": digest,
            },
        )
        transaction.record(
            Entry(
                type="vote.cast",
                actor=f"operator:{operator}",
                agent=hold.job["agent"],
                job_id=hold.view.job,
                policy_sha256=hold.view.policy_sha256,
                details=vote_details(body.signed, digest),
            )
        )

    def _settle(self, transaction: Transaction, operator: str, hold: _Hold, body: VoteSubmission) -> None:
        if body.signed.vote.verdict != "approve":
            self._deny(transaction, operator, hold, body)
            return
        votes = self._approvals(transaction, hold)
        if len({signed.vote.operator for signed in votes}) >= hold.row["quorum"]:
            self._approve(transaction, operator, hold, votes)

    def _deny(self, transaction: Transaction, operator: str, hold: _Hold, body: VoteSubmission) -> None:
        actor, guided = f"operator:{operator}", body.signed.vote.verdict == "deny_with_guidance"
        for row in self._waiting(transaction, hold.row["id"]):
            content = open_content(row, hold.key)
            sealed = Content(
                content.declared, content.decision, content.salt, body.guidance if guided else None
            ).seal(hold.key)
            books.move_intent(
                transaction,
                row,
                IntentState.DENIED,
                actor,
                code=body.signed.vote.verdict,
                sealed=sealed,
                decided_by=json.dumps([{"operator": operator, "vote_sha256": vote_sha256(body.signed)}]),
            )
        store.change_hold(transaction.connection, hold.row["id"], state="settled")
        if guided and not hold.job["implicit"]:
            books.follow(transaction, hold.view.job, actor)
            return
        books.end_job(
            transaction,
            books.job_row(transaction, hold.view.job),
            JobState.DENIED,
            actor,
            code=body.signed.vote.verdict,
            waiting=IntentState.DENIED,
        )

    def _approve(self, transaction: Transaction, operator: str, hold: _Hold, votes: list[SignedVote]) -> None:
        policy = self._policies.current
        permits = lowest_permits(signed.vote for signed in votes)
        approvers = json.dumps(
            [{"operator": signed.vote.operator, "vote_sha256": vote_sha256(signed)} for signed in votes]
        )
        approved = [(row, open_content(row, hold.key)) for row in self._waiting(transaction, hold.row["id"])]
        for row, content in approved:
            totals.book(transaction, content, policy, permits)
            books.move_intent(
                transaction,
                row,
                IntentState.APPROVED,
                f"operator:{operator}",
                code="quorum-reached",
                details={"vote_sha256": [vote_sha256(signed) for signed in votes]},
                approved_until=micros(transaction.now + policy.approval_ttl),
                decided_by=approvers,
            )
        store.change_hold(transaction.connection, hold.row["id"], state="settled")
        for follow in self._followers:
            follow(transaction, operator, hold.key, approved)
        books.follow(transaction, hold.view.job, f"operator:{operator}")

    def operator_left(self, transaction: Transaction, identity: Identity) -> None:
        """The votes of an operator who was removed no longer count where nothing is settled yet."""
        if identity.kind == "operator":
            lapsed = store.lapse_votes_of(transaction.connection, identity.name, micros(transaction.now))
            transaction.record(Entry(type="vote.lapsed", actor="govd", details={"lapsed": lapsed}))
