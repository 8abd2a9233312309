"""What stops the ledger, what it says, and what makes it go on. Nothing is decided meanwhile; reads go on."""

from __future__ import annotations

import asyncio
import errno
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import delete, select, text, update

from govd.api.heads import Heads
from govd.audit.files import AuditFiles
from govd.audit.verify import verify
from govd.contract.errors import HaltedError, IntegrityError
from govd.contract.heads import SignedHead
from govd.storage.engine import make_engine, parse_url
from govd.storage.schema import audit, meta
from tests.govd.storage.works import blocked, in_files, keep, kept

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy import Engine

    from govd.storage.ledger import Ledger, Transaction
    from tests.conftest import Database


class FullDisk:
    """A write that takes `room` more bytes, then says that there is no space."""

    def __init__(self) -> None:
        self.room: int | None = None

    def write(self, descriptor: int, data: bytes) -> int:
        if self.room is None:
            return os.write(descriptor, data)
        if self.room == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = os.write(descriptor, data[: self.room])
        self.room -= written
        return written


@pytest.mark.parametrize("room", [0, 1, 300, 1500])
def test_a_full_disk_refuses_the_whole_group_and_resuming_completes_the_log(
    open_ledger: Callable[..., Ledger], database: Database, engine: Engine, room: int
):
    disk = FullDisk()
    ledger = open_ledger(files=AuditFiles(database.audit, write=disk.write))
    ledger.submit(keep("k1")).result()

    release = blocked(ledger)
    group = [ledger.submit(keep(f"k{number}")) for number in range(2, 6)]
    disk.room = room
    release.set()

    for future in group:
        with pytest.raises(HaltedError, match="No space left"):
            future.result()
    assert ledger.halted is not None
    assert "govd reload" in ledger.halted
    with pytest.raises(HaltedError):
        ledger.submit(keep("k6")).result()
    assert "k1" in ledger.read(kept)
    with pytest.raises(HaltedError):
        ledger.resume()

    disk.room = None
    ledger.resume()
    seq = ledger.submit(keep("k7")).result()

    assert ledger.halted is None
    assert in_files(database.audit) == list(range(1, seq + 1))
    assert verify(database.audit, database=engine).faults == []


async def test_a_head_that_was_signed_ahead_is_nobodys_before_the_files_hold_it(
    open_ledger: Callable[..., Ledger], database: Database
):
    disk = FullDisk()
    ledger = open_ledger(files=AuditFiles(database.audit, write=disk.write))
    key = Ed25519PrivateKey.generate()
    heads = Heads(ledger, lambda: key, lambda: [key.public_key()], ledger.halt)
    heads.start(asyncio.get_running_loop())

    first = await asyncio.wrap_future(ledger.submit(keep("k1")))
    told = SignedHead.parse(heads.current())
    disk.room = 0
    with pytest.raises(HaltedError):
        await asyncio.wrap_future(ledger.submit(keep("k2")))

    assert told.head.seq == first
    assert told.verified(key.public_key())
    assert SignedHead.parse(heads.current()) == told


async def test_a_head_that_was_signed_ahead_is_signed_anew_by_the_key_that_followed(
    open_ledger: Callable[..., Ledger],
):
    ledger = open_ledger()
    keys = [Ed25519PrivateKey.generate()]
    heads = Heads(ledger, lambda: keys[-1], list, ledger.halt)
    heads.start(asyncio.get_running_loop())
    await asyncio.wrap_future(ledger.submit(keep("k1")))
    assert SignedHead.parse(heads.current()).verified(keys[-1].public_key())

    keys.append(Ed25519PrivateKey.generate())

    assert SignedHead.parse(heads.current()).verified(keys[-1].public_key())


_RLIMIT = """
import resource, signal, sys
from pathlib import Path
from govd.clock import SystemClock
from govd.contract.errors import HaltedError
from govd.storage.ledger import Ledger
from tests.govd.storage.works import keep, kept

state = Path(sys.argv[1])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
ledger = Ledger.open(url=f"sqlite:///{state}/govd.db", audit_dir=state / "audit", clock=SystemClock())
ledger.submit(keep("k0")).result()
largest = max(path.stat().st_size for path in state.rglob("*") if path.is_file())
resource.setrlimit(resource.RLIMIT_FSIZE, (largest + 20_000, resource.RLIM_INFINITY))
told, refused = [], None
for number in range(1, 200):
    try:
        ledger.submit(keep(f"k{number}", "v" * 500)).result()
        told.append(f"k{number}")
    except HaltedError as error:
        refused = error.detail
        break
assert refused and ledger.halted, "the limit was never met"
assert set(told) <= ledger.read(kept)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
ledger.resume()
ledger.submit(keep("kz")).result()
assert {*told, "kz"} <= ledger.read(kept)
ledger.close()
print(refused)
"""


