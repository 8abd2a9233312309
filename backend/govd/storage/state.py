"""The table `meta`: what the ledger remembers of itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from govd.audit import store
from govd.audit.recovery import missing_from_table
from govd.audit.rules import EPOCH as EPOCH_OPENED
from govd.audit.rules import OPENED, day_file, time_text
from govd.storage.prepared import Prepared
from govd.storage.schema import audit, meta
from govd.storage.transaction import Halt
from govd.times import instant, micros

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from govd.audit.files import AuditFiles

LOG_ID: Final = "log_id"
EPOCH: Final = "epoch"
CLOCK: Final = "clock_mark"
HALTED: Final = "halted"

_GET: Final = select(meta.c.value).where(meta.c.key == bindparam("key_"))
_SET: Final = update(meta).where(meta.c.key == bindparam("key_")).values(value=bindparam("value_"))
_APPEND: Final = Prepared(insert(audit))
_BATCH: Final = 500


def append(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert audit rows whose keys are the columns: the exact bytes of every line, beside what it records."""
    _APPEND.run_many(connection, rows)


def get(connection: Connection, key: str) -> str | None:
    """What is remembered under that key."""
    found = connection.execute(_GET, {"key_": key}).scalar()
    return None if found is None else str(found)


def put(connection: Connection, key: str, value: str) -> None:
    """Remember a value."""
    if connection.execute(_SET, {"key_": key, "value_": value}).rowcount == 0:
        connection.execute(insert(meta), {"key": key, "value": value})


def forget(connection: Connection, key: str) -> None:
    """Remember it no more."""
    connection.execute(delete(meta).where(meta.c.key == key))


def put_halt(connection: Connection, halt: Halt) -> None:
    """Remember why govd halted, so that a restart does not clear it."""
    put(connection, HALTED, json.dumps({"why": halt.why, "mend": halt.mend}))


def get_halt(connection: Connection) -> Halt | None:
    """Why govd halted before this start, if a person has not mended it since."""
    found = get(connection, HALTED)
    if found is None:
        return None
    value = json.loads(found)
    return Halt(value["why"], value["mend"], resumable=False)


def epoch(connection: Connection) -> int:
    """The epoch that the log is in; 0 before its first entry."""
    return int(get(connection, EPOCH) or 0)


def take_in(connection: Connection, files: AuditFiles) -> int:
    """Bring the entries that only the files hold into the table, and what they say of the log's id and epoch.

    Returns:
        The time of the last entry, in microseconds.

    Raises:
        IntegrityError: the files do not continue the table's history.
    """
    seq, digest, time = store.tail(connection)
    highest, last = epoch(connection), time
    rows = []
    after = day_file(time_text(instant(time))) if seq else ""
    for line, parsed in missing_from_table(files, seq, digest, after):
        if parsed.type in {OPENED, EPOCH_OPENED}:
            highest = max(highest, int(parsed.details.get("epoch", 0)))
        if parsed.type == OPENED:
            put(connection, LOG_ID, str(parsed.details["log"]))
        last = micros(parsed.moment)
        rows.append(store.row(line, parsed))
        if len(rows) == _BATCH:
            append(connection, rows)
            rows = []
    if rows:
        append(connection, rows)
    put(connection, EPOCH, str(highest))
    return last
