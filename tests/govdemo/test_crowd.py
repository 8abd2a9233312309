"""The crowd declares everything once, keeps to its quota, and waits where it is told to."""

from __future__ import annotations

import asyncio
import io
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from govconsole.demo import crowd as stage
from govd.contract.errors import QuotaError, UnreachableError
from govd.contract.limits import MAX_PENDING_PER_AGENT
from govdemo.crowd import Crowd
from govdemo.crowd_content import asks
from govdemo.line import Line

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

BUSY = {"type": QuotaError("").problem()["type"], "detail": "too much waits", "retry_after": 0}


@dataclass
class Door:
    """An agents' door that takes everything, but for what it was told to refuse first."""

    refuse: list[tuple[int, dict[str, Any]] | None] = field(default_factory=list)
    taken: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    connections: int = 0
    url: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode().split("\r\n")
                fields = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
                body = json.loads(await reader.readexactly(int(fields["content-length"])))
                answer = self.refuse.pop(0) if self.refuse else (200, {"id": f"job-{len(self.taken)}"})
                if answer is None:
                    break
                if answer[0] == 200:
                    token = fields["authorization"].removeprefix("bearer ")
                    self.taken.append((token, lines[0].split(" ")[1], body))
                raw = json.dumps(answer[1]).encode()
                writer.write(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n" % (answer[0], len(raw)) + raw)
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    found = Door()
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    found.url = f"http://{host}:{port}"
    yield found
    server.close()


async def test_every_job_is_declared_once_by_the_agent_whose_it_is(door: Door) -> None:
    agents = [(name, f"token-of-{name}") for name in ("web-bot-01", "ops-bot-01", "docs-bot-01")]
    crowd = Crowd(door.url, agents, 31, seed=4)
    await crowd.run()
    assert crowd.done == 31
    wanted = Counter(
        {
            f"token-of-{name}": sum(len(ask.intents) for ask in asks(4, name, count))
            for (name, _), count in zip(agents, (11, 10, 10), strict=True)
        }
    )
    assert Counter(token for token, path, _ in door.taken if path == "/v1/intents") == wanted
    keys = [body["idempotency_key"] for _, path, body in door.taken if path == "/v1/intents"]
    assert len(set(keys)) == len(keys)


async def test_a_crowd_that_is_told_to_wait_or_loses_its_line_asks_again(door: Door) -> None:
    door.refuse = [(429, BUSY), None, (429, BUSY)]
    crowd = Crowd(door.url, [("web-bot-01", "token")], 2, seed=1)
    await crowd.run()
    assert crowd.done == 2


async def test_a_line_is_kept_and_a_refusal_is_an_error_by_its_code(door: Door) -> None:
    async with Line(door.url, "token") as line:
        assert await line.post("/v1/jobs", {}) == {"id": "job-0"}
        door.refuse = [(429, BUSY)]
        with pytest.raises(QuotaError):
            await line.post("/v1/jobs", {})
        assert await line.post("/v1/jobs", {}) == {"id": "job-1"}
    assert door.connections == 1


async def test_a_line_that_breaks_is_no_answer(door: Door) -> None:
    door.refuse = [None]
    async with Line(door.url, "token") as line:
        with pytest.raises(UnreachableError):
            await line.post("/v1/jobs", {})


@pytest.mark.parametrize("jobs", [1, 799, 800, 801, 5000, 100_000])
def test_no_agent_of_a_crowd_gets_more_than_it_may_have_waiting(jobs: int) -> None:
    names = list(stage.names(jobs))
    assert len(set(names)) == len(names)
    share = -(-jobs // len(names))
    intents = sum(len(ask.intents) for ask in asks(1, names[0], share))
    assert intents < MAX_PENDING_PER_AGENT


def test_progress_tells_how_many_how_fast_and_how_long_still() -> None:
    lines = io.BytesIO(
        b'{"done": 500, "of": 2000, "seconds": 2}\nnonsense\n{"done": 2000, "of": 2000, "seconds": 90}\n'
    )
    begun, over = stage.progress(lines)
    assert begun.sentence() == "500 of 2,000 jobs declared · 250/s · 6 s left"
    assert over.over
    assert over.sentence() == "2,000 jobs were declared in 1:30 min · 22/s"
