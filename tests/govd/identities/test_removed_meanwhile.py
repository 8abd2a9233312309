"""What an operator signed counts for nothing once he is removed, also where that comes a moment before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from govd.contract.errors import ForbiddenError
from govd.contract.votes import Enrolment, sign
from govd.identities import store
from govd.identities.service import Directory
from govd.policy.service import Policies
from tests.fault.house import POLICIES, House, found_state, load_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from sqlalchemy import Connection


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    found = House(found_state(tmp_path), tmp_path / "run" / "state", load_key(tmp_path))
    yield found
    found.close()


class Leaving(Directory):
    """A directory whose operators are gone at the second look."""

    looks = 0

    @classmethod
    def keys_in(cls, connection: Connection) -> Mapping[str, str]:
        cls.looks += 1
        return Directory.keys_in(connection) if cls.looks == 1 else {}


@pytest.mark.threat("T5", "T11")
def test_a_policy_change_of_an_operator_who_is_removed_meanwhile_does_not_count(house: House):
    """He sends a loosening; his removal is committed after it was looked at, and before it is made."""
    govd = house.govd
    policies = Policies(
        govd.ledger,
        govd.alarms,
        Leaving(govd.ledger, govd.alarms, 0),
        govd.state_key,
        govd.clock.now,
        path=None,
        own_folder=govd.layout.state,
        trust_disk=False,
    )

    with pytest.raises(ForbiddenError, match="needs the signature"):
        policies.apply("ana", house.signed_policy(POLICIES["loose"]))

    assert Leaving.looks == 2
    assert policies.version().name == "base"


@pytest.mark.threat("T5")
def test_an_enrolment_of_an_operator_whose_removal_is_not_yet_told_does_not_count(house: House):
    """His removal stands in the table; what govd keeps in memory of its operators is read again only then."""
    govd = house.govd
    govd.ledger.submit(lambda tx: store.set_state(tx.connection, "operator", "ana", "removed")).result()
    enrolment = Enrolment(
        operation="add",
        kind="executor",
        name="backdoor",
        token_sha256="0" * 64,
        agents=["ada"],
        signed_by="ana",
        signed_at=house.now(),
    )

    with pytest.raises(ForbiddenError, match="existing operator"):
        govd.directory.enrol(enrolment, sign(enrolment, house.signer.key), "ana")
