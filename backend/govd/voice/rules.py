"""What makes an enrollment, a match and a session: pure arithmetic over embeddings and times.

Must never take a threshold from a caller, nor compare what two models made.
"""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

MINIMUM_SAMPLES: Final = 5
MAXIMUM_SAMPLES: Final = 10
MINIMUM_NET_SECONDS: Final = 30.0
"""Speech in all samples of an enrollment together, in seconds."""

SCORE_SCALE: Final = "cosine"
"""The one scale of every score here: raw cosines. Another scale in a template is another template."""

_CHANNEL: Final = "channel:"

Vector = "array[float]"


def vector(embedding: bytes) -> array[float]:
    """An embedding as numbers. It is little-endian float32, as every machine here has it."""
    found = array("f")
    found.frombytes(embedding)
    return found


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    """The cosine of two vectors, -1 to 1; 0 where one of them has no length."""
    lengths = math.hypot(*one) * math.hypot(*other)
    if lengths == 0:
        return 0.0
    return max(-1.0, min(1.0, sum(a * b for a, b in zip(one, other, strict=True)) / lengths))


def mean(vectors: Sequence[Sequence[float]]) -> array[float]:
    """The mean of unit vectors, brought to length 1: what a voice is compared with (a centroid)."""
    summed = [math.fsum(column) for column in zip(*vectors, strict=True)]
    length = math.hypot(*summed)
    return array("f", summed if length == 0 else (value / length for value in summed))


def matrix(vectors: Sequence[Sequence[float]]) -> list[list[float]]:
    """The cosines of each with each, row by row."""
    return [[1.0 if one is other else cosine(one, other) for other in vectors] for one in vectors]


def agreement(vectors: Sequence[Sequence[float]], number: int) -> float | None:
    """The cosine of one sample with the mean of all others (leave one out); None: there are no others."""
    others = [item for place, item in enumerate(vectors) if place != number]
    return cosine(vectors[number], mean(others)) if others else None


def lowest_agreement(vectors: Sequence[Sequence[float]]) -> float:
    """The worst leave-one-out cosine; 1 where there is one sample alone."""
    found = [agreement(vectors, number) for number in range(len(vectors))]
    return min((value for value in found if value is not None), default=1.0)


def complete(samples: int, net_seconds: float) -> bool:
    """Whether there is enough of a voice to be matched by."""
    return samples >= MINIMUM_SAMPLES and net_seconds >= MINIMUM_NET_SECONDS


def lacking(samples: int, net_seconds: float) -> str:
    """What an enrollment still needs, in words; empty: nothing."""
    if samples < MINIMUM_SAMPLES:
        return f"{samples} of at least {MINIMUM_SAMPLES} samples"
    if net_seconds < MINIMUM_NET_SECONDS:
        return f"{net_seconds:.1f} s of at least {MINIMUM_NET_SECONDS:.0f} s of speech"
    return ""


def chat_of(origin: str) -> str:
    """The chat that an origin names: NAME of `channel:NAME`; of any other the agent's own session."""
    return origin.removeprefix(_CHANNEL) if origin.startswith(_CHANNEL) else ""


@dataclass(frozen=True)
class Lock:
    """How often in a row an agent's chat, or an operator, has failed, and what follows from it."""

    failures: int = 0
    until: datetime | None = None
    locked: bool = False


FREE_FAILURES: Final = 5
"""So many misses in a row cost nothing but themselves."""

FIRST_DELAY: Final = timedelta(seconds=30)
LONGEST_DELAY: Final = timedelta(days=1)
LOCKED_AT: Final = 50
"""So many misses in a row lock the pair until an operator unlocks it."""

FREE_FOR: Final = timedelta(days=1)
"""A count that costs no delay yet is over so long after its last miss."""

DELAYED_FOR: Final = timedelta(days=30)
"""The same of one that costs a delay. One that is locked never ends by itself."""

DAILY_MISSES: Final = 64
"""Misses of one agent within a day, in all its chats together, which no match takes back.

It names its chats itself: a fresh name for each clip would otherwise be a fresh count for each clip. One chat
has sixteen a day at most by its own delays, so no single one uses it up.
"""


def over(failures: int, changed_at: datetime, now: datetime) -> bool:
    """Whether a count that is not locked has ended by itself."""
    return changed_at + (FREE_FOR if failures < FREE_FAILURES else DELAYED_FOR) <= now


def after_miss(lock: Lock, now: datetime, *, lockable: bool = True) -> Lock:
    """One more miss: from the fifth on a delay, doubling; at the fiftieth, until it is unlocked.

    An operator is never locked for good (`lockable` false): there may be nobody to unlock him, and a day's
    delay a clip keeps nobody's guesses up.
    """
    failures = lock.failures + 1
    if lockable and failures >= LOCKED_AT:
        return Lock(failures, None, locked=True)
    if failures < FREE_FAILURES:
        return Lock(failures)
    doublings = min(failures - FREE_FAILURES, 20)
    return Lock(failures, now + min(FIRST_DELAY * 2**doublings, LONGEST_DELAY))
