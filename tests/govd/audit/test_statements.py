"""What people signed stands whole in the log: the checker holds each of it against their keys."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govd.audit.model import Entry, Known
from govd.audit.statements import Statements
from govd.audit.verify import verify as verify_log
from govd.contract import logged, votekey
from govd.contract.keys import endorsed
from govd.contract.votes import SignedVote, verify, vote_sha256
from govd.contract.wire import iso
from tests.fault.house import House, found_state, load_key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HELD: dict[str, object] = {"kind": "tool_call", "action": {"tool": "post.note", "arguments": {}}}
NOBODYS = "0198c1a0-0000-7000-8000-00000000dead"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(found_state(tmp_path), tmp_path / "run" / "state", load_key(tmp_path))
    yield made
    made.close()


def last(house: House, type_: str) -> dict[str, Any]:
    """The youngest entry of that type."""
    files = sorted((house.state / "audit").glob("*.jsonl"))
    entries = [json.loads(line) for path in files for line in path.read_text().splitlines()]
    found: dict[str, Any] = [entry for entry in entries if entry["type"] == type_][-1]
    return found


def faults(house: House) -> list[str]:
    """What the checker says of the statements, without the numbers of the entries."""
    found = verify_log(house.state / "audit", database=house.engine).faults
    return [fault.message.partition(": ")[2] for fault in found]


def forge(house: House, entry: dict[str, Any], **changes: Any) -> None:
    """An entry that govd itself writes, as good as any other: its chain holds."""
    members = {name: entry[name] for name in ("type", "actor", "agent", "job_id", "intent_id", "details")}
    house.do(lambda transaction: transaction.record(Entry(**(members | changes))))


def approved(house: House) -> str:
    """An intent that a person approved; its id."""
    held = house.submit("ada", HELD)
    house.vote(house.show(held.job), "approve")
    return str(held.id)


def settled(house: House) -> None:
    """One of everything that a person signs about a job."""
    intent = approved(house)
    house.redeem(house.mint(intent))
    house.report(intent, "unknown")
    house.resolve(intent, "failed")
    house.revoke(house.submit("ben", HELD).job)
    house.vote(house.show(house.submit("ben", HELD).job), "deny_with_guidance")


def test_what_people_sign_verifies_from_the_log_alone(house: House):
    settled(house)
    public = votekey.public_text(house.signer.key)

    cast = last(house, "vote.cast")
    vote, signature = logged.vote(cast["details"])
    assert verify(vote, signature, public)
    assert vote_sha256(SignedVote(vote=vote, signature=signature)) == cast["details"]["vote_sha256"]
    revoked = last(house, "job.revocation_signed")
    assert verify(*logged.revocation(revoked["job_id"], revoked["details"]), public)
    resolved = last(house, "intent.resolution_signed")
    said = logged.resolution(resolved["job_id"], resolved["intent_id"], resolved["details"])
    assert verify(*said, public)
    assert faults(house) == []


@pytest.mark.threat("T12")
@pytest.mark.parametrize("type_", ["vote.cast", "job.revocation_signed", "intent.resolution_signed"])
def test_a_statement_that_was_altered_or_lost_its_signature_is_a_fault(house: House, type_: str):
    """A compromised govd writes into its log that an operator approved, took back or settled something."""
    settled(house)
    genuine = last(house, type_)
    details = genuine["details"]
    forge(house, genuine, details={**details, "reason_commitment": "0" * 64})
    forge(house, genuine, details={name: value for name, value in details.items() if name != "signature"})
    signer = "operator" if type_ == "vote.cast" else "signed_by"
    forge(house, genuine, details={**details, signer: "bea"})
    forge(house, genuine, job_id=NOBODYS)

    assert faults(house)[:3] == [
        "its statement is not signed by the key of ana",
        "its statement has no form that could be verified",
        "its statement is not signed by the key of bea",
    ]
    assert len(faults(house)) == 4


@pytest.mark.threat("T12")
def test_an_approval_without_a_vote_that_approves_it_is_a_fault(house: House):
    """A compromised govd approves an intent itself: no vote, one of another intent, or one that denied."""
    settled(house)
    approved(house)
    genuine, other = last(house, "intent.approved"), str(house.submit("ben", HELD).id)
    house.vote(house.show(house.submit("ben", HELD).job), "deny")
    denial = last(house, "vote.cast")["details"]["vote_sha256"]
    forge(house, genuine, details={**genuine["details"], "vote_sha256": []})
    forge(house, genuine, intent_id=other)
    forge(house, genuine, details={**genuine["details"], "vote_sha256": [denial]})

    assert faults(house) == [
        "it names no vote",
        "it names a vote that does not stand before it, or that does not approve this intent",
        "it names a vote that does not stand before it, or that does not approve this intent",
    ]


def rotated_and_given_up(house: House) -> None:
    """A key follows the first one, which is found stolen later; another follows that."""
    old = house.govd.keys.current.kid
    house.rotate()
    house.give_up(old)
    house.rotate(stolen=True)


def test_what_was_signed_about_keys_verifies_from_the_log_alone(house: House):
    rotated_and_given_up(house)
    public = votekey.public_text(house.signer.key)

    entry = last(house, "key.rotated")
    statement, signature, endorsement = logged.rotation(entry["actor"], entry["details"])
    assert verify(statement, signature, public)
    assert endorsed(house.govd.ledger.log_id, statement.public_key, statement.previous, endorsement)
    entry = last(house, "key.stolen")
    assert verify(*logged.stolen(entry["actor"], entry["details"]), public)
    assert faults(house) == []


@pytest.mark.threat("T5")
def test_a_key_that_no_operator_has_signed_for_is_a_fault(house: House):
    """A compromised govd writes that another key follows, or follows again, or that one was stolen."""
    rotated_and_given_up(house)
    rotated, stolen = last(house, "key.rotated"), last(house, "key.stolen")
    details = rotated["details"]
    stolen["details"]["kid"] = Known(stolen["details"]["kid"])
    forge(house, rotated)
    forge(house, rotated, details={**details, "stolen": False})
    forge(house, rotated, details={**details, "endorsement": "0" * 128})
    forge(house, rotated, details={name: value for name, value in details.items() if name != "previous"})
    forge(house, stolen, actor="operator:bea")
    forge(house, stolen, details={**stolen["details"], "kid": Known("x" * 43)})

    assert faults(house) == [
        "it replaces another key than the one that signed by then",
        "its statement is not signed by the key of ana",
        "the key before it does not vouch for the one that follows",
        "its statement has no form that could be verified",
        "its statement is not signed by the key of bea",
        "its statement is not signed by the key of ana",
    ]


@pytest.mark.threat("T5")
def test_a_statement_about_a_key_that_never_signed_here_is_a_fault(house: House):
    """An operator's statement about a key of another house is put into this one's log."""
    rotated_and_given_up(house)
    said = house.signed_stolen("x" * 43)
    details = {"kid": Known("x" * 43), "signed_at": iso(said.statement.signed_at)}
    signature = base64.b64decode(said.signature).hex()
    forge(house, last(house, "key.stolen"), details={**details, "signature": signature})

    assert faults(house) == ["its statement is about a key that is followed by nothing that stands before it"]


@pytest.mark.threat("T24")
def test_a_voice_that_nobody_signed_nor_voted_for_is_a_fault(house: House):
    """A compromised govd enrolls a voice and writes nobody's word for it."""
    entry = Entry(type="voice.enrolled", actor="operator:ana", details={"enrolment": NOBODYS})
    house.do(lambda transaction: transaction.record(entry))

    assert faults(house) == ["it has no signature, and names no job that was voted on"]


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.threat("T12")
def test_no_entry_brings_the_checker_down_or_passes_for_what_it_is_not(house: House):
    """Whoever can write the log puts anything in the place of any member of a signed statement."""
    settled(house)
    rotated_and_given_up(house)
    signed = "vote.cast", "job.revocation_signed", "intent.resolution_signed", "key.rotated", "key.stolen"
    genuine = [last(house, type_) for type_ in signed]

    with house.engine.connect() as connection:

        @settings(max_examples=200, deadline=None)
        @given(st.data())
        def mangled(data: st.DataObject) -> None:
            entry = data.draw(st.sampled_from(genuine))
            name = data.draw(st.sampled_from(sorted(entry["details"])))
            value = data.draw(ANYTHING | st.sampled_from(["", "00", "zz", "0" * 128]))
            changed = {**entry, "details": {**entry["details"], name: value}}
            line = json.dumps(changed, separators=(",", ":")).encode()
            told = Statements(connection).wrong(line)
            assert told or value == entry["details"][name], changed

        mangled()


