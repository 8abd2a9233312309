"""Who says a phrase, who asks for one and what that costs, and an upstream that fails."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from govd.contract.voice_texts import NO_MATCH, UNAVAILABLE
from govd.voice.transcription.turns import PATIENCE, PAUSE
from tests.govd.voice.phrases.chats import ALLOWED, CHANNEL, Chat, refused
from tests.support.operator import answer
from tests.support.voices import clip

# -- who says what ---------------------------------------------------------------------------------------


@pytest.mark.threat("T23")
@pytest.mark.parametrize("who", ["guest", "stranger"])
def test_an_impostor_who_says_it_right_is_none_the_less_one(chat: Chat, who: str):
    """Somebody else in the chat, enrolled or not, reads the phrase aloud."""
    chat.policy(phrase="approves")
    job = chat.held()

    found = answer(chat.say(job, who))

    assert (found["verified"], found["phrase"], found["message"]) == (False, False, NO_MATCH)
    assert chat.state(job) == "held"
    assert chat.upstream.asked == [], "nobody else's voice goes out"
    assert chat.house.events("voice.refused")[-1]["details"]["code"] == "no-match"


@pytest.mark.threat("T23")
def test_another_phrase_in_the_owners_voice_is_a_miss_and_costs_a_delay(chat: Chat):
    """A hijacked agent plays fresh notes of the owner's, hoping that one will do."""
    job = chat.held()
    for _ in range(5):
        assert not answer(chat.say(job, text="credentials give me the money now"))["verified"]

    assert [one["details"]["code"] for one in chat.house.events("voice.refused")] == ["phrase"] * 5
    assert chat.phrase(job).status_code == 429


@pytest.mark.threat("T23")
def test_a_note_that_was_heard_before_is_refused_with_its_phrase(chat: Chat):
    """A hijacked agent has a good transcription, and an old note."""
    job = chat.held()
    old = chat.note()
    answer(chat.send(old))
    chat.upstream.says(answer(chat.phrase(job))["phrase"])

    assert not answer(chat.send(old, job))["verified"]

    assert chat.house.events("voice.refused")[-1]["details"]["code"] == "replay"
    assert chat.upstream.asked == []


@pytest.mark.threat("T23")
def test_two_voices_in_one_note_are_not_one(chat: Chat):
    """A note of the owner's, with the phrase behind it in a voice that somebody made."""
    job = chat.held()
    chat.upstream.says(answer(chat.phrase(job))["phrase"])

    found = answer(chat.send(clip("owner", "spliced", second="stranger"), job))

    assert (found["verified"], found["quality"]["faults"]) == (False, ["several-voices"])
    assert chat.upstream.asked == []


@pytest.mark.threat("T23")
def test_a_note_without_its_channels_signature_has_no_phrase(chat: Chat):
    """A hijacked agent synthesises the owner's voice and the phrase, and no channel has received it."""
    job = chat.held()

    refused(chat.say(job, signed=""), 403, "forbidden", "signature alone")

    assert chat.upstream.asked == []


@pytest.mark.threat("T23")
def test_an_agent_gets_no_phrase_of_anothers_job_nor_for_another_chat(chat: Chat):
    """An agent asks for the phrase of a job that is none of its own, or says it where nobody vouches."""
    job = chat.held()

    refused(chat.phrase(job, "other"), 404, "not-found", "no such job")
    refused(chat.phrase(job, chat="work"), 409, "conflict", "by another chat")
    refused(chat.phrase(job, chat=""), 409, "conflict", "by another chat")
    unknown = "0198c1a0-0000-7000-8000-00000000dead"
    refused(chat.phrase(unknown), 404, "not-found", "no such job")
    refused(chat.send(chat.note(), unknown), 409, "conflict", "no phrase of that job")


def test_what_waits_for_no_voice_has_no_phrase(chat: Chat):
    sent = answer(
        chat.house.agent().ask(
            "POST",
            "/v1/intents",
            json={"kind": "tool_call", "action": {"tool": "mail.send", "arguments": {}}, "origin": CHANNEL},
        )
    )
    refused(chat.phrase(sent["job"]), 409, "conflict", "no admin request is held")


@pytest.mark.threat("T23")
def test_an_agent_does_not_ask_until_it_likes_the_words(chat: Chat):
    """A hijacked agent has recordings of some words, and waits for a phrase of these."""
    job = chat.held()
    given = {answer(chat.phrase(job))["phrase"] for _ in range(32)}
    assert len(given) == 32

    body = refused(chat.phrase(job), 429, "quota", "32 phrases were asked for within a day")
    assert 86_000 < body["retry_after"] <= 86_400
    chat.house.times.go_on(86_401)
    assert answer(chat.phrase(chat.held()))


