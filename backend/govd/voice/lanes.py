"""Lanes for clips that nobody can fill alone.

Must never run on the threads that everything else waits for.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, TypeVar

from govd.contract.errors import QuotaError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")

MOST_OF_ONE: Final = 2
"""Clips of one agent, or of one operator, that are received or looked at at the same time."""

MOST: Final = 12
"""The same of all agents, and apart from them of all operators: a clip may take 25 MiB of memory."""

AT_ONCE: Final = 3
"""Clips that are decoded and embedded at the same time, in each lane."""

_RETRY_S: Final = 2

_here: Final = threading.local()
"""`leave` of the lane that a thread works for."""


def leave_lane() -> None:
    """Give place in the lane back before a wait for somebody else. Outside a lane it does nothing.

    What is left of the work goes on in its thread, beside the lane: it must be short. Whoever calls this
    bounds by himself how many wait so.
    """
    leave = getattr(_here, "leave", None)
    if leave is not None:
        leave()


class Lane:
    """Bounded room for clips, with threads of its own: agents' clips never keep an operator waiting.

    Args:
        name: Of its threads.
        gone: How many at most have left it and are not done: each keeps its thread.
    """

    def __init__(self, name: str, *, gone: int) -> None:
        self._name, self._most_threads = name, AT_ONCE + gone
        self._lock = threading.Lock()
        self._places: dict[str, int] = {}
        self._turns: dict[str, asyncio.Lock] = {}
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._threads: ThreadPoolExecutor | None = None

    @contextlib.contextmanager
    def place(self, who: str) -> Iterator[None]:
        """Room for one clip, taken before its first byte is read.

        Raises:
            QuotaError: this identity, or all together, have as many under way as they may.
        """
        with self._lock:
            own = self._places.get(who, 0)
            if own >= MOST_OF_ONE or sum(self._places.values()) >= MOST:
                raise QuotaError("too many clips are under way: send them one by one", retry_after=_RETRY_S)
            self._places[who] = own + 1
        try:
            yield
        finally:
            with self._lock:
                self._places[who] -= 1
                if not self._places[who]:
                    del self._places[who]

    async def run(self, who: str, work: Callable[[], T]) -> T:
        """Do it in a thread of this lane; of each identity one after the other, so that it never has all.

        Work that waits for somebody else gives its place back first: see `leave_lane`.
        """
        if self._threads is None:
            self._threads = ThreadPoolExecutor(self._most_threads, thread_name_prefix=f"voice-{self._name}")
        loop = asyncio.get_running_loop()
        left: asyncio.Future[None] = loop.create_future()

        def gone() -> None:
            if not left.done():
                left.set_result(None)

        def leave() -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits for a place
                loop.call_soon_threadsafe(gone)

        def staying() -> T:
            _here.leave = leave
            try:
                return work()
            finally:
                _here.leave = None

        async with self._turns.setdefault(who, asyncio.Lock()), self._slots:
            running = loop.run_in_executor(self._threads, staying)
            ends: list[asyncio.Future[Any]] = [running, left]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        return await running

    def close(self) -> None:
        """Start nothing more."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)
