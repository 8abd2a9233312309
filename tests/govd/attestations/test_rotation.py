"""Another signing key: what was signed stays good, what was made up never counts, and no log is forgotten."""

from __future__ import annotations

import base64
import json
import shutil
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from sqlalchemy import select

from govd.anchor import Anchor
from govd.attestations.keys import KeyRing, SigningKey, write_new
from govd.attestations.rotation import Rotations
from govd.contract import votekey
from govd.contract.attestations import Minted, Redeemed
from govd.contract.errors import (
    BaseMovedError,
    ConflictError,
    ForbiddenError,
    IntegrityError,
    InvalidRequestError,
    NotFoundError,
    RedeemRefusedError,
)
from govd.contract.keys import endorsed
from govd.contract.votes import KeyRotation, sign, verify
from govd.restoring import restore
from govd.service import Govd
from govd.settings import read_settings
from govd.storage.ledger import Ledger
from govd.storage.schema import audit
from tests.fault.house import House, found_state, load_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SEARCH = {"kind": "tool_call", "action": {"tool": "search.web", "arguments": {}}}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A govd with an agent, an executor and an operator."""
    found = House(found_state(tmp_path), tmp_path / "run" / "state", load_key(tmp_path))
    yield found
    found.close()


def minted(house: House) -> Minted:
    found = house.mint(house.submit("ada", SEARCH).id)
    assert isinstance(found, Minted), found
    return found


def kid(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


def listed(house: House) -> list[str]:
    return [key["kid"] for key in house.govd.keys.jwks(house.now())["keys"]]


def reopen(house: House) -> None:
    """A start on the state as it lies there."""
    house.govd = Govd(house.state, read_settings(house.state), clock=house.times.clock())


def test_what_the_old_key_signed_is_good_until_it_would_have_ended_anyway(house: House):
    before = minted(house)
    old, new = (view.kid for view in house.rotate())
    after = minted(house)

    assert (kid(before.attestation), kid(after.attestation)) == (old, new)
    assert listed(house) == [old, new]
    assert isinstance(house.redeem(before), Redeemed)
    assert isinstance(house.redeem(after), Redeemed)
    house.go_on(3601)
    assert listed(house) == [old, new], "an attestation may live for an hour"
    house.go_on(120)
    assert listed(house) == [new]
    assert [view.state for view in house.govd.rotations.views()] == ["past", "current"]
    assert isinstance(house.redeem(minted(house)), Redeemed)


@pytest.mark.threat("T5")
def test_what_a_stolen_key_signed_counts_no_more_neither_its_attestations_nor_its_heads(house: House):
    """A thief of the signing key makes attestations, and heads that would stop govd."""
    view = house.submit("ada", SEARCH)
    taken = house.mint(view.id)
    thief = house.govd.keys.current.private
    head = house.govd.ledger.head
    old, new = (item.kid for item in house.rotate(stolen=True))

    assert listed(house) == [new]
    assert isinstance(house.redeem(taken), RedeemRefusedError)
    assert isinstance(house.redeem(house.mint(view.id)), Redeemed), "it is minted anew"
    made_up = type(head)(head.epoch, head.seq + 99, "0" * 64).signed(house.govd.ledger.log_id, thief)
    house.govd.heads.judge(made_up)
    assert house.govd.ledger.halted is None
    assert house.govd.rotations.views()[0].kid == old


@pytest.mark.threat("T5")
def test_no_key_signs_that_no_operator_has_signed_for_just_now(house: House):
    """Somebody with a token, or an old statement, has govd sign with another key; or puts its file there."""
    good = house.signed_rotation()
    other = votekey.generate()
    for body, error in (
        (good.model_copy(update={"signature": sign(good.rotation, other)}), ForbiddenError),
        (house.signed_rotation(signed_by="zoe"), ForbiddenError),
        (house.signed_rotation(signed_at=house.now() - timedelta(days=365)), ForbiddenError),
        (house.signed_rotation(public_key=votekey.public_text(other)), InvalidRequestError),
        (house.signed_rotation(previous=votekey.public_text(other)), BaseMovedError),
    ):
        with pytest.raises(error):
            house.govd.rotations.rotate("ana", body)
    write_new(house.govd.layout.keys)
    house.govd.close()
    reopen(house)

    assert len(house.govd.rotations.views()) == 1
    assert kid(minted(house).attestation) == listed(house)[0]
    old = house.govd.keys.current
    house.rotate()
    with pytest.raises(BaseMovedError):
        house.govd.rotations.rotate("ana", good)
    assert house.govd.keys.current.kid != old.kid


@pytest.mark.threat("T5")
def test_no_file_in_front_of_the_first_key_takes_its_place(house: House):
    """Somebody puts a key of his own into the folder, under a name that comes before the one in use."""
    used, folder = house.govd.keys.current.kid, house.govd.layout.keys
    for name in ("signing-0000.key", "signing-0001.before.key"):
        (folder / name).write_bytes(votekey.generate().private_bytes_raw())
    house.govd.close()

    reopen(house)

    assert listed(house) == [used]
    assert house.govd.keys.current.kid == used
    assert write_new(folder).kid != used


class Late:
    """A ledger whose answer to the first reading comes after something else was done."""

    def __init__(self, ledger: Any, first: Callable[[], object]) -> None:
        self._ledger, self._first = ledger, first

    def read(self, query: Any) -> Any:
        found = self._ledger.read(query)
        self._first()
        return found


@pytest.mark.threat("T5")
def test_a_stolen_key_does_not_come_back_because_somebody_had_looked_before(house: House):
    """A look at the keys that began before the rotation ends after it: the stolen one would sign on."""
    govd = house.govd
    late: Any = Late(govd.ledger, lambda: house.rotate(stolen=True))
    stolen = govd.keys.current.kid

    Rotations(late, govd.keys, govd.layout.keys, govd.directory, govd.clock.now)

    assert govd.keys.current.kid != stolen
    assert stolen not in listed(house)


@pytest.mark.threat("T5")
def test_of_two_rotations_at_once_the_second_does_not_take_back_that_the_key_was_stolen(house: House):
    """Two statements about the same pair of keys arrive together; the one that says stolen is the first."""
    govd, second = house.govd, house.signed_rotation()
    elsewhere = KeyRing.load(govd.layout.keys)
    other = Rotations(govd.ledger, elsewhere, govd.layout.keys, govd.directory, govd.clock.now)
    other.rotate("ana", house.signed_rotation(stolen=True))

    with pytest.raises(BaseMovedError):
        govd.rotations.rotate("ana", second)

    govd.rotations.refresh()
    assert [view.state for view in govd.rotations.views()] == ["stolen", "current"]


def test_a_rotation_that_was_cut_off_anywhere_is_gone_on_with(house: House):
    folder = house.govd.layout.keys
    first = house.govd.rotations.prepare()
    (folder / "signing.part").write_bytes(b"half a k")
    house.govd.close()
    reopen(house)

    again = house.govd.rotations.prepare()
    assert (first.made, again.made) == (True, False)
    assert again.public_key == first.public_key
    views = house.rotate()
    house.govd.close()
    reopen(house)
    assert house.govd.rotations.views() == views
    assert house.govd.keys.current.public == first.public_key
    second = house.rotate()
    assert [view.state for view in second] == ["listed", "listed", "current"]


def test_where_the_key_in_use_is_gone_no_other_one_takes_its_place(house: House):
    house.rotate()
    max(house.govd.layout.keys.glob("signing-*.key")).unlink()

    with pytest.raises(IntegrityError, match="its file is gone"):
        house.govd.rotations.refresh()


@pytest.mark.threat("T13")
def test_a_database_that_went_back_behind_a_rotation_is_noticed_by_who_remembers_a_later_head(house: House):
    """A database from before a rotation is put back: later heads are signed by a key that it never knew."""
    before = minted(house)
    house.govd.close()
    copy = house.state.parent / "copy"
    shutil.copytree(house.state, copy)
    reopen(house)
    remembered = house.govd.heads.current()
    house.rotate()
    minted(house)
    later = house.govd.heads.current()
    house.govd.heads.judge(remembered)
    house.govd.heads.judge(later)
    assert house.govd.ledger.halted is None, "heads of both keys are held"
    keys = house.state.parent / "keys"
    house.govd.close()
    shutil.copytree(house.govd.layout.keys, keys)
    shutil.rmtree(house.state)
    copy.rename(house.state)
    shutil.rmtree(house.state / "keys")
    keys.rename(house.state / "keys")
    house.govd.layout.anchor(house.govd.settings).unlink()
    reopen(house)
    assert house.govd.ledger.halted is None, "nobody has said anything yet"

    house.govd.heads.judge(later)

    assert house.govd.ledger.halted is not None
    assert before.claims.intent_id


@pytest.mark.threat("T5")
@pytest.mark.parametrize("stolen", [True, False])
def test_a_restored_database_does_not_bring_the_key_of_before_back(house: House, *, stolen: bool):
    """A database from before a rotation is put back and gone on with: the stolen key would sign again."""
    house.govd.close()
    copy = house.state.parent / "copy"
    shutil.copytree(house.state, copy)
    reopen(house)
    views = house.rotate(stolen=stolen)

    put_back(house, copy)

    assert house.govd.rotations.views() == views
    assert len(listed(house)) == 2 - stolen


@pytest.mark.threat("T5")
def test_a_former_key_that_is_found_stolen_counts_no_more(house: House):
    """A key was rotated in good order, and only later somebody finds that a thief had it all the while."""
    view = house.submit("ada", SEARCH)
    taken = house.mint(view.id)
    thief, head = house.govd.keys.current.private, house.govd.ledger.head
    old, new = (item.kid for item in house.rotate())
    assert listed(house) == [old, new]

    views = house.give_up(old)

    assert [item.state for item in views] == ["stolen", "current"]
    assert listed(house) == [new]
    assert isinstance(house.redeem(taken), RedeemRefusedError)
    assert isinstance(house.redeem(house.mint(view.id)), Redeemed), "it is minted anew"
    made_up = type(head)(head.epoch, head.seq + 99, "0" * 64).signed(house.govd.ledger.log_id, thief)
    house.govd.heads.judge(made_up)
    assert house.govd.ledger.halted is None
    house.govd.close()
    reopen(house)
    assert house.govd.rotations.views() == views


@pytest.mark.threat("T5")
def test_no_key_is_given_up_by_nobody_nor_the_one_in_use_nor_twice(house: House):
    """Somebody with a token, or an old statement, has govd drop a key, or the very one that it signs with."""
    old, new = (item.kid for item in house.rotate())
    good = house.signed_stolen(old)
    other = votekey.generate()
    for body, error in (
        (good.model_copy(update={"signature": sign(good.statement, other)}), ForbiddenError),
        (house.signed_stolen(old, signed_by="zoe"), ForbiddenError),
        (house.signed_stolen(old, signed_at=house.now() - timedelta(days=365)), ForbiddenError),
        (house.signed_stolen("x" * 43), NotFoundError),
        (house.signed_stolen(new), ConflictError),
    ):
        with pytest.raises(error):
            house.govd.rotations.give_up("ana", body)
    assert listed(house) == [old, new]
    house.govd.rotations.give_up("ana", good)
    with pytest.raises(ConflictError, match="before"):
        house.govd.rotations.give_up("ana", good)


@pytest.mark.threat("T5")
def test_a_look_at_the_keys_that_began_before_does_not_bring_a_stolen_one_back(house: House):
    """A look at the keys that began before one was given up ends after it: it would be listed again."""
    govd, old = house.govd, house.rotate()[0].kid
    late: Any = Late(govd.ledger, lambda: house.give_up(old))

    Rotations(late, govd.keys, govd.layout.keys, govd.directory, govd.clock.now)

    assert old not in listed(house)


def put_back(house: House, copy: Path) -> None:
    """The database of then takes the place of the one of now; its operator goes on with it."""
    layout = house.govd.layout
    house.govd.close()
    for path in copy.glob("govd.db*"):
        shutil.copyfile(path, house.state / path.name)
    ledger = Ledger.open(url=house.govd.url, audit_dir=layout.audit, clock=house.times.clock())
    restore(ledger, Anchor(layout.anchor(house.govd.settings)), layout.keys, "ana", house.signer.key)
    ledger.close()
    reopen(house)


@pytest.mark.threat("T5")
@pytest.mark.parametrize("rotated", [True, False])
def test_a_restored_database_does_not_forget_that_a_former_key_was_stolen(house: House, *, rotated: bool):
    """A database from before the statement is put back: the thief's key would count again."""
    copy = house.state.parent / "copy"
    old = house.govd.keys.current.kid
    if rotated:
        house.rotate()
    house.govd.close()
    shutil.copytree(house.state, copy)
    reopen(house)
    if not rotated:
        house.rotate()
    views = house.give_up(old)

    put_back(house, copy)

    assert [view.state for view in house.govd.rotations.views()] == ["stolen", "current"]
    assert listed(house) == [views[-1].kid]


