"""Who somebody is: tokens tied to one peer, additions that are signed, executors that are no agents."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from govd.contract import votekey
from govd.contract.votes import sign
from govd.identities.model import new_token, token_digest
from tests.security.house import TRANSFER, House, problem, submission
from tests.security.people import NOBODY, knock
from tests.support import needs

if TYPE_CHECKING:
    import httpx

    from tests.support.operator import Operator


def alarms(house: House, kind: str) -> list[str]:
    """The subjects of the standing alarms of that kind."""
    house.bot.http.post("/v1/jobs", json={"title": "t"})  # what was written before this is written by now
    return [item["subject"] for item in house.ana.get("/v1/alarms")["alarms"] if item["kind"] == kind]


def state_of(house: House, kind: str, name: str) -> str:
    """What the operators' list says of an identity."""
    found = house.ana.get(f"/v1/{kind}s")["identities"]
    return str(next(item["state"] for item in found if item["name"] == name))


def transfer(agent: httpx.Client) -> dict[str, Any]:
    """An intent that policy approves."""
    answer = agent.post("/v1/intents", json={"kind": "tool_call", "action": TRANSFER})
    found: dict[str, Any] = answer.json()
    assert found["state"] == "approved", found
    return found


# -- tokens ------------------------------------------------------------------------------------------------


@pytest.mark.threat("T3")
def test_a_token_that_a_second_user_shows_is_suspended_and_the_operator_is_told(house: House):
    """Another local user has copied an agent's token and uses it over loopback."""
    needs.root()
    token = house.ana.post("/v1/agents", {"name": "copied"})["token"]
    with house.with_token(token) as agent:
        assert agent.get("/v1/me").status_code == 200
        heard = knock(NOBODY, token, port=house.govd.port)
        assert (heard.status, heard.body["type"]) == (401, "urn:govconsole:error:unauthenticated")
        problem(agent.get("/v1/me"), 401, "unauthenticated")
    assert alarms(house, "token-two-peers").count("agent:copied") == 1
    assert state_of(house, "agent", "copied") == "suspended"
    assert house.ana.get("/v1/overview")["alarms"] >= 1


@pytest.mark.threat("T3")
def test_an_executors_token_is_tied_to_its_user_too(house: House):
    """An agent has found an executor's token and redeems with it under its own user."""
    needs.root()
    token = new_token("executor")
    house.enrol(house.enrolment(name="found", token_sha256=token_digest(token)))
    with house.with_token(token) as executor:
        assert executor.get("/v1/me").status_code == 200
    heard = knock(NOBODY, token, port=house.govd.port, path="/v1/attestations/redeem", method="POST")
    assert heard.status == 401
    assert state_of(house, "executor", "found") == "suspended"
    assert "executor:found" in alarms(house, "token-two-peers")


@pytest.mark.threat("T1", "T3")
def test_a_token_shown_by_another_user_than_its_agent_runs_as_is_suspended_at_its_first_use(house: House):
    """A token is taken before its agent has ever shown it."""
    with house.agent("early", uid=os.getuid() + 1) as thief:
        problem(thief.get("/v1/me"), 401, "unauthenticated")
    assert state_of(house, "agent", "early") == "suspended"
    assert "agent:early" in alarms(house, "token-two-peers")


@pytest.mark.threat("T3")
def test_an_agents_own_socket_serves_that_agent_alone(house: House):
    """An agent comes in by another agent's socket, to be taken for it."""
    sockets = house.govd.state.with_name(house.govd.state.name + "-agents")
    ask = "GET /v1/me HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\r\n"
    with house.unmoved():
        (own,) = house.talk(ask.format(house.bot.token).encode(), door=sockets / "bot.sock")
        (strange,) = house.talk(ask.format(house.other.token).encode(), door=sockets / "bot.sock")
        (nobody,) = house.talk(ask.format("x").encode(), door=sockets / "bot.sock")
        assert own.status == 200
        problem(strange, 403, "forbidden")
        problem(nobody, 401, "unauthenticated")
    assert stat.S_IMODE((sockets / "bot.sock").stat().st_mode) == 0o600


@pytest.mark.threat("T3")
def test_an_expired_token_opens_nothing(house: House):
    """An agent's token of yesterday is found in a log and used today."""
    with house.agent("late") as agent:
        assert agent.get("/v1/me").status_code == 200
        database = house.govd.state / "govd.db"
        with contextlib.closing(sqlite3.connect(database)) as connection, connection:
            connection.execute("update tokens set expires_at = 1 where name = 'late'")
        house.ana.post("/v1/agents", {"name": "later"})  # the tables are read again
        found = problem(agent.get("/v1/me"), 401, "unauthenticated")
        assert "expired" in found["detail"]


