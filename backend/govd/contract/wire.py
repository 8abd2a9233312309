"""The base of every model on the wire, and the string types that they share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, StringConstraints

from govd.contract.limits import MAX_NAME, MAX_PURPOSE, MAX_REASON


class Wire(BaseModel):
    """Frozen, and strict about keys: an unknown key is an error, not a silence."""

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_bytes="base64", val_json_bytes="base64")


def _utc(value: object) -> object:
    if isinstance(value, datetime) and value.tzinfo is None:
        raise ValueError("a time needs its zone: write it in UTC, ending in Z")
    return value


def _rfc3339(value: datetime) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


Timestamp = Annotated[
    datetime, BeforeValidator(_utc), PlainSerializer(_rfc3339, return_type=str, when_used="json")
]
"""An instant in UTC with microseconds; RFC 3339 on the wire."""

Name = Annotated[
    str, StringConstraints(pattern=r"^[a-z][a-z0-9]*([._-][a-z0-9]+)*$", min_length=1, max_length=64)
]
"""The name of an agent, executor, operator or rule: ASCII, lower case (threats T17)."""

ToolName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.:/-]*$", min_length=1, max_length=MAX_NAME)
]
"""The name of a tool as its registry has it."""

Origin = Annotated[
    str, StringConstraints(pattern=r"^[a-z]+(:[a-z0-9]+([._-][a-z0-9]+)*)?$", max_length=MAX_NAME)
]
"""Who set this in motion: `user`, `schedule`, `channel:telegram`, `agent:<name>`."""

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""A SHA-256 digest in lower-case hex."""

Id = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
"""A UUIDv7 in its usual form."""

Purpose = Annotated[str, StringConstraints(max_length=MAX_PURPOSE)]
Reason = Annotated[str, StringConstraints(max_length=MAX_REASON)]
Line = Annotated[str, StringConstraints(max_length=4096)]
JsonObject = dict[str, Any]


def iso(moment: datetime) -> str:
    """The wire form of an instant, for places that are no model."""
    return _rfc3339(moment)
