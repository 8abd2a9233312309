"""RFC 9457 answers: one shape for every error, and none that quotes what it could not read."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import Match, Route

from govd.contract.errors import GovError, InvalidRequestError
from govd.contract.text import visible
from govd.contract.wording import sentence

if TYPE_CHECKING:
    from pydantic import ValidationError
    from starlette.applications import Starlette
    from starlette.requests import Request

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
_LONGEST = 500


def problem_response(error: GovError) -> Response:
    """The answer for an error of the tree."""
    body = {
        key: visible(value, _LONGEST) if isinstance(value, str) else value
        for key, value in error.problem().items()
    }
    headers = {}
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    if error.status == 401:  # noqa: PLR2004 - RFC 9110 wants the challenge with this status
        headers["WWW-Authenticate"] = "Bearer"
    return Response(json.dumps(body), error.status, headers, MEDIA_TYPE)


def invalid(error: ValidationError, prefix: str = "") -> InvalidRequestError:
    """A pydantic error as ours: the first place as pointer, the others counted."""
    found = error.errors(include_url=False, include_input=False)
    pointer = prefix + "".join(f"/{part}" for part in found[0]["loc"])
    return InvalidRequestError(visible(sentence(found), _LONGEST), pointer=visible(pointer, _LONGEST))


def plain(status: int, detail: str) -> Response:
    """An answer of HTTP's own, in the same shape."""
    body: dict[str, Any] = {
        "type": f"urn:govconsole:error:http-{status}",
        "title": detail,
        "status": status,
        "detail": detail,
    }
    return Response(json.dumps(body), status, None, MEDIA_TYPE)


def answer_to(error: Exception) -> Response:
    """The answer for any error that is not the framework's own."""
    if isinstance(error, GovError):
        return problem_response(error)
    if isinstance(error, ClientDisconnect):
        return plain(400, "The client left")  # nobody reads it, and nothing of ours went wrong
    # Its text may quote a request: the log tells its class and place, never its words.
    log.error("unexpected error", exc_info=error)
    return plain(500, "Internal error")


def _methods(app: Starlette, request: Request) -> set[str]:
    """What can be asked at this path: a route knows its own method alone."""
    found = (
        route.methods or set()
        for route in app.routes
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE
    )
    return set().union(*found)


def install(app: Starlette) -> None:
    """Let every error of an application leave in the one shape."""

    async def wrong_parameters(_: Request, error: Exception) -> Response:
        if not isinstance(error, RequestValidationError):
            raise error
        return problem_response(InvalidRequestError(visible(sentence(error.errors()), _LONGEST)))

    async def http(request: Request, error: Exception) -> Response:
        if not isinstance(error, HTTPException):
            raise error
        answer = plain(error.status_code, visible(str(error.detail), _LONGEST))
        answer.headers.update(error.headers or {})
        if error.status_code == 405:  # noqa: PLR2004 - RFC 9110 wants every method of the resource with it
            answer.headers["Allow"] = ", ".join(sorted(_methods(app, request)))
        return answer

    async def other(_: Request, error: Exception) -> Response:
        return answer_to(error)

    app.add_exception_handler(GovError, other)
    app.add_exception_handler(RequestValidationError, wrong_parameters)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(ClientDisconnect, other)
    app.add_exception_handler(Exception, other)
