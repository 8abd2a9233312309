"""Verifying: who matches, what an agent is told, what is refused, and how long a match stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from govd.contract.errors import TYPE_PREFIX
from govd.contract.voice import Fault
from govd.contract.voice_texts import LOW_CONFIDENCE, NO_MATCH, NONE_ENROLLED, UNAVAILABLE
from govd.voice import lockout
from govd.voice.rules import DAILY_MISSES
from tests.support.operator import answer
from tests.support.voices import OTHER_MODEL, clip, unit, voice

if TYPE_CHECKING:
    import httpx

    from tests.support.voices import VoiceHouse

HOUR = 3600
FOUND_BY_INTAKE = [one for one in Fault if one not in {Fault.SEVERAL_VOICES, Fault.NOT_THE_SAME_VOICE}]


def code(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, str(response.json().get("type", "")).removeprefix(TYPE_PREFIX)


def session(house: VoiceHouse, chat: str, agent: str = "bot") -> str:
    return str(house.agent(agent).ask("GET", f"/v1/voice/session?chat={chat}").json()["state"])


def test_a_match_names_the_speaker_and_opens_a_session_for_that_chat_alone(house: VoiceHouse):
    house.enroll("owner")

    found = answer(house.verify(clip("owner"), "family"))

    assert (found["verified"], found["speaker"], found["admin"]) == (True, "owner", True)
    assert found["scores"] == {"owner": found["confidence"]}
    assert found["message"] == ""
    assert session(house, "family") == "verified"
    assert session(house, "") == "never_verified"
    assert session(house, "family", "other") == "never_verified"


def test_another_speaker_is_verified_without_admin_scope(house: VoiceHouse):
    house.enroll("owner")
    house.enroll("guest")

    found = answer(house.verify(clip("guest")))

    assert (found["verified"], found["speaker"], found["admin"]) == (True, "guest", False)


@pytest.mark.threat("T23")
def test_a_miss_is_unknown_and_does_not_say_who_was_nearest(house: VoiceHouse):
    """An agent climbs towards the owner's voice by the scores that it is told."""
    house.enroll("owner")

    found = answer(house.verify(clip("stranger")))

    assert (found["verified"], found["speaker"], found["scores"]) == (False, "unknown", {})
    assert found["message"] == NO_MATCH
    assert found["confidence"] == 0.0
    assert session(house, "") == "never_verified"


def test_a_weak_match_says_so_in_the_words_of_the_policy(house: VoiceHouse):
    house.enroll("owner")

    found = answer(house.verify(clip("owner", close=0.72)))

    percent = str(round(found["confidence"] * 100))
    assert (found["verified"], found["low_confidence"]) == (True, True)
    assert found["message"] == LOW_CONFIDENCE.replace("{percent}", percent)


def test_nobody_enrolled_is_said_with_400(house: VoiceHouse):
    refused = house.verify(clip("owner"))

    assert code(refused) == (400, "none-enrolled")
    assert refused.json()["detail"] == NONE_ENROLLED


def test_without_a_model_nobody_is_verified_and_health_says_degraded(house: VoiceHouse):
    house.enroll("owner")
    house.encoder.model = None

    refused = house.verify(clip("owner"))
    health = house.agent().ask("GET", "/health").json()

    assert code(refused) == (503, "voice-unavailable")
    assert refused.json()["message"] == UNAVAILABLE
    assert refused.json()["hint"] == "govd voice model list"
    assert (health["status"], health["speakers_enrolled"]) == ("degraded", 1)
    assert "model" not in health
    assert house.picture()["mend"] == "govd voice model list"


def test_health_tells_agents_of_the_model(house: VoiceHouse):
    house.enroll("owner")

    health = house.agent().ask("GET", "/health").json()

    assert {
        "status": "ok",
        "model": "fake",
        "threshold": 0.6,
        "speakers_enrolled": 1,
    }.items() <= health.items()


def test_after_a_swap_of_models_nobody_matches_until_he_is_enrolled_again(house: VoiceHouse):
    house.enroll("owner")
    house.encoder.model = OTHER_MODEL

    assert code(house.verify(clip("owner", 1))) == (400, "none-enrolled")
    (stale,) = house.picture()["speakers"]
    assert stale["stale"]

    assert not house.enroll("owner", prefix="again")["stale"]
    assert answer(house.verify(clip("owner", 2)))["verified"]


