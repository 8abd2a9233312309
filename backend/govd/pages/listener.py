"""The third door: on loopback, open only while a capture ticket stands.

Must never listen on anything but 127.0.0.1, nor stay open when nobody has asked for a page.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from govd.api.server import Door, bind_tcp
from govd.contract.errors import ConflictError
from govd.pages.app import application

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from govd.identities.model import Identity
    from govd.pages.captures import Captures, Issued

log = logging.getLogger(__name__)

ADDRESS: Final = "127.0.0.1"
"""By number, also in the address of the page: `localhost` may be ::1, where another user may listen."""

CONNECTIONS: Final = 64
_GLANCE_S: Final = 1.0


class Pages:
    """The door of the capture page.

    Args:
        captures: The tickets.
        agents: Every agent, whose browsers see no page.
        port: What the settings say; 0: any.
    """

    def __init__(self, captures: Captures, agents: Callable[[], Iterable[Identity]], port: int) -> None:
        self.captures = captures
        self._users = lambda: {agent.uid for agent in agents()}
        self._wanted = port
        self._changing = asyncio.Lock()
        self._door: Door | None = None
        self._port = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def issue(self, operator: str, uid: int | None, prompt: str) -> tuple[Issued, str]:
        """A ticket, and the address that shows its page, token and all.

        Raises:
            ConflictError: the port is somebody else's.
            QuotaError: too many tickets stand.
        """
        async with self._changing:
            if self._door is None:
                await self._open()
            issued = self.captures.issue(operator, uid, prompt)
            return issued, f"http://{ADDRESS}:{self._port}/capture/{issued.id}#{issued.token}"

    async def _open(self) -> None:
        try:
            sock = bind_tcp(ADDRESS, self._wanted)
        except ConflictError as error:
            raise ConflictError(error.detail, hint="set pages_port in govd.toml, or 0 for any") from None
        self._port = sock.getsockname()[1]
        door = Door(application(self.captures, self._users, self._port), CONNECTIONS)
        serving = self._task(door.serve([sock]))
        opened = asyncio.ensure_future(door.opened.wait())
        await asyncio.wait({serving, opened}, return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            opened.cancel()
            sock.close()
            await asyncio.gather(serving, return_exceptions=True)
            raise ConflictError("the door of the capture page did not open", hint="look into govd's log")
        self._door = door
        self._task(self._until_idle(door, serving))

    async def _until_idle(self, door: Door, serving: asyncio.Task[None]) -> None:
        """Close when the last ticket is over. Governed time says when, so somebody has to look."""
        while self._door is door:
            await asyncio.wait({serving}, timeout=_GLANCE_S)
            async with self._changing:
                if self.captures.sweep() == 0 or serving.done():
                    await self._shut(door, serving)

    async def _shut(self, door: Door, serving: asyncio.Task[None]) -> None:
        """Until it is closed: the next one may want the same port."""
        door.stop()
        ended = await asyncio.gather(serving, return_exceptions=True)
        self._door = None
        if isinstance(ended[0], Exception):
            log.error("the door of the capture page failed", exc_info=ended[0])

    async def close(self) -> None:
        """Close, and forget every ticket and clip."""
        self.captures.forget()
        if self._door is not None:
            self._door.stop()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _task(self, work: object) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)  # type: ignore[arg-type]  # a coroutine
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
