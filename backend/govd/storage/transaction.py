"""What a work of the ledger is handed, and the end of the log while its transaction is open."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from govd.audit.model import Entry, RecordedEntry
from govd.audit.rules import day_file, digest, render, time_text
from govd.contract.errors import HaltedError
from govd.ids import new_id
from govd.times import micros

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from datetime import datetime

    from sqlalchemy import Connection

    from govd.freshness import SigningTime

    Done = Callable[[Any, BaseException | None], None]
    """Called once, in the writer thread."""

RELOAD: Final = "govd reload"

_log: Final = logging.getLogger("govd.storage")


@dataclass(frozen=True)
class Halt:
    """Why nothing is decided, what mends it, and whether trying again can."""

    why: str
    mend: str
    resumable: bool

    def error(self) -> HaltedError:
        """The error that every refused work gets: a fresh one each."""
        return HaltedError(self.why, hint=self.mend)


@dataclass(frozen=True, slots=True)
class Item:
    """One queued work, and whom to tell: what it returned, or the error that undid it."""

    work: Callable[[Transaction], Any]
    done: Done

    def tell(self, value: Any, error: BaseException | None) -> None:  # noqa: ANN401 - the work's own
        """Tell the one who waits; where that fails, the others are told all the same."""
        try:
            self.done(value, error)
        except BaseException:  # noqa: BLE001 - he is gone, or cannot be told
            _log.exception("somebody who waited for the ledger could not be told")


def into(future: Future[Any]) -> Done:
    """Tell a future, which from here on cannot be cancelled: a work that is handed in is done."""
    future.set_running_or_notify_cancel()

    def done(value: Any, error: BaseException | None) -> None:  # noqa: ANN401 - the work's own
        if error is None:
            future.set_result(value)
        else:
            future.set_exception(error)

    return done


@dataclass(frozen=True, slots=True)
class Moment:
    """The governed time of a transaction, in the forms in which its rows and lines have it."""

    now: datetime
    micros: int
    text: str
    file: str

    @classmethod
    def of(cls, now: datetime) -> Moment:
        """Written out once for all that happens at it."""
        text = time_text(now)
        return cls(now, micros(now), text, day_file(text))


@dataclass
class Pending:
    """The end of the log as it will be when the transaction commits."""

    seq: int
    digest: str
    rows: list[dict[str, Any]] = field(default_factory=list)
    chunks: list[tuple[str, bytes]] = field(default_factory=list)
    recorded: list[RecordedEntry] = field(default_factory=list)

    def mark(self) -> tuple[int, str, int]:
        """Where to come back to."""
        return self.seq, self.digest, len(self.rows)

    def rewind(self, mark: tuple[int, str, int]) -> None:
        """Drop what was added since."""
        self.seq, self.digest, length = mark
        del self.rows[length:], self.chunks[length:], self.recorded[length:]

    def add(self, entry: Entry, moment: Moment) -> int:
        """Put an entry at the end; its seq."""
        seq = self.seq + 1
        line = render(entry, seq=seq, event_id=new_id(), time=moment.text, prev_hash=self.digest)
        self.seq, self.digest = seq, digest(line)
        self.rows.append(
            {
                "seq": seq,
                "time": moment.micros,
                "type": entry.type,
                "agent": entry.agent,
                "job": entry.job_id,
                "intent": entry.intent_id,
                "line": line,
                "digest": self.digest,
            }
        )
        self.chunks.append((moment.file, line + b"\n"))
        self.recorded.append(RecordedEntry(seq, moment.now, self.digest, entry))
        return seq


class Transaction:
    """What a work is handed: the connection, one reading of the clock, and the log.

    Attributes:
        connection: Inside the transaction; a work never commits or rolls back by itself.
        now: The governed time, read once the transaction had begun: one moment for all of its works.
        signing: What the time of a signature is held against.
    """

    __slots__ = ("_moment", "_pending", "connection", "now", "signing")

    def __init__(self, connection: Connection, signing: SigningTime, pending: Pending) -> None:
        self.connection = connection
        self.now = now = signing.now
        self.signing = signing
        self._pending = pending
        self._moment = Moment.of(now)

    def record(self, entry: Entry) -> int:
        """Write an audit entry in this transaction; its seq, if the work succeeds."""
        return self._pending.add(entry, self._moment)
