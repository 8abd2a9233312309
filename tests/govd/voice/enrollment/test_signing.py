"""A voice is enrolled, replaced and deleted on its operator's signature, and by nothing less."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from govd.audit.model import Entry
from govd.audit.verify import verify as verify_log
from govd.contract import votekey
from govd.contract.canonical import commitment
from govd.contract.errors import TYPE_PREFIX, ForbiddenError
from govd.contract.voicechange import VoiceChangeSubmission, from_log, signed
from govd.contract.votes import Enrolment, VoiceChange, sign, verify
from govd.identities.model import token_digest
from govd.storage.engine import make_engine, parse_url
from govd.voice import content, store
from govd.voice.desk import Desk
from tests.support.operator import answer
from tests.support.voices import Caller, VoiceHouse, clip

if TYPE_CHECKING:
    import httpx

NOBODYS = "01900000-0000-7000-8000-000000000000"
DIGEST = "0" * 64
BEAS_TOKEN = "govo_" + "b" * 43
DIFFERENT: dict[str, dict[str, Any]] = {
    "another operation": {"operation": "delete"},
    "another speaker": {"speaker_commitment": DIGEST},
    "his own voice": {"mine": True},
    "another admin scope": {"admin": False},
    "another enrollment": {"replaces": NOBODYS},
    "another draft": {"draft": NOBODYS},
    "other samples": {"contents_commitment": DIGEST},
    "another model": {"model_sha256": DIGEST},
}


def drafted(house: VoiceHouse, who: str = "thief", name: str = "owner", prefix: str = "t") -> str:
    """A draft that is ready to be saved."""
    draft, caller = house.draft(name), house.operator()
    for take in range(5):
        sent = answer(caller.send(f"/v1/voice/drafts/{draft}/samples", clip(who, f"{prefix}{take}")))
        assert sent["kept"], sent
    assert answer(caller.send(f"/v1/voice/drafts/{draft}/check", clip(who, f"{prefix}-check")))["verified"]
    return draft


def save(house: VoiceHouse, draft: str, body: Any) -> httpx.Response:
    return house.operator().ask("POST", f"/v1/voice/drafts/{draft}/save", json=body)


def refused(house: VoiceHouse, response: httpx.Response, why: str) -> None:
    """Forbidden, with the reason and the command that signs; and the owner's voice is whose it was."""
    body = response.json()
    assert (response.status_code, body["type"]) == (403, TYPE_PREFIX + "forbidden"), body
    assert why in body["detail"]
    assert body["hint"].startswith("govconsole voices ")
    assert [item["enrolment"] for item in house.picture()["speakers"]] == [standing(house)]
    assert len(house.events("voice.enrolled")) == 1
    assert house.events("voice.deleted") == []


def standing(house: VoiceHouse) -> str:
    found: str = house.events("voice.enrolled")[-1]["details"]["enrolment"]
    return found


@pytest.mark.threat("T5")
@pytest.mark.threat("T24")
def test_a_token_alone_replaces_no_voice_and_deletes_none(house: VoiceHouse):
    """Who stole an operator's bearer token enrolls his own voice as the owner's, or deletes the owner's."""
    house.enroll("owner")
    draft, thief = drafted(house), house.operator()

    refused(house, thief.ask("POST", f"/v1/voice/drafts/{draft}/save"), "never by a token")
    refused(house, thief.ask("POST", "/v1/voice/speakers/owner/delete"), "never by a token")

    for path in (f"/v1/voice/drafts/{draft}/save", "/v1/voice/speakers/owner/delete"):
        assert thief.ask("POST", path, json={}).status_code == 422
    assert thief.ask("DELETE", "/v1/voice/speakers/owner").status_code in {404, 405}
    assert answer(house.verify(clip("owner", "still")))["speaker"] == "owner"


@pytest.mark.threat("T5")
@pytest.mark.threat("T24")
def test_another_key_signs_for_no_operator(house: VoiceHouse):
    """A stolen token comes with a signature by the thief's own key, or by another operator's."""
    house.enroll("owner")
    draft, bea = drafted(house), with_bea(house)
    genuine = VoiceChangeSubmission.model_validate(house.signed_save(draft))

    for key in (votekey.generate(), bea):
        for name in ("ana", "bea"):
            change = genuine.statement.model_copy(update={"signed_by": name})
            body = signed(change, genuine.salt, key).model_dump(mode="json")
            refused(house, save(house, draft, body), "not that of ana's vote key")
    altered = genuine.model_dump(mode="json")
    altered["signature"] = base64.b64encode(bytes(64)).decode()
    refused(house, save(house, draft, altered), "not that of ana's vote key")


