"""A door that stops: what is under way on an agent's own socket is answered too, within a bound."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx

from govd.api.server import Door, bind_unix
from govd.contract.plain import no_authorities

if TYPE_CHECKING:
    from pathlib import Path


class Slow:
    """An application that answers when it is told to."""

    def __init__(self) -> None:
        self.asked, self.go_on = asyncio.Event(), asyncio.Event()

    async def __call__(self, _scope: Any, _receive: Any, send: Any) -> None:
        self.asked.set()
        await self.go_on.wait()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})


async def asking(path: Path) -> httpx.Response:
    transport = httpx.AsyncHTTPTransport(uds=str(path), verify=no_authorities())
    async with httpx.AsyncClient(transport=transport, base_url="http://govd", timeout=30) as http:
        return await http.get("/")


async def opened(app: Slow, path: Path) -> Door:
    """A door that has no socket but an agent's own."""
    door = Door(app, 16)
    door.config.load()
    await door.open_unix(bind_unix(path, 0o600), "bot")
    return door


def test_what_is_under_way_on_an_agents_own_socket_is_answered_before_the_end(tmp_path: Path):
    async def life() -> httpx.Response:
        app = Slow()
        door = await opened(app, tmp_path / "bot.sock")
        answer = asyncio.create_task(asking(tmp_path / "bot.sock"))
        await app.asked.wait()
        door.stop()
        draining = asyncio.create_task(door.drain())
        app.go_on.set()
        await draining
        assert not door.server_state.tasks
        return await answer

    answered = asyncio.run(life())
    assert (answered.status_code, answered.text) == (200, "ok")
    assert answered.headers["connection"] == "close"


def test_what_does_not_end_is_not_waited_for(tmp_path: Path):
    async def life() -> None:
        app = Slow()
        door = await opened(app, tmp_path / "bot.sock")
        answer = asyncio.create_task(asking(tmp_path / "bot.sock"))
        await app.asked.wait()
        door.stop()
        await asyncio.wait_for(door.drain(0.05), 10)
        answer.cancel()

    asyncio.run(life())
