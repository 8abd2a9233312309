"""A cap that others take from at the same moment: looked at again, and at last nothing is decided (T9)."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select

from govd.contract.errors import QuotaError
from govd.storage.schema import intents, totals
from tests.fault.house import House, found_state, load_key

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

SEARCH: dict[str, object] = {"kind": "tool_call", "action": {"tool": "search.web", "arguments": {}}}


def standing(connection: Connection) -> tuple[int, int]:
    """What stands booked, and how many intents there are."""
    booked = connection.scalar(select(func.sum(totals.c.total)))
    return booked or 0, connection.scalar(select(func.count()).select_from(intents)) or 0


@pytest.mark.threat("T9")
def test_where_others_are_faster_every_time_nothing_is_decided_and_nothing_booked(tmp_path: Path):
    """A cap is drained by others between each look and each booking, and refilled: nobody slips through."""
    house = House(found_state(tmp_path), tmp_path / "run" / "state", load_key(tmp_path))
    with closing(sqlite3.connect(house.state / "govd.db", isolation_level=None)) as elsewhere:
        elsewhere.execute("CREATE TRIGGER faster BEFORE UPDATE ON totals BEGIN SELECT RAISE(IGNORE); END")
        refused = house.submit("ada", SEARCH)
        elsewhere.execute("DROP TRIGGER faster")
    left = house.govd.ledger.read(standing)
    taken = house.submit("ada", SEARCH)
    after = house.govd.ledger.read(standing)
    house.close()

    assert isinstance(refused, QuotaError)
    assert (refused.status, refused.retry_after) == (429, 1)
    assert left == (0, 0)
    assert (taken.state, after) == ("approved", (1, 1))
