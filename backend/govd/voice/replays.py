"""What was heard before: the same recording, or one all but the same, is refused wherever it comes again.

Must never keep audio: a keyed hash and a coarse fingerprint tell enough.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from govd.times import micros
from govd.voice import store
from govd.voice.intake.rules import distance

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from govd.storage.ledger import Transaction
    from govd.voice.model import Heard


class Replays:
    """Every clip that was verified, enrolled or stepped up with.

    Args:
        limit: Fingerprints that differ in at most so many bits are of one recording.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._last = 0
        self._blocks: list[bytes] = []
        self._matrix: Any = None

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
            return self._nearest(heard.fingerprint) <= self._limit, self._last

    def known_since(self, connection: Connection, heard: Heard, after: int) -> bool:
        """The same for what came since, inside the work that is about to remember it."""
        if store.clip_known(connection, heard.clip):
            return True
        return any(
            distance(heard.fingerprint, other) <= self._limit
            for _, other in store.fingerprints(connection, after)
        )

    def remember(self, transaction: Transaction, heard: Heard) -> None:
        """From here on it is a replay."""
        if not store.clip_known(transaction.connection, heard.clip):
            store.add_clip(transaction.connection, heard.clip, heard.fingerprint, micros(transaction.now))

    def _refresh(self, connection: Connection) -> None:
        for number, fingerprint in store.fingerprints(connection, self._last):
            self._last = max(self._last, number)
            self._blocks.append(fingerprint)
            self._matrix = None

    def _nearest(self, fingerprint: bytes) -> int:
        """The fewest bits that any known clip differs in."""
        import numpy as np

        width = len(fingerprint)
        if self._matrix is None:
            joined = b"".join(item for item in self._blocks if len(item) == width)
            self._matrix = np.frombuffer(joined, np.uint8).reshape(-1, width)
        if len(self._matrix) == 0 or self._matrix.shape[1] != width:
            return width * 8 + 1
        differing = self._matrix ^ np.frombuffer(fingerprint, np.uint8)
        return int(np.bitwise_count(differing).sum(axis=1, dtype=np.int64).min())
