"""What ends by itself: holds, approvals, and runs that nobody reports on. Runs on the clock and on read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from govd.contract.intents import IntentState
from govd.contract.jobs import JobState
from govd.intents import store as intent_store
from govd.jobs import books, store
from govd.jobs.rules import TERMINAL
from govd.times import micros

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from sqlalchemy import RowMapping

    from govd.storage.ledger import Transaction

_AT_ONCE: Final = 200


def expire(
    outcome_within: timedelta, on_unknown: Callable[[Transaction, RowMapping], None]
) -> Callable[[Transaction], int]:
    """The work that ends what is over, at most so much at once; how much it ended.

    EXPIRED is not DENIED: the entries say that nobody decided.
    """

    def work(transaction: Transaction) -> int:
        now = micros(transaction.now)
        count = 0
        for hold in store.expired_holds(transaction.connection, now, _AT_ONCE):
            _expire_hold(transaction, hold)
            count += 1
        redeemed_before = micros(transaction.now - outcome_within)
        for row in intent_store.overdue(transaction.connection, now, redeemed_before, _AT_ONCE):
            if row["state"] == IntentState.APPROVED.value:
                books.move_intent(transaction, row, IntentState.EXPIRED, "govd", code="approval-expired")
            else:
                books.move_intent(transaction, row, IntentState.UNKNOWN, "govd", code="not-reported")
                on_unknown(transaction, row)
            books.follow(transaction, row["job"], "govd")
            count += 1
        return count

    return work


def _expire_hold(transaction: Transaction, hold: RowMapping) -> None:
    job = books.job_row(transaction, hold["job"])
    if JobState(job["state"]) in TERMINAL:
        store.change_hold(transaction.connection, hold["id"], state="settled")
        return
    books.end_job(
        transaction, job, JobState.EXPIRED, "govd", code="hold-expired", waiting=IntentState.EXPIRED
    )
