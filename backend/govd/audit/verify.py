"""Checking the log: with nothing but the files, and against the database or a remembered head.

Must never write. Without a database or a head nothing can vouch for the last line: that is what heads
that others remember are for.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from sqlalchemy.exc import SQLAlchemyError

from govd.audit import store
from govd.audit.checker import DATABASE, Checker, Fault, Recorded, Report
from govd.audit.files import day_files
from govd.audit.rules import digest, link_of
from govd.audit.statements import Statements

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

    from govd.contract.heads import Head

__all__ = ["DATABASE", "Fault", "Report", "verify"]

_ATTEMPTS: Final = 3


def verify(
    path: Path, *, database: Engine | None = None, head: Head | None = None, patience: float = 0.2
) -> Report:
    """Check a directory of day files, or one file by itself.

    A govd that is at work writes the table a moment before the files: where they differ at the very end
    only, the check is made again.

    Args:
        path: The directory, or a single day file, whose beginning is then taken as it is.
        database: The state's database, to hold the files against, both ways.
        head: A head that somebody remembers: the log must hold it.
        patience: Seconds between two checks of a log that may be growing; 0: one check.

    Returns:
        What was read, and the faults in the order of the log.

    Raises:
        OSError: a file cannot be read.
    """
    single = path.is_file()
    report = Report()
    for attempt in range(_ATTEMPTS if patience else 1):
        if attempt:
            time.sleep(patience)
        known, faults = (None, []) if database is None else _table(database)
        files = [path] if single else day_files(path)
        report = Checker(files, name=path.name, single=single, known=known, head=head).run()
        report.faults.extend(faults)
        if report.ok or not report.only_at_the_end:
            break
    return report


def _table(engine: Engine) -> tuple[Recorded, list[Fault]]:
    """The digests that the database holds, and what is wrong with the table itself.

    A row that its own digest or the row after it does not vouch for is not held against the files.
    """
    digests: dict[int, str] = {}
    faults: list[Fault] = []
    doubtful: set[int] = set()
    try:
        with engine.connect() as connection:
            last, _, _ = store.tail(connection)
            statements = Statements(connection)
            for seq, line, recorded in store.lines(connection, 1, last):
                digests[seq] = recorded
                if digest(line) != recorded:
                    faults.append(_fault(seq, "its bytes and its digest do not fit"))
                    doubtful.add(seq)
                elif digests.get(seq - 1, link_of(line)) != link_of(line) and seq - 1 not in doubtful:
                    faults.append(_fault(seq - 1, "the next one links to something else"))
                    doubtful.add(seq - 1)
                if why := statements.wrong(line):
                    faults.append(_fault(seq, why))
    except SQLAlchemyError as error:
        return Recorded({}, None), [Fault(DATABASE, 0, "edited", f"not readable: {type(error).__name__}")]
    missing = [seq for seq in range(1, last + 1) if seq not in digests]
    if missing:
        faults.append(Fault(DATABASE, missing[0], "removed", f"{len(missing)} entries from {missing[0]} on"))
    for seq in doubtful:
        del digests[seq]
    return Recorded(digests, last), faults


def _fault(seq: int, why: str) -> Fault:
    return Fault(DATABASE, seq, "edited", f"entry {seq}: {why}")
