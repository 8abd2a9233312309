"""What agents ask for: samples and deletions wait in jobs, an approval does them, and audio does not stay."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from govd.contract.errors import TYPE_PREFIX
from govd.contract.voice import Fault
from govd.contract.voice_texts import ENROLLED
from tests.support.operator import answer
from tests.support.voices import OTHER_MODEL, OWNED, clip

if TYPE_CHECKING:
    import httpx

    from tests.support.voices import VoiceHouse

HOUR = 3600


def code(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, str(response.json().get("type", "")).removeprefix(TYPE_PREFIX)


def asked(house: VoiceHouse, who: str, count: int = 5, **more: Any) -> str:
    """So many samples of a voice, sent by an agent; the job that they wait in."""
    (job,) = {house.ask(who, take, **more)["job"] for take in range(count)}
    return str(job)


def audio_left(house: VoiceHouse) -> int:
    with closing(sqlite3.connect(house.root / "state" / "govd.db")) as database:
        query = "select count(*) from voice_requests where audio is not null or sealed is not null"
        return int(database.execute(query).fetchone()[0])


@pytest.mark.threat("T24")
def test_samples_of_one_name_wait_in_one_job_and_enroll_nobody_before_a_vote(house: VoiceHouse):
    """An agent enrolls a voice of its choice as the owner's."""
    job = asked(house, "guest")

    assert house.agent().ask("GET", "/speakers").json() == {"speakers": []}
    assert house.verify(clip("guest", "now")).status_code == 400
    waiting = house.picture()["waiting"]
    assert [(item["speaker"], item["agent"], item["heard"]) for item in waiting] == [
        ("guest", "bot", False)
    ] * 5

    settled = answer(house.vote(job))
    assert settled["state"] == "delivered"
    assert {item["state"] for item in settled["settled"]} == {"succeeded"}
    said = ENROLLED.replace("{samples}", "5")
    assert {item["guidance"] for item in settled["settled"]} == {said}
    (brief,) = house.agent().ask("GET", "/speakers").json()["speakers"]
    assert brief == {"name": "guest", "samples": 5, "message": said}
    assert answer(house.verify(clip("guest", "now")))["verified"]
    assert audio_left(house) == 0


def test_an_answer_says_what_waits(house: VoiceHouse):
    sent = house.agent().send("/enroll", clip("guest"), name="guest")

    assert sent.status_code == 202
    found = sent.json()
    assert (found["status"], found["speaker"], found["total_samples"]) == ("held", "guest", 1)
    assert (found["embedding_dim"], found["quality"]["net_seconds"]) == (64, 7.0)


@pytest.mark.threat("T24")
def test_the_owners_samples_are_approved_by_whoever_has_heard_each(house: VoiceHouse):
    """An operator waves an enrollment of the owner through that he has not listened to."""
    job = asked(house, "owner")

    refused = house.vote(job)
    assert code(refused) == (403, "forbidden")
    assert refused.json()["hint"].startswith("govconsole voices play ")
    waiting = house.picture()["waiting"]
    sound = house.operator().ask("GET", f"/v1/voice/waiting/{waiting[0]['id']}")
    assert (sound.headers["content-type"], sound.content[:4]) == ("audio/wav", b"RIFF")
    assert [item["heard"] for item in house.picture()["waiting"]] == [True, False, False, False, False]
    assert code(house.vote(job)) == (403, "forbidden")

    assert house.play(job) == 5
    assert answer(house.vote(job))["state"] == "delivered"
    assert house.operator().ask("GET", f"/v1/voice/waiting/{waiting[0]['id']}").status_code == 404
    assert len(house.events("voice.heard")) == 6


def test_a_denial_needs_no_listening_and_forgets_the_audio(house: VoiceHouse):
    job = asked(house, "owner")

    assert answer(house.vote(job, "deny"))["state"] == "denied"

    assert house.picture()["waiting"] == []
    house.govd.tick()
    assert audio_left(house) == 0
    assert house.agent().ask("GET", "/speakers").json() == {"speakers": []}


