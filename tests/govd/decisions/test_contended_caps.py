"""A cap that somebody else takes first, every time: the bound on trying again."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from govd.contract.errors import QuotaError
from govd.storage.schema import audit, intents, reservations
from tests.fault.house import House, found_state, load_key

if TYPE_CHECKING:
    from pathlib import Path

SEARCH = {"kind": "tool_call", "action": {"tool": "search.web", "arguments": {}}}


def test_of_a_cap_that_is_always_taken_first_nothing_is_decided_and_the_agent_is_told_to_come_again(
    tmp_path: Path,
):
    house = House(found_state(tmp_path), tmp_path / "run" / "state", load_key(tmp_path))
    try:
        before = counted(house)
        with closing(sqlite3.connect(house.state / "govd.db")) as database:
            # Another node's booking, seen from here: the total is no longer what was read.
            database.execute("CREATE TRIGGER taken BEFORE UPDATE ON totals BEGIN SELECT RAISE(IGNORE); END")
        refused = house.submit("ada", SEARCH)
        assert isinstance(refused, QuotaError)
        assert refused.status == 429
        assert counted(house) == before, "something of it was kept"

        with closing(sqlite3.connect(house.state / "govd.db")) as database:
            database.execute("DROP TRIGGER taken")
        assert house.submit("ada", SEARCH).decision.outcome == "APPROVED"
    finally:
        house.close()


def counted(house: House) -> list[int]:
    """How many rows a decision leaves behind."""
    with house.engine.connect() as connection:
        return [
            int(connection.execute(select(func.count()).select_from(table)).scalar_one())
            for table in (intents, reservations, audit)
        ]
