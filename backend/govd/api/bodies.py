"""Reading a body: bounded, strict JSON, one model. Costs nothing beyond its limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from govd.api.errors import invalid
from govd.contract.canonical import parse_json
from govd.contract.errors import BodyTooLargeError, InvalidRequestError, MalformedBodyError
from govd.contract.limits import MAX_BODY_BYTES, MAX_STRING

if TYPE_CHECKING:
    from starlette.requests import Request

M = TypeVar("M", bound=BaseModel)


def header(request: Request, name: bytes, otherwise: str) -> str:
    """A header's value, as `request.headers.get` finds it, without its views of all headers (4 µs each)."""
    for key, value in request.scope["headers"]:
        if key == name:
            text: str = value.decode("latin-1")
            return text
    return otherwise


async def read_bytes(request: Request, limit: int = MAX_BODY_BYTES) -> bytes:
    """The body, read no further than the limit.

    Raises:
        BodyTooLargeError: it is longer, or says that it is.
    """
    declared = header(request, b"content-length", "0")
    if not declared.isdecimal() or int(declared[:20]) > limit:
        raise BodyTooLargeError(f"a body has at most {limit} bytes here")
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise BodyTooLargeError(f"a body has at most {limit} bytes here")
        parts.append(part)
    return b"".join(parts)


async def read_body(request: Request, model: type[M], limit: int = MAX_BODY_BYTES) -> M:
    """The body as a model.

    Raises:
        InvalidRequestError: not JSON, not sent as JSON, or not that model; `pointer` names the first place.
    """
    kind = header(request, b"content-type", "application/json").partition(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        raise MalformedBodyError("the body is to be application/json")
    value = parse_json(await read_bytes(request, limit), MAX_STRING if limit <= MAX_BODY_BYTES else limit)
    if not isinstance(value, dict):
        raise InvalidRequestError("the body is to be a JSON object", pointer="")
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise invalid(error) from None


def documented(model: type[BaseModel]) -> dict[str, Any]:
    """What to pass as `openapi_extra` for a route that reads its body itself."""
    return {
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}},
        },
        "x-body": model.__name__,
    }
