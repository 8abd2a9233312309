"""Raising, showing and clearing alarms. A seen alarm of a kind that only a person can settle is cleared."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from govd.alarms import store
from govd.audit.model import Entry
from govd.contract.errors import NotFoundError
from govd.contract.system import Alarm
from govd.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from govd.audit.model import RecordedEntry
    from govd.contract.heads import Head
    from govd.storage.ledger import Ledger, Transaction

CLEARED_BY_SEEING: Final = frozenset(
    {"clock-step", "token-two-peers", "outcome-unknown", "own-voice-replaced"}
)
"""Kinds that end when an operator has seen them; the others end when their cause does."""


class Alarms:
    """The standing alarms. Reads come from memory, which follows the table after each commit."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._seen: dict[str, Callable[[Alarm], None]] = {}
        self._standing: list[Alarm] = ledger.read(store.standing)
        self._stale = False
        self._reading = threading.Lock()
        ledger.on_commit(self._committed)

    @property
    def standing(self) -> list[Alarm]:
        """What nobody and nothing has cleared, oldest first."""
        if self._stale:
            self.refresh()
        return self._standing

    def _committed(self, entries: Sequence[RecordedEntry], _: Head) -> None:
        # An alarm may be raised within anybody's work: the log says when one was.
        if any(entry.entry.type.startswith("alarm.") for entry in entries):
            self._stale = True

    def on_seen(self, kind: str, action: Callable[[Alarm], None]) -> None:
        """Call `action` with it when an operator has seen an alarm of that kind."""
        self._seen[kind] = action

    def refresh(self) -> None:
        """Read the table again."""
        # One at a time: an older reading must not take the place of a newer one.
        with self._reading:
            self._stale = False  # before the read: what is committed meanwhile is read again
            self._standing = self._ledger.read(store.standing)

    def raise_in(self, transaction: Transaction, kind: str, subject: str, message: str, mend: str) -> None:
        """Raise an alarm within a work; one that stands already is left as it is."""
        if store.find(transaction.connection, kind, subject) is not None:
            return
        alarm = Alarm(
            id=new_id(), kind=kind, subject=subject, message=message, mend=mend, raised_at=transaction.now
        )
        store.add(transaction.connection, alarm)
        transaction.record(Entry(type="alarm.raised", details={"kind": kind, "alarm": alarm.id}))

    def raise_anew(self, kind: str, subject: str, message: str, mend: str) -> str:
        """Raise an alarm in place of one that says something else, and wait until it is written; its id.

        Who has seen the one before has not seen this one.
        """

        def work(transaction: Transaction) -> str:
            found = store.find(transaction.connection, kind, subject)
            if found is None or found.message != message:
                self.clear_in(transaction, kind, subject)
                self.raise_in(transaction, kind, subject, message, mend)
                found = store.find(transaction.connection, kind, subject)
            return "" if found is None else found.id

        raised = self._ledger.submit(work).result()
        self.refresh()
        return raised

    def raise_(self, kind: str, subject: str, message: str, mend: str) -> None:
        """Raise an alarm, and wait until it is written."""
        self._ledger.submit(lambda tx: self.raise_in(tx, kind, subject, message, mend)).result()
        self.refresh()

    @staticmethod
    def clear_in(transaction: Transaction, kind: str, subject: str) -> None:
        """The cause is gone, by this work."""
        alarm = store.find(transaction.connection, kind, subject)
        if alarm is not None:
            store.clear(transaction.connection, alarm.id, transaction.now)
            transaction.record(Entry(type="alarm.cleared", details={"kind": kind, "alarm": alarm.id}))

    def clear(self, kind: str, subject: str) -> None:
        """The cause is gone."""
        if any(alarm.kind == kind and alarm.subject == subject for alarm in self.standing):
            self._ledger.submit(lambda tx: self.clear_in(tx, kind, subject)).result()
            self.refresh()

    def seen(self, alarm_id: str, operator: str) -> None:
        """An operator has seen it.

        Raises:
            NotFoundError: no such alarm stands.
        """
        alarm = next((alarm for alarm in self.standing if alarm.id == alarm_id), None)

        def work(transaction: Transaction) -> None:
            if alarm is None or not store.mark_seen(
                transaction.connection, alarm_id, operator, transaction.now
            ):
                raise NotFoundError("no such alarm stands")
            transaction.record(
                Entry(
                    type="alarm.seen",
                    actor=f"operator:{operator}",
                    details={"kind": alarm.kind, "alarm": alarm.id},
                )
            )
            if alarm.kind in CLEARED_BY_SEEING:
                store.clear(transaction.connection, alarm_id, transaction.now)

        self._ledger.submit(work).result()
        if alarm is not None and alarm.kind in self._seen:
            self._seen[alarm.kind](alarm)
        self.refresh()
