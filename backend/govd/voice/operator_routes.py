"""The operators' door: the picture, enrolling, listening, step-up, sessions and locks.

Must never exist on the agents' sockets.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from govd.api.bodies import documented, read_body
from govd.api.context import Context, answer
from govd.api.forms import documented_form, is_form, read_form
from govd.api.parameters import Uuid  # noqa: TC001 - FastAPI reads the annotation
from govd.contract.errors import ConflictError
from govd.contract.voice import (
    LOCKED_CHAT,
    CaptureUse,
    Draft,
    DraftCheck,
    DraftSample,
    DraftStart,
    LockView,
    LockViews,
    SessionView,
    SpeakerRemoval,
    SpeakerView,
    StepUp,
    Verification,
    Voices,
    VoiceSession,
)
from govd.contract.voicechange import VoiceChangeSubmission
from govd.contract.voicephrase import VoicePhrase
from govd.voice.enrollment import signing
from govd.voice.routes import Speaker  # noqa: TC001 - FastAPI reads the annotation

if TYPE_CHECKING:
    from govd.voice.desk import Desk

NO_CHAT: Final = "-"
"""How a path writes the chat without a name."""

_Agent = Annotated[str, Path(pattern=r"^[a-z][a-z0-9]*([._-][a-z0-9]+)*$", max_length=64)]
_Chat = Annotated[str, Path(pattern=LOCKED_CHAT, min_length=1)]
_Number = Annotated[int, Path(ge=1, le=10_000)]


def _clip() -> dict[str, Any]:
    """A body that is a file, or names a capture page's clip."""
    found = documented_form()
    found["requestBody"]["content"] |= documented(CaptureUse)["requestBody"]["content"]
    return found | {"x-body": CaptureUse.__name__}


def router(context: Context, desk: Desk) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["voice"])
    _pictures(routes, context, desk)
    _drafts(routes, context, desk)
    _step_up(routes, context, desk)
    return routes


async def _read_clip(request: Request, desk: Desk, operator: str) -> bytes:
    """The clip that was sent, or that a capture page of this operator has recorded."""
    if is_form(request):
        return (await read_form(request)).data
    asked = await read_body(request, CaptureUse)
    if desk.voices.captures is None:
        raise ConflictError("this govd has no capture page")
    return await asyncio.to_thread(desk.voices.captures.take, asked.capture, operator)


async def _read_signed(request: Request, mend: str) -> VoiceChangeSubmission:
    """The signed change; a request with nothing in it is one that nobody signed, and no slip of the pen."""
    if "transfer-encoding" not in request.headers and request.headers.get("content-length", "0") == "0":
        raise signing.unsigned(mend)
    return await read_body(request, VoiceChangeSubmission)


def _pictures(routes: APIRouter, context: Context, desk: Desk) -> None:
    @routes.get("/v1/voice", response_model=Voices)
    async def voices(request: Request) -> Response:
        """The model, who is enrolled, what waits, which sessions stand, and who is locked."""
        operator = context.doorkeeper.admit(request, "operator")
        return answer(await context.read(lambda c: desk.picture(c, operator.name)))

    @routes.post("/v1/voice/verify", response_model=Verification, openapi_extra=_clip())
    async def whose(request: Request) -> Response:
        """Whose voice a clip is. It opens no session, and a miss counts against nobody."""
        operator = context.doorkeeper.admit(request, "operator").name
        with desk.voices.operators.place(operator):
            data = await _read_clip(request, desk, operator)
            return answer(await desk.voices.operators.run(operator, lambda: desk.voices.whose(data)))

    @routes.post(
        "/v1/voice/speakers/{name}/delete",
        response_model=SpeakerRemoval,
        openapi_extra=documented(VoiceChangeSubmission),
    )
    async def remove(request: Request, name: Speaker) -> Response:
        """Forget a speaker, on the operator's signature. It cannot be undone."""
        operator = context.doorkeeper.admit(request, "operator").name
        signed = await _read_signed(request, signing.DELETE)
        return answer(await desk.voices.operators.run(operator, lambda: desk.remove(operator, name, signed)))

    @routes.get(
        "/v1/voice/waiting/{sample}",
        response_class=Response,
        responses={200: {"content": {"audio/wav": {"schema": {"type": "string", "format": "binary"}}}}},
    )
    async def waiting(request: Request, sample: Uuid) -> Response:
        """The audio of a sample that waits; it is noted that this operator has fetched it."""
        operator = context.doorkeeper.admit(request, "operator")
        audio = await desk.voices.operators.run(operator.name, lambda: desk.play(operator.name, sample))
        return Response(audio, media_type="audio/wav", headers={"Cache-Control": "no-store"})

    @routes.delete("/v1/voice/sessions/{session}", response_model=SessionView)
    async def revoke(request: Request, session: Uuid) -> Response:
        """End a session now; the answer is the one that stood."""
        operator = context.doorkeeper.admit(request, "operator")
        return answer(await context.write(desk.revoke(operator.name, session)))

    @routes.delete("/v1/voice/locks/{agent}/{chat}", response_model=LockView)
    async def unlock(request: Request, agent: _Agent, chat: _Chat) -> Response:
        """Forget the misses of an agent's chat; the answer is what stood.

        `-` is the chat without a name, `*` the count of all chats of a day together.
        """
        operator = context.doorkeeper.admit(request, "operator")
        name = "" if chat == NO_CHAT else chat
        return answer(await context.write(desk.unlock(operator.name, agent, name)))

    @routes.delete("/v1/voice/locks/{agent}", response_model=LockViews)
    async def unlock_all(request: Request, agent: _Agent) -> Response:
        """Forget every miss of an agent, in all its chats; the answer is what stood."""
        operator = context.doorkeeper.admit(request, "operator")
        return answer(await context.write(desk.unlock_all(operator.name, agent)))


