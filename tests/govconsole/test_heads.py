"""What is remembered of a backend's log, over restarts of the console."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from govconsole.client.heads import HeadMemory
from govd.contract import votekey
from govd.contract.errors import IntegrityError
from govd.contract.heads import Head

if TYPE_CHECKING:
    from pathlib import Path

KEY = votekey.generate()


def head(seq: int, epoch: int = 1, digest: str = "a", log: str = "log-1") -> str:
    return Head(epoch, seq, digest * 64).signed(log, KEY)


def memory(path: Path) -> HeadMemory:
    return HeadMemory(path / "heads", "/run/operators.sock")


def test_the_highest_head_is_remembered_over_restarts(tmp_path: Path) -> None:
    first = memory(tmp_path)
    first.received(head(5), None)
    first.received(head(4), None)
    assert memory(tmp_path).text == head(5)


@pytest.mark.threat("T13")
@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (head(4), "went back"),
        (head(9, epoch=0), "went back"),
        (head(5, digest="b"), "was rewritten"),
        (head(6, log="log-2"), "keeps another log"),
        ("nonsense", "in a form that is none"),
        (None, "does not say where its log stands"),
    ],
    ids=["older", "older-epoch", "rewritten", "another-log", "nonsense", "silent"],
)
def test_a_head_that_is_not_a_later_one_of_the_same_log_is_refused(
    tmp_path: Path, answer: str | None, sentence: str
) -> None:
    """A rolled-back, rewritten, swapped or silent log is refused by a console that saw it before."""
    memory(tmp_path).received(head(5), None)
    later = memory(tmp_path)
    with pytest.raises(IntegrityError, match=sentence):
        later.received(answer, later.text)


def test_answers_that_overtake_one_another_are_no_rollback(tmp_path: Path) -> None:
    one = memory(tmp_path)
    one.received(head(5), None)
    sent = one.text
    one.received(head(8), sent)
    one.received(head(6), sent)
    assert one.text == head(8)


def test_a_new_epoch_may_start_lower(tmp_path: Path) -> None:
    one = memory(tmp_path)
    one.received(head(50), None)
    one.received(head(3, epoch=2), one.text)
    assert one.text == head(3, epoch=2)


def test_a_log_id_that_is_a_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match="an id that is none"):
        memory(tmp_path).received(head(1, log="logs/escape"), None)


def test_the_directory_is_the_owners_alone(tmp_path: Path) -> None:
    memory(tmp_path).received(head(5), None)
    assert (tmp_path / "heads").stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "heads").iterdir())
