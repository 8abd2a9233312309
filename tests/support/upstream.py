"""A transcription upstream on a real socket: says what a test wants, as well or as badly as a test wants.

It keeps what it was sent. Must never be asked for anything but loopback.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable

PATH = "/v1/audio/transcriptions"


@dataclass(frozen=True)
class Asked:
    """One request. `parts`: the form's fields, by name; `file` is the clip."""

    path: str
    headers: dict[str, str]
    parts: dict[str, bytes] = field(repr=False)


@dataclass(frozen=True)
class Answered:
    """What it answers with. `parts`: sent one after the other, each in a packet of its own."""

    status: int = 200
    kind: str = "application/json"
    parts: Iterable[bytes] = ()
    headers: tuple[tuple[str, str], ...] = ()


def saying(text: object) -> Answered:
    """What a good upstream answers."""
    return Answered(parts=[json.dumps({"text": text}).encode()])


class Upstream:
    """The upstream; a context manager.

    Attributes:
        answer: Asked for each answer; a test sets it.
        asked: What came, in order.
        over: Set when it ends: an answer that never comes waits for it.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.answer: Callable[[], Answered] = lambda: saying("")
        self.asked: list[Asked] = []
        self.over = threading.Event()
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                upstream.asked.append(_asked(self))
                upstream._send(self)

            def do_GET(self) -> None:
                upstream.asked.append(Asked(self.path, dict(self.headers), {}))
                upstream._send(self)

            def log_message(self, *_: Any) -> None:
                """Nobody reads it."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        # A client that had enough leaves in the middle of an answer.
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]  # the seam of socketserver
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.port: int = self._server.server_address[1]
        self.url = f"{'http' if tls is None else 'https'}://localhost:{self.port}{PATH}"
        # It looks so often, in seconds, whether it is to end.
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def says(self, text: object) -> None:
        """From now on it hears that."""
        self.answer = lambda: saying(text)

    def answers(self, **answer: Any) -> None:
        """From now on it answers that."""
        self.answer = lambda: Answered(**answer)

    def _send(self, handler: BaseHTTPRequestHandler) -> None:
        made = self.answer()
        handler.close_connection = True
        handler.send_response(made.status)
        handler.send_header("Content-Type", made.kind)
        handler.send_header("Connection", "close")
        for name, value in made.headers:
            handler.send_header(name, value)
        handler.end_headers()
        for part in made.parts:
            handler.wfile.write(part)
            handler.wfile.flush()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


def _asked(handler: BaseHTTPRequestHandler) -> Asked:
    body = handler.rfile.read(int(handler.headers["Content-Length"]))
    head = f"Content-Type: {handler.headers['Content-Type']}\r\n\r\n".encode()
    form = BytesParser(policy=HTTP).parsebytes(head + body)
    parts: dict[str, bytes] = {}
    for part in form.iter_parts():
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        parts[str(part.get_param("name", header="content-disposition"))] = content
    return Asked(handler.path, dict(handler.headers), parts)
