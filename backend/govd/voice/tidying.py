"""What was deleted leaves the storage's journal and the migrations' backups too, as soon as may be.

Must never keep a decision waiting, nor call done what is still owed.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from govd.voice import store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from govd.audit.model import RecordedEntry
    from govd.contract.heads import Head
    from govd.storage.ledger import Ledger

_FORGETS: Final = frozenset({"voice.deleted", "voice.enrolled"})
"""Entries of works that forgot a speaker's key: a deletion, or an enrollment in place of an earlier one."""


class Tidying:
    """Remembers that a forgotten key may still lie there, and tries until it does not.

    A start owes it as well: govd may have ended before it was done.

    Args:
        ledger: Whose journal it is.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._lock = threading.Lock()
        self._asked, self._done = 1, 0
        ledger.on_commit(self._committed)

    def _committed(self, entries: Sequence[RecordedEntry], _: Head) -> None:
        if any(entry.entry.type in _FORGETS for entry in entries):
            self.owe()

    def owe(self) -> None:
        """Something was deleted and is committed."""
        with self._lock:
            self._asked += 1

    @property
    def owed(self) -> bool:
        """Whether something that was deleted may still lie in the journal, or in a backup."""
        return self._done < self._asked

    def attempt(self) -> bool:
        """Try once, without waiting; whether nothing is owed any more."""
        asked = self._asked  # before the attempt: what is committed meanwhile is owed still
        if self._done < asked and self._gone():
            with self._lock:
                self._done = max(self._done, asked)
        return not self.owed

    def _gone(self) -> bool:
        journal = self._ledger.empty_journal()
        standing = {enrolment for enrolment, _ in self._ledger.read(store.stamps).values()}
        return self._ledger.forget_in_backups(standing) and journal
