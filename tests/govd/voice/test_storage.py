"""The same on both kinds of storage: enrolled, asked for, verified, refused, revoked, deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from govd.audit.verify import verify
from govd.storage.engine import make_engine, parse_url
from govd.voice import store
from tests.support.operator import answer
from tests.support.voices import OWNED, VoiceHouse, clip, founded

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Database


@pytest.fixture
def stored(database: Database, tmp_path: Path) -> Iterator[VoiceHouse]:
    root = tmp_path / "house"
    made = VoiceHouse(founded(root, OWNED, None if database.kind == "sqlite" else database.url))
    yield made
    made.close()


def test_a_voices_whole_life(stored: VoiceHouse):
    stored.enroll("owner")
    (job,) = {stored.ask("guest", take)["job"] for take in range(5)}
    assert stored.play(job) == 5
    assert answer(stored.vote(job))["state"] == "delivered"
    for who in ("owner", "guest"):
        assert answer(stored.verify(clip(who, 1), who))["speaker"] == who
        assert not answer(stored.verify(clip(who, 1), "x"))["verified"]
    for number in range(5):
        stored.verify(clip("thief", number), "y")
    assert [lock["chat"] for lock in stored.picture()["locks"]] == ["y"]

    stored.restart()

    shown = stored.picture()
    assert {item["speaker"] for item in shown["sessions"]} == {"owner", "guest"}
    for session in shown["sessions"]:
        stored.operator().ask("DELETE", f"/v1/voice/sessions/{session['id']}")
    stored.operator().ask("DELETE", "/v1/voice/locks/bot/y")
    answer(stored.delete("guest"))
    left = stored.picture()
    assert (left["sessions"], left["locks"]) == ([], [])
    assert [item["name"] for item in left["speakers"]] == ["owner"]
    engine = make_engine(parse_url(stored.govd.url), writer=False)
    assert verify(stored.root / "state" / "audit", database=engine).ok
    engine.dispose()
    assert not answer(stored.verify(clip("guest", 9), "z"))["verified"]


def test_a_deleted_key_is_in_no_file_of_the_tables_once_nobody_reads_an_older_state(stored: VoiceHouse):
    """PostgreSQL keeps rows that were deleted, and their keys, until it has vacuumed."""
    stored.enroll("owner")
    ledger = stored.govd.ledger
    row = ledger.read(lambda c: store.speaker(c, "owner"))
    assert row is not None
    engine = make_engine(parse_url(stored.govd.url), writer=False)
    with engine.connect() as reader:
        assert store.has_own(reader, "ana") is False

        assert answer(stored.delete("owner"))["message"] != ""
        stored.govd.tick()
        assert stored.picture()["tidying"]

    stored.govd.tick()
    assert not stored.picture()["tidying"]
    if engine.dialect.name == "postgresql":
        with engine.connect() as connection:
            held = text("select position(:key in pg_read_binary_file(pg_relation_filepath('speakers')))")
            assert connection.execute(held, {"key": bytes(row["wrapped_key"])}).scalar() == 0
    engine.dispose()
