"""The application behind the page's door: four files, the exchange of the token, and one clip a ticket.

Must never say anything of a ticket to whoever shows neither its token nor its cookie.
"""

from __future__ import annotations

import json
from importlib import resources
from typing import TYPE_CHECKING, Final

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from govd.api.bodies import read_bytes
from govd.api.errors import install
from govd.api.peers import peer_of
from govd.contract.canonical import parse_json
from govd.contract.errors import ClipRefusedError, ForbiddenError, InvalidRequestError, NotFoundError
from govd.contract.voice_limits import MAX_CLIP_BYTES, MAX_CLIP_SECONDS
from govd.contract.wire import iso
from govd.pages.guard import Guard
from govd.pages.rules import stranger, wav_seconds

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    from starlette.requests import Request
    from starlette.types import ASGIApp

    from govd.pages.captures import Captures

    Users = Callable[[], Collection[int | None]]

COOKIE: Final = "govd-capture"
_HTML: Final = "text/html; charset=utf-8"
_SCRIPT: Final = "text/javascript; charset=utf-8"
FILES: Final = {
    "capture.css": "text/css; charset=utf-8",
    "capture.js": _SCRIPT,
    "recorder.js": _SCRIPT,
    "wav.js": _SCRIPT,
}
"""Beside the page itself. Nothing else is served: no path of a request is ever a path of a file."""

_OPENING_BYTES: Final = 1024
_WAV_TYPES: Final = frozenset({"audio/wav", "audio/x-wav", "audio/vnd.wave"})


def page(name: str) -> bytes:
    """One file of the page, as it came with the package."""
    return (resources.files("govd.pages") / "static" / name).read_bytes()


def application(captures: Captures, users: Users, port: int) -> ASGIApp:
    """What the door on that port serves.

    Args:
        captures: The tickets.
        users: The Unix users of agents.
        port: Of the door, for the names that it answers to.
    """
    routes = [
        Route("/capture/{ticket}", _file("capture.html", _HTML), methods=["GET"]),
        *(Route(f"/{name}", _file(name, kind), methods=["GET"]) for name, kind in FILES.items()),
        Route("/capture/{ticket}/open", _opening(captures, users), methods=["POST"]),
        Route("/capture/{ticket}/clip", _receiving(captures, users), methods=["POST"]),
    ]
    app = Starlette(routes=routes)
    app.router.redirect_slashes = False
    install(app)
    return Guard(app, port)


def _file(name: str, kind: str) -> Callable[[Request], Awaitable[Response]]:
    content = page(name)

    async def get(_: Request) -> Response:
        return Response(content, media_type=kind)

    return get


def _opening(captures: Captures, users: Users) -> Callable[[Request], Awaitable[Response]]:
    async def opening(request: Request) -> Response:
        """The token for a cookie; the prompt for whoever has either."""
        ticket = _ticket(request, captures, users)
        body = parse_json(await read_bytes(request, _OPENING_BYTES))
        token = body.get("token") if isinstance(body, dict) else None
        if not isinstance(token, str):
            raise InvalidRequestError("the token is missing", pointer="/token")
        opened = captures.open(ticket, token, request.cookies.get(COOKIE, ""))
        answer = _json(
            {
                "prompt": opened.prompt,
                "expires_at": iso(opened.expires_at),
                "most_bytes": MAX_CLIP_BYTES,
                "most_seconds": MAX_CLIP_SECONDS,
            }
        )
        if opened.cookie is not None:
            # Not Secure: the door speaks plain HTTP on loopback. For this ticket's path alone, since a
            # browser shows it to every port of this host.
            path = f"/capture/{ticket}"
            answer.set_cookie(COOKIE, opened.cookie, path=path, httponly=True, samesite="strict")
        return answer

    return opening


def _receiving(captures: Captures, users: Users) -> Callable[[Request], Awaitable[Response]]:
    async def receiving(request: Request) -> Response:
        """The clip, as the body: a WAV file as the page makes it."""
        ticket = _ticket(request, captures, users)
        if request.headers.get("content-type") not in _WAV_TYPES:
            raise ClipRefusedError("a clip is sent as audio/wav")
        captures.begin(ticket, request.cookies.get(COOKIE, ""))
        clip, seconds = None, None
        try:
            clip = await read_bytes(request, MAX_CLIP_BYTES)
            seconds = wav_seconds(clip, MAX_CLIP_SECONDS)
        finally:
            # Also when the browser left in the middle: then it may send again.
            captures.end(ticket, None if seconds is None else clip, seconds or 0.0)
        if seconds is None:
            raise ClipRefusedError(
                f"a clip is one WAV file, mono, 16 bits, at most {MAX_CLIP_SECONDS:.0f} s: record it again"
            )
        return _json({"seconds": seconds}, 201)

    return receiving


def _ticket(request: Request, captures: Captures, users: Users) -> str:
    """The ticket of the path, if whoever asks is its operator's Unix user."""
    if request.query_params:
        raise InvalidRequestError("no query parameter is known here")
    ticket = str(request.path_params["ticket"])
    asker = captures.asker(ticket)
    peer = peer_of(request)
    if peer.uid is None and peer.address not in {"127.0.0.1", "::1"}:
        raise NotFoundError("there is no such page")
    if stranger(peer.uid, asker, users()):
        raise ForbiddenError("this page is another user's of this machine")
    return ticket


def _json(body: dict[str, object], status: int = 200) -> Response:
    return Response(json.dumps(body), status, media_type="application/json")
