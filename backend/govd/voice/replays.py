"""What was heard before: the same recording, or one all but the same, is refused wherever it comes again.

Must never keep audio: a keyed hash and a coarse fingerprint tell enough.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from govd.times import micros
from govd.voice import store
from govd.voice.intake.prints import Prints
from govd.voice.intake.rules import distance

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from govd.storage.ledger import Transaction
    from govd.voice.model import Heard

MOST_OF_ONE: Final = 5_000
"""Clips that are remembered of one speaker, and of what one agent has sent to be enrolled: the newest.

Of each apart: who sends many pushes nobody else's out, and of a speaker only clips that matched him count.
"""

_READ_AGAIN: Final = 20_000


class Replays:
    """Every clip that was verified, enrolled or stepped up with.

    Args:
        limit: Clips that are at most so many bits apart are one recording.
        keyed: Hides a name.
        most: Clips that are remembered of one speaker or agent.
    """

    def __init__(self, limit: int, keyed: Callable[[bytes], str], most: int = MOST_OF_ONE) -> None:
        self._limit, self._keyed, self._most = limit, keyed, most
        self._read_again = _READ_AGAIN
        self._lock = threading.Lock()
        self._last = 0
        self._prints = Prints()

    def same(self, one: Heard, other: Heard) -> bool:
        """Whether two clips are one recording."""
        return one.clip == other.clip or distance(one.fingerprint, other.fingerprint) <= self._limit

    def known(self, connection: Connection, heard: Heard) -> tuple[bool, int]:
        """Whether this recording, or one all but the same, was heard before; and up to which row.

        Reads what is committed: never called inside a work, whose rows may still go.
        """
        if store.clip_known(connection, heard.clip):
            return True, 0
        with self._lock:
            self._refresh(connection)
            return self._prints.near(heard.fingerprint, self._limit), self._last

    def known_since(self, connection: Connection, heard: Heard, after: int) -> bool:
        """The same for what came since, inside the work that is about to remember it."""
        if store.clip_known(connection, heard.clip):
            return True
        return any(
            distance(heard.fingerprint, other) <= self._limit
            for _, other in store.fingerprints(connection, after)
        )

    def remember(self, transaction: Transaction, heard: Heard, whose: str) -> None:
        """From here on it is a replay.

        Args:
            transaction: The work that uses it.
            heard: The clip.
            whose: `speaker:NAME`, or `agent:NAME` for what was sent and has matched nobody yet.
        """
        if not store.clip_known(transaction.connection, heard.clip):
            store.add_clip(
                transaction.connection,
                heard.clip,
                heard.fingerprint,
                self._keyed(b"voice-whose\n" + whose.encode()),
                micros(transaction.now),
                self._most,
            )

    def _refresh(self, connection: Connection) -> None:
        anew = len(self._prints) >= self._read_again
        if anew:  # what gave way in the table is still here
            self._prints, self._last = Prints(), 0
        found = store.fingerprints(connection, self._last)
        self._prints.add([fingerprint for _, fingerprint in found])
        self._last = max((number for number, _ in found), default=self._last)
        if anew:
            self._read_again = max(_READ_AGAIN, 2 * len(self._prints))
