"""Events as they are committed, for streams and long polls: audit entries without their content."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from govd.contract.errors import QuotaError
from govd.contract.events import Event
from govd.contract.limits import HEARTBEAT_SECONDS, MAX_STREAMS_PER_IDENTITY
from govd.storage.schema import audit
from govd.times import instant

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence

    from sqlalchemy import Connection, RowMapping

    from govd.audit.model import RecordedEntry
    from govd.contract.heads import Head
    from govd.storage.ledger import Ledger

_QUEUE: Final = 1024
_PAGE: Final = 500


class Hub:
    """Hands committed entries from the writer's thread to whoever listens in the loop."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._loop: asyncio.AbstractEventLoop | None = None
        self._queues: set[asyncio.Queue[Event | None]] = set()
        self._open: Counter[str] = Counter()
        self._closing = False
        ledger.on_commit(self._committed)

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """From now on events go to this loop."""
        self._loop = loop

    def close(self) -> None:
        """End every stream, so that a graceful stop does not wait for them."""
        self._closing = True
        for queue in self._queues:
            _put(queue, None)

    def _committed(self, entries: Sequence[RecordedEntry], _: Head) -> None:
        loop = self._loop
        if loop is None or not self._queues:
            return
        events = [_event(entry) for entry in entries]
        with contextlib.suppress(RuntimeError):  # the loop is closing: its streams end anyway
            loop.call_soon_threadsafe(self._publish, events)

    def _publish(self, events: list[Event]) -> None:
        for queue in list(self._queues):
            for event in events:
                _put(queue, event)

    def refuse_more(self, who: str) -> None:
        """Say so before an answer begins.

        Raises:
            QuotaError: this identity holds as many streams and polls open as it may (threats T18).
        """
        if self._open[who] >= MAX_STREAMS_PER_IDENTITY:
            raise QuotaError(
                f"at most {MAX_STREAMS_PER_IDENTITY} streams and long polls at once", retry_after=1
            )

    @contextlib.contextmanager
    def listening(self, who: str) -> Iterator[asyncio.Queue[Event | None]]:
        """A queue of what happens from now on; None in it ends the stream.

        Raises:
            QuotaError: this identity holds as many streams and polls open as it may (threats T18).
        """
        self.refuse_more(who)
        queue: asyncio.Queue[Event | None] = asyncio.Queue(_QUEUE)
        self._queues.add(queue)
        self._open[who] += 1
        if self._closing:
            _put(queue, None)
        try:
            yield queue
        finally:
            self._queues.discard(queue)
            self._open[who] -= 1

    async def until(
        self, who: str, seconds: float, concerns: Callable[[Event], bool], done: Callable[[], bool]
    ) -> None:
        """Return when `done`, looked at now and after each event that `concerns` it, or when the time is up.

        `done` runs in a thread: it may read. The queue is open before the first look, so nothing is missed.
        """
        with self.listening(who) as queue, contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not await asyncio.to_thread(done):
                    while (event := await queue.get()) is not None and not concerns(event):
                        pass
                    if event is None:
                        return

    def _page(self, seq: int, agents: Collection[str] | None) -> list[Event]:
        return self._ledger.read(lambda connection: _after(connection, seq, agents))

    async def stream(
        self,
        who: str,
        after: int | None,
        agents: Collection[str] | None,
        welcome: Callable[[], bool] = lambda: True,
    ) -> AsyncIterator[bytes]:
        """Server-sent events: those after `after` from the table, then the live ones, none twice.

        A listener that is too slow for its queue is cut off and resumes by `Last-Event-ID`.

        Args:
            who: Whose stream it is, for the quota.
            after: The seq behind which it goes on; None: behind the head. One that the log does not have
                yet is of a log that went back in time: the stream goes on behind the head.
            agents: Only what is about these; None: everything.
            welcome: Asked before each event and each heartbeat; the stream ends where it says no.
        """
        with self.listening(who) as queue:
            last = self._ledger.head.seq
            last = last if after is None else min(last, after)
            yield b": govd\n\n"
            while welcome() and (events := await asyncio.to_thread(self._page, last, agents)):
                for event in events:
                    yield _frame(event)
                last = events[-1].seq
            while welcome():
                try:
                    async with asyncio.timeout(HEARTBEAT_SECONDS):
                        live = await queue.get()
                except TimeoutError:
                    yield b": still here\n\n"
                    continue
                if live is None or not welcome():
                    return
                if live.seq > last and (agents is None or live.agent in agents):
                    yield _frame(live)
                last = max(last, live.seq)


def _put(queue: asyncio.Queue[Event | None], event: Event | None) -> None:
    try:
        queue.put_nowait(event)
    except asyncio.QueueFull:
        while not queue.empty():
            queue.get_nowait()
        queue.put_nowait(None)


def _event(recorded: RecordedEntry) -> Event:
    entry = recorded.entry
    return Event(
        seq=recorded.seq,
        type=entry.type,
        time=recorded.time,
        agent=entry.agent,
        job=entry.job_id,
        intent=entry.intent_id,
    )


def _row_event(row: RowMapping) -> Event:
    return Event(
        seq=row["seq"],
        type=row["type"],
        time=instant(row["time"]),
        agent=row["agent"],
        job=row["job"],
        intent=row["intent"],
    )


def _after(connection: Connection, seq: int, agents: Collection[str] | None) -> list[Event]:
    query = select(audit).where(audit.c.seq > seq).order_by(audit.c.seq).limit(_PAGE)
    if agents is not None:
        query = query.where(audit.c.agent.in_(agents))
    return [_row_event(row) for row in connection.execute(query).mappings()]


def _frame(event: Event) -> bytes:
    return f"id: {event.seq}\nevent: {event.type}\ndata: {event.model_dump_json()}\n\n".encode()
