"""What an operator signs once a job was decided: what became of an action, or that the rest is taken back.

Must never sign what the backend says about an action instead of the action itself (threats T12).
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from govd.contract.afterwards import ResolutionSubmission, RevocationSubmission
from govd.contract.errors import ConflictError, IntegrityError
from govd.contract.intents import IntentState
from govd.contract.votes import Resolution, Revocation, action_commitment, sign, text_commitment

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Literal

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from govd.contract.intents import IntentDetail

    Status = Literal["succeeded", "failed", "not_run"]


def action_sha256(intent: IntentDetail) -> str:
    """The hash of an action whose outcome nobody knows, computed from what is shown of it.

    Raises:
        ConflictError: its outcome is known.
        IntegrityError: the action is not the one whose hash the backend states.
    """
    if intent.state is not IntentState.UNKNOWN:
        raise ConflictError(f"the intent is {intent.state}: only an unknown outcome is resolved by hand")
    digest = intent.body().sha256()
    if digest != intent.intent_sha256:
        raise IntegrityError(
            f"the action of intent {intent.id} is not the one whose hash the backend states: "
            "nothing is signed",
            hint="govd audit verify",
        )
    return digest


def revocation(
    job: str, reason: str, operator: str, key: Ed25519PrivateKey, now: datetime
) -> RevocationSubmission:
    """The signed word that whatever of a job has not been redeemed is taken back."""
    salt = secrets.token_hex(16)
    statement = Revocation(
        job=job, reason_commitment=text_commitment(salt, reason), signed_by=operator, signed_at=now
    )
    return RevocationSubmission(statement=statement, signature=sign(statement, key), salt=salt, reason=reason)


def resolution(
    intent: IntentDetail,
    status: Status,
    reason: str,
    *,
    operator: str,
    key: Ed25519PrivateKey,
    now: datetime,
) -> ResolutionSubmission:
    """The signed word on what became of an action, bound to the action as it is shown.

    Raises:
        ConflictError: its outcome is known.
        IntegrityError: the action is not the one whose hash the backend states.
    """
    digest = action_sha256(intent)
    salt = secrets.token_hex(16)
    statement = Resolution(
        job=intent.job,
        action=action_commitment(salt, intent.id, digest),
        status=status,
        reason_commitment=text_commitment(salt, reason),
        signed_by=operator,
        signed_at=now,
    )
    return ResolutionSubmission(statement=statement, signature=sign(statement, key), salt=salt, reason=reason)
