"""The table `audit`: the exact bytes of every line, in the transaction of what it records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, bindparam, column, func, select, table

from govd.audit.model import GENESIS
from govd.times import micros

if TYPE_CHECKING:
    from collections.abc import Iterator

    from govd.audit.rules import Parsed

# The storage's schema makes this table; naming its columns here keeps this package below the storage.
audit: Final = table(
    "audit",
    column("seq"),
    column("time"),
    column("type"),
    column("agent"),
    column("job"),
    column("intent"),
    column("line"),
    column("digest"),
)

_PAGE: Final = 1000
_TAIL: Final = select(audit.c.seq, audit.c.digest, audit.c.time).order_by(audit.c.seq.desc()).limit(1)
_DIGEST: Final = select(audit.c.digest).where(audit.c.seq == bindparam("seq_"))
_LINES: Final = (
    select(audit.c.seq, audit.c.line, audit.c.digest)
    .where(audit.c.seq >= bindparam("from_"), audit.c.seq < bindparam("to_"))
    .order_by(audit.c.seq)
)


def row(line: bytes, parsed: Parsed) -> dict[str, Any]:
    """The row of a line that was read from a file."""
    return {
        "seq": parsed.seq,
        "time": micros(parsed.moment),
        "type": parsed.type,
        "agent": parsed.agent,
        "job": parsed.job,
        "intent": parsed.intent,
        "line": line,
        "digest": parsed.digest,
    }


def tail(connection: Connection) -> tuple[int, str, int]:
    """`seq`, digest and time (microseconds) of the last entry; (0, genesis, 0) when there is none."""
    row = connection.execute(_TAIL).first()
    return (0, GENESIS, 0) if row is None else (int(row[0]), str(row[1]), int(row[2]))


def digest_at(connection: Connection, seq: int) -> str | None:
    """The digest of one entry."""
    found = connection.execute(_DIGEST, {"seq_": seq}).scalar()
    return None if found is None else str(found)


def lines(connection: Connection, first: int, last: int) -> Iterator[tuple[int, bytes, str]]:
    """(seq, line, digest) from `first` to `last`, both included, read in pages."""
    for start in range(first, last + 1, _PAGE):
        end = min(start + _PAGE, last + 1)
        for seq, line, found in connection.execute(_LINES, {"from_": start, "to_": end}):
            yield int(seq), _bytes(line), str(found)


def _bytes(value: object) -> bytes:
    """What stands in a blob column; SQLite also keeps a text that somebody put there."""
    return value if isinstance(value, bytes) else str(value).encode()


def count(connection: Connection) -> int:
    """How many entries the table holds."""
    return int(connection.execute(select(func.count()).select_from(audit)).scalar_one())
