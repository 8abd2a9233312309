"""The review of a job: token and vote, computed from the very models that were rendered (threats T12).

Must never sign what the backend says about an action instead of the action itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from govd.contract.errors import IntegrityError, JobClosedError
from govd.contract.intents import IntentState
from govd.contract.votes import (
    Permit,
    Review,
    SignedVote,
    Vote,
    VoteSubmission,
    action_commitment,
    reviewed,
    sign,
    text_commitment,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from govd.contract.decisions import Gauge
    from govd.contract.intents import IntentDetail
    from govd.contract.jobs import HoldView, JobDetail
    from govd.contract.votes import Verdict

Cap = tuple[str, str, str]


@dataclass(frozen=True)
class Words:
    """What the operator wrote or chose, and how long the job stood before him."""

    reason: str = ""
    guidance: str = ""
    choice: str = ""
    on_screen_ms: int = 0


@dataclass(frozen=True)
class Prepared:
    """A job as it was rendered, with the token that names exactly this and the totals it would permit."""

    detail: JobDetail
    hold: HoldView
    review: Review
    token: str
    permits: tuple[Permit, ...]

    def vote(self, verdict: Verdict, operator: str, words: Words, salt: str, cast_at: datetime) -> Vote:
        """The statement that a verdict signs. A refusal permits no total."""
        return Vote(
            operator=operator,
            job=self.detail.id,
            hold=self.hold.id,
            review_token=self.token,
            actions=[
                action_commitment(self.hold.nonce, intent.id, intent.intent_sha256)
                for intent in self.review.intents
            ],
            quorum=self.hold.quorum,
            expires_at=self.hold.expires_at,
            verdict=verdict,
            permits=list(self.permits) if verdict == "approve" else [],
            reason_commitment=text_commitment(salt, words.reason),
            guidance_commitment=text_commitment(salt, words.guidance),
            cast_at=cast_at,
            on_screen_ms=words.on_screen_ms,
        )


def submission(vote: Vote, words: Words, salt: str, key: Ed25519PrivateKey) -> VoteSubmission:
    """The signed vote, and what its commitments open to."""
    return VoteSubmission(
        signed=SignedVote(vote=vote, signature=sign(vote, key)),
        salt=salt,
        reason=words.reason,
        guidance=words.guidance,
    )


def prepare(detail: JobDetail) -> Prepared:
    """The review of what is rendered.

    Raises:
        JobClosedError: nothing in the job waits for a vote.
        IntegrityError: an action is not the one whose hash the backend states, or belongs to another job.
    """
    hold = detail.hold
    if hold is None or not any(intent.state is IntentState.HELD for intent in hold.intents):
        raise JobClosedError(f"nothing in job {detail.id} waits for a vote: it is {detail.state}")
    if hold.job != detail.id:
        raise IntegrityError("the backend shows the hold of another job: nothing is signed")
    review = Review(
        job=detail.id,
        hold=hold.id,
        nonce=hold.nonce,
        policy_sha256=hold.policy_sha256,
        intents=[
            reviewed(intent.id, checked_sha256(detail, intent), intent.decision) for intent in hold.intents
        ],
    )
    return Prepared(detail, hold, review, review.token(), permits(hold.intents))


def checked_sha256(detail: JobDetail, intent: IntentDetail) -> str:
    """The hash of the action as it is rendered.

    Raises:
        IntegrityError: the backend states another one.
    """
    digest = intent.body().sha256()
    if digest != intent.intent_sha256:
        raise IntegrityError(
            f"the action of intent {intent.id} is not the one whose hash the backend states: "
            "nothing is signed",
            hint="govd audit verify",
        )
    if intent.job != detail.id or intent.agent != detail.agent:
        raise IntegrityError(f"intent {intent.id} belongs to another job or agent: nothing is signed")
    return digest


def crossings(intents: Sequence[IntentDetail]) -> dict[Cap, tuple[Gauge, Decimal]]:
    """Each cap that the intents together cross: the gauge with the highest `used`, and the sum added."""
    gauges: dict[Cap, Gauge] = {}
    added: dict[Cap, Decimal] = {}
    for intent in intents:
        for cap, amount, gauge in _amounts(intent):
            added[cap] = added.get(cap, Decimal(0)) + amount
            if gauge is not None and (cap not in gauges or Decimal(gauge.used) > Decimal(gauges[cap].used)):
                gauges[cap] = gauge
    return {
        cap: (gauge, added[cap])
        for cap, gauge in gauges.items()
        if Decimal(gauge.used) + added[cap] > Decimal(gauge.limit)
    }


def _amounts(intent: IntentDetail) -> list[tuple[Cap, Decimal, Gauge | None]]:
    """What one intent adds to each cap, once a cap: by its gauge, or by what its approval would book."""
    found: dict[Cap, tuple[Decimal, Gauge | None]] = {
        (item.cap, item.subject, item.window): (Decimal(item.amount), None)
        for item in intent.decision.reservations
    }
    for finding in intent.decision.findings:
        if finding.gauge is not None:
            gauge = finding.gauge
            found[gauge.cap, gauge.subject, gauge.window] = (Decimal(gauge.adds), gauge)
    return [(cap, amount, gauge) for cap, (amount, gauge) in found.items()]


def permits(intents: Sequence[IntentDetail]) -> tuple[Permit, ...]:
    """For each cap that would be crossed, the highest total that an approval of these intents permits."""
    return tuple(
        Permit(cap=cap, subject=subject, window=window, highest=_plain(Decimal(gauge.used) + sum_, gauge))
        for (cap, subject, window), (gauge, sum_) in sorted(
            crossings(intents).items(), key=lambda item: item[0]
        )
    )


def _plain(value: Decimal, gauge: Gauge) -> str:
    return f"{value:.6f}" if gauge.metric == "usd" else f"{value:.0f}"
