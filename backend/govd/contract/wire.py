"""The base of every model on the wire, and the string types that they share."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, Strict, StringConstraints

from govd.contract.limits import MAX_NAME, MAX_PURPOSE, MAX_REASON


class Wire(BaseModel):
    """Frozen, and strict about keys: an unknown key is an error, not a silence."""

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_bytes="base64", val_json_bytes="base64")


_RFC3339: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})",
    re.IGNORECASE,
)
_FIRST_YEAR: Final = 1970
_LAST_YEAR: Final = 9998


def _utc(value: object) -> object:
    """Only what names one instant: neither a local time nor a number of seconds of whatever epoch."""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("a time needs its zone: write it in UTC, ending in Z")
        year = value.year
    elif isinstance(value, str) and _RFC3339.fullmatch(value):
        year = int(value[:4])
    else:
        raise ValueError("a time is text as RFC 3339 has it, in UTC: 2026-11-21T09:00:00.000000Z")
    # Beyond these a change of zone leaves the calendar.
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        raise ValueError(f"a time of the years {_FIRST_YEAR} to {_LAST_YEAR}")
    return value


def _rfc3339(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"


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

Int = Annotated[int, Strict()]
"""An integer that was sent as one: "5", 5.0 and true are other values, and two bodies are never one."""

Flag = Annotated[bool, Strict()]
"""A truth value that was sent as one."""


def iso(moment: datetime) -> str:
    """The wire form of an instant, for places that are no model."""
    return _rfc3339(moment)
