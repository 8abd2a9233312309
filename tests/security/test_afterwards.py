"""Resolving and revoking: an operator's word, signed; his token alone says nothing (threats T12)."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from govd.contract import logged, votekey
from govd.contract.intents import IntentDetail
from govd.contract.votes import action_commitment, sign, verify
from tests.security.house import House, problem, submission

if TYPE_CHECKING:
    from collections.abc import Iterator

    from govd.contract.afterwards import ResolutionSubmission, RevocationSubmission

    Submission = ResolutionSubmission | RevocationSubmission


def lost(house: House) -> IntentDetail:
    """An action that was approved and started, and nobody knows how it ended."""
    held = house.bot.http.post("/v1/intents", json=submission("tool_call")).json()
    house.ana.approve(held["job"])
    minted = house.runner.http.post(f"/v1/intents/{held['id']}/attestation").json()
    spend = {"attestation": minted["attestation"], "intent_sha256": held["intent_sha256"]}
    assert house.runner.http.post("/v1/attestations/redeem", json=spend).status_code == 200
    house.runner.http.post(f"/v1/intents/{held['id']}/outcome", json={"status": "unknown"})
    return IntentDetail.model_validate(house.ana.get(f"/v1/intents/{held['id']}"))


def waiting(house: House) -> str:
    """A job that waits for a person."""
    return str(house.bot.http.post("/v1/intents", json=submission("tool_call")).json()["job"])


def send(house: House, path: str, body: Submission, **changes: Any) -> Any:
    """The answer to a signed statement; `changes` replaces members after signing."""
    return house.ana.http.post(path, json={**body.model_dump(mode="json"), **changes})


def with_another_key(body: Submission) -> str:
    return sign(body.statement, votekey.generate())


@pytest.fixture
def outcome(house: House) -> Iterator[IntentDetail]:
    """An unknown outcome, settled at the end."""
    found = lost(house)
    yield found
    house.ana.resolve(found.id, "succeeded")


@pytest.mark.threat("T1")
@pytest.mark.threat("T12")
def test_a_stolen_token_says_of_no_payment_that_it_never_ran(house: House, outcome: IntentDetail):
    """An agent that could read the operator's token file has its lost payment called not run: its cap is
    free again.
    """
    path = f"/v1/intents/{outcome.id}/resolution"
    body = house.ana.signed_resolution(outcome, "not_run")
    with house.unmoved():
        unsigned = house.ana.http.post(path, json={"status": "not_run", "reason": "trust me"})
        problem(unsigned, 422, "invalid-request")
        for signature in (with_another_key(body), "", "AAAA", "no base64"):
            problem(send(house, path, body, signature=signature), 403, "forbidden")


@pytest.mark.threat("T1")
@pytest.mark.threat("T12")
def test_a_stolen_token_takes_nothing_back(house: House):
    """Somebody with a token alone revokes what others wait for."""
    job = waiting(house)
    body = house.ana.signed_revocation(job)
    with house.unmoved():
        problem(house.ana.http.post(f"/v1/jobs/{job}/revoke", json={"reason": "so"}), 422, "invalid-request")
        forged = with_another_key(body)
        problem(send(house, f"/v1/jobs/{job}/revoke", body, signature=forged), 403, "forbidden")


@pytest.mark.threat("T12")
def test_a_resolution_is_about_one_action_one_outcome_one_operator_and_now(
    house: House, outcome: IntentDetail
):
    """A good signature is used for another outcome, another action, by another one, or much later."""
    path, ana = f"/v1/intents/{outcome.id}/resolution", house.ana
    good = ana.signed_resolution(outcome, "failed")
    elsewhere, another = action_commitment("0" * 32, outcome.id, "0" * 64), waiting(house)
    later = datetime.now(UTC) + timedelta(hours=1)
    with house.unmoved():
        changed = {**good.model_dump(mode="json")["statement"], "status": "not_run"}
        problem(send(house, path, good, statement=changed), 403, "forbidden")
        problem(send(house, path, good, reason="another"), 422, "invalid-request")
        problem(send(house, path, ana.signed_resolution(outcome, "failed", " ")), 422, "invalid-request")
        for changes, status, code in (
            ({"action": elsewhere}, 409, "review-stale"),
            ({"job": another}, 409, "review-stale"),
            ({"signed_at": later}, 403, "forbidden"),
            ({"signed_at": datetime.now(UTC) - timedelta(hours=1)}, 403, "forbidden"),
            ({"signed_by": "zoe"}, 403, "forbidden"),
        ):
            body = ana.signed_resolution(outcome, "failed", **changes)
            problem(send(house, path, body), status, code)


@pytest.mark.threat("T14")
@pytest.mark.parametrize("hours", [-1, 1])
def test_a_clock_that_was_set_keeps_nobody_from_taking_back(house: House, hours: int):
    """The wall clock is set an hour off: govd keeps its own time, and what is signed names the wall's."""
    job, wall = waiting(house), datetime.now(UTC) + timedelta(hours=hours)

    found = send(house, f"/v1/jobs/{job}/revoke", house.ana.signed_revocation(job, signed_at=wall))

    assert found.json()["state"] == "revoked"


@pytest.mark.threat("T12")
def test_neither_word_is_said_twice(house: House):
    """A statement from the log, or from the line, is sent again."""
    outcome, job = lost(house), waiting(house)
    said = house.ana.signed_resolution(outcome, "failed")
    taken = house.ana.signed_revocation(job)
    path, revoke = f"/v1/intents/{outcome.id}/resolution", f"/v1/jobs/{job}/revoke"
    assert send(house, path, said).json()["state"] == "failed"
    assert send(house, revoke, taken).json()["state"] == "revoked"
    other = waiting(house)
    with house.unmoved():
        problem(send(house, path, said), 409, "conflict")
        problem(send(house, revoke, taken), 409, "job-closed")
        problem(send(house, f"/v1/jobs/{other}/revoke", taken), 409, "review-stale")


def test_both_stand_whole_in_the_log_and_verify_from_there(house: House):
    outcome, job = lost(house), waiting(house)
    house.ana.resolve(outcome.id, "failed")
    house.ana.revoke(job)

    entries = [
        json.loads(line)
        for file in sorted((house.govd.state / "audit").glob("*.jsonl"))
        for line in file.read_text().splitlines()
    ]
    resolved = next(item for item in entries if item["type"] == "intent.resolution_signed")
    revoked = [item for item in entries if item["type"] == "job.revocation_signed"][-1]
    public = votekey.public_text(house.ana.key)
    said = logged.resolution(resolved["job_id"], resolved["intent_id"], resolved["details"])
    for statement, signature in (said, logged.revocation(revoked["job_id"], revoked["details"])):
        assert verify(statement, signature, public), statement
