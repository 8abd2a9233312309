"""What every route needs: who is asking, and a way to the ledger that does not block the loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from pydantic import BaseModel
    from sqlalchemy import Connection

    from govd.api.auth import Doorkeeper
    from govd.api.hub import Hub
    from govd.storage.ledger import Ledger, Transaction

T = TypeVar("T")


class Results:
    """Brings the writer's results into the event loop, a whole group with one wake-up.

    `asyncio.wrap_future` would wake the loop for each of them.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._done: deque[tuple[asyncio.Future[Any], Any, BaseException | None]] = deque()
        self._called = False

    async def of(self, work: Callable[[Transaction], T]) -> T:
        """What the work returned, or its error, once it is durable."""
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[T] = loop.create_future()

        def arrived(value: T, error: BaseException | None) -> None:
            self._done.append((waiting, value, error))
            if not self._called:
                self._called = True
                with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                    loop.call_soon_threadsafe(self._hand_out)

        self._ledger.hand_in(work, arrived)
        return await waiting

    def _hand_out(self) -> None:
        self._ledger.give_way()
        self._called = False  # before the first is taken: what arrives from here on calls again
        while self._done:
            waiting, value, error = self._done.popleft()
            if waiting.done():
                continue
            if error is None:
                waiting.set_result(value)
            else:
                waiting.set_exception(error)


@dataclass(frozen=True)
class Context:
    """Shared by the routes of one door."""

    doorkeeper: Doorkeeper
    ledger: Ledger
    hub: Hub
    now: Callable[[], datetime]
    results: Results

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Run a work in the writer and wait until it is durable."""
        self.ledger.give_way()
        return await self.results.of(work)

    async def read(self, query: Callable[[Connection], T]) -> T:
        """Run a query in the read pool."""
        return await asyncio.to_thread(self.ledger.read, query)


def answer(model: BaseModel, status: int = 200) -> Response:
    """A model as a JSON answer."""
    return Response(model.model_dump_json(by_alias=True), status, media_type="application/json")