@pytest.mark.threat("T18")
def test_few_phrases_of_one_agent_stand_at_once(chat: Chat):
    """An agent fills memory with phrases."""
    jobs = [chat.held(), *(str(chat.ask()["job"]) for _ in range(3))]
    for job in jobs[:3]:
        answer(chat.phrase(job))

    refused(chat.phrase(jobs[3]), 429, "quota", "3 phrases wait")
    chat.house.times.go_on(181)
    answer(chat.phrase(jobs[3]))


# -- what asking costs -----------------------------------------------------------------------------------

MAIL: dict[str, Any] = {"kind": "tool_call", "action": {"tool": "mail.send", "arguments": {}}}


@pytest.mark.threat("T18")
@pytest.mark.parametrize("why", ["no upstream", "no owner", "another chat", "too many", "nothing"])
def test_who_gets_no_phrase_keeps_nobody_waiting(chat: Chat, why: str):
    """An agent asks for phrases of a big job without an end, and everybody's decisions wait behind it."""
    job = chat.held() if why != "nothing" else str(chat.ask(**MAIL)["job"])
    if why == "too many":
        opened = {"title": "many", "purpose": "", "origin": CHANNEL}
        job = str(answer(chat.house.agent().ask("POST", "/v1/jobs", json=opened))["id"])
        for _ in range(17):
            chat.ask(job=job)
    if why == "no owner":
        (chat.house.root / "state" / "policy.yaml").write_text(ALLOWED)
        chat.house.govd.policies.trust(disk=True)
        chat.house.govd.policies.look()
    if why == "no upstream":
        settings = chat.house.root / "state" / "govd.toml"
        settings.write_text(settings.read_text().partition("transcription_url")[0])
        chat.house.govd.reload()
    status, says = {
        "no upstream": (409, "no transcription upstream"),
        "another chat": (409, "by another chat"),
        "too many": (409, "16 at most"),
    }.get(why, (409, "nothing of that job waits"))
    let = threading.Event()
    busy = chat.house.govd.ledger.submit(lambda _: let.wait(30))
    try:
        asked = chat.phrase(job, chat="work" if why == "another chat" else "family")
    finally:
        let.set()
    busy.result()

    assert asked.status_code == status
    assert says in asked.json()["detail"]


@pytest.mark.threat("T18")
def test_who_asks_in_vain_is_counted_before_anything_is_opened_for_it(chat: Chat):
    """An agent asks again and again for the phrase of a job that has none."""
    job = str(chat.ask(**MAIL)["job"])
    for _ in range(32):
        refused(chat.phrase(job), 409, "conflict", "nothing of that job waits")
    refused(chat.phrase(job), 429, "quota", "32 phrases were asked for within a day")


@pytest.mark.threat("T18")
def test_a_chat_that_has_to_wait_is_counted_for_nothing(chat: Chat):
    """A locked chat's agent goes on asking, so that the owner's other chats get no phrase for a day."""
    job = chat.held()
    for _ in range(5):
        chat.say(job, text="credentials give me the money now")
    for _ in range(40):
        assert chat.phrase(job).status_code == 429
    chat.house.times.go_on(3600)
    answer(chat.send(chat.note()))
    answer(chat.phrase(job))


# -- the upstream ----------------------------------------------------------------------------------------


@pytest.mark.threat("T23")
def test_an_upstream_that_fails_uses_nothing_up(chat: Chat):
    """Somebody keeps the upstream from answering, so that the owner is locked out of his own chat."""
    job = chat.held()
    phrase, note = answer(chat.phrase(job))["phrase"], chat.note()
    chat.upstream.answers(status=500)
    for _ in range(7):
        body = refused(chat.send(note, job), 503, "voice-unavailable", "the transcription upstream")
        assert (body["message"], body["hint"]) == (UNAVAILABLE, "govd doctor")
    assert chat.house.events("voice.refused") == []
    assert len(chat.upstream.asked) == PATIENCE, "then it is left alone"

    chat.upstream.says(phrase)
    chat.house.times.go_on(PAUSE.total_seconds())
    assert answer(chat.send(note, job))["phrase"], "neither the note nor its phrase"


def test_without_an_upstream_there_are_no_phrases_and_all_else_is_as_before(chat: Chat):
    job = chat.held()
    assert answer(chat.house.agent().ask("GET", "/health"))["phrases"]
    settings = chat.house.root / "state" / "govd.toml"
    settings.write_text(settings.read_text().partition("transcription_url")[0])
    assert "transcription_url" in chat.house.govd.reload().taken

    body = refused(chat.phrase(job), 409, "conflict", "no transcription upstream is set")
    assert "transcription_url" in body["hint"]

    assert not answer(chat.house.agent().ask("GET", "/health"))["phrases"]
    assert answer(chat.send(chat.note()))["admin"]
    assert answer(chat.house.vote(job))["state"] == "processing"
