"""Votes: what an operator signs, computed from what was rendered, and how anyone verifies it offline.

Both the console and an executor run this code on their own; a backend that lies about an action cannot
make a vote for it (threats T12).
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Annotated, Final, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import Field

from govd.contract.canonical import canonical_bytes, commitment, sha256_hex
from govd.contract.errors import InvalidRequestError
from govd.contract.limits import MAX_LIST
from govd.contract.wire import Flag, Id, Int, Name, Reason, Sha256, Timestamp, Wire

if TYPE_CHECKING:
    from collections.abc import Iterable

    from govd.contract.decisions import DecisionView

Verdict = Literal["approve", "deny", "deny_with_guidance"]

_CONTEXT = b"govconsole/%s/v1\n"


class FindingKey(Wire):
    """The part of a finding that a review token covers: its code and cap, never a running total."""

    code: str
    rule: str
    cap: str | None = None


class ReviewedIntent(Wire):
    """One intent of the hold, as the token covers it."""

    id: Id
    intent_sha256: Sha256
    level: int | None
    findings: list[FindingKey]


class Review(Wire):
    """What a review token is the hash of."""

    job: Id
    hold: Id
    nonce: str
    policy_sha256: Sha256
    intents: list[ReviewedIntent]

    def token(self) -> str:
        """The review token: SHA-256 of the canonical form, in hex."""
        return sha256_hex(self.model_dump(mode="json"))


def reviewed(intent: Id, digest: Sha256, decision: DecisionView) -> ReviewedIntent:
    """One intent of a review, from its id, the hash of what was rendered, and its decision."""
    keys = {
        (finding.code, finding.rule, finding.gauge.cap if finding.gauge else None)
        for finding in decision.findings
    }
    ordered = sorted(keys, key=lambda key: (key[0], key[1], key[2] or ""))
    return ReviewedIntent(
        id=intent,
        intent_sha256=digest,
        level=decision.autonomy_level,
        findings=[FindingKey(code=code, rule=rule, cap=cap) for code, rule, cap in ordered],
    )


class ActionCommitment(Wire):
    """Binds a vote to one action without telling what it is: opens with the hold's nonce."""

    intent: Id
    commitment: Sha256


def action_commitment(nonce: str, intent: str, digest: str) -> ActionCommitment:
    """The commitment of a vote to the action with that hash."""
    return ActionCommitment(
        intent=intent, commitment=commitment(bytes.fromhex(nonce), f"{intent}:{digest}".encode())
    )


def text_commitment(salt: str, text: str) -> str:
    """The commitment of a vote to what its operator wrote: opens with the submission's salt (hex)."""
    return commitment(bytes.fromhex(salt), text.encode())


class Permit(Wire):
    """The highest total of one cap that a vote permits: a decimal, USD with six places or a count."""

    cap: str
    subject: str
    window: str
    highest: Annotated[str, Field(pattern=r"^[0-9]{1,30}(\.[0-9]{1,6})?$")]


class Vote(Wire):
    """What an operator signs."""

    type: Literal["vote"] = "vote"
    operator: Name
    job: Id
    hold: Id
    review_token: Sha256
    actions: Annotated[list[ActionCommitment], Field(min_length=1, max_length=MAX_LIST)]
    quorum: Annotated[Int, Field(ge=1, le=99)]
    expires_at: Timestamp
    verdict: Verdict
    permits: Annotated[list[Permit], Field(max_length=MAX_LIST)] = Field(default_factory=list)
    reason_commitment: Sha256
    guidance_commitment: Sha256
    cast_at: Timestamp
    on_screen_ms: Annotated[Int, Field(ge=0, le=10**10)] = 0


class SignedVote(Wire):
    """A vote and its Ed25519 signature (base64) over `signing_bytes("vote", vote)`."""

    vote: Vote
    signature: str


class VoteSubmission(Wire):
    """The body of `POST /v1/jobs/{id}/votes`: the signed vote, and what its commitments open to."""

    signed: SignedVote
    salt: Annotated[str, Field(pattern=r"^[0-9a-f]{32,64}$")]
    reason: Reason = ""
    guidance: Reason = ""


class Enrolment(Wire):
    """What an existing operator signs to add an identity, or to take one out (threats T5)."""

    type: Literal["enrolment"] = "enrolment"
    operation: Literal["add", "remove"]
    kind: Literal["operator", "executor"]
    name: Name
    public_key: str | None = None
    token_sha256: Sha256 | None = None
    agents: Annotated[list[Name], Field(max_length=MAX_LIST)] = Field(default_factory=list)
    uid: Annotated[Int, Field(ge=0, le=2**32)] | None = None
    advisory: Flag = False
    signed_by: Name
    signed_at: Timestamp


class PolicyChange(Wire):
    """What an operator signs to put a policy in force."""

    type: Literal["policy"] = "policy"
    sha256: Sha256
    base_sha256: Sha256
    reason_commitment: Sha256
    signed_by: Name
    signed_at: Timestamp


