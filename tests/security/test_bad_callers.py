"""Whoever asks for what is not his, or for what is not there, learns nothing, and it costs nothing."""

from __future__ import annotations

import json

import httpx
import pytest

from tests.security.house import HASH, NOBODYS_ID, TRANSFER, House, problem, submission
from tests.support.pushes import evidence

GOOD = json.dumps(submission("tool_call")).encode()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("PUT", "/v1/intents", 405),
        ("DELETE", "/v1/jobs", 405),
        ("GET", "/v1/intents", 405),
        ("TRACE", "/health", 405),
        ("OPTIONS", "/v1/intents", 405),
        ("GET", "/v1/overview", 404),
        ("GET", "/v1/agents", 404),
        ("POST", "/v1/enrolments", 404),
        ("POST", "/v1/policy", 404),
        ("GET", "/openapi.json", 404),
        ("GET", "/docs", 404),
        ("GET", "/v1/me/", 404),
        ("GET", "/v1//me", 404),
        ("GET", "/../../etc/passwd", 404),
        ("GET", "/%00", 404),
    ],
)
def test_what_is_not_a_route_of_this_door_is_a_plain_error(house: House, method: str, path: str, status: int):
    with house.unmoved():
        problem(house.bot.http.request(method, path), status, f"http-{status}")


@pytest.mark.parametrize(
    "path",
    [
        "/v1/jobs/x",
        "/v1/jobs/%1b%5b2J",
        "/v1/intents/" + "a" * 5_000,
        f"/v1/intents/{NOBODYS_ID}?wait=nan",
        f"/v1/intents/{NOBODYS_ID}?wait=-1",
        f"/v1/intents/{NOBODYS_ID}?wait=1e400",
        f"/v1/intents/{NOBODYS_ID}?wait=61",
        "/v1/intents/01900000-ABCD-7000-8000-000000000000",
    ],
)
def test_a_parameter_that_cannot_be_is_refused(house: House, path: str):
    with house.unmoved():
        problem(house.bot.http.get(path), 422, "invalid-request")


@pytest.mark.threat("T3")
@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Basic Ym90OmJvdA==",
        "Bearer gova_" + "A" * 43,
        "Bearer gova_" + "A" * 5_000,
        "Bearer govx_something",
        "Bearer gova_\xe9",
        "Bearer TOKEN extra",
        "TOKEN",
    ],
)
def test_no_token_or_a_wrong_one_opens_nothing(house: House, header: str | None):
    """Somebody knocks without a token, with an empty one, or with one that he made up."""
    if header is not None:
        header = header.replace("TOKEN", house.bot.token)
    headers = {} if header is None else {b"Authorization": header.encode("latin-1")}
    with house.unmoved(), httpx.Client(base_url=house.govd.url, headers=headers) as stranger:
        for call in (
            stranger.post("/v1/intents", content=GOOD),
            stranger.get("/v1/me"),
            stranger.get("/v1/events"),
            stranger.post("/v1/attestations/redeem", json={}),
        ):
            problem(call, 401, "unauthenticated")
            assert call.headers["www-authenticate"] == "Bearer"
        assert set(stranger.get("/health").json()) == {"status"}


@pytest.mark.threat("T2")
def test_an_agents_token_does_nothing_at_an_executors_route(house: House):
    """An agent mints, redeems and reports the outcome of its own intent."""
    intent = house.bot.http.post("/v1/intents", json={"kind": "tool_call", "action": TRANSFER}).json()["id"]
    with house.unmoved():
        for path, body in (
            (f"/v1/intents/{intent}/attestation", {}),
            ("/v1/attestations/redeem", {"attestation": "x.y.z", "intent_sha256": HASH}),
            (f"/v1/intents/{intent}/outcome", {"status": "succeeded"}),
            (f"/v1/intents/{intent}/evidence", evidence()),
        ):
            problem(house.bot.http.post(path, json=body), 403, "forbidden")


@pytest.mark.threat("T2")
def test_an_executors_token_declares_nothing(house: House):
    """An executor declares, cancels and delivers in the name of the agent that it serves."""
    job = house.bot.http.post("/v1/jobs", json={"title": "t"}).json()["id"]
    with house.unmoved():
        for path, body in (
            ("/v1/intents", submission("tool_call")),
            ("/v1/jobs", {"title": "t"}),
            (f"/v1/jobs/{job}/cancel", {}),
            (f"/v1/jobs/{job}/deliver", {}),
            ("/v1/me/token", {}),
        ):
            problem(house.runner.http.post(path, json=body), 403, "forbidden")


