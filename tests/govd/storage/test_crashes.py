"""What a crash leaves, at any byte, is completed at the next start; nothing that was told is lost."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from govd.audit.model import Entry
from govd.audit.verify import verify
from govd.storage.engine import make_engine, parse_url
from govd.storage.ledger import Ledger
from tests.govd.storage.works import keep, kept
from tests.support.clocks import Times

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine

    from govd.storage.ledger import Transaction
    from tests.conftest import Database

_CHILD = """
import sys, threading
from pathlib import Path
from govd.clock import SystemClock
from govd.storage.ledger import Ledger
from tests.govd.storage.works import keep

url, audit, run = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
ledger = Ledger.open(url=url, audit_dir=audit, clock=SystemClock())
assert ledger.halted is None, ledger.halted
said = threading.Lock()

def client(name):
    for number in range(100000):
        key = f"k{run}-{name}-{number}"
        ledger.submit(keep(key)).result()
        with said:
            print(key, flush=True)

for name in range(6):
    threading.Thread(target=client, args=(name,), daemon=True).start()
threading.Event().wait()
"""


@pytest.mark.parametrize("acknowledged", [1, 9, 40, 133])
def test_a_killed_ledger_has_lost_nothing_that_it_told(
    open_ledger: Callable[..., Ledger], database: Database, engine: Engine, acknowledged: int
):
    told: set[str] = set()
    for run in range(2):
        child = subprocess.Popen(
            [sys.executable, "-c", _CHILD, database.url, str(database.audit), str(run)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert child.stdout is not None
        with child:
            told.update(child.stdout.readline().strip() for _ in range(acknowledged))
            child.send_signal(signal.SIGKILL)
            told.update(
                line.strip() for line in child.stdout.read().splitlines(keepends=True) if line.endswith("\n")
            )
    told.discard("")

    ledger = open_ledger()

    assert ledger.halted is None
    assert told <= ledger.read(kept)
    assert verify(database.audit).faults == []
    assert verify(database.audit, database=engine).faults == []


# -- torn tails ----------------------------------------------------------------------------------------


def write_log(state: Path) -> int:
    """A log of two days, whose last group holds two works with two entries each; its length in bytes."""
    times = Times()
    ledger = ledger_on(state, times)
    ledger.submit(keep("k1")).result()
    times.go_on(86_400)

    def twice(transaction: Transaction) -> None:
        transaction.record(Entry(type="test.first", details={"number": 1}))
        transaction.record(Entry(type="test.second"))

    for future in [ledger.submit(twice) for _ in range(2)]:
        future.result()
    ledger.close()
    return last_file(state).stat().st_size


def ledger_on(state: Path, times: Times | None = None) -> Ledger:
    clock = (times or Times()).clock()
    return Ledger.open(url=f"sqlite:///{state / 'govd.db'}", audit_dir=state / "audit", clock=clock)


def last_file(state: Path) -> Path:
    return max((state / "audit").glob("*.jsonl"))


def cut(path: Path, length: int, zeros: int) -> None:
    data = path.read_bytes()
    path.write_bytes(data[:length] + b"\0" * zeros)


@pytest.fixture(scope="module")
def written() -> Path:
    state = Path(tempfile.mkdtemp(prefix="govlog"))
    write_log(state)
    yield state
    shutil.rmtree(state)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(cuts=[0.0], zeros=0)
@example(cuts=[0.0], zeros=4096)
@example(cuts=[1.0], zeros=1)
@example(cuts=[0.3, 0.1, 0.9], zeros=0)
@given(cuts=st.lists(st.floats(0, 1), min_size=1, max_size=4), zeros=st.sampled_from([0, 0, 1, 700]))
def test_a_tail_torn_anywhere_any_number_of_times_is_closed_and_verifies(
    written: Path, cuts: list[float], zeros: int
):
    with tempfile.TemporaryDirectory() as name:
        state = Path(name) / "state"
        shutil.copytree(written, state)
        least = 0  # a crash takes back nothing that was synced, except in the file's last write
        for share in cuts:
            path = last_file(state)
            size = path.stat().st_size
            length = round(least + (size - least) * share)
            cut(path, length, min(zeros, size - length))  # a file never grew beyond what was recorded
            least = path.stat().st_size
            ledger = ledger_on(state)
            assert ledger.halted is None, ledger.halted
            ledger.close()

        engine = make_engine(parse_url(f"sqlite:///{state / 'govd.db'}"), writer=False)
        try:
            assert verify(state / "audit", database=engine).faults == []
            assert verify(state / "audit").faults == []
            for path in (state / "audit").glob("*.jsonl"):
                assert verify(path).faults == []
        finally:
            engine.dispose()


def test_an_intact_log_gets_no_recovery_entry(written: Path, tmp_path: Path):
    state = tmp_path / "state"
    shutil.copytree(written, state)
    before = last_file(state).read_bytes()

    ledger_on(state).close()

    assert last_file(state).read_bytes() == before


def test_a_last_line_that_lacks_only_its_line_feed_gets_it(written: Path, tmp_path: Path):
    state = tmp_path / "state"
    shutil.copytree(written, state)
    before = last_file(state).read_bytes()
    cut(last_file(state), len(before) - 1, 0)

    ledger_on(state).close()

    assert last_file(state).read_bytes() == before


@pytest.mark.parametrize("tail", [b"not what stood there", b'{"schema":"govd.audit/1","seq":99}\n', b"\n\n"])
def test_a_tail_that_no_crash_leaves_is_not_repaired(written: Path, tmp_path: Path, tail: bytes):
    state = tmp_path / "state"
    shutil.copytree(written, state)
    path = last_file(state)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]) + tail)

    ledger = ledger_on(state)
    halted = ledger.halted
    ledger.close()

    assert halted is not None
    assert "govd audit verify" in halted
    assert path.read_bytes().endswith(tail)
