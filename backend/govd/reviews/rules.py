"""Whether a signed vote is about what stands: pure comparisons, each with its own sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from govd.contract.canonical import commitment
from govd.contract.errors import ConflictError, ForbiddenError, InvalidRequestError, ReviewStaleError
from govd.contract.votes import Resolution, action_commitment, verify

if TYPE_CHECKING:
    from govd.contract.afterwards import ResolutionSubmission, RevocationSubmission
    from govd.contract.jobs import HoldView
    from govd.contract.votes import Review, Vote, VoteSubmission
    from govd.freshness import SigningTime

CLOCK_SLACK_S: Final = 300
"""How far the clock of a console may be from govd's, in seconds."""


@dataclass(frozen=True)
class Standing:
    """What a vote is held against."""

    hold: HoldView
    review: Review
    signing: SigningTime
    public_key: str | None
    operator: str
    reason_required: bool
    voted_already: bool


def check_vote(body: VoteSubmission, standing: Standing) -> None:
    """Refuse a vote that is not this operator's, or not about exactly what stands.

    Raises:
        ForbiddenError: the signature is not this operator's.
        ReviewStaleError: another token, other actions, another quorum or end: show the job again.
        ConflictError: this operator has voted.
        InvalidRequestError: a commitment that does not open, a reason that is missing.
    """
    vote = body.signed.vote
    if vote.operator != standing.operator or standing.public_key is None:
        raise ForbiddenError("the vote names another operator than the one who sends it")
    if not verify(vote, body.signed.signature, standing.public_key):
        raise ForbiddenError("the signature does not verify against this operator's key")
    _check_subject(vote, standing)
    _check_words(body, standing)
    if standing.voted_already:
        raise ConflictError("this operator has voted on this hold: one operator has one vote")


def _check_subject(vote: Vote, standing: Standing) -> None:
    hold = standing.hold
    if vote.job != hold.job or vote.hold != hold.id:
        raise ReviewStaleError("the vote is about another hold: look at the job again")
    if vote.review_token != standing.review.token():
        raise ReviewStaleError("what you were shown is not what stands: look at the job again")
    expected = [
        action_commitment(hold.nonce, item.id, item.intent_sha256) for item in standing.review.intents
    ]
    if vote.actions != expected:
        raise ReviewStaleError("the vote covers other actions than the hold: look at the job again")
    if vote.quorum != hold.quorum or vote.expires_at != hold.expires_at:
        raise ReviewStaleError("the quorum or the end of the hold is another: look at the job again")
    if vote.verdict == "approve":
        # A refusal is good whatever its time: to refuse must not hang on two clocks that agree.
        standing.signing.check("the vote", vote.cast_at, CLOCK_SLACK_S)


def _check_words(body: VoteSubmission, standing: Standing) -> None:
    salt, vote = bytes.fromhex(body.salt), body.signed.vote
    if commitment(salt, body.reason.encode()) != vote.reason_commitment:
        raise InvalidRequestError("the reason is not the one that was signed", pointer="/reason")
    if commitment(salt, body.guidance.encode()) != vote.guidance_commitment:
        raise InvalidRequestError("the guidance is not the one that was signed", pointer="/guidance")
    if standing.reason_required and not body.reason.strip():
        raise InvalidRequestError("the policy asks for a reason", pointer="/reason")
    if vote.verdict == "deny_with_guidance" and not body.guidance.strip():
        raise InvalidRequestError("a denial with guidance needs the guidance", pointer="/guidance")


def check_statement(
    body: RevocationSubmission | ResolutionSubmission,
    operator: str,
    public_key: str | None,
    signing: SigningTime,
) -> None:
    """Refuse a revocation that this operator has not signed, or a resolution that he has not signed just now.

    A revocation is good whatever its time: taking back must not hang on two clocks that agree, of which one
    may have been stepped (threats T14), and nothing is taken back twice.

    Args:
        body: The statement, with its signature and its reason.
        operator: Who sends it.
        public_key: His vote key; None: he is none (any more).
        signing: The time that it is held against.

    Raises:
        ForbiddenError: the signature is not this operator's, or a resolution's is not from now.
        InvalidRequestError: there is no reason, or not the one that was signed.
    """
    statement = body.statement
    if statement.signed_by != operator or public_key is None:
        raise ForbiddenError("the statement names another operator than the one who sends it")
    if not verify(statement, body.signature, public_key):
        raise ForbiddenError("the signature does not verify against this operator's key")
    if isinstance(statement, Resolution):
        signing.check("the statement", statement.signed_at, CLOCK_SLACK_S)
    if commitment(bytes.fromhex(body.salt), body.reason.encode()) != statement.reason_commitment:
        raise InvalidRequestError("the reason is not the one that was signed", pointer="/reason")
    if not body.reason.strip():
        raise InvalidRequestError("say why: it is kept with what you signed", pointer="/reason")
