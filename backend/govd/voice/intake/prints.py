"""Every fingerprint that was seen, in one table: whether a clip is near one of them, however many there are.

Runs in govd's own process, so it must never import numpy before it is asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from govd.voice.intake.wireform import PRINT_BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence


class Prints:
    """Fingerprints in the order in which they were added. Not for two threads at once."""

    def __init__(self) -> None:
        self._added: list[bytes] = []
        self._table: Any = None
        self._starts: Any = None
        self._sizes: Any = None

    def __len__(self) -> int:
        """How many there are."""
        return len(self._added)

    def add(self, fingerprints: Sequence[bytes]) -> None:
        """Remember these."""
        if fingerprints:
            self._added += fingerprints
            self._table = None

    def near(self, fingerprint: bytes, limit: int) -> bool:
        """Whether one of them is within the limit of `rules.distance`."""
        import numpy as np

        if not self._added:
            return False
        if self._table is None:
            self._sizes = np.array([len(item) // PRINT_BYTES for item in self._added])
            self._starts = np.concatenate([[0], np.cumsum(self._sizes)[:-1]])
            self._table = np.frombuffer(b"".join(self._added), np.uint64).reshape(-1, PRINT_BYTES // 8)
        ones = np.frombuffer(fingerprint, np.uint64).reshape(-1, PRINT_BYTES // 8)
        found = np.zeros(len(self._added), np.int64)
        rows = np.zeros(len(self._table), bool)
        for one in ones:
            near = np.bitwise_count(self._table ^ one).sum(axis=1, dtype=np.uint16) <= limit
            found += np.logical_or.reduceat(near, self._starts)
            rows |= near
        back = np.add.reduceat(rows, self._starts, dtype=np.int64)
        return bool(((found > len(ones) // 2) | (back > self._sizes // 2)).any())
