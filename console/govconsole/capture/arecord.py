"""A microphone through `arecord`, the program of ALSA's own tools: nothing of it runs in this process.

Must never be given a name that somebody else wrote: its arguments are constants.
"""

from __future__ import annotations

import contextlib
import subprocess
from typing import TYPE_CHECKING, Final

from govconsole.capture.source import CHUNK
from govconsole.state.meter import RATE
from govd.contract.errors import NotFoundError
from govd.contract.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

ARGUMENTS: Final = ("-q", "-t", "raw", "-f", "S16_LE", "-r", str(RATE), "-c", "1", "-")
_PATIENCE: Final = 2.0
_SHOWN: Final = 200


class ArecordSource:
    """A recording by `arecord`. `program`: its path."""

    def __init__(self, program: str) -> None:
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False

    def chunks(self) -> Iterator[bytes]:
        """What it writes, as it comes."""
        try:
            process = subprocess.Popen(  # noqa: S603 - a path that was looked up, and constants
                [self._program, *ARGUMENTS],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        except OSError as error:
            raise NotFoundError(f"arecord does not start: {error.strerror}") from None
        self._process = process
        try:
            if self._stopped or process.stdout is None:
                return
            heard = False
            while chunk := process.stdout.read(CHUNK):
                heard = True
                yield chunk
                if self._stopped:
                    return
            if not heard and not self._stopped:
                raise self._silent(process)
        finally:
            self._end(process)

    def stop(self) -> None:
        """End it."""
        self._stopped = True
        if (process := self._process) is not None:
            process.terminate()

    @staticmethod
    def _silent(process: subprocess.Popen[bytes]) -> NotFoundError:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_PATIENCE)
        said = process.stderr.read(4 * _SHOWN).decode(errors="replace") if process.stderr is not None else ""
        lines = said.strip().splitlines()
        return NotFoundError(
            f"arecord hears nothing: {visible(lines[-1] if lines else 'it says nothing', _SHOWN)}",
            hint="arecord -l lists the microphones of this machine",
        )

    @staticmethod
    def _end(process: subprocess.Popen[bytes]) -> None:
        process.terminate()
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
