"""A door in front of the operators' door, which notes when the first page of jobs had come through.

Must never change a byte.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import threading
import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path

_ASKED = b"GET /v1/jobs?"


class Proxy:
    """Listens below a folder that is laid out as a state directory is.

    Args:
        door: The real socket.
        state: The folder to make.
    """

    def __init__(self, door: Path, state: Path) -> None:
        self._door = door
        self.state = state
        self._asked_on: int | None = None
        self._came: list[tuple[int, float]] = []

    def __enter__(self) -> Self:
        shutil.rmtree(self.state, ignore_errors=True)
        (self.state / "run").mkdir(mode=0o700, parents=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.state / "run" / "operators.sock"))
        self._listener.listen(16)
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        shutil.rmtree(self.state, ignore_errors=True)

    def forget(self) -> None:
        """Begin anew."""
        self._asked_on, self._came = None, []

    def page_came(self) -> float:
        """When the last byte of the first page was handed on (`time.perf_counter`)."""
        times = [at for connection, at in self._came if connection == self._asked_on]
        # The bytes of one answer follow one another closely; the next answer on the connection does not.
        last = times[0]
        for at in times[1:]:
            if at - last > 0.03:
                break
            last = at
        return last

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(str(self._door))
                ends = ((client, server, True), (server, client, False))
                for source, target, asks in ends:
                    named = {"asks": asks}
                    line = (source, target, client.fileno())
                    threading.Thread(target=self._pass, args=line, kwargs=named, daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, connection: int, *, asks: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(262_144):
                target.sendall(data)
                if asks and _ASKED in data and self._asked_on is None:
                    self._asked_on = connection
                elif not asks and self._asked_on == connection:
                    self._came.append((connection, time.perf_counter()))
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
