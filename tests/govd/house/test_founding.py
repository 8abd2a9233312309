"""`govd init` makes a whole state or none."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from govd.contract.errors import ConflictError, GovError, InvalidRequestError
from govd.founding import found

if TYPE_CHECKING:
    from tests.govd.house.conftest import Inside


def test_without_a_passphrase_nothing_is_made(inside: Inside):
    with pytest.raises(InvalidRequestError):
        found(replace(inside.founding(), passphrase=b""))
    assert not inside.state.exists()
    assert not inside.operator_dir.exists()


def test_a_state_that_could_not_be_finished_does_not_stand_in_the_way_of_the_next(inside: Inside):
    with pytest.raises(GovError):
        found(replace(inside.founding(), database="nosuch://here"))

    found(inside.founding())

    assert inside.open().ledger.halted is None


def test_what_is_an_operators_already_is_left_alone(inside: Inside):
    inside.operator_dir.mkdir()
    token = inside.operator_dir / "ana.token"
    token.write_text("of another state")

    with pytest.raises(ConflictError):
        found(inside.founding())
    assert token.read_text() == "of another state"
