"""One job as a row of the queue: what the list draws, sanitised once, when it arrives.

Must never carry what an agent wrote as it wrote it: a row goes to the screen as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from govconsole.client.amounts import amount
from govconsole.client.document import MIXED
from govd.contract.text import mixed_scripts, visible

if TYPE_CHECKING:
    from datetime import datetime

    from govd.contract.jobs import JobSummary


@dataclass(frozen=True)
class Row:
    """One job of the queue, fit for a screen.

    `risk`: 0 to 100. `sums`: what its held intents add up to, in words. `until`: when its hold ends.
    `effect`: the worst of what is held.
    """

    id: str
    agent: str
    title: str
    state: str
    risk: int
    intents: int
    held: int
    sums: str
    opened: datetime
    until: datetime | None
    advisory: bool
    quorum: int = 1
    approvals: int = 0
    effect: str = ""

    @classmethod
    def of(cls, job: JobSummary) -> Row:
        """The row of a summary."""
        return cls(
            id=job.id,
            agent=visible(job.agent),
            title=visible(job.title) + (MIXED if mixed_scripts(job.title) else ""),
            state=str(job.state),
            risk=job.risk,
            intents=job.intents,
            held=job.held,
            sums=sums_words(job.sums),
            opened=job.opened_at,
            until=job.held_until,
            advisory=job.assurance == "advisory",
            quorum=job.quorum,
            approvals=job.approvals,
            effect=str(job.effect or ""),
        )


def sums_words(sums: dict[str, str]) -> str:
    """What a job's held intents add up to, in words: money alone, for a count says nothing by itself."""
    return " · ".join(
        visible(amount(value, metric)) for metric, value in sorted(sums.items()) if metric == "usd"
    )
