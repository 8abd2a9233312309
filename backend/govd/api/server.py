"""Two servers in one loop: sockets bound by us, one signal handler, a graceful stop of both.

uvicorn's own `uds=` would leave the socket open to everybody, and its own signal handling would end the
process before the second server has stopped (both were tried).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import resource
import socket
from typing import TYPE_CHECKING, Any, Final

import uvicorn

from govd.api.peers import PeerProtocol
from govd.contract.errors import ConflictError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from starlette.types import ASGIApp

log = logging.getLogger(__name__)

_BACKLOG: Final = 512
_GRACE_S: Final = 5
_LONGEST_PATH: Final = 107
OPERATORS_CONNECTIONS: Final = 256
AGENTS_CONNECTIONS: Final = 1024
_OWN_DESCRIPTORS: Final = 256
"""For the log, the database and what else is not a connection."""


def agents_connections() -> int:
    """How many connections each of the two agents' listeners takes: never what operators or the log need.

    The soft limit on descriptors is raised for it as far as the hard one lets us (threats T18).
    """
    reserved = OPERATORS_CONNECTIONS + _OWN_DESCRIPTORS
    wanted = reserved + 2 * AGENTS_CONNECTIONS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return AGENTS_CONNECTIONS
    log.warning("few descriptors: agents get fewer connections", extra={"limit": soft, "wanted": wanted})
    return max(16, (soft - reserved) // 2)


class Door(uvicorn.Server):
    """One application on its sockets; more Unix sockets can open while it runs."""

    def __init__(self, app: ASGIApp, connections: int, tls: tuple[Path, Path] | None = None) -> None:
        options: dict[str, Any] = {}
        if tls is not None:
            options = {"ssl_certfile": str(tls[0]), "ssl_keyfile": str(tls[1])}

        class Protocol(PeerProtocol):
            most = connections

        self._protocol = Protocol
        super().__init__(
            uvicorn.Config(
                app,
                http=Protocol,
                loop="none",
                lifespan="off",
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=_GRACE_S,
                **options,
            )
        )
        self.opened = asyncio.Event()
        self._more: dict[str, asyncio.Server] = {}

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone: one handler stops both doors."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say so."""
        await super().startup(sockets)
        self.opened.set()

    async def open_unix(self, sock: socket.socket, name: str) -> None:
        """Serve one more Unix socket."""
        loop = asyncio.get_running_loop()

        def protocol() -> asyncio.Protocol:
            return self._protocol(config=self.config, server_state=self.server_state, app_state={})

        self._more[name] = await loop.create_unix_server(protocol, sock=sock)

    def close_unix(self, name: str) -> None:
        """Serve it no longer."""
        server = self._more.pop(name, None)
        if server is not None:
            server.close()

    def unix_names(self) -> set[str]:
        """The names of the further sockets."""
        return set(self._more)

    def stop(self) -> None:
        """End gracefully."""
        self.should_exit = True
        for name in list(self._more):
            self.close_unix(name)

    async def drain(self, seconds: float = _GRACE_S) -> None:
        """Answer what is under way on further sockets, and hang up: `serve` sees to its own alone.

        Args:
            seconds: For how long at most; what takes longer goes without an answer.
        """
        for connection in list(self.server_state.connections):
            connection.shutdown()
        under_way = list(self.server_state.tasks)
        if under_way:
            await asyncio.wait(under_way, timeout=seconds)


def bind_unix(path: Path, mode: int, owner: int | None = None) -> socket.socket:
    """A listening Unix socket with exactly that mode, in place of a dead one.

    Raises:
        UsageError: the path is too long for the kernel.
        ConflictError: somebody answers there.
    """
    if len(os.fsencode(path)) > _LONGEST_PATH:
        raise UsageError(
            f"{path} is longer than the {_LONGEST_PATH} bytes of a Unix socket's name",
            hint="a shorter --state",
        )
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    if path.exists():
        try:
            sock.connect(str(path))
        except OSError:
            path.unlink()
        else:
            raise ConflictError(f"somebody answers at {path} already")
        finally:
            sock.close()
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # Nobody can connect between bind and chmod: the mode is set before it listens.
    sock.bind(str(path))
    path.chmod(mode)
    if owner is not None:
        os.chown(path, owner, -1)
    sock.listen(_BACKLOG)
    sock.settimeout(0)
    return sock


def bind_tcp(host: str, port: int) -> socket.socket:
    """A listening TCP socket.

    Raises:
        ConflictError: the address is in use, or not ours.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise ConflictError(
            f"{host}:{port} cannot be opened: {error.strerror}", hint="set agent_port in govd.toml"
        ) from None
    sock.listen(_BACKLOG)
    sock.settimeout(0)
    return sock
