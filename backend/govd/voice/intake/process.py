"""One decoder's process, as govd holds it: started, handed a file, read from, killed.

Must never believe what comes back, and never wait longer than it was told to.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import selectors
import subprocess
import sys
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from govd.voice.intake import wireform
from govd.voice.intake.wireform import Outcome

if TYPE_CHECKING:
    from govd.voice.intake.wireform import Answer, Format

CLIPS: Final = 200
"""After so many a process is replaced, for good measure: each clip has a child of its own as it is."""
IDLE_SECONDS: Final = 900.0
"""Without a clip for so long a process ends by itself, and the next clip starts another."""
_PIPE_BYTES: Final = 2**20
_F_SETPIPE_SZ: Final = 1031
_CHUNK: Final = 2**18
_HEAP_BYTES: Final = 32 * 2**20
"""What the worker frees it keeps, up to here: fresh pages for each clip cost more than its arithmetic."""
_THREADS: Final = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS")
"""A child of a process with threads would wait for them for ever."""
_MODULE: Final = "govd.voice.intake.worker"


class DiedError(Exception):
    """The process ended, was killed, or said what no worker says; the text is how, after "the decoder"."""


class IdleError(DiedError):
    """It had ended before this clip, or had not done with the last: this one is not at fault."""


class WillNotStartError(DiedError):
    """There can be no process, or a library is not there: no clip is at fault."""


class Decoder:
    """A worker process that takes one clip at a time. `take` is not for two threads at once.

    Args:
        extra: Whether it is the kind that reads the formats of the extra.
        idle: Seconds without a clip after which it ends by itself.
    """

    def __init__(self, *, extra: bool, idle: float = IDLE_SECONDS) -> None:
        self.extra = extra
        self.clips = 0
        self._lock = threading.Lock()
        lifeline, self._lifeline = os.pipe()
        self._done, done = os.pipe()
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own module, with our own arguments
                [
                    *(sys.executable, "-P", "-m", _MODULE),
                    *("extra" if extra else "plain", str(lifeline), str(done), str(idle)),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                pass_fds=(lifeline, done),
                bufsize=0,
                cwd="/",
                env=_environment(),
            )
        except OSError as error:
            os.close(self._lifeline)
            os.close(self._done)
            raise WillNotStartError(f"cannot be started ({error.strerror})") from error
        finally:
            os.close(lifeline)
            os.close(done)
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:  # Popen was told to make both
            raise WillNotStartError("has no pipes")
        self._in, self._out = stdin.fileno(), stdout.fileno()
        for pipe in (self._in, self._out):
            os.set_blocking(pipe, False)
            with contextlib.suppress(OSError):  # more than this user may have; it works with less
                fcntl.fcntl(pipe, _F_SETPIPE_SZ, _PIPE_BYTES)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def take(self, data: bytes, kind: Format, *, seconds: float) -> Answer:
        """Hand it a file and wait for the answer.

        Args:
            data: The file.
            kind: What it is.
            seconds: For all of it; then the process is killed.

        Raises:
            DiedError: it is gone; this object is of no further use.
        """
        until = time.monotonic() + seconds
        try:
            self._await_last(until)
            self.clips += 1
            head = wireform.REQUEST.pack(kind, len(data))
            waiting = [memoryview(part) for part in (head, data) if part]
            answer, length = wireform.head(self._exchange(waiting, wireform.ANSWER.size, until))
            _check(answer, waiting)
            pcm = self._exchange([], length, until)
            return replace(answer, pcm=pcm)
        except DiedError:
            self.end()
            raise
        except wireform.NotAnAnswerError as error:
            self.end()
            raise DiedError("answered nonsense") from error

    def kill(self) -> None:
        """Let whoever waits for it learn that it is gone. From any thread."""
        with self._lock:
            if self._lifeline >= 0:
                os.close(self._lifeline)  # which ends the child that hears a clip
                self._lifeline = -1
        self._process.kill()

    def end(self) -> None:
        """Kill it, whatever it does, and let go of it."""
        self.kill()
        self._process.wait()
        with self._lock:
            if self._done >= 0:
                os.close(self._done)
                self._done = -1
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def _await_last(self, until: float) -> None:
        """Until the last clip's child is gone, and with it all that it could still say or hear."""
        if self._process.poll() is not None:
            raise IdleError("had ended before")
        if not self.clips:
            return
        gone = select.poll()  # not select(), which knows no descriptor above 1023
        gone.register(self._done, select.POLLIN)
        if not gone.poll(1000 * max(0.0, until - time.monotonic())) or not os.read(self._done, 1):
            raise IdleError("did not end with its clip")
        said = select.poll()
        said.register(self._out, select.POLLIN)
        if said.poll(0):  # what would pass for an answer to this clip
            raise IdleError("said more than it was asked")

    def _exchange(self, waiting: list[memoryview], expected: int, until: float) -> bytes:
        """Write these, off the list, while reading so many bytes: neither side waits for the other."""
        parts, left = list[bytes](), expected
        with selectors.DefaultSelector() as selector:
            selector.register(self._out, selectors.EVENT_READ)
            if waiting:
                selector.register(self._in, selectors.EVENT_WRITE)
            while left:
                events = selector.select(max(0.0, until - time.monotonic()))
                if not events:
                    raise DiedError("took too long")
                for key, _mask in events:
                    if key.fd == self._out:
                        parts.append(self._some(left))
                        left -= len(parts[-1])
                    elif not self._wrote(waiting):
                        selector.unregister(self._in)
        return b"".join(parts)

    def _some(self, most: int) -> bytes:
        part = os.read(self._out, min(most, _PIPE_BYTES))
        if not part:
            raise self._death()
        return part

    def _wrote(self, waiting: list[memoryview]) -> bool:
        """Write what goes in; whether there is more."""
        try:
            written = os.write(self._in, waiting[0][:_CHUNK])
        except BlockingIOError:
            return True
        except BrokenPipeError:
            raise self._death() from None
        waiting[0] = waiting[0][written:]
        if not waiting[0]:
            waiting.pop(0)
        return bool(waiting)

    def _death(self) -> DiedError:
        """How it ended, once its pipe is closed."""
        try:
            code = self._process.wait(1)
        except subprocess.TimeoutExpired:
            return DiedError("closed its pipe")
        if code == 0:
            return IdleError("ended")
        return DiedError(f"ended with signal {-code}" if code < 0 else f"ended with code {code}")


def _check(answer: Answer, waiting: list[memoryview]) -> None:
    if answer.outcome is Outcome.BROKEN:
        raise WillNotStartError("does not start")
    if waiting:
        raise DiedError("answered before it had heard all")


def _environment() -> dict[str, str]:
    """What it sees of ours: where its modules are."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "PYTHONHOME") if name in os.environ}
    return kept | {
        "LC_ALL": "C.UTF-8",
        **dict.fromkeys(_THREADS, "1"),
        "MALLOC_MMAP_THRESHOLD_": str(_HEAP_BYTES),
        "MALLOC_TRIM_THRESHOLD_": str(_HEAP_BYTES),
    }
