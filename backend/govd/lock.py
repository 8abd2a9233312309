"""The lock of a state directory: a second govd is refused, and commands learn whom to signal."""

from __future__ import annotations

import fcntl
import json
import os
import time
from typing import TYPE_CHECKING, Any, Final

from govd.contract.errors import ConflictError, UnreachableError

if TYPE_CHECKING:
    from pathlib import Path


_TRIES: Final = 10
_PAUSE_S: Final = 0.02


class StateLock:
    """Held for as long as govd runs; the file says by whom and where its doors are.

    Raises:
        ConflictError: another govd holds it; the message names its pid.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        if not self._taken():
            os.close(self._descriptor)
            pid = read(path).get("pid", "unknown")
            raise ConflictError(
                f"another govd runs on this state directory: pid {pid}",
                hint=f"govd stop --state {path.parent}",
            ) from None
        self.publish()

    def _taken(self) -> bool:
        """Whether the lock is ours; tried for a moment, since whoever asks `running` holds it that long."""
        for _ in range(_TRIES):
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                time.sleep(_PAUSE_S)
            else:
                return True
        return False

    def publish(self, **more: str) -> None:
        """Write down the pid, and where the doors are."""
        data = json.dumps({"pid": os.getpid(), **more}).encode()
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, data, 0)

    def release(self) -> None:
        """Let the next one in."""
        os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)


def read(path: Path) -> dict[str, Any]:
    """What the holder wrote; empty where there is none."""
    try:
        found: dict[str, Any] = json.loads(path.read_bytes() or b"{}")
    except (OSError, ValueError):
        return {}
    return found


def running(path: Path) -> dict[str, Any]:
    """The holder of a lock that is held.

    Raises:
        UnreachableError: nobody holds it.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        raise UnreachableError("no govd runs on this state directory", hint="govd serve") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return read(path)
    finally:
        os.close(descriptor)
    raise UnreachableError("no govd runs on this state directory", hint="govd serve")
