"""Phrases that were given and not yet said: in memory, each good once, for three minutes, for one purpose.

A restart forgets them all, and so does a backup. Must never let whoever asks choose a word, nor ask until he
likes what he got: somebody who has recordings of some words would wait for a phrase of these.
"""

from __future__ import annotations

import math
import secrets
import threading
from collections import deque
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from govd.contract.errors import ConflictError, QuotaError
from govd.ids import new_id
from govd.voice.phrase import Phrase, drawn

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from govd.voice.model import Party

LASTS: Final = timedelta(minutes=3)
"""How long a phrase can be said, by the governed clock."""

MOST: Final = 3
"""Phrases of one agent, or of one operator, that stand at the same time."""

DAY: Final = timedelta(days=1)
MOST_A_DAY: Final = 32
"""Phrases that one of them is given within a day, said or not."""


@dataclass(frozen=True)
class Challenge:
    """A phrase, and what it is bound to.

    Attributes:
        party: The agent and its chat, or the operator, to whom it was given.
        job: Which job it opens; empty: an operator's step-up.
        intents: What waited in that job: the ids, each with the hash of what it does, in order.
    """

    id: str
    party: Party
    job: str
    intents: tuple[tuple[str, str], ...]
    phrase: Phrase = field(repr=False)
    expires_at: datetime


class Challenges:
    """The phrases that stand.

    Args:
        now: The governed clock.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._standing: dict[tuple[Party, str], Challenge] = {}
        self._given: dict[str, deque[datetime]] = {}

    def give(
        self,
        party: Party,
        job: str = "",
        intents: tuple[tuple[str, str], ...] = (),
        opening: tuple[str, ...] = (),
    ) -> Challenge:
        """A fresh phrase; the one that was given for the same before is void.

        Raises:
            QuotaError: too many stand, or were given within a day.
        """
        now, whose = self._now(), _whose(party)
        with self._lock:
            self._forget(now)
            given = self._given.setdefault(whose, deque())
            others = sum(
                _whose(one.party) == whose for place, one in self._standing.items() if place != (party, job)
            )
            if others >= MOST:
                ends = min(one.expires_at for one in self._standing.values() if _whose(one.party) == whose)
                raise _wait(f"{MOST} phrases wait to be said: say one of them, or wait", ends, now)
            if len(given) >= MOST_A_DAY:
                raise _wait(f"{MOST_A_DAY} phrases were given within a day", given[0] + DAY, now)
            given.append(now)
            made = Challenge(
                id=new_id(),
                party=party,
                job=job,
                intents=intents,
                phrase=drawn(secrets.SystemRandom().sample, opening),
                expires_at=now + LASTS,
            )
            self._standing[party, job] = made
            return made

    def standing(self, party: Party, job: str = "") -> Challenge:
        """The phrase that was given to this party for this.

        Raises:
            ConflictError: there is none, it was used, or its time is over.
        """
        now = self._now()
        with self._lock:
            found = self._standing.get((party, job))
        if found is None or now >= found.expires_at:
            raise _none(party, job)
        return found

    def use(self, challenge: Challenge) -> None:
        """It is good no second time, whatever comes of it: of all that try, one gets here.

        Raises:
            ConflictError: somebody was faster, or it was replaced meanwhile.
        """
        place = challenge.party, challenge.job
        with self._lock:
            if self._standing.get(place) != challenge:
                raise _none(*place)
            del self._standing[place]

    def forget_of(self, **whose: str) -> None:
        """An agent or an operator has left."""
        with self._lock:
            for place in list(self._standing):
                if all(getattr(place[0], name) == value for name, value in whose.items()):
                    del self._standing[place]

    def _forget(self, now: datetime) -> None:
        """What is over; the caller holds the lock."""
        for place, one in list(self._standing.items()):
            if now >= one.expires_at:
                del self._standing[place]
        for whose, given in list(self._given.items()):
            while given and now - given[0] >= DAY:
                given.popleft()
            if not given:
                del self._given[whose]


def _whose(party: Party) -> str:
    return f"agent:{party.agent}" if party.agent else f"operator:{party.operator}"


def _wait(why: str, until: datetime, now: datetime) -> QuotaError:
    return QuotaError(why, retry_after=max(1, math.ceil((until - now).total_seconds())))


def _none(party: Party, job: str) -> ConflictError:
    if party.operator:
        return ConflictError(
            "no phrase of yours stands: it was used, or its 3 minutes are over",
            hint="govconsole voices phrase",
        )
    chat = f" --chat {party.chat}" if party.chat else ""
    return ConflictError(
        "no phrase of that job stands in this chat: none was given, it was used, or its 3 minutes are over",
        hint=f"govgate voice phrase {job}{chat}",
    )
