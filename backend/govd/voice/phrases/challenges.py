"""Phrases that were given and not yet said: in memory, each good once, for three minutes, for one purpose.

A restart forgets them all, and so does a backup. Must never let whoever asks choose a word, nor ask until he
likes what he got: somebody who has recordings of some words would wait for a phrase of these.
"""

from __future__ import annotations

import math
import secrets
import threading
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from govd.contract.errors import ConflictError, QuotaError
from govd.contract.voicephrase import LASTS
from govd.ids import new_id
from govd.voice.phrases.phrase import Phrase, drawn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from govd.voice.model import Party

MOST: Final = 3
"""Phrases of one agent, or of one operator, that stand at the same time."""

DAY: Final = timedelta(days=1)
MOST_A_DAY: Final = 32
"""So often one of them may ask within a day, whether he got a phrase, and whether it was said."""


@dataclass(frozen=True)
class Waiting:
    """An intent that waited when a phrase was given.

    Attributes:
        sha256: The hash of what it does.
        capabilities: What it needs the owner's voice for, by the policy in force then; none: no voice at all,
            and so no phrase opens it.
    """

    id: str
    sha256: str
    capabilities: tuple[str, ...]


@dataclass(frozen=True)
class Purpose:
    """What a phrase is for.

    Attributes:
        job: Which job it opens; empty: an operator's step-up.
        intents: What waited in that job, in order.
        policy_sha256: By which policy that was asked; empty: an operator's step-up.
    """

    job: str = ""
    intents: tuple[Waiting, ...] = ()
    policy_sha256: str = ""

    @property
    def opening(self) -> tuple[str, ...]:
        """The capabilities that it opens, each once."""
        return tuple(sorted({name for one in self.intents for name in one.capabilities}))


@dataclass(frozen=True)
class Challenge:
    """A phrase, and what it is bound to.

    Attributes:
        party: The agent and its chat, or the operator, to whom it was given.
    """

    id: str
    party: Party
    purpose: Purpose
    phrase: Phrase = field(repr=False)
    expires_at: datetime


class Challenges:
    """The phrases that stand.

    Args:
        now: The governed clock.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.now = now
        self._lock = threading.Lock()
        self._standing: dict[tuple[Party, str], Challenge] = {}
        self._taken: dict[str, Challenge] = {}
        """By their ids: those whose clip is heard right now."""
        self._asked: dict[str, deque[datetime]] = {}

    def count(self, party: Party, job: str = "") -> None:
        """Count somebody who asks, before anything is looked at for him: also one who gets none counts.

        Raises:
            QuotaError: too many phrases of his stand, or he asked too often within a day.
        """
        now, whose = self.now(), _whose(party)
        with self._lock:
            self._forget(now)
            self._room(party, job, now)
            asked = self._asked.setdefault(whose, deque())
            if len(asked) >= MOST_A_DAY:
                raise _wait(f"{MOST_A_DAY} phrases were asked for within a day", asked[0] + DAY, now)
            asked.append(now)

    def give(self, party: Party, purpose: Purpose, now: datetime) -> Challenge:
        """A fresh phrase for somebody who was counted; the one that he was given for the same before is void.

        Args:
            party: Who asks.
            purpose: What for.
            now: When the log says that it was given.

        Raises:
            QuotaError: too many of his stand.
        """
        with self._lock:
            self._forget(self.now())
            self._room(party, purpose.job, now)
            made = Challenge(
                id=new_id(),
                party=party,
                purpose=purpose,
                phrase=drawn(secrets.SystemRandom().sample, purpose.opening),
                expires_at=now + LASTS,
            )
            self._standing[party, purpose.job] = made
            return made

    def _room(self, party: Party, job: str, now: datetime) -> None:
        """Whether one more may stand; the caller holds the lock."""
        whose = _whose(party)
        others = [
            one
            for place, one in self._standing.items()
            if _whose(one.party) == whose and place != (party, job)
        ]
        if len(others) >= MOST:
            ends = min(one.expires_at for one in others)
            raise _wait(f"{MOST} phrases wait to be said: say one of them, or wait", ends, now)

    @contextmanager
    def taken(self, party: Party, job: str = "") -> Iterator[Challenge]:
        """The phrase that was given to this party for this, while a clip is held against it.

        Nobody else gets it meanwhile, and another one that is asked for takes nothing from it. It stands
        again afterwards, unless it was spent, is over, or was replaced.

        Raises:
            ConflictError: there is none, it was used or is in use, or its time is over.
        """
        now = self.now()
        with self._lock:
            found = self._standing.get((party, job))
            if found is None or now >= found.expires_at:
                raise _none(party, job)
            self._taken[found.id] = self._standing.pop((party, job))
        try:
            yield found
        finally:
            with self._lock:
                if self._taken.pop(found.id, None) is not None:
                    self._standing.setdefault((party, job), found)

    def spend(self, challenge: Challenge) -> None:
        """A clip was judged for it: it is good no second time, whatever comes of it."""
        with self._lock:
            self._taken.pop(challenge.id, None)

    def in_time(self, challenge: Challenge, now: datetime) -> None:
        """Refuse one that was said too late, however long the judging took.

        Raises:
            ConflictError: its time is over.
        """
        if now >= challenge.expires_at:
            raise _none(challenge.party, challenge.purpose.job)

    def forget_of(self, **whose: str) -> None:
        """An agent or an operator has left."""

        def left(party: Party) -> bool:
            return all(getattr(party, name) == value for name, value in whose.items())

        with self._lock:
            self._standing = {place: one for place, one in self._standing.items() if not left(place[0])}
            self._taken = {id_: one for id_, one in self._taken.items() if not left(one.party)}

    def _forget(self, now: datetime) -> None:
        """What is over; the caller holds the lock."""
        for place, one in list(self._standing.items()):
            if now >= one.expires_at:
                del self._standing[place]
        for whose, asked in list(self._asked.items()):
            while asked and now - asked[0] >= DAY:
                asked.popleft()
            if not asked:
                del self._asked[whose]


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
