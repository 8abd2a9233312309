"""Whether a signed change of a voice may count: pure comparisons, each with its own sentence (T5, T24).

A bearer token enrolls, replaces and deletes nobody: the vote key of the operator who asks has to have signed
exactly this change, of exactly what stands there now, just now.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from govd.contract.errors import ForbiddenError
from govd.contract.voicechange import contents
from govd.contract.votes import SIGNATURE_AGE_S, VoiceChange, text_commitment, verify
from govd.voice.enrollment import consent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from govd.contract.voicechange import VoiceChangeSubmission
    from govd.freshness import SigningTime
    from govd.voice.enrollment.drafts import Finished

ENROLL: Final = "govconsole voices enroll NAME FILE… asks for the passphrase of your vote key"
DELETE: Final = "govconsole voices delete NAME asks for the passphrase of your vote key"

_WORDS: Final = {
    "operation": "another operation",
    "speaker_commitment": "another speaker",
    "mine": "somebody else's own voice",
    "admin": "another admin scope: the policy's owner changed",
    "replaces": "another enrollment of that name than the one that stands now",
    "draft": "another draft",
    "contents_commitment": "other samples, another check or another consent",
    "model_sha256": "another model",
    "signed_by": "another operator",
}
"""What each member of the statement is about, said where it is another than what is asked for."""


def unsigned(mend: str) -> ForbiddenError:
    """Nobody signed it."""
    return ForbiddenError(
        "a voice is enrolled or deleted on its operator's signature, never by a token", hint=mend
    )


def check_signature(
    found: VoiceChangeSubmission, by: str, public_keys: Mapping[str, str], signing: SigningTime, mend: str
) -> None:
    """Refuse a statement that the operator who sends it has not signed just now.

    Args:
        found: What was sent.
        by: Whose token it came with.
        public_keys: The vote keys of all active operators.
        signing: The time that it is held against.
        mend: The command that signs.

    Raises:
        ForbiddenError: signed by another key, for another operator, or not just now.
    """
    change, key = found.statement, public_keys.get(by)
    if change.signed_by != by or key is None or not verify(change, found.signature, key):
        raise ForbiddenError(f"the signature is not that of {by}'s vote key: nothing was changed", hint=mend)
    signing.check("the change", change.signed_at, SIGNATURE_AGE_S, mend)


def check_change(found: VoiceChangeSubmission, expected: VoiceChange, mend: str) -> None:
    """Refuse a statement about anything else than what would be done now.

    Args:
        found: What was sent, its signature checked.
        expected: What would be done, computed here, with the salt and the time that were sent.
        mend: The command that signs.

    Raises:
        ForbiddenError: it is about something else, or was used before: what it names stands no more.
    """
    differ = [
        word
        for member, word in _WORDS.items()
        if getattr(found.statement, member) != getattr(expected, member)
    ]
    if found.statement != expected:
        raise ForbiddenError(
            f"the signature is about {', '.join(differ) or 'something else'}: look again, and sign that",
            hint=mend,
        )


def enrolling(
    found: VoiceChangeSubmission, draft: Finished, former: str | None, owner: str | None
) -> VoiceChange:
    """What saving that draft is.

    Args:
        found: What was sent: its salt, its signer and its time are taken over, and nothing else.
        draft: What would be saved.
        former: The enrolment of that name that stands now; None: there is none.
        owner: The one name with admin scope by the policy in force.
    """
    return VoiceChange(
        operation="enroll",
        speaker_commitment=text_commitment(found.salt, draft.start.name),
        mine=draft.start.mine,
        admin=draft.start.name == owner,
        replaces=former,
        draft=draft.shown.id,
        contents_commitment=contents(draft.shown, consent.VERSION, consent.TEXT).commitment(found.salt),
        model_sha256=draft.model.sha256,
        signed_by=found.statement.signed_by,
        signed_at=found.statement.signed_at,
    )


def deleting(found: VoiceChangeSubmission, name: str, former: str | None, owner: str | None) -> VoiceChange:
    """What forgetting that speaker is; see `enrolling`."""
    return VoiceChange(
        operation="delete",
        speaker_commitment=text_commitment(found.salt, name),
        mine=False,
        admin=name == owner,
        replaces=former,
        signed_by=found.statement.signed_by,
        signed_at=found.statement.signed_at,
    )
