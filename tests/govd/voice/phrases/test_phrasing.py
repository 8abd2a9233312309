"""What a phrase for one job is worth: to the reviewer, to the policy, and when the action runs."""

from __future__ import annotations

import json

import pytest

from govd.attestations.service import Refused
from govd.contract.attestations import Redeemed, Redemption
from govd.contract.jobs import JobDetail
from govd.identities.model import Identity
from tests.govd.voice.phrases.chats import ALLOWED, Chat, refused
from tests.govd.voice.test_channels import family
from tests.support.operator import answer
from tests.support.voices import POLICY, clip

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
