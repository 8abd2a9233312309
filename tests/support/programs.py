"""Our programs, started for a test: each a process of its own, forked from one that has loaded them already.

Loading is most of what a start costs: 0.8 s of CPU for `govd serve`, 0.35 s for a `govgate`, and all tests
together start some hundreds. What follows loading is the program's own, on its own streams, environment and
working directory. Where nobody asked for it (`fork_from_now_on`), as in benchmarks, and where a start needs
more than the server offers, the program is executed as a shell would do it; so is what our programs start
themselves: the demo its govd and its gates, the console its backend.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import weakref
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BIN: Final = Path(sys.executable).parent
_NUMBER: Final = struct.Struct("=i")  # as the server has it

_SERVER: Final = Path(__file__).with_name("forking.py")
_MOST: Final = 100_000
"""Bytes of a request: a longer command line is executed."""

_LOADING_HANGS_ON: Final = frozenset({"LANG", "LC_ALL", "TZ", "PYTHONPATH", "PYTHONWARNINGS", "PYTHONUTF8"})


class Process(Protocol):
    """What tests use of a `subprocess.Popen`."""

    pid: int
    stdin: IO[bytes] | None
    stdout: IO[bytes] | None
    stderr: IO[bytes] | None
    returncode: int | Any
    """None until it was asked whether it has ended; typeshed has it so for Popen."""

    def poll(self) -> int | None:
        """Its exit code, or None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, once it has ended."""

    def communicate(
        self,
        input: bytes | None = None,  # noqa: A002 - Popen's word
        timeout: float | None = None,
    ) -> tuple[bytes, bytes]:
        """Write, read both to their ends, and wait."""

    def send_signal(self, sig: int) -> None:
        """Nothing where it has ended."""

    def terminate(self) -> None:
        """SIGTERM."""

    def kill(self) -> None:
        """SIGKILL."""


class Forked:
    """A `Process` whose parent is the server, which tells how it ended."""

    def __init__(self, line: Sequence[str], told: int, streams: Sequence[IO[bytes] | None]) -> None:
        self._line = list(line)
        self._told = told
        self._lock = threading.Lock()
        weakref.finalize(self, os.close, told)
        self.returncode: int | Any = None
        self.stdin, self.stdout, self.stderr = streams
        self.pid = self._number()

    def _number(self) -> int:
        data = os.read(self._told, _NUMBER.size)
        if not data:
            raise AssertionError("the server that forks our programs has ended")
        number: int
        (number,) = _NUMBER.unpack(data)
        return number

    def poll(self) -> int | None:
        """See `Process`."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.wait(0)
        return None

    def wait(self, timeout: float | None = None) -> int:
        """See `Process`."""
        poll = select.poll()
        poll.register(self._told, select.POLLIN)
        if self.returncode is None and not poll.poll(None if timeout is None else timeout * 1000):
            raise subprocess.TimeoutExpired(self._line, timeout or 0)
        with self._lock:
            if self.returncode is None:
                self.returncode = self._number()
        return int(self.returncode)

    def communicate(
        self,
        input: bytes | None = None,  # noqa: A002 - Popen's word
        timeout: float | None = None,
    ) -> tuple[bytes, bytes]:
        """See `Process`."""
        read: dict[int, bytes] = {}
        ends = [
            threading.Thread(target=_drain, args=(stream, read, number), daemon=True)
            for number, stream in enumerate((self.stdout, self.stderr))
            if stream is not None
        ]
        for end in ends:
            end.start()
        if self.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self.stdin.write(input or b"")
                self.stdin.close()
        for end in ends:
            end.join(timeout)
            if end.is_alive():
                raise subprocess.TimeoutExpired(self._line, timeout or 0)
        self.wait(timeout)
        return read.get(0, b""), read.get(1, b"")

    def send_signal(self, sig: int) -> None:
        """See `Process`."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, sig)

    def terminate(self) -> None:
        """See `Process`."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """See `Process`."""
        self.send_signal(signal.SIGKILL)


def _drain(stream: IO[bytes], into: dict[int, bytes], number: int) -> None:
    into[number] = stream.read()
    stream.close()


class _Server:
    """The process that forks: started when it is first needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asks: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, request: bytes, descriptors: Sequence[int]) -> None:
        with self._lock:
            if self._asks is None:
                self._asks, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                with theirs:
                    self._process = subprocess.Popen(
                        [sys.executable, "-P", str(_SERVER), str(theirs.fileno())],
                        env=environment(),
                        stdin=subprocess.DEVNULL,
                        pass_fds=(theirs.fileno(),),
                        start_new_session=True,
                    )
            socket.send_fds(self._asks, [request], list(descriptors))

    def end(self) -> None:
        with self._lock:
            if self._asks is not None and self._process is not None:
                self._asks.close()
                self._process.wait()


