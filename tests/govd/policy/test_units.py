"""A cap that keeps its name and counts something else on the same day: refused, not added up."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from govd.contract.errors import PolicyInvalidError
from govd.policy import store
from govd.times import micros
from tests.fault.house import POLICIES, House, found_state, load_key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from govd.storage.ledger import Transaction

IN_COUNTS = POLICIES["base"].replace("name: payments, metric: usd", "name: payments, metric: count")
RENAMED = IN_COUNTS.replace("name: payments,", "name: payments-count,")
WITHOUT = "\n".join(line for line in POLICIES["base"].splitlines() if "name: payments" not in line)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A govd under a policy that counts payments in dollars."""
    found = House(found_state(tmp_path), tmp_path / "run" / "state", load_key(tmp_path))
    yield found
    found.close()


@pytest.mark.threat("T9")
def test_a_cap_does_not_change_its_unit_within_a_day(house: House):
    """A cap in dollars becomes one in counts, by the same name: what was spent today counts as others."""
    refused = house.apply(IN_COUNTS)

    assert isinstance(refused, PolicyInvalidError)
    assert "payments has counted usd" in refused.detail
    assert "payments-count" in str(refused.hint)
    assert house.govd.policies.current.name == "base"
    assert not isinstance(house.apply(RENAMED), PolicyInvalidError)


def test_nor_does_it_by_way_of_a_policy_without_it(house: House):
    house.apply(WITHOUT)
    house.go_on(3600)

    assert isinstance(house.apply(IN_COUNTS), PolicyInvalidError)

    house.go_on(49 * 3600)
    assert not isinstance(house.apply(IN_COUNTS), PolicyInvalidError)


def test_a_past_policy_that_this_program_does_not_compile_keeps_no_other_one_out(house: House):
    older = b"version: 1\nname: older\nblock_of_an_older_program: 1\n"

    def write(transaction: Transaction) -> None:
        at = micros(transaction.now - timedelta(hours=1))
        values = {"sha256": "0" * 64, "name": "older", "source": older, "state": store.PAST}
        store.put(transaction.connection, {**values, "found_at": at, "applied_at": at, "applied_by": "ana"})

    house.do(write)

    assert isinstance(house.apply(IN_COUNTS), PolicyInvalidError), "of the others it is asked still"
    assert not isinstance(house.apply(POLICIES["tight"]), PolicyInvalidError)


def test_an_edit_on_disk_that_does_it_is_called_broken(house: House):
    path = house.govd.policies.path
    assert path is not None
    path.write_text(IN_COUNTS)

    assert house.govd.policies.look() == "broken"

    (alarm,) = [item for item in house.govd.alarms.standing if item.kind == "policy-broken"]
    assert "payments has counted usd" in alarm.message
