"""What the demo asks of its own backend beyond what a console asks: its agents, each with a token in a file.

Must never leave a token where others can read it.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Final

from govconsole.client.backend import Backend
from govconsole.paths import Operator, socket_path
from govd.contract.headmemory import HeadMemory
from govd.contract.system import AgentSubmission, TokenIssued

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_AT_ONCE: Final = 4


class _Door(Backend):
    async def add_agent(self, name: str, origins: Sequence[str]) -> str:
        """Add an agent; its token."""
        body = AgentSubmission(name=name, origins=list(origins))
        issued = await self.call(TokenIssued, "POST", "/v1/agents", body=body)
        return issued.token


def add_agents(
    state: Path, operator: Operator, wanted: Mapping[str, Sequence[str]], tokens: Mapping[str, Path]
) -> None:
    """Add agents, and write their tokens down, 0600 each.

    Args:
        state: The backend's state directory.
        operator: Who adds them.
        wanted: Name → the origins that it may state.
        tokens: Name → the file of its token.
    """
    asyncio.run(_add_agents(state, operator, wanted, tokens))


async def _add_agents(
    state: Path, operator: Operator, wanted: Mapping[str, Sequence[str]], tokens: Mapping[str, Path]
) -> None:
    socket = socket_path(state)
    door = _Door(socket, operator.token, HeadMemory(operator.heads, str(socket)))
    places = asyncio.Semaphore(_AT_ONCE)

    async def add(name: str) -> None:
        async with places:
            write_secret(tokens[name], await door.add_agent(name, wanted[name]))

    try:
        await asyncio.gather(*(add(name) for name in wanted))
    finally:
        await door.aclose()


def write_secret(path: Path, text: str) -> None:
    """A new file of 0600 with a secret."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
