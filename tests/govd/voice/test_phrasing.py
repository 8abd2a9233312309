"""A phrase for one job: said by the owner, in its chat, for what waited when it was given, and once."""

from __future__ import annotations

import json
import shutil
import threading
from typing import TYPE_CHECKING, Any

import pytest

from govd.attestations.service import Refused
from govd.audit.verify import verify as verify_log
from govd.contract.attestations import Redeemed, Redemption
from govd.contract.errors import TYPE_PREFIX
from govd.contract.jobs import JobDetail
from govd.contract.voice_texts import NO_MATCH, UNAVAILABLE
from govd.identities.model import Identity
from govd.storage.engine import make_engine, parse_url
from govd.voice.turns import PATIENCE, PAUSE
from tests.govd.voice.test_channels import family, word
from tests.support.clocks import see_step
from tests.support.operator import answer
from tests.support.upstream import Answered, Upstream, saying
from tests.support.voices import POLICY, VoiceHouse, clip

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

CHANNEL = "channel:family"
SECRET: dict[str, Any] = {"kind": "secret_read", "action": {"name": "vault/router"}, "origin": CHANNEL}
ALLOWED = f"{POLICY}custom: [{{name: asked, kinds: [secret_read], allow_if: 'true'}}]\n"


class Chat:
    """The family's chat: its owner, the bot in it, and an upstream that hears what it is told to."""

    def __init__(self, house: VoiceHouse, upstream: Upstream) -> None:
        self.house, self.upstream, self.takes = house, upstream, 0

    def policy(self, text: str = ALLOWED, **block: Any) -> None:
        """From now on the `voice:` block says that, beside the owner and his channel."""
        made = {"owner": "owner", "channels": {"family": family()}, **block}
        (self.house.root / "state" / "policy.yaml").write_text(f"{text}voice: {json.dumps(made)}\n")
        self.house.govd.policies.trust(disk=True)
        self.house.govd.policies.look()

    def note(self, who: str = "owner") -> bytes:
        """Another recording."""
        self.takes += 1
        return clip(who, f"note-{self.takes}")

    def send(self, note: bytes, job: str = "", **more: Any) -> httpx.Response:
        """The adapter signs the note, and the bot passes it on."""
        fields = {"chat": "family", "signed": word(self.house, note), **({"job": job} if job else {}), **more}
        return self.house.agent().send("/verify", note, **fields)

    def ask(self, agent: str = "bot", **changed: Any) -> dict[str, Any]:
        """The bot wants a secret; the intent."""
        sent: dict[str, Any] = answer(
            self.house.agent(agent).ask("POST", "/v1/intents", json={**SECRET, **changed})
        )
        return sent

    def held(self) -> str:
        """An admin request that waits with the owner's voice; its job."""
        answer(self.send(self.note()))
        sent = self.ask()
        assert sent["state"] == "held", sent
        return str(sent["job"])

    def phrase(self, job: str, agent: str = "bot", chat: str = "family") -> httpx.Response:
        """The bot asks for the phrase of a job."""
        return self.house.agent(agent).ask("POST", "/v1/voice/phrase", json={"job": job, "chat": chat})

    def say(self, job: str, who: str = "owner", text: str = "", **more: Any) -> httpx.Response:
        """Somebody says the phrase of a job that was just given, or something else."""
        given = answer(self.phrase(job))["phrase"]
        self.upstream.says(text or given)
        return self.send(self.note(who), job, **more)

    def intents(self, job: str) -> list[dict[str, Any]]:
        """What a job holds, as the bot sees it."""
        found: list[dict[str, Any]] = answer(self.house.agent().ask("GET", f"/v1/jobs/{job}"))["intents"]
        return found

    def state(self, job: str) -> str:
        (found,) = self.intents(job)
        return str(found["state"])

    def voice(self, job: str) -> dict[str, Any]:
        """The finding about voices."""
        (found,) = self.intents(job)
        (shown,) = [one for one in found["decision"]["findings"] if one["block"] == "voice"]
        return dict(shown)

    def faults(self) -> list[str]:
        """What the checker says of the log."""
        engine = make_engine(parse_url(self.house.govd.url), writer=False)
        try:
            found = verify_log(self.house.root / "state" / "audit", database=engine).faults
        finally:
            engine.dispose()
        return [fault.message for fault in found]


