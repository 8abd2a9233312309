"""Pages as they were before a change, forgotten keys among them: let go of by SQLite and by PostgreSQL.

Must never keep the writer waiting: whoever is in the way is left alone, and it is tried again.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Final

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

_DONE: Final = 0

_OLDER_READERS: Final = text(
    "SELECT count(*) FROM pg_stat_activity, meta WHERE meta.key = 'voice_speakers'"
    " AND pid <> pg_backend_pid() AND backend_xmin IS NOT NULL AND age(backend_xmin) >= age(meta.xmin)"
)
"""Who reads a state from before the last change of a speaker: that change writes this row too."""


def empty(path: Path) -> bool:
    """Move what the journal holds into the database, and cut it to nothing.

    On a connection of its own that waits for nobody (busy timeout 0): first what needs no lock of the
    writer's, and then, with nothing left to move, the cut alone.

    Args:
        path: The database.

    Returns:
        Whether the journal is empty. It is not where somebody reads an older state, or writes just now.
    """
    try:
        with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as connection:
            busy, pages, moved = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            if busy != _DONE or pages != moved:
                return False
            busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            return bool(busy == _DONE)
    except sqlite3.Error:
        return False


def rewrite_speakers(engine: Engine) -> bool:
    """The same for PostgreSQL: the table of speakers as new files, without rows that were deleted.

    Its write-ahead log, replicas and archives keep what they have: they are the server's.

    Returns:
        Whether it was done. It is not where somebody reads an older state, or holds the table just now.
    """
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            if connection.execute(_OLDER_READERS).scalar_one() != _DONE:
                return False
            connection.exec_driver_sql("SET lock_timeout = '50ms'")
            try:
                connection.exec_driver_sql("VACUUM (FULL) speakers")
            finally:
                connection.exec_driver_sql("RESET lock_timeout")
    except SQLAlchemyError:
        return False
    return True
