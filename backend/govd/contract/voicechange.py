"""A voice that an operator enrolls or forgets: what he signs, computed from what he was shown.

Console and govd compute it, each from what it has itself: a token alone makes no such statement, and a draft
that somebody else filled makes another than the one that was shown (threats T5, T24).
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import ConfigDict, Field

from govd.contract.afterwards import Salt
from govd.contract.canonical import canonical_bytes, commitment
from govd.contract.errors import ConflictError, NotFoundError
from govd.contract.votes import VoiceChange, sign, text_commitment
from govd.contract.wire import Sha256, Wire

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from govd.contract.voice import Draft, DraftStart, SpeakerView, Voices


class VoiceSample(Wire):
    """A sample that is stored: the file as it was sent, and what the model made of it."""

    clip_sha256: Sha256
    print_sha256: Sha256


class VoiceContents(Wire):
    """What an enrollment stores, as its signature covers it.

    `checked_sha256`: of the fresh clip that was held against the samples. `consent_sha256`: of the consent's
    text.
    """

    samples: list[VoiceSample]
    checked_sha256: Sha256 | None
    consent_version: str
    consent_sha256: Sha256

    def commitment(self, salt: str) -> str:
        """What a statement has of it: opens with the salt (hex)."""
        return commitment(bytes.fromhex(salt), canonical_bytes(self.model_dump(mode="json")))


class VoiceChangeSubmission(Wire):
    """The body of a request that enrolls or deletes a voice: the statement, its signature (base64), the salt.

    `salt` opens the commitments in `statement`, to the speaker's name and to what is stored.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "statement": {
                        "type": "voice",
                        "operation": "delete",
                        "speaker_commitment": "9f3c" * 16,
                        "mine": False,
                        "admin": False,
                        "replaces": "0199b1a2-8d1c-7c53-9c41-2f6f0e6c1d11",
                        "signed_by": "ana",
                        "signed_at": "2026-11-21T09:00:00.000000Z",
                    },
                    "signature": base64.b64encode(bytes(64)).decode(),
                    "salt": "5a17" * 8,
                }
            ]
        }
    )

    statement: VoiceChange
    signature: Annotated[str, Field(max_length=128)]
    salt: Salt