@pytest.fixture(scope="module")
def enrolled(voice_state: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The owner is enrolled, to be copied."""
    root = tmp_path_factory.mktemp("phrasing") / "house"
    shutil.copytree(voice_state, root)
    house = VoiceHouse(root, agents=())
    house.enroll("owner")
    house.enroll("guest")
    house.close()
    return root


@pytest.fixture
def chat(enrolled: Path, tmp_path: Path) -> Iterator[Chat]:
    """The chat, whose policy takes no phrase for an approval."""
    root = tmp_path / "house"
    shutil.copytree(enrolled, root)
    with Upstream() as upstream:
        settings = root / "state" / "govd.toml"
        settings.write_text(f'{settings.read_text()}\ntranscription_url = "{upstream.url}"\n')
        house = VoiceHouse(root)
        see_step(house.govd.clock)  # the state was founded by the wall
        made = Chat(house, upstream)
        made.policy()
        yield made
        house.close()


def refused(response: httpx.Response, status: int, code: str, says: str) -> dict[str, Any]:
    body: dict[str, Any] = response.json()
    assert (response.status_code, body.get("type")) == (status, TYPE_PREFIX + code), body
    assert says in body["detail"], body
    return body


# -- what a phrase is worth ------------------------------------------------------------------------------


def test_a_phrase_that_was_said_is_shown_to_the_reviewer_who_still_settles_the_job(chat: Chat):
    job = chat.held()

    found = answer(chat.say(job))

    assert (found["verified"], found["admin"], found["phrase"], found["job_state"]) == (
        True,
        True,
        True,
        "held",
    )
    shown = chat.voice(job)
    assert (shown["code"], shown["outcome"]) == ("voice-phrase", "PENDING")
    assert "who said the phrase of this job" in shown["message"]
    assert (shown["evidence"]["speaker"], shown["evidence"]["phrase"]) == ("owner", "said")
    assert answer(chat.house.vote(job))["state"] == "processing"
    assert chat.faults() == []


def test_a_phrase_says_what_it_opens_and_is_of_the_service(chat: Chat):
    job = chat.held()

    first, second = answer(chat.phrase(job)), answer(chat.phrase(job))

    assert first["phrase"].startswith("credentials: ")
    assert len(first["phrase"].split()) == 7
    assert first["phrase"] != second["phrase"]
    assert second["intents"] == [chat.intents(job)[0]["id"]]
    chat.upstream.says(first["phrase"])
    assert not answer(chat.send(chat.note(), job))["verified"], "the first was void with the second"
    logged = json.dumps(chat.house.events("voice.phrase_given"))
    assert not any(word_ in logged for word_ in first["phrase"].removeprefix("credentials: ").split())


def test_where_the_policy_asks_for_no_more_it_lifts_what_the_voice_had_held(chat: Chat):
    chat.policy(phrase="approves")
    job = chat.held()

    found = answer(chat.say(job))

    assert (found["phrase"], found["job_state"]) == (True, "processing")
    assert chat.state(job) == "approved"
    assert "the policy asks for no more" in chat.voice(job)["message"]
    (entry,) = chat.house.events("intent.approved")
    (said,) = chat.house.events("voice.phrase_said")
    assert entry["details"]["phrase"] == said["details"]["phrase"]
    assert (entry["actor"], said["actor"], said["job_id"]) == ("govd", "agent:bot", job)
    assert chat.faults() == []
    assert answer(chat.house.operator().ask("GET", "/v1/jobs?state=held"))["total"] == 0


@pytest.mark.threat("T23")
@pytest.mark.parametrize("other", ["no rule", "hold_if", "clock", "cap", "session"])
def test_what_anything_else_holds_as_well_waits_for_a_person(chat: Chat, other: str):
    """The owner's phrase is made to open what a rule, a cap or a set clock holds beside the voice."""
    text = {
        "no rule": POLICY,
        "hold_if": ALLOWED.replace("}]", "}, {name: never, kinds: [secret_read], hold_if: 'true'}]"),
        "cap": ALLOWED + "soft_limits: [{name: few, metric: count, match: {kinds: [secret_read]}, cap: 0}]\n",
    }.get(other, ALLOWED)
    chat.policy(text, phrase="approves")
    job = chat.held()
    if other == "clock":
        chat.house.times.step(600)
    if other == "session":
        (standing,) = [one for one in chat.house.picture()["sessions"] if one["chat"] == "family"]
        answer(chat.house.operator().ask("DELETE", f"/v1/voice/sessions/{standing['id']}"))

    found = answer(chat.say(job))

    # The note is a verification too: what another session was revoked for, this one carries.
    expected = "approved" if other == "session" else "held"
    assert (chat.state(job), found["phrase"]) == (expected, True)
    assert chat.voice(job)["outcome"] == "APPROVED"
    assert chat.faults() == []


def test_a_cap_is_booked_and_what_does_not_fit_waits(chat: Chat):
    cap = "soft_limits: [{name: few, metric: count, match: {kinds: [secret_read]}, cap: 1}]\n"
    chat.policy(ALLOWED + cap, phrase="approves")
    first = chat.held()
    second = str(chat.ask()["job"])
    answer(chat.say(first))
    answer(chat.say(second))

    assert (chat.state(first), chat.state(second)) == ("approved", "held")
    codes = [one["code"] for one in chat.intents(second)[0]["decision"]["findings"]]
    assert "cap-exceeded" in codes


@pytest.mark.threat("T23")
def test_no_vote_approves_before_the_phrase_where_it_is_required(chat: Chat):
    """A reviewer in a hurry approves what a hijacked agent asked for within the owner's session."""
    chat.policy(phrase="required")
    job = chat.held()
    assert "before the phrase of this job was said" in chat.voice(job)["message"]

    body = refused(chat.house.vote(job), 403, "forbidden", "the phrase of this job")
    assert body["hint"] == f"the agent asks for it: govgate voice phrase {job} --chat family"
    answer(chat.say(job))

    assert answer(chat.house.vote(job))["state"] == "processing"


def test_a_denial_needs_no_phrase(chat: Chat):
    chat.policy(phrase="required")
    assert answer(chat.house.vote(chat.held(), "deny"))["state"] == "denied"


def test_a_weak_match_waits_for_a_person(chat: Chat):
    chat.policy(phrase="approves")
    job = chat.held()
    chat.upstream.says(answer(chat.phrase(job))["phrase"])

    found = answer(chat.send(clip("owner", "weak", close=0.7), job))

    assert (found["low_confidence"], found["phrase"], chat.state(job)) == (True, True, "held")


@pytest.mark.threat("T23")
def test_a_weak_match_stays_one_when_the_policy_is_read_anew(chat: Chat):
    """A weak match loses its warning, and a vote the operator's own voice, by an edit of a comment."""
    asked = ALLOWED.replace("{ttl: 12h}", "{ttl: 12h, voice: required}")
    chat.policy(asked, phrase="approves")
    job = chat.held()
    chat.upstream.says(answer(chat.phrase(job))["phrase"])
    answer(chat.send(clip("owner", "weak", close=0.7), job))
    before = chat.voice(job)
    assert "lower than usual" in before["message"]
    refused(chat.house.vote(job), 403, "forbidden", "asks for your voice")

    chat.policy(f"{asked}# a comment\n", phrase="approves")
    answer(chat.house.operator().ask("GET", f"/v1/jobs/{job}"))

    assert chat.voice(job) == before
    refused(chat.house.vote(job), 403, "forbidden", "asks for your voice")


@pytest.mark.threat("T23")
def test_what_waits_already_needs_the_voice_that_votes_need(chat: Chat):
    """A phrase was said, and a policy that asks for no more came later: a vote passes without a step-up."""
    asked = ALLOWED.replace("{ttl: 12h}", "{ttl: 12h, voice: required}")
    chat.policy(asked)
    job = chat.held()
    answer(chat.say(job))
    chat.policy(asked, phrase="approves")
    answer(chat.house.operator().ask("GET", f"/v1/jobs/{job}"))
    assert (chat.state(job), chat.voice(job)["outcome"]) == ("held", "APPROVED")

    refused(chat.house.vote(job), 403, "forbidden", "asks for your voice")


def test_a_vote_on_what_was_shown_before_does_not_count_for_what_was_said_since(chat: Chat):
    job = chat.held()
    shown = JobDetail.model_validate(answer(chat.house.operator().ask("GET", f"/v1/jobs/{job}")))
    signed = chat.house.signer.sign(shown, "approve", cast_at=chat.house.govd.clock.now())
    answer(chat.say(job))

    body = signed.model_dump(mode="json", by_alias=True)
    refused(chat.house.operator().ask("POST", f"/v1/jobs/{job}/votes", json=body), 409, "review-stale", "")


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


# -- an operator's step-up -------------------------------------------------------------------------------


def own(chat: Chat, **settings: object) -> VoiceHouse:
    """The operator's own voice is enrolled, with these settings beside those that are there."""
    house = chat.house
    path = house.root / "state" / "govd.toml"
    lines = "".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items())
    path.write_text(f"{path.read_text()}\n{lines}")
    house.govd.reload()
    house.enroll("ana", mine=True)
    return house