@pytest.mark.threat("T3")
def test_a_rotated_token_ends_at_once_and_a_renewed_one_with_its_time(house: House):
    """A token that leaked is replaced, and the thief goes on with the old one."""
    with house.agent("turning") as old:
        renewed = old.post("/v1/me/token").json()["token"]
        with house.with_token(renewed) as second:
            assert {old.get("/v1/me").status_code, second.get("/v1/me").status_code} == {200}
            fresh = house.ana.post("/v1/agents/turning/token")["token"]
            for gone in (old, second):
                problem(gone.get("/v1/me"), 401, "unauthenticated")
        with house.with_token(fresh) as third:
            assert third.get("/v1/me").status_code == 200


@pytest.mark.threat("T3")
def test_no_token_is_kept_or_shown_again(house: House):
    """Somebody reads the database, the log or a listing, and finds tokens in them."""
    held = [house.bot.token, house.runner.token, house.ana.http.headers["Authorization"].split()[1]]
    seen = b"".join(path.read_bytes() for path in house.govd.state.rglob("*") if path.is_file())
    seen += (house.govd.root / "govd.log").read_bytes()
    seen += b"".join(house.ana.http.get(f"/v1/{kind}s").content for kind in ("agent", "executor", "operator"))
    for token in held:
        assert token.encode() not in seen
    assert stat.S_IMODE(house.bot.token_file.stat().st_mode) == 0o600


@pytest.mark.threat("T2", "T3")
def test_what_a_suspended_agent_holds_is_not_redeemed(house: House):
    """An agent is suspended between its approval and the run."""
    with house.agent("halting") as agent:
        token = new_token("executor")
        house.enrol(house.enrolment(name="hand", agents=["halting"], token_sha256=token_digest(token)))
        intent = transfer(agent)
        with house.with_token(token) as hand:
            minted = hand.post(f"/v1/intents/{intent['id']}/attestation").json()
            house.ana.post("/v1/agents/halting/suspend")
            body = {"attestation": minted["attestation"], "intent_sha256": intent["intent_sha256"]}
            refused = problem(hand.post("/v1/attestations/redeem", json=body), 403, "redeem-refused")
            assert refused["reason"] == "agent-suspended"
            problem(agent.get("/v1/me"), 401, "unauthenticated")
            house.ana.post("/v1/agents/halting/resume")
            assert hand.post("/v1/attestations/redeem", json=body).status_code == 200


@pytest.mark.threat("T3")
def test_the_name_of_a_removed_agent_is_never_given_again(house: House):
    """A new agent is given an old name, and with it the standing of the old one."""
    with house.agent("gone") as agent:
        house.ana.http.delete("/v1/agents/gone")
        problem(agent.get("/v1/me"), 401, "unauthenticated")
    with house.unmoved():
        problem(house.ana.http.post("/v1/agents", json={"name": "gone"}), 409, "conflict")
        problem(house.ana.http.post("/v1/agents/gone/resume"), 404, "not-found")
        problem(house.ana.http.post("/v1/agents/gone/token", json={}), 404, "not-found")


# -- additions ---------------------------------------------------------------------------------------------


def new_operator(house: House, name: str) -> Any:
    """An enrolment of an operator that nobody has signed yet."""
    return house.enrolment(
        kind="operator", name=name, agents=[], public_key=votekey.public_text(votekey.generate())
    )


@pytest.mark.threat("T5")
@pytest.mark.parametrize("kind", ["operator", "executor"])
def test_nobody_is_added_without_an_operators_signature(house: House, kind: str):
    """Somebody with an operator's token, and without his key, adds an accomplice."""
    enrolment = new_operator(house, "eve") if kind == "operator" else house.enrolment(name="eve")
    stranger = votekey.generate()
    good = sign(enrolment, house.ana.key)
    altered = enrolment.model_copy(update={"name": "eve-two"})
    old = enrolment.model_copy(update={"signed_at": datetime.now(UTC) - timedelta(minutes=11)})
    early = enrolment.model_copy(update={"signed_at": datetime.now(UTC) + timedelta(minutes=11)})
    unknown = enrolment.model_copy(update={"signed_by": "zoe"})
    with house.unmoved():
        for statement, signature in (
            (enrolment, ""),
            (enrolment, "AAAA"),
            (enrolment, "no base64 at all"),
            (enrolment, sign(enrolment, stranger)),
            (altered, good),
            (old, sign(old, house.ana.key)),
            (early, sign(early, house.ana.key)),
            (unknown, sign(unknown, house.ana.key)),
        ):
            problem(house.enrol(statement, signature), 403, "forbidden")