def with_bea(house: VoiceHouse) -> Any:
    """A second operator; her vote key."""
    key, founder = votekey.generate(), house.signer
    enrolment = Enrolment(
        operation="add",
        kind="operator",
        name="bea",
        public_key=votekey.public_text(key),
        token_sha256=token_digest(BEAS_TOKEN),
        signed_by="ana",
        signed_at=house.govd.clock.now(),
    )
    house.govd.directory.enrol(enrolment, sign(enrolment, founder.key), "ana")
    return key


@pytest.mark.threat("T5")
def test_one_operators_signature_is_none_with_anothers_token(house: VoiceHouse):
    """Another operator shows what the first one signed, to do it in her own name or for her own draft."""
    house.enroll("owner")
    with_bea(house)
    body = house.signed_delete("owner")

    bea = Caller(house.operators_door, BEAS_TOKEN)

    refused(
        house, bea.ask("POST", "/v1/voice/speakers/owner/delete", json=body), "not that of bea's vote key"
    )


@pytest.mark.threat("T5")
@pytest.mark.parametrize("seconds", [-601, 601])
def test_a_signature_of_another_hour_is_none(house: VoiceHouse, seconds: int):
    """A signature is kept, and shown with a stolen token when nobody thinks of it any more."""
    house.enroll("owner")
    draft, then = drafted(house), house.govd.clock.now() + timedelta(seconds=seconds)

    refused(house, save(house, draft, house.signed_save(draft, at=then)), "sign again")
    body = house.signed_delete("owner", at=then)
    refused(house, house.delete("owner", body), "sign again")


@pytest.mark.threat("T5")
@pytest.mark.threat("T24")
@pytest.mark.parametrize("what", DIFFERENT)
def test_a_signature_is_about_one_change_alone(house: VoiceHouse, what: str):
    """A console is made to sign one change of a voice, and another is done with it."""
    house.enroll("owner")
    draft = drafted(house)

    answered = save(house, draft, house.signed_save(draft, **DIFFERENT[what]))

    refused(house, answered, "somebody else's own voice" if what == "his own voice" else what)


@pytest.mark.threat("T24")
def test_samples_that_came_after_the_look_are_not_signed_for(house: VoiceHouse):
    """A thief with the token fills the operator's own draft between the look and the signature."""
    house.enroll("owner")
    draft, thief = drafted(house, "owner"), house.operator()
    body = house.signed_save(draft)
    path = f"/v1/voice/drafts/{draft}"
    for number in range(1, 6):
        answer(thief.ask("DELETE", f"{path}/samples/{number}"))
    for take in range(5):
        answer(thief.send(f"{path}/samples", clip("thief", take)))
    assert answer(thief.send(f"{path}/check", clip("thief", "check")))["verified"]

    refused(house, save(house, draft, body), "other samples")


@pytest.mark.threat("T5")
def test_a_signature_is_good_once(house: VoiceHouse):
    """Who saw a signed deletion or enrollment go by shows it again with a stolen token."""
    house.enroll("owner")
    deletion = house.signed_delete("owner")
    answer(house.delete("owner", deletion))
    assert house.delete("owner", deletion).status_code == 404

    draft = drafted(house, "owner", prefix="second")
    enrollment = house.signed_save(draft)
    answer(save(house, draft, enrollment))

    assert house.delete("owner", deletion).status_code == 403
    assert save(house, draft, enrollment).status_code == 404
    other = drafted(house)
    assert "another draft" in save(house, other, enrollment).json()["detail"]
    assert [item["details"]["enrolment"] for item in house.events("voice.enrolled")][-1] == (
        house.picture()["speakers"][0]["enrolment"]
    )


def test_a_signature_is_about_the_voice_that_stood_there_when_it_was_made(house: VoiceHouse):
    house.enroll("owner")
    draft = drafted(house)
    body, deletion = house.signed_save(draft), house.signed_delete("owner")
    house.enroll("owner", prefix="again")

    for response in (save(house, draft, body), house.delete("owner", deletion)):
        assert (response.status_code, "another enrollment" in response.json()["detail"]) == (403, True)


