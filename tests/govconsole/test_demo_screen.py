"""The demo with its console, on a real terminal: it comes up, its keys work, and nothing stays behind."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import tempfile
import termios
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from govconsole.programs import program

if TYPE_CHECKING:
    from collections.abc import Iterator

_ESCAPES = re.compile(rb"\x1b\[[0-9;?>=]*[A-Za-z]|\x1b[PX^_\]].*?(?:\x1b\\|\x07)|\x1b.", re.DOTALL)
NORMAL_SCREEN = b"\x1b[?1049l"
LIMIT_S = 60


@dataclass
class Terminal:
    """A terminal with a demo on it. What it was sent is kept as it came."""

    process: subprocess.Popen[bytes]
    master: int
    folder: Path
    seen: bytes = field(default=b"")

    def shows(self, text: str) -> None:
        """Read until the text has been drawn, from now on."""
        before = len(self.seen)
        while text.encode() not in _ESCAPES.sub(b"", self.seen[before:]):
            assert self._read(), self.text

    @property
    def text(self) -> str:
        return _ESCAPES.sub(b"", self.seen).decode(errors="replace")[-2000:]

    def _read(self) -> bool:
        ready, _, _ = select.select([self.master], [], [], LIMIT_S)
        data = b""
        if ready:
            with contextlib.suppress(OSError):
                data = os.read(self.master, 65_536)
        self.seen += data
        return bool(data)

    def press(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def hang_up(self) -> None:
        """The terminal goes away."""
        if self.master >= 0:
            os.close(self.master)
            self.master = -1

    def ended(self) -> int:
        """Read what still comes, and wait; the exit code."""
        while self._read():
            pass
        return self.process.wait(LIMIT_S)

    def left_behind(self) -> list[str]:
        """Files in the temporary folder, and processes that know it."""
        found = [str(path) for path in self.folder.iterdir()]
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                with contextlib.suppress(OSError):
                    told = (entry / "cmdline").read_bytes().decode(errors="replace")
                    found += [told] if str(self.folder) in told else []
        return found


@contextmanager
def terminal(*options: str, rows: int = 24, columns: int = 80) -> Iterator[Terminal]:
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    with tempfile.TemporaryDirectory(prefix="gov") as folder:
        environment = os.environ | {"TMPDIR": folder, "TERM": "xterm-256color"}
        command = [program("govconsole"), "demo", *options]
        with subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True
        ) as process:
            os.close(slave)
            shown = Terminal(process, master, Path(folder))
            try:
                yield shown
            finally:
                if process.poll() is None:
                    process.terminate()
                shown.hang_up()


def test_the_console_opens_while_agents_still_start_and_q_takes_everything_down() -> None:
    with terminal("--fast") as shown:
        shown.shows("asks")  # the tour, before anybody has asked for anything
        shown.shows("held")
        shown.press("q")
        assert shown.ended() == 0, shown.text
        assert NORMAL_SCREEN in shown.seen
        assert "The demo is being taken down." in shown.text
        assert shown.left_behind() == []


def test_a_signal_closes_the_console_like_q_and_takes_everything_down() -> None:
    with terminal("--only", "mail-bot") as shown:
        shown.shows("customers")
        shown.process.send_signal(signal.SIGTERM)
        assert shown.ended() == 128 + signal.SIGTERM, shown.text
        assert NORMAL_SCREEN in shown.seen
        assert shown.left_behind() == []


def test_a_terminal_that_goes_away_takes_the_demo_with_it() -> None:
    with terminal("--only", "mail-bot") as shown:
        shown.shows("customers")
        shown.hang_up()
        shown.process.send_signal(signal.SIGHUP)  # as the kernel does to a session whose terminal is gone
        assert shown.process.wait(LIMIT_S) == 128 + signal.SIGHUP
        assert shown.left_behind() == []


def test_a_crowd_is_taken_down_in_the_middle_of_its_work() -> None:
    with terminal("--only", "mail-bot", "--jobs", "5000", rows=36, columns=120) as shown:
        shown.shows("declared")
        shown.press("q")
        assert shown.ended() == 0, shown.text
        assert shown.left_behind() == []