class Revocation(Wire):
    """What an operator signs to take back whatever of a job has not been redeemed.

    It names no single actions: an agent that adds one while somebody signs must not be able to stall it.
    """

    type: Literal["revocation"] = "revocation"
    job: Id
    reason_commitment: Sha256
    signed_by: Name
    signed_at: Timestamp


class Resolution(Wire):
    """What an operator signs to say what became of an action whose outcome nobody knows.

    `action`: the action as it was rendered, committed to with the salt of the submission.
    """

    type: Literal["resolution"] = "resolution"
    job: Id
    action: ActionCommitment
    status: Literal["succeeded", "failed", "not_run"]
    reason_commitment: Sha256
    signed_by: Name
    signed_at: Timestamp


class KeyRotation(Wire):
    """What an operator signs to have govd sign with another key of its own (threats T5).

    Both keys are 32 raw bytes in base64. `stolen`: what the previous one signed counts no more, at once.
    """

    type: Literal["keys"] = "keys"
    public_key: str
    previous: str
    stolen: Flag = False
    signed_by: Name
    signed_at: Timestamp


class StolenKey(Wire):
    """What an operator signs about a key that signed before: somebody else has it, nothing of it counts.

    `kid`: its RFC 7638 thumbprint, so that the statement is about that very key, also where its file is gone.
    """

    type: Literal["stolen-key"] = "stolen-key"
    kid: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{43}$")]
    signed_by: Name
    signed_at: Timestamp


class Restoration(Wire):
    """What an operator signs to open a new epoch of the log after a state went back in time."""

    type: Literal["restoration"] = "restoration"
    epoch: int
    seq: int
    head: Sha256
    signed_by: Name
    signed_at: Timestamp


class VoiceChange(Wire):
    """What an operator signs to enroll a voice, in place of another or not, or to forget one (threats T5).

    `speaker_commitment` opens with the submission's salt to the speaker's name, `contents_commitment` to what
    would be stored: so the whole statement stands in the log, and the name does not. It is good once: a draft
    is saved once, and an enrolment's id is given once.

    `mine`: it becomes the signer's own voice. `admin`: the name is the one with admin scope by the policy in
    force. `replaces`: the enrolment that goes, or none.
    """

    type: Literal["voice"] = "voice"
    operation: Literal["enroll", "delete"]
    speaker_commitment: Sha256
    mine: Flag
    admin: Flag
    replaces: Id | None
    draft: Id | None = None
    contents_commitment: Sha256 | None = None
    model_sha256: Sha256 | None = None
    signed_by: Name
    signed_at: Timestamp


Statement = (
    Vote
    | Enrolment
    | PolicyChange
    | Restoration
    | Revocation
    | Resolution
    | KeyRotation
    | StolenKey
    | VoiceChange
)

SIGNATURE_AGE_S: Final = 600
"""How old a signature of these may be when it is shown, in seconds; a vote has its hold's end."""


def signing_bytes(statement: Statement) -> bytes:
    """What is signed: a context that no other statement shares, then the canonical form."""
    return _CONTEXT % statement.type.encode() + canonical_bytes(statement.model_dump(mode="json"))


def sign(statement: Statement, key: Ed25519PrivateKey) -> str:
    """The Ed25519 signature (RFC 8032) over `signing_bytes`, in base64."""
    return base64.b64encode(key.sign(signing_bytes(statement))).decode()


def verify(statement: Statement, signature: str, public_key: str) -> bool:
    """Whether the signature is that key's. `public_key`: 32 raw bytes in base64."""
    try:
        raw = base64.b64decode(signature, validate=True)
        load_public_key(public_key).verify(raw, signing_bytes(statement))
    except (InvalidSignature, InvalidRequestError, binascii.Error, ValueError):
        return False
    return True


def load_public_key(text: str) -> Ed25519PublicKey:
    """A public key from its 32 raw bytes in base64.

    Raises:
        InvalidRequestError: it is no such key.
    """
    try:
        return Ed25519PublicKey.from_public_bytes(base64.b64decode(text, validate=True))
    except (ValueError, binascii.Error):
        raise InvalidRequestError("not an Ed25519 public key: 32 bytes in base64 are expected") from None


def vote_sha256(signed: SignedVote) -> str:
    """The digest by which an attestation and the log name a vote."""
    return sha256_hex(signed.model_dump(mode="json"))


def covers(vote: Vote, nonce: str, intent: str, digest: str) -> bool:
    """Whether the vote binds to that action: what an executor with pinned operator keys checks."""
    return action_commitment(nonce, intent, digest) in vote.actions


def lowest_permits(votes: Iterable[Vote]) -> dict[tuple[str, str, str], str]:
    """For each (cap, subject, window) that **every** vote permits, the lowest of their highest totals."""
    from decimal import Decimal

    found: list[dict[tuple[str, str, str], Decimal]] = [
        {(permit.cap, permit.subject, permit.window): Decimal(permit.highest) for permit in vote.permits}
        for vote in votes
    ]
    if not found:
        return {}
    shared = set.intersection(*(set(item) for item in found))
    return {key: str(min(item[key] for item in found)) for key in shared}
