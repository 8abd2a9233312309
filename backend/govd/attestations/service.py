"""Minting, redeeming, and the outcome: the executor's side of an approval.

Must never let an intent be redeemed twice, by another executor's attestation, for another action, or
against a policy that forbids it by now. Every refusal is an audit entry.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from govd.attestations.rules import refusal_by_policy
from govd.audit.model import Entry
from govd.contract.attestations import Approver, Claims, Minted, Redeemed, Redemption, verify_attestation
from govd.contract.errors import AlreadyRedeemedError, ForbiddenError, NotFoundError, RedeemRefusedError
from govd.contract.intents import IntentState, IntentView, OutcomeReport
from govd.contract.money import decimal_text
from govd.contract.votes import SignedVote
from govd.ids import new_id
from govd.intents import store as intent_store
from govd.intents.content import detail, open_content, view
from govd.intents.store import Booked
from govd.jobs import books, store
from govd.policy.model import Facts, VoiceFacts
from govd.policy.rules import bookings, evaluate
from govd.policy.voicing import spoken
from govd.times import maybe_instant, micros

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection, RowMapping

    from govd.alarms.service import Alarms
    from govd.attestations.keys import KeyRing
    from govd.identities.model import Identity
    from govd.identities.service import Directory
    from govd.intents.content import Content
    from govd.intents.model import Declared
    from govd.policy.service import Policies
    from govd.sealing import JobKey, StateKey
    from govd.storage.ledger import Transaction

    PhraseStands = Callable[[Connection, Declared, VoiceFacts], bool]
    """Whether a voice still stands with which the phrase was said for what was declared."""

ISSUER: Final = "govd"


@dataclass(frozen=True)
class Refused:
    """A redemption that must not happen. It is a result and not an error, so that its entry is kept."""

    code: str
    detail: str
    already: bool = False

    def error(self) -> RedeemRefusedError | AlreadyRedeemedError:
        """What the executor is answered."""
        if self.already:
            return AlreadyRedeemedError(self.detail)
        return RedeemRefusedError(self.detail, reason=self.code)


class Attestations:
    """What executors ask for."""

    def __init__(
        self, state_key: StateKey, keys: KeyRing, policies: Policies, directory: Directory, alarms: Alarms
    ) -> None:
        self._state_key = state_key
        self._keys = keys
        self._policies = policies
        self._directory = directory
        self._alarms = alarms
        self._phrase_stands: PhraseStands = lambda _connection, _declared, _voice: False

    def ask_phrases(self, stands: PhraseStands) -> None:
        """Have it asked before what a phrase has approved runs. Until then no such approval stands."""
        self._phrase_stands = stands

    # -- mint ----------------------------------------------------------------------------------------

    def mint(self, executor: Identity, intent: str) -> Callable[[Transaction], Minted]:
        """The work that signs an attestation for an approval that stands.

        Raises (from the work):
            NotFoundError: no such intent of an agent that this executor serves.
            RedeemRefusedError: it is not approved, or the approval has ended.
        """

        def work(transaction: Transaction) -> Minted:
            row = _served(transaction.connection, executor, intent)
            if row["state"] == IntentState.REDEEMED.value:
                raise AlreadyRedeemedError("the intent has been redeemed")
            if row["state"] != IntentState.APPROVED.value:
                raise RedeemRefusedError(f"the intent is {row['state']}, not approved", reason=row["state"])
            until = maybe_instant(row["approved_until"])
            if until is None or transaction.now >= until:
                raise RedeemRefusedError("the approval has ended", reason="approval-expired")
            return self._mint_in(transaction, executor, row)

        return work

    def _mint_in(self, transaction: Transaction, executor: Identity, row: RowMapping) -> Minted:
        key = self._key(transaction.connection, row)
        content = open_content(row, key)
        now = int(transaction.now.timestamp())
        ends = min(
            now + int(self._policies.current.attestation_ttl.total_seconds()), row["approved_until"] // 10**6
        )
        decided_by: Any = row["decided_by"]
        claims = Claims(
            iss=ISSUER,
            sub=row["agent"],
            aud=executor.name,
            jti=new_id(),
            iat=now,
            exp=ends,
            intent_id=row["id"],
            intent_sha256=content.declared.intent_sha256,
            policy_sha256=row["policy_sha256"],
            decided_by="policy"
            if decided_by == "policy"
            else [Approver(**item) for item in json.loads(decided_by)],
            level=content.decision.autonomy_level,
            assurance=self._assurance(executor, row["agent"]),
        )
        votes, nonce = self._votes(transaction.connection, row, key, claims)
        transaction.record(
            Entry(
                type="attestation.minted",
                actor=f"executor:{executor.name}",
                agent=row["agent"],
                job_id=row["job"],
                intent_id=row["id"],
                routing=f"executor:{executor.name}",
                policy_sha256=row["policy_sha256"],
                details={"jti": claims.jti, "assurance": claims.assurance, "sandbox": claims.sandbox},
            )
        )
        return Minted(
            attestation=self._keys.sign(claims),
            claims=claims,
            votes=votes,
            nonce=nonce,
            intent=detail(row, content, None),
        )

    def _assurance(self, executor: Identity, agent: str) -> Any:  # noqa: ANN401 - a literal
        return "advisory" if executor.advisory else self._directory.assurance(agent)[0]

    def _votes(
        self, connection: Connection, row: RowMapping, key: JobKey, claims: Claims
    ) -> tuple[list[SignedVote], str | None]:
        if claims.decided_by == "policy" or row["hold"] is None:
            return [], None
        hold = store.hold(connection, row["hold"])
        if hold is None:
            return [], None
        digests = {approver.vote_sha256 for approver in claims.decided_by}
        votes = [
            SignedVote.model_validate_json(item["signed"])
            for item in store.standing_votes(connection, row["hold"])
            if item["sha256"] in digests
        ]
        return votes, str(key.open(hold["sealed"], f"hold:{hold['id']}")["nonce"])

    # -- redeem --------------------------------------------------------------------------------------

    def redeem(
        self, executor: Identity, body: Redemption, now: int
    ) -> Callable[[Transaction], Redeemed | Refused]:
        """The work that spends an attestation: of all that try, exactly one gets `Redeemed`.

        Raises:
            RedeemRefusedError: the attestation does not verify (nothing to write down: it names no intent).
        """
        jwks = self._keys.jwks(datetime.fromtimestamp(now, UTC))
        claims = verify_attestation(body.attestation, jwks, executor.name, now)

        def work(transaction: Transaction) -> Redeemed | Refused:
            row = _served(transaction.connection, executor, claims.intent_id)
            refused = self._refusal(transaction, row, claims, body)
            if refused is None and not books.move_intent(
                transaction,
                row,
                IntentState.REDEEMED,
                f"executor:{executor.name}",
                code="redeemed",
                details={"jti": claims.jti},
                redeemed_at=micros(transaction.now),
                redeemed_by=executor.name,
            ):
                refused = Refused("already-redeemed", "the intent has been redeemed", already=True)
            if refused is None:
                return Redeemed(intent_id=row["id"], jti=claims.jti)
            transaction.record(
                Entry(
                    type="redeem.refused",
                    actor=f"executor:{executor.name}",
                    agent=row["agent"],
                    job_id=row["job"],
                    intent_id=row["id"],
                    details={"jti": claims.jti, "code": refused.code},
                )
            )
            return refused

        return work

    def _refusal(
        self, transaction: Transaction, row: RowMapping, claims: Claims, body: Redemption
    ) -> Refused | None:
        """Everything that is checked again at execution time."""
        state = IntentState(row["state"])
        if state is not IntentState.APPROVED:
            if row["redeemed_at"] is not None:
                return Refused("already-redeemed", "the intent has been redeemed", already=True)
            return Refused(state.value, f"the intent is {state.value}: the approval does not stand any more")
        if micros(transaction.now) >= row["approved_until"]:
            return Refused("approval-expired", "the approval has ended")
        content = open_content(row, self._key(transaction.connection, row))
        digest = content.declared.intent_sha256
        if {claims.intent_sha256, body.intent_sha256} != {digest}:
            return Refused("action-changed", "what is about to run is not what was approved")
        if not self._directory.is_active("agent", row["agent"]):
            return Refused("agent-suspended", "the agent is suspended, or gone")
        return (
            self._refusal_by_policy(transaction, row, content)
            or self._refusal_by_voice(transaction, row, content)
            or self._refusal_by_cap(transaction, row, content)
        )

    def _refusal_by_voice(
        self, transaction: Transaction, row: RowMapping, content: Content
    ) -> Refused | None:
        """What a phrase approved, and no person, stands no longer than what it was said with."""
        voice = spoken(content.decision)
        if row["decided_by"] != "policy" or voice is None or not voice.phrase:
            return None
        if self._phrase_stands(transaction.connection, content.declared, voice):
            return None
        return Refused(
            "voice-taken-back",
            "a phrase approved it, and the voice was taken back since: its session revoked, or in that chat "
            "another voice's by now, or the speaker deleted or enrolled anew",
        )

    def _refusal_by_policy(
        self, transaction: Transaction, row: RowMapping, content: Content
    ) -> Refused | None:
        policy = self._policies.current
        own = {entry.key: entry.amount for entry in intent_store.reserved(transaction.connection, row["id"])}
        wanted = bookings(content.declared, policy, transaction.now)
        keys = [(item.cap, item.subject, item.window) for item in wanted]
        found = intent_store.read_totals(transaction.connection, keys)
        facts = Facts(
            now=transaction.now,
            totals={key: total - own.get(key, 0) for key, (total, _) in found.items()},
            # Spoken when it was asked for, and settled by a person since: the session may have ended.
            voice=spoken(content.decision) or VoiceFacts("never_verified"),
        )
        decision = evaluate(content.declared, policy, facts)
        reason = refusal_by_policy(decision, by_policy=row["decided_by"] == "policy")
        return (
            None
            if reason is None
            else Refused("policy-forbids", f"the policy in force forbids it now: {reason}")
        )

    def _refusal_by_cap(self, transaction: Transaction, row: RowMapping, content: Content) -> Refused | None:
        """Each cap once more, in today's window at today's price: within its limit, or what a quorum signed.

        What a quorum signed was a total with another amount in it, where window or price have changed since.
        """
        booked = {entry.cap: entry for entry in intent_store.reserved(transaction.connection, row["id"])}
        for item in bookings(content.declared, self._policies.current, transaction.now):
            key = (item.cap, item.subject, item.window)
            entry = booked.get(item.cap)
            if entry is None or entry.key != key or entry.amount != item.amount:
                if entry is not None:
                    intent_store.unbook(transaction.connection, entry)
                fresh = Booked(row["id"], *key, item.amount, item.limit, "booked")
                if not intent_store.book(transaction.connection, fresh, ceiling=item.limit, permitted=None):
                    return Refused("cap-used-up", f"{item.cap} has no room for this as it counts now")
                continue
            total, permitted = intent_store.read_totals(transaction.connection, [key])[key]
            ceiling = max(item.limit, permitted or 0)
            if total > ceiling:
                return Refused(
                    "cap-used-up",
                    f"{item.cap} stands at {decimal_text(item.metric, total)}: at most "
                    f"{decimal_text(item.metric, ceiling)} is permitted",
                )
        return None

    # -- outcome -------------------------------------------------------------------------------------

    def report(
        self, executor: Identity, intent: str, body: OutcomeReport
    ) -> Callable[[Transaction], IntentView]:
        """The work that records what became of the run: from the executor that redeemed it alone."""

        def work(transaction: Transaction) -> IntentView:
            row = _served(transaction.connection, executor, intent)
            if row["redeemed_by"] != executor.name:
                raise ForbiddenError("only the executor that redeemed an intent reports its outcome")
            if row["state"] != body.status:
                books.move_intent(
                    transaction,
                    row,
                    IntentState(body.status),
                    f"executor:{executor.name}",
                    code="reported",
                    details={"exit_code": body.exit_code, "sandboxed": body.sandboxed},
                    exit_code=body.exit_code,
                )
                if body.status == "unknown":
                    raise_unknown(self._alarms, transaction, row)
                else:
                    clear_unknown(self._alarms, transaction, row)
                books.follow(transaction, row["job"], f"executor:{executor.name}")
            fresh: Any = intent_store.by_id(transaction.connection, intent)
            return view(fresh, open_content(fresh, self._key(transaction.connection, fresh)), None)

        return work

    def _key(self, connection: Connection, row: RowMapping) -> JobKey:
        job = store.by_id(connection, row["job"])
        if job is None:
            raise NotFoundError("there is no such intent")
        return books.job_key(self._state_key, job)


def raise_unknown(alarms: Alarms, transaction: Transaction, row: RowMapping) -> None:
    """Tell the operator that nobody knows what became of a run."""
    alarms.raise_in(
        transaction,
        "outcome-unknown",
        f"intent:{row['id']}",
        "an action was started and nobody knows how it ended: what it booked stays booked",
        f"govconsole resolve {row['id']} --status succeeded|failed|not_run --reason …",
    )


def clear_unknown(alarms: Alarms, transaction: Transaction, row: RowMapping) -> None:
    """Somebody knows by now what became of a run that nobody knew about."""
    if row["state"] == IntentState.UNKNOWN.value:
        alarms.clear_in(transaction, "outcome-unknown", f"intent:{row['id']}")


def _served(connection: Connection, executor: Identity, intent: str) -> RowMapping:
    row = intent_store.by_id(connection, intent)
    if row is None or not executor.serves(row["agent"]):
        raise NotFoundError("there is no such intent of an agent that this executor serves")
    return row
