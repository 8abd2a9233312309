"""Who is at the other end: a Unix uid wherever the kernel tells it (threats T1, T3).

On a Unix socket the kernel says it; on loopback TCP the kernel's own table does. Beyond loopback there is
an address and nothing more.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from govd.api.errors import plain
from govd.api.whose import LeftError, uid_of_loopback
from govd.contract.limits import (
    MAX_CONNECTIONS_PER_PEER,
    MAX_DRAINED_BYTES,
    MAX_HEADER_BYTES,
    MAX_REQUEST_SECONDS,
)
from govd.identities.model import Peer

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection

_CREDENTIALS: Final = struct.Struct("3i")


class _HeadersTooLongError(Exception):
    """Leaves the parser, which then refuses the request."""


class _UntilRead(asyncio.Transport):
    """What an answer is written to where the connection ends with it: `close` waits for the request's rest.

    Closing a socket into which somebody still writes resets it, and the answer is lost with it.
    """

    def __init__(self, protocol: PeerProtocol) -> None:
        super().__init__()
        self._protocol = protocol

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Write to the connection."""
        self._protocol.transport.write(data)

    def is_closing(self) -> bool:
        """Whether the connection itself is closing."""
        return self._protocol.transport.is_closing()

    def close(self) -> None:
        """Part from the peer."""
        self._protocol.part()


class PeerProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol, with the peer's uid in `scope["client"]` as (`uid:N` | address, socket).

    And with what it lacks: a limit on headers (a parser keeps them until their end, which need not come),
    a limit on what is read after an answer, our own form for what is no HTTP, and a limit on connections
    that are open and say nothing: descriptors are shared with the operators' door and with the log.
    """

    most: int | None = None
    """How many connections a door has at once; uvicorn's own limit answers in no form of ours."""

    _taken = 0
    _unheard = 0
    _drained = 0
    _whole = False
    _parting = False
    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as the base
        """Ask the kernel who is there, once a connection; hang up where nobody is, or too many are."""
        super().connection_made(transport)
        if self.most is not None and len(self.connections) > self.most:
            self._refuse(503, "Service Unavailable", "Too many connections: try again later")
            return
        found = identify(transport)
        if found is None or self._crowd(found[0]) > MAX_CONNECTIONS_PER_PEER:
            transport.abort()
            return
        self.client = found  # type: ignore[assignment]  # the scope's form, with a socket path
        self._expect()

    def _crowd(self, who: str) -> int:
        """How many connections that peer has here, with this one."""
        found = (getattr(other, "client", None) for other in self.connections if other is not self)
        return 1 + sum(1 for client in found if client is not None and client[0] == who)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing more is expected of it."""
        self._heard()
        super().connection_lost(exc)

    def _expect(self) -> None:
        """Hang up unless a whole request has come in time."""
        if self._patience is None:
            self._patience = self.loop.call_later(MAX_REQUEST_SECONDS, self.transport.abort)

    def _heard(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def data_received(self, data: bytes) -> None:
        """Parse, and refuse what goes on and on without a header, a body or an end."""
        self._unheard += len(data)
        super().data_received(data)
        if self._unheard > MAX_HEADER_BYTES and not self.transport.is_closing():
            self.send_400_response("")
        if self._whole:
            self._heard()
        else:
            self._expect()

    def on_message_begin(self) -> None:
        """A request begins."""
        self._taken = self._unheard = self._drained = 0
        self._whole = False
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """A piece of the request line."""
        self._take(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer."""
        self._take(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The body follows."""
        self._unheard = 0
        if self._parting:
            return  # whoever ended the connection with his request has no further one on it
        super().on_headers_complete()
        if not self.cycle.keep_alive:
            self.cycle.transport = _UntilRead(self)

    def on_body(self, body: bytes) -> None:
        """A piece of the body; after the answer it is thrown away, up to a limit."""
        self._unheard = 0
        if self.cycle.response_complete:
            self._drained += len(body)
            if self._drained > MAX_DRAINED_BYTES:
                self.transport.close()
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._unheard = 0
        self._whole = True
        super().on_message_complete()
        if self._parting:
            self.transport.close()

    def part(self) -> None:
        """Everything was said: hang up once the request has come to its end, its limit or its time."""
        if self._whole or self.transport.is_closing():
            self.transport.close()
            return
        self._parting = True
        if self.transport.can_write_eof():
            self.transport.write_eof()

    def _take(self, size: int) -> None:
        self._taken += size
        self._unheard = 0
        if self._taken > MAX_HEADER_BYTES:
            raise _HeadersTooLongError

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP request, in the shape of every other error, and close."""
        too_long = max(self._taken, self._unheard) > MAX_HEADER_BYTES
        status, words = (
            (431, f"A request's headers have at most {MAX_HEADER_BYTES} bytes")
            if too_long
            else (400, msg.rstrip("."))
        )
        self._refuse(status, "Request Header Fields Too Large" if too_long else "Bad Request", words)

    def _refuse(self, status: int, phrase: str, words: str) -> None:
        """An answer below the application, in the shape of every other error; then hang up."""
        if self._parting:
            self.transport.close()
            return
        answer = plain(status, words)
        lines = [f"HTTP/1.1 {status} {phrase}".encode("ascii")]
        lines += [name + b": " + value for name, value in (*answer.raw_headers, (b"connection", b"close"))]
        self.transport.write(b"\r\n".join([*lines, b"", bytes(answer.body)]))
        self.transport.close()


def identify(transport: asyncio.BaseTransport) -> tuple[str, str] | None:
    """(`uid:N` or the address, the path of the Unix socket or ""); None: nobody is there any more."""
    sock: Any = transport.get_extra_info("socket")
    try:
        if sock.family == socket.AF_UNIX:
            raw = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
            _, uid, _ = _CREDENTIALS.unpack(raw)
            return f"uid:{uid}", str(sock.getsockname())
        peer, here = sock.getpeername()[:2], sock.getsockname()[:2]
        address, uid_of = peer[0], uid_of_loopback(peer, here)
    except (OSError, LeftError):
        return None
    return (address if uid_of is None else f"uid:{uid_of}"), ""


def peer_of(connection: HTTPConnection) -> Peer:
    """The peer of a request."""
    client = connection.scope.get("client")
    return Peer(uid=None, address="unknown") if client is None else _peer(*client)


@lru_cache(maxsize=1024)  # the same few ask again and again
def _peer(who: str, path: object) -> Peer:
    if who.startswith("uid:"):
        return Peer(uid=int(who[4:]), address="local", socket=path if isinstance(path, str) else None)
    return Peer(uid=None, address=who)
