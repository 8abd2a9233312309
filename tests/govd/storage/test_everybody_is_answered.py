"""Whatever fails under the writer, nobody who waits for it waits for ever."""

from __future__ import annotations

import contextlib
import errno
import os
import threading
from typing import TYPE_CHECKING

import pytest

from govd.audit.files import AuditFiles
from govd.audit.verify import verify
from govd.contract.errors import HaltedError
from govd.storage.engine import make_engine, parse_url
from govd.storage.ledger import Ledger
from govd.storage.locks import advisory_lock
from govd.storage.writer import Writer
from tests.govd.storage.works import blocked, in_files, keep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sqlalchemy import Engine

    from govd.storage.transaction import Item
    from tests.conftest import Database
    from tests.support.clocks import Times

PATIENCE_S = 60.0
"""How long an answer may take that must come: who waits for ever fails here."""


class Failing(AuditFiles):
    """Files whose storage fails in whatever way a test says, also when they are closed."""

    failure: BaseException | None = None

    def append(self, chunks: Iterable[tuple[str, bytes]]) -> None:
        if self.failure is not None:
            raise self.failure
        super().append(chunks)

    def close(self) -> None:
        super().close()
        if self.failure is not None:
            raise OSError(errno.EIO, os.strerror(errno.EIO))


@pytest.mark.parametrize("failure", [OSError(errno.EIO, "Input/output error"), MemoryError(), SystemExit()])
def test_whatever_fails_under_a_group_everybody_is_answered_and_resuming_goes_on(
    open_ledger: Callable[..., Ledger], database: Database, engine: Engine, failure: BaseException
):
    """The sync fails, and the file's close too: a writer that ended of it would leave everybody waiting."""
    files = Failing(database.audit)
    ledger = open_ledger(files=files)
    ledger.submit(keep("k1")).result()

    release = blocked(ledger)
    group = [ledger.submit(keep(f"k{number}")) for number in range(2, 6)]
    files.failure = failure
    release.set()

    for future in group:
        with pytest.raises(HaltedError):
            future.result(PATIENCE_S)
    assert ledger.halted is not None
    with pytest.raises(HaltedError):
        ledger.submit(keep("k6")).result(PATIENCE_S)

    files.failure = None
    ledger.resume()
    seq = ledger.submit(keep("k7")).result(PATIENCE_S)

    assert in_files(database.audit) == list(range(1, seq + 1))
    assert verify(database.audit, database=engine).faults == []


def test_somebody_who_cannot_be_told_keeps_nobody_else_waiting(ledger: Ledger):
    def gone(_value: object, _error: BaseException | None) -> None:
        raise SystemExit

    release = blocked(ledger)
    ledger.hand_in(keep("k1"), gone)
    after = ledger.submit(keep("k2"))
    release.set()

    assert after.result(PATIENCE_S)
    assert ledger.submit(keep("k3")).result(PATIENCE_S)


class Ending(Writer):
    """A writer that is ended by something that nobody thought of."""

    until: threading.Event

    def run(self, items: Sequence[Item]) -> None:
        self.until.wait(PATIENCE_S)
        raise RuntimeError(f"nobody thought of it, at {len(items)}")


def test_a_writer_that_ends_refuses_what_is_queued_and_all_that_follows(database: Database, times: Times):
    Ledger.open(url=database.url, audit_dir=database.audit, clock=times.clock()).close()
    url = parse_url(database.url)
    writer = Ending(make_engine(url, writer=True), AuditFiles(database.audit), times.clock(), advisory_lock)
    writer.until = threading.Event()
    writer.start()
    resources = contextlib.ExitStack()
    resources.callback(writer.close)
    readers = make_engine(url, writer=False)
    resources.callback(readers.dispose)
    backups = database.state / "backups"
    ledger = Ledger(writer, readers, times.clock(), resources, 1, None, backups)
    waiting = [ledger.submit(keep("k1")), ledger.submit(keep("k2"))]

    writer.until.set()

    for future in waiting:
        with pytest.raises(HaltedError, match="the writer ended"):
            future.result(PATIENCE_S)
    assert "govd serve" in (ledger.halted or "")
    with pytest.raises(HaltedError):
        ledger.submit(keep("k3")).result(PATIENCE_S)
    with pytest.raises(HaltedError):
        ledger.new_epoch("operator:ana")
    ledger.close()
