"""The day files of the log: appended and synced, and read back from their end.

Must never open a log file for anything but appending or reading, nor shorten or rewrite one.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from govd.audit.rules import DAY_FILE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

_WINDOW: Final = 1024 * 1024


@dataclass(frozen=True)
class LogLine:
    """One line as it lies in a file. `ended`: whether its line feed is there. `number` counts from 1."""

    file: Path
    number: int
    data: bytes
    ended: bool


def day_files(directory: Path) -> list[Path]:
    """The log's files, oldest day first."""
    if not directory.is_dir():
        return []
    return sorted(path for path in directory.iterdir() if DAY_FILE.fullmatch(path.name))


def read_lines(path: Path) -> Iterable[LogLine]:
    """Every line of a file, in order, without reading it whole."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            ended = line.endswith(b"\n")
            yield LogLine(path, number, line[:-1] if ended else line, ended)


@dataclass(frozen=True)
class Tail:
    """Lines at the end of the log as (data, ended), and the file that the last of them stands in."""

    lines: list[tuple[bytes, bool]]
    file: Path | None


def _tail(path: Path, is_entry: Callable[[bytes], bool], window: int) -> list[tuple[bytes, bool]]:
    """Whole lines (and an unended rest) at the end of a file, with an entry among them if it has one."""
    size = path.stat().st_size
    while True:
        start = max(0, size - window)
        with path.open("rb") as file:
            file.seek(start)
            data = file.read(size - start)
        lines = data.split(b"\n")
        rest = lines.pop()
        if start:
            lines = lines[1:]
        if start == 0 or any(is_entry(line) for line in lines):
            return [(line, True) for line in lines] + ([(rest, False)] if rest else [])
        window *= 4


class AuditFiles:
    """The append side of the log.

    Args:
        directory: Made with mode 0700 where it is missing; its files are 0600.
        write: The system call; a seam for a disk that is full.
        sync: The system call that makes what was written durable.
    """

    def __init__(
        self,
        directory: Path,
        *,
        write: Callable[[int, bytes], int] = os.write,
        sync: Callable[[int], None] = os.fdatasync,
    ) -> None:
        self.directory = directory
        self._write, self._sync = write, sync
        self._open: tuple[str, int] | None = None
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    def append(self, chunks: Iterable[tuple[str, bytes]]) -> None:
        """Append bytes to day files and sync each before the next is touched.

        Args:
            chunks: (file name, bytes), oldest first.

        Raises:
            OSError: the disk is full or the file not writable; part of it may stand in the file.
        """
        for name, data in self._by_file(chunks):
            descriptor, fresh = self._descriptor(name)
            view = memoryview(data)
            while view:
                view = view[self._write(descriptor, bytes(view)) :]
            self._sync(descriptor)
            if fresh:
                self._sync_directory()

    @staticmethod
    def _by_file(chunks: Iterable[tuple[str, bytes]]) -> Iterable[tuple[str, bytes]]:
        name, parts = "", list[bytes]()
        for following, data in chunks:
            if following != name and parts:
                yield name, b"".join(parts)
                parts = []
            name = following
            parts.append(data)
        if parts:
            yield name, b"".join(parts)

    def _descriptor(self, name: str) -> tuple[int, bool]:
        if self._open is not None and self._open[0] == name:
            return self._open[1], False
        self.close()
        path = self.directory / name
        fresh = not path.exists()
        descriptor = os.open(
            path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
        )
        self._open = name, descriptor
        return descriptor, fresh

    def _sync_directory(self) -> None:
        descriptor = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def close(self) -> None:
        """Let go of the file, which is gone also where the system call fails: it is not to be closed twice.

        Raises:
            OSError: what was written before could not be brought to the storage.
        """
        opened, self._open = self._open, None
        if opened is not None:
            os.close(opened[1])

    def tail(self, is_entry: Callable[[bytes], bool], *, window: int = _WINDOW) -> Tail:
        """The end of the log, from some whole entry on; over file borders where a day begins torn.

        Args:
            is_entry: Whether a line has the form of an entry.
            window: How many bytes to look at first; it grows until there is an entry.
        """
        found: list[tuple[bytes, bool]] = []
        last: Path | None = None
        for path in reversed(day_files(self.directory)):
            lines = _tail(path, is_entry, window)
            last = last if last or not lines else path
            for index, (data, ended) in enumerate(lines):
                if ended and is_entry(data):
                    return Tail(lines[index:] + found, last)
            found = lines + found
        return Tail(found, last)
