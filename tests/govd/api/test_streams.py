"""Event streams: who sees what, until when, and where one goes on."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx

    from tests.support.govd_process import GovdProcess


@contextlib.contextmanager
def listening(client: httpx.Client, last: int | None = None) -> Iterator[Iterator[dict[str, Any]]]:
    """The events of a stream, as they come; it ends where govd ends it."""
    headers = {} if last is None else {"Last-Event-ID": str(last)}
    with client.stream("GET", "/v1/events", headers=headers, timeout=60) as answer:
        assert answer.status_code == 200
        lines = answer.iter_lines()
        assert next(lines) == ": govd"
        yield (json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: "))


@pytest.mark.threat("T18")
def test_an_executor_hears_of_the_agents_that_it_serves_and_of_nobody_else(
    govd_at: Callable[..., GovdProcess],
):
    """An executor of one agent listens to what all the others do, and to who comes and goes."""
    govd = govd_at()
    served, other = govd.agent("bot"), govd.agent("other")
    executor = govd.executor("runner", ["bot"])
    for agent in (other, served):
        agent.http.post("/v1/jobs", json={"title": "work"})

    with listening(executor.http, last=0) as events:
        heard = [next(events), next(events)]

    assert [(event["type"], event["agent"]) for event in heard] == [
        ("agent.added", "bot"),
        ("job.opened", "bot"),
    ]


@pytest.mark.threat("T3")
def test_a_stream_ends_when_its_agent_is_suspended(govd_at: Callable[..., GovdProcess]):
    """A suspended agent keeps the stream that it had opened, and hears on."""
    govd = govd_at()
    agent, operator = govd.agent(), govd.operator()

    with listening(agent.http) as events:
        operator.post("/v1/agents/bot/suspend")
        # Of its own suspension it may hear, if that overtakes the end; of nothing behind it.
        assert [event["type"] for event in events] in ([], ["agent.suspended"])


def test_a_stream_goes_on_behind_the_head_where_the_log_lacks_what_was_seen_last(
    govd_at: Callable[..., GovdProcess],
):
    govd = govd_at()
    agent = govd.agent()

    with listening(agent.http, last=10**9) as events:
        agent.http.post("/v1/jobs", json={"title": "work"})
        assert next(events)["type"] == "job.opened"