@pytest.mark.threat("T23")
def test_a_recording_works_once_whoever_sends_it_and_whatever_it_was_sent_for(house: VoiceHouse):
    """Somebody plays the owner's voice note a second time, or one that was cut a little differently."""
    house.enroll("owner")
    assert answer(house.verify(clip("owner", "note"), "family"))["verified"]

    for data, agent in (
        (clip("owner", "note"), "bot"),
        (clip("owner", "note"), "other"),
        (clip("owner", "cut", like="note"), "bot"),
        (clip("owner", "enroll-0"), "other"),
        (clip("owner", "enroll-check"), "other"),
    ):
        found = answer(house.verify(data, "elsewhere", agent))
        assert (found["verified"], found["confidence"]) == (False, 0.0)
    assert [entry["details"]["code"] for entry in house.events("voice.refused")] == ["replay"] * 5


def test_what_was_heard_is_known_after_a_restart(house: VoiceHouse):
    house.enroll("owner")
    answer(house.verify(clip("owner", "note")))

    house.restart()

    assert not answer(house.verify(clip("owner", "cut", like="note")))["verified"]
    assert session(house, "") == "verified"


@pytest.mark.parametrize("fault", FOUND_BY_INTAKE)
def test_a_poor_clip_matches_nobody_and_is_no_miss(house: VoiceHouse, fault: Fault):
    house.enroll("owner")
    asked = house.encoder.asked

    found = answer(house.verify(clip("owner", faults=[fault])))

    assert (found["verified"], found["quality"]["faults"]) == (False, [fault.value])
    assert house.encoder.asked == asked
    assert house.events("voice.refused") == []


@pytest.mark.threat("T23")
def test_a_clip_that_somebody_else_says_a_part_of_is_a_miss(house: VoiceHouse):
    """A recording of the owner with the thief's own words behind it: the whole of it is near enough."""
    house.enroll("owner")

    found = answer(house.verify(clip("owner", "duet", second="stranger"), "family"))
    asked = answer(house.operator().send("/v1/voice/verify", clip("owner", "duet", second="stranger")))

    assert (found["verified"], found["confidence"], found["scores"]) == (False, 0.0, {})
    assert found["quality"]["faults"] == ["several-voices"]
    assert session(house, "family") == "never_verified"
    (missed,) = house.events("voice.refused")
    assert (missed["details"]["code"], missed["details"]["failures"]) == ("several-voices", 1)
    assert (asked["verified"], asked["quality"]["faults"]) == (False, ["several-voices"])
    assert answer(house.verify(clip("owner", "alone"), "family"))["verified"]


def test_among_several_who_are_enrolled_the_best_match_alone_is_told(house: VoiceHouse):
    """The scores of the others would tell an agent where each of them lies."""
    for name in ("owner", "guest", "friend"):
        house.enroll(name)

    found = answer(house.verify(clip("guest", 1)))
    asked = answer(house.operator().send("/v1/voice/verify", clip("friend", 1)))

    assert (found["speaker"], found["scores"]) == ("guest", {"guest": found["confidence"]})
    assert (asked["speaker"], asked["scores"]) == ("friend", {"friend": asked["confidence"]})
    for missed in (
        answer(house.verify(clip("stranger", 1))),
        answer(house.operator().send("/v1/voice/verify", clip("stranger", 2))),
    ):
        assert (missed["speaker"], missed["scores"]) == ("unknown", {})


def test_what_is_no_clip_is_refused(house: VoiceHouse):
    house.enroll("owner")

    assert code(house.verify(b"GIF89a")) == (422, "clip-refused")
    assert code(house.verify(b"")) == (422, "clip-refused")


def test_a_session_ends_after_two_hours_and_verifying_again_begins_another(house: VoiceHouse):
    house.enroll("owner")
    answer(house.verify(clip("owner", 1)))

    house.times.go_on(2 * HOUR - 1)
    assert session(house, "") == "verified"
    house.times.go_on(1)
    assert session(house, "") == "expired"

    answer(house.verify(clip("owner", 2)))
    assert session(house, "") == "verified"
    assert len(house.picture()["sessions"]) == 1


