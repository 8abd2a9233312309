"""`govd serve`: both doors, the clock's tick, the policy's watcher, and a graceful stop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
from typing import TYPE_CHECKING, Final

import watchfiles

from govd.api.server import OPERATORS_CONNECTIONS, Door, agents_connections, bind_tcp, bind_unix
from govd.contract.errors import GovError, UsageError
from govd.contract.text import ascii_json
from govd.doors import agents_app, operators_app, with_heads

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from govd.lock import StateLock
    from govd.service import Govd

log = logging.getLogger(__name__)

_TICK_S: Final = 1.0
_GLANCE_S: Final = 2.0
_COLLECTIONS: Final = (20_000, 20, 50)
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_PRIVATE: Final = 0o700
_PASSABLE: Final = 0o711
_OWNER_ONLY: Final = 0o600
_EVERYBODY: Final = 0o666


class Serving:
    """One run of the service."""

    def __init__(self, govd: Govd, lock: StateLock) -> None:
        self._govd = govd
        self._lock = lock
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        settings = govd.settings
        most = agents_connections()
        self._agents = Door(with_heads(agents_app(govd), govd), most, self._tls())
        self._plain_agents = Door(with_heads(agents_app(govd), govd), most)
        self._operators = Door(
            with_heads(operators_app(govd, self._agents_changed), govd), OPERATORS_CONNECTIONS
        )
        self._tcp = bind_tcp(settings.agent_host, settings.agent_port)

    def _tls(self) -> tuple[Path, Path] | None:
        settings = self._govd.settings
        if settings.tls_certificate is not None and settings.tls_key is not None:
            return settings.tls_certificate, settings.tls_key
        if settings.agent_host not in _LOOPBACK:
            raise UsageError(
                f"the agents' door on {settings.agent_host} needs TLS: it is beyond loopback",
                hint="set tls_certificate and tls_key in govd.toml",
            )
        return None

    async def run(self) -> None:
        """Serve until a signal."""
        govd, layout = self._govd, self._govd.layout
        layout.run.mkdir(mode=_PRIVATE, exist_ok=True)
        layout.run.chmod(_PRIVATE)
        scheme = "https" if self._agents.config.is_ssl else "http"
        host, port = self._tcp.getsockname()[:2]
        govd.agent_url = f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"
        govd.hub.start(self._loop)
        govd.heads.start(self._loop)
        operators = bind_unix(layout.operators_socket, _OWNER_ONLY)
        for number, handler in self._handlers().items():
            self._loop.add_signal_handler(number, handler)
        servers = [
            self._task(self._serve(self._agents, [self._tcp])),
            self._task(self._serve(self._operators, [operators])),
        ]
        await asyncio.gather(self._agents.opened.wait(), self._operators.opened.wait())
        await self._open_agent_sockets()
        helpers = [self._task(self._ticking()), self._task(self._watching())]
        _settle_memory()
        self._lock.publish(agent_url=govd.agent_url, operators=str(layout.operators_socket))
        self._say_ready()
        await self._stop.wait()
        await self._shut(servers, helpers)
        layout.operators_socket.unlink(missing_ok=True)

    async def _serve(self, door: Door, sockets: list[socket.socket]) -> None:
        try:
            await door.serve(sockets)
        finally:
            self._stop.set()  # one door alone is no service

    async def _shut(self, servers: list[asyncio.Task[None]], helpers: list[asyncio.Task[None]]) -> None:
        for task in helpers:
            task.cancel()
        self._govd.hub.close()
        for door in (self._agents, self._plain_agents, self._operators):
            door.stop()
        await self._govd.pages.close()
        await asyncio.gather(*servers, *helpers, self._plain_agents.drain(), return_exceptions=True)
        await asyncio.to_thread(self._govd.close)

    def _task(self, work: object) -> asyncio.Task[None]:
        task: asyncio.Task[None] = self._loop.create_task(work)  # type: ignore[arg-type]  # a coroutine
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _handlers(self) -> dict[signal.Signals, Callable[[], object]]:
        return {
            signal.SIGTERM: self._stop.set,
            signal.SIGINT: self._stop.set,
            signal.SIGHUP: lambda: self._task(self._reload()),
        }

    async def _reload(self) -> None:
        try:
            done = await asyncio.to_thread(self._govd.reload)
        except GovError as error:
            log.error("reload refused", extra={"code": error.code})  # noqa: TRY400 - its words may quote a file
            return
        log.info("reloaded", extra={"done": done.model_dump()})

    def _say_ready(self) -> None:
        ready = {
            "ready": True,
            "agent_url": self._govd.agent_url,
            "operators": str(self._govd.layout.operators_socket),
            "halted": self._govd.ledger.halted,
        }
        with contextlib.suppress(BrokenPipeError):
            sys.stdout.write(ascii_json(ready) + "\n")
            sys.stdout.flush()

    # -- what goes on beside -----------------------------------------------------------------------------

    async def _ticking(self) -> None:
        while True:
            try:
                await asyncio.to_thread(self._govd.tick)
            except GovError as error:
                log.warning("tick refused", extra={"code": error.code})
            except Exception:
                # One bad tick must not end expiry for good; the class alone is told, its words may quote.
                log.exception("tick failed")
            await asyncio.sleep(_TICK_S)

    async def _watching(self) -> None:
        """Look at the policy file when it changes; also when `govd reload` names another one."""
        while True:
            path = self._govd.policies.path
            seen = _signature(path)
            await self._look()
            try:
                async for changed in _changes(path):
                    if self._govd.policies.path != path:
                        break
                    # What changed between a look and the watch, or behind a link, shows in the signature.
                    if changed or _signature(path) != seen:
                        seen = _signature(path)
                        await self._look()
            except OSError as error:
                log.warning("the policy's folder is not watched", extra={"errno": error.errno})
                await asyncio.sleep(_GLANCE_S)

    async def _look(self) -> None:
        try:
            found = await asyncio.to_thread(self._govd.policies.look)
            log.info("policy file", extra={"found": found})
        except GovError as error:
            log.warning("policy file not taken", extra={"code": error.code})
        except Exception:
            # One file that nobody foresaw must not end the watch for good.
            log.exception("policy file not taken")

    # -- one Unix socket per agent -----------------------------------------------------------------------

    def _agents_changed(self) -> None:
        self._task(self._open_agent_sockets())

    async def _open_agent_sockets(self) -> None:
        folder = self._govd.layout.agent_sockets(self._govd.settings)
        folder.mkdir(mode=_PASSABLE, parents=True, exist_ok=True)
        folder.chmod(_PASSABLE)
        wanted = {agent.name: agent.uid for agent in self._govd.directory.agents()}
        for name in self._plain_agents.unix_names() - set(wanted):
            self._plain_agents.close_unix(name)
            (folder / f"{name}.sock").unlink(missing_ok=True)
        if not self._plain_agents.config.loaded:
            self._plain_agents.config.load()
        for name in set(wanted) - self._plain_agents.unix_names():
            uid = wanted[name]
            owned = uid is not None and os.geteuid() == 0
            # Not root: the kernel cannot give the socket to the agent, so its uid is checked instead.
            mode = _OWNER_ONLY if owned or uid in {None, os.geteuid()} else _EVERYBODY
            try:
                sock = bind_unix(folder / f"{name}.sock", mode, uid if owned else None)
            except GovError as error:
                log.warning("no socket for an agent", extra={"agent": name, "code": error.code})
                continue
            await self._plain_agents.open_unix(sock, name)


def _settle_memory() -> None:
    """Keep the collector from walking, again and again, over all that was imported (16 % of the CPU)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECTIONS)


def _signature(path: Path | None) -> tuple[int, int, int] | None:
    try:
        found = path.stat() if path is not None else None
    except OSError:
        found = None
    return None if found is None else (found.st_ino, found.st_size, found.st_mtime_ns)


async def _changes(path: Path | None) -> AsyncIterator[bool]:
    """True when that file changed; False every now and then, to look whether it did unseen."""
    while path is None or not path.parent.is_dir():
        await asyncio.sleep(_GLANCE_S)
        yield False
    watch = watchfiles.awatch(
        path.parent,
        recursive=False,
        step=50,
        debounce=200,
        rust_timeout=int(_GLANCE_S * 1000),
        yield_on_timeout=True,
    )
    async for changes in watch:
        yield any(changed.endswith("/" + path.name) for _, changed in changes)


async def serve(govd: Govd, lock: StateLock) -> None:
    """Run until a signal."""
    await Serving(govd, lock).run()
