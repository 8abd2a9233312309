"""What approving a hold adds to the totals of caps, against what a quorum has signed for.

Must never book more than the cap, or than the highest total that every vote of the quorum permits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from govd.contract.errors import ReviewStaleError
from govd.contract.money import decimal_text, units
from govd.intents import store as intent_store
from govd.intents.store import Booked
from govd.policy.rules import bookings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from govd.intents.content import Content
    from govd.intents.store import TotalKey
    from govd.policy.model import CompiledPolicy
    from govd.storage.ledger import Transaction

    Metric = Literal["usd", "count"]
    Permits = Mapping[TotalKey, str]
    """(cap, subject, window) → the highest total that every vote permits."""


def _wanted(
    transaction: Transaction, content: Content, policy: CompiledPolicy, permits: Permits
) -> Iterator[tuple[Booked, Metric, int, int | None]]:
    """Each booking with its metric, the highest total that it may lead to, and what was permitted of that."""
    for item in bookings(content.declared, policy, transaction.now):
        key = (item.cap, item.subject, item.window)
        permitted = units(item.metric, permits[key]) if key in permits else None
        entry = Booked(content.declared.id, *key, item.amount, item.limit, "booked")
        yield entry, item.metric, max(item.limit, permitted or 0), permitted


def fit(
    transaction: Transaction, contents: Iterable[Content], policy: CompiledPolicy, permits: Permits
) -> bool:
    """Whether everything that the approval of these adds fits, as the totals stand now."""
    totals: dict[TotalKey, int] = {}
    for content in contents:
        for entry, _, ceiling, _ in _wanted(transaction, content, policy, permits):
            if entry.key not in totals:
                totals[entry.key] = _standing(transaction, entry.key)
            totals[entry.key] += entry.amount
            if totals[entry.key] > ceiling:
                return False
    return True


def _standing(transaction: Transaction, key: TotalKey) -> int:
    return intent_store.read_totals(transaction.connection, [key])[key][0]


def book(transaction: Transaction, content: Content, policy: CompiledPolicy, permits: Permits) -> None:
    """Book what an approval needs, up to the cap or to the highest total that the whole quorum signed.

    Raises:
        ReviewStaleError: it does not fit any more.
    """
    for entry, metric, ceiling, permitted in _wanted(transaction, content, policy, permits):
        if not intent_store.book(transaction.connection, entry, ceiling=ceiling, permitted=permitted):
            total = decimal_text(metric, _standing(transaction, entry.key))
            raise ReviewStaleError(
                f"{entry.cap} stands at {total} now; this adds "
                f"{decimal_text(metric, entry.amount)}, and what was signed permits "
                f"{decimal_text(metric, ceiling)}: look at the job again"
            )
