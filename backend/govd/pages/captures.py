"""Tickets for one clip each, and the clips until they are taken.

Must never write a clip to a disk, hand it to anybody but the operator who asked, or hand it over twice.
"""

from __future__ import annotations

import hmac
import secrets
import threading
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from govd.contract.errors import ConflictError, ForbiddenError, NotFoundError, QuotaError
from govd.contract.voice import CaptureState
from govd.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

LIFETIME: Final = timedelta(minutes=10)
"""From the ticket to the end of everything that came of it."""

MOST_OF_ONE: Final = 3
"""Tickets of one operator whose clip nobody has taken; one more takes the place of the oldest."""

MOST: Final = 16
"""Of all operators together: what they hold in memory stays below 16 clips."""

_SECRET_BYTES: Final = 32
_RETRY_S: Final = 60


@dataclass
class _Ticket:
    id: str
    operator: str
    uid: int | None
    prompt: str
    expires_at: datetime
    token: bytes | None = field(repr=False)
    """SHA-256 of the token in the address; None once it was shown."""
    cookie: bytes | None = field(default=None, repr=False)
    """SHA-256 of the cookie that it was exchanged for."""
    clip: bytes | None = field(default=None, repr=False)
    seconds: float = 0.0
    receiving: bool = False
    done: bool = False
    taken: bool = False


@dataclass(frozen=True)
class Issued:
    """A ticket as its operator gets it, once."""

    id: str
    token: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True)
class Opened:
    """What the page may know, and the cookie that it shows from here on (None: it has it)."""

    prompt: str
    expires_at: datetime
    cookie: str | None = field(repr=False)


class Captures:
    """Every ticket that stands. In memory alone: a restart forgets them.

    Args:
        now: The governed time.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._tickets: dict[str, _Ticket] = {}

    # -- what the operator does ----------------------------------------------------------------------------

    def issue(self, operator: str, uid: int | None, prompt: str = "") -> Issued:
        """A ticket for one clip.

        Args:
            operator: Who alone sees it and takes its clip.
            uid: His Unix user, whose browser alone opens the page; None: the kernel does not tell.
            prompt: What the page shows to be read aloud.

        Raises:
            QuotaError: too many clips of other operators wait.
        """
        token = secrets.token_urlsafe(_SECRET_BYTES)
        with self._lock:
            now = self._sweep()
            waiting = [ticket for ticket in self._tickets.values() if not ticket.taken]
            own = [ticket for ticket in waiting if ticket.operator == operator]
            for ticket in own[: max(0, len(own) - MOST_OF_ONE + 1)]:
                del self._tickets[ticket.id]
                waiting.remove(ticket)
            if len(waiting) >= MOST:
                raise QuotaError(f"{MOST} capture tickets are open already", retry_after=_RETRY_S)
            made = _Ticket(new_id(), operator, uid, prompt, now + LIFETIME, _digest(token))
            self._tickets[made.id] = made
        return Issued(made.id, token, made.expires_at)

    def state(self, ticket: str, operator: str) -> CaptureState:
        """What became of it.

        Raises:
            NotFoundError: there is none, it is over, or it is another operator's.
        """
        with self._lock:
            found = self._own(ticket, operator)
            return CaptureState(
                id=found.id,
                opened=found.token is None,
                done=found.done,
                seconds=found.seconds,
                expires_at=found.expires_at,
            )

    def take(self, ticket: str, operator: str) -> bytes:
        """The clip, a WAV file, once. Nothing of it is kept here afterwards.

        Raises:
            NotFoundError: no such ticket of this operator, or it is over.
            ConflictError: nothing was recorded yet, or it was taken before.
        """
        with self._lock:
            found = self._own(ticket, operator)
            if found.taken:
                raise ConflictError("this clip was taken already: record another one")
            if found.clip is None:
                raise ConflictError("nothing was recorded yet: send it from the capture page first")
            clip, found.clip, found.taken = found.clip, None, True
            return clip

    def sweep(self) -> int:
        """Forget what is over; how many tickets stand."""
        with self._lock:
            self._sweep()
            return len(self._tickets)

    def forget(self) -> None:
        """Forget everything."""
        with self._lock:
            self._tickets.clear()

    # -- what the page does --------------------------------------------------------------------------------

    def asker(self, ticket: str) -> int | None:
        """The Unix user of whoever asked for it; None: unknown.

        Raises:
            NotFoundError: there is no such ticket.
        """
        with self._lock:
            return self._standing(ticket).uid

    def open(self, ticket: str, token: str, cookie: str) -> Opened:
        """Exchange the token of the address for a cookie; who has the cookie may come again without.

        Raises:
            NotFoundError: there is no such ticket, or it is over.
            ForbiddenError: the token is wrong, or was used before.
            ConflictError: its clip has come.
        """
        with self._lock:
            found = self._standing(ticket)
            if _same(found.cookie, cookie):
                if found.done:
                    raise ConflictError("this clip was sent already: ask the console for a new address")
                return Opened(found.prompt, found.expires_at, None)
            if found.token is None:
                raise ForbiddenError(
                    "this address was opened before, and it works once",
                    hint="ask the console for a new one; if it was not you who opened it, tell the others",
                )
            if not _same(found.token, token):
                raise ForbiddenError("this address is not whole", hint="copy all of it, with what follows #")
            fresh = secrets.token_urlsafe(_SECRET_BYTES)
            found.token, found.cookie = None, _digest(fresh)
            return Opened(found.prompt, found.expires_at, fresh)

    def begin(self, ticket: str, cookie: str) -> None:
        """A clip is about to come.

        Raises:
            NotFoundError: there is no such ticket, or it is over.
            ForbiddenError: the cookie is not that of this ticket.
            ConflictError: a clip has come, or is coming.
        """
        with self._lock:
            found = self._standing(ticket)
            if not _same(found.cookie, cookie):
                raise ForbiddenError("only the page that was opened with this ticket sends its clip")
            if found.done or found.receiving:
                raise ConflictError("this ticket is for one clip, and it is here or on its way")
            found.receiving = True

    def end(self, ticket: str, clip: bytes | None, seconds: float = 0.0) -> None:
        """What was begun has come, or (None) has not: then it may be sent again.

        Raises:
            NotFoundError: the ticket ended meanwhile.
        """
        with self._lock:
            found = self._standing(ticket)
            found.receiving = False
            if clip is not None:
                found.clip, found.seconds, found.done = clip, seconds, True

    # -- inside, with the lock -----------------------------------------------------------------------------

    def _sweep(self) -> datetime:
        now = self._now()
        for ticket in [item for item in self._tickets.values() if item.expires_at <= now]:
            del self._tickets[ticket.id]
        return now

    def _standing(self, ticket: str) -> _Ticket:
        self._sweep()
        found = self._tickets.get(ticket)
        if found is None:
            raise NotFoundError("there is no such capture ticket, or it is over", hint="ask for a new one")
        return found

    def _own(self, ticket: str, operator: str) -> _Ticket:
        found = self._standing(ticket)
        if found.operator != operator:
            raise NotFoundError("there is no such capture ticket, or it is over", hint="ask for a new one")
        return found


def _digest(secret: str) -> bytes:
    return sha256(secret.encode("utf-8", "surrogatepass")).digest()


def _same(known: bytes | None, shown: str) -> bool:
    return known is not None and hmac.compare_digest(known, _digest(shown))
