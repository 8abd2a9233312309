"""A job as an operator reviews it: with the hold that is up for a vote, and what is settled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from govd.contract.errors import NotFoundError
from govd.contract.intents import IntentDetail, IntentState
from govd.contract.jobs import HoldView, JobDetail, VoteView
from govd.contract.votes import Review, SignedVote, reviewed
from govd.evidence import content as evidence
from govd.intents import store as intent_store
from govd.intents.content import detail, open_content
from govd.jobs import books, store
from govd.reviews import listing
from govd.times import instant

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
    shown = _details(connection, rows, key, row["expires_at"])
    return HoldView(
        id=row["id"],
        job=row["job"],
        nonce=key.open(row["sealed"], f"hold:{row['id']}")["nonce"],
        opened_at=instant(row["opened_at"]),
        closed_at=instant(row["closed_at"] if row["closed_at"] is not None else row["opened_at"]),
        expires_at=instant(row["expires_at"]),
        quorum=row["quorum"],
        policy_sha256=row["policy_sha256"],
        intents=shown,
        changed_since_vote=sorted(set(lapsed)),
        voice_required=any(item.decision.voice for item in shown),
    )


def job_detail(connection: Connection, job: str, state_key: StateKey) -> JobDetail:
    """One job with all that a reviewer is shown."""
    row = store.by_id(connection, job)
    if row is None:
        raise NotFoundError("there is no such job")
    key = books.job_key(state_key, row)
    live = store.live_holds(connection, job)
    closed = next((item for item in live if item["state"] == "closed"), None)
    sealed = key.open(row["sealed"], f"job:{job}")
    hold = None if closed is None else hold_view(connection, closed, key)
    return JobDetail(
        **dict(listing.summaries(connection, [row], state_key)[0]),
        purpose=sealed["purpose"],
        parent=row["parent"],
        hold=hold,
        waiting_holds=sum(item["state"] == "open" for item in live),
        settled=_settled(connection, job, key),
        votes=[_vote_view(item, key) for item in store.votes_of_job(connection, job)],
        voice_required=hold is not None and hold.voice_required,
    )


def _settled(connection: Connection, job: str, key: JobKey) -> list[IntentDetail]:
    rows = [item for item in intent_store.of_job(connection, job) if item["state"] != IntentState.HELD.value]
    return _details(connection, rows, key, None)


def _details(
    connection: Connection, rows: Sequence[RowMapping], key: JobKey, held_until: int | None
) -> list[IntentDetail]:
    gathered = evidence.heads(connection, [row["id"] for row in rows], key)
    return [detail(row, open_content(row, key), held_until, gathered.get(row["id"], ())) for row in rows]


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
        salt=words.get("salt", ""),
    )
