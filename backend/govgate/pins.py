"""Files as they were at one moment: their hash, and a copy that nobody can change any more.

What is hashed is what is run: a copy is made first and hashed afterwards (threats T7). Must never follow
a name twice.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from govd.contract.actions import PinnedFile
from govd.contract.errors import UsageError
from govd.contract.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_PINNED_BYTES: Final = 1024 * 1024 * 1024
"""The pinned files of one command together, in bytes."""

_CHUNK: Final = 1024 * 1024
_HEAD: Final = 256
_OTHERS_WRITE: Final = 0o022
_SEALS: Final = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


@dataclass(frozen=True)
class Pin:
    """One pinned file.

    Attributes:
        path: Where it really lies, all links followed.
        sha256: Of what it held.
        run_as: The path under which it is run or read: its own where only root can change it, else that
            of the sealed copy.
        fd: The copy's descriptor, or None where the file is run by its own path.
        head: Its first bytes, for the `#!` line.
    """

    path: str
    sha256: str
    run_as: str
    fd: int | None
    head: bytes

    def file(self) -> PinnedFile:
        """As it stands in an action."""
        return PinnedFile(path=self.path, sha256=self.sha256)


def only_root_changes(path: str) -> bool:
    """Whether the file and each folder above it are root's and writable by nobody else."""
    part = path
    while True:
        try:
            found = os.lstat(part)
        except OSError:
            return False
        if found.st_uid != 0 or (found.st_mode & _OTHERS_WRITE and not stat.S_ISLNK(found.st_mode)):
            return False
        if part == "/":
            return True
        part = os.path.dirname(part)  # noqa: PTH120 - raw strings: a path may hold bytes that are no text


class Pins:
    """The pinned files of one command; closing it lets go of the copies.

    Args:
        keep: Whether to keep sealed copies to run from. A declarer only needs the hashes.
    """

    def __init__(self, *, keep: bool) -> None:
        self._keep = keep
        self._pins: dict[str, Pin] = {}
        self._extra: list[int] = []
        self._bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every descriptor."""
        for fd in self.fds():
            os.close(fd)
        for fd in self._extra:
            os.close(fd)
        self._pins.clear()
        self._extra.clear()

    def fds(self) -> tuple[int, ...]:
        """The copies' descriptors, to be passed on to the command."""
        return tuple(pin.fd for pin in self._pins.values() if pin.fd is not None)

    def file(self, path: str) -> Pin:
        """Pin a file; the same one again is the same pin.

        Raises:
            UsageError: it cannot be read, is no regular file, or is too large.
        """
        real = os.path.realpath(path)
        if real in self._pins:
            return self._pins[real]
        try:
            source = os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError as error:
            raise UsageError(f"{visible(real, 300)} cannot be read: {error.strerror}") from None
        try:
            pin = self._pinned(path, real, source)
        finally:
            os.close(source)
        self._pins[real] = pin
        return pin

    def _pinned(self, path: str, real: str, source: int) -> Pin:
        found = os.fstat(source)
        if not stat.S_ISREG(found.st_mode):
            raise UsageError(f"{visible(real, 300)} is no regular file")
        self._bytes += found.st_size
        if self._bytes > MAX_PINNED_BYTES:
            raise UsageError(f"{visible(real, 300)}: more than {MAX_PINNED_BYTES} bytes to pin")
        if not self._keep or only_root_changes(real):
            digest, head = _hashed(_chunks(source))
            # The name it was called by matters to programs that look at it, where that name is root's too.
            called = path if _named_by_root(path) else real
            return Pin(real, digest, called, None, head)
        copy = _sealed_copy(source)
        digest, head = _hashed(_chunks(copy))
        return Pin(real, digest, f"/proc/self/fd/{copy}", copy, head)

    def folder(self, path: str) -> tuple[str, str]:
        """Where a folder really lies, and a path that goes on meaning this very folder.

        Raises:
            UsageError: there is no such folder, or it may not be entered.
        """
        try:
            fd = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise UsageError(f"{visible(path, 300)} is no folder to work in: {error.strerror}") from None
        self._extra.append(fd)
        real = os.readlink(f"/proc/self/fd/{fd}")  # noqa: PTH115 - raw strings, as above
        if not real.startswith("/") or real.endswith(" (deleted)"):
            raise UsageError(f"{visible(path, 300)} has been removed")
        return real, f"/proc/self/fd/{fd}"


def _named_by_root(path: str) -> bool:
    parent = os.path.realpath(os.path.dirname(path))  # noqa: PTH120 - raw strings, as above
    return path.startswith("/") and only_root_changes(parent)


def _sealed_copy(source: int) -> int:
    """The content in memory, sealed: no process can write to it any more, its owner included."""
    copy = os.memfd_create("pinned", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        _copy(source, copy)
        os.fchmod(copy, 0o500)
        fcntl.fcntl(copy, fcntl.F_ADD_SEALS, _SEALS)
    except BaseException:
        os.close(copy)
        raise
    return copy


def _copy(source: int, copy: int) -> None:
    total = 0
    for chunk in _chunks(source):
        total += len(chunk)
        if total > MAX_PINNED_BYTES:
            raise UsageError(f"a file grew beyond {MAX_PINNED_BYTES} bytes while it was read")
        view = memoryview(chunk)
        while view:
            view = view[os.write(copy, view) :]


def _chunks(fd: int) -> Iterator[bytes]:
    at = 0
    while chunk := os.pread(fd, _CHUNK, at):
        at += len(chunk)
        yield chunk


def _hashed(chunks: Iterator[bytes]) -> tuple[str, bytes]:
    digest = hashlib.sha256()
    head = b""
    for chunk in chunks:
        head = head or chunk[:_HEAD]
        digest.update(chunk)
    return digest.hexdigest(), head
