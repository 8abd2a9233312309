"""What is streamed over SSE. An event is an audit entry without its content: its id is the entry's seq."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from govd.contract.wire import Timestamp, Wire


class Event(Wire):
    """Something happened: which kind, to which job and intent. Details are fetched, never pushed."""

    seq: Annotated[int, Field(ge=1)]
    type: str
    time: Timestamp
    agent: str | None = None
    job: str | None = None
    intent: str | None = None
