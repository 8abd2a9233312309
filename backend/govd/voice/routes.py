"""The agents' door: verify, ask for an enrollment or a deletion, who is enrolled, where a chat stands.

Must never answer an executor, and never tell an agent more than the best match.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request
from pydantic import StringConstraints, TypeAdapter, ValidationError
from starlette.responses import Response  # noqa: TC002 - FastAPI reads the annotation

from govd.api.bodies import documented, read_body
from govd.api.context import Context, answer
from govd.api.errors import invalid
from govd.api.forms import documented_form, read_form
from govd.contract.channels import MAX_SIGNED
from govd.contract.errors import InvalidRequestError, VoiceUnavailableError
from govd.contract.voice import (
    Chat,
    Enrolled,
    SpeakerBriefs,
    SpeakerName,
    SpeakerRemoval,
    Verification,
    VoiceSession,
)
from govd.contract.voicephrase import PhraseRequest, VoicePhrase

if TYPE_CHECKING:
    from govd.voice.service import Voices

NAME: Final = r"^[a-z0-9][a-z0-9._-]{0,63}$"
CHAT: Final = r"^[A-Za-z0-9._@+-]{0,128}$"

JOB: Final = r"^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})?$"
"""A job's id, or nothing."""

Speaker = Annotated[str, Path(pattern=NAME)]
"""A speaker's name in a path."""

_Chat = Annotated[str, Query(pattern=CHAT)]

_NAMES: Final[TypeAdapter[str]] = TypeAdapter(SpeakerName)
_CHATS: Final[TypeAdapter[str]] = TypeAdapter(Chat)
_JOBS: Final[TypeAdapter[str]] = TypeAdapter(Annotated[str, StringConstraints(pattern=JOB)])

_VERIFY: Final[dict[str, Any]] = {
    "chat": {"type": "string", "pattern": CHAT, "default": ""},
    "signed": {
        "type": "string",
        "maxLength": MAX_SIGNED,
        "default": "",
        "description": "Where the policy names channels: what the chat's channel has signed about the clip.",
    },
    "job": {
        "type": "string",
        "pattern": JOB,
        "default": "",
        "description": "Whose phrase is said in the clip: see `POST /v1/voice/phrase`.",
    },
}
_ENROLL: Final[dict[str, Any]] = {"name": {"type": "string", "pattern": NAME}}


def _checked(adapter: TypeAdapter[str], value: str, pointer: str) -> str:
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        raise invalid(error, pointer) from None


def router(context: Context, voices: Voices) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["voice"])

    @routes.post("/verify", response_model=Verification, openapi_extra=documented_form(_VERIFY))
    async def verify(request: Request) -> Response:
        """Whose voice a clip is. A match opens a session for this agent's chat; a miss is `unknown`."""
        agent = context.doorkeeper.admit(request, "agent")
        with voices.agents.place(agent.name):
            form = await read_form(request, "chat", "signed", "job")
            chat = _checked(_CHATS, form.values.get("chat", ""), "/chat")
            job = _checked(_JOBS, form.values.get("job", ""), "/job")
            try:
                signed = form.values.get("signed", "")
                found = await voices.agents.run(
                    agent.name, lambda: voices.verify(agent.name, chat, form.data, form.name, signed, job)
                )
            except VoiceUnavailableError as error:
                error.extra["message"] = voices.settings().messages["unavailable"]
                raise
        return answer(found)

    @routes.post("/v1/voice/phrase", response_model=VoicePhrase, openapi_extra=documented(PhraseRequest))
    async def phrase(request: Request) -> Response:
        """The phrase of a held job, to be said by the owner in a voice note of that chat. It is good once."""
        agent = context.doorkeeper.admit(request, "agent")
        asked = await read_body(request, PhraseRequest)
        ask = voices.phrasing.ask(agent.name, asked.job, asked.chat)
        return answer(await context.write(await context.read(ask)))

    @routes.post(
        "/enroll", status_code=202, response_model=Enrolled, openapi_extra=documented_form(_ENROLL, "name")
    )
    async def enroll(request: Request) -> Response:
        """A sample of a voice: it waits in a job until an operator settles it."""
        agent = context.doorkeeper.admit(request, "agent")
        with voices.agents.place(agent.name):
            form = await read_form(request, "name")
            if "name" not in form.values:
                raise InvalidRequestError("the form has no name", pointer="/name")
            name = _checked(_NAMES, form.values["name"], "/name")
            found = await voices.agents.run(agent.name, lambda: voices.ask(agent, name, form.data, form.name))
        return answer(found, 202)

    @routes.get("/speakers", response_model=SpeakerBriefs)
    async def speakers(request: Request) -> Response:
        """Who is enrolled, with how many samples."""
        context.doorkeeper.admit(request, "agent")
        return answer(await context.read(voices.briefs))

    @routes.delete("/speakers/{name}", status_code=202, response_model=SpeakerRemoval)
    async def remove(request: Request, name: Speaker) -> Response:
        """Ask that a speaker is forgotten: it waits in a job until an operator settles it."""
        agent = context.doorkeeper.admit(request, "agent")
        return answer(await context.write(voices.ask_delete(agent, name)), 202)

    @routes.get("/v1/voice/session", response_model=VoiceSession)
    async def session(request: Request, chat: _Chat = "") -> Response:
        """Whether a chat of this agent is verified, and until when."""
        agent = context.doorkeeper.admit(request, "agent")
        return answer(await context.read(lambda c: voices.session(c, agent.name, chat)))

    return routes
