"""A job: the unit that a person reviews. One purpose, many intents, one decision."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from govd.contract.intents import IntentDetail, IntentView
from govd.contract.votes import SignedVote, Verdict
from govd.contract.wire import Id, Name, Origin, Purpose, Sha256, Timestamp, Wire


class JobState(StrEnum):
    """Where a job stands. The transitions are a table in `govd.jobs.rules`."""

    SUBMITTED = "submitted"
    ACKNOWLEDGED = "acknowledged"
    PROCESSING = "processing"
    HELD = "held"
    DELIVERED = "delivered"
    FAILED = "failed"
    DENIED = "denied"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    REVOKED = "revoked"


Title = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Assurance = Literal["enforced", "advisory"]


class JobSubmission(Wire):
    """The body of `POST /v1/jobs`."""

    title: Title
    purpose: Purpose = ""
    origin: Origin | None = None
    parent: Id | None = None


class JobView(Wire):
    """A job as its agent sees it."""

    id: Id
    agent: Name
    state: JobState
    title: str
    opened_at: Timestamp
    held_until: Timestamp | None = None
    parent: Id | None = None
    intents: list[IntentView] = Field(default_factory=list)


class JobSummary(Wire):
    """A job as one row of the queue. `sums`: what its held intents add up to, by metric (`usd`, `count`)."""

    id: Id
    agent: Name
    state: JobState
    title: str
    opened_at: Timestamp
    held_until: Timestamp | None
    risk: int
    intents: int
    held: int
    sums: dict[str, str]
    assurance: Assurance
    quorum: int
    approvals: int


class HoldView(Wire):
    """A hold that was closed for review: what a vote is about.

    `nonce` (hex) salts the review token and the commitments in votes, so that neither lets an action be
    guessed from the log (threats T16).
    """

    id: Id
    job: Id
    nonce: str
    opened_at: Timestamp
    closed_at: Timestamp
    expires_at: Timestamp
    quorum: int
    policy_sha256: Sha256
    intents: list[IntentDetail]
    changed_since_vote: list[str] = Field(default_factory=list)


class VoteView(Wire):
    """A vote as the job shows it. `lapsed`: the review token has changed since."""

    signed: SignedVote
    operator: Name
    verdict: Verdict
    cast_at: Timestamp
    reason: str
    guidance: str
    lapsed: bool


class JobDetail(JobSummary):
    """A job as an operator reviews it. Asking for it closes the open hold."""

    purpose: Purpose
    origin: str
    parent: Id | None = None
    hold: HoldView | None
    waiting_holds: int
    settled: list[IntentDetail]
    votes: list[VoteView]


class JobPage(Wire):
    """One page of jobs, and the cursor of the next (null: there is none)."""

    jobs: list[JobSummary]
    next: str | None
    total: int
