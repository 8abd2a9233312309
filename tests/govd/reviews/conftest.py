"""Fixtures of this room: a govd in a process of its own, and one without doors on each kind of storage."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

import pytest

from govd.contract.intents import Submission
from govd.contract.jobs import JobPage, JobsQuery, JobSubmission, JobSummary
from govd.founding import Founding, found
from govd.identities.model import Identity
from govd.reviews import listing, views
from govd.service import Govd
from govd.settings import read_settings
from tests.support.clocks import Times
from tests.support.fixtures import govd_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from govd.contract.jobs import JobDetail
    from govd.storage.ledger import Transaction
    from tests.conftest import Database

__all__ = ["govd_at", "queue"]

T = TypeVar("T")

POLICY = b"""\
version: 1
name: queue
tools: ["read.*", "draft.*", "write.*", "wipe.*"]
tool_calls:
  effects: {"read.*": read, "draft.*": draft, "write.*": write, "wipe.*": irreversible}
  allow: ["read.*"]
  hold: ["draft.*", "write.*", "wipe.*"]
soft_limits:
  - {name: calls, metric: count, match: {tools: ["*"]}, per: agent, window: day, cap: "1000000"}
holds: {ttl: 2h}
"""


@dataclass
class QueueHouse:
    """A govd whose agents act at once, and whose queue is read as the operators' door reads it."""

    govd: Govd
    times: Times
    look: listing.Look = listing.FAR
    agents: dict[str, Identity] = field(default_factory=dict)

    def _agent(self, name: str) -> Identity:
        if name not in self.agents:
            identity = Identity("agent", name, "active", self.govd.clock.now(), origins=("user", "schedule"))
            self.govd.directory.add_agent(identity, timedelta(days=9), "ana")
            self.agents[name] = self.govd.directory.get("agent", name)
        return self.agents[name]

    def _do(self, work: Callable[[Transaction], T]) -> T:
        return self.govd.ledger.submit(work).result()

    def opened(self, agent: str = "bot", title: str = "work", origin: str | None = None) -> str:
        """A job of that agent; its id."""
        body = JobSubmission(title=title, origin=origin)
        return self._do(self.govd.decisions.open_job(self._agent(agent), body)).id

    def asked(self, job: str | None, tool: str = "write.page", agent: str = "bot", **more: object) -> str:
        """An intent in that job, or in one of its own; its id."""
        body = {"kind": "tool_call", "action": {"tool": tool, "arguments": {}}, "job": job, **more}
        submission = Submission.model_validate({key: value for key, value in body.items() if value})
        return self._do(self.govd.decisions.submit(self._agent(agent), submission)).view().id

    def held(self, agent: str = "bot", title: str = "work", tool: str = "write.page") -> str:
        """A job with one held intent; the job's id."""
        job = self.opened(agent, title)
        self.asked(job, tool, agent)
        return job

    def withdrawn(self, job: str, agent: str = "bot") -> None:
        """The agent takes the whole job back."""
        self._do(self.govd.decisions.cancel_job(self._agent(agent), job))

    def taken_back(self, intent: str, agent: str = "bot") -> None:
        """The agent takes one intent back."""
        self._do(self.govd.decisions.cancel_intent(self._agent(agent), intent))

    def delivered(self, job: str, agent: str = "bot") -> None:
        """The agent says that it is done."""
        self._do(self.govd.decisions.deliver(self._agent(agent), job))

    def closed(self, job: str) -> None:
        """An operator looks: what comes later opens the next hold."""
        self._do(self.govd.reviews.close_hold(job))

    def pass_(self, seconds: float) -> None:
        """Time passes, and what is over ends."""
        self.times.go_on(seconds)
        self._do(self.govd.expire)

    def page(self, **asked: object) -> JobPage:
        """What the door would answer."""
        query, now = JobsQuery.model_validate(asked), self.govd.clock.now()
        key = self.govd.state_key
        return self.govd.ledger.read(lambda connection: listing.page(connection, query, key, now, self.look))

    def pages(self, **asked: object) -> list[JobSummary]:
        """All pages, from the first to the last."""
        found: list[JobSummary] = []
        page = self.page(**asked)
        while True:
            found += page.jobs
            if page.next is None:
                return found
            page = self.page(**(asked | {"after": page.next}))

    def detail(self, job: str) -> JobDetail:
        """One job with everything."""
        return self.govd.ledger.read(
            lambda connection: views.job_detail(connection, job, self.govd.state_key)
        )


@pytest.fixture
def queue(database: Database) -> Iterator[QueueHouse]:
    """Nothing is held yet."""
    times = Times()
    wanted = Founding(
        state=database.state,
        operator="ana",
        operator_dir=database.state.parent / "operator",
        passphrase=b"correct horse battery staple",
        policy=POLICY,
        policy_path=None,
        agent_port=0,
        database=database.url,
        rounds=1,
    )
    found(wanted, times.clock())
    govd = Govd(database.state, read_settings(database.state), clock=times.clock())
    yield QueueHouse(govd, times)
    govd.close()