def test_a_database_that_cannot_grow_halts_and_loses_nothing(tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-c", _RLIMIT, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 0, done.stderr
    assert "the state cannot be written" in done.stdout
    assert verify(tmp_path / "audit").faults == []
    engine = make_engine(parse_url(f"sqlite:///{tmp_path}/govd.db"), writer=False)
    assert verify(tmp_path / "audit", database=engine).faults == []
    engine.dispose()


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_lost_connection_halts_and_resuming_connects_again(
    open_ledger: Callable[..., Ledger], database: Database, engine: Engine
):
    ledger = open_ledger()
    with engine.connect() as connection:
        connection.execute(
            text(
                "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' "
                "and database = (select oid from pg_database where datname = current_database())"
            )
        )

    with pytest.raises(HaltedError):
        ledger.submit(keep("k1")).result()
    ledger.resume()

    assert ledger.submit(keep("k2")).result() == ledger.head.seq
    assert verify(database.audit, database=engine).faults == []


def test_halting_for_another_reason_is_remembered_until_an_epoch_opens(open_ledger: Callable[..., Ledger]):
    ledger = open_ledger()
    ledger.halt("a console remembers entry 9, which this log does not hold")

    with pytest.raises(HaltedError, match="remembers entry 9"):
        ledger.submit(keep("k1")).result()
    with pytest.raises(HaltedError):
        ledger.resume()
    ledger.close()

    reopened = open_ledger()
    assert reopened.halted is not None
    assert "remembers entry 9" in reopened.halted
    with pytest.raises(HaltedError):
        reopened.resume()
    reopened.new_epoch("operator:ada", after=4)

    assert reopened.halted is None
    assert reopened.epoch == 5
    assert reopened.submit(keep("k2")).result() == reopened.head.seq


def go_back(engine: Engine, seq: int) -> None:
    """As a restored backup has it: the database of some time ago."""
    with engine.connect() as connection:
        connection.exec_driver_sql("BEGIN")
        connection.execute(delete(audit).where(audit.c.seq > seq))
        connection.execute(delete(meta).where(meta.c.key.like("k%")))
        connection.exec_driver_sql("COMMIT")


@pytest.fixture
def writer(database: Database):
    engine = make_engine(parse_url(database.url), writer=True)
    yield engine
    engine.dispose()


def filled(open_ledger: Callable[..., Ledger], entries: int) -> int:
    ledger = open_ledger()
    for number in range(entries):
        ledger.submit(keep(f"k{number}")).result()
    ledger.close()
    return ledger.head.seq


@pytest.mark.threat("T13")
@pytest.mark.parametrize("torn", [b"", b'{"schema":"govd.audit/1","seq":12,"even'])
def test_a_database_that_went_back_in_time_decides_nothing_until_an_epoch_opens(
    open_ledger: Callable[..., Ledger], database: Database, writer: Engine, engine: Engine, torn: bytes
):
    """A restored backup is noticed by the log's files; what they hold is taken in, and an epoch opens."""
    last = filled(open_ledger, 10)
    go_back(writer, 4)
    with next(iter(database.audit.glob("*.jsonl"))).open("ab") as file:
        file.write(torn)

    ledger = open_ledger()
    assert ledger.halted is not None
    assert "went back in time" in ledger.halted
    assert "govd restore" in ledger.halted
    with pytest.raises(HaltedError):
        ledger.submit(keep("k1")).result()
    with pytest.raises(HaltedError):
        ledger.resume()

    def revoke(transaction: Transaction) -> str:
        keep("krevoked")(transaction)
        return "revoked"

    assert ledger.new_epoch("operator:ada", work=revoke) == "revoked"

    assert ledger.epoch == 2
    assert ledger.read(kept) == {"krevoked"}
    seq = ledger.submit(keep("k1")).result()
    assert seq == last + (3 if not torn else 4)  # the epoch, the work's, and where needed the torn bytes'
    assert in_files(database.audit) == list(range(1, seq + 1))
    assert verify(database.audit, database=engine).faults == []
    assert verify(database.audit).faults == []


@pytest.mark.threat("T13")
def test_an_empty_database_beside_a_log_takes_it_in_with_its_id(
    open_ledger: Callable[..., Ledger], database: Database, writer: Engine, engine: Engine
):
    """Deleting the database does not begin a fresh log: govd halts, and the old log goes on."""
    ledger = open_ledger()
    ledger.submit(keep("k1")).result()
    log = ledger.log_id
    ledger.close()
    with writer.connect() as connection:
        connection.execute(delete(audit))
        connection.execute(delete(meta))

    reopened = open_ledger()
    assert reopened.halted is not None
    reopened.new_epoch("operator:ada")

    assert (reopened.log_id, reopened.epoch, reopened.head.seq) == (log, 2, 3)
    assert verify(database.audit, database=engine).faults == []


@pytest.mark.threat("T13")
def test_two_histories_are_no_epoch(open_ledger: Callable[..., Ledger], writer: Engine):
    """A database that tells another history than the files is refused, also by restoring."""
    last = filled(open_ledger, 3)
    with writer.connect() as connection:
        connection.execute(update(audit).where(audit.c.seq == last).values(digest="0" * 64))

    ledger = open_ledger()

    assert ledger.halted is not None
    assert "two histories" in ledger.halted
    with pytest.raises(IntegrityError):
        ledger.new_epoch("operator:ada")
    with pytest.raises(HaltedError):
        ledger.submit(keep("k9")).result()
    assert ledger.read(lambda c: c.execute(select(audit.c.seq)).scalars().all())


def test_a_work_of_an_epoch_that_fails_leaves_everything_as_it_was(open_ledger: Callable[..., Ledger]):
    ledger = open_ledger()
    ledger.halt("somebody remembers more")

    def fails(_: Transaction) -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        ledger.new_epoch("operator:ada", work=fails)

    assert ledger.halted is not None
    assert ledger.epoch == 1
    ledger.new_epoch("operator:ada")
    assert ledger.epoch == 2


def test_files_that_were_moved_away_are_written_anew_from_the_table(
    open_ledger: Callable[..., Ledger], database: Database, engine: Engine
):
    last = filled(open_ledger, 3)
    for path in database.audit.glob("*.jsonl"):
        path.unlink()

    ledger = open_ledger()

    assert ledger.halted is None
    assert in_files(database.audit) == list(range(1, last + 1))
    assert verify(database.audit, database=engine).faults == []
