"""The tables `intents`, `totals` and `reservations`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import Connection, bindparam, delete, func, insert, or_, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from govd.contract.intents import IntentState
from govd.storage.prepared import Prepared
from govd.storage.schema import holds, intents, reservations, totals

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import RowMapping

TotalKey = tuple[str, str, str]
"""(cap, subject, window)."""


@dataclass(frozen=True)
class Booked:
    """One row of `reservations`; amounts in units (micro-USD or a count)."""

    intent: str
    cap: str
    subject: str
    window: str
    amount: int
    limit: int
    state: str

    @property
    def key(self) -> TotalKey:
        """Which total it counts in."""
        return self.cap, self.subject, self.window


_INSERT: Final = Prepared(insert(intents))
_BY_KEY: Final = Prepared(
    select(intents.c.id, intents.c.body_sha256).where(
        intents.c.agent == bindparam("agent_"), intents.c.idempotency_key == bindparam("key_")
    )
)
_BY_ID: Final = select(intents).where(intents.c.id == bindparam("id_"))
_HELD_OF_AGENT: Final = (
    select(func.count(), func.coalesce(func.sum(intents.c.size), 0))
    .select_from(intents)
    # A literal, as in the index of held intents: SQLite does not look into parameters for it.
    .where(intents.c.agent == bindparam("agent_"), text("state = 'held'"))
)
_TOTAL: Final = Prepared(
    select(totals.c.total, totals.c.permitted).where(
        totals.c.cap == bindparam("cap_"),
        totals.c.subject == bindparam("subject_"),
        totals.c.win == bindparam("win_"),
    )
)
_ADD: Final = Prepared(
    update(totals)
    .where(
        totals.c.cap == bindparam("cap_"),
        totals.c.subject == bindparam("subject_"),
        totals.c.win == bindparam("win_"),
        totals.c.total + bindparam("amount_") <= bindparam("ceiling_"),
    )
    .values(total=totals.c.total + bindparam("amount_"))
)
_RESERVE: Final = Prepared(insert(reservations))


def add(connection: Connection, values: dict[str, Any]) -> None:
    """Insert an intent."""
    _INSERT.run(connection, values)


def by_idempotency_key(connection: Connection, agent: str, key: str) -> tuple[str, str] | None:
    """The id and the body's MAC of the intent that this agent submitted under that key."""
    return _BY_KEY.first(connection, {"agent_": agent, "key_": key})


def by_id(connection: Connection, intent: str) -> RowMapping | None:
    """One intent."""
    return connection.execute(_BY_ID, {"id_": intent}).mappings().first()


def of_job(connection: Connection, job: str) -> Sequence[RowMapping]:
    """The intents of a job, oldest first."""
    query = select(intents).where(intents.c.job == job).order_by(intents.c.id)
    return connection.execute(query).mappings().all()


def held_of_job(connection: Connection, job: str, now: int, most: int) -> Sequence[RowMapping]:
    """What waits for a person in a job at that moment (microseconds), oldest first, at most so many.

    What is in a hold that has expired waits no longer, though nobody has moved it yet.
    """
    query = (
        select(intents)
        .join(holds, intents.c.hold == holds.c.id)
        .where(intents.c.job == job, intents.c.state == IntentState.HELD.value, holds.c.expires_at > now)
        .order_by(intents.c.id)
        .limit(most)
    )
    return connection.execute(query).mappings().all()


def of_hold(connection: Connection, hold: str) -> Sequence[RowMapping]:
    """The intents that gathered in a hold, oldest first."""
    query = select(intents).where(intents.c.hold == hold).order_by(intents.c.id)
    return connection.execute(query).mappings().all()


def held_until(connection: Connection, hold: str | None) -> int | None:
    """When a hold ends, in microseconds; None where there is none."""
    if hold is None:
        return None
    return connection.execute(select(holds.c.expires_at).where(holds.c.id == hold)).scalar()


class Waiting(NamedTuple):
    """What of one agent waits for a person: how many intents, and how many bytes they take, sealed."""

    intents: int
    size: int


def waiting(connection: Connection, agent: str) -> Waiting:
    """What of this agent waits for a person."""
    count, size = connection.execute(_HELD_OF_AGENT, {"agent_": agent}).one()
    return Waiting(int(count), int(size))


def move(connection: Connection, intent: str, current: IntentState, to: IntentState, **values: Any) -> bool:  # noqa: ANN401 - column values
    """Set the state if it still is `current`: of two that try, exactly one gets True, on every storage."""
    done = connection.execute(
        update(intents)
        .where(intents.c.id == intent, intents.c.state == current.value)
        .values(state=to.value, **values)
    )
    return done.rowcount == 1


def change(connection: Connection, intent: str, **values: Any) -> None:  # noqa: ANN401 - column values
    """Set other columns."""
    connection.execute(update(intents).where(intents.c.id == intent).values(**values))


