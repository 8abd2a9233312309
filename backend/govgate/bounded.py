"""Runs a program on data that an agent chose, within so much time, memory and output.

Must never wait longer than it was told, nor leave a process of its own behind.
"""

from __future__ import annotations

import contextlib
import os
import resource
import selectors
import signal
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from govd.contract.errors import RedeemRefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_CHUNK: Final = 65_536
_MAX_COMPLAINT: Final = 64 * 1024


@dataclass(frozen=True)
class Program:
    """Which program, where and with what around it."""

    path: str
    cwd: str
    env: Mapping[str, str]


@dataclass(frozen=True)
class Bounds:
    """How far it may go. `ends`: on the monotonic clock, in seconds. Memory and output in bytes."""

    ends: float
    output: int = 1 << 20
    memory: int | None = None

    @classmethod
    def within(cls, seconds: float, **more: int) -> Bounds:
        """From now on."""
        return cls(time.monotonic() + seconds, **more)

    @property
    def left(self) -> float:
        """Seconds that are left."""
        return max(self.ends - time.monotonic(), 0.0)


@dataclass(frozen=True)
class Done:
    """How it ended. `cut`: it had more to say than was listened to, and was ended for it."""

    code: int
    out: bytes
    err: bytes
    cut: bool


def run(program: Program, argv: Sequence[str], bounds: Bounds, stdin: int | bytes = b"") -> Done:
    """Run it to its end, or to the end of its bounds.

    Args:
        program: What to start.
        argv: Its name and its arguments.
        bounds: How far it may go.
        stdin: A descriptor, or a few bytes (less than a pipe holds).

    Raises:
        RedeemRefusedError: it did not end in time.
        OSError: it could not be started.
    """
    fed, own = (stdin, -1) if isinstance(stdin, int) else (_pipe(stdin),) * 2
    try:
        process = subprocess.Popen(  # noqa: S603 - the caller's program, with arguments that are checked
            list(argv),
            executable=program.path,
            cwd=program.cwd,
            env=dict(program.env),
            stdin=fed,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    finally:
        if own >= 0:
            os.close(own)
    with process:
        try:
            if bounds.memory is not None:
                with contextlib.suppress(ProcessLookupError):
                    resource.prlimit(process.pid, resource.RLIMIT_AS, (bounds.memory, bounds.memory))
            out, err, cut = _read(process, bounds, argv)
        finally:
            # Before its leader is reaped the group's number cannot be anyone else's.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
    return Done(process.returncode, out, err, cut)


def _pipe(data: bytes) -> int:
    if len(data) > _CHUNK:
        raise ValueError("more than a pipe holds")
    reading, writing = os.pipe2(os.O_CLOEXEC)
    try:
        os.write(writing, data)
    finally:
        os.close(writing)
    return reading


def _read(process: subprocess.Popen[bytes], bounds: Bounds, argv: Sequence[str]) -> tuple[bytes, bytes, bool]:
    """What it says until both its outputs end, or there is too much of it."""
    said = {"out": bytearray(), "err": bytearray()}
    with selectors.DefaultSelector() as selector:
        streams: list[tuple[Any, str]] = [(process.stdout, "out"), (process.stderr, "err")]
        for stream, name in streams:
            selector.register(stream, selectors.EVENT_READ, name)
        while selector.get_map():
            ready = selector.select(bounds.left)
            if not ready:
                raise RedeemRefusedError(f"{argv[0]} did not end in time")
            for key, _ in ready:
                data = os.read(key.fd, _CHUNK)
                if not data:
                    selector.unregister(key.fileobj)
                elif key.data == "out" or len(said["err"]) < _MAX_COMPLAINT:
                    said[key.data] += data
            if len(said["out"]) > bounds.output:
                return bytes(said["out"][: bounds.output]), bytes(said["err"]), True
    _ended(process, bounds, argv)
    return bytes(said["out"]), bytes(said["err"]), False


def _ended(process: subprocess.Popen[bytes], bounds: Bounds, argv: Sequence[str]) -> None:
    """Wait for its end without reaping it: it may have closed its outputs and go on."""
    pidfd = os.pidfd_open(process.pid)
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(pidfd, selectors.EVENT_READ)
            if not selector.select(bounds.left):
                raise RedeemRefusedError(f"{argv[0]} did not end in time")
    finally:
        os.close(pidfd)
