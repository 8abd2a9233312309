"""Before the page's door looks at anything: the host, the site, the method; and the headers of each answer.

Must never let a request through on the strength of a header that is missing where browsers send it always.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from govd.api.errors import plain
from govd.pages.rules import HEADERS, foreign

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_METHODS: Final = frozenset({"GET", "POST"})
_RAW: Final = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
_OWN: Final = frozenset(name for name, _ in _RAW)


class Guard:
    """Wraps the pages' application.

    Args:
        app: What answers to whoever may ask.
        port: Of the door.
    """

    def __init__(self, app: ASGIApp, port: int) -> None:
        self._app = app
        self._port = port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = [pair for pair in message.get("headers", ()) if pair[0].lower() not in _OWN]
                message["headers"] = [*kept, *_RAW]
            await send(message)

        method = scope["method"]
        if method not in _METHODS:
            answer = plain(405, "Method Not Allowed")
            answer.headers["Allow"] = ", ".join(sorted(_METHODS))
            await answer(scope, receive, with_headers)
            return
        names = [name for name, _ in scope["headers"]]
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        why = foreign(method, headers, self._port)
        if names.count(b"host") != 1 or names.count(b"origin") > 1:
            why = "one host and one origin belong to a request"
        if why is not None:
            await plain(403, why)(scope, receive, with_headers)
            return
        await self._app(scope, receive, with_headers)
