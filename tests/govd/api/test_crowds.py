"""Connections that say nothing: they have an end, and they never take what operators need."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from starlette.applications import Starlette

from govd.api.server import Door, bind_tcp
from govd.contract.limits import MAX_CONNECTIONS_PER_PEER
from tests.support import needs

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.govd_process import GovdProcess

HASTY = """
import os, socket, sys
port, uid, token = int(sys.argv[1]), int(sys.argv[2]), sys.stdin.read()
os.setuid(uid)
caller = socket.socket()
caller.connect(("127.0.0.1", port))
head = "GET /v1/me HTTP/1.1", "Host: x", f"Authorization: Bearer {token}", "", ""
caller.sendall("\\r\\n".join(head).encode())
if len(sys.argv) > 3:
    caller.recv(65536)
"""


@pytest.mark.threat("T18")
def test_silent_connections_of_one_user_leave_room_for_everybody_else(govd_at: Callable[..., GovdProcess]):
    """A local user opens connections and says nothing, until no descriptor is left for operators."""
    govd = govd_at()
    assert govd.process is not None
    with contextlib.ExitStack() as stack:
        silent = [
            stack.enter_context(socket.create_connection(("127.0.0.1", govd.port)))
            for _ in range(MAX_CONNECTIONS_PER_PEER + 10)
        ]
        silent[-1].settimeout(30)
        with contextlib.suppress(ConnectionResetError):
            assert silent[-1].recv(1) == b"", "one too many is hung up on"
        assert govd.operator().get("/v1/overview")["status"] == "ok"
        descriptors = Path(f"/proc/{govd.process.pid}/fd")
        assert sum(1 for _ in descriptors.iterdir()) < MAX_CONNECTIONS_PER_PEER + 100


@pytest.mark.threat("T3")
def test_an_agent_that_hangs_up_before_it_is_heard_is_not_taken_for_another_user(
    govd_at: Callable[..., GovdProcess],
):
    """A socket that its process has left is listed as root's: a killed client would suspend its agent."""
    needs.root()
    govd = govd_at()
    agent, process = govd.agent(), govd.process
    assert process is not None

    def hasty(*more: str) -> None:
        argv = [sys.executable, "-c", HASTY, str(govd.port), "65534", *more]
        subprocess.run(argv, input=agent.token.encode(), check=True, timeout=30)

    hasty("and waits")
    process.send_signal(signal.SIGSTOP)
    try:
        hasty()
    finally:
        process.send_signal(signal.SIGCONT)
    # Doors open in the order of arrival: when this one is answered, the one before it has been.
    assert agent.http.get("/health", headers={"Authorization": ""}).status_code == 200
    assert [item["state"] for item in govd.govd_json("agents", "list")["agents"]] == ["active"]


@pytest.mark.asyncio
async def test_who_comes_when_the_door_is_full_is_told_so_in_the_form_of_every_error():
    listening = bind_tcp("127.0.0.1", 0)
    port = listening.getsockname()[1]
    door = Door(Starlette(), connections=1)
    serving = asyncio.create_task(door.serve([listening]))
    await door.opened.wait()

    _, first = await asyncio.open_connection("127.0.0.1", port)
    reader, second = await asyncio.open_connection("127.0.0.1", port)
    head, _, body = (await asyncio.wait_for(reader.read(), 30)).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 503 ")
    assert b"application/problem+json" in head
    assert json.loads(body)["status"] == 503
    for writer in (first, second):
        writer.close()
    door.stop()
    await serving
