"""Votes: what is signed is what was shown, with a key that govd never holds (threats T12)."""

from __future__ import annotations

import base64
import contextlib
import sqlite3
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from govd.contract import votekey
from govd.contract.attestations import Approver, Minted
from govd.contract.errors import RedeemRefusedError
from govd.contract.votes import ActionCommitment, Permit, SignedVote, VoteSubmission, sign, vote_sha256
from govgate.voters import PinnedOperators
from tests.security.house import House, problem, submission

if TYPE_CHECKING:
    from govd.contract.jobs import JobDetail


def held(house: House) -> str:
    """A job that waits for a person."""
    return str(house.bot.http.post("/v1/intents", json=submission("tool_call")).json()["job"])


def send(house: House, job: str, vote: VoteSubmission, **headers: str) -> Any:
    """The answer to a vote on that job."""
    body = vote.model_dump(mode="json", by_alias=True)
    return house.ana.http.post(f"/v1/jobs/{job}/votes", json=body, headers=headers)


def resigned(vote: VoteSubmission, house: House, **changes: Any) -> VoteSubmission:
    """The vote with other members, signed again by ana."""
    changed = vote.signed.vote.model_copy(update=changes)
    signed = SignedVote(vote=changed, signature=sign(changed, house.ana.key))
    return vote.model_copy(update={"signed": signed})


def altered(vote: VoteSubmission, **changes: Any) -> VoteSubmission:
    """The vote with other members, and the signature that it had."""
    changed = vote.signed.vote.model_copy(update=changes)
    return vote.model_copy(update={"signed": vote.signed.model_copy(update={"vote": changed})})


@pytest.fixture
def shown(house: House) -> JobDetail:
    """A job under review."""
    return house.ana.open(held(house))


SIGNED_OTHERWISE: dict[str, dict[str, Any]] = {
    "another token": {"review_token": "0" * 64},
    "another action": {"actions": "of nothing that stands"},
    "another quorum": {"quorum": 2},
    "a later end": {"expires_at": datetime(2030, 1, 1, tzinfo=UTC)},
    "another hold": {"hold": "01900000-0000-7000-8000-000000000000"},
    "another job": {"job": "01900000-0000-7000-8000-000000000000"},
}


@pytest.mark.threat("T12")
@pytest.mark.parametrize("name", SIGNED_OTHERWISE)
def test_a_vote_about_anything_but_what_stands_is_refused(house: House, shown: JobDetail, name: str):
    """A console was shown another action, quorum, end or hold than the one that its vote would settle."""
    changes = dict(SIGNED_OTHERWISE[name])
    vote = house.ana.sign(shown, "approve")
    if "actions" in changes:
        first = vote.signed.vote.actions[0]
        changes["actions"] = [ActionCommitment(intent=first.intent, commitment="0" * 64)]
    with house.unmoved():
        problem(send(house, shown.id, resigned(vote, house, **changes)), 409, "review-stale")


ALTERED: dict[str, dict[str, Any]] = {
    "the verdict": {"verdict": "approve"},
    "the permits": {"permits": [Permit(cap="c", subject="s", window="w", highest="999999")]},
    "the reason": {"reason_commitment": "0" * 64},
    "the time": {"cast_at": datetime.now(UTC) + timedelta(seconds=9)},
    "the time on screen": {"on_screen_ms": 600_000},
    "the operator": {"operator": "zoe"},
}


@pytest.mark.threat("T12")
@pytest.mark.parametrize("name", ALTERED)
def test_a_vote_that_was_changed_after_signing_is_refused(house: House, shown: JobDetail, name: str):
    """Somebody between console and govd turns a denial into an approval, or raises what it permits."""
    vote = house.ana.sign(shown, "deny", reason="no")
    with house.unmoved():
        problem(send(house, shown.id, altered(vote, **ALTERED[name])), 403, "forbidden")


