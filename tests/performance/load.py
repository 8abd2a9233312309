"""The load generator, a process of its own: raw HTTP/1.1 over kept-alive connections, nothing parsed twice.

Reads one JSON order a line on stdin ({port, path, headers, bodies | body, clients, requests, expect}) and
answers with one JSON line ({seconds, requests, latencies_us, wrong}). Must never be the bottleneck itself.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import TYPE_CHECKING, Any, cast

import uvloop

if TYPE_CHECKING:
    from collections.abc import Iterator


class Caller(asyncio.Protocol):
    """One connection: sends a request, waits for the whole answer, sends the next."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._sent = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connected: send the first."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own class is no subclass of it
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        """The server hung up: what is missing is seen in the count."""
        if not self.done.done():
            self._run.wrong.append(f"connection lost: {exc}")
            self.done.set_result(None)

    def data_received(self, data: bytes) -> None:
        """Collect until head and body are whole."""
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
        if len(body) < length:
            return
        self._run.took(time.perf_counter() - self._sent, self._buffer)
        self._buffer = b""
        self._next()

    def _next(self) -> None:
        request = next(self._run.requests, None)
        if self._transport is None or request is None:
            self.done.set_result(None)
            if self._transport is not None:
                self._transport.close()
            return
        self._sent = time.perf_counter()
        self._transport.write(request)


class Run:
    """One order: how many requests over how many connections, and what came of them."""

    def __init__(self, order: dict[str, Any]) -> None:
        self._order = order
        self._expect = str(order["expect"]).encode()
        self.latencies: list[float] = []
        self.wrong: list[str] = []
        self.requests: Iterator[bytes] = iter(self._encoded())

    def _encoded(self) -> list[bytes]:
        order = self._order
        bodies = order.get("bodies") or [order["body"]] * order["requests"]
        fixed = "".join(f"{name}: {value}\r\n" for name, value in order.get("headers", {}).items())
        start = (
            f"POST {order['path']} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n{fixed}"
        )
        return [
            f"{start}Content-Length: {len(raw)}\r\n\r\n".encode() + raw
            for raw in (body.encode() for body in bodies)
        ]

    def took(self, seconds: float, answer: bytes) -> None:
        """Note one answer."""
        self.latencies.append(seconds)
        if self._expect not in answer and len(self.wrong) < 3:
            self.wrong.append(answer[-400:].decode(errors="replace"))

    async def run(self) -> dict[str, object]:
        """All requests, and how long they took together."""
        loop = asyncio.get_running_loop()
        started = time.perf_counter()
        made = [
            await loop.create_connection(lambda: Caller(self), "127.0.0.1", self._order["port"])
            for _ in range(self._order["clients"])
        ]
        await asyncio.gather(*(protocol.done for _, protocol in made))
        return {
            "seconds": time.perf_counter() - started,
            "requests": len(self.latencies),
            "latencies_us": [round(value * 1e6, 1) for value in self.latencies],
            "wrong": self.wrong,
        }


def main() -> None:
    """Orders in, results out, until stdin ends."""
    for line in sys.stdin:
        result = uvloop.run(Run(json.loads(line)).run())
        sys.stdout.write(json.dumps(result) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
