"""What the one writer thread does: groups of works, each group one transaction and one append.

Must never report a work as done before its transaction is committed and its lines are synced, and never
go on after the storage failed: it halts, and says what mends it.
"""

from __future__ import annotations

import logging
import secrets
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Final

from govd.audit import recovery, store
from govd.audit.model import Entry
from govd.audit.rules import EPOCH, OPENED, RECOVERED
from govd.contract.errors import HaltedError, IntegrityError
from govd.contract.heads import Head
from govd.storage import state
from govd.storage.engine import Driver, storage_failure
from govd.storage.transaction import RELOAD, Halt, Item, Pending, Transaction, into
from govd.times import maybe_instant

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection, Engine

    from govd.audit.files import AuditFiles
    from govd.audit.model import RecordedEntry
    from govd.clock import Clock

    Listener = Callable[[Sequence[RecordedEntry], Head], None]

_log: Final = logging.getLogger("govd.storage")
_REMEMBERED: Final = 4096


class _StorageError(Exception):
    """The storage failed under a group; `__cause__` is its own error."""


class Writer:
    """The single-threaded core of the ledger: one thread at a time calls its methods.

    Attributes:
        halted: Why nothing is decided; None: all is well.
        foretold: Called with the head that a group will be, before table and files are synced.
        head: The last entry that is committed and synced.
        digests: The digests of the latest entries by seq.
        computing: Held while works run and rows are written, not while the storage syncs.
    """

    def __init__(
        self, engine: Engine, files: AuditFiles, clock: Clock, lock: Callable[[Connection], None]
    ) -> None:
        self._engine, self._files, self._clock, self._lock = engine, files, clock, lock
        self.halted: Halt | None = None
        self.head = Head(0, 0, "")
        self.log_id = ""
        self.digests: dict[int, str] = {}
        self.listeners: list[Listener] = []
        self.foretold: Callable[[Head], None] = lambda _head: None
        self.computing = threading.Lock()
        self._mark = ""
        self._connection, self._driver = self._connected()

    # -- groups ----------------------------------------------------------------------------------------

    def run(self, items: Sequence[Item]) -> None:
        """One group: whoever waits for an item of it has been told when this returns."""
        if self.halted is not None:
            self._refuse(items)
        else:
            self._run(items)

    def _run(self, items: Sequence[Item]) -> None:
        pending = Pending(self.head.seq, self.head.digest)
        try:
            outcomes = self._transact(items, pending)
            self._files.append(pending.chunks)
            self._advance(pending)
        except BaseException as error:  # noqa: BLE001 - whatever it is, nobody may be left waiting
            cause = error.__cause__ if isinstance(error, _StorageError) else error
            self.halt(_storage_halt(cause or error))
            self._refuse(items)
            return
        for item, (value, failure) in zip(items, outcomes, strict=True):
            item.tell(value, failure)

    def _transact(self, items: Sequence[Item], pending: Pending) -> list[tuple[Any, BaseException | None]]:
        """All works in one transaction, each in its savepoint, and their lines with them."""
        try:
            self._driver.begin()
            with self.computing:
                transaction = Transaction(self._connection, self._clock.signing(), pending)
                alone = len(items) == 1
                outcomes = [self._work(item.work, transaction, pending, alone=alone) for item in items]
                if self._clock.mark != self._mark:
                    state.put(self._connection, state.CLOCK, self._clock.mark)
                if pending.rows:
                    state.append(self._connection, pending.rows)
                    self._foretell(pending)
            self._driver.commit()
        except _StorageError:
            self._drop()
            raise
        except BaseException as error:
            self._drop()
            raise _StorageError from error
        self._mark = self._clock.mark
        return outcomes

    def _work(
        self,
        work: Callable[[Transaction], Any],
        transaction: Transaction,
        pending: Pending,
        *,
        alone: bool,
    ) -> tuple[Any, BaseException | None]:
        """What one work returned, or raised, which undoes it. `alone`: the transaction is its own."""
        mark = pending.mark()
        if not alone:
            self._driver.savepoint()
        try:
            result = work(transaction)
        except BaseException as error:  # whatever it is, it belongs to the one who waits
            pending.rewind(mark)
            if storage_failure(error) is not None or not self._driver.in_transaction:
                raise _StorageError from error
            if alone:
                self._driver.rollback()
                self._driver.begin()
            else:
                self._driver.rewind()
            return None, error
        if not alone:
            self._driver.release()
        return result, None

    def _drop(self) -> None:
        try:
            self._driver.rollback()
        except Exception:  # noqa: BLE001 - the storage has failed already; resume() connects afresh
            _log.warning("the failed transaction could not be rolled back: the connection is dropped")

    def _foretell(self, pending: Pending) -> None:
        try:
            self.foretold(self._head_after(pending))
        except Exception:  # noqa: BLE001 - what could be prepared in time was not: it is done later
            _log.exception("a head could not be foretold")

    def _head_after(self, pending: Pending) -> Head:
        epoch = self.head.epoch
        for entry in pending.recorded:
            if entry.entry.type in {OPENED, EPOCH}:
                epoch = int(entry.entry.details["epoch"])
        return Head(epoch, pending.seq, pending.digest)

    def _advance(self, pending: Pending) -> None:
        for entry in pending.recorded:
            self.digests[entry.seq] = entry.digest
            self.digests.pop(entry.seq - _REMEMBERED, None)
        if pending.recorded:
            self.head = self._head_after(pending)
            self._tell(pending.recorded)

    def _tell(self, recorded: Sequence[RecordedEntry]) -> None:
        for listener in self.listeners:
            try:
                listener(recorded, self.head)
            except Exception:  # noqa: BLE001 - the group is durable: nothing may keep its callers waiting
                _log.exception("a listener of the ledger failed")

    def _refuse(self, items: Sequence[Item]) -> None:
        halt = self.halted or Halt("govd is stopping", RELOAD, resumable=True)
        for item in items:
            item.tell(None, halt.error())

    # -- halting and going on --------------------------------------------------------------------------

    def start(self) -> None:
        """Take up the state as it was left: the clock, the log's id and epoch, the files completed."""
        self._guard(self._take_up)

    def _take_up(self) -> None:
        _, _, high_water = store.tail(self._connection)
        self._clock.start(maybe_instant(high_water or None), state.get(self._connection, state.CLOCK))
        self._stand()
        self._complete()
        if self.head.seq == 0:
            self._alone(_open_log)
            self._stand()
        self.halted = state.get_halt(self._connection)

    def resume(self) -> None:
        """Try again after the storage failed; a halt that waits for a person stays.

        Raises:
            HaltedError: it still fails, or what stopped govd needs more than another try.
        """
        if self.halted is not None and self.halted.resumable:
            self._guard(self._try_again)
        if self.halted is not None:
            raise self.halted.error()

    def _try_again(self) -> None:
        self._reconnect()
        self._complete()
        self._alone(lambda transaction: transaction.record(Entry(type="log.resumed", actor="govd")))
        self.halted = None

    def _guard(self, step: Callable[[], None]) -> None:
        """Run a step of starting or resuming: whatever fails in it is the reason of a halt."""
        try:
            step()
        except IntegrityError as error:
            self.halt(Halt(error.detail, error.hint or recovery.VERIFY, resumable=False))
        except HaltedError as error:
            self.halt(Halt(error.detail, error.hint or RELOAD, resumable=True))
        except Exception as error:
            if storage_failure(error) is None:
                raise
            self.halt(_storage_halt(error))

    def halt(self, halt: Halt) -> None:
        """Decide nothing from here on, also where the file cannot even be closed."""
        self.halted = halt
        try:
            self._files.close()
        except Exception:  # noqa: BLE001 - `resume` surveys the files and opens them afresh
            _log.warning("the log's file could not be closed: what it holds is surveyed before going on")

    def halt_until_mended(self, halt: Halt) -> None:
        """Halt for what was found elsewhere; a restart does not clear it, `new_epoch` does."""
        if self.halted is not None and not self.halted.resumable:
            return
        if self.halted is None:
            try:
                self._alone(lambda transaction: _record_halt(transaction, halt))
            except HaltedError:
                _log.warning("a halt could not be recorded: the storage failed as well")
        self.halt(halt)

    def new_epoch(self, actor: str, after: int, work: Callable[[Transaction], Any] | None) -> Any:  # noqa: ANN401 - the work's own
        """Go on under the next epoch, with whatever the files hold beyond the table taken in.

        Raises:
            IntegrityError: the files do not continue the table's history.
        """
        self._reconnect()
        found = recovery.survey(self._files, self._connection)
        details: dict[str, Any] = {"lost_from": None, "lost_to": None}
        if found.longer:
            details.update(lost_from=found.table_seq + 1, lost_to=found.seq)
            if found.torn is not None:
                details.update(found.torn.details())

        def open_epoch(transaction: Transaction) -> Any:  # noqa: ANN401 - the work's own
            epoch = max(after, state.epoch(transaction.connection)) + 1
            state.put(transaction.connection, state.EPOCH, str(epoch))
            state.forget(transaction.connection, state.HALTED)
            log = state.get(transaction.connection, state.LOG_ID) or ""
            transaction.record(
                Entry(type=EPOCH, actor=actor, details={"log": log, "epoch": epoch, **details})
            )
            return work(transaction) if work is not None else None

        result, pending = self._table_only(open_epoch, take_in=found.longer)
        self._complete()
        self.halted = None
        self._tell(pending.recorded)
        return result

    # -- parts of these --------------------------------------------------------------------------------

    def _connected(self) -> tuple[Connection, Driver]:
        connection = self._engine.connect()
        try:
            self._lock(connection)
        except BaseException:
            connection.close()
            raise
        return connection, Driver(connection)

    def _reconnect(self) -> None:
        """A fresh connection: the old one may be in any state."""
        self._drop()
        self._connection.invalidate()
        self._connection.close()
        self._connection, self._driver = self._connected()

    def _alone(self, work: Callable[[Transaction], Any]) -> Any:  # noqa: ANN401 - the work's own
        future: Future[Any] = Future()
        self._run([Item(work, into(future))])
        return future.result()

    def _table_only(
        self, work: Callable[[Transaction], Any], *, take_in: bool = False
    ) -> tuple[Any, Pending]:
        """A transaction whose lines stand in the table; `_complete` brings them into the files."""
        self._driver.begin()
        try:
            if take_in:
                last = state.take_in(self._connection, self._files)
                self._clock.start(maybe_instant(last), self._clock.mark)
            seq, digest, _ = store.tail(self._connection)
            pending = Pending(seq, digest)
            result = work(Transaction(self._connection, self._clock.signing(), pending))
            state.append(self._connection, pending.rows)
            self._driver.commit()
        except BaseException:
            self._drop()
            raise
        return result, pending

    def _complete(self) -> None:
        """Bring the files to where the table is, and stand there."""
        found = recovery.survey(self._files, self._connection)
        if found.longer:
            raise IntegrityError(
                f"the state went back in time: the log's files hold {found.seq - found.table_seq} entries "
                "that the database lacks",
                hint=recovery.RESTORE,
            )
        if found.torn is not None:
            details = found.torn.details()
            self._table_only(
                lambda transaction: transaction.record(Entry(type=RECOVERED, actor="govd", details=details))
            )
        last, _, _ = store.tail(self._connection)
        self._files.append(recovery.completion(found, self._connection, last))
        self._stand()

    def _stand(self) -> None:
        """Take the table's last entry as the head."""
        seq, digest, _ = store.tail(self._connection)
        self.log_id = state.get(self._connection, state.LOG_ID) or ""
        self.head = Head(state.epoch(self._connection), seq, digest)
        self.digests = {}

    def close(self) -> None:
        """Let go of the connection and the file."""
        self._files.close()
        self._connection.close()
        self._engine.dispose()


def _open_log(transaction: Transaction) -> None:
    """The first entry of a new log."""
    log = secrets.token_hex(16)
    state.put(transaction.connection, state.LOG_ID, log)
    state.put(transaction.connection, state.EPOCH, "1")
    transaction.record(Entry(type=OPENED, actor="govd", details={"log": log, "epoch": 1}))


def _record_halt(transaction: Transaction, halt: Halt) -> None:
    state.put_halt(transaction.connection, halt)
    transaction.record(Entry(type="log.halted", actor="govd"))


def _storage_halt(error: BaseException) -> Halt:
    what = storage_failure(error) or f"{type(error).__name__}: {error}".rstrip(": ")
    return Halt(
        f"the state cannot be written: {what}",
        f"make room or mend the storage, then: {RELOAD}",
        resumable=True,
    )