def stepped(house: VoiceHouse, take: object) -> httpx.Response:
    return house.operator().send("/v1/voice/step-up", clip("ana", take))


def test_a_step_up_says_its_phrase_once(chat: Chat):
    house = own(chat, step_up_phrase=True)
    assert house.picture()["step_up_phrase"]
    body = refused(stepped(house, 1), 409, "conflict", "no phrase of yours stands")
    assert body["hint"] == "govconsole voices phrase"

    given = answer(house.operator().ask("POST", "/v1/voice/step-up/phrase"))
    chat.upstream.says("I said something else altogether")
    missed = answer(stepped(house, 2))
    assert (missed["verified"], "not the phrase" in missed["message"]) == (False, True)
    chat.upstream.says(given["phrase"])
    refused(stepped(house, 3), 409, "conflict", "no phrase of yours stands")

    given = answer(house.operator().ask("POST", "/v1/voice/step-up/phrase"))
    assert (given["job"], given["intents"], len(given["phrase"].split())) == (None, [], 6)
    chat.upstream.says(given["phrase"])
    assert not answer(stepped(house, 2))["verified"], "the recording was judged before"
    given = answer(house.operator().ask("POST", "/v1/voice/step-up/phrase"))
    chat.upstream.says(given["phrase"])
    assert answer(stepped(house, 4))["verified"]
    assert house.events("voice.step_up_refused")[0]["details"]["code"] == "phrase"
    assert chat.faults() == []


