"""A phrase is for what waited when it was given, what it named, and three minutes: for nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from tests.govd.voice.phrases.chats import CHANNEL, Chat, refused
from tests.support.operator import answer
from tests.support.upstream import Answered, saying
from tests.support.voices import POLICY, clip

# -- one job, one time -----------------------------------------------------------------------------------


@pytest.mark.threat("T23")
@pytest.mark.parametrize("how", ["added", "superseded", "withdrawn"])
def test_a_phrase_is_for_what_waited_when_it_was_given(chat: Chat, how: str):
    """A hijacked agent has the phrase said for a harmless job, and changes the job before it is."""
    chat.policy(phrase="approves")
    answer(chat.send(chat.note()))
    opened = {"title": "router", "purpose": "", "origin": CHANNEL}
    job = answer(chat.house.agent().ask("POST", "/v1/jobs", json=opened))["id"]
    first, second = chat.ask(job=job), chat.ask(job=job)
    given = answer(chat.phrase(job))
    assert given["intents"] == [first["id"], second["id"]]
    if how == "withdrawn":
        answer(chat.house.agent().ask("POST", f"/v1/intents/{second['id']}/cancel"))
    else:
        changed = {"supersedes": second["id"]} if how == "superseded" else {}
        chat.ask(job=job, action={"name": "vault/bank"}, **changed)
    chat.upstream.says(given["phrase"])

    refused(chat.send(chat.note(), job), 409, "conflict", "not what it was")

    assert all(one["state"] != "approved" for one in chat.intents(job))
    assert chat.house.events("voice.phrase_said") == []
    assert chat.house.events("voice.refused") == [], "it costs nobody a try"
    answer(chat.say(job))
    assert all(one["state"] in {"approved", "superseded", "cancelled"} for one in chat.intents(job))


@pytest.mark.threat("T23")
def test_the_phrase_of_one_job_opens_no_other(chat: Chat):
    """The owner says yes to one job, and a hijacked agent plays it for another."""
    chat.policy(phrase="approves")
    one = chat.held()
    other = str(chat.ask(action={"name": "vault/bank"})["job"])
    chat.upstream.says(answer(chat.phrase(one))["phrase"])
    note = chat.note()

    refused(chat.send(note, other), 409, "conflict", "no phrase of that job")
    answer(chat.phrase(other))
    assert not answer(chat.send(note, other))["verified"]

    assert (chat.state(one), chat.state(other)) == ("held", "held")
    assert not answer(chat.send(note, one))["verified"], "the recording was heard before"


@pytest.mark.threat("T23")
def test_a_phrase_is_good_once(chat: Chat):
    """A hijacked agent passes the note on twice, or has it said twice."""
    job = chat.held()
    answer(chat.say(job))

    refused(chat.send(chat.note(), job), 409, "conflict", "no phrase of that job")
    refused(chat.phrase(job), 409, "conflict", "nothing of that job waits")


@pytest.mark.threat("T23")
@pytest.mark.parametrize("how", ["three minutes", "a restart"])
def test_a_phrase_that_is_over_is_none(chat: Chat, how: str):
    """A hijacked agent keeps a phrase until it has somebody who says it."""
    job = chat.held()
    chat.upstream.says(answer(chat.phrase(job))["phrase"])
    if how == "a restart":
        chat.house.restart()
    else:
        chat.house.times.go_on(180)

    body = refused(chat.send(chat.note(), job), 409, "conflict", "its 3 minutes are over")
    assert body["hint"] == f"govgate voice phrase {job} --chat family"
    assert chat.upstream.asked == []


@pytest.mark.threat("T14")
def test_a_clock_that_is_set_back_keeps_no_phrase_alive(chat: Chat):
    """Somebody sets the clock back, so that a phrase of before stands again."""
    job = chat.held()
    answer(chat.phrase(job))
    chat.house.times.go_on(170)
    chat.house.times.step(-600)
    chat.house.times.go_on(11)

    refused(chat.send(chat.note(), job), 409, "conflict", "3 minutes")


# -- what was named, and nothing else --------------------------------------------------------------------

TOOL: dict[str, Any] = {"kind": "tool_call", "action": {"tool": "search.web", "arguments": {}}}
BOTH = f"{POLICY}custom: [{{name: asked, kinds: [secret_read, tool_call], allow_if: 'true'}}]\n"
STOPPED = BOTH.replace("}]", "}, {name: stop, kinds: [tool_call], hold_if: 'true'}]")


def two_held(chat: Chat, why: str) -> tuple[str, str]:
    """A job in which a harmless call waits for something else, and a secret for its phrase; the call's id."""
    chat.policy(STOPPED if why == "a rule" else BOTH, phrase="approves")
    answer(chat.send(chat.note()))
    opened = {"title": "router", "purpose": "", "origin": CHANNEL}
    job = str(answer(chat.house.agent().ask("POST", "/v1/jobs", json=opened))["id"])
    if why == "the clock":
        chat.house.times.step(600)
    call = chat.ask(job=job, **TOOL)
    assert call["state"] == "held", call
    if why == "the clock":
        stepped = chat.house.govd.clock.stepped
        assert stepped is not None
        chat.house.govd.clock.acknowledge(stepped)
        answer(chat.send(chat.note()))
    assert chat.ask(job=job)["state"] == "held"
    chat.policy(BOTH, phrase="approves")
    return job, str(call["id"])


