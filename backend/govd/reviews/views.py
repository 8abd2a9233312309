"""Jobs as an operator sees them: the queue's rows, and one job with the hold that is up for a vote."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from govd.contract.errors import NotFoundError
from govd.contract.intents import IntentDetail, IntentState
from govd.contract.jobs import HoldView, JobDetail, JobState, JobSummary, VoteView
from govd.contract.votes import Review, SignedVote, reviewed
from govd.intents import store as intent_store
from govd.intents.content import detail, open_content
from govd.jobs import books, store
from govd.times import instant, maybe_instant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, RowMapping

    from govd.sealing import JobKey, StateKey


def review_of(hold: HoldView) -> Review:
    """What the review token of a hold is the hash of."""
    return Review(
        job=hold.job,
        hold=hold.id,
        nonce=hold.nonce,
        policy_sha256=hold.policy_sha256,
        intents=[reviewed(item.id, item.intent_sha256, item.decision) for item in hold.intents],
    )


def hold_view(connection: Connection, row: RowMapping, key: JobKey) -> HoldView:
    """A closed hold with its intents, opened."""
    rows = [
        item
        for item in intent_store.of_hold(connection, row["id"])
        if item["state"] == IntentState.HELD.value
    ]
    lapsed = [
        vote["operator"]
        for vote in store.votes_of_job(connection, row["job"])
        if vote["hold"] == row["id"] and vote["lapsed_at"] is not None
    ]
    return HoldView(
        id=row["id"],
        job=row["job"],
        nonce=key.open(row["sealed"], f"hold:{row['id']}")["nonce"],
        opened_at=instant(row["opened_at"]),
        closed_at=instant(row["closed_at"] if row["closed_at"] is not None else row["opened_at"]),
        expires_at=instant(row["expires_at"]),
        quorum=row["quorum"],
        policy_sha256=row["policy_sha256"],
        intents=[detail(item, open_content(item, key), row["expires_at"]) for item in rows],
        changed_since_vote=sorted(set(lapsed)),
    )


def summary(connection: Connection, row: RowMapping, state_key: StateKey) -> JobSummary:
    """One row of the queue."""
    return JobSummary(**_summary(connection, row, books.job_key(state_key, row)))


def _summary(connection: Connection, row: RowMapping, key: JobKey) -> dict[str, Any]:
    rows = intent_store.of_job(connection, row["id"])
    held = [item for item in rows if item["state"] == IntentState.HELD.value]
    live = store.live_holds(connection, row["id"])
    approvals = 0
    if live:
        votes = store.standing_votes(connection, live[0]["id"])
        approvals = sum(vote["verdict"] == "approve" for vote in votes)
    return {
        "id": row["id"],
        "agent": row["agent"],
        "state": JobState(row["state"]),
        "title": key.open(row["sealed"], f"job:{row['id']}")["title"],
        "opened_at": instant(row["opened_at"]),
        "held_until": maybe_instant(live[0]["expires_at"] if live else None),
        "risk": row["risk"],
        "intents": len(rows),
        "held": len(held),
        "sums": _sums(held, key),
        "assurance": row["assurance"],
        "quorum": live[0]["quorum"] if live else 1,
        "approvals": approvals,
    }


def _sums(held: Sequence[RowMapping], key: JobKey) -> dict[str, str]:
    """What the held intents add, by metric: each amount once, though several caps may count it."""
    found: dict[str, Decimal] = {}
    for row in held:
        largest: dict[str, Decimal] = {}
        for item in open_content(row, key).decision.reservations:
            largest[item.metric] = max(largest.get(item.metric, Decimal(0)), Decimal(item.amount))
        for metric, amount in largest.items():
            found[metric] = found.get(metric, Decimal(0)) + amount
    return {metric: str(amount) for metric, amount in found.items()}


def job_detail(connection: Connection, job: str, state_key: StateKey) -> JobDetail:
    """One job with all that a reviewer is shown."""
    row = store.by_id(connection, job)
    if row is None:
        raise NotFoundError("there is no such job")
    key = books.job_key(state_key, row)
    live = store.live_holds(connection, job)
    closed = next((item for item in live if item["state"] == "closed"), None)
    sealed = key.open(row["sealed"], f"job:{job}")
    return JobDetail(
        **_summary(connection, row, key),
        purpose=sealed["purpose"],
        origin=row["origin"],
        parent=row["parent"],
        hold=None if closed is None else hold_view(connection, closed, key),
        waiting_holds=sum(item["state"] == "open" for item in live),
        settled=_settled(connection, job, key),
        votes=[_vote_view(item, key) for item in store.votes_of_job(connection, job)],
    )


def _settled(connection: Connection, job: str, key: JobKey) -> list[IntentDetail]:
    return [
        detail(item, open_content(item, key), None)
        for item in intent_store.of_job(connection, job)
        if item["state"] != IntentState.HELD.value
    ]


def _vote_view(row: RowMapping, key: JobKey) -> VoteView:
    words = key.open(row["sealed"], f"vote:{row['id']}")
    signed = SignedVote.model_validate_json(row["signed"])
    return VoteView(
        signed=signed,
        operator=row["operator"],
        verdict=signed.vote.verdict,
        cast_at=instant(row["cast_at"]),
        reason=words["reason"],
        guidance=words["guidance"],
        lapsed=row["lapsed_at"] is not None,
    )
