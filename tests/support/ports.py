"""Ports that nobody else on this machine is given while a test has a use for them."""

from __future__ import annotations

import socket
import weakref


class Port:
    """A TCP port of 127.0.0.1, ours for as long as this object lives.

    Nothing listens on it. Who reuses addresses may, as govd does, and again after its end; whoever asks the
    kernel for any port, or connects from one, is not given it.
    """

    def __init__(self) -> None:
        held = socket.socket()
        weakref.finalize(self, held.close)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", 0))
        self.number: int = held.getsockname()[1]
