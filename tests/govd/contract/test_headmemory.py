"""What is remembered of the log, so that a backend that went back in time is seen."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from govd.contract.errors import HaltedError
from govd.contract.headmemory import HeadMemory
from govd.contract.heads import Head

KEY = Ed25519PrivateKey.generate()


def head(seq, epoch=1, log="log-a", digest=None):
    return Head(epoch, seq, digest or f"{seq:064x}").signed(log, KEY)


@pytest.fixture
def heads(tmp_path):
    memory = HeadMemory(tmp_path / "heads")
    memory.received(head(10), None)
    return memory


def test_the_highest_is_remembered_and_sent(heads):
    heads.received(head(12), heads.current)
    heads.received(head(11), head(10))  # an answer that was overtaken

    assert heads.current == head(12)


@pytest.mark.threat("T13")
@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (head(9), "went back"),
        (head(900, epoch=0), "went back"),
        (head(10, digest="f" * 64), "rewritten"),
        (None, "does not say where"),
        ("nonsense", "a form that is none"),
        (head(12, log="a/b"), "an id that is none"),
    ],
    ids=["lower", "older-epoch", "rewritten", "missing", "nonsense", "path"],
)
def test_a_log_that_went_back_or_was_rewritten_is_refused(heads, answer, why):
    """A backup of govd's state is put back, or its log rewritten, and a spent approval stands again."""
    with pytest.raises(HaltedError, match=why):
        heads.received(answer, heads.current)


def test_a_new_epoch_may_begin_lower(heads):
    heads.received(head(3, epoch=2), heads.current)

    assert heads.current == head(3, epoch=2)


@pytest.mark.threat("T13")
def test_a_later_process_remembers(heads, tmp_path):
    """The backend goes back in time while no gate runs."""
    assert heads.current == head(10)

    with pytest.raises(HaltedError, match="went back"):
        HeadMemory(tmp_path / "heads").received(head(9), None)


def test_two_logs_are_two_memories(heads, tmp_path):
    heads.received(head(2, log="log-b"), heads.current)

    with pytest.raises(HaltedError):
        HeadMemory(tmp_path / "heads").received(head(9), None)


@pytest.mark.threat("T13")
def test_an_executor_notices_another_log_at_its_address(tmp_path):
    """Somebody puts a backend with a fresh log in the place of the executor's."""
    HeadMemory(tmp_path, "http://a").received(head(10), None)

    again = HeadMemory(tmp_path, "http://a")
    assert again.current == head(10)
    with pytest.raises(HaltedError, match="another log"):
        again.received(head(99, log="log-b"), again.current)
    HeadMemory(tmp_path, "http://b").received(head(1, log="log-b"), None)


@pytest.mark.usefixtures("heads")
def test_the_files_are_for_their_owner_alone(tmp_path):
    found = [path for path in (tmp_path / "heads").iterdir() if path.is_file()]

    assert (tmp_path / "heads").stat().st_mode & 0o777 == 0o700
    assert found
    assert all(path.stat().st_mode & 0o077 == 0 for path in found)


@pytest.mark.usefixtures("heads")
def test_a_damaged_memory_is_no_memory(tmp_path):
    (tmp_path / "heads" / "log-a").write_bytes(b"\xff\xfe nonsense")

    fresh = HeadMemory(tmp_path / "heads")
    fresh.received(head(3), None)
    assert fresh.current == head(3)


def test_a_log_id_that_is_a_path_is_refused(tmp_path):
    with pytest.raises(HaltedError, match="an id that is none"):
        HeadMemory(tmp_path / "heads").received(head(1, log="logs/escape"), None)
