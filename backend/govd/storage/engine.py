"""Connections to SQLite and PostgreSQL, set so that a commit that returned is on the disk.

Must never leave a transaction to the driver's own ideas: the ledger says BEGIN and COMMIT itself.
"""

from __future__ import annotations

import os
import platform
import sqlite3
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, Engine, NullPool, QueuePool, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InvalidRequestError, StatementError

from govd.contract.errors import UsageError

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection

_READERS: Final = 4
_MORE_READERS: Final = 12
_BUSY_MS: Final = 5_000
_CHECKPOINT_PAGES: Final = 4_000
_CACHE_KIB: Final = 64 * 1024
_OWN_FAULTS: Final = frozenset(
    {
        sqlite3.SQLITE_ERROR,
        sqlite3.SQLITE_CONSTRAINT,
        sqlite3.SQLITE_MISMATCH,
        sqlite3.SQLITE_RANGE,
        sqlite3.SQLITE_TOOBIG,
        sqlite3.SQLITE_MISUSE,
    }
)
"""SQLite's codes for a statement that is wrong, as against a storage that is."""

_SYSTEM_CLASSES: Final = ("08", "25", "53", "54", "55", "57", "58", "F0", "XX")
"""PostgreSQL's SQLSTATE classes for a connection, resources or a server in trouble."""


def parse_url(url: str) -> URL:
    """The database's URL, with the drivers that we use.

    Raises:
        UsageError: neither `sqlite:///PATH` nor `postgresql+psycopg://…`.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise UsageError("the database URL is not a URL", hint="sqlite:////path/govd.db") from None
    if parsed.drivername in {"postgresql", "postgres"}:
        parsed = parsed.set(drivername="postgresql+psycopg")
    known = parsed.drivername in {"sqlite", "postgresql+psycopg"}
    in_memory = parsed.drivername == "sqlite" and parsed.database in {None, "", ":memory:"}
    if not known or in_memory:
        raise UsageError(
            f"no storage for the database URL scheme {parsed.drivername}",
            hint="sqlite:////path/govd.db or postgresql+psycopg://…",
        )
    return parsed


def tells_password(url: URL) -> bool:
    """Whether a password stands in the URL itself, for whoever lists processes or reads the settings."""
    return url.password is not None or "password" in url.query


def sqlite_path(url: URL) -> Path | None:
    """The database file; None where it is PostgreSQL."""
    return Path(str(url.database)) if url.drivername == "sqlite" else None


def _set_pragmas(connection: DBAPIConnection, *pragmas: str) -> None:
    cursor = connection.cursor()
    for pragma in pragmas:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _sqlite_engine(url: URL, *, writer: bool) -> Engine:
    engine = create_engine(
        url,
        connect_args={"check_same_thread": False, "isolation_level": None, "timeout": _BUSY_MS / 1000},
        **_pool(writer=writer),
    )

    @event.listens_for(
        engine.pool, "connect"
    )  # on the pool: an engine with listeners asks them at every statement
    def _connected(connection: DBAPIConnection, _record: object) -> None:
        _set_pragmas(connection, "foreign_keys=ON", f"busy_timeout={_BUSY_MS}")
        if writer:
            _set_pragmas(
                connection,
                "journal_mode=WAL",
                "synchronous=FULL",
                f"wal_autocheckpoint={_CHECKPOINT_PAGES}",
                f"cache_size=-{_CACHE_KIB}",
                # What was forgotten is left neither in the unused part of a page nor in a page set free. A
                # decision sets nothing free: it writes the same pages, in the same time, with FAST and OFF.
                "secure_delete=ON",
                "temp_store=MEMORY",  # savepoints' own journals: as files they were 25 writes a decision
                "trusted_schema=OFF",
            )
        else:
            _set_pragmas(connection, "query_only=ON")

    if not writer:

        @event.listens_for(engine, "begin")
        def _begin(connection: Connection) -> None:
            connection.exec_driver_sql("BEGIN")

    return engine


def _pool(*, writer: bool) -> dict[str, Any]:
    if writer:
        return {"poolclass": NullPool, "isolation_level": "AUTOCOMMIT"}
    return {"poolclass": QueuePool, "pool_size": _READERS, "max_overflow": _MORE_READERS}


def _postgres_engine(url: URL, *, writer: bool) -> Engine:
    options = "-c timezone=UTC"
    if not writer:
        options += " -c default_transaction_read_only=on -c default_transaction_isolation=repeatable\\ read"
    return create_engine(
        url,
        connect_args={
            "options": options,
            "application_name": f"govd pid={os.getpid()} on {platform.node()[:32]}",
            "connect_timeout": 10,
        },
        **_pool(writer=writer),
    )


def make_engine(url: URL, *, writer: bool) -> Engine:
    """An engine for the one writer, or for the readers (which the database itself keeps from writing)."""
    make = _sqlite_engine if url.drivername == "sqlite" else _postgres_engine
    return make(url, writer=writer)


class Driver:
    """Transaction control below SQLAlchemy, on the connection that it holds: a few µs instead of tens."""

    def __init__(self, connection: Connection) -> None:
        raw = connection.connection.driver_connection
        if raw is None:
            raise InvalidRequestError("the connection has no driver below it")
        self._execute = raw.execute
        self._begin = "BEGIN IMMEDIATE" if connection.dialect.name == "sqlite" else "BEGIN"
        self._raw = raw

    def begin(self) -> None:
        """Take the write lock now, not at the first statement that writes."""
        self._execute(self._begin)

    def commit(self) -> None:
        """Durable once it returns."""
        self._execute("COMMIT")

    def rollback(self) -> None:
        """Drop the transaction, where there still is one."""
        if isinstance(self._raw, sqlite3.Connection) and not self._raw.in_transaction:
            return
        self._execute("ROLLBACK")

    def savepoint(self) -> None:
        """From here on, one work."""
        self._execute("SAVEPOINT work")

    def release(self) -> None:
        """The work is done."""
        self._execute("RELEASE SAVEPOINT work")

    def rewind(self) -> None:
        """The work failed: as if it had not begun."""
        self._execute("ROLLBACK TO SAVEPOINT work")
        self._execute("RELEASE SAVEPOINT work")

    @property
    def in_transaction(self) -> bool:
        """Whether the storage still holds our transaction: after some errors it has dropped it."""
        if isinstance(self._raw, sqlite3.Connection):
            return self._raw.in_transaction
        from psycopg.pq import TransactionStatus  # where it is not PostgreSQL, nobody waits for its driver

        return self._raw.info.transaction_status in {TransactionStatus.INTRANS, TransactionStatus.INERROR}


def storage_failure(error: BaseException) -> str | None:
    """What is wrong with the storage, in its own words; None: it is the statement that was wrong."""
    if isinstance(error, StatementError) and error.orig is not None:
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            return _words(error.orig)
        error = error.orig
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", None)
        if code is None or code & 0xFF in _OWN_FAULTS:
            return None
        return _words(error)
    psycopg = sys.modules.get("psycopg")  # who serves from SQLite has not loaded it, and gets no error of it
    if psycopg is not None and isinstance(error, psycopg.Error):
        if error.sqlstate is None:
            return _words(error) if isinstance(error, psycopg.OperationalError) else None
        return _words(error) if error.sqlstate.startswith(_SYSTEM_CLASSES) else None
    return _words(error) if isinstance(error, OSError) else None


def _words(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error).strip().split("\n")[0][:200] or type(error).__name__
