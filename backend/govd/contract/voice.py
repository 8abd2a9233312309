"""Voices on the wire: what agents and operators are told of speakers, samples, verifications and sessions.

A voice is evidence beside a stronger factor, never the only one: replays and synthetic voices pass.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from govd.contract.limits import MAX_PROMPT
from govd.contract.wire import Flag, Id, Int, Name, Sha256, Timestamp, Wire

UNKNOWN_SPEAKER = "unknown"


def _somebody(name: str) -> str:
    if name == UNKNOWN_SPEAKER:
        message = f"{UNKNOWN_SPEAKER} is what a miss is called: nobody has that name"
        raise ValueError(message)
    return name


SpeakerName = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$"), AfterValidator(_somebody)
]
"""A speaker: lower-case, no path, no spaces. It is data and never a file name; `unknown` is nobody's."""

Chat = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._@+-]{0,128}$")]
"""The chat that a clip came from: the NAME of an origin `channel:NAME`; empty: the agent's own session."""

Ratio = Annotated[float, Field(ge=-1.0, le=1.0)]
"""A raw cosine: of two unit vectors, -1 to 1."""


class VoiceState(StrEnum):
    """Whether a chat is verified, asked at each use."""

    VERIFIED = "verified"
    EXPIRED = "expired"
    NEVER_VERIFIED = "never_verified"


class Fault(StrEnum):
    """Why a clip is not good enough; a closed set, each with its number in `Quality`."""

    TOO_SHORT = "too-short"
    TOO_QUIET = "too-quiet"
    CLIPPED = "clipped"
    NOISY = "noisy"
    NARROW_BAND = "narrow-band"
    NOT_SPEECH = "not-speech"
    SEVERAL_VOICES = "several-voices"
    NOT_THE_SAME_VOICE = "not-the-same-voice"


class Quality(Wire):
    """What was measured of a clip before any encoder heard it.

    `seconds`: its length; `net_seconds`: of it, speech. `level_dbfs`: RMS of the speech, in dB of full scale.
    `snr_db`: speech over the rest. `clipped`: share of speech samples at full scale. `bandwidth_hz`: below
    it lie 99 % of the speech's energy. `faults`: what keeps it from being used; empty: nothing.
    """

    seconds: float
    net_seconds: float
    level_dbfs: float
    snr_db: float
    clipped: float
    bandwidth_hz: float
    faults: list[Fault] = Field(default_factory=list)


class Verification(Wire):
    """The answer of `POST /verify`: the seed's shape, with words to say and what stands from here on.

    A miss is `verified: false` with `speaker: "unknown"`. `scores` holds the best match alone.
    """

    verified: Flag
    speaker: str
    confidence: Ratio
    threshold: Ratio
    scores: dict[str, float] = Field(default_factory=dict)
    message: str = ""
    low_confidence: Flag = False
    admin: Flag = False
    """Whether this speaker is the one with admin scope."""
    expires_at: Timestamp | None = None
    quality: Quality | None = None
    phrase: Flag = False
    """Whether the phrase of the job that was named was said: it is good once."""
    job_state: str | None = None
    """With `phrase`: where that job stands now (`held`, `processing`, …)."""


class Enrolled(Wire):
    """The answer of `POST /enroll`: from an agent it is held (202), and a person settles `job`."""

    status: Literal["held", "enrolled"]
    speaker: SpeakerName
    total_samples: Annotated[Int, Field(ge=0)]
    embedding_dim: Annotated[Int, Field(ge=0)]
    message: str = ""
    job: Id | None = None
    quality: Quality | None = None


class SpeakerBrief(Wire):
    """A speaker, as an agent may see it. `message`: what to say of a complete enrollment, else empty."""

    name: SpeakerName
    samples: Annotated[Int, Field(ge=0)]
    message: str = ""


class SpeakerBriefs(Wire):
    """The answer of `GET /speakers`."""

    speakers: list[SpeakerBrief]


class SpeakerRemoval(Wire):
    """The answer of `DELETE /speakers/{name}`: from an agent it is held (202)."""

    status: Literal["held", "deleted"]
    speaker: SpeakerName
    job: Id | None = None
    message: str = ""


class VoiceSession(Wire):
    """The answer of `GET /v1/voice/session?chat=`."""

    state: VoiceState
    chat: Chat
    speaker: SpeakerName | None = None
    admin: Flag = False
    expires_at: Timestamp | None = None


class ModelView(Wire):
    """A speaker model: what it is, and what its figures were measured on.

    `runtime`: what runs it. `sha256`: of the weights as they lie there. `threshold`: accept from this cosine
    on. `low_confidence`: below it a match is named weak. `demo`: it verifies nobody outside of the demo.
    `eer`, `fmr`, `fnmr`: shares on the trials of its calibration; `trials`: how many.
    """

    id: str
    runtime: Literal["onnx", "nemo"]
    sha256: Sha256
    dimension: Annotated[Int, Field(ge=1)]
    threshold: Ratio
    low_confidence: Ratio
    demo: Flag = False
    active: Flag = False
    eer: float | None = None
    fmr: float | None = None
    fnmr: float | None = None
    trials: int | None = None


