"""A query parameter that a route does not know is an error, not a silence."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.support.govd_process import GovdProcess


def test_an_unknown_query_parameter_is_refused_and_a_known_one_is_not(running: GovdProcess) -> None:
    agent, operator = running.agent(), running.operator()
    assert operator.http.get("/v1/jobs?sate=all").status_code == 422
    assert operator.http.get("/v1/jobs?state=all&limit=3").status_code == 200
    assert operator.http.get("/v1/overview?x=1").status_code == 422
    assert agent.http.post("/v1/intents?dry_run=1", json={}).status_code == 422
    assert agent.http.get("/v1/me").status_code == 200
    job = agent.http.post("/v1/jobs", json={"title": "t"}).json()["id"]
    assert operator.http.get(f"/v1/jobs/{job}?peek=true").status_code == 200
