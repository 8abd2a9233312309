"""SQLite's journal, emptied: it holds pages as they were before a change, forgotten keys among them.

Must never keep the writer waiting: whoever is in the way is left alone, and it is tried again.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

_DONE: Final = 0


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
