"""The voices' routes of the operators' door, as the console speaks them: one method a route.

Must never decode audio: clips go to govd as they are, whose decoder is a process that may die.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from govconsole.client.backend import part
from govd.contract.voice import (
    CaptureStart,
    CaptureState,
    CaptureTicket,
    Draft,
    DraftCheck,
    DraftSample,
    DraftStart,
    SpeakerRemoval,
    SpeakerView,
    StepUp,
    Voices,
    VoiceSession,
)
from govd.contract.voicephrase import VoicePhrase
from govd.contract.wire import Id, Wire

if TYPE_CHECKING:
    from typing import Any

    from govconsole.client.backend import Backend
    from govd.contract.voicechange import VoiceChangeSubmission

_ROOT = "/v1/voice"


class Captured(Wire):
    """Names the page that recorded a clip, in place of the clip."""

    capture: Id


@dataclass(frozen=True)
class Take:
    """One clip on its way to govd.

    Args:
        audio: A file of sound, as it is.
        capture: In its place: the id of the page that recorded it.
    """

    audio: bytes = field(default=b"", repr=False)
    capture: str = ""

    @property
    def sha256(self) -> str:
        """Of the file, in hex: what is signed names it. Empty where a page recorded it, which govd has."""
        return "" if self.capture else hashlib.sha256(self.audio).hexdigest()

    def sent(self) -> dict[str, Any]:
        """How a request carries it. The name of a file stays here: it is no business of the backend's."""
        if self.capture:
            return {"body": Captured(capture=self.capture), "slow": True}
        return {"upload": ("clip", self.audio, "application/octet-stream")}


class VoiceDoor:
    """What an operator asks of govd about voices. `backend`: the connection."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def voices(self) -> Voices:
        """Everything that the Voices screen shows."""
        return await self._backend.call(Voices, "GET", _ROOT)

    async def start(self, start: DraftStart) -> Draft:
        """Begin an enrollment."""
        return await self._backend.call(Draft, "POST", f"{_ROOT}/drafts", body=start)

    async def draft(self, draft: str) -> Draft:
        """An enrollment under way.

        Raises:
            NotFoundError: its hour is over, or it was left for good.
        """
        return await self._backend.call(Draft, "GET", f"{_ROOT}/drafts/{part(draft)}")

    async def abandon(self, draft: str) -> None:
        """Leave an enrollment for good: nothing is kept of it."""
        await self._backend.send("DELETE", f"{_ROOT}/drafts/{part(draft)}")

    async def sample(self, draft: str, take: Take) -> DraftSample:
        """Add a sample. One with a fault is told, and not kept."""
        path = f"{_ROOT}/drafts/{part(draft)}/samples"
        return await self._backend.call(DraftSample, "POST", path, **take.sent())

    async def drop(self, draft: str, number: int) -> None:
        """Take a sample out again."""
        await self._backend.send("DELETE", f"{_ROOT}/drafts/{part(draft)}/samples/{number}")

    async def check(self, draft: str, take: Take) -> DraftCheck:
        """Hold a fresh sample against what would be saved."""
        return await self._backend.call(
            DraftCheck, "POST", f"{_ROOT}/drafts/{part(draft)}/check", **take.sent()
        )

    async def save(self, draft: str, signed: VoiceChangeSubmission) -> SpeakerView:
        """Keep the voice, on a signature."""
        return await self._backend.call(
            SpeakerView, "POST", f"{_ROOT}/drafts/{part(draft)}/save", body=signed
        )

    async def delete(self, speaker: str, signed: VoiceChangeSubmission) -> SpeakerRemoval:
        """Forget a voice, on a signature. It cannot be undone: the key of its template is gone."""
        return await self._backend.call(
            SpeakerRemoval, "POST", f"{_ROOT}/speakers/{part(speaker)}/delete", body=signed
        )

    async def waiting(self, sample: str) -> bytes:
        """The sound of a sample that an agent sent, as WAV. From now on you have heard it."""
        return (await self._backend.send("GET", f"{_ROOT}/waiting/{part(sample)}")).content

    async def step_up(self, take: Take) -> StepUp:
        """Show your own voice."""
        return await self._backend.call(StepUp, "POST", f"{_ROOT}/step-up", **take.sent())

    async def phrase(self) -> VoicePhrase:
        """What your next step-up says, where one is asked for. It is good once.

        Raises:
            ConflictError: none is asked for here.
            QuotaError: too many were asked for.
        """
        return await self._backend.call(VoicePhrase, "POST", f"{_ROOT}/step-up/phrase")

    async def standing(self) -> VoiceSession:
        """Whether your voice still stands, and until when."""
        return await self._backend.call(VoiceSession, "GET", f"{_ROOT}/step-up")

    async def revoke(self, session: str) -> None:
        """End a session."""
        await self._backend.send("DELETE", f"{_ROOT}/sessions/{part(session)}")

    async def unlock(self, agent: str, chat: str) -> None:
        """Let an agent's chat try again."""
        await self._backend.send("DELETE", f"{_ROOT}/locks/{part(agent)}/{part(chat or '-')}")

    async def open_page(self, prompt: str = "") -> CaptureTicket:
        """A page of a browser that records one clip. `prompt`: what it shows to be said; empty: any words."""
        body = CaptureStart(prompt=prompt) if prompt else None
        return await self._backend.call(CaptureTicket, "POST", f"{_ROOT}/capture", body=body)

    async def page(self, capture: str) -> CaptureState:
        """What became of that page."""
        return await self._backend.call(CaptureState, "GET", f"{_ROOT}/capture/{part(capture)}")