_server: _Server | None = None


def fork_from_now_on() -> None:
    """Let `start` fork; for a test run."""
    global _server  # noqa: PLW0603 - one for the process, as the run is
    _server = _Server()


def end() -> None:
    """Execute from now on, and leave no server behind."""
    global _server
    server, _server = _server, None
    if server is not None:
        server.end()


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """A small environment: nothing of the developer's own settings reaches the processes under test."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LANG") if name in os.environ}
    return {
        **kept,
        "PATH": f"{BIN}:{kept.get('PATH', os.defpath)}",
        "GIT_CONFIG_NOSYSTEM": "1",
        **(more or {}),
    }


def start(
    program: str,
    *arguments: str | Path,
    env: Mapping[str, str],
    cwd: str | Path | None = None,
    streams: tuple[int | IO[bytes] | None, int | IO[bytes] | None, int | IO[bytes] | None],
    session: bool = False,
) -> Process:
    """Start `govd`, `govgate` or `govconsole`.

    Args:
        program: Which.
        arguments: What follows its name.
        env: The whole environment.
        cwd: Where it starts; None is here.
        streams: stdin, stdout and stderr, each as `subprocess.Popen` takes it.
        session: Whether it leads a session, and a process group, of its own.
    """
    words = [str(item) for item in arguments]
    asked = {"program": program, "arguments": words, "env": dict(env), "session": session}
    request = json.dumps(asked | {"cwd": str(cwd or Path.cwd())}).encode()
    base = environment()
    same = all(env.get(name) == base.get(name) for name in _LOADING_HANGS_ON)
    line = [str(BIN / program), *words]
    if _server is None or not same or len(request) > _MOST:
        stdin, stdout, stderr = streams
        return subprocess.Popen(
            line, env=env, cwd=cwd, stdin=stdin, stdout=stdout, stderr=stderr, start_new_session=session
        )
    told, tell = os.pipe()
    with contextlib.ExitStack() as theirs:
        theirs.callback(os.close, tell)
        pairs = [_stream(number, wanted, theirs) for number, wanted in enumerate(streams)]
        _server.ask(request, [*(given for given, _ in pairs), tell])
    return Forked(line, told, [ours for _, ours in pairs])


def _stream(
    number: int, wanted: int | IO[bytes] | None, theirs: contextlib.ExitStack
) -> tuple[int, IO[bytes] | None]:
    """The child's end of a stream, closed here with `theirs`, and ours where it is a pipe."""
    if wanted is None:
        return number, None
    if wanted == subprocess.DEVNULL:
        null = os.open(os.devnull, os.O_RDWR)
        theirs.callback(os.close, null)
        return null, None
    if wanted == subprocess.PIPE:
        reading, writing = os.pipe()
        given, kept = (reading, writing) if number == 0 else (writing, reading)
        theirs.callback(os.close, given)
        return given, os.fdopen(kept, "wb" if number == 0 else "rb")
    return wanted if isinstance(wanted, int) else wanted.fileno(), None
