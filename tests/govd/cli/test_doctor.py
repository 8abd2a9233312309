"""`govd doctor` on what the record says: each finding names the command that mends it."""

from __future__ import annotations

import json
import os
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from govd.attestations.keys import Term, read_all
from govd.attestations.rotation import record
from govd.clock import SystemClock
from govd.contract.heads import Head
from govd.storage import state as remembered
from govd.storage.engine import make_engine, parse_url
from govd.voice.modelstore.card import DEMO
from govd.voice.modelstore.store import ModelStore
from tests.support.commands import command

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.govd_process import GovdProcess

DONE, REFUSED = 0, 1


def found(govd: GovdProcess, subject: str) -> list[dict[str, Any]]:
    """What the doctor says of one subject."""
    findings = json.loads(command(govd, "doctor", "--json").stdout)["findings"]
    return [item for item in findings if item["subject"] == subject]


def change(govd: GovdProcess, statement: str, *values: object) -> None:
    """Write into the database, past govd."""
    with sqlite3.connect(govd.state / "govd.db") as connection:
        connection.execute(statement, values)
    connection.close()


def value(govd: GovdProcess, key: str) -> str:
    """What the database remembers under that key."""
    connection = sqlite3.connect(govd.state / "govd.db")
    ((text,),) = connection.execute("select value from meta where key = ?", (key,))
    connection.close()
    return str(text)


def anchor(govd: GovdProcess) -> Path:
    """The file that remembers a head."""
    return govd.state.with_name(govd.state.name + ".anchor")


def remember(govd: GovdProcess, *, ahead: int = 0, log: str | None = None, epochs: int = 0) -> None:
    """Have the anchor hold the state's last head, so many entries and epochs ahead of what is there."""
    connection = sqlite3.connect(govd.state / "govd.db")
    ((seq, digest),) = connection.execute("select seq, digest from audit order by seq desc limit 1")
    connection.close()
    head = Head(int(value(govd, remembered.EPOCH)) + epochs, seq + ahead, digest)
    key = read_all(govd.state / "keys")[0].private
    anchor(govd).write_text(head.signed(log or value(govd, remembered.LOG_ID), key), encoding="ascii")


def test_a_fresh_state_is_well_but_for_what_it_was_not_given(copied: Callable[[], GovdProcess]):
    govd = copied()
    remember(govd)

    levels = {subject: [item["level"] for item in found(govd, subject)] for subject in ("database", "clock")}
    assert levels == {"database": ["ok"], "clock": ["ok"]}
    assert [item["level"] for item in found(govd, "keys")] == ["ok"]
    assert [item["level"] for item in found(govd, "anchor")] == ["ok"]
    (voice,) = found(govd, "voice")
    assert (voice["level"], voice["mend"]) == ("warn", "govd voice model fetch titanet_large")


def test_a_model_that_is_in_use_is_named(copied: Callable[[], GovdProcess]):
    govd = copied()
    models = ModelStore(govd.state)
    models.found_for_demo()
    models.use(DEMO)

    (voice,) = found(govd, "voice")

    assert voice["level"] == "ok"
    assert DEMO in voice["message"]


@pytest.mark.parametrize(
    ("revision", "level", "mend"),
    [("0001", "warn", "govd serve"), ("9999", "bad", "install the newer govconsole")],
)
def test_a_database_of_another_program_is_told(
    copied: Callable[[], GovdProcess], revision: str, level: str, mend: str
):
    govd = copied()
    change(govd, "update alembic_version set version_num = ?", revision)

    (database,) = found(govd, "database")

    assert (database["level"], database["mend"]) == (level, mend)
    assert found(govd, "clock") == []


def test_a_database_that_is_not_there_or_is_none_is_told(copied: Callable[[], GovdProcess]):
    govd = copied()
    path = govd.state / "govd.db"
    for broken in (path.unlink, lambda: path.write_bytes(b"no database at all, " * 500)):
        broken()
        (database,) = found(govd, "database")
        assert database["level"] == "bad"
        assert "backup" in database["mend"]


@pytest.mark.threat("T14")
def test_a_clock_that_was_set_while_nobody_served_is_told(copied: Callable[[], GovdProcess]):
    """Somebody sets the clock while govd is down, and nobody looks before the next approval."""
    govd = copied()
    boot, offset, ahead = SystemClock().mark.split(":")
    mark = f"{boot}:{int(offset) + 3_600_000_000}:{ahead}"
    change(govd, "insert or replace into meta (key, value) values (?, ?)", remembered.CLOCK, mark)

    (clock,) = found(govd, "clock")

    assert clock["level"] == "bad"
    assert "-3600 s" in clock["message"]
    assert "govconsole alarms seen clock-step" in clock["mend"]


@pytest.mark.threat("T5")
def test_a_key_that_no_operator_signed_for_is_named(copied: Callable[[], GovdProcess]):
    """Somebody puts a signing key of his own beside ours."""
    govd = copied()
    stranger = govd.state / "keys" / "signing-9999.key"
    stranger.touch(mode=0o600)
    stranger.write_bytes(os.urandom(32))

    ours, other = found(govd, "keys")

    assert (ours["level"], other["level"]) == ("ok", "warn")
    assert read_all(govd.state / "keys")[-1].kid in other["message"]
    stranger.write_bytes(b"short")
    assert [item["level"] for item in found(govd, "keys")] == ["bad"]


@pytest.mark.parametrize(("there", "says"), [(True, "given up as stolen"), (False, "has no file")])
def test_a_key_in_use_that_signs_nothing_is_told(copied: Callable[[], GovdProcess], there: bool, says: str):  # noqa: FBT001 - a case
    govd = copied()
    kid = read_all(govd.state / "keys")[0].kid if there else "nobodys"
    engine = make_engine(parse_url(f"sqlite:///{govd.state / 'govd.db'}"), writer=True)
    with engine.begin() as connection:
        record(connection, [Term(kid, stolen=there)])
    engine.dispose()

    assert [says in item["message"] for item in found(govd, "keys") if item["level"] == "bad"] == [True]


@pytest.mark.threat("T13")
@pytest.mark.parametrize("back", [{"ahead": 5}, {"epochs": 1}])
def test_a_state_that_went_back_is_told_before_anybody_serves_it(
    copied: Callable[[], GovdProcess], back: dict[str, int]
):
    """An older copy of the state is put in the place of this one."""
    govd = copied()
    remember(govd, **back)

    (head,) = found(govd, "anchor")

    assert (head["level"], head["mend"]) == ("bad", "govd restore")
    assert command(govd, "doctor").exit_code == REFUSED


def test_an_anchor_that_is_missing_torn_or_another_logs_is_told(copied: Callable[[], GovdProcess]):
    govd = copied()
    anchor(govd).unlink(missing_ok=True)
    assert [item["level"] for item in found(govd, "anchor")] == ["warn"]
    anchor(govd).write_text("torn", encoding="ascii")
    assert [item["level"] for item in found(govd, "anchor")] == ["warn"]
    remember(govd, log="another")
    assert [item["level"] for item in found(govd, "anchor")] == ["bad"]
