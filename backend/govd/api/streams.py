"""The route of an event stream, the same at both doors but for who may see what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from starlette.responses import StreamingResponse

from govd.contract.errors import InvalidRequestError

_DIGITS: Final = 18
LAST_EVENT_ID: Final[dict[str, Any]] = {
    "name": "Last-Event-ID",
    "in": "header",
    "required": False,
    "description": "The id of the last event that was seen: the stream goes on behind it.",
    "schema": {"type": "string", "pattern": f"^[0-9]{{1,{_DIGITS}}}$"},
}
"""The header as the OpenAPI document has it."""

if TYPE_CHECKING:
    from starlette.requests import Request

    from govd.api.hub import Hub
    from govd.identities.model import Identity


def event_stream(request: Request, hub: Hub, who: Identity) -> StreamingResponse:
    """The stream, resumed after `Last-Event-ID` where the client sends one.

    Raises:
        InvalidRequestError: `Last-Event-ID` is no number.
        QuotaError: this identity has as many open as it may.
    """
    text = request.headers.get("last-event-id", "")
    if text and (not text.isascii() or not text.isdecimal() or len(text) > _DIGITS):
        raise InvalidRequestError("Last-Event-ID is to be the id of an event: a number")
    listener = f"{who.kind}:{who.name}"
    hub.refuse_more(listener)
    agent = who.name if who.kind == "agent" else None
    return StreamingResponse(
        hub.stream(listener, int(text) if text else None, agent),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )
