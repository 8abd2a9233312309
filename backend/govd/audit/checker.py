"""One pass over the lines of the log, with one line of look-ahead: finds what is wrong, and names it.

Must never take a line's word for its own place: only bytes and their hashes count.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Final, Literal

from govd.audit.files import LogLine, read_lines
from govd.audit.model import GENESIS
from govd.audit.rules import (
    DAY_FILE,
    EPOCH,
    RECOVERED,
    Chain,
    Parsed,
    day_file,
    parse,
    parse_note,
    speaks_for,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from govd.contract.heads import Head

Kind = Literal["edited", "removed", "inserted", "reordered", "truncated", "forked"]

DATABASE: Final = "database"
"""Stands for the file, where the fault is in the table."""

_MOST_FAULTS: Final = 50


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong, at the first line that shows it.

    Attributes:
        file: The file's name; `database` where it is the table.
        line: Counts from 1; in the table it is the entry's seq. 0: the whole file.
        kind: What was done.
        message: For a person.
        at_end: Whether it is about the very end only, as a govd at work may cause for a moment.
    """

    file: str
    line: int
    kind: Kind
    message: str
    at_end: bool = False


@dataclass
class Report:
    """What was found.

    Attributes:
        entries: Whole entries that were read.
        first: The seq of the first.
        seq: The seq of the last.
        digest: Of the last line: what a remembered head is compared with.
        faults: The first that were found, in the order of the log.
    """

    entries: int = 0
    first: int = 0
    seq: int = 0
    digest: str = GENESIS
    faults: list[Fault] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong with what was read, be it nothing."""
        return not self.faults

    @property
    def verified(self) -> bool:
        """Whether there are entries, and nothing is wrong with them."""
        return self.ok and self.entries > 0

    @property
    def only_at_the_end(self) -> bool:
        """Whether all that is wrong may be a writer at work."""
        return all(fault.at_end for fault in self.faults)


@dataclass(frozen=True)
class Recorded:
    """Digests by seq as the database holds them, and the last seq (None: the table was not readable)."""

    digests: dict[int, str]
    last: int | None


@dataclass
class _Index:
    """What stands anywhere in the files; made once something is out of its place."""

    seqs: Counter[int] = field(default_factory=Counter)
    digests: Counter[str] = field(default_factory=Counter)
    links: set[str] = field(default_factory=set)


class Checker:
    """Reads every line once. Made for one run.

    Args:
        files: Oldest day first.
        name: What to call the log where there is no line to point at.
        single: One file by itself: its beginning is taken as it is, and its end too.
        known: The database's digests.
        head: A head that the log must hold.
    """

    def __init__(
        self, files: list[Path], *, name: str, single: bool, known: Recorded | None, head: Head | None
    ) -> None:
        self._files, self._name, self._single, self._head = files, name, single, head
        self._known = known if known is not None and known.last is not None else None
        self._chain = Chain()
        self._begun = not single
        self._previous: LogLine | None = None
        self._blind = False  # the line before is no entry as it was written: a link to it says nothing
        self._junk: list[LogLine] = []
        self._late: set[int] = set()
        self._recovered_after: dict[int, bytes] = {}
        self._unvouched: dict[int, LogLine] = {}
        self._named: dict[str, str] = {}  # the file of the day that a copy under another name was made of
        self._elsewhere: set[tuple[str, str]] = set()  # (file, day of entries in it) that was told
        self.report = Report()

    def run(self) -> Report:
        """The whole check."""
        lines = self._lines()
        line = next(lines, None)
        while line is not None:
            following = next(lines, None)
            parsed = parse(line.data) if line.ended else None
            self._line(line, parsed, following)
            line = following
        self._end()
        self.report.seq, self.report.digest = self._chain.seq, self._chain.digest
        return self.report

    def _lines(self) -> Iterator[LogLine]:
        for path in self._files:
            yield from read_lines(path)

    @cached_property
    def _index(self) -> _Index:
        index = _Index()
        for line in self._lines():
            parsed = parse(line.data)
            if parsed is not None:
                index.seqs[parsed.seq] += 1
                index.digests[parsed.digest] += 1
                index.links.add(parsed.prev_hash)
        return index

    def _fault(self, line: LogLine | None, kind: Kind, message: str, *, at_end: bool = False) -> None:
        file, number = (self._name, 0) if line is None else (line.file.name, line.number)
        known = any((fault.file, fault.line) == (file, number) for fault in self.report.faults)
        if not known and len(self.report.faults) < _MOST_FAULTS:
            self.report.faults.append(Fault(file, number, kind, message, at_end))

    # -- one line --------------------------------------------------------------------------------------

    def _line(self, line: LogLine, parsed: Parsed | None, following: LogLine | None) -> None:
        if not self._begun:
            self._begin()
        if parsed is None:
            self._no_entry(line)
        elif self._chain.accepts(line.data, parsed) and (self._chain.torn is not None or not self._junk):
            self._recovered()
            self._stand(line, parsed, following)
        else:
            if self._junk:
                self._explain_junk(line, parsed)
            self._misplaced(line, parsed, following)

    def _begin(self) -> None:
        """Where a single file begins, by its first entry, or by the note that closes a torn line above it."""
        self._begun = True
        for line in self._lines():
            parsed, note = parse(line.data), parse_note(line.data)
            if parsed is not None:
                self._chain = Chain(parsed.seq - 1, parsed.prev_hash)
            elif note is not None:
                self._chain = Chain(*note)
            if parsed is not None or note is not None:
                return

    def _no_entry(self, line: LogLine) -> None:
        self._junk.append(line)
        begins = len(self._junk) == 1
        if (begins or self._chain.torn is not None) and not self._chain.tear(line.data):
            self._chain.torn = None

    def _recovered(self) -> None:
        """A torn tail and its recovery have ended well; an entry further on must speak for them."""
        if self._chain.torn is not None:
            self._recovered_after[self._chain.torn.after_seq] = self._chain.torn.found
            self._unvouched[self._chain.torn.after_seq] = self._junk[0]
        self._junk = []

    def _explain_junk(self, line: LogLine, parsed: Parsed) -> None:
        """Lines that are no entries and no recovery: what they were, by what comes after them."""
        first, torn = self._junk[0], self._chain.torn
        fits = parsed.seq == self._chain.seq + 1 and parsed.prev_hash == self._chain.digest
        if any(parse_note(junk.data) is not None for junk in self._junk):
            self._fault(first, "edited", "a torn line and the note that closes it do not fit")
        elif fits and torn is not None and torn.fits(line.data, parsed):
            self._fault(first, "removed", "a torn line, and the note that closed it is gone")
        elif fits:
            self._fault(first, "inserted", "a line that is no entry")
        else:
            self._fault(first, "edited", "a line that is no entry any more")
            self._chain.seq += len(self._junk)
            self._blind = True
        self._chain.torn = None
        self._junk = []

    def _stand(self, line: LogLine, parsed: Parsed, following: LogLine | None) -> None:
        """Take this line as the entry of its seq, and go on from here."""
        self._chain.advance(parsed)
        self._previous, self._blind = line, False
        self.report.entries += 1
        self.report.first = self.report.first or parsed.seq
        self._of_its_day(line, parsed)
        if parsed.type in {RECOVERED, EPOCH} and "torn_sha256" in parsed.details:
            self._vouch(line, parsed)
        self._against_database(line, parsed, following)
        if self._head is not None and self._head.seq == parsed.seq and self._head.digest != parsed.digest:
            self._fault(line, "forked", f"entry {parsed.seq} is another than the remembered head's")

    def _of_its_day(self, line: LogLine, parsed: Parsed) -> None:
        """Whether the file is the one of the entry's day; what another name is due to is said once."""
        day, file = day_file(parsed.time), line.file.name
        if not DAY_FILE.fullmatch(file):
            file = self._named.setdefault(file, day)  # a copy: the day of its first entry stands for a name
        if day == file or (file, day) in self._elsewhere:
            return
        self._elsewhere.add((file, day))
        if line.number == 1:
            whole = replace(line, number=0)
            self._fault(whole, "reordered", f"its name is another day's: it begins as {day}")
        else:
            self._fault(line, "reordered", f"entry {parsed.seq} stands in the file of another day")

    def _vouch(self, line: LogLine, parsed: Parsed) -> None:
        """The entry that speaks for torn bytes further up."""
        after = parsed.details.get("after")
        region = self._recovered_after.get(after, b"") if type(after) is int else b""
        if speaks_for(parsed, region):
            if parsed.details["torn_bytes"] == len(region):
                self._unvouched.pop(int(parsed.details["after"]), None)
        elif not self._single:
            self._fault(line, "removed", f"the torn bytes that entry {parsed.seq} speaks of are gone")

    def _against_database(self, line: LogLine, parsed: Parsed, following: LogLine | None) -> None:
        if self._known is None:
            return
        recorded = self._known.digests.get(parsed.seq)
        if recorded is None:
            if self._known.last is not None and parsed.seq > self._known.last:
                self._fault(line, "inserted", f"entry {parsed.seq} is not in the database", at_end=True)
        elif recorded != parsed.digest:
            after = parse(following.data) if following is not None else None
            if after is not None and after.prev_hash == parsed.digest:
                self._fault(
                    line, "forked", f"from entry {parsed.seq} on, another history than the database's"
                )
            else:
                self._fault(line, "edited", f"entry {parsed.seq} is not what was recorded")
                self._blind = True

    # -- lines that do not come next -------------------------------------------------------------------

    def _misplaced(self, line: LogLine, parsed: Parsed, following: LogLine | None) -> None:
        after = parse(following.data) if following is not None else None
        due = self._chain.seq + 1
        if parsed.seq == due:
            self._bad_link(line, parsed, following, after)
        elif parsed.seq > due:
            self._ahead(line, parsed, following, after)
        else:
            self._behind(line, parsed, following, after)

    def _bad_link(
        self, line: LogLine, parsed: Parsed, following: LogLine | None, after: Parsed | None
    ) -> None:
        """The seq is right and the link is not: one of the two lines is not as it was written."""
        if self._blind or parsed.prev_hash == self._chain.digest:
            self._stand(line, parsed, following)
        elif after is not None and (after.seq, after.prev_hash) == (parsed.seq, self._chain.digest):
            self._fault(line, "inserted", f"a second entry {parsed.seq}")
        elif self._previous is not None and self._as_written(parsed, after):
            self._fault(
                self._previous, "edited", f"entry {self._chain.seq} is not what the next one links to"
            )
            self._stand(line, parsed, following)
        else:
            self._fault(line, "edited", f"entry {parsed.seq} does not link to the one before it")
            self._stand(line, parsed, following)
            self._blind = True

    def _as_written(self, parsed: Parsed, after: Parsed | None) -> bool:
        """Whether this line is what was recorded, as far as anything can tell."""
        if self._known is not None and parsed.seq in self._known.digests:
            return self._known.digests[parsed.seq] == parsed.digest
        return after is None or after.prev_hash == parsed.digest

    def _ahead(self, line: LogLine, parsed: Parsed, following: LogLine | None, after: Parsed | None) -> None:
        """Entries are missing before this one, or its seq is not its own."""
        due = self._chain.seq + 1
        linked = self._index.seqs[parsed.seq] == 1 and parsed.digest in self._index.links
        if after is not None and after.seq == due and not linked:
            self._fault(line, "inserted", f"a line where entry {due} belongs")
            return
        if after is not None and after.seq == due + 1 and parsed.seq != due + 1 and not linked:
            self._fault(line, "edited", f"entry {due} gives itself another number")
            self._chain.seq, self._chain.digest, self._blind = due, parsed.digest, True
            self._previous = line
            return
        missing = (
            range(due, parsed.seq) if parsed.seq - due < _MOST_FAULTS else range(due, due + _MOST_FAULTS)
        )
        elsewhere = {seq for seq in missing if self._index.seqs[seq]}
        if elsewhere:
            self._fault(line, "reordered", f"entry {parsed.seq} stands before entry {min(elsewhere)}")
        else:
            self._fault(line, "removed", f"entries {due} to {parsed.seq - 1} are gone")
        self._late |= elsewhere
        self._stand(line, parsed, following)

    def _behind(self, line: LogLine, parsed: Parsed, following: LogLine | None, after: Parsed | None) -> None:
        """An entry of a seq that has gone by."""
        if parsed.seq in self._late:
            self._late.discard(parsed.seq)
        elif self._index.digests[parsed.digest] > 1:
            self._fault(line, "inserted", f"entry {parsed.seq} stands here a second time")
        elif (
            after is not None
            and parsed.seq == self._chain.seq
            and (after.seq, after.prev_hash) == (parsed.seq + 1, parsed.digest)
        ):
            self._fault(self._previous, "inserted", f"a second entry {parsed.seq}, which nothing links to")
            self._stand(line, parsed, following)
        elif self._index.digests[parsed.prev_hash] or parsed.seq == 1:
            self._fault(line, "forked", f"another entry {parsed.seq} beside the one above")
        else:
            self._fault(line, "inserted", f"an entry {parsed.seq} that links to nothing")

    # -- the end ---------------------------------------------------------------------------------------

    def _end(self) -> None:
        if self._junk:
            last = self._junk[-1]
            if not last.ended or (self._chain.torn is not None and self._chain.torn.closed):
                self._fault(last, "truncated", "the log ends within an entry", at_end=True)
            else:
                self._fault(self._junk[0], "edited", "a line that is no entry")
        if not self._single:
            for line in self._unvouched.values():
                self._fault(line, "inserted", "torn bytes that no entry speaks for")
            if self._known is not None and self._known.last is not None:
                self._ends_before(self._known.last, "the database", at_end=True)
        if self._head is not None and (not self._single or self._chain.seq):
            self._ends_before(self._head.seq, "a remembered head", at_end=False)

    def _ends_before(self, seq: int, what: str, *, at_end: bool) -> None:
        if seq > self._chain.seq:
            message = f"the log ends at entry {self._chain.seq}, {what} at {seq}"
            self._fault(self._previous, "truncated", message, at_end=at_end)
