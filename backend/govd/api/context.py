"""What every route needs: who is asking, and a way to the ledger that does not block the loop."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

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


@dataclass(frozen=True)
class Context:
    """Shared by the routes of one door."""

    doorkeeper: Doorkeeper
    ledger: Ledger
    hub: Hub
    now: Callable[[], datetime]

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Run a work in the writer and wait until it is durable."""
        return await asyncio.wrap_future(self.ledger.submit(work))

    async def read(self, query: Callable[[Connection], T]) -> T:
        """Run a query in the read pool."""
        return await asyncio.to_thread(self.ledger.read, query)


def answer(model: BaseModel, status: int = 200) -> Response:
    """A model as a JSON answer."""
    return Response(model.model_dump_json(by_alias=True), status, media_type="application/json")
