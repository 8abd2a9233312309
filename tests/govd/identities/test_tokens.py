"""How many tokens an agent can have, and what is said of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from govd.contract.limits import MAX_TOKENS_PER_AGENT

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.govd_process import GovdProcess


@pytest.mark.threat("T18")
def test_an_agent_cannot_fill_the_directory_with_tokens_of_its_own(govd_at: Callable[..., GovdProcess]):
    """An agent renews its token over and over: each stays good for a day, and all are kept."""
    govd = govd_at()
    agent, operator = govd.agent(), govd.operator()

    renewed = [agent.http.post("/v1/me/token") for _ in range(MAX_TOKENS_PER_AGENT - 1)]
    refused = agent.http.post("/v1/me/token")

    assert {answer.status_code for answer in renewed} == {200}
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 0
    # An operator always can: his rotation ends the others.
    assert operator.post("/v1/agents/bot/token")["token"]


def test_of_several_tokens_the_one_that_lasts_longest_is_told(govd_at: Callable[..., GovdProcess]):
    govd = govd_at()
    operator = govd.operator()
    issued = operator.post("/v1/agents", {"name": "short", "ttl_s": 600})
    govd.agent("bot")
    token_file = govd.root / "tokens" / "short.token"
    token_file.write_text(issued["token"])

    renewed = [
        govd.client("short", token_file).http.post("/v1/me/token").json()["token_expires_at"]
        for _ in range(4)
    ]

    (short,) = [item for item in operator.get("/v1/agents")["identities"] if item["name"] == "short"]
    assert len(set(renewed)) == 4
    assert short["token_expires_at"] == max(renewed), "each is told when it ends, to the microsecond"
