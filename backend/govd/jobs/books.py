"""What happens to jobs, holds and intents within one transaction: the one place that moves their states.

Every move is checked against the tables in `rules`, gives back what must be given back, and is an audit
entry. Must never be called outside a ledger's work.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from govd.audit.model import Entry
from govd.contract.errors import ConflictError, IntegrityError, NotFoundError
from govd.contract.intents import IntentState
from govd.contract.jobs import JobState
from govd.ids import new_id, new_nonce
from govd.intents import rules as intent_rules
from govd.intents import store as intent_store
from govd.jobs import rules, store
from govd.storage.schema import NEVER
from govd.times import micros

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from sqlalchemy import Connection, RowMapping

    from govd.contract.jobs import Assurance
    from govd.sealing import JobKey, StateKey
    from govd.storage.ledger import Transaction


@dataclass(frozen=True)
class NewJob:
    """What a job is opened with."""

    agent: str
    title: str
    purpose: str
    origin: str
    parent: str | None
    implicit: bool
    assurance: Assurance


def open_job(transaction: Transaction, state_key: StateKey, new: NewJob) -> tuple[str, JobKey]:
    """Open a job: submitted, acknowledged, and processing in one go."""
    job_id, key = new_id(), state_key.new_job_key()
    state = JobState.SUBMITTED
    for following in (JobState.ACKNOWLEDGED, JobState.PROCESSING):
        state = rules.move(state, following)
    store.add(
        transaction.connection,
        {
            "id": job_id,
            "agent": new.agent,
            "state": state.value,
            "parent": new.parent,
            "origin": new.origin,
            "implicit": int(new.implicit),
            "wrapped_key": key.wrapped,
            "sealed": key.seal({"title": new.title, "purpose": new.purpose}, f"job:{job_id}"),
            "opened_at": micros(transaction.now),
            "updated_at": micros(transaction.now),
            "calm": store.HIGHEST_RISK,
            "assurance": new.assurance,
            "held_until": NEVER,
            "effect": "",
            "kinds": "",
        },
    )
    transaction.record(
        Entry(
            type="job.opened",
            actor=f"agent:{new.agent}",
            agent=new.agent,
            job_id=job_id,
            parent_job_id=new.parent,
            details={"implicit": new.implicit, "assurance": new.assurance, "state": state.value},
        )
    )
    return job_id, key


def job_row(transaction: Transaction, job: str, agent: str | None = None) -> RowMapping:
    """A job's row.

    Raises:
        NotFoundError: there is none, or it is not this agent's: the answer is the same.
    """
    row = job_of(transaction.connection, job)
    if agent is not None and row["agent"] != agent:
        raise NotFoundError("there is no such job")
    return row


def job_of(connection: Connection, job: str) -> RowMapping:
    """A job's row, outside a work too.

    Raises:
        NotFoundError: there is none.
    """
    row = store.by_id(connection, job)
    if row is None:
        raise NotFoundError("there is no such job")
    return row


def job_key(state_key: StateKey, row: Mapping[Any, Any]) -> JobKey:
    """The data key of a job.

    Raises:
        IntegrityError: it was forgotten: the content is gone, as retention asked.
    """
    if row["wrapped_key"] is None:
        raise IntegrityError("the content of this job was erased")
    return state_key.unwrap(row["wrapped_key"])


def move_job(
    transaction: Transaction,
    row: Mapping[Any, Any],
    to: JobState,
    actor: str,
    **details: Any,  # noqa: ANN401 - audit details
) -> None:
    """Set a job's state, with its audit entry; no entry where it is in that state already."""
    current = JobState(row["state"])
    if rules.move(current, to) is current:
        return
    store.change(transaction.connection, row["id"], state=to.value, updated_at=micros(transaction.now))
    transaction.record(
        Entry(
            type=f"job.{to.value}",
            actor=actor,
            agent=row["agent"],
            job_id=row["id"],
            parent_job_id=row["parent"],
            details={"from": current.value, **details},
        )
    )


def ensure_hold(
    transaction: Transaction, key: JobKey, job: str, *, ttl: timedelta, quorum: int, policy_sha256: str
) -> store.OpenHold:
    """The open hold of a job, made with this intent if there is none. Its end is never moved."""
    found = store.open_hold(transaction.connection, job)
    if found is not None:
        if quorum > found.quorum:
            store.change_hold(transaction.connection, found.id, quorum=quorum)
        return found
    made = store.OpenHold(new_id(), micros(transaction.now + ttl), quorum)
    store.add_hold(
        transaction.connection,
        {
            "id": made.id,
            "job": job,
            "state": "open",
            "sealed": key.seal({"nonce": new_nonce()}, f"hold:{made.id}"),
            "opened_at": micros(transaction.now),
            "closed_at": None,
            "expires_at": made.expires_at,
            "quorum": quorum,
            "policy_sha256": policy_sha256,
        },
    )
    return made


