"""Files of the model store: written whole and private, read with a bound, never through a link."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import stat
from typing import TYPE_CHECKING, Final

from govd.contract.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MAX_MODEL_BYTES: Final = 1 << 30
"""1 GiB: ten times the largest TitaNet."""
_CHUNK: Final = 1 << 20


def write(path: Path, data: bytes) -> None:
    """Replace a 0600 file as a whole, and survive a power cut.

    Raises:
        OSError: it cannot be written.
    """
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            fresh.unlink()
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read(path: Path, most: int) -> bytes | None:
    """The content of a regular file, or None: it is not there.

    Raises:
        InvalidRequestError: it is a link, no file, unreadable, or longer than `most`.
    """
    try:
        descriptor = _opened(path, os.O_NOFOLLOW, most)
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise InvalidRequestError(f"{path} is longer than {most} bytes")
    return data


def _opened(path: Path, flags: int, most: int) -> int:
    """A descriptor of a regular file of at most so many bytes; never waits for a pipe's other end.

    Raises:
        FileNotFoundError: it is not there.
        InvalidRequestError: it is something else, unreadable, or longer.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | flags)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise InvalidRequestError(f"{path} cannot be read: {error.strerror}") from None
    found = os.fstat(descriptor)
    if stat.S_ISREG(found.st_mode) and found.st_size <= most:
        return descriptor
    os.close(descriptor)
    if stat.S_ISREG(found.st_mode):
        raise InvalidRequestError(f"{path} is longer than {most} bytes")
    raise InvalidRequestError(f"{path} is no file")


def take(
    source: Path, target: Path, *, follow: bool = True, seen: Callable[[int], None] | None = None
) -> str:
    """Copy a model's file to a new 0600 file.

    Args:
        source: From an operator, or from a process that handled a hostile file.
        target: Where to; not there yet.
        follow: Whether `source` may be a link: an operator's may.
        seen: Called with the bytes so far.

    Returns:
        The SHA-256 of what was copied.

    Raises:
        InvalidRequestError: no regular file, unreadable, empty, or longer than 1 GiB.
    """
    try:
        descriptor = _opened(source, 0 if follow else os.O_NOFOLLOW, MAX_MODEL_BYTES)
    except FileNotFoundError:
        raise InvalidRequestError(f"{source} is not there") from None
    digest, size = hashlib.sha256(), 0
    with (
        os.fdopen(descriptor, "rb") as file,
        os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as copy,
    ):
        while chunk := file.read(_CHUNK):
            size += len(chunk)
            if size > MAX_MODEL_BYTES:
                raise InvalidRequestError(f"{source} is longer than {MAX_MODEL_BYTES} bytes")
            digest.update(chunk)
            copy.write(chunk)
            if seen is not None:
                seen(size)
        copy.flush()
        os.fsync(copy.fileno())
    if size == 0:
        raise InvalidRequestError(f"{source} is empty")
    return digest.hexdigest()


def sha256(path: Path) -> str | None:
    """The SHA-256 of a file; None: it cannot be read."""
    digest = hashlib.sha256()
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    except OSError:
        return None
    return digest.hexdigest()