@pytest.mark.threat("T23")
@pytest.mark.parametrize("why", ["a rule", "the clock"])
def test_what_the_phrase_has_not_named_rides_along_with_nothing(chat: Chat, why: str):
    """A hijacked agent puts what a person was to look at into a job whose phrase names something else."""
    job, call = two_held(chat, why)

    given = answer(chat.phrase(job))
    chat.upstream.says(given["phrase"])
    found = answer(chat.send(chat.note(), job))

    assert given["phrase"].startswith("credentials: ")
    states = {one["kind"]: one["state"] for one in chat.intents(job)}
    assert (states, found["job_state"]) == ({"tool_call": "held", "secret_read": "approved"}, "held")
    (waiting,) = [one for one in chat.intents(job) if one["state"] == "held"]
    assert waiting["id"] == call
    assert answer(chat.house.vote(job))["state"] == "processing", "a person settles it as ever"
    assert chat.faults() == []


GATED = BOTH.replace("tools: [", "tools: [vault.dump, ", 1)
DUMP: dict[str, Any] = {"kind": "tool_call", "action": {"tool": "vault.dump", "arguments": {}}}


@pytest.mark.threat("T23")
def test_a_phrase_names_what_the_policy_in_force_gates(chat: Chat):
    """An operator gates more; the owner hears what the policy of before called it, and opens all of it."""
    chat.policy(GATED, tools={"credentials": ["vault.dump"]})
    answer(chat.send(chat.note()))
    job = str(chat.ask(**DUMP)["job"])
    chat.policy(GATED, phrase="approves", tools={"credentials": ["vault.dump"], "security": ["vault.dump"]})

    given = answer(chat.phrase(job))

    assert given["phrase"].startswith("credentials, security: ")
    chat.upstream.says(given["phrase"])
    answer(chat.send(chat.note(), job))
    assert chat.state(job) == "approved"


@pytest.mark.threat("T23")
def test_a_phrase_of_another_policy_opens_nothing(chat: Chat):
    """An operator gates more between the phrase and the owner's saying it, who has heard of less."""
    chat.policy(GATED, phrase="approves", tools={"credentials": ["vault.dump"]})
    answer(chat.send(chat.note()))
    job = str(chat.ask(**DUMP)["job"])
    chat.upstream.says(answer(chat.phrase(job))["phrase"])
    chat.policy(GATED, phrase="approves", tools={"credentials": ["vault.dump"], "security": ["vault.dump"]})

    refused(chat.send(chat.note(), job), 409, "conflict", "or the policy, has changed")

    assert chat.state(job) == "held"
    assert chat.house.events("voice.phrase_said") == []
    answer(chat.say(job))
    assert chat.state(job) == "approved"


@pytest.mark.threat("T23")
def test_a_hold_that_has_expired_has_no_phrase(chat: Chat):
    """A hijacked agent has the phrase said just after the time in which a person might have decided."""
    chat.policy(phrase="approves")
    job = chat.held()
    chat.house.times.go_on(12 * 3600 - 60)
    chat.upstream.says(answer(chat.phrase(job))["phrase"])
    chat.house.times.go_on(120)

    refused(chat.send(chat.note(), job), 409, "conflict", "not what it was")
    refused(chat.phrase(job), 409, "conflict", "nothing of that job waits")

    assert chat.house.events("intent.approved") == []


@pytest.mark.threat("T23")
def test_a_phrase_that_is_over_when_its_transcription_comes_opens_nothing(chat: Chat):
    """A slow upstream, or one that somebody slows down, makes three minutes as long as he likes."""
    chat.policy(phrase="approves")
    job = chat.held()
    given = answer(chat.phrase(job))["phrase"]

    def late() -> Answered:
        chat.house.times.go_on(2)
        return saying(given)

    chat.house.times.go_on(179)
    chat.upstream.answer = late

    refused(chat.send(chat.note(), job), 409, "conflict", "its 3 minutes are over")
    assert chat.state(job) == "held"


@pytest.mark.threat("T23")
def test_asking_for_another_phrase_while_a_clip_is_judged_saves_no_miss(chat: Chat):
    """A hijacked agent asks anew while its note is at the upstream, so that no wrong phrase ever counts."""
    job = chat.held()
    notes = []
    for _ in range(5):
        answer(chat.phrase(job))

        def meanwhile() -> Answered:
            answer(chat.phrase(job))
            return saying("something else altogether")

        chat.upstream.answer = meanwhile
        notes.append(chat.note())
        assert not answer(chat.send(notes[-1], job))["verified"]

    assert [one["details"]["code"] for one in chat.house.events("voice.refused")] == ["phrase"] * 5
    chat.house.times.go_on(3600)
    assert not answer(chat.send(notes[0]))["verified"], "its recording is a replay"


@pytest.mark.threat("T23")
def test_asking_for_another_phrase_while_a_clip_is_judged_keeps_the_answer(chat: Chat):
    """A hijacked agent makes the owner's own yes fail by asking again, and he says it all anew."""
    chat.policy(phrase="approves")
    job = chat.held()
    given = answer(chat.phrase(job))["phrase"]

    def meanwhile() -> Answered:
        answer(chat.phrase(job))
        return saying(given)

    chat.upstream.answer = meanwhile
    assert answer(chat.send(chat.note(), job))["job_state"] == "processing"


@pytest.mark.threat("T23")
@pytest.mark.parametrize("who", ["owner", "stranger"])
def test_a_clip_longer_than_any_phrase_tells_nothing_of_its_voice(chat: Chat, who: str):
    """Somebody who makes voices learns from the refusal of long clips which of them is the owner's."""
    job = chat.held()
    answer(chat.phrase(job))
    for take in range(3):
        body = refused(
            chat.send(clip(who, f"long-{take}", padding=31 * 64_000), job),
            422,
            "clip-refused",
            "a phrase takes no 30 s",
        )
        assert "confidence" not in body
    assert chat.upstream.asked == []