@pytest.mark.parametrize("step", [-86_400, -61, 61, 86_400])
def test_a_clock_that_somebody_sets_neither_ends_a_session_nor_makes_it_longer(house: VoiceHouse, step: int):
    house.enroll("owner")
    answer(house.verify(clip("owner", 1)))

    house.times.step(step)
    assert session(house, "") == "verified"
    house.times.go_on(2 * HOUR)
    assert session(house, "") == "expired"


def test_an_operator_ends_a_session(house: VoiceHouse):
    house.enroll("owner")
    answer(house.verify(clip("owner")))
    (standing,) = house.picture()["sessions"]

    for status in (200, 404):
        assert house.operator().ask("DELETE", f"/v1/voice/sessions/{standing['id']}").status_code == status

    assert session(house, "") == "expired"
    assert house.picture()["sessions"] == []


def test_deleting_a_speaker_ends_his_sessions_also_when_the_name_comes_back(house: VoiceHouse):
    house.enroll("owner")
    answer(house.verify(clip("owner")))

    body = house.signed_delete("owner")

    answer(house.delete("owner", body))
    assert session(house, "") == "expired"
    assert code(house.delete("owner", body)) == (404, "not-found")

    house.enroll("somebody", name="owner")
    assert session(house, "") == "expired"


# -- misses ------------------------------------------------------------------------------------------------


def misses(house: VoiceHouse, count: int, chat: str = "", start: int = 0) -> list[int]:
    return [house.verify(clip("thief", f"{chat}/{start + n}"), chat).status_code for n in range(count)]


def test_five_misses_cost_a_delay_that_doubles_and_a_match_forgets_them(house: VoiceHouse):
    house.enroll("owner")
    assert misses(house, 5) == [200] * 5

    for delay in (30, 60, 120):
        refused = house.verify(clip("owner", f"early-{delay}"))
        assert (*code(refused), refused.json()["retry_after"]) == (429, "quota", delay)
        house.times.go_on(delay - 1)
        assert house.verify(clip("owner", f"early-{delay}")).status_code == 429
        house.times.go_on(1)
        assert misses(house, 1, start=delay) == [200]
    house.times.go_on(240)
    assert answer(house.verify(clip("owner")))["verified"]
    assert misses(house, 4, start=1000) == [200] * 4
    assert house.verify(clip("owner", 2)).status_code == 200


@pytest.mark.threat("T23")
def test_fifty_misses_lock_the_chat_and_nobody_else(house: VoiceHouse):
    """Fifty bad clips in one chat lock the owner out of all of them."""
    house.enroll("owner")
    for number in range(50):
        assert misses(house, 1, "group", number) == [200]
        house.times.go_on(86_400 if number > 3 else 0)

    refused = house.verify(clip("owner", 1), "group")
    assert code(refused) == (403, "forbidden")
    assert refused.json()["hint"] == "govd voice unlock bot group"
    assert answer(house.verify(clip("owner", 2), "family"))["verified"]
    assert answer(house.verify(clip("owner", 3), "group", "other"))["verified"]
    (lock,) = house.picture()["locks"]
    assert (lock["agent"], lock["chat"], lock["failures"], lock["locked"]) == ("bot", "group", 50, True)
    assert len(house.events("voice.locked")) == 1

    for status in (200, 404):
        assert house.operator().ask("DELETE", "/v1/voice/locks/bot/group").status_code == status
    assert answer(house.verify(clip("owner", 4), "group"))["verified"]


def test_the_chat_without_a_name_is_unlocked_as_a_dash(house: VoiceHouse):
    house.enroll("owner")
    misses(house, 5)

    assert house.operator().ask("DELETE", "/v1/voice/locks/bot/-").status_code == 200
    assert answer(house.verify(clip("owner")))["verified"]


@pytest.mark.threat("T23")
def test_a_fresh_chat_for_each_clip_is_no_way_around_the_delay(house: VoiceHouse):
    """An agent makes up a chat for each guess: no count ever reaches five."""
    house.enroll("owner")
    house.enroll("guest")
    answer(house.verify(clip("owner", 1), "family"))
    answer(house.verify(clip("guest", 1), "guests"))
    for number in range(DAILY_MISSES):
        assert misses(house, 1, f"made-up-{number}") == [200]

    refused = house.verify(clip("thief", "last"), "another")
    assert (*code(refused), refused.json()["retry_after"]) == (429, "quota", 24 * HOUR)
    assert refused.json()["hint"].endswith("govd voice unlock bot --all")
    assert code(house.verify(clip("guest", 2), "guests")) == (429, "quota")
    assert answer(house.verify(clip("owner", 2), "family"))["verified"]
    assert answer(house.verify(clip("owner", 3), "any", "other"))["verified"]