# -- phrases ---------------------------------------------------------------------------------------------

PHRASE = "0198c1a0-0000-7000-8000-0000000000aa"


UNASKED = (
    "it names a phrase that was not said before it for this intent, in its time and vouched for, "
    "or approved it before"
)


def approval_of(held: Any) -> dict[str, Any]:
    """An approval by the phrase."""
    return {
        "type": "intent.approved",
        "actor": "govd",
        "agent": "ada",
        "job_id": held.job,
        "intent_id": str(held.id),
        "details": {"from": "held", "code": "phrase-said", "released": 0, "phrase": PHRASE},
    }


def phrase(house: House, type_: str, held: Any, **changes: Any) -> None:
    """An entry about a phrase for what is held, as govd writes it."""
    details = {"phrase": PHRASE, "intents": [held.id], "chat": "family", **changes.pop("details", {})}
    if type_ == "voice.phrase_said":
        details = {"vouched": True, **details}
    entry = Entry(type=type_, actor="agent:ada", agent="ada", job_id=held.job, details=details)
    forge(house, {name: getattr(entry, name) for name in _MEMBERS}, **changes)


_MEMBERS = ("type", "actor", "agent", "job_id", "intent_id", "details")


@pytest.mark.threat("T23")
def test_an_approval_by_a_phrase_that_was_not_said_for_it_is_a_fault(house: House):
    """A compromised govd says that the owner's phrase approved what he never said one for."""
    held, other = house.submit("ada", HELD), house.submit("ada", HELD)
    approval = approval_of(held)
    forge(house, approval)
    phrase(house, "voice.phrase_said", held)
    phrase(house, "voice.phrase_given", held)
    forge(house, approval)
    phrase(house, "voice.phrase_said", held, job_id=other.job)
    phrase(house, "voice.phrase_said", held, details={"intents": [str(held.id), str(other.id)]})
    phrase(house, "voice.phrase_said", held, agent="ben")
    phrase(house, "voice.phrase_said", held, details={"chat": "work"})
    unasked, unsaid = (
        UNASKED,
        "its phrase was not given before it for this, or was said before",
    )
    assert faults(house) == [unasked, unsaid, unasked, unsaid, unsaid, unsaid, unsaid]

    phrase(house, "voice.phrase_said", held)
    forge(house, approval)
    assert len(faults(house)) == 7, "the road as it is gone"
    forge(house, approval)
    forge(house, approval, intent_id=str(other.id))
    phrase(house, "voice.phrase_said", held)
    phrase(house, "voice.phrase_given", held)
    phrase(house, "voice.phrase_said", held, details={"intents": "all"})
    assert faults(house)[7:] == [
        unasked,
        unasked,
        unsaid,
        "its phrase was given before",
        "it names no phrase, or nothing that it is for",
    ]


@pytest.mark.threat("T23")
@pytest.mark.parametrize("how", ["unvouched", "no word of it", "late", "approved late"])
def test_a_phrase_that_nobody_vouched_for_or_that_was_over_approves_nothing(house: House, how: str):
    """A compromised govd has a phrase said by nobody knows whom, or a year after it was given."""
    held = house.submit("ada", HELD)
    phrase(house, "voice.phrase_given", held)
    if how == "late":
        house.times.go_on(180)
    details = {"unvouched": {"vouched": False}, "no word of it": {"vouched": None}}.get(how, {})
    phrase(house, "voice.phrase_said", held, details=details)
    if how == "approved late":
        house.times.go_on(180)
    forge(house, approval_of(held))

    late = ["its phrase was over by then"] if how == "late" else []
    assert faults(house) == [*late, UNASKED]
