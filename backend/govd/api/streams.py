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
    from collections.abc import Callable

    from starlette.requests import Request

    from govd.api.hub import Hub
    from govd.identities.model import Identity


def event_stream(request: Request, hub: Hub, who: Identity, welcome: Callable[[], bool]) -> StreamingResponse:
    """The stream, resumed after `Last-Event-ID` where the client sends one; it ends with its token.

    An agent sees what is about itself, an executor what is about the agents that it serves.

    Raises:
        InvalidRequestError: `Last-Event-ID` is no number.
        QuotaError: this identity has as many open as it may.
    """
    text = request.headers.get("last-event-id", "")
    if text and (not text.isascii() or not text.isdecimal() or len(text) > _DIGITS):
        raise InvalidRequestError("Last-Event-ID is to be the id of an event: a number")
    listener = f"{who.kind}:{who.name}"
    hub.refuse_more(listener)
    return StreamingResponse(
        hub.stream(listener, int(text) if text else None, _about(who), welcome),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


def _about(who: Identity) -> tuple[str, ...] | None:
    if who.kind == "operator" or (who.kind == "executor" and "*" in who.agents):
        return None
    return (who.name,) if who.kind == "agent" else who.agents
