"""The console with no backend running, on its own terminal: it sets one up, says so, leaves it running."""

from __future__ import annotations

import os
import pty
import re
import select
from typing import TYPE_CHECKING

import pytest

from govconsole import embedded
from tests.support.govd_process import run
from tests.support.programs import BIN, environment

if TYPE_CHECKING:
    from pathlib import Path

_SECONDS = 60
_STYLES = re.compile(rb"\x1b\[[0-9;?]*[a-zA-Z]")


class Terminal:
    """A program on a pseudo-terminal: what it drew, and what is typed."""

    def __init__(self, *argv: str) -> None:
        self.pid, self._fd = pty.fork()
        if self.pid == 0:  # pragma: no cover - the child becomes the program
            variables = environment({"TERM": "xterm-256color", "COLUMNS": "100", "LINES": "30"})
            os.execve(argv[0], argv, variables)  # noqa: S606 - one of our own programs by its path
        self._drawn = b""

    def shows(self, *texts: str) -> None:
        """Read until each text was drawn since the last call."""
        while not all(text.encode() in _STYLES.sub(b"", self._drawn) for text in texts):
            assert select.select([self._fd], [], [], _SECONDS)[0], (
                f"{texts} never came: {self._drawn[-2000:]!r}"
            )
            self._drawn += os.read(self._fd, 65_536)
        self._drawn = b""

    def type(self, text: str) -> None:
        os.write(self._fd, text.encode())

    def ended(self) -> int:
        """Read to its end; its exit code."""
        try:
            while os.read(self._fd, 65_536):
                pass
        except OSError:  # the other end is closed
            pass
        os.close(self._fd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_the_console_starts_a_backend_of_its_own_and_the_next_one_finds_it(tmp_path: Path) -> None:
    state, own = tmp_path / "s", tmp_path / "o"
    line = (str(BIN / "govconsole"), "--state", str(state), "--operator-dir", str(own), "--operator", "ana")
    try:
        first = Terminal(*line)
        first.shows("no backend runs and none was set up", "Passphrase of your vote key")
        first.type("correct horse\n")
        first.shows("Repeat")
        first.type("correct horse\n")
        first.shows("started a backend of its own (embedded, pid ", "Nothing is held", "embedded")
        first.type("q")
        assert first.ended() == 0
        assert embedded.answers(state)
        second = Terminal(*line)
        second.shows("Nothing is held")
        second.type("q")
        assert second.ended() == 0
    finally:
        if embedded.initialised(state):
            run("govd", "stop", "--state", state, expect=None)
    assert not embedded.answers(state)
