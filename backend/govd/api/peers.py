"""Who is at the other end: a Unix uid wherever the kernel tells it (threats T1, T3).

On a Unix socket the kernel says it; on loopback TCP the kernel's own table does. Beyond loopback there is
an address and nothing more.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from govd.api.errors import plain
from govd.contract.limits import MAX_DRAINED_BYTES, MAX_HEADER_BYTES
from govd.identities.model import Peer

if TYPE_CHECKING:
    import asyncio

    from starlette.requests import HTTPConnection

_CREDENTIALS: Final = struct.Struct("3i")
_TABLES: Final = {4: Path("/proc/net/tcp"), 6: Path("/proc/net/tcp6")}
_LOCAL, _UID = 1, 7


class _HeadersTooLongError(Exception):
    """Leaves the parser, which then refuses the request."""


class PeerProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol, with the peer's uid in `scope["client"]` as (`uid:N` | address, socket).

    And with what it lacks: a limit on headers (a parser keeps them until their end, which need not come),
    a limit on what is read after an answer, and our own form for what is no HTTP.
    """

    _taken = 0
    _unheard = 0
    _drained = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as the base
        """Ask the kernel who is there, once a connection."""
        super().connection_made(transport)
        self.client = identify(transport)  # type: ignore[assignment]  # the scope's form, with a socket path

    def data_received(self, data: bytes) -> None:
        """Parse, and refuse what goes on and on without a header, a body or an end."""
        self._unheard += len(data)
        super().data_received(data)
        if self._unheard > MAX_HEADER_BYTES and not self.transport.is_closing():
            self.send_400_response("")

    def on_message_begin(self) -> None:
        """A request begins."""
        self._taken = self._unheard = self._drained = 0
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
        super().on_headers_complete()

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
        super().on_message_complete()

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
        answer = plain(status, words)
        lines = [
            b"HTTP/1.1 %d %s" % (status, b"Request Header Fields Too Large" if too_long else b"Bad Request")
        ]
        lines += [name + b": " + value for name, value in (*answer.raw_headers, (b"connection", b"close"))]
        self.transport.write(b"\r\n".join([*lines, b"", bytes(answer.body)]))
        self.transport.close()


def identify(transport: asyncio.BaseTransport) -> tuple[str, str]:
    """(`uid:N` or the address, the path of the Unix socket or "")."""
    sock: Any = transport.get_extra_info("socket")
    if sock.family == socket.AF_UNIX:
        raw = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        _, uid, _ = _CREDENTIALS.unpack(raw)
        return f"uid:{uid}", str(sock.getsockname())
    address, port = sock.getpeername()[:2]
    uid_of = uid_of_loopback(address, port)
    return (address if uid_of is None else f"uid:{uid_of}"), ""


def uid_of_loopback(address: str, port: int) -> int | None:
    """The uid that owns the local TCP socket `address:port`; None beyond loopback, or if none is listed."""
    try:
        ip = ipaddress.ip_address(address)
        if not ip.is_loopback:
            return None
        wanted = f"{_kernel_form(ip)}:{port:04X}"
        with _TABLES[ip.version].open(encoding="ascii") as table:
            next(table)
            for line in table:
                fields = line.split(None, _UID + 1)
                if fields[_LOCAL] == wanted:
                    return int(fields[_UID])
    except (OSError, ValueError, StopIteration, IndexError):
        return None
    return None


def _kernel_form(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    """The address as /proc/net writes it: each 32-bit word in the machine's own byte order."""
    words = [ip.packed[index : index + 4] for index in range(0, len(ip.packed), 4)]
    return "".join(f"{struct.unpack('=I', word)[0]:08X}" for word in words)


def peer_of(connection: HTTPConnection) -> Peer:
    """The peer of a request."""
    client = connection.scope.get("client")
    if client is None:
        return Peer(uid=None, address="unknown")
    who, path = str(client[0]), client[1]
    if who.startswith("uid:"):
        return Peer(uid=int(who[4:]), address="local", socket=path if isinstance(path, str) else None)
    return Peer(uid=None, address=who)