def test_a_step_up_without_a_phrase_asks_for_none(chat: Chat):
    house = own(chat)
    refused(house.operator().ask("POST", "/v1/voice/step-up/phrase"), 409, "conflict", "no phrase here")
    assert answer(stepped(house, 1))["verified"]
    assert chat.upstream.asked == []


# -- between the approval and the run --------------------------------------------------------------------


def redeemed(chat: Chat, job: str) -> Redeemed | Refused:
    """An executor mints for the one intent of a job, and redeems."""
    govd, now = chat.house.govd, chat.house.govd.clock.now()
    runner = Identity(kind="executor", name="runner", state="active", created_at=now, agents=("bot",))
    (intent,) = chat.intents(job)
    minted = govd.ledger.submit(govd.attestations.mint(runner, intent["id"])).result()
    body = Redemption(attestation=minted.attestation, intent_sha256=intent["intent_sha256"])
    return govd.ledger.submit(govd.attestations.redeem(runner, body, int(now.timestamp()))).result()


def revoke(chat: Chat) -> None:
    """The operator ends the chat's session."""
    (standing,) = [one for one in chat.house.picture()["sessions"] if one["chat"] == "family"]
    answer(chat.house.operator().ask("DELETE", f"/v1/voice/sessions/{standing['id']}"))


