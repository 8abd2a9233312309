"""What a vote is computed from."""

from __future__ import annotations

import pytest

from govconsole.client.review import Words, permits, prepare, submission
from govd.contract import votekey
from govd.contract.errors import IntegrityError, JobClosedError
from govd.contract.intents import IntentState
from govd.contract.votes import text_commitment, verify
from tests.govconsole.world import NOW, gauge, held_decision, intent, job, new_id, push_action

KEY = votekey.generate()
SALT = "ab" * 16


def test_the_token_is_the_same_for_the_same_job_and_another_for_another_action() -> None:
    name = new_id()
    shown = job(job_id=name)
    assert shown.hold is not None
    other = shown.model_copy(
        update={
            "hold": shown.hold.model_copy(
                update={"intents": [intent(name, action=push_action("file:///other.git"))]}
            )
        }
    )
    assert prepare(shown).token == prepare(shown).token != prepare(other).token


def test_a_vote_covers_every_action_and_opens_with_its_salt() -> None:
    name = new_id()
    prepared = prepare(job(job_id=name, intents=[intent(name), intent(name)]))
    words = Words(reason="fine", guidance="")
    vote = prepared.vote("approve", "anna", words, SALT, NOW)
    sent = submission(vote, words, SALT, KEY)
    assert len(vote.actions) == 2
    assert vote.reason_commitment == text_commitment(SALT, "fine")
    assert verify(vote, sent.signed.signature, votekey.public_text(KEY))


def test_the_permitted_total_is_what_stands_plus_everything_that_the_hold_adds() -> None:
    name = new_id()
    held = [
        intent(name, decision=held_decision(crossing=gauge("10.000000", adds, "50.000000")))
        for adds in ("30.000000", "30.000000")
    ]
    assert [(one.cap, one.highest) for one in permits(held)] == [("treasury-daily", "70.000000")]


def test_a_cap_that_is_not_crossed_needs_no_permit_and_a_refusal_permits_nothing() -> None:
    name = new_id()
    within = intent(name, decision=held_decision(crossing=gauge("10.000000", "5.000000", "50.000000")))
    assert permits([within]) == ()
    over = intent(name, decision=held_decision(crossing=gauge("48.000000", "5.000000", "50.000000")))
    prepared = prepare(job(job_id=name, intents=[over]))
    assert prepared.permits
    assert prepared.vote("deny", "anna", Words("no"), SALT, NOW).permits == []


@pytest.mark.threat("T12")
@pytest.mark.parametrize("change", [{"agent": "other-bot"}, {"job": new_id()}, {"intent_sha256": "0" * 64}])
def test_an_intent_that_is_not_what_it_claims_is_refused(change: dict[str, str]) -> None:
    """An action of another agent or job, or with another hash, cannot be slipped into a review."""
    name = new_id()
    with pytest.raises(IntegrityError, match="nothing is signed"):
        prepare(job(job_id=name, intents=[intent(name).model_copy(update=change)]))


def test_a_settled_job_takes_no_vote() -> None:
    name = new_id()
    with pytest.raises(JobClosedError):
        prepare(job().model_copy(update={"hold": None}))
    with pytest.raises(JobClosedError):
        prepare(job(job_id=name, intents=[intent(name, state=IntentState.CANCELLED)]))
