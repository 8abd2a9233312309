"""Each request of the agents' door as a value: what is sent, what comes back, whether it may be sent twice.

Pure: the two clients send them. Must never call a request repeatable that could act twice.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar
from urllib.parse import quote

from pydantic import RootModel, ValidationError

from govd.contract.attestations import Minted, Redeemed, Redemption
from govd.contract.errors import TYPE_PREFIX, GovError, IntegrityError, error_classes
from govd.contract.evidence import EvidenceHead, EvidenceSubmission
from govd.contract.intents import IntentView, OutcomeReport, Submission
from govd.contract.jobs import JobSubmission, JobView
from govd.contract.limits import MAX_WAIT_SECONDS
from govd.contract.system import Me, TokenRenewed
from govd.contract.text import visible
from govd.contract.voice import Enrolled, SpeakerBriefs, Verification, VoiceSession
from govd.contract.voicephrase import PhraseRequest, VoicePhrase

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel

    from govd.contract.wire import Wire

M = TypeVar("M", bound="BaseModel")

_BY_CODE: Final = {cls.code: cls for cls in error_classes()}
_MAX_SENTENCE: Final = 2000
_SHOWN: Final = 200
CLIENT_ERROR: Final = 400
VOICE_SECONDS: Final = 60.0
"""How long a clip may take: the model may have to be loaded first, and others may be in front."""


class Jwks(RootModel[dict[str, Any]]):
    """`/.well-known/jwks.json`, as it came."""


@dataclass(frozen=True)
class Form:
    """A form with one file, as RFC 7578 has it."""

    file: bytes = field(repr=False)
    file_name: str
    values: Mapping[str, str]

    def encoded(self) -> tuple[bytes, str]:
        """The form's bytes, and its media type. No part can hold the boundary: it is drawn for this form."""
        boundary = secrets.token_hex(16)
        parts = [
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
            for name, value in self.values.items()
        ]
        head = f'Content-Disposition: form-data; name="file"; filename="{self.file_name}"'
        parts.append(f"--{boundary}\r\n{head}\r\nContent-Type: application/octet-stream\r\n\r\n".encode())
        parts.append(self.file)
        parts.append(f"\r\n--{boundary}--\r\n".encode())
        return b"".join(parts), f"multipart/form-data; boundary={boundary}"


@dataclass(frozen=True)
class Call(Generic[M]):
    """One request.

    Attributes:
        answer: The model of a good answer.
        body: What is sent as JSON.
        form: What is sent as a form, in place of a body.
        repeatable: Whether sending it again, not knowing what became of the first, changes nothing.
        wait: Seconds that the backend may hold the answer back.
    """

    method: str
    path: str
    answer: type[M]
    body: Wire | None = None
    repeatable: bool = True
    wait: float = 0
    form: Form | None = None

    def content(self) -> tuple[bytes, str] | None:
        """What is sent, and its media type."""
        if self.form is not None:
            return self.form.encoded()
        if self.body is None:
            return None
        return json.dumps(self.body.model_dump(mode="json", by_alias=True)).encode(), "application/json"

    def taken(self, status: int, content: bytes) -> M:
        """The answer.

        Raises:
            GovError: the backend refused; the class is that of the problem's code.
            IntegrityError: the answer is none that this version knows.
        """
        if status >= CLIENT_ERROR:
            raise error_of(status, content)
        try:
            return self.answer.model_validate_json(content)
        except ValidationError as error:
            place = "/".join(str(part) for part in error.errors()[0]["loc"])
            raise IntegrityError(
                f"the backend's answer is no {self.answer.__name__}: {visible(place, _SHOWN)}",
                hint="govgate and govd are of different versions",
            ) from None


def error_of(status: int, content: bytes) -> GovError:
    """The error that a problem document stands for."""
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        body = {}
    return from_problem(body if isinstance(body, dict) else {}, status)


def from_problem(body: dict[str, Any], status: int = 500) -> GovError:
    """The error of the tree that a problem document names; its words are made visible."""
    code = str(body.get("type", "")).removeprefix(TYPE_PREFIX)
    detail = body.get("detail") or body.get("title") or f"the backend answered {status} without a reason"
    hint = body.get("hint")
    retry_after = body.get("retry_after")
    return _BY_CODE.get(code, GovError)(
        visible(str(detail), _MAX_SENTENCE),
        hint=visible(str(hint), _MAX_SENTENCE) if hint is not None else None,
        retry_after=retry_after if isinstance(retry_after, int) else None,
        # What an agent says then, where the backend has a text for it.
        **({"message": visible(said, _MAX_SENTENCE)} if isinstance(said := body.get("message"), str) else {}),
    )


