"""What was forgotten is forgotten in the backups too that a migration has left beside the database.

Must never touch anything in a backup but voices that stand no more.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

_SQLITE: Final = b"SQLite format 3\0"
_BUSY_S: Final = 0.0


def forget(backups: Path, standing: Collection[str]) -> bool:
    """Take every enrollment out of the backups that does not stand any more, with its key.

    Args:
        backups: Where a migration puts them.
        standing: The enrollments that do.

    Returns:
        Whether none is left. One is where a backup cannot be read or written, or somebody has it open.
    """
    try:
        found = sorted(path for path in backups.iterdir() if path.is_file() and _is_database(path))
    except FileNotFoundError:
        return True
    except OSError:
        return False
    left = [path for path in found if not _forgotten(path, frozenset(standing))]
    return not left


def _is_database(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_SQLITE)) == _SQLITE


def _forgotten(path: Path, standing: frozenset[str]) -> bool:
    try:
        with closing(sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None)) as connection:
            if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'speakers'").fetchone():
                return True
            held = connection.execute("SELECT DISTINCT enrolment FROM speakers").fetchall()
            gone = [row for row in held if row[0] not in standing]
            if not gone:
                return True
            # What was deleted is zeroed: the file is what somebody would search, not the table alone.
            connection.execute("PRAGMA secure_delete=ON")
            connection.execute("BEGIN IMMEDIATE")
            overwrite = (
                "UPDATE speakers SET wrapped_key = zeroblob(60), sealed = zeroblob(0) WHERE enrolment = ?"
            )
            connection.executemany(overwrite, gone)
            connection.executemany("DELETE FROM speakers WHERE enrolment = ?", gone)
            connection.execute("COMMIT")
            # The file was copied with the journal's mode: what it held before lies there until this.
            busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            return not busy
    except sqlite3.Error:
        return False
