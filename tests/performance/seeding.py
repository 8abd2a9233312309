"""A state with as many held jobs as one likes, declared through the service's own code, without its doors.

`python -m tests.performance.seeding FOLDER COUNT`. Must never write a row that a running govd would not.
"""

from __future__ import annotations

import random
import sys
from collections import deque
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from govd.contract.intents import Submission
from govd.contract.limits import MAX_PENDING_PER_AGENT
from govd.founding import Founding, found
from govd.identities.model import Identity
from govd.jobs.books import NewJob, open_job
from govd.service import Govd
from govd.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from govd.storage.ledger import Transaction

OPERATOR: Final = "ana"
PASSPHRASE: Final = b"correct horse battery staple"
POLICY: Final = """\
version: 1
name: bench
tools: ["post.*", "ledger.*", "mail.*"]
tool_calls:
  effects: {"post.*": write, "ledger.*": irreversible, "mail.*": draft}
  hold: ["post.*", "ledger.*", "mail.*"]
soft_limits:
  - name: posts-daily
    metric: count
    match: {tools: ["*"]}
    per: agent
    window: day
    cap: "1000000"
holds: {ttl: 30d}
"""

_AT_ONCE: Final = 256
_VERBS: Final = ("Publish", "Pay", "Rotate", "Send", "Release", "Archive", "Renew", "Export")
_THINGS: Final = ("invoice", "newsletter", "token", "ledger", "build", "contract", "backup", "report")
_TOOLS: Final = ("post.web", "ledger.transfer", "mail.send")


def seed(root: Path, count: int, *, port: int = 0) -> None:
    """Make a state below `root` with `count` held jobs; the operator's files are in `root`/operator."""
    found(
        Founding(
            state=root / "state",
            operator=OPERATOR,
            operator_dir=root / "operator",
            passphrase=PASSPHRASE,
            policy=POLICY.encode(),
            policy_path=None,
            agent_port=port,
            database=None,
        )
    )
    govd = Govd(root / "state", read_settings(root / "state"))
    try:
        _declare_all(govd, count)
    finally:
        govd.close()
        sys.stderr.write("\n")


def _declare_all(govd: Govd, count: int) -> None:
    chance = random.Random(7)  # noqa: S311 - the same jobs each time, no secret
    waiting: deque[Future[Any]] = deque()
    agents: list[Identity] = []
    for number in range(count):
        if number % (MAX_PENDING_PER_AGENT // 2) == 0:
            agents.append(_agent(govd, f"bot-{number // (MAX_PENDING_PER_AGENT // 2):03d}"))
        waiting.append(govd.ledger.submit(job_work(govd, agents[-1], number, chance)))
        if len(waiting) >= _AT_ONCE:
            waiting.popleft().result()
        if number % 2_000 == 0:
            sys.stderr.write(f"\rseeding {number:,} of {count:,} held jobs ")
            sys.stderr.flush()
    while waiting:
        waiting.popleft().result()


def _agent(govd: Govd, name: str) -> Identity:
    identity = Identity("agent", name, "active", govd.clock.now())
    govd.directory.add_agent(identity, timedelta(days=1), OPERATOR)
    return govd.directory.get("agent", name)


def job_work(
    govd: Govd, agent: Identity, number: int, chance: random.Random
) -> Callable[[Transaction], None]:
    """The work that opens one job and declares what is held in it: one action, sometimes two."""
    title = (
        f"{number:06d} {chance.choice(_VERBS)} {chance.choice(_THINGS)}"  # no two alike where they are cut
    )
    new = NewJob(
        agent=agent.name,
        title=title,
        purpose=f"what was asked for this morning, number {number}",
        origin="user",
        parent=None,
        implicit=False,
        assurance="enforced",
    )
    actions = [
        {
            "tool": chance.choice(_TOOLS),
            "arguments": {"number": number, "part": part, "to": "the usual place"},
        }
        for part in range(1 + (chance.random() < 0.2))
    ]

    def work(transaction: Transaction) -> None:
        job, _ = open_job(transaction, govd.state_key, new)
        for action in actions:
            submission = Submission.model_validate({"kind": "tool_call", "action": action, "job": job})
            govd.decisions.submit(agent, submission)(transaction)

    return work


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(mode=0o700, parents=True)
    seed(folder, int(sys.argv[2]))
