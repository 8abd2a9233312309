"""The operator's vote key in memory: unlocked once by its passphrase, locked again after idle time.

Must never write the key or the passphrase anywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from govd.contract import votekey
from govd.contract.errors import ForbiddenError

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from govconsole.clock import Clock

IDLE_SECONDS: Final = 30 * 60.0


class KeyRing:
    """One vote key.

    Args:
        path: The key file.
        clock: Tells for how long no key was pressed.
        idle: Seconds without a key press after which the key locks.
    """

    def __init__(self, path: Path, clock: Clock, idle: float = IDLE_SECONDS) -> None:
        self._path = path
        self._clock = clock
        self.idle = idle
        self._key: Ed25519PrivateKey | None = None
        self._touched = 0.0

    @property
    def unlocked(self) -> bool:
        """Whether a vote can be signed without asking; forgets the key when the idle time is over."""
        if self._key is not None and self._clock.monotonic() - self._touched >= self.idle:
            self._key = None
        return self._key is not None

    @property
    def left(self) -> float:
        """For how many seconds the key stays unlocked without a key press; 0 when it is locked."""
        return self._touched + self.idle - self._clock.monotonic() if self.unlocked else 0.0

    def touch(self) -> None:
        """A key was pressed."""
        if self.unlocked:
            self._touched = self._clock.monotonic()

    def unlock(self, passphrase: str) -> None:
        """Open the key file. Takes a moment: the passphrase is guarded by many rounds.

        Raises:
            ForbiddenError: the passphrase is wrong.
            NotFoundError: there is no key file.
        """
        self._key = votekey.load(self._path, passphrase.encode())
        self._touched = self._clock.monotonic()

    def lock(self) -> None:
        """Forget the key."""
        self._key = None

    def key(self) -> Ed25519PrivateKey:
        """The key.

        Raises:
            ForbiddenError: it is locked.
        """
        if not self.unlocked or self._key is None:
            raise ForbiddenError("the vote key is locked")
        return self._key