def test_samples_that_come_after_a_look_add_to_those_that_were_approved(house: VoiceHouse):
    job = asked(house, "guest", 3)
    first = answer(house.vote(job))
    assert "3 of at least 5 samples" in first["settled"][0]["guidance"]
    assert house.verify(clip("guest", "early")).status_code == 400

    (job,) = {house.ask("guest", take)["job"] for take in (10, 11)}
    second = answer(house.vote(job))
    assert "enrolled with 5" in second["settled"][-1]["guidance"]
    assert answer(house.verify(clip("guest", "late")))["verified"]


def test_after_guidance_the_same_job_takes_further_samples(house: VoiceHouse):
    job = asked(house, "guest", 1)
    answer(house.vote(job, "deny_with_guidance", guidance="closer to the microphone"))

    assert house.ask("guest", 7)["job"] == job


def test_samples_that_are_not_one_voice_are_not_enrolled_whatever_the_vote(house: VoiceHouse):
    asked(house, "guest", 4)
    job = house.ask("thief", 1, name="guest")["job"]

    assert code(house.vote(job)) == (409, "conflict")

    assert house.agent().ask("GET", "/speakers").json() == {"speakers": []}
    assert len(house.picture()["waiting"]) == 5


def test_samples_of_another_model_are_not_enrolled(house: VoiceHouse):
    job = asked(house, "guest")
    house.encoder.model = OTHER_MODEL

    assert code(house.vote(job)) == (409, "conflict")


def test_an_agent_does_not_add_to_an_operators_own_voice(house: VoiceHouse):
    house.enroll("ana", mine=True)

    assert code(house.agent().send("/enroll", clip("ana", "x"), name="ana")) == (409, "conflict")


@pytest.mark.threat("T24")
def test_a_sample_that_waits_does_not_join_what_became_an_operators_own_voice(house: VoiceHouse):
    """An agent asks for a name, its operator enrolls it as his own, and then the waiting job is approved."""
    job = asked(house, "mara", 1)
    house.enroll("mara", mine=True)

    refused = house.vote(job)

    assert code(refused) == (409, "conflict")
    assert refused.json()["hint"] == "deny the job"
    (speaker,) = house.picture()["speakers"]
    assert (speaker["samples"], speaker["operator"]) == (5, "ana")
    assert answer(house.operator().send("/v1/voice/step-up", clip("mara", "up")))["verified"]
    assert answer(house.vote(job, "deny"))["state"] == "denied"


@pytest.mark.threat("T24")
@pytest.mark.parametrize("played", [0, 4, 5])
def test_a_voice_that_nobody_heard_gets_no_admin_scope_by_a_later_policy(house: VoiceHouse, played: int):
    """Samples are approved unheard under a harmless name, and then the policy makes that name the owner."""
    job = asked(house, "bob")
    for item in house.picture()["waiting"][:played]:
        assert house.operator().ask("GET", f"/v1/voice/waiting/{item['id']}").is_success
    answer(house.vote(job))
    (house.root / "state" / "policy.yaml").write_text(OWNED.replace("owner: owner", "owner: bob"))
    house.govd.policies.trust(disk=True)
    house.govd.policies.look()

    found = answer(house.verify(clip("bob", "now"), "family"))
    facts = house.govd.ledger.read(lambda c: house.govd.voice_facts(c, "bot", "channel:family"))
    (speaker,) = house.picture()["speakers"]

    heard = played == 5
    assert (found["verified"], found["speaker"], found["admin"]) == (True, "bob", heard)
    assert (facts.state, facts.speaker) == ("verified", "bob" if heard else None)
    assert (speaker["admin"], speaker["unheard"]) == (heard, not heard)
    assert house.agent().ask("GET", "/v1/voice/session?chat=family").json()["admin"] is heard


