"""The ledger: the only way to change the state. Durable before acknowledged, for every work or for none.

Must never resolve a work's future before its rows are committed and its audit lines are synced.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from govd.audit import recovery, store
from govd.audit.files import AuditFiles
from govd.storage import backups, journal
from govd.storage.engine import make_engine, parse_url, sqlite_path
from govd.storage.locks import FileLock, advisory_lock
from govd.storage.migrate import migrate
from govd.storage.transaction import Halt, Item, Transaction, into
from govd.storage.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy import Connection, Engine

    from govd.audit.model import RecordedEntry
    from govd.clock import Clock
    from govd.contract.heads import Head
    from govd.freshness import SigningTime
    from govd.storage.transaction import Done

__all__ = ["Ledger", "Transaction"]

log = logging.getLogger(__name__)

T = TypeVar("T")

_PATIENCE_S: Final = 0.02
_START: Final = "start it again: govd serve"
_STOPPING: Final = Halt("govd is stopping", _START, resumable=True)


@dataclass(frozen=True)
class _Control:
    """Something that the writer thread does between two groups."""

    call: Callable[[], Any]
    future: Future[Any]


class Ledger:
    """The state and its log, behind one writer thread. Made by `open`, ended by `close`."""

    def __init__(
        self,
        writer: Writer,
        readers: Engine,
        clock: Clock,
        resources: contextlib.ExitStack,
        group_limit: int,
        path: Path | None,
        backup_dir: Path,
    ) -> None:
        self._path, self._backups = path, backup_dir
        self._writer, self._readers, self._clock, self._resources = writer, readers, clock, resources
        self._group_limit = group_limit
        self._queue: queue.SimpleQueue[Item | _Control | None] = queue.SimpleQueue()
        self._gate = threading.Lock()
        self._refusal: Halt | None = None
        """Set before the writer knows of it: a halt from another thread counts at once."""
        self._closed = False
        self._over: Halt | None = None
        """Set once nothing takes from the queue any more, or soon will not."""
        self._group: list[Item] = []
        """What the writer has taken up, until all of it is answered."""
        self._embedded = readers.dialect.name == "sqlite"
        self._thread = threading.Thread(target=self._loop, name="govd-writer", daemon=True)
        self._thread.start()

    @classmethod
    def open(
        cls,
        *,
        url: str,
        audit_dir: Path,
        clock: Clock,
        group_limit: int = 128,
        files: AuditFiles | None = None,
    ) -> Ledger:
        """Lock the state, migrate it, complete the log's files from the table, and start the writer.

        A state whose log is not what was recorded opens halted: reads work, and `halted` says why.

        Args:
            url: `sqlite:////path` or `postgresql+psycopg://…`.
            audit_dir: Where the day files are; made where it is missing.
            clock: The governed clock; it is started with the latest time on record.
            group_limit: Works in one transaction at most.
            files: A seam for storage that fails.

        Raises:
            ConflictError: another govd holds the state; the message names its pid.
            UsageError: no such kind of database.
            IntegrityError: the database is newer than this program.
        """
        parsed = parse_url(url)
        with contextlib.ExitStack() as stack:
            stack.callback(FileLock(audit_dir / ".lock").release)
            path = sqlite_path(parsed)
            if path is not None:
                stack.callback(FileLock(path.with_name(path.name + ".lock")).release)
            backup_dir = audit_dir.parent / "backups"
            migrate(parsed, backups=backup_dir)
            readers = make_engine(parsed, writer=False)
            stack.callback(readers.dispose)
            writer = Writer(
                make_engine(parsed, writer=True), files or AuditFiles(audit_dir), clock, advisory_lock
            )
            stack.callback(writer.close)
            writer.start()
            return cls(writer, readers, clock, stack.pop_all(), group_limit, path, backup_dir)
        raise AssertionError  # pragma: no cover - the stack swallows nothing

    # -- what everybody uses ---------------------------------------------------------------------------

    def submit(self, work: Callable[[Transaction], T]) -> Future[T]:
        """Queue a work. Its future is resolved once it is committed and its audit lines are synced.

        An exception that the work raises undoes that work alone and is the future's. Where govd has
        halted, or halts under this work, the future gets `HaltedError`.
        """
        future: Future[T] = Future()
        self.hand_in(work, into(future))
        return future

    def hand_in(self, work: Callable[[Transaction], T], done: Done) -> None:
        """The same, for a caller with a way of his own to be told.

        `done` is called with the result or the error: in the writer thread, or here and now where govd
        has halted. A future with its locks costs 15 µs (loop and writer together).
        """
        with self._gate:
            refusal = self._halt()
            if refusal is None:
                self._queue.put(Item(work, done))
        if refusal is not None:
            done(None, refusal.error())

    def give_way(self) -> None:
        """Wait a moment while the writer computes: for a thread with much to do, before it goes on.

        Both want the one interpreter lock. SQLite's driver lets go of it at every statement, and handing
        it to and fro costs about 60 µs of system time a decision at 64 clients (3.5 context switches to 1.3).
        """
        if self._embedded and self._writer.computing.acquire(timeout=_PATIENCE_S):
            self._writer.computing.release()

    def read(self, query: Callable[[Connection], T]) -> T:
        """Run a query in a short read-only transaction of its own, from any thread."""
        with self._readers.connect() as connection:
            return query(connection)

    def empty_journal(self) -> bool:
        """Let the storage let go of speakers as they were before a change; False: not now, try again.

        Waits for nobody and keeps nobody waiting.
        """
        if self._path is None:
            return journal.rewrite_speakers(self._readers)
        return journal.empty(self._path)

    def forget_in_backups(self, standing: Collection[str]) -> bool:
        """Take enrollments that stand no more out of the backups that migrations left; False: try again."""
        return backups.forget(self._backups, standing)

    def on_commit(self, listener: Callable[[Sequence[RecordedEntry], Head], None]) -> None:
        """Have it called in the writer thread after each group, before the group's futures resolve."""
        self._writer.listeners.append(listener)

    def on_foretold(self, listener: Callable[[Head], None]) -> None:
        """Have it called in the writer thread with each next head, before the storage syncs it.

        Time to prepare what its answers will carry. Nobody may be told of it before `head` is that one,
        which it never is where the storage fails.
        """
        self._writer.foretold = listener

    def now(self) -> datetime:
        """The governed time."""
        return self._clock.now()

    def signing(self) -> SigningTime:
        """What the time of a signature is held against."""
        return self._clock.signing()

    @property
    def head(self) -> Head:
        """The last entry that is committed and synced."""
        return self._writer.head

    @property
    def log_id(self) -> str:
        """The log's own id: random hex, made with its first entry."""
        return self._writer.log_id

    @property
    def epoch(self) -> int:
        """The epoch that the log is in; restoring a backup opens the next."""
        return self._writer.head.epoch

    def digest_at(self, seq: int) -> str | None:
        """The digest of one entry; None where the log has none of that seq."""
        if seq > self.head.seq:
            return None
        return self._writer.digests.get(seq) or self.read(lambda found: store.digest_at(found, seq))

    # -- halting ---------------------------------------------------------------------------------------

    def _halt(self) -> Halt | None:
        return self._over or self._refusal or self._writer.halted

    @property
    def halted(self) -> str | None:
        """Why nothing is decided, and what mends it; None: all is well."""
        halt = self._halt()
        return None if halt is None else f"{halt.why}; {halt.mend}"

    def halt(self, why: str, *, mend: str = recovery.RESTORE) -> None:
        """Decide nothing from now on, also after a restart, until `new_epoch`. Reads go on."""
        halt = Halt(why, mend, resumable=False)
        with self._gate:
            if self._refusal is not None or self._over is not None:
                return
            self._refusal = halt
        self._control(lambda: self._writer.halt_until_mended(halt))

    def resume(self) -> None:
        """Try again after the storage failed: it probes by writing.

        Raises:
            HaltedError: it still fails, or the halt waits for a person.
        """
        if self._refusal is not None:
            raise self._refusal.error()
        self._control(self._writer.resume).result()

    def new_epoch(
        self, actor: str, *, after: int = 0, work: Callable[[Transaction], T] | None = None
    ) -> T | None:
        """Go on after a backup was restored: what only the files hold is taken into the table first.

        Args:
            actor: Who does it: `operator:NAME`.
            after: The highest epoch that anybody remembers.
            work: Runs in the same transaction, after the epoch's entry: revoking what must not survive.

        Returns:
            What the work returned.

        Raises:
            IntegrityError: the files do not continue the table's history.
        """

        def reopen() -> T | None:
            result: T | None = self._writer.new_epoch(actor, after, work)
            self._refusal = None
            return result

        done: Future[T | None] = self._control(reopen)
        return done.result()

    # -- the writer thread -----------------------------------------------------------------------------

    def _control(self, call: Callable[[], Any]) -> Future[Any]:
        future: Future[Any] = Future()
        with self._gate:
            if self._over is not None:
                future.set_exception(self._over.error())
            else:
                self._queue.put(_Control(call, future))
        return future

    def _loop(self) -> None:
        try:
            self._serve()
        except BaseException as error:
            log.exception("the writer ended: nothing is decided any more")
            self._end(Halt(f"the writer ended: {type(error).__name__}: {error}", _START, resumable=False))

    def _end(self, halt: Halt) -> None:
        """Nothing takes from the queue any more: refuse what is in it, and whatever would follow."""
        with self._gate:
            self._over = self._over or halt
        for item in self._group:
            item.tell(None, halt.error())
        with contextlib.suppress(queue.Empty):
            while True:
                left = self._queue.get_nowait()
                if isinstance(left, Item):
                    left.tell(None, halt.error())
                elif left is not None:
                    left.future.set_exception(halt.error())

    def _serve(self) -> None:
        waiting: Item | _Control | None = self._queue.get()
        while waiting is not None:
            if isinstance(waiting, _Control):
                self._do(waiting)
                waiting = self._queue.get()
                continue
            self._group = [waiting]
            waiting = self._drain(self._group)
            self._writer.run(self._group)
            self._group = []
            if waiting is _NOTHING:
                waiting = self._queue.get()

    def _drain(self, group: list[Item]) -> Item | _Control | None:
        """Add what is queued to the group; what came that is no part of it, or `_NOTHING`."""
        while len(group) < self._group_limit:
            try:
                following = self._queue.get_nowait()
            except queue.Empty:
                break
            if not isinstance(following, Item):
                return following
            group.append(following)
        return _NOTHING

    @staticmethod
    def _do(control: _Control) -> None:
        try:
            control.future.set_result(control.call())
        except BaseException as error:  # noqa: BLE001 - it is the waiting caller's
            control.future.set_exception(error)

    def close(self) -> None:
        """Finish what is queued, then let go of everything. Idempotent."""
        with self._gate:
            if self._closed:
                return
            self._closed, self._over = True, self._over or _STOPPING
            self._queue.put(None)
        self._thread.join()
        self._resources.close()


_NOTHING: Final = _Control(lambda: None, Future())