@pytest.mark.threat("T12")
def test_a_vote_signed_with_another_key_is_refused(house: House, shown: JobDetail):
    """Somebody has an operator's token, and not his key."""
    vote = house.ana.sign(shown, "approve")
    forged = sign(vote.signed.vote, votekey.generate())
    with house.unmoved():
        for signature in (forged, "", "AAAA", "no base64", base64.b64encode(bytes(64)).decode()):
            signed = vote.signed.model_copy(update={"signature": signature})
            problem(send(house, shown.id, vote.model_copy(update={"signed": signed})), 403, "forbidden")


@pytest.mark.threat("T12")
def test_a_vote_on_one_job_settles_no_other(house: House, shown: JobDetail):
    """A good vote is sent again, to another job with the same action."""
    other = house.ana.open(held(house))
    vote = house.ana.sign(shown, "approve")
    with house.unmoved():
        problem(send(house, other.id, vote), 409, "review-stale")
    house.ana.cast(vote)
    with house.unmoved():
        problem(send(house, shown.id, vote), 409, "job-closed")
        problem(send(house, other.id, vote), 409, "review-stale")


@pytest.mark.threat("T12")
def test_one_operator_has_one_vote(house: House):
    """One operator votes twice, to be a quorum of two."""
    job = held(house)
    with contextlib.closing(sqlite3.connect(house.govd.state / "govd.db")) as connection, connection:
        connection.execute("update holds set quorum = 2 where job = ?", (job,))
    shown = house.ana.open(job)
    assert house.ana.cast(house.ana.sign(shown, "approve")).state == "held"
    with house.unmoved():
        problem(send(house, job, house.ana.sign(house.ana.open(job), "approve")), 409, "conflict")


@pytest.mark.threat("T12")
def test_an_operator_sends_only_his_own_vote(house: House, shown: JobDetail):
    """An operator sends the vote of another one under his own token."""
    ben = house.operator("ben")
    token = {"Authorization": ben.http.headers["Authorization"]}
    mine = ben.sign(shown, "approve")
    with house.unmoved():
        problem(send(house, shown.id, house.ana.sign(shown, "approve"), **token), 403, "forbidden")
        problem(send(house, shown.id, mine), 403, "forbidden")
        as_ana = ben.sign(shown, "approve", operator="ana")
        problem(send(house, shown.id, as_ana), 403, "forbidden")


@pytest.mark.threat("T12")
def test_a_vote_of_an_hour_ago_is_refused(house: House, shown: JobDetail):
    """A vote that was signed and then withheld is sent when it suits somebody."""
    with house.unmoved():
        for at in (timedelta(hours=-1), timedelta(hours=1)):
            vote = house.ana.sign(shown, "approve", cast_at=datetime.now(UTC) + at)
            problem(send(house, shown.id, vote), 403, "forbidden")


def test_words_that_were_not_signed_are_refused(house: House, shown: JobDetail):
    vote = house.ana.sign(shown, "deny_with_guidance", reason="no", guidance="smaller")
    with house.unmoved():
        for change in ({"reason": "yes"}, {"guidance": "larger"}, {"salt": "0" * 32}):
            problem(send(house, shown.id, vote.model_copy(update=change)), 422, "invalid-request")


@pytest.mark.parametrize(
    "change",
    [
        {"cast_at": "2026-11-21T09:00:00"},
        {"cast_at": 1},
        {"cast_at": "0001-01-01T00:00:00+01:00"},
        {"expires_at": "soon"},
        {"quorum": "1"},
        {"quorum": 2**300 % 2**255},
        {"actions": []},
        {"permits": [{"cap": "c", "subject": "s", "window": "w", "highest": "1e9"}]},
        {"permits": [{"cap": "c", "subject": "s", "window": "w", "highest": "-1"}]},
        {"verdict": "maybe"},
        {"type": "enrolment"},
        {"more": 1},
    ],
    ids=str,
)
def test_a_vote_that_cannot_be_is_refused(house: House, shown: JobDetail, change: dict[str, Any]):
    body = house.ana.sign(shown, "approve").model_dump(mode="json", by_alias=True)
    body["signed"]["vote"] |= change
    with house.unmoved():
        response = house.ana.http.post(f"/v1/jobs/{shown.id}/votes", json=body)
        problem(response, 422, "invalid-request")


