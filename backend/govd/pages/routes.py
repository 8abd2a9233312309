"""The capture page at the operators' door: a ticket, and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fastapi import APIRouter, Request
from starlette.responses import Response  # noqa: TC002 - FastAPI reads the annotation

from govd.api.bodies import documented, read_body
from govd.api.context import Context, answer
from govd.api.parameters import Uuid  # noqa: TC001 - FastAPI reads the annotation
from govd.api.peers import peer_of
from govd.contract.limits import MAX_PROMPT
from govd.contract.text import visible
from govd.contract.voice import CaptureStart, CaptureState, CaptureTicket

if TYPE_CHECKING:
    from govd.pages.listener import Pages

_DOCUMENTED: Final = documented(CaptureStart)
_DOCUMENTED["requestBody"]["required"] = False


def _empty(request: Request) -> bool:
    return request.headers.get("content-length", "0") == "0" and "transfer-encoding" not in request.headers


def router(context: Context, pages: Pages) -> APIRouter:
    """The routes of operators."""
    routes = APIRouter(tags=["voices"])

    @routes.post(
        "/v1/voice/capture",
        status_code=201,
        response_model=CaptureTicket,
        openapi_extra=_DOCUMENTED,
    )
    async def capture(request: Request) -> Response:
        """A page that records one clip in a browser on this machine. Its address works once."""
        operator = context.doorkeeper.admit(request, "operator")
        start = CaptureStart() if _empty(request) else await read_body(request, CaptureStart)
        prompt = visible(start.prompt, MAX_PROMPT)
        issued, url = await pages.issue(operator.name, peer_of(request).uid, prompt)
        return answer(CaptureTicket(id=issued.id, url=url, expires_at=issued.expires_at), 201)

    @routes.get("/v1/voice/capture/{ticket}", response_model=CaptureState)
    async def captured(request: Request, ticket: Uuid) -> Response:
        """What became of your own capture page."""
        operator = context.doorkeeper.admit(request, "operator")
        return answer(pages.captures.state(ticket, operator.name))

    return routes