@pytest.mark.threat("T5")
def test_where_no_other_key_is_there_nothing_is_attested_with_a_stolen_one(house: House):
    """A database from before a theft is put back, and the file of the key that followed is lost."""
    copy = house.state.parent / "copy"
    house.govd.close()
    shutil.copytree(house.state, copy)
    reopen(house)
    house.rotate(stolen=True)
    max(house.govd.layout.keys.glob("signing-*.key")).unlink()

    put_back(house, copy)

    assert [view.state for view in house.govd.rotations.views()] == ["stolen"]
    assert listed(house) == []
    refused = house.mint(house.submit("ada", SEARCH).id)
    assert isinstance(refused, ConflictError)
    assert refused.hint == "govd keys rotate"
    assert [view.state for view in house.rotate()] == ["stolen", "current"]
    assert kid(minted(house).attestation) == listed(house)[0]


def test_the_log_says_who_signed_for_a_key_and_that_the_one_before_it_vouches_for_it(house: House):
    old = SigningKey(house.govd.keys.current.private)
    house.rotate()
    query = select(audit.c.line).where(audit.c.type == "key.rotated")
    with house.engine.connect() as connection:
        entry = json.loads(connection.execute(query).scalar_one())

    details = entry["details"]
    new, previous = (as_text(item["public_key"]) for item in (details, details["previous"]))
    statement = KeyRotation(
        public_key=new,
        previous=previous,
        stolen=details["stolen"],
        signed_by="ana",
        signed_at=details["signed_at"],
    )
    log, endorsement = house.govd.ledger.log_id, bytes.fromhex(details["endorsement"])
    assert (new, previous) == (house.govd.keys.current.public, old.public)
    assert verify(statement, as_text(details["signature"]), votekey.public_text(house.signer.key))
    assert endorsed(log, new, previous, endorsement)
    assert not endorsed(log, previous, previous, endorsement)
    assert not endorsed("another", new, previous, endorsement)


def as_text(hexadecimal: str) -> str:
    return base64.b64encode(bytes.fromhex(hexadecimal)).decode()