def test_a_count_of_a_day_ends_with_the_day_and_leaves_nothing(house: VoiceHouse):
    """64 chats with one miss each kept every new chat of an agent out for good, and nobody saw why."""
    house.enroll("owner")
    for number in range(DAILY_MISSES):
        misses(house, 1, f"made-up-{number}")
    (lock,) = house.picture()["locks"]
    assert (lock["agent"], lock["chat"], lock["failures"]) == ("bot", "*", DAILY_MISSES)

    house.times.go_on(24 * HOUR)

    assert house.picture()["locks"] == []
    assert answer(house.verify(clip("owner", 1), "another"))["verified"]
    house.govd.tick()
    assert house.govd.ledger.read(lambda c: lockout.of_agent(c, "bot")) == []


@pytest.mark.parametrize("path", ["/v1/voice/locks/bot", "/v1/voice/locks/bot/*"])
def test_an_operator_clears_an_agents_day(house: VoiceHouse, path: str):
    house.enroll("owner")
    for number in range(DAILY_MISSES):
        misses(house, 1, f"made-up-{number}")

    for status in (200, 404):
        assert house.operator().ask("DELETE", path).status_code == status

    assert house.picture()["locks"] == []
    assert answer(house.verify(clip("owner", 1), "another"))["verified"]


def test_a_few_misses_are_forgotten_after_a_day_and_more_after_a_month(house: VoiceHouse):
    house.enroll("owner")
    misses(house, 4)
    house.times.go_on(24 * HOUR)
    assert misses(house, 4, start=10) == [200] * 4
    misses(house, 1, start=20)
    assert len(house.picture()["locks"]) == 1

    house.times.go_on(29 * 24 * HOUR)
    misses(house, 1, start=30)
    assert house.picture()["locks"][0]["failures"] == 6
    house.times.go_on(30 * 24 * HOUR)
    assert house.picture()["locks"] == []
    assert misses(house, 5, start=40) == [200] * 5


@pytest.mark.threat("T23")
def test_another_speakers_match_takes_no_miss_back(house: VoiceHouse):
    """Somebody who is enrolled guesses at the owner's voice, and shows his own after each four guesses."""
    house.enroll("owner")
    house.enroll("guest")
    for start in (0, 10):
        answered = misses(house, 4, "group", start)
        house.verify(clip("guest", start), "group")
    assert answered == [200, 429, 429, 429]

    house.times.go_on(30)
    assert answer(house.verify(clip("guest", "own"), "group"))["verified"]
    assert misses(house, 2, "group", 20) == [200, 429]
    house.times.go_on(60)
    assert answer(house.verify(clip("owner", 1), "group"))["verified"]
    assert misses(house, 4, "group", 30) == [200] * 4


def test_the_log_names_neither_a_chat_nor_a_speaker_who_is_not_the_policys(house: VoiceHouse):
    house.enroll("guest")
    answer(house.verify(clip("guest"), "family"))
    house.verify(clip("stranger"), "family")

    lines = str([house.events(kind) for kind in ("voice.enrolled", "voice.verified", "voice.refused")])
    assert "keyed:h" in lines
    assert "guest" not in lines
    assert "family" not in lines


def test_a_direction_that_no_voice_has_matches_nobody(house: VoiceHouse):
    house.enroll("owner")
    away = unit([-value for value in voice("owner")])

    assert not answer(house.verify(clip(away)))["verified"]


@pytest.mark.parametrize(("place", "value"), [("chat", "two words"), ("job", "none")])
def test_what_is_wrong_with_a_form_is_told_in_plain_words(house: VoiceHouse, place: str, value: str):
    refused = house.agent().send("/verify", clip("owner"), **{place: value})

    assert refused.status_code == 422
    assert refused.json()["pointer"] == f"/{place}"
    assert "is to be" in refused.json()["detail"]
    assert value not in refused.text
