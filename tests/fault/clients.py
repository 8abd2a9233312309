"""Sixteen clients that a killed backend leaves in the dark: each sends what was not answered again.

Must never count an answer that did not arrive, nor hide one that contradicts an earlier one.
"""

from __future__ import annotations

import queue
import random
import threading
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx

from tests.fault.books import Keys
from tests.fault.journal import Journal, Wanted
from tests.fault.policies import body

if TYPE_CHECKING:
    from tests.support.govd_process import GovdProcess

MOST_HELD = 40
"""So many held intents a client lets stand before it withdraws one."""

TOOLS = ("search.web",) * 3 + ("pay.vendor",) * 4 + ("post.note",) * 2 + ("wipe.all", "odd")


class OverError(Exception):
    """The run has ended."""


class Power:
    """Whether govd is up, as far as its clients know, and how many answers they had."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._up = self._over = False
        self._answers = 0
        self.lost = 0

    def switch(self, *, up: bool) -> None:
        """Let the clients go on, or stop them at their next request."""
        with self._condition:
            self._up = up
            self._condition.notify_all()

    def end(self) -> None:
        """No client sends anything any more."""
        with self._condition:
            self._over = True
            self._condition.notify_all()

    def wait(self) -> None:
        """Wait until govd is up."""
        with self._condition:
            self._condition.wait_for(lambda: self._up or self._over)
            if self._over:
                raise OverError

    def pause(self) -> None:
        """There is nothing to do: until somebody else has had an answer, or a moment has passed."""
        with self._condition:
            self._condition.wait(0.1)

    def answered(self) -> None:
        """One answer has arrived."""
        with self._condition:
            self._answers += 1
            self._condition.notify_all()

    def broken(self) -> None:
        """One answer never arrived."""
        with self._condition:
            self.lost += 1

    def until_answers(self, more: int) -> bool:
        """Wait for so many more answers; False where they do not come within three minutes."""
        with self._condition:
            goal = self._answers + more
            return self._condition.wait_for(lambda: self._answers >= goal, 180)


@dataclass
class World:
    """What the clients of one run share."""

    govd: GovdProcess
    seed: int
    power: Power = field(default_factory=Power)
    journal: Journal = field(default_factory=Journal)
    approved: queue.SimpleQueue[str] = field(default_factory=queue.SimpleQueue)

    def offer(self, intent: str, rng: random.Random) -> None:
        """An approved intent, for an executor; at times for two of them."""
        for _ in range(2 if rng.random() < 0.3 else 1):
            self.approved.put(intent)


class Worker(ABC, threading.Thread):
    """One client in a thread of its own."""

    def __init__(self, world: World, name: str, http: httpx.Client) -> None:
        super().__init__(name=name, daemon=True)
        self.world, self.http = world, http
        self.rng = random.Random(f"{world.seed}:{name}")  # noqa: S311 - repeatable choices, no secrets
        self.journal = world.journal
        self.asking = ""

    def run(self) -> None:
        """Take steps until the run ends; an error is a finding, and never silent."""
        try:
            while True:
                self.step()
        except OverError:
            pass
        except Exception as error:  # noqa: BLE001 - a thread's error has nowhere else to go
            self.journal.blame(f"{self.name}: {type(error).__name__}: {error}")
        finally:
            self.http.close()

    @abstractmethod
    def step(self) -> None:
        """One thing that such a client does."""

    def call(self, method: str, path: str, content: object = None) -> tuple[httpx.Response, bool]:
        """Send until an answer arrives. The second member: whether an answer was lost before."""
        lost = False
        while True:
            self.world.power.wait()
            self.asking = f"{method} {path}"
            try:
                response = self.http.request(method, path, json=content)
            except httpx.ConnectError:
                self.world.power.pause()
                continue
            except httpx.TransportError:
                self.world.power.broken()
                lost = True
                continue
            self.world.power.answered()
            if response.status_code >= 500:
                self.journal.blame(f"{self.name}: {method} {path}: {response.status_code} {response.text}")
            return response, lost

    def expect(self, response: httpx.Response, *statuses: int) -> bool:
        """Whether it is a good answer; one outside the list is blamed."""
        if response.status_code not in {200, 201, *statuses}:
            path = response.request.url.path
            self.journal.blame(f"{self.name}: {path}: {response.status_code} {response.text}")
        return response.is_success


class Declarer(Worker):
    """An agent's process: declares, repeats itself, withdraws."""

    def __init__(self, world: World, agent: str, number: int) -> None:
        client = world.govd.client(agent, world.govd.root / "tokens" / f"{agent}.token")
        super().__init__(world, f"{agent}-{number}", client.http)
        self.agent = agent
        self.job: str | None = None
        self.counter = 0
        self.mine: list[str] = []
        self.held: list[str] = []

    def step(self) -> None:
        """Mostly a new intent."""
        dice = self.rng.random()
        if len(self.held) > MOST_HELD or (dice < 0.06 and self.held):
            self.withdraw()
        elif dice < 0.14 and self.mine:
            self.send(self.rng.choice(self.mine))
        elif dice < 0.2:
            self.change_job()
        else:
            self.declare()

    def declare(self) -> None:
        """A new intent under a key of its own."""
        self.counter += 1
        key = f"{self.name}.{self.counter}"
        tool = self.rng.choice(TOOLS)
        amount = f"{self.rng.randint(1, 30_000) / 100:.2f}" if tool.startswith("pay") else None
        self.journal.wanted[key] = Wanted(self.agent, tool, amount, self.job)
        self.send(key)

    def send(self, key: str) -> None:
        """Submit, and keep the answer. The same key always has the same body."""
        wanted = self.journal.wanted[key]
        more = {} if wanted.job is None else {"job": wanted.job}
        content = body(wanted.tool, wanted.amount, purpose=Keys.PREFIX + key, idempotency_key=key, **more)
        response, _ = self.call("POST", "/v1/intents", content)
        known = key in self.journal.decided
        if not self.expect(response, *(() if known else (409, 429))):
            self.job = None  # a vote has closed it meanwhile: nothing was recorded
            self.journal.wanted.pop(key)
            return
        view = response.json()
        self.journal.decide(key, view)
        if known:
            return
        self.mine.append(key)
        if view["state"] == "approved":
            self.world.offer(view["id"], self.rng)
        elif view["state"] == "held":
            self.held.append(view["id"])

    def withdraw(self) -> None:
        """Cancel an intent that waits, or waited."""
        intent = self.held.pop(self.rng.randrange(len(self.held)))
        response, _ = self.call("POST", f"/v1/intents/{intent}/cancel")
        if not self.expect(response, 409):
            response, _ = self.call("GET", f"/v1/intents/{intent}")
        if self.expect(response):
            self.journal.move(intent, response.json()["state"])

    def change_job(self) -> None:
        """Open a job for what follows, or go on without one."""
        if self.job is not None:
            self.job = None
            return
        response, _ = self.call("POST", "/v1/jobs", {"title": "load", "purpose": self.name})
        if self.expect(response):
            self.job = response.json()["id"]
            self.journal.jobs.append(response.json()["id"])
