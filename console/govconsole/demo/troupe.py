"""The demo's processes: each started in a group of its own, known by its handle, ended with its whole group.

Must never end a process that it did not start, nor start one after it was closed.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import threading
from typing import IO, TYPE_CHECKING, Any, Final

from govconsole import embedded
from govd.contract.errors import GovError
from govd.contract.text import visible

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_END_SECONDS: Final = 10
_COMPLAINT: Final = 600


class ClosedError(GovError):
    """The demo is being taken down: nothing more is started."""


class Troupe:
    """Starts processes, and ends all of them.

    Args:
        logs: A folder for what each one says: NAME.log.
    """

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._guard = threading.Lock()
        self._closed = threading.Event()
        self._started: list[subprocess.Popen[bytes]] = []
        self._files: list[IO[bytes]] = []

    def log(self, name: str) -> Path:
        """What a process says."""
        return self._logs / f"{name}.log"

    @property
    def closed(self) -> bool:
        """Whether nothing more is started."""
        return self._closed.is_set()

    def rest(self, seconds: float) -> None:
        """Pause, unless everything is being taken down."""
        self._closed.wait(seconds)

    def start(
        self,
        name: str,
        command: Sequence[str],
        *,
        cwd: Path,
        variables: dict[str, str] | None = None,
        talks: bool = False,
    ) -> subprocess.Popen[bytes]:
        """Start a process.

        Args:
            name: Of its log.
            command: By its path; no shell.
            cwd: Where it works.
            variables: Beside the few that all inherit.
            talks: Its stdout is a pipe, for the caller to read and to close; else it goes to the log.

        Raises:
            ClosedError: everything is being taken down.
        """
        with self._guard:
            if self.closed:
                raise ClosedError("the demo is being taken down")
            file = self.log(name).open("ab")
            self._files.append(file)
            process = subprocess.Popen(  # noqa: S603 - our own programs by their paths, no shell
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if talks else file,
                stderr=file,
                cwd=cwd,
                env=environment() | (variables or {}),
                start_new_session=True,
            )
            self._started.append(process)
        return process

    def ready(self, name: str, process: subprocess.Popen[bytes]) -> dict[str, Any]:
        """The line by which a service says that it is ready.

        Raises:
            GovError: it ended before; with its last words.
        """
        line = embedded.first_line(process)
        if line is None:
            said = self.log(name).read_text(encoding="utf-8", errors="replace")[-_COMPLAINT:]
            raise GovError(f"the demo's {name} did not start: {visible(said.strip())}")
        return line

    def close(self) -> None:
        """Start nothing more, and end everything that was started: all are told first, then waited for."""
        with self._guard:
            self._closed.set()
            started, self._started = self._started, []
            files, self._files = self._files, []
        for process in reversed(started):
            # Not by poll(): one that has ended stays unreaped until what it left behind is ended too.
            if process.returncode is None:
                os.kill(process.pid, signal.SIGTERM)
        for process in reversed(started):
            _end(process)
        for file in files:
            file.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    """Wait for a process that was told to end; what is left of its group is killed before its id is free."""
    if process.returncode is None:
        try:
            _wait_unreaped(process.pid, _END_SECONDS)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait_unreaped(pid: int, seconds: float) -> None:
    """Until the process has ended, or the time is up; it stays a zombie, so that its id stays its own."""
    descriptor = os.pidfd_open(pid)
    try:
        select.select([descriptor], [], [], seconds)
    finally:
        os.close(descriptor)


def agent(module: str, *arguments: str) -> list[str]:
    """The command line of one of the demo's own programs, which are no part of the console."""
    return [sys.executable, "-P", "-m", f"govdemo.{module}", *arguments]


def environment() -> dict[str, str]:
    """What the demo's processes inherit: nothing of the user's own git settings or tokens."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return kept | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0"}
