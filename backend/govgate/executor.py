"""The executor as a service: a Unix socket an agent, and behind it the one identity that can redeem.

Must never run anything for a user that is not the socket's agent, nor show its token to anyone.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import stat
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from govd.contract.errors import (
    ConflictError,
    ForbiddenError,
    GovError,
    InvalidRequestError,
    QuotaError,
    UsageError,
)
from govgate.evidence import GATHER_SECONDS
from govgate.process import Supervised, exit_code
from govgate.protocol import STDIO, EvidenceRequest, peer, receive_request, refusal, send_line
from govgate.runner import Request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from govgate.evidence import Gatherer
    from govgate.runner import Runner

MAX_AT_ONCE: Final = 16
"""Commands that an executor runs at once for one agent."""

_REQUEST_SECONDS: Final = 10.0
_RECOVERY_SECONDS: Final = 30.0
_STOP_SECONDS: Final = 45.0
"""Less than systemd waits before it kills."""

_LONGEST_PATH: Final = 107
_BACKLOG: Final = 32
_MAX_UID: Final = 2**32 - 2


@dataclass(frozen=True)
class Door:
    """An agent and the user that it runs as (None: this executor's own user)."""

    agent: str
    uid: int | None = None

    @classmethod
    def parse(cls, text: str) -> Door:
        """`NAME` or `NAME=UID`.

        Raises:
            UsageError: the uid is no number.
        """
        agent, given, uid = text.partition("=")
        if given and not (uid.isascii() and uid.isdigit() and int(uid) <= _MAX_UID):
            raise UsageError(f"--agent {agent}=UID: the uid is a number", hint=f"id -u {agent}")
        return cls(agent, int(uid) if given else None)


def listen(path: Path, door: Door) -> socket.socket:
    """The agent's socket. Whoever connects is asked for by the kernel's word, so its mode may be wide.

    Raises:
        UsageError: the path is too long for the kernel, or cannot be bound.
        ConflictError: another executor listens there.
    """
    if len(os.fsencode(path)) > _LONGEST_PATH:
        raise UsageError(
            f"{path} is longer than the {_LONGEST_PATH} bytes of a Unix socket's name",
            hint="a shorter --socket-dir",
        )
    with contextlib.suppress(FileNotFoundError):
        if stat.S_ISSOCK(path.lstat().st_mode):
            _refuse_second(path)
            path.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.bind(str(path))
    except OSError as error:
        listener.close()
        raise UsageError(f"no socket at {path}: {error.strerror}") from None
    finally:
        os.umask(before)
    if door.uid is not None and door.uid != os.geteuid():
        path.chmod(0o666)
    listener.listen(_BACKLOG)
    return listener


def _refuse_second(path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return
    raise ConflictError(f"another executor listens at {path}")


class Turn:
    """One at a time, for those who wait their turn; nobody's any more once it has ended."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._taken = False
        self._ended = False

    @contextlib.contextmanager
    def taken(self, seconds: float) -> Iterator[None]:
        """Hold it; `seconds`: how long to wait for it.

        Raises:
            QuotaError: others had it all that time.
            ConflictError: it has ended.
        """
        with self._changed:
            free = self._changed.wait_for(lambda: self._ended or not self._taken, seconds)
            if self._ended:
                raise ConflictError("this executor is stopping")
            if not free:
                raise QuotaError("evidence about other pushes is being gathered", retry_after=5)
            self._taken = True
        try:
            yield
        finally:
            with self._changed:
                self._taken = False
                self._changed.notify()

    def end(self) -> None:
        """Send everybody away who waits or comes."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()


class Service:
    """Takes requests until it is stopped.

    Args:
        runner: Does the work.
        doors: The agents that it serves.
        folder: Where their sockets are; made 0711 where it is missing.
        gatherer: Finds out what a held push would change; None: this executor does not.
        at_once: Commands of one agent at once.
        grace: Seconds between SIGTERM and SIGKILL for a command whose gate is gone.
        stopping: Called once it stops: from then on nobody waits for a backend for long.
        patience: Seconds that a stop waits for what runs; what takes longer is told of at the next start.
    """

    def __init__(
        self,
        runner: Runner,
        doors: Sequence[Door],
        folder: Path,
        *,
        gatherer: Gatherer | None = None,
        at_once: int = MAX_AT_ONCE,
        grace: float = 5.0,
        stopping: Callable[[], None] = lambda: None,
        patience: float = _STOP_SECONDS,
    ) -> None:
        self._runner = runner
        self._doors = tuple(doors)
        self._folder = folder
        self._gatherer = gatherer
        # One at a time: what is not approved yet must not keep the machine busy.
        self._gathering = {door: Turn() for door in self._doors}
        # One agent cannot take the places of another.
        self._slots = {door: threading.BoundedSemaphore(at_once) for door in self._doors}
        self._grace = grace
        self._on_stop, self._patience = stopping, patience
        self._stopping = threading.Event()
        self._guard = threading.Lock()
        self._connections: set[socket.socket] = set()
        self._threads: set[threading.Thread] = set()

    def path(self, door: Door) -> Path:
        """The socket of an agent."""
        return self._folder / f"{door.agent}.sock"

    def serve(self, ready: Callable[[], None]) -> int:
        """Listen on every socket until SIGTERM or SIGINT; then end what runs, and report it.

        Args:
            ready: Called once all sockets listen.

        Returns:
            How many requests had not ended when it would wait no longer.
        """
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o711)
        self._runner.recover()
        listeners = [(listen(self.path(door), door), door) for door in self._doors]
        for listener, door in listeners:
            threading.Thread(target=self._accept, args=(listener, door), daemon=True).start()
        threading.Thread(target=self._recover, daemon=True).start()
        wake, waker = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        os.set_blocking(wake, True)
        # The kernel may give a signal to any thread; the byte wakes this one whichever it was.
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        ready()
        os.read(wake, 1)
        with self._guard:
            # What was accepted before is ended below; what is accepted from here on is turned away.
            self._stopping.set()
        self._on_stop()
        for turn in self._gathering.values():
            # A push may be decided without evidence: a stop does not wait for it.
            turn.end()
        for listener, door in listeners:
            self.path(door).unlink(missing_ok=True)
            listener.close()
        return self._finish()

    def _finish(self) -> int:
        """Every gate is treated as gone: its command ends and its outcome is reported."""
        ends = time.monotonic() + self._patience
        with self._guard:
            waiting = list(self._threads)
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RD)
        for thread in waiting:
            thread.join(max(ends - time.monotonic(), 0.0))
        return sum(thread.is_alive() for thread in waiting)

    def _recover(self) -> None:
        """Tell govd, now and then, what could not be told at once."""
        while not self._stopping.wait(_RECOVERY_SECONDS):
            with contextlib.suppress(GovError, OSError):
                self._runner.recover()

    def _accept(self, listener: socket.socket, door: Door) -> None:
        while not self._stopping.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                if self._stopping.wait(0.1):
                    return
                continue
            if self._slots[door].acquire(blocking=False):
                self._begin(connection, door)
                continue
            with connection, contextlib.suppress(OSError):
                connection.settimeout(1)
                busy = QuotaError("this executor runs as many commands as it may at once", retry_after=5)
                send_line(connection, refusal(busy))

    def _begin(self, connection: socket.socket, door: Door) -> None:
        thread = threading.Thread(target=self._handle, args=(connection, door), daemon=True)
        with self._guard:
            if self._stopping.is_set():
                connection.close()
                return
            self._connections.add(connection)
            self._threads.add(thread)
            # Within the guard: a stop joins no thread that has not begun.
            thread.start()

    def _handle(self, connection: socket.socket, door: Door) -> None:
        try:
            with connection:
                self._serve(connection, door)
        finally:
            with self._guard:
                self._connections.discard(connection)
                self._threads.discard(threading.current_thread())
            self._slots[door].release()

    def _serve(self, connection: socket.socket, door: Door) -> None:
        try:
            self._check_peer(connection, door)
            connection.settimeout(_REQUEST_SECONDS)
            answer = self._run(connection, door)
        except GovError as error:
            answer = refusal(error)
        except TimeoutError:
            answer = refusal(InvalidRequestError("the request did not come in time"))
        except OSError as error:
            answer = refusal(UsageError(f"the executor could not run it: {error.strerror}"))
        with contextlib.suppress(OSError):
            send_line(connection, answer)

    @staticmethod
    def _check_peer(connection: socket.socket, door: Door) -> None:
        _, uid = peer(connection)
        wanted = door.uid if door.uid is not None else os.geteuid()
        if uid != wanted:
            raise ForbiddenError(f"this socket is for user {wanted}, and user {uid} came")

    def _run(self, connection: socket.socket, door: Door) -> dict[str, object]:
        said, fds, rest = receive_request(connection)
        try:
            if isinstance(said, EvidenceRequest):
                return {"evidence": self._gather(said, door, fds[0])}
            request = Request(
                intent=said.intent_id,
                argv=said.argv,
                cwd=said.cwd,
                env=said.env,
                git=said.git,
                pack=fds[STDIO] if said.git is not None else None,
            )
            supervised = Supervised(connection, fds[:STDIO], rest, self._grace)
            ran = self._runner.run(request, door.agent, supervised.run)
        finally:
            for fd in fds:
                os.close(fd)
        return {"exit": exit_code(ran.code), "reported": ran.reported}

    def _gather(self, said: EvidenceRequest, door: Door, pack: int) -> str:
        """Why nothing could be found out, or nothing."""
        if self._gatherer is None:
            raise ForbiddenError("this executor gathers no evidence")
        with self._gathering[door].taken(GATHER_SECONDS):
            return self._gatherer.gather(said.evidence, door.agent, said.git, pack)