def test_a_poor_or_repeated_sample_does_not_wait(house: VoiceHouse):
    answer(house.agent().send("/enroll", clip("guest", 1), name="guest"))

    poor = house.agent().send("/enroll", clip("guest", 2, faults=[Fault.NOISY]), name="guest")
    assert code(poor) == (422, "clip-refused")
    assert poor.json()["quality"]["faults"] == ["noisy"]
    two = house.agent().send("/enroll", clip("guest", 3, second="thief"), name="guest")
    assert code(two) == (422, "clip-refused")
    for agent in ("bot", "other"):
        again = house.agent(agent).send("/enroll", clip("guest", 1), name="guest")
        assert code(again) == (422, "clip-refused")
    assert len(house.picture()["waiting"]) == 1


def test_ten_samples_are_enough(house: VoiceHouse):
    job = asked(house, "guest", 10)

    assert code(house.agent().send("/enroll", clip("guest", "x"), name="guest")) == (409, "conflict")
    answer(house.vote(job))
    assert code(house.agent().send("/enroll", clip("guest", "y"), name="guest")) == (409, "conflict")


def test_a_deletion_waits_too_and_asking_twice_is_one_job(house: VoiceHouse):
    house.enroll("guest")
    answer(house.verify(clip("guest", 1)))

    first = house.agent().ask("DELETE", "/speakers/guest")
    again = house.agent().ask("DELETE", "/speakers/guest")
    assert (first.status_code, first.json()) == (202, again.json())
    assert len(house.agent().ask("GET", "/speakers").json()["speakers"]) == 1

    assert answer(house.vote(first.json()["job"]))["state"] == "delivered"
    assert house.agent().ask("GET", "/speakers").json() == {"speakers": []}
    assert house.agent().ask("GET", "/v1/voice/session").json()["state"] == "expired"
    assert code(house.agent().ask("DELETE", "/speakers/guest")) == (404, "not-found")


def test_a_deletion_of_somebody_who_is_gone_already_is_written_down_as_failed(house: VoiceHouse):
    house.enroll("guest")
    job = house.agent().ask("DELETE", "/speakers/guest").json()["job"]
    answer(house.delete("guest"))

    (intent,) = answer(house.vote(job))["settled"]

    assert intent["state"] == "failed"


@pytest.mark.parametrize("how", ["expire", "cancel"])
def test_audio_goes_when_nobody_waits_for_it_any_more(house: VoiceHouse, how: str):
    job = asked(house, "guest", 2)
    assert audio_left(house) == 2

    if how == "expire":
        house.times.go_on(12 * HOUR)
    else:
        answer(house.agent().ask("POST", f"/v1/jobs/{job}/cancel"))
    house.govd.tick()

    assert audio_left(house) == 0
    assert answer(house.agent().ask("GET", f"/v1/jobs/{job}"))["state"] in {"expired", "cancelled"}


def test_the_audio_that_waits_is_sealed(house: VoiceHouse):
    asked(house, "guest", 1)
    (waiting,) = house.picture()["waiting"]
    sound = house.operator().ask("GET", f"/v1/voice/waiting/{waiting['id']}").content

    for path in (house.root / "state").rglob("*"):
        if path.is_file():
            assert sound[44:] not in path.read_bytes(), path.name


@pytest.mark.threat("T24")
@pytest.mark.parametrize("operation", ["voice.enroll", "voice.delete", " Voice.Enroll", "voice.anything"])
def test_an_agent_does_not_declare_it_by_itself(house: VoiceHouse, operation: str):
    """An agent declares an enrollment whose sample and figures it has made up."""
    body = {"kind": "admin", "action": {"operation": operation, "arguments": {"name": "owner"}}}

    refused = house.agent().ask("POST", "/v1/intents", json=body)

    assert code(refused) == (422, "invalid-request")
    assert "/enroll" in refused.json()["detail"]