def open_job(body: JobSubmission) -> Call[JobView]:
    """Open a job."""
    return Call("POST", "/v1/jobs", JobView, body, repeatable=False)


def job(identifier: str) -> Call[JobView]:
    """A job of one's own."""
    return Call("GET", f"/v1/jobs/{identifier}", JobView)


def deliver(identifier: str) -> Call[JobView]:
    """Say that the job is done."""
    return Call("POST", f"/v1/jobs/{identifier}/deliver", JobView, repeatable=False)


def submit(body: Submission) -> Call[IntentView]:
    """Declare an intent; repeatable with an idempotency key."""
    return Call("POST", "/v1/intents", IntentView, body, repeatable=body.idempotency_key is not None)


def intent(identifier: str, wait: float = 0) -> Call[IntentView]:
    """Where an intent stands; with `wait`, the answer is held back while it is held (seconds)."""
    seconds = min(max(int(wait), 0), MAX_WAIT_SECONDS)
    query = f"?wait={seconds}" if seconds else ""
    return Call("GET", f"/v1/intents/{identifier}{query}", IntentView, wait=seconds)


def cancel(identifier: str) -> Call[IntentView]:
    """Withdraw an intent."""
    return Call("POST", f"/v1/intents/{identifier}/cancel", IntentView, repeatable=False)


def mint(identifier: str) -> Call[Minted]:
    """Ask for an attestation. Each answer is a fresh one; only a redemption spends anything."""
    return Call("POST", f"/v1/intents/{identifier}/attestation", Minted)


def redeem(attestation: str, intent_sha256: str) -> Call[Redeemed]:
    """Spend the attestation: never sent twice."""
    body = Redemption(attestation=attestation, intent_sha256=intent_sha256)
    return Call("POST", "/v1/attestations/redeem", Redeemed, body, repeatable=False)


def report(identifier: str, outcome: OutcomeReport) -> Call[IntentView]:
    """Say what became of the run; the same report again changes nothing."""
    return Call("POST", f"/v1/intents/{identifier}/outcome", IntentView, outcome)


def evidence(identifier: str, body: EvidenceSubmission) -> Call[EvidenceHead]:
    """Say what was found out about a held intent; it is taken once."""
    return Call("POST", f"/v1/intents/{identifier}/evidence", EvidenceHead, body, repeatable=False)


def me() -> Call[Me]:
    """Who the token's holder is."""
    return Call("GET", "/v1/me", Me)


def renew() -> Call[TokenRenewed]:
    """A fresh token for the same agent."""
    return Call("POST", "/v1/me/token", TokenRenewed, repeatable=False)


def verify_voice(form: Form) -> Call[Verification]:
    """Whose voice a clip is. Never sent twice: the second would be a replay."""
    return Call("POST", "/verify", Verification, form=form, repeatable=False, wait=VOICE_SECONDS)


def voice_phrase(job: str, chat: str) -> Call[VoicePhrase]:
    """The phrase of a held job. Never sent twice: the second makes the first void."""
    body = PhraseRequest(job=job, chat=chat)
    return Call("POST", "/v1/voice/phrase", VoicePhrase, body, repeatable=False)


def enroll_voice(form: Form) -> Call[Enrolled]:
    """Ask that a sample is taken in."""
    return Call("POST", "/enroll", Enrolled, form=form, repeatable=False, wait=VOICE_SECONDS)


def voice_session(chat: str) -> Call[VoiceSession]:
    """Whether a chat of this agent is verified."""
    return Call("GET", f"/v1/voice/session?chat={quote(chat, safe='')}", VoiceSession)


def speakers() -> Call[SpeakerBriefs]:
    """Who is enrolled."""
    return Call("GET", "/speakers", SpeakerBriefs)


def jwks() -> Call[Jwks]:
    """The public keys of attestations."""
    return Call("GET", "/.well-known/jwks.json", Jwks)
