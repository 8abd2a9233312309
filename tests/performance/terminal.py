"""A program in a terminal of its own: keys go in, and each painted frame comes out with its time.

It answers the program's question for synchronised output (mode 2026), so that a frame has an end. Must never
let the program wait for a reader: what it writes is taken at once.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from tests.support.programs import environment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

_ASK: Final = b"\x1b[?2026$p"
_YES: Final = b"\x1b[?2026;2$y"
_BEGIN: Final = b"\x1b[?2026h"
_END: Final = b"\x1b[?2026l"
_ENOUGH_S: Final = 30.0


@dataclass(frozen=True)
class Frame:
    """What was painted at once, and when its last byte came (`time.perf_counter`)."""

    at: float
    data: bytes


class Terminal:
    """Runs until it is left.

    Args:
        argv: The program.
        env: Variables beside a small environment.
        columns: Width.
        rows: Height.
    """

    def __init__(
        self,
        argv: Sequence[str | Path],
        env: Mapping[str, str] | None = None,
        *,
        columns: int = 120,
        rows: int = 36,
    ) -> None:
        self._argv = [str(item) for item in argv]
        self._env = environment({"TERM": "xterm-256color", "COLORTERM": "truecolor", **(env or {})})
        self._size = struct.pack("HHHH", rows, columns, 0, 0)
        self._news = threading.Condition()
        self._frames: list[Frame] = []
        self._raw = b""
        self._over = False

    def __enter__(self) -> Self:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, self._size)
        self.started = time.perf_counter()
        self.process = subprocess.Popen(
            self._argv, env=self._env, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
        )
        os.close(theirs)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(3)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()
        self._thread.join(5)
        os.close(self._ours)

    def _read(self) -> None:
        pending = b""
        while True:
            try:
                data = os.read(self._ours, 65_536)
            except OSError:  # the other end is closed: the program ended
                data = b""
            now = time.perf_counter()
            if _ASK in pending[-16:] + data:
                os.write(self._ours, _YES)
            with self._news:
                self._raw += data
                pending += data
                *ended, pending = pending.split(_END)
                self._frames += [Frame(now, one.rpartition(_BEGIN)[2]) for one in ended]
                self._over = not data
                self._news.notify_all()
            if not data:
                return

    def press(self, keys: bytes) -> float:
        """Write keys; when that was."""
        now = time.perf_counter()
        os.write(self._ours, keys)
        return now

    def frame(self, wanted: Callable[[bytes], bool], after: float, *, within: float = _ENOUGH_S) -> Frame:
        """The first frame that came after that moment and is a wanted one.

        Raises:
            AssertionError: none came in time; with the end of what did.
        """
        until = time.perf_counter() + within
        looked = 0
        with self._news:
            while True:
                for frame in self._frames[looked:]:
                    if frame.at >= after and wanted(frame.data):
                        return frame
                looked = len(self._frames)
                left = until - time.perf_counter()
                if left <= 0 or self._over:
                    raise AssertionError(f"no such frame came; at the end: {self._raw[-2000:]!r}")
                self._news.wait(left)

    def forget(self) -> None:
        """Drop the frames that came so far."""
        with self._news:
            self._frames.clear()
            self._raw = self._raw[-4000:]

    def shows(self, pattern: bytes, *, within: float = _ENOUGH_S) -> float:
        """The moment at which what the pattern matches had come, in whatever frame.

        Raises:
            AssertionError: it did not come in time.
        """
        wanted = re.compile(pattern)
        until = time.perf_counter() + within
        with self._news:
            while not wanted.search(self._raw):
                left = until - time.perf_counter()
                if left <= 0 or self._over:
                    raise AssertionError(f"nothing shows {pattern!r}; at the end: {self._raw[-2000:]!r}")
                self._news.wait(left)
            return time.perf_counter()

    def memory_mb(self, name: str = "VmHWM") -> float:
        """A figure of /proc/PID/status in MB: `VmHWM` is the most that was resident so far."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:  # noqa: PTH123 - no file of ours
            found = re.search(rf"^{name}:\s+(\d+) kB", status.read(), re.MULTILINE)
        return int(found[1]) * 1024 / 1e6 if found else 0.0

    def cpu_seconds(self) -> float:
        """User and system time of the program so far."""
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as stat:  # noqa: PTH123 - no file of ours
            fields = stat.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