def overdue(connection: Connection, now: int, redeemed_before: int, most: int) -> Sequence[RowMapping]:
    """Approved intents whose time is over, and redeemed ones that nobody has reported on."""
    query = (
        select(intents)
        .where(
            or_(
                (intents.c.state == IntentState.APPROVED.value) & (intents.c.approved_until <= now),
                (intents.c.state == IntentState.REDEEMED.value) & (intents.c.redeemed_at <= redeemed_before),
            )
        )
        .limit(most)
    )
    return connection.execute(query).mappings().all()


# -- caps ----------------------------------------------------------------------------------------------


def read_totals(connection: Connection, keys: Iterable[TotalKey]) -> dict[TotalKey, tuple[int, int | None]]:
    """For each key, what stands booked, and the highest total that a quorum has permitted."""
    found: dict[TotalKey, tuple[int, int | None]] = {}
    for cap, subject, window in keys:
        row = _TOTAL.first(connection, {"cap_": cap, "subject_": subject, "win_": window})
        found[cap, subject, window] = (0, None) if row is None else (int(row[0]), row[1])
    return found


def book(connection: Connection, entry: Booked, ceiling: int, permitted: int | None) -> bool:
    """Add to a total and reserve the amount for its intent, unless that would pass the ceiling."""
    if not add_to_total(connection, entry, ceiling, permitted):
        return False
    reserve(connection, entry)
    return True


def add_to_total(connection: Connection, entry: Booked, ceiling: int, permitted: int | None) -> bool:
    """Add to a total unless it would pass the ceiling; False where it would.

    The comparison happens in the database, so that two nodes cannot both spend the last of a cap.
    """
    values = {
        "cap_": entry.cap,
        "subject_": entry.subject,
        "win_": entry.window,
        "amount_": entry.amount,
        "ceiling_": ceiling,
    }
    if _ADD.run(connection, values).rowcount == 0:
        _open_total(connection, entry.key)
        if _ADD.run(connection, values).rowcount == 0:
            return False
    if permitted is not None:
        _permit(connection, entry.key, permitted)
    return True


def reserve(connection: Connection, entry: Booked) -> None:
    """Write down what stands booked for an intent, whose row is there."""
    _RESERVE.run(
        connection,
        {
            "intent": entry.intent,
            "cap": entry.cap,
            "subject": entry.subject,
            "win": entry.window,
            "amount": entry.amount,
            "limit_": entry.limit,
            "state": "booked",
        },
    )


def _open_total(connection: Connection, key: TotalKey) -> None:
    """A total of zero, where there is none: also when another node makes it at the same moment."""
    cap, subject, window = key
    dialect_insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    connection.execute(
        dialect_insert(totals).values(cap=cap, subject=subject, win=window, total=0).on_conflict_do_nothing()
    )


def _permit(connection: Connection, key: TotalKey, permitted: int) -> None:
    cap, subject, window = key
    connection.execute(
        update(totals)
        .where(
            totals.c.cap == cap,
            totals.c.subject == subject,
            totals.c.win == window,
            or_(totals.c.permitted.is_(None), totals.c.permitted < permitted),
        )
        .values(permitted=permitted)
    )


def reserved(connection: Connection, intent: str) -> list[Booked]:
    """What one intent has booked, released entries left out."""
    query = select(reservations).where(reservations.c.intent == intent, reservations.c.state != "released")
    return [
        Booked(
            intent=row["intent"],
            cap=row["cap"],
            subject=row["subject"],
            window=row["win"],
            amount=int(row["amount"]),
            limit=int(row["limit_"]),
            state=row["state"],
        )
        for row in connection.execute(query).mappings()
    ]


def release(connection: Connection, intent: str) -> list[Booked]:
    """Give back what an intent had booked; what was given back."""
    entries = reserved(connection, intent)
    for entry in entries:
        take_from_total(connection, entry)
    if entries:
        connection.execute(
            update(reservations).where(reservations.c.intent == intent).values(state="released")
        )
    return entries


def take_from_total(connection: Connection, entry: Booked) -> None:
    """Give an amount back to its total."""
    connection.execute(
        update(totals)
        .where(totals.c.cap == entry.cap, totals.c.subject == entry.subject, totals.c.win == entry.window)
        .values(total=totals.c.total - entry.amount)
    )


def unbook(connection: Connection, entry: Booked) -> None:
    """Take one entry out of its window altogether: it is about to be booked in another."""
    take_from_total(connection, entry)
    connection.execute(
        delete(reservations).where(
            reservations.c.intent == entry.intent,
            reservations.c.cap == entry.cap,
            reservations.c.subject == entry.subject,
            reservations.c.win == entry.window,
        )
    )


def spend(connection: Connection, intent: str) -> None:
    """What was booked is spent: the action happened, or may have."""
    connection.execute(
        update(reservations)
        .where(reservations.c.intent == intent, reservations.c.state == "booked")
        .values(state="spent")
    )


def in_state(connection: Connection, state: IntentState) -> Sequence[RowMapping]:
    """Every intent in one state."""
    return connection.execute(select(intents).where(intents.c.state == state.value)).mappings().all()