def move_intent(
    transaction: Transaction,
    row: RowMapping,
    to: IntentState,
    actor: str,
    *,
    code: str,
    details: dict[str, Any] | None = None,
    **values: Any,  # noqa: ANN401 - column values
) -> bool:
    """Move an intent, release or spend what it had booked, and write it down.

    Returns:
        False where somebody else moved it first: then nothing has changed.
    """
    current = IntentState(row["state"])
    intent_rules.move(current, to)
    now = micros(transaction.now)
    if to in intent_rules.TERMINAL:
        values.setdefault("settled_at", now)
    if not intent_store.move(transaction.connection, row["id"], current, to, updated_at=now, **values):
        return False
    released = 0
    if to in intent_rules.RELEASING:
        released = len(intent_store.release(transaction.connection, row["id"]))
    elif to in {IntentState.SUCCEEDED, IntentState.FAILED}:
        intent_store.spend(transaction.connection, row["id"])
    transaction.record(
        Entry(
            type=f"intent.{to.value}",
            actor=actor,
            agent=row["agent"],
            job_id=row["job"],
            intent_id=row["id"],
            policy_sha256=row["policy_sha256"],
            details={"from": current.value, "code": code, "released": released, **(details or {})},
        )
    )
    return True


def follow(transaction: Transaction, job: str, actor: str) -> None:
    """Bring a job's state to what its intents and holds say."""
    row = job_row(transaction, job)
    current = JobState(row["state"])
    if current in rules.TERMINAL:
        return
    if row["held_until"] != NEVER:
        store.note_held(transaction.connection, job)
    if row["implicit"]:
        states = [IntentState(item["state"]) for item in intent_store.of_job(transaction.connection, job)]
        move_job(transaction, row, intent_rules.implicit_job_state(states), actor)
    else:
        follow_holds(transaction, row, actor, held=bool(store.live_holds(transaction.connection, job)))


def follow_holds(transaction: Transaction, row: Mapping[Any, Any], actor: str, *, held: bool) -> None:
    """Bring the state of an explicit job, which is open, to whether something in it waits for people."""
    if held:
        move_job(transaction, row, JobState.HELD, actor)
    elif row["state"] == JobState.HELD.value:
        move_job(transaction, row, JobState.PROCESSING, actor)


def settle_empty_holds(transaction: Transaction, job: str) -> None:
    """End the live holds of a job in which nothing waits any more."""
    for hold in store.live_holds(transaction.connection, job):
        rows = intent_store.of_hold(transaction.connection, hold["id"])
        if all(row["state"] != IntentState.HELD.value for row in rows):
            store.change_hold(transaction.connection, hold["id"], state="settled")


def nothing_runs(transaction: Transaction, job: str, so: str, hint: str | None = None) -> None:
    """Refuse where something of a job may be running, or nobody knows what became of it.

    Args:
        transaction: The work's.
        job: Its id.
        so: What cannot be, as the second half of a sentence.
        hint: What can be done instead.

    Raises:
        ConflictError: with the ids of what was redeemed and not reported on, in `running`.
    """
    rows = intent_store.of_job(transaction.connection, job)
    running = [row["id"] for row in rows if IntentState(row["state"]) in intent_rules.UNDER_WAY]
    if running:
        more = f" and {len(running) - 1} more" if len(running) > 1 else ""
        raise ConflictError(
            f"intent {running[0]}{more} of this job was redeemed and has no outcome yet: {so}",
            hint=hint,
            running=running,
        )


def end_job(
    transaction: Transaction, row: RowMapping, to: JobState, actor: str, *, code: str, waiting: IntentState
) -> None:
    """End a job by its own terminal state: what waits becomes `waiting`, what is approved is revoked."""
    for intent in intent_store.of_job(transaction.connection, row["id"]):
        state = IntentState(intent["state"])
        if state is IntentState.HELD:
            move_intent(transaction, intent, waiting, actor, code=code)
        elif state is IntentState.APPROVED:
            move_intent(transaction, intent, IntentState.REVOKED, actor, code=code)
    for hold in store.live_holds(transaction.connection, row["id"]):
        store.change_hold(transaction.connection, hold["id"], state="settled")
    store.note_held(transaction.connection, row["id"])
    move_job(transaction, row, to, actor, code=code)