@pytest.mark.threat("T5")
def test_an_operator_cannot_add_in_the_name_of_another(house: House):
    """An operator signs an addition with his own key and another one's name, or sends another one's."""
    ben = house.operator("ben")
    as_ana = house.enrolment(name="sly")
    as_ben = as_ana.model_copy(update={"signed_by": "ben"})
    with house.unmoved():
        problem(house.enrol(as_ana, sign(as_ana, ben.key), by=ben), 403, "forbidden")
        problem(house.enrol(as_ana, sign(as_ana, house.ana.key), by=ben), 403, "forbidden")
        problem(house.enrol(as_ben, sign(as_ben, house.ana.key), by=house.ana), 403, "forbidden")
    assert house.enrol(as_ben, by=ben).status_code == 201


BAD_ENROLMENTS: dict[str, dict[str, Any]] = {
    "no token": {"name": "x", "token_sha256": None},
    "no agents": {"name": "x", "agents": []},
    "no key": {"kind": "operator", "name": "x", "agents": [], "public_key": None},
    "a key that is none": {"kind": "operator", "name": "x", "agents": [], "public_key": "AAAA"},
}


@pytest.mark.parametrize("name", BAD_ENROLMENTS)
def test_an_addition_that_lacks_something_is_refused_though_it_is_signed(house: House, name: str):
    with house.unmoved():
        problem(house.enrol(house.enrolment(**BAD_ENROLMENTS[name])), 422, "invalid-request")


@pytest.mark.parametrize(
    "change",
    [
        {"uid": 2**200},
        {"uid": -1},
        {"uid": "0"},
        {"advisory": "yes"},
        {"agents": ["*"]},
        {"agents": ["bot"] * 300},
        {"name": "x\x1b"},
        {"name": "-x"},
        {"signed_at": "2026-11-21T09:00:00"},
        {"signed_at": 5},
        {"signed_at": "0001-01-01T00:00:00+23:00"},
        {"signed_at": "9999-12-31T23:59:59-23:00"},
        {"operation": "promote"},
        {"kind": "agent"},
        {"more": 1},
    ],
    ids=str,
)
def test_an_addition_that_cannot_be_is_refused_before_anything_is_verified(
    house: House, change: dict[str, Any]
):
    enrolment = house.enrolment(name="x")
    body = {"enrolment": enrolment.model_dump(mode="json") | change, "signature": "AAAA"}
    with house.unmoved():
        problem(house.ana.http.post("/v1/enrolments", json=body), 422, "invalid-request")


@pytest.mark.threat("T5")
def test_a_signed_addition_cannot_be_sent_twice(house: House):
    """An addition that was recorded is replayed after its executor was removed."""
    enrolment = house.enrolment(name="once", token_sha256="1" * 64)
    signature = sign(enrolment, house.ana.key)
    assert house.enrol(enrolment, signature).status_code == 201
    removal = house.enrolment(operation="remove", name="once", agents=[], token_sha256=None)
    assert house.enrol(removal).status_code == 201
    with house.unmoved():
        problem(house.enrol(enrolment, signature), 409, "conflict")


@pytest.mark.threat("T2", "T5")
def test_an_addition_cannot_bring_a_token_that_is_somebody_elses(house: House):
    """An executor is added with an agent's token, which would then open both doors of it."""
    with house.unmoved():
        for token in (house.bot.token, house.runner.token):
            twin = house.enrolment(name="twin", token_sha256=token_digest(token))
            problem(house.enrol(twin), 409, "conflict")


def removal(house: House, name: str) -> Any:
    """The removal of an operator."""
    return house.enrolment(operation="remove", kind="operator", name=name, agents=[], token_sha256=None)


def two_votes_needed(house: House, job: str) -> None:
    """As a later version's policy would ask: this version's hold with a quorum of two."""
    database = house.govd.state / "govd.db"
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("update holds set quorum = 2 where job = ?", (job,))


def held(house: House) -> str:
    """A job that waits for a person."""
    return str(house.bot.http.post("/v1/intents", json=submission("tool_call")).json()["job"])


def open_for_two(house: House, operator: Operator, job: str) -> Any:
    """The job as reviewed, when two are needed."""
    two_votes_needed(house, job)
    return operator.open(job)


