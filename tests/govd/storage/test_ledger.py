"""The ledger on both storages: durable before acknowledged, one work undone alone, one govd a state."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, insert, select
from sqlalchemy.exc import DBAPIError, IntegrityError

from govd.audit.rules import parse
from govd.audit.verify import verify
from govd.contract.errors import ConflictError, HaltedError, NotFoundError, UsageError
from govd.storage.engine import parse_url
from govd.storage.schema import audit, meta
from tests.govd.storage.works import blocked, in_files, keep, kept

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from sqlalchemy import Engine

    from govd.storage.ledger import Ledger, Transaction
    from tests.conftest import Database
    from tests.support.clocks import Times


def test_a_new_log_opens_with_its_id_and_epoch_one(ledger: Ledger, database: Database):
    line = next(iter(database.audit.glob("*.jsonl"))).read_bytes().splitlines()[0]

    opened = parse(line)

    assert opened is not None
    assert (opened.seq, opened.type) == (1, "log.opened")
    assert opened.details == {"log": ledger.log_id, "epoch": 1}
    assert (ledger.head.epoch, ledger.head.seq, ledger.head.digest) == (1, 1, opened.digest)


def test_when_a_future_resolves_row_and_line_are_there(ledger: Ledger, database: Database):
    seq = ledger.submit(keep("k1")).result()

    assert ledger.read(kept) == {"k1"}
    assert in_files(database.audit)[-1] == seq == ledger.head.seq


def test_many_threads_share_groups_and_each_is_durable_when_told(
    ledger: Ledger, database: Database, engine: Engine
):
    missing: list[str] = []

    def client(name: str) -> None:
        for number in range(10):
            key = f"k{name}-{number}"
            seq = ledger.submit(keep(key)).result()
            if key not in ledger.read(kept) or seq not in in_files(database.audit):
                missing.append(key)

    threads = [threading.Thread(target=client, args=(str(number),)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert missing == []
    assert len(ledger.read(kept)) == 80
    assert verify(database.audit, database=engine).ok


def test_a_work_that_fails_is_undone_alone_in_its_group(ledger: Ledger):
    def fails(transaction: Transaction) -> None:
        keep("k2")(transaction)
        raise NotFoundError("no such thing")

    release = blocked(ledger)
    futures = [ledger.submit(keep("k1")), ledger.submit(fails), ledger.submit(keep("k3"))]
    release.set()

    assert [futures[0].result(), futures[2].result()] == [2, 3]
    with pytest.raises(NotFoundError):
        futures[1].result()
    assert ledger.read(kept) == {"k1", "k3"}
    assert ledger.head.seq == 3
    assert ledger.halted is None


def test_a_row_that_breaks_a_constraint_fails_its_own_work_only(ledger: Ledger):
    ledger.submit(keep("k1")).result()

    release = blocked(ledger)
    doubled, fine = ledger.submit(keep("k1")), ledger.submit(keep("k2"))
    release.set()

    with pytest.raises(IntegrityError):
        doubled.result()
    assert fine.result() == ledger.head.seq
    assert ledger.halted is None


def test_a_statement_that_is_wrong_does_not_halt(ledger: Ledger):
    wrong = ledger.submit(
        lambda transaction: transaction.connection.exec_driver_sql("select nothing from nowhere")
    )

    with pytest.raises(DBAPIError):
        wrong.result()
    assert ledger.submit(keep("k1")).result() == ledger.head.seq


def test_a_work_that_is_handed_in_cannot_be_taken_back(ledger: Ledger):
    release = blocked(ledger)
    future = ledger.submit(keep("k1"))

    assert not future.cancel()
    release.set()
    future.result()

    assert ledger.read(kept) == {"k1"}


def test_a_work_has_one_reading_of_the_clock_and_entries_never_run_back(ledger: Ledger, times: Times):
    first = ledger.submit(lambda transaction: (transaction.now, transaction.now)).result()
    times.step(-30)
    later = ledger.submit(lambda transaction: transaction.now).result()

    assert first[0] == first[1]
    assert later >= first[0]


def test_listeners_hear_of_a_group_before_its_futures_resolve(ledger: Ledger):
    heard: list[tuple[int, bool]] = []
    future: Future[int] | None = None
    release = blocked(ledger)
    ledger.on_commit(lambda _, head: heard.append((head.seq, future is not None and future.done())))
    ledger.on_commit(lambda *_: 1 / 0)  # a listener's error is its own

    future = ledger.submit(keep("k1"))
    release.set()
    seq = future.result()

    assert heard == [(seq, False)]


def test_digests_are_known_for_every_seq_and_for_no_other(open_ledger: Callable[..., Ledger]):
    ledger = open_ledger()
    ledger.submit(keep("k1")).result()
    ledger.close()
    reopened = open_ledger()
    reopened.submit(keep("k2")).result()

    recorded = dict(reopened.read(lambda c: c.execute(select(audit.c.seq, audit.c.digest)).all()))

    assert {seq: reopened.digest_at(seq) for seq in (1, 2, 3)} == recorded
    assert reopened.digest_at(4) is None
    assert reopened.digest_at(0) is None


def test_readers_cannot_write(ledger: Ledger):
    with pytest.raises(DBAPIError):
        ledger.read(lambda connection: connection.execute(insert(meta), {"key": "k1", "value": ""}))


def test_the_log_goes_on_after_a_restart(open_ledger: Callable[..., Ledger]):
    first = open_ledger()
    first.submit(keep("k1")).result()
    head, log = first.head, first.log_id
    first.close()

    second = open_ledger()

    assert (second.head, second.log_id) == (head, log)
    assert second.submit(keep("k2")).result() == head.seq + 1


def test_closing_finishes_what_is_queued_and_takes_no_more(ledger: Ledger):
    release = blocked(ledger)
    queued = [ledger.submit(keep(f"k{number}")) for number in range(5)]
    release.set()
    ledger.close()

    assert [future.result() for future in queued] == [2, 3, 4, 5, 6]
    with pytest.raises(HaltedError, match="stopping"):
        ledger.submit(keep("k9")).result()


def test_a_second_ledger_on_the_same_state_is_refused_by_the_pid_of_the_first(
    ledger: Ledger, open_ledger: Callable[..., Ledger]
):
    with pytest.raises(ConflictError, match=f"pid {os.getpid()}\\b"):
        open_ledger()
    assert ledger.submit(keep("k1")).result() == 2


def test_a_second_ledger_on_the_same_database_is_refused_also_from_another_directory(
    ledger: Ledger, open_ledger: Callable[..., Ledger], database: Database
):
    with pytest.raises(ConflictError, match=f"pid {os.getpid()}\\b"):
        open_ledger(audit_dir=database.state / "elsewhere" / "audit")
    assert ledger.halted is None


def test_a_day_has_its_file(ledger: Ledger, database: Database, times: Times):
    ledger.submit(keep("k1")).result()
    times.go_on(86_400)
    ledger.submit(keep("k2")).result()

    assert sorted(path.name for path in database.audit.glob("*.jsonl")) == [
        "2026-11-21.jsonl",
        "2026-11-22.jsonl",
    ]
    assert verify(database.audit).entries == 3
    assert verify(database.audit).ok


def test_files_of_the_log_are_for_their_owner_alone(ledger: Ledger, database: Database):
    ledger.submit(keep("k1")).result()

    assert database.audit.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in database.audit.iterdir()} == {0o600}


def test_a_state_that_nobody_can_keep_is_refused():
    for url in ("sqlite://", "mysql://host/db", "nonsense"):
        with pytest.raises(UsageError):
            parse_url(url)


def test_rows_and_lines_agree(ledger: Ledger):
    ledger.submit(keep("k1")).result()

    rows = ledger.read(
        lambda c: c.execute(select(audit.c.seq, audit.c.line, audit.c.digest, audit.c.type)).all()
    )

    for seq, line, digest, type_ in rows:
        found = parse(bytes(line))
        assert found is not None
        assert (found.seq, found.digest, found.type) == (seq, digest, type_)
    assert (
        ledger.read(lambda c: c.execute(select(func.count()).select_from(audit)).scalar()) == ledger.head.seq
    )
