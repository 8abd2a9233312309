"""The large mode's agents: how many it takes, what they are called, and how far they are.

Must never give an agent more than it may have waiting.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from govd.contract.limits import MAX_PENDING_PER_AGENT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

# Some jobs have up to three intents, so that an agent's share is well below what it may have waiting.
_SHARE: Final = MAX_PENDING_PER_AGENT * 8 // 10
_DESKS: Final = (
    "billing",
    "catalog",
    "delivery",
    "docs",
    "infra",
    "legal",
    "mobile",
    "ops",
    "people",
    "press",
    "returns",
    "sales",
    "search",
    "stock",
    "support",
    "web",
)
ORIGINS: Final = ("user", "schedule", "channel:chat")


def names(jobs: int) -> dict[str, list[str]]:
    """The agents that so many jobs take, each with the origin of what it asks for."""
    count = max(-(-jobs // _SHARE), 1)
    return {
        f"{_DESKS[at % len(_DESKS)]}-bot-{at // len(_DESKS) + 1:02}": [ORIGINS[at % len(ORIGINS)]]
        for at in range(count)
    }


@dataclass(frozen=True)
class Progress:
    """How far the crowd is.

    Attributes:
        done: Jobs that were declared.
        of: Jobs in all.
        seconds: Since it began.
    """

    done: int
    of: int
    seconds: float

    @property
    def over(self) -> bool:
        """Whether all of them are there."""
        return self.done >= self.of

    def sentence(self) -> str:
        """For a person: how many, how fast, how long still."""
        rate = self.done / self.seconds if self.seconds else 0.0
        if self.over:
            return f"{self.of:,} jobs were declared in {_span(self.seconds)} · {rate:,.0f}/s"
        rest = f" · {_span((self.of - self.done) / rate)} left" if rate else ""
        return f"{self.done:,} of {self.of:,} jobs declared · {rate:,.0f}/s{rest}"


def _span(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02} min" if minutes else f"{rest} s"


def progress(lines: IO[bytes]) -> Iterator[Progress]:
    """What the crowd's process says, as long as it says something."""
    for line in lines:
        try:
            found = json.loads(line)
            yield Progress(int(found["done"]), int(found["of"]), float(found["seconds"]))
        except (ValueError, KeyError, TypeError):
            continue