@pytest.mark.threat("T23")
@pytest.mark.parametrize("change", ["deleted", "enrolled anew", "revoked", "revoked and another's"])
def test_what_a_phrase_approved_does_not_run_once_its_voice_was_taken_back(chat: Chat, change: str):
    """The owner's enrollment is found to be somebody else's, and what it has approved runs all the same."""
    chat.policy(phrase="approves")
    job = chat.held()
    answer(chat.say(job))
    assert chat.state(job) == "approved"
    if change.startswith("revoked"):
        revoke(chat)
    else:
        answer(chat.house.delete("owner"))
    if change == "enrolled anew":
        chat.house.enroll("owner", prefix="anew")
        answer(chat.send(chat.note()))
    if change == "revoked and another's":
        assert answer(chat.send(chat.note("guest")))["verified"]

    refused_ = redeemed(chat, job)

    assert isinstance(refused_, Refused)
    assert refused_.code == "voice-taken-back"
    assert chat.house.events("redeem.refused")[-1]["details"]["code"] == "voice-taken-back"
    assert chat.faults() == []


@pytest.mark.parametrize("since", ["another note", "hours", "a restart"])
def test_what_a_phrase_approved_runs_while_its_voice_stands(chat: Chat, since: str):
    chat.policy(phrase="approves")
    job = chat.held()
    answer(chat.say(job))
    if since == "another note":
        answer(chat.send(chat.note()))
    elif since == "hours":  # a session that ran out was not taken back
        chat.house.times.go_on(3 * 3600)
    else:
        chat.house.restart()

    assert isinstance(redeemed(chat, job), Redeemed)


def test_what_a_person_approved_runs_though_the_session_was_revoked_since(chat: Chat):
    job = chat.held()
    answer(chat.say(job))
    answer(chat.house.vote(job))
    revoke(chat)

    assert isinstance(redeemed(chat, job), Redeemed)


@pytest.mark.threat("T23")
@pytest.mark.parametrize("change", ["sender", "phrase"])
def test_what_a_phrase_approved_does_not_run_once_the_policy_takes_it_back(chat: Chat, change: str):
    """The sender's account was stolen; the operator drops it before the executor redeems."""
    chat.policy(phrase="approves")
    job = chat.held()
    answer(chat.say(job))
    govd, now = chat.house.govd, chat.house.govd.clock.now()
    runner = Identity(kind="executor", name="runner", state="active", created_at=now, agents=("bot",))
    (intent,) = chat.intents(job)
    minted = govd.ledger.submit(govd.attestations.mint(runner, intent["id"])).result()
    assert minted.claims.decided_by == "policy"
    if change == "sender":
        chat.policy(phrase="approves", channels={"family": family(senders=["+15550111"])})
    else:
        chat.policy()

    def redeem() -> Redeemed | Refused:
        body = Redemption(attestation=minted.attestation, intent_sha256=intent["intent_sha256"])
        return govd.ledger.submit(govd.attestations.redeem(runner, body, int(now.timestamp()))).result()

    refused_ = redeem()
    assert isinstance(refused_, Refused)
    assert "the policy in force forbids it now: asked for with the voice of owner" in refused_.detail

    chat.policy(phrase="approves")
    assert isinstance(redeem(), Redeemed)
    again = redeem()
    assert isinstance(again, Refused)
    assert again.already
