"""The voices' routes for the fake door: answers as govd gives them, scripted where a clip decides.

What a clip is worth is not measured here: tests say it beforehand, in the order in which clips come.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from govd.contract.errors import ClipRefusedError, ConflictError, ForbiddenError, NotFoundError
from govd.contract.voice import (
    CaptureState,
    CaptureTicket,
    Draft,
    DraftCheck,
    DraftSample,
    DraftStart,
    Fault,
    LockView,
    ModelView,
    Quality,
    SessionView,
    SpeakerRemoval,
    SpeakerView,
    StepUp,
    Voices,
    VoiceSession,
    VoiceState,
    WaitingSample,
)
from govd.contract.voice_limits import PROMPTS
from govd.contract.voicechange import VoiceChangeSubmission, deleting, enrolling
from govd.contract.voicephrase import VoicePhrase
from govd.contract.votes import VoiceChange, verify
from govd.voice.rules import MAXIMUM_SAMPLES, MINIMUM_NET_SECONDS, MINIMUM_SAMPLES
from tests.govconsole.world import NOW, new_id

if TYPE_CHECKING:
    from collections.abc import Callable

CONSENT = (
    "Your voice is turned into numbers by which it can be recognised again. They are kept encrypted, on this"
    " machine alone, until they are deleted; the recordings are not kept.\n"
    "They serve to step up sessions that already have a stronger factor, and for nothing else."
)
VERSION = "2026-11"
THRESHOLD = 0.62


def model(**more: Any) -> ModelView:
    """The demo model, or another one."""
    raw = {
        "id": "titanet-demo",
        "runtime": "onnx",
        "sha256": "5e" * 32,
        "dimension": 96,
        "threshold": THRESHOLD,
        "low_confidence": 0.7,
        "demo": True,
        "active": True,
        "eer": 0.034,
        "fmr": 0.0,
        "fnmr": 0.021,
        "trials": 1200,
    }
    return ModelView.model_validate(raw | more)


def quality(*faults: Fault, **more: Any) -> Quality:
    """A good clip, or one with faults and their numbers."""
    raw: dict[str, Any] = {
        "seconds": 7.4,
        "net_seconds": 6.3,
        "level_dbfs": -22.6,
        "snr_db": 27.0,
        "clipped": 0.0,
        "bandwidth_hz": 7100.0,
        "faults": list(faults),
    }
    return Quality.model_validate(raw | more)


def digest(data: bytes | str) -> str:
    """SHA-256, in hex."""
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()


def speaker(name: str, **more: Any) -> SpeakerView:
    """Somebody who is enrolled."""
    raw: dict[str, Any] = {
        "name": name,
        "enrolment": f"019e0000-0000-7000-8000-{digest(name)[:12]}",
        "samples": 6,
        "net_seconds": 38.0,
        "agreement": 0.81,
        "model": "titanet-demo",
        "consent_version": VERSION,
        "consent_at": NOW - timedelta(days=9),
        "enrolled_at": NOW - timedelta(days=9),
    }
    return SpeakerView.model_validate(raw | more)


def waiting(name: str = "owner", **more: Any) -> WaitingSample:
    """A sample that an agent sent."""
    raw: dict[str, Any] = {
        "id": new_id(),
        "speaker": name,
        "agent": "voice-bot",
        "job": new_id(),
        "seconds": 4.2,
        "net_seconds": 3.6,
        "expires_at": NOW + timedelta(hours=23),
    }
    return WaitingSample.model_validate(raw | more)


def standing(name: str, **more: Any) -> SessionView:
    """A session that stands."""
    raw: dict[str, Any] = {
        "id": new_id(),
        "speaker": name,
        "agent": "voice-bot",
        "chat": "kitchen",
        "verified_at": NOW - timedelta(minutes=18),
        "expires_at": NOW + timedelta(minutes=102),
    }
    return SessionView.model_validate(raw | more)


def lock(**more: Any) -> LockView:
    """A chat that failed too often."""
    return LockView.model_validate(
        {"agent": "voice-bot", "chat": "porch", "failures": 50, "locked": True} | more
    )


def agreement(row: int, column: int) -> float:
    """Of two samples: alike, and not the same for all."""
    return 1.0 if row == column else 0.9 - ((row * 7 + column * 7) % 5) * 0.03


class FakeVoices:
    """Voices in memory. `later`: told what happened, as an event's type."""

    def __init__(
        self,
        operator: str,
        later: Callable[[str], None],
        now: Callable[[], datetime],
        public_key: Callable[[], str],
    ) -> None:
        self.operator = operator
        self._public_key = public_key
        self._later = later
        self._now = now
        self.model: ModelView | None = model()
        self.degraded = ""
        self.mend = ""
        self.tidying = False
        self.owner: str | None = None
        self.speakers: list[SpeakerView] = []
        self.waiting: list[WaitingSample] = []
        self.sessions: list[SessionView] = []
        self.locks: list[LockView] = []
        self.wav = b"RIFF"
        self.prompts = list(PROMPTS)
        self.phrases: list[str] = []
        """What step-ups say, in order; the last goes on. Empty: none is asked for."""
        self.phrase_until = timedelta(minutes=3)
        """After the world's own time, which stands still."""
        self.given: VoicePhrase | None = None
        self.shown: list[str] = []
        """What pages of a browser show."""
        self.worth: list[Quality] = []
        """What the next clips are worth; good ones when it is empty."""
        self.matches: list[float] = []
        """What the next comparisons come to; matches when it is empty."""
        self.clips: list[bytes | str] = []
        self.started: list[DraftStart] = []
        self.drafts: dict[str, Draft] = {}
        self.pages: dict[str, bool] = {}
        self.ended: list[tuple[str, ...]] = []
        self.until: datetime | None = None
        self.name_page = new_id
        """Makes the id of a page or an enrollment, which stands on the screen."""
        self.signed: list[VoiceChangeSubmission] = []
        self.refuses = b""
        """A clip that cannot be decoded."""
        self.slipped = b""
        """A clip that somebody else with the token puts in place of the first sample, at the check."""

    def router(self) -> APIRouter:
        """Their routes."""
        app = APIRouter()
        root = "/v1/voice"
        app.get(root)(self._voices)
        app.post(f"{root}/drafts")(self._start)
        app.get(f"{root}/drafts/{{draft}}")(self._draft)
        app.delete(f"{root}/drafts/{{draft}}")(self._abandon)
        app.post(f"{root}/drafts/{{draft}}/samples")(self._sample)
        app.delete(f"{root}/drafts/{{draft}}/samples/{{number}}")(self._drop)
        app.post(f"{root}/drafts/{{draft}}/check")(self._check)
        app.post(f"{root}/drafts/{{draft}}/save")(self._save)
        app.post(f"{root}/speakers/{{name}}/delete")(self._delete)
        app.get(f"{root}/waiting/{{sample}}")(self._waiting)
        app.post(f"{root}/step-up")(self._step_up)
        app.post(f"{root}/step-up/phrase")(self._phrase)
        app.get(f"{root}/step-up")(self._standing)
        app.delete(f"{root}/sessions/{{session}}")(self._revoke)
        app.delete(f"{root}/locks/{{agent}}/{{chat}}")(self._unlock)
        app.post(f"{root}/capture")(self._open_page)
        app.get(f"{root}/capture/{{page}}")(self._page)
        return app

    def _picture(self) -> Voices:
        return Voices(
            model=self.model,
            degraded=self.degraded,
            mend=self.mend,
            owner=self.owner,
            speakers=self.speakers,
            waiting=self.waiting,
            sessions=self.sessions,
            locks=self.locks,
            consent_version=VERSION,
            consent_text=CONSENT,
            prompts=self.prompts,
            minimum_samples=MINIMUM_SAMPLES,
            maximum_samples=MAXIMUM_SAMPLES,
            minimum_net_seconds=MINIMUM_NET_SECONDS,
            drafts=list(self.drafts.values()),
            step_up_phrase=bool(self.phrases),
            tidying=self.tidying,
        )

    async def _voices(self) -> Response:
        return _json(self._picture())

    async def _start(self, request: Request) -> Response:
        start = DraftStart.model_validate_json(await request.body())
        if not start.consented or start.consent_version != VERSION:
            raise ForbiddenError("without consent nobody is enrolled")
        self.started.append(start)
        return _json(self.begun(start.name, mine=start.mine), 201)

    def begun(self, name: str, samples: int = 0, *, mine: bool = False) -> Draft:
        """An enrollment under way, with so many samples, as another console of this operator leaves it."""
        draft = Draft(
            id=self.name_page(), name=name, mine=mine, samples=[], net_seconds=0.0, matrix=[],
            model_sha256=model().sha256,
            ready=False, expires_at=self._now() + timedelta(hours=1),
        )  # fmt: skip
        kept = [
            DraftSample(
                number=one + 1,
                quality=quality(),
                kept=True,
                clip_sha256=digest(f"elsewhere {one}"),
                print_sha256=digest(f"print {one}"),
            )
            for one in range(samples)
        ]
        self._changed(draft, kept)
        return self.drafts[draft.id]

    def _known(self, draft: str) -> Draft:
        if draft not in self.drafts:
            raise NotFoundError("there is no such enrollment: it lives an hour")
        return self.drafts[draft]

    async def _draft(self, draft: str) -> Response:
        return _json(self._known(draft))

    async def _abandon(self, draft: str) -> Response:
        self._known(draft)
        del self.drafts[draft]
        self.ended.append(("draft", draft))
        return JSONResponse({})

    async def _clip(self, request: Request) -> Quality:
        if request.headers["content-type"].startswith("application/json"):
            capture = str((await request.json())["capture"])
            if not self.pages.get(capture):
                raise NotFoundError("that page recorded nothing")
            self.clips.append(capture)
        else:
            async with request.form() as form:
                self.clips.append(await form["file"].read())  # type: ignore[union-attr] # a file it is
        if self.refuses and self.clips[-1] == self.refuses:
            raise ClipRefusedError("this is no clip")
        return self.worth.pop(0) if self.worth else quality()

    def _last(self) -> str:
        """Of the clip that came last."""
        return digest(self.clips[-1])

    def _match(self) -> float:
        return self.matches.pop(0) if self.matches else 0.84

    async def _sample(self, draft: str, request: Request) -> Response:
        worth = await self._clip(request)
        before = self._known(draft)
        number = max((one.number for one in before.samples), default=0) + 1
        sample = DraftSample(
            number=number,
            quality=worth,
            kept=not worth.faults,
            clip_sha256=self._last(),
            print_sha256=None if worth.faults else digest("print " + self._last()),
            agreement=self._match() if before.samples else None,
        )
        if sample.kept:
            self._changed(before, [*before.samples, sample])
        return _json(sample)

    def _changed(self, before: Draft, samples: list[DraftSample]) -> None:
        net = sum(one.quality.net_seconds for one in samples)
        matrix = [[agreement(row.number, one.number) for one in samples] for row in samples]
        ready = len(samples) >= MINIMUM_SAMPLES and net >= MINIMUM_NET_SECONDS
        self.drafts[before.id] = before.model_copy(
            update={
                "samples": samples,
                "net_seconds": net,
                "matrix": matrix,
                "ready": ready,
                "verified": False,
            }
        )

    async def _drop(self, draft: str, number: int) -> Response:
        before = self._known(draft)
        self._changed(before, [one for one in before.samples if one.number != number])
        return JSONResponse({})

    async def _check(self, draft: str, request: Request) -> Response:
        worth, before, match = await self._clip(request), self._known(draft), self._match()
        verified = match >= THRESHOLD and not worth.faults
        heard: dict[str, Any] = {"verified": verified, "checked_sha256": self._last()}
        if self.slipped:
            first, *rest = before.samples
            heard["samples"] = [first.model_copy(update={"clip_sha256": digest(self.slipped)}), *rest]
        self.drafts[draft] = before.model_copy(update=heard)
        return _json(
            DraftCheck(
                verified=verified,
                clip_sha256=self._last(),
                confidence=match,
                threshold=THRESHOLD,
                quality=worth,
            )
        )

    async def _checked(
        self, request: Request, expected: Callable[[VoiceChangeSubmission], VoiceChange]
    ) -> None:
        """Refuse what is not signed by the operator, or about something else than what stands."""
        body = VoiceChangeSubmission.model_validate_json(await request.body())
        if not verify(body.statement, body.signature, self._public_key()):
            raise ForbiddenError("the signature is not that of the vote key")
        if body.statement != expected(body):
            raise ForbiddenError("the signature is about something else: look again, and sign that")
        self.signed.append(body)

    async def _save(self, draft: str, request: Request) -> Response:
        found, picture = self._known(draft), self._picture()
        await self._checked(
            request,
            lambda body: enrolling(found, picture, body.salt, self.operator, body.statement.signed_at),
        )
        if not (found.ready and found.verified):
            raise ForbiddenError("a fresh sample has to match first")
        del self.drafts[draft]
        made = speaker(
            found.name, samples=len(found.samples), net_seconds=found.net_seconds, enrolled_at=self._now(),
            operator=self.operator if found.mine else None, enrolment=new_id(),
        )  # fmt: skip
        self.speakers = [one for one in self.speakers if one.name != made.name] + [made]
        self._later("voice.enrolled")
        return _json(made)

    async def _delete(self, name: str, request: Request) -> Response:
        picture = self._picture()
        await self._checked(
            request, lambda body: deleting(name, picture, body.salt, self.operator, body.statement.signed_at)
        )
        self.ended.append(("speaker", name))
        self.speakers = [one for one in self.speakers if one.name != name]
        self._later("voice.deleted")
        return _json(SpeakerRemoval(status="deleted", speaker=name))

    async def _waiting(self, sample: str) -> Response:
        self.waiting = [
            one.model_copy(update={"heard": True}) if one.id == sample else one for one in self.waiting
        ]
        return Response(self.wav, media_type="audio/wav")

    async def _phrase(self) -> Response:
        if not self.phrases:
            raise ConflictError("a step-up has no phrase here")
        words = self.phrases.pop(0) if len(self.phrases) > 1 else self.phrases[0]
        ends = self._now() + self.phrase_until
        self.given = VoicePhrase(id=new_id(), phrase=words, expires_at=ends)
        return _json(self.given)

    async def _step_up(self, request: Request) -> Response:
        if self.phrases and (self.given is None or self._now() >= self.given.expires_at):
            raise ConflictError("no phrase of yours stands", hint="govconsole voices phrase")
        worth, match = await self._clip(request), self._match()
        self.given = self.given if worth.faults else None
        if match < THRESHOLD or worth.faults:
            # govd says it in words too, where the console has the number.
            said = "This does not sound like you: record another."
            return _json(
                StepUp(verified=False, confidence=match, threshold=THRESHOLD, message=said, quality=worth)
            )
        self.until = self._now() + timedelta(hours=2)
        self._later("voice.stepped-up")
        return _json(
            StepUp(
                verified=True, speaker=self.operator, confidence=match, threshold=THRESHOLD,
                expires_at=self.until, quality=worth,
            )
        )  # fmt: skip

    async def _standing(self) -> Response:
        if self.until is None:
            return _json(VoiceSession(state=VoiceState.NEVER_VERIFIED, chat=""))
        return _json(
            VoiceSession(state=VoiceState.VERIFIED, chat="", speaker=self.operator, expires_at=self.until)
        )

    async def _revoke(self, session: str) -> Response:
        self.ended.append(("session", session))
        self.sessions = [one for one in self.sessions if one.id != session]
        self._later("voice.revoked")
        return JSONResponse({})

    async def _unlock(self, agent: str, chat: str) -> Response:
        self.ended.append(("lock", agent, chat))
        self.locks = []
        self._later("voice.unlocked")
        return JSONResponse({})

    async def _open_page(self, request: Request) -> Response:
        id_ = self.name_page()
        self.shown.append(str((await request.json())["prompt"]) if await request.body() else "")
        self.pages[id_] = False
        url = f"http://127.0.0.1:8211/capture/{id_[:8]}"
        return _json(CaptureTicket(id=id_, url=url, expires_at=self._now() + timedelta(minutes=10)))

    async def _page(self, page: str) -> Response:
        if page not in self.pages:
            raise NotFoundError("there is no such page")
        done = self.pages[page]
        return _json(
            CaptureState(id=page, opened=done, done=done, expires_at=self._now() + timedelta(minutes=10))
        )


def _json(made: Any, status: int = 200) -> Response:
    return Response(made.model_dump_json(by_alias=True), status, media_type="application/json")
