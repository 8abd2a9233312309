"""One worker process, from its start to its end. Must never wait for it longer than was said."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Final

from govd.contract.errors import ClipRefusedError, VoiceUnavailableError
from govd.voice.encoder.frames import HEAD, MAX_REPLY, Kind, unpack

if TYPE_CHECKING:
    from collections.abc import Sequence

    from govd.voice.encoder.model import Choice

MEND: Final = "govd voice model list"
"""It says of each model whether its file is still what was imported, and what may be used."""
_CHUNK: Final = 1 << 20
_PIPE_BYTES: Final = 1 << 20
"""So much of a clip is handed over at once, and neither side waits for the other: 16 s."""
_F_SETPIPE_SZ: Final = 1031
_PASSED_ON: Final = ("LANG", "LC_ALL", "TMPDIR", "HOME")


class WorkerDiedError(Exception):
    """The worker ended, or said what no worker says."""


class WorkerSlowError(Exception):
    """The worker did not answer in time."""


def command(choice: Choice, deadline_s: float) -> list[str]:
    """What starts a worker for that model."""
    module = ["-I", "-m", "govd.voice.encoder.worker"]
    return [
        sys.executable,
        *module,
        choice.view.runtime,
        str(choice.weights),
        choice.sha256,
        str(max(1, round(deadline_s))),
    ]


def environment() -> dict[str, str]:
    """The little of ours that a worker gets: no token, no proxy, and one thread for numpy's algebra."""
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return kept | threads | {"PATH": os.defpath}


class Worker:
    """A process that holds one model.

    Args:
        argv: What to start.
        start_s: Seconds until it must be ready.

    Raises:
        VoiceUnavailableError: it says that the model cannot be loaded.
        WorkerDiedError: it ended instead of getting ready.
        WorkerSlowError: it was not ready in time.
    """

    def __init__(self, argv: Sequence[str], start_s: float) -> None:
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own program by its path, no shell
                list(argv),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment(),
                cwd="/",
                start_new_session=True,
                bufsize=0,
            )
        except OSError as error:
            raise WorkerDiedError(f"it could not be started: {error.strerror}") from None
        # Popen opened both: they were asked for.
        assert self._process.stdin is not None  # noqa: S101
        assert self._process.stdout is not None  # noqa: S101
        self._in = self._process.stdin.fileno()
        self._out = self._process.stdout.fileno()
        os.set_blocking(self._in, False)
        os.set_blocking(self._out, False)
        with contextlib.suppress(OSError):  # more than this user may have; it works with less
            fcntl.fcntl(self._in, _F_SETPIPE_SZ, _PIPE_BYTES)
        try:
            self.dimension = self._ready(start_s)
        except BaseException:
            self.end()
            raise

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def _ready(self, seconds: float) -> int:
        kind, body = self._exchange([], seconds)
        if kind is Kind.FAILED:
            said = body.decode(errors="replace")
            raise VoiceUnavailableError(f"the model cannot be loaded: {said}", hint=MEND)
        try:
            dimension = json.loads(body)["dimension"] if kind is Kind.READY else None
        except (ValueError, TypeError, KeyError):
            dimension = None
        if not isinstance(dimension, int):
            raise WorkerDiedError("it spoke out of turn")
        return dimension

    def embed(self, pcm: bytes, seconds: float) -> bytes:
        """The embedding as the worker gave it.

        Raises:
            ClipRefusedError: this clip cannot be embedded.
            VoiceUnavailableError: the model cannot be run.
            WorkerDiedError: it ended, or said what no worker says.
            WorkerSlowError: it did not answer in time.
        """
        kind, body = self._exchange([HEAD.pack(Kind.EMBED.value, len(pcm)), pcm], seconds)
        if kind is Kind.REFUSED:
            raise ClipRefusedError(f"the clip cannot be embedded: {body.decode(errors='replace')}")
        if kind is Kind.FAILED:
            raise VoiceUnavailableError(f"the model failed: {body.decode(errors='replace')}", hint=MEND)
        if kind is not Kind.VECTOR:
            raise WorkerDiedError("it spoke out of turn")
        return body

    def _exchange(self, request: list[bytes], seconds: float) -> tuple[Kind, bytes]:
        ends = time.monotonic() + seconds
        waiting, said = [memoryview(part) for part in request], bytearray()
        with selectors.DefaultSelector() as selector:
            selector.register(self._out, selectors.EVENT_READ)
            if waiting:
                selector.register(self._in, selectors.EVENT_WRITE)
            while True:
                ready = selector.select(max(0.0, ends - time.monotonic()))
                if not ready:
                    raise WorkerSlowError(f"no answer within {seconds:g} s")
                for key, _ in ready:
                    if key.fd == self._out:
                        said += self._heard()
                    else:
                        self._tell(waiting)
                        if not waiting:
                            selector.unregister(self._in)
                if (frame := _frame(said)) is not None:
                    return frame

    def _heard(self) -> bytes:
        data = os.read(self._out, _CHUNK)
        if not data:
            raise WorkerDiedError("it ended")
        return data

    def _tell(self, waiting: list[memoryview]) -> None:
        """Write what goes in, off the list."""
        try:
            written = os.writev(self._in, waiting)
        except BlockingIOError:
            return
        except OSError:
            raise WorkerDiedError("it ended") from None
        while waiting and written >= len(waiting[0]):
            written -= len(waiting.pop(0))
        if waiting:
            waiting[0] = waiting[0][written:]

    def end(self) -> None:
        """End it and everything that it started, now."""
        if self._process.poll() is None:
            # Before its leader is reaped the group's number cannot be anyone else's.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        self._process.wait()


def _frame(said: bytearray) -> tuple[Kind, bytes] | None:
    if len(said) < HEAD.size:
        return None
    try:
        kind, size = unpack(bytes(said[: HEAD.size]), MAX_REPLY)
    except ValueError as error:
        raise WorkerDiedError(str(error)) from None
    if len(said) < HEAD.size + size:
        return None
    if len(said) > HEAD.size + size:
        raise WorkerDiedError("it spoke out of turn")
    return kind, bytes(said[HEAD.size :])
