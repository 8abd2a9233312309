"""What was begun is on disk before it begins."""

from __future__ import annotations

import pytest

from govd.contract.errors import AlreadyRedeemedError, ConflictError
from govd.contract.intents import OutcomeReport
from govgate.journal import Journal
from tests.govgate.fake_govd import new_id


@pytest.fixture
def journal(tmp_path):
    return Journal(tmp_path / "journal")


def left(journal):
    found = []
    for entry in journal.left_over():
        with entry:
            found.append((entry.intent, entry.outcome().status))
    return found


@pytest.mark.parametrize(
    ("steps", "status"),
    [
        ([], "not_run"),
        (["redeeming"], "not_run"),
        (["redeeming", "starting"], "unknown"),
    ],
)
def test_a_crash_is_told_as_far_as_it_is_certain(journal, steps, status):
    intent = new_id()
    with journal.begin(intent) as entry:
        for step in steps:
            entry.step(step)

    assert left(journal) == [(intent, status)]


def test_an_outcome_that_was_written_is_told_exactly(journal):
    with journal.begin(new_id()) as entry:
        entry.step("starting")
        entry.step("ended", outcome=OutcomeReport(status="failed", exit_code=3).model_dump(mode="json"))

    (found,) = journal.left_over()
    with found:
        assert found.outcome() == OutcomeReport(status="failed", exit_code=3)


def test_a_torn_last_line_is_not_believed(journal):
    intent = new_id()
    with journal.begin(intent) as entry:
        entry.step("redeeming")
        entry.step("starting")
    path = journal.folder / f"{intent}.jsonl"
    path.write_bytes(path.read_bytes() + b'{"step": "ended", "outc')

    assert left(journal) == [(intent, "unknown")]


def test_what_another_process_is_at_is_left_alone(journal):
    with journal.begin(new_id()):
        assert left(journal) == []


def test_an_intent_is_begun_once(journal):
    intent = new_id()
    journal.begin(intent).close()

    with pytest.raises(AlreadyRedeemedError):
        journal.begin(intent)


def test_nothing_begins_where_nothing_can_be_written(journal):
    journal.folder.rmdir()

    with pytest.raises(ConflictError, match="nothing runs"):
        journal.begin(new_id())


def test_what_is_done_is_gone(journal):
    journal.begin(new_id()).done()

    assert not list(journal.folder.iterdir())