def _drafts(routes: APIRouter, context: Context, desk: Desk) -> None:
    lane = desk.voices.operators

    @routes.post(
        "/v1/voice/drafts", status_code=201, response_model=Draft, openapi_extra=documented(DraftStart)
    )
    async def begin(request: Request) -> Response:
        """Begin an enrollment: whose voice, and the consent that was given."""
        operator = context.doorkeeper.admit(request, "operator")
        start = await read_body(request, DraftStart)
        return answer(await lane.run(operator.name, lambda: desk.begin(operator.name, start)), 201)

    @routes.get("/v1/voice/drafts/{draft}", response_model=Draft)
    async def show(request: Request, draft: Uuid) -> Response:
        """An enrollment under way."""
        operator = context.doorkeeper.admit(request, "operator")
        return answer(desk.voices.drafts.show(draft, operator.name))

    @routes.delete("/v1/voice/drafts/{draft}", response_model=Draft)
    async def leave(request: Request, draft: Uuid) -> Response:
        """Forget it; the answer is what it was."""
        operator = context.doorkeeper.admit(request, "operator")
        return answer(desk.voices.drafts.leave(draft, operator.name))

    @routes.post("/v1/voice/drafts/{draft}/samples", response_model=DraftSample, openapi_extra=_clip())
    async def sample(request: Request, draft: Uuid) -> Response:
        """One sample: kept where its quality has no fault and it is the same voice as the others."""
        operator = context.doorkeeper.admit(request, "operator").name
        with lane.place(operator):
            data = await _read_clip(request, desk, operator)
            return answer(await lane.run(operator, lambda: desk.sample(operator, draft, data)))

    @routes.delete("/v1/voice/drafts/{draft}/samples/{number}", response_model=Draft)
    async def drop(request: Request, draft: Uuid, number: _Number) -> Response:
        """Take a sample out again."""
        operator = context.doorkeeper.admit(request, "operator")
        return answer(desk.voices.drafts.drop(draft, operator.name, number))

    @routes.post("/v1/voice/drafts/{draft}/check", response_model=DraftCheck, openapi_extra=_clip())
    async def check(request: Request, draft: Uuid) -> Response:
        """A fresh clip, held against what would be saved."""
        operator = context.doorkeeper.admit(request, "operator").name
        with lane.place(operator):
            data = await _read_clip(request, desk, operator)
            return answer(await lane.run(operator, lambda: desk.check(operator, draft, data)))

    @routes.post(
        "/v1/voice/drafts/{draft}/save",
        response_model=SpeakerView,
        openapi_extra=documented(VoiceChangeSubmission),
    )
    async def save(request: Request, draft: Uuid) -> Response:
        """Enroll, on the operator's signature: there is enough, and a fresh clip has matched."""
        operator = context.doorkeeper.admit(request, "operator").name
        signed = await _read_signed(request, signing.ENROLL)
        return answer(await lane.run(operator, lambda: desk.save(operator, draft, signed)))


def _step_up(routes: APIRouter, context: Context, desk: Desk) -> None:
    @routes.post("/v1/voice/step-up", response_model=StepUp, openapi_extra=_clip())
    async def step_up(request: Request) -> Response:
        """Show your own voice: for a time it stands beside your token and your key."""
        operator = context.doorkeeper.admit(request, "operator").name
        with desk.voices.operators.place(operator):
            data = await _read_clip(request, desk, operator)
            return answer(
                await desk.voices.operators.run(operator, lambda: desk.voices.step_up(operator, data))
            )

    @routes.post("/v1/voice/step-up/phrase", response_model=VoicePhrase)
    async def phrase(request: Request) -> Response:
        """The phrase that your next step-up says, where the settings ask for one. It is good once."""
        operator = context.doorkeeper.admit(request, "operator").name
        return answer(await context.write(desk.voices.phrasing.ask_own(operator)))

    @routes.get("/v1/voice/step-up", response_model=VoiceSession)
    async def stepped_up(request: Request) -> Response:
        """Whether your step-up stands, and until when."""
        operator = context.doorkeeper.admit(request, "operator")
        return answer(await context.read(lambda c: desk.own_session(c, operator.name)))
