"""Holding the files against the table: what stands in each, and what completes the files.

The table is the truth of what was decided; the files may lag behind it by a crash, and by nothing else.
Must never repair what a crash cannot have done: that is a fault, and govd stops.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from govd.audit import store
from govd.audit.files import day_files, read_lines
from govd.audit.model import GENESIS
from govd.audit.rules import Chain, Parsed, Torn, day_file, parse
from govd.contract.errors import IntegrityError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from govd.audit.files import AuditFiles

VERIFY: Final = "govd audit verify"
RESTORE: Final = "govd restore"


@dataclass(frozen=True)
class Survey:
    """Where files and table stand.

    Attributes:
        seq: The last whole entry of the files.
        digest: Of its line.
        torn: What stands after it, if a crash left something.
        newline: Whether the last line lacks its line feed.
        table_seq: The last entry of the table.
        file: The name of the last file that holds anything.
    """

    seq: int
    digest: str
    torn: Torn | None
    newline: bool
    table_seq: int
    file: str | None

    @property
    def longer(self) -> bool:
        """Whether the files hold entries that the table lacks: the database went back in time."""
        return self.seq > self.table_seq


def survey(files: AuditFiles, connection: Connection) -> Survey:
    """Read the end of the files and hold it against the table.

    Raises:
        IntegrityError: the files end in something that no crash leaves, or tell another history.
    """
    tail = files.tail(lambda line: parse(line) is not None)
    chain = Chain()
    newline = False
    for index, (data, ended) in enumerate(tail.lines):
        newline = not ended
        parsed = parse(data)
        if index == 0 and parsed is not None and ended:
            chain = Chain(parsed.seq - 1, parsed.prev_hash)
        if parsed is not None and chain.accepts(data, parsed):
            chain.advance(parsed)
        elif not chain.tear(data):
            raise _fault(f"the log's files end in something that is no entry (after entry {chain.seq})")
    table_seq, _, _ = store.tail(connection)
    found = Survey(
        chain.seq, chain.digest, chain.torn, newline, table_seq, tail.file.name if tail.file else None
    )
    _compare(found, connection)
    return found


def _compare(found: Survey, connection: Connection) -> None:
    if found.longer:
        return
    recorded = store.digest_at(connection, found.seq) if found.seq else GENESIS
    if recorded != found.digest:
        raise _fault(f"the log's files and the database tell two histories: they differ at entry {found.seq}")
    if found.torn is None:
        return
    following = next(store.lines(connection, found.seq + 1, found.seq + 1), None)
    if following is None or not found.torn.fits(following[1], _checked(*following[:2])):
        raise _fault(f"what stands after entry {found.seq} in the log's files was never recorded")


def _fault(why: str) -> IntegrityError:
    return IntegrityError(why, hint=VERIFY)


def completion(found: Survey, connection: Connection, last: int) -> Iterator[tuple[str, bytes]]:
    """What to append to which file, so that the files hold every entry of the table up to `last`."""
    if found.file is not None and found.newline:
        yield found.file, b"\n"
    if found.torn is not None and found.file is not None and not found.torn.closed:
        yield found.file, found.torn.note + b"\n"
    for seq, line, _ in store.lines(connection, found.seq + 1, last):
        yield day_file(_checked(seq, line).time), line + b"\n"


def _checked(seq: int, line: bytes) -> Parsed:
    parsed = parse(line)
    if parsed is None or parsed.seq != seq:
        raise _fault(f"entry {seq} of the database is no entry")
    return parsed


def missing_from_table(
    files: AuditFiles, after_seq: int, after_digest: str, after_file: str
) -> Iterator[tuple[bytes, Parsed]]:
    """The entries of the files that come after the table's last one, each linked to the one before.

    Args:
        files: The log's files.
        after_seq: The table's last entry.
        after_digest: Its digest.
        after_file: The name of the day file that it stands in; earlier files are not read.

    Raises:
        IntegrityError: the files do not continue the table's history.
    """
    chain = Chain(after_seq, after_digest)
    reached = after_seq == 0
    for path in day_files(files.directory):
        if path.name < after_file:
            continue
        for line in read_lines(path):
            parsed = parse(line.data) if line.ended else None
            if not reached:
                if parsed is not None and parsed.seq == after_seq:
                    if parsed.digest != after_digest:
                        raise _fault(f"the log's files and the database differ at entry {after_seq}")
                    reached = True
            elif parsed is not None and chain.accepts(line.data, parsed):
                chain.advance(parsed)
                yield line.data, parsed
            elif not chain.tear(line.data):
                raise _fault(f"the log's files break off after entry {chain.seq}")