@pytest.mark.threat("T2", "T3")
def test_tokens_of_agents_and_executors_open_nothing_at_the_operators_door(house: House):
    """An agent that reached the operators' socket shows its own token, and tries every verb."""
    transport = httpx.HTTPTransport(uds=str(house.govd.operators_socket))
    with house.unmoved(), httpx.Client(transport=transport, base_url="http://operators") as client:
        for token in (house.bot.token, house.runner.token):
            headers = {"Authorization": f"Bearer {token}"}
            for method, path in (
                ("GET", "/v1/overview"),
                ("GET", "/v1/jobs"),
                ("GET", f"/v1/jobs/{NOBODYS_ID}"),
                ("POST", f"/v1/jobs/{NOBODYS_ID}/votes"),
                ("POST", "/v1/agents"),
                ("POST", "/v1/enrolments"),
                ("POST", "/v1/policy"),
                ("POST", "/v1/reload"),
                ("GET", "/v1/events"),
            ):
                problem(client.request(method, path, headers=headers), 403, "forbidden")


@pytest.mark.threat("T2")
def test_an_operators_token_is_no_agents(house: House):
    """An operator's token is used to declare an intent at the agents' door."""
    with house.unmoved():
        headers = {"Authorization": house.ana.http.headers["Authorization"]}
        problem(house.bot.http.post("/v1/intents", content=GOOD, headers=headers), 403, "forbidden")


@pytest.mark.threat("T4")
def test_another_agents_job_and_intent_answer_as_if_there_were_none(house: House):
    """An agent learns from an error whether a job or an intent of another one exists."""
    job = house.bot.http.post("/v1/jobs", json={"title": "t"}).json()["id"]
    intent = house.bot.http.post("/v1/intents", json=submission("tool_call", job=job)).json()["id"]

    def tries(job: str, intent: str) -> list[httpx.Response]:
        http = house.other.http
        return [
            http.get(f"/v1/jobs/{job}"),
            http.post(f"/v1/jobs/{job}/cancel"),
            http.post(f"/v1/jobs/{job}/deliver"),
            http.post("/v1/jobs", json={"title": "t", "parent": job}),
            http.post("/v1/intents", json=submission("tool_call", job=job)),
            http.post("/v1/intents", json=submission("tool_call", supersedes=intent)),
            http.get(f"/v1/intents/{intent}"),
            http.get(f"/v1/intents/{intent}?wait=1"),
            http.post(f"/v1/intents/{intent}/cancel"),
        ]

    with house.unmoved():
        for real, none in zip(tries(job, intent), tries(NOBODYS_ID, NOBODYS_ID), strict=True):
            assert problem(real, 404, "not-found") == problem(none, 404, "not-found")


@pytest.mark.threat("T2")
def test_an_executor_of_other_agents_sees_no_intent(house: House):
    """An executor asks for the attestation of an agent that it was not added for."""
    body = {"kind": "tool_call", "action": TRANSFER}
    intent = house.other.http.post("/v1/intents", json=body).json()["id"]
    with house.unmoved():
        runner = house.runner.http
        for response in (
            runner.get(f"/v1/intents/{intent}"),
            runner.post(f"/v1/intents/{intent}/attestation"),
            runner.post(f"/v1/intents/{intent}/outcome", json={"status": "succeeded"}),
        ):
            problem(response, 404, "not-found")


def test_an_idempotency_key_with_another_body_is_refused_and_books_nothing(house: House):
    first = {"kind": "tool_call", "action": TRANSFER, "idempotency_key": "once"}
    intent = house.bot.http.post("/v1/intents", json=first).json()["id"]
    changed = {**TRANSFER, "arguments": {"amount": "11", "currency": "USD"}}
    with house.unmoved():
        assert house.bot.http.post("/v1/intents", json=first).json()["id"] == intent
        for body in ({**first, "action": changed}, {**first, "purpose": "x"}):
            problem(house.bot.http.post("/v1/intents", json=body), 409, "idempotency-conflict")


def test_nothing_of_all_this_was_an_unexpected_error(house: House):
    """The last of this file: the log of the whole house tells of no error that was not meant."""
    assert "unexpected error" not in house.govd.log()
    assert '"exception"' not in house.govd.log()