def test_the_log_holds_the_whole_statement_and_no_name(house: VoiceHouse):
    house.enroll("guest")
    row = house.govd.ledger.read(lambda c: store.speaker(c, "guest"))
    assert row is not None
    kept = content.template(row, house.govd.state_key).signed
    answer(house.delete("guest"))

    public = house.govd.directory.public_keys()["ana"]
    (enrolled,), (deleted,) = house.events("voice.enrolled"), house.events("voice.deleted")
    for entry in (enrolled, deleted):
        change, signature = from_log(entry["details"])
        assert verify(change, signature, public)
        assert not verify(change.model_copy(update={"mine": True}), signature, public)
        assert entry["actor"] == "operator:ana"
        assert "guest" not in str(entry)
    assert deleted["details"]["statement"]["replaces"] == enrolled["details"]["enrolment"]
    assert kept is not None
    assert kept.statement == from_log(enrolled["details"])[0]
    assert kept.statement.speaker_commitment == commitment(bytes.fromhex(kept.salt), b"guest")
    assert kept.salt not in str([enrolled, deleted])


def test_what_a_vote_lets_in_names_its_job_and_has_no_signature_of_its_own(house: VoiceHouse):
    (job,) = {house.ask("guest", take)["job"] for take in range(5)}
    answer(house.vote(job))
    removal = house.agent().ask("DELETE", "/speakers/guest").json()["job"]
    answer(house.vote(removal))

    (enrolled,), (deleted,) = house.events("voice.enrolled"), house.events("voice.deleted")
    assert (enrolled["job_id"], deleted["job_id"]) == (job, removal)
    for entry in (enrolled, deleted):
        with pytest.raises(ValueError, match="no signed change"):
            from_log(entry["details"])


def test_a_statement_says_all_that_it_is_about():
    assert set(VoiceChange.model_fields) - {"type", "signed_at"} == {
        "operation", "speaker_commitment", "mine", "admin", "replaces", "draft", "contents_commitment",
        "model_sha256", "signed_by",
    }  # fmt: skip


@pytest.mark.threat("T12")
def test_the_checker_holds_each_statement_against_the_key_of_its_operator(house: VoiceHouse):
    """A compromised govd writes into its log that an operator enrolled a voice, or forgot one."""
    house.enroll("guest")
    answer(house.delete("guest"))
    audit, engine = house.root / "state" / "audit", make_engine(parse_url(house.govd.url), writer=False)
    assert verify_log(audit, database=engine).ok

    genuine = house.events("voice.deleted")[0]["details"]
    altered = {**genuine, "statement": {**genuine["statement"], "admin": True}}
    other = {**genuine, "enrolment": NOBODYS}
    nobodys = {**genuine, "statement": {**genuine["statement"], "signed_by": "bea"}}
    enrolled = house.events("voice.enrolled")[0]["details"]
    turned = {**genuine, **{name: enrolled[name] for name in ("statement", "signature")}}
    for details in (altered, other, nobodys, turned):
        entry = Entry(type="voice.deleted", actor="operator:ana", details=details)
        house.govd.ledger.submit(lambda tx, entry=entry: tx.record(entry)).result()

    faults = verify_log(audit, database=engine).faults
    engine.dispose()
    told = [fault.message for fault in faults]
    assert [text.partition(": ")[2] for text in told] == [
        "its statement is not signed by the key of ana",
        "its statement is about another voice than the one that was deleted",
        "its statement is not signed by the key of bea",
        "its statement is about something else than what was done",
    ]


@pytest.mark.threat("T5")
@pytest.mark.threat("T24")
def test_an_operator_who_is_removed_meanwhile_changes_no_voice(house: VoiceHouse):
    """He deletes the owner's voice; his removal is committed after the signature was looked at."""
    house.enroll("owner")
    govd = house.govd
    keys = [govd.directory.public_keys(), {}]
    desk = Desk(govd.voices, govd.state_key, govd.alarms, lambda: keys.pop(0))
    signed_by_him = VoiceChangeSubmission.model_validate(house.signed_delete("owner"))

    with pytest.raises(ForbiddenError, match="vote key"):
        desk.remove("ana", "owner", signed_by_him)

    assert keys == []
    assert answer(house.verify(clip("owner", "still")))["speaker"] == "owner"