@pytest.mark.threat("T5", "T12")
def test_a_removed_operator_is_out_and_his_standing_votes_lapse(house: House):
    """An operator who was removed has voted before, and his vote still counts towards a quorum."""
    cid, job = house.operator("cid"), held(house)
    cid.cast(cid.sign(open_for_two(house, cid, job), "approve"))
    assert house.ana.queue().model_dump()["jobs"]
    assert house.enrol(removal(house, "cid")).status_code == 201
    problem(cid.http.get("/v1/overview"), 401, "unauthenticated")
    shown = house.ana.open(job)
    assert [vote.lapsed for vote in shown.votes] == [True]
    assert shown.approvals == 0
    assert house.ana.cast(house.ana.sign(shown, "approve")).state == "held"
    with house.unmoved():
        late = house.enrolment(name="late-one", signed_by="cid")
        problem(house.enrol(late, sign(late, cid.key), by=house.ana), 403, "forbidden")


@pytest.mark.threat("T5")
def test_the_last_operator_stays(tmp_path_factory: pytest.TempPathFactory):
    """The one operator is removed, and with him everybody who could sign anything."""
    from tests.support.govd_process import GovdProcess

    with GovdProcess(tmp_path_factory.mktemp("alone")) as govd:
        house = House.furnish(govd)
        with house.unmoved():
            problem(house.enrol(removal(house, "ana")), 409, "conflict")
            assert govd.operator().get("/v1/overview")["operator"] == "ana"
        house.close()


# -- what nobody can say about himself ---------------------------------------------------------------------


@pytest.mark.threat("T4")
def test_an_origin_counts_only_where_the_token_may_state_it(house: House):
    """A job that came in by a chat channel is declared as the user's own."""
    with house.agent("relay", origins=["channel:telegram"]) as relay:
        for path, body in (
            ("/v1/jobs", {"title": "t", "origin": "user"}),
            ("/v1/intents", submission("tool_call", origin="user")),
        ):
            problem(relay.post(path, json=body), 403, "forbidden")
        silent = {**submission("tool_call"), "origin": None}
        assert relay.post("/v1/intents", json=silent).json()["origin"] == "channel:telegram"


@pytest.mark.threat("T4")
def test_a_child_job_and_its_intents_keep_their_parents_origin(house: House):
    """An agent washes the origin of a job by opening a child, which claims to be the user's."""
    with house.agent("washer", origins=["user", "schedule"]) as washer:
        parent = washer.post("/v1/jobs", json={"title": "t", "origin": "schedule"}).json()["id"]
        milder = {"title": "t", "origin": "user", "parent": parent}
        problem(washer.post("/v1/jobs", json=milder), 403, "forbidden")
        child = washer.post("/v1/jobs", json={"title": "t", "parent": parent}).json()["id"]
        claimed = submission("tool_call", origin="user", job=child)
        problem(washer.post("/v1/intents", json=claimed), 403, "forbidden")
        honest = submission("tool_call", origin=None, job=child)
        intent = washer.post("/v1/intents", json=honest).json()
        assert intent["origin"] == "schedule"


@pytest.mark.threat("T4")
def test_the_model_and_the_name_of_an_agent_are_not_what_it_says(house: House):
    """An agent names another agent in its body, and a better model than the one that drives it."""
    with house.unmoved():
        problem(
            house.bot.http.post("/v1/intents", json=submission("tool_call", agent="other")),
            422,
            "invalid-request",
        )
    job = held(house)
    hold = house.ana.open(job).hold
    assert hold is not None
    assert [(item.agent, item.origin_verified) for item in hold.intents] == [("bot", False)]


@pytest.mark.threat("T2", "T4")
def test_an_outcome_counts_only_from_the_executor_that_redeemed(house: House):
    """Another executor, or one that never redeemed, says that an action has succeeded."""
    intent = transfer(house.bot.http)
    token = new_token("executor")
    house.enrol(house.enrolment(name="rival", token_sha256=token_digest(token)))
    report = {"status": "succeeded"}
    with house.with_token(token) as rival:
        problem(rival.post(f"/v1/intents/{intent['id']}/outcome", json=report), 403, "forbidden")
        minted = house.runner.http.post(f"/v1/intents/{intent['id']}/attestation").json()
        body = {"attestation": minted["attestation"], "intent_sha256": intent["intent_sha256"]}
        with house.unmoved():
            problem(rival.post("/v1/attestations/redeem", json=body), 403, "redeem-refused")
        assert house.runner.http.post("/v1/attestations/redeem", json=body).status_code == 200
        problem(house.runner.http.post("/v1/attestations/redeem", json=body), 409, "already-redeemed")
        problem(rival.post(f"/v1/intents/{intent['id']}/outcome", json=report), 403, "forbidden")
    answer = house.runner.http.post(f"/v1/intents/{intent['id']}/outcome", json=report)
    assert answer.json()["state"] == "succeeded"