def text_sha256(text: str) -> str:
    """SHA-256 of a text in UTF-8, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def standing(voices: Voices, name: str) -> SpeakerView | None:
    """Who is enrolled under that name."""
    return next((one for one in voices.speakers if one.name == name), None)


def contents(draft: Draft, consent_version: str, consent_text: str) -> VoiceContents:
    """What saving that draft would store, with the consent that was shown."""
    return VoiceContents(
        samples=[
            VoiceSample(clip_sha256=one.clip_sha256, print_sha256=one.print_sha256)
            for one in draft.samples
            if one.kept and one.print_sha256 is not None
        ],
        checked_sha256=draft.checked_sha256,
        consent_version=consent_version,
        consent_sha256=text_sha256(consent_text),
    )


def enrolling(draft: Draft, voices: Voices, salt: str, by: str, at: datetime) -> VoiceChange:
    """The statement that saves a draft, as it was shown, in place of who stands there now.

    Args:
        draft: What is saved.
        voices: The picture that was shown with it.
        salt: Fresh random bytes, in hex.
        by: The operator who signs.
        at: When.
    """
    former = standing(voices, draft.name)
    return VoiceChange(
        operation="enroll",
        speaker_commitment=text_commitment(salt, draft.name),
        mine=draft.mine,
        admin=draft.name == voices.owner,
        replaces=None if former is None else former.enrolment,
        draft=draft.id,
        contents_commitment=contents(draft, voices.consent_version, voices.consent_text).commitment(salt),
        model_sha256=draft.model_sha256,
        signed_by=by,
        signed_at=at,
    )


def deleting(name: str, voices: Voices, salt: str, by: str, at: datetime) -> VoiceChange:
    """The statement that deletes a voice, as it was shown; see `enrolling`.

    Raises:
        NotFoundError: nobody of that name is enrolled.
    """
    former = standing(voices, name)
    if former is None:
        raise NotFoundError("there is no such speaker", hint="govconsole voices list")
    return VoiceChange(
        operation="delete",
        speaker_commitment=text_commitment(salt, name),
        mine=False,
        admin=name == voices.owner,
        replaces=former.enrolment,
        signed_by=by,
        signed_at=at,
    )


def foreign(draft: Draft, start: DraftStart, sent: Collection[str]) -> None:
    """Refuse to sign for what came from elsewhere, where nobody looks before it is signed.

    Args:
        draft: As govd shows it.
        start: What was asked for here.
        sent: SHA-256 of each file that was sent from here, in hex.

    Raises:
        ConflictError: it is another voice's enrollment, or holds other clips.
    """
    if (draft.name, draft.mine) != (start.name, start.mine):
        raise ConflictError(
            f"what govd shows is no enrollment of {start.name} as it was asked for: nothing was signed",
            hint="govd audit verify",
        )
    held = {one.text for one in clips(draft)}
    if others := len(held - set(sent)):
        raise ConflictError(
            f"{others} of {len(held)} clips of this enrollment were not sent from here: nothing was signed",
            hint="who has your token? begin again, and if it happens again: govd operators remove, then add",
        )


@dataclass(frozen=True)
class Told:
    """One member of a statement in words.

    `digest`: the text is one. `clip`: it is that of a clip, which its sender knows too.
    """

    label: str
    text: str
    digest: bool = False
    clip: bool = False


def clips(draft: Draft) -> list[Told]:
    """The files behind what would be stored, by their digests, and the one that was held against them."""
    files = [(str(one.number), one.clip_sha256) for one in draft.samples if one.kept]
    files += [] if draft.checked_sha256 is None else [("check", draft.checked_sha256)]
    return [Told(label, digest, digest=True, clip=True) for label, digest in files]


def told(name: str, voices: Voices, draft: Draft | None = None) -> list[Told]:
    """Everything that `enrolling` (with a draft) or `deleting` would have signed, for who signs it."""
    former = standing(voices, name)
    found = [Told("voice", name)]
    if name == voices.owner:
        found.append(Told("admin scope", "the policy in force gives it to this name"))
    if former is not None:
        whose = f", the own voice of {former.operator}" if former.operator else ""
        when = former.enrolled_at.strftime("%Y-%m-%d %H:%M UTC")
        found.append(
            Told("replaces" if draft else "deletes", f"{former.samples} samples, enrolled {when}{whose}")
        )
        found.append(Told("", former.enrolment))
    if draft is None:
        return found
    if former is None:
        found.append(Told("replaces", "nothing: nobody of that name is enrolled"))
    if draft.mine:
        found.append(Told("own voice", "it steps up the votes of whoever signs"))
    count = sum(one.kept for one in draft.samples)
    found.append(Told("samples", f"{count}, {draft.net_seconds:.0f} s of speech; sha256 of each file:"))
    found += clips(draft)
    return [
        *found,
        Told("consent", f"version {voices.consent_version}; sha256 of its text, and of the model:"),
        Told("text", text_sha256(voices.consent_text), digest=True),
        Told("model", draft.model_sha256, digest=True),
        Told("draft", draft.id),
    ]


def signed(change: VoiceChange, salt: str, key: Ed25519PrivateKey) -> VoiceChangeSubmission:
    """The statement with its signature."""
    return VoiceChangeSubmission(statement=change, signature=sign(change, key), salt=salt)


def log_details(found: VoiceChangeSubmission) -> dict[str, Any]:
    """How it stands in the log: the whole statement with its signature, and never the salt."""
    return {
        "statement": found.statement.model_dump(mode="json", exclude={"type"}),
        "signature": base64.b64decode(found.signature).hex(),
    }


def from_log(details: Mapping[str, Any]) -> tuple[VoiceChange, str]:
    """The statement and the signature (base64) of an entry of the log: from there it is verified again.

    Raises:
        ValueError: the entry holds none, or one of another form.
    """
    try:
        change, signature = details["statement"], bytes.fromhex(details["signature"])
    except (KeyError, TypeError):
        raise ValueError("the entry holds no signed change of a voice") from None
    return VoiceChange.model_validate(change), base64.b64encode(signature).decode()
