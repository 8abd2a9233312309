"""One govd on one state: a second is refused, and told who holds it.

Locks are the kernel's or the database's, so that a killed process leaves none behind.
"""

from __future__ import annotations

import fcntl
import os
import time
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, text

from govd.contract.errors import ConflictError

if TYPE_CHECKING:
    from pathlib import Path

_ADVISORY_KEY: Final = 0x676F7664  # "govd"

_TRIES: Final = 20
_PAUSE_S: Final = 0.1

_HOLDER: Final = text(
    "select a.application_name from pg_locks l join pg_stat_activity a on a.pid = l.pid "
    "where l.locktype = 'advisory' and l.classid = 0 and l.objid = :key and l.granted "
    "and l.database = (select oid from pg_database where datname = current_database())"
)


class FileLock:
    """A lock file, held until `release`; it holds the pid of its holder.

    Raises:
        ConflictError: another process holds it; the message names its pid.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(self._descriptor, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(self._descriptor)
            raise _in_use(f"pid {holder}") from None
        os.ftruncate(self._descriptor, 0)
        os.write(self._descriptor, f"{os.getpid()}\n".encode())

    def release(self) -> None:
        """Let the next one in."""
        os.close(self._descriptor)


def advisory_lock(connection: Connection) -> None:
    """Take PostgreSQL's lock for as long as this connection lives; nothing to do on SQLite.

    Raises:
        ConflictError: another govd holds it; the message names its pid and host.
    """
    if connection.dialect.name != "postgresql":
        return
    query, key = text("select pg_try_advisory_lock(:key)"), {"key": _ADVISORY_KEY}
    for _ in range(_TRIES):
        if connection.execute(query, key).scalar_one():
            return
        # A connection that was cut keeps its lock until the database has noticed.
        time.sleep(_PAUSE_S)
    holder = connection.execute(_HOLDER, {"key": _ADVISORY_KEY}).scalar()
    raise _in_use(str(holder or "unknown").removeprefix("govd ").replace("pid=", "pid "))


def _in_use(holder: str) -> ConflictError:
    return ConflictError(
        f"another govd ({holder}) works on this state", hint="govd stop, or name another --state"
    )