class SpeakerView(Wire):
    """A speaker, as an operator sees it. `stale`: made with another model; it must be enrolled again."""

    name: SpeakerName
    enrolment: Id
    """Fresh with each enrollment: what a signature names that replaces or deletes this one."""
    samples: Annotated[Int, Field(ge=0)]
    net_seconds: float
    agreement: float
    """The lowest leave-one-out cosine among the samples."""
    admin: Flag = False
    unheard: Flag = False
    """Samples that an agent sent were approved by somebody who had not played them: no admin scope."""
    operator: Name | None = None
    """Whose own voice it is, for step-up in the console."""
    model: str
    stale: Flag = False
    consent_version: str
    consent_at: Timestamp
    enrolled_at: Timestamp
    last_verified_at: Timestamp | None = None


class WaitingSample(Wire):
    """A sample that an agent sent, which waits for a person; its audio is kept encrypted, at most 24 h."""

    id: Id
    speaker: SpeakerName
    agent: Name
    job: Id
    seconds: float
    net_seconds: float
    heard: Flag = False
    """Whether you have played it."""
    expires_at: Timestamp


class SessionView(Wire):
    """A session that stands, and can be revoked."""

    id: Id
    speaker: SpeakerName
    agent: Name | None = None
    chat: Chat = ""
    operator: Name | None = None
    verified_at: Timestamp
    expires_at: Timestamp


LOCKED_CHAT = r"^([A-Za-z0-9._@+-]{0,128}|\*)$"


class LockView(Wire):
    """An agent's chat that failed too often. `until`: refused until then; None: until it is unlocked.

    `chat` `*`: all its chats together within a day, up to `until`; only chats that were verified may try.
    """

    agent: Name
    chat: Annotated[str, StringConstraints(pattern=LOCKED_CHAT)]
    failures: Annotated[Int, Field(ge=0)]
    until: Timestamp | None = None
    locked: Flag = False


class LockViews(Wire):
    """What stood against an agent before it was cleared."""

    locks: list[LockView]


class DraftSample(Wire):
    """One sample of an enrollment under way; kept only if its quality has no fault."""

    number: Annotated[Int, Field(ge=1)]
    quality: Quality
    kept: Flag
    clip_sha256: Sha256
    """Of the file as it was sent: whoever signs compares it with what he sent."""
    print_sha256: Sha256 | None = None
    """Of what the model made of it; None: a fault kept it from the model."""
    agreement: float | None = None
    """Cosine with the mean of the others; None: it is the first."""


class Draft(Wire):
    """An enrollment under way. It lives in memory and is gone after an hour, or when it is left for good.

    `matrix`: cosines of each kept sample with each, row by row.
    """

    id: Id
    name: SpeakerName
    mine: Flag
    model_sha256: Sha256
    samples: list[DraftSample]
    net_seconds: float
    matrix: list[list[float]]
    ready: Flag
    """Whether there is enough to be saved."""
    verified: Flag = False
    """Whether a fresh sample matched what would be saved."""
    checked_sha256: Sha256 | None = None
    """Of the file that was held against it last, as it was sent."""
    confidence: float | None = None
    expires_at: Timestamp


class Voices(Wire):
    """What the Voices screen shows. `degraded`: why nobody can be verified, and `mend` the command for it."""

    model: ModelView | None
    degraded: str = ""
    mend: str = ""
    owner: str | None = None
    """The one name with admin scope by the policy in force."""
    speakers: list[SpeakerView]
    waiting: list[WaitingSample] = Field(default_factory=list)
    sessions: list[SessionView] = Field(default_factory=list)
    locks: list[LockView] = Field(default_factory=list)
    consent_version: str
    consent_text: str
    prompts: list[str]
    """What to read aloud; any words do."""
    minimum_samples: Annotated[Int, Field(ge=1)]
    maximum_samples: Annotated[Int, Field(ge=1)]
    minimum_net_seconds: float
    drafts: list[Draft] = Field(default_factory=list)
    """Your own enrollments under way, begun in whichever console; the latest last."""
    phrases: Flag = False
    """Whether phrases can be checked: a transcription upstream is set."""
    step_up_phrase: Flag = False
    """Whether your own voice has to say one: `POST step-up/phrase` gives it."""
    tidying: Flag = False
    """Whether something that was deleted may still lie in the database's journal or in a backup: somebody
    reads an older state. It is tried again every second."""


class DraftStart(Wire):
    """Begins an enrollment in the console: whose voice, and the consent that was given.

    `mine`: it is the operator's own voice, and steps up his votes.
    """

    name: SpeakerName
    consent_version: str
    consented: Flag
    mine: Flag = False


class CaptureUse(Wire):
    """Uses the clip that a capture page has recorded, in place of a file."""

    capture: Id


class DraftCheck(Wire):
    """A fresh sample held against a draft. `clip_sha256`: of the file as it was sent."""

    verified: Flag
    clip_sha256: Sha256
    confidence: Ratio
    threshold: Ratio
    quality: Quality


class StepUp(Wire):
    """The answer to an operator who showed his voice."""

    verified: Flag
    speaker: SpeakerName | None = None
    confidence: Ratio = 0.0
    threshold: Ratio = 0.0
    expires_at: Timestamp | None = None
    message: str = ""
    quality: Quality | None = None


class CaptureStart(Wire):
    """Asks for a capture page. `prompt`: what the page shows to be read aloud; empty: any words."""

    prompt: Annotated[str, StringConstraints(max_length=MAX_PROMPT)] = ""


class CaptureTicket(Wire):
    """A browser page that records one clip: open `url` on govd's machine, or through a forwarded port."""

    id: Id
    url: str
    expires_at: Timestamp


class CaptureState(Wire):
    """What became of a capture page. `seconds` of audio have come; `done`: the clip is complete."""

    id: Id
    opened: Flag
    done: Flag
    seconds: float = 0.0
    expires_at: Timestamp
