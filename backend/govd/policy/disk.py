"""The policy file on disk: read, judged by who could have written it, and brought up to date.

Must never follow the file's name into a place that an agent can write without saying so (threats T11).
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

from govd.contract.errors import PolicyInvalidError
from govd.contract.limits import MAX_POLICY_BYTES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_WRITABLE_BY_OTHERS: Final = stat.S_IWGRP | stat.S_IWOTH
_MOST_LINKS: Final = 40


def read(path: Path) -> bytes:
    """What the file holds.

    Raises:
        PolicyInvalidError: it is no ordinary file, too large, or not readable.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise PolicyInvalidError(f"{path} is no ordinary file")
            source = file.read(MAX_POLICY_BYTES + 1)
    except OSError as error:
        raise PolicyInvalidError(f"{path} cannot be read: {error.strerror}") from None
    if len(source) > MAX_POLICY_BYTES:
        raise PolicyInvalidError(f"{path} is larger than {MAX_POLICY_BYTES} bytes")
    return source


def why_not_trusted(path: Path, agents: Collection[int | None]) -> str | None:
    """Why an edit of that file may be an agent's; None: only operators can have made it.

    Args:
        path: The file as it is configured.
        agents: The Unix users that agents run as; None among them: one that is not known.
    """
    try:
        for place, info in _places(path):
            if why := _why_not(place, info, agents):
                return why
    except OSError as error:
        return f"{path} cannot be followed: {error.strerror}"
    return None


def _why_not(place: Path, info: os.stat_result, agents: Collection[int | None]) -> str | None:
    if stat.S_ISLNK(info.st_mode):
        open_to_others = False  # a link's mode says nothing: its folder's does
    else:
        sticky = info.st_mode & stat.S_ISVTX and stat.S_ISDIR(info.st_mode)
        open_to_others = bool(info.st_mode & _WRITABLE_BY_OTHERS) and not sticky
    if open_to_others:
        return f"{place} may be written by others (chmod go-w)"
    if info.st_uid and (info.st_uid in agents or None in agents):
        return f"{place} belongs to a Unix user that an agent runs as, or may run as"
    return None


def _places(path: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Every folder, link and file on the way: whoever can write one of them decides what is read."""
    waiting = list(reversed(path.absolute().parts))
    here, links = Path(waiting.pop()), 0
    yield here, here.lstat()
    while waiting:
        part = waiting.pop()
        if part == "..":
            here = here.parent
            continue
        step = here / part
        info = step.lstat()
        yield step, info
        if not stat.S_ISLNK(info.st_mode):
            here = step
            continue
        links += 1
        if links > _MOST_LINKS:
            raise OSError(0, "too many links")
        target = step.readlink()
        if target.is_absolute():
            here = Path(target.anchor)
        waiting.extend(reversed([part for part in target.parts if part != target.anchor]))


def replace(path: Path, source: bytes) -> None:
    """Put that source there as a whole, 0600."""
    fresh = path.with_name(path.name + ".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(source)
    fresh.replace(path)
