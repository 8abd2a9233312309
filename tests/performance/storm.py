"""Events at a steady rate: an agent that opens held jobs, and takes them back again, over its own door.

Must never go faster than it was told: what the console does is measured, not what govd can.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    import httpx

    from tests.support.govd_process import GovdProcess

_PER_JOB: Final = 5
"""A held job that is taken back: opened, decided, held; the intent cancelled, the job cancelled."""

_STANDING: Final = 50


class Storm:
    """Runs until it is left; `rate` is what it aims at, `events` what it has caused.

    Args:
        govd: At whose agents' door.
        rate: Events a second.
    """

    def __init__(self, govd: GovdProcess, rate: int = 100) -> None:
        self.rate = rate
        self.events = 0
        self._agent = govd.agent(f"storm-{time.time_ns()}")
        self._over = threading.Event()

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        jobs: deque[str] = deque()
        http, started = self._agent.http, time.perf_counter()
        while not self._over.is_set():
            jobs.append(self._held(http))
            if len(jobs) > _STANDING:
                http.post(f"/v1/jobs/{jobs.popleft()}/cancel").raise_for_status()
                self.events += 2
            self._over.wait(started + self.events / self.rate - time.perf_counter())
        for job in jobs:
            http.post(f"/v1/jobs/{job}/cancel").raise_for_status()

    def _held(self, http: httpx.Client) -> str:
        action = {"tool": "ledger.transfer", "arguments": {"storm": self.events}}
        answer = http.post("/v1/intents", json={"kind": "tool_call", "action": action}).raise_for_status()
        self.events += 3
        return str(answer.json()["job"])
