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
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from govd.voice.intake import wireform
from govd.voice.intake.wireform import Outcome

if TYPE_CHECKING:
    from govd.voice.intake.wireform import Answer, Format

CLIPS: Final = 200
"""After so many a process is replaced: what a clip may have left behind in it does not stay."""
IDLE_SECONDS: Final = 900.0
"""Without a clip for so long a process ends by itself, and the next clip starts another."""
_PIPE_BYTES: Final = 2**20
_F_SETPIPE_SZ: Final = 1031
_CHUNK: Final = 2**18
_HEAP_BYTES: Final = 32 * 2**20
"""What the worker frees it keeps, up to here: fresh pages for each clip cost more than its arithmetic."""
_MODULE: Final = "govd.voice.intake.worker"


class DiedError(Exception):
    """The process ended, was killed, or said what no worker says; the text is how, after "the decoder"."""


class IdleError(DiedError):
    """It had ended before this clip, since it had nothing to do."""


class WillNotStartError(DiedError):
    """There can be no process, or a library is not there: no clip is at fault."""


class Decoder:
    """A worker process that takes one clip at a time. Not for two threads at once.

    Args:
        extra: Whether it is the kind that reads the formats of the extra.
        idle: Seconds without a clip after which it ends by itself.
    """

    def __init__(self, *, extra: bool, idle: float = IDLE_SECONDS) -> None:
        self.extra = extra
        self.clips = 0
        read, self._lifeline = os.pipe()
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own module, with our own arguments
                [
                    *(sys.executable, "-P", "-m", _MODULE),
                    *("extra" if extra else "plain", str(os.getpid()), str(read), str(idle)),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                pass_fds=(read,),
                bufsize=0,
                cwd="/",
                env=_environment(),
            )
        except OSError as error:
            os.close(self._lifeline)
            raise WillNotStartError(f"cannot be started ({error.strerror})") from error
        finally:
            os.close(read)
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
        self.clips += 1
        until = time.monotonic() + seconds
        try:
            head = wireform.REQUEST.pack(kind, len(data))
            waiting = [memoryview(part) for part in (head, data) if part]
            answer, length = wireform.head(self._exchange(waiting, wireform.ANSWER.size, until))
            _check(answer, waiting)
            pcm = self._exchange([], length, until)
            self._check_silent()
            return replace(answer, pcm=pcm)
        except DiedError:
            self.end()
            raise
        except wireform.NotAnAnswerError as error:
            self.end()
            raise DiedError("answered nonsense") from error

    def kill(self) -> None:
        """Let whoever waits for it learn that it is gone. From any thread."""
        self._process.kill()

    def end(self) -> None:
        """Kill it, whatever it does, and let go of it."""
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def _exchange(self, waiting: list[memoryview], expected: int, until: float) -> bytes:
        """Write these, off the list, while reading so many bytes: neither side waits for the other."""
        got = bytearray()
        with selectors.DefaultSelector() as selector:
            selector.register(self._out, selectors.EVENT_READ)
            if waiting:
                selector.register(self._in, selectors.EVENT_WRITE)
            while len(got) < expected:
                events = selector.select(max(0.0, until - time.monotonic()))
                if not events:
                    raise DiedError("took too long")
                for key, _mask in events:
                    if key.fd == self._out:
                        got += self._some(expected - len(got))
                    elif not self._wrote(waiting):
                        selector.unregister(self._in)
        return bytes(got)

    def _check_silent(self) -> None:
        """Nothing may lie in the pipe that would pass for an answer to the next clip."""
        waiting = select.poll()  # not select(), which knows no descriptor above 1023
        waiting.register(self._out, select.POLLIN)
        if waiting.poll(0):
            raise DiedError("answered more than it was asked")

    def _some(self, most: int) -> bytes:
        part = os.read(self._out, min(most, _CHUNK))
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
    """What it sees of ours: where its modules are, and that one thread is enough."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "PYTHONHOME") if name in os.environ}
    return kept | {
        "LC_ALL": "C.UTF-8",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MALLOC_MMAP_THRESHOLD_": str(_HEAP_BYTES),
        "MALLOC_TRIM_THRESHOLD_": str(_HEAP_BYTES),
    }