@pytest.mark.threat("T12")
def test_a_vote_is_no_other_statement(house: House):
    """The signature of one kind of statement is used for another kind that looks alike."""
    from govd.contract.votes import signing_bytes

    enrolment = house.enrolment(name="x")
    with house.unmoved():
        raw = house.ana.key.sign(signing_bytes(enrolment).replace(b"enrolment/v1", b"vote/v1", 1))
        signature = base64.b64encode(raw).decode()
        problem(house.enrol(enrolment, signature), 403, "forbidden")


# -- a backend that lies -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def minted(house: House) -> Minted:
    """What an executor is handed for an action that ana has approved."""
    job = held(house)
    house.ana.approve(job)
    intent = house.bot.http.get(f"/v1/jobs/{job}").json()["intents"][0]["id"]
    answer = house.runner.http.post(f"/v1/intents/{intent}/attestation")
    return Minted.model_validate(answer.json())


@pytest.fixture
def pins(house: House) -> PinnedOperators:
    """What the executor was told by hand."""
    return PinnedOperators(operators={"ana": votekey.public_text(house.ana.key)}, require_votes=True)


def test_an_approval_that_ana_signed_satisfies_an_executor_that_pins_her_key(
    pins: PinnedOperators, minted: Minted
):
    pins.check(minted.claims, minted)


def lies(minted: Minted) -> dict[str, Minted]:
    """What a backend that was taken over could hand out instead: it has every key but the operators'."""
    own = votekey.generate()
    real = minted.votes[0]
    forged = SignedVote(vote=real.vote, signature=sign(real.vote, own))
    other = minted.claims.model_copy(update={"intent_sha256": "f" * 64})
    denial = real.vote.model_copy(update={"verdict": "approve", "reason_commitment": "0" * 64})
    turned = SignedVote(vote=denial, signature=real.signature)
    stranger = real.vote.model_copy(update={"operator": "zoe"})
    by_zoe = SignedVote(vote=stranger, signature=sign(stranger, own))

    def decided_by(signed: SignedVote) -> Any:
        approver = Approver(operator=signed.vote.operator, vote_sha256=vote_sha256(signed))
        claims = minted.claims.model_copy(update={"decided_by": [approver]})
        return minted.model_copy(update={"claims": claims, "votes": [signed]})

    return {
        "a vote that it signed itself": decided_by(forged),
        "a denial that it turned round": decided_by(turned),
        "an operator that it made up": decided_by(by_zoe),
        "a vote on another action": minted.model_copy(update={"claims": other}),
        "no votes at all": minted.model_copy(update={"votes": []}),
        "no nonce": minted.model_copy(update={"nonce": None}),
        "another nonce": minted.model_copy(update={"nonce": "00" * 32}),
        "a nonce that is none": minted.model_copy(update={"nonce": "zz"}),
        "nobody": minted.model_copy(update={"claims": minted.claims.model_copy(update={"decided_by": []})}),
        "policy alone": minted.model_copy(
            update={"claims": minted.claims.model_copy(update={"decided_by": "policy"})}
        ),
    }


@pytest.mark.threat("T12")
@pytest.mark.parametrize("lie", [
    "a vote that it signed itself", "a denial that it turned round", "an operator that it made up",
    "a vote on another action", "no votes at all", "no nonce", "another nonce", "a nonce that is none",
    "nobody", "policy alone",
])  # fmt: skip
def test_an_executor_that_pins_operators_refuses_an_approval_that_was_made_up(
    pins: PinnedOperators, minted: Minted, lie: str
):
    """govd itself was taken over, and approves on its own with all the keys that it has."""
    told = lies(minted)[lie]
    with pytest.raises(RedeemRefusedError):
        pins.check(told.claims, told)
