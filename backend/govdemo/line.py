"""One kept-alive connection to the agents' door, as lean as it can be: for a crowd that asks very often.

A single agent takes the gate's own client. Must never send a request again whose answer it may have missed,
unless the caller says that this changes nothing.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlsplit

import httptools

from govd.contract.errors import UnreachableError
from govgate.calls import CLIENT_ERROR, error_of

if TYPE_CHECKING:
    from govd.contract.errors import GovError

_CHUNK: Final = 65_536


class _Answer:
    """What httptools calls while it parses."""

    def __init__(self) -> None:
        self.body = b""
        self.whole = False
        self.last = False

    def on_header(self, name: bytes, value: bytes) -> None:
        # Not by should_keep_alive(): it says nothing true any more once the message is whole.
        if name.lower() == b"connection" and value.lower() == b"close":
            self.last = True

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.whole = True


class Line:
    """A connection of one agent.

    Args:
        url: The backend, `http://HOST:PORT`.
        token: The agent's.
    """

    def __init__(self, url: str, token: str) -> None:
        place = urlsplit(url)
        self._host, self._port = place.hostname or "127.0.0.1", place.port or 80
        self._fixed = (
            f"Host: {place.netloc}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
        )
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    async def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Send a body; the answer's.

        Raises:
            GovError: what the backend refused, by its code; UnreachableError where no answer came.
        """
        content = json.dumps(body).encode()
        head = f"POST {path} HTTP/1.1\r\n{self._fixed}Content-Length: {len(content)}\r\n\r\n"
        try:
            status, raw = await self._exchange(head.encode() + content)
        except (OSError, EOFError, httptools.HttpParserError) as error:
            self.close()
            raise UnreachableError(f"no answer from the backend: {type(error).__name__}") from None
        if status >= CLIENT_ERROR:
            raise self._refusal(status, raw)
        found: dict[str, Any] = json.loads(raw)
        return found

    async def _exchange(self, request: bytes) -> tuple[int, bytes]:
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
        self._writer.write(request)
        answer = _Answer()
        parser = httptools.HttpResponseParser(answer)
        while not answer.whole:
            data = await self._reader.read(_CHUNK)
            if not data:
                raise EOFError
            parser.feed_data(data)
        if answer.last:
            self.close()
        return parser.get_status_code(), answer.body

    @staticmethod
    def _refusal(status: int, raw: bytes) -> GovError:
        return error_of(status, raw)
