"""A job: the unit that a person reviews. One purpose, many intents, one decision."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from govd.contract.intents import IntentDetail, IntentView, Kind
from govd.contract.limits import MAX_FILTER, MAX_IDS, MAX_PAGE
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
Effect = Literal["read", "draft", "write", "irreversible"]
Selection = Literal["held", "open", "settled", "all"]
Order = Literal["risk", "left", "newest", "oldest", "agent", "changed"]
Cursor = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,300}$")]
"""Where a page ends or begins, in a form that only the server reads."""

DEFAULT_ORDER: dict[Selection, Order] = {
    "held": "risk",
    "open": "risk",
    "settled": "changed",
    "all": "newest",
}
"""How a selection is ordered where nothing else is asked for."""


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
    """A job as one row of the queue.

    `sums`: what its held intents add up to, by metric (`usd`, `count`). `effect` (the worst) and `kinds` are
    of what is held, and once nothing is, of what was held last: null and empty where nothing ever was.
    """

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
    origin: str
    effect: Effect | None = None
    kinds: list[Kind] = Field(default_factory=list)


class HoldView(Wire):
    """A hold that was closed for review: what a vote is about.

    `nonce` (hex) salts the review token and the commitments in votes, so that neither lets an action be
    guessed from the log (threats T16). `voice_required`: a vote that approves needs a standing step-up of
    that operator. The review token does not cover it: the backend that would hide it is the one that asks
    for it, and the policy that says so is covered.
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
    voice_required: bool = False


class VoteView(Wire):
    """A vote as the job shows it. `lapsed`: the review token has changed since.

    `salt`: what the vote's commitments to the two texts open with, so that a console can check them.
    """

    signed: SignedVote
    operator: Name
    verdict: Verdict
    cast_at: Timestamp
    reason: str
    guidance: str
    lapsed: bool
    salt: str = ""


class JobDetail(JobSummary):
    """A job as an operator reviews it. Asking for it closes the open hold.

    `voice_required`: the hold that is up for a vote needs the voice of whoever approves it.
    """

    purpose: Purpose
    parent: Id | None = None
    hold: HoldView | None
    waiting_holds: int
    settled: list[IntentDetail]
    votes: list[VoteView]
    voice_required: bool = False


class JobsQuery(Wire):
    """Which jobs, in which order, and which part of them: what `GET /v1/jobs` is asked with.

    A page begins `after` a cursor, ends `before` one, or is the last one (`end`); else it is the first.
    `ids` asks for some jobs alone: those of them that are of the selection. `filter` is of the language in
    `govd.contract.filters`. `sort` null: as `DEFAULT_ORDER` has it.
    """

    state: Selection = "held"
    filter: Annotated[str, StringConstraints(max_length=MAX_FILTER)] = ""
    sort: Order | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = 200
    after: Cursor | None = None
    before: Cursor | None = None
    end: bool = False
    ids: Annotated[tuple[Id, ...], Field(max_length=MAX_IDS)] | None = None

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        places = (self.after is not None, self.before is not None, self.end, self.ids is not None)
        if sum(places) > 1:
            raise ValueError("after, before, end and ids exclude one another")
        return self

    @property
    def order(self) -> Order:
        """The order that the page is in."""
        return self.sort or DEFAULT_ORDER[self.state]

    def params(self) -> dict[str, str]:
        """As query parameters: what differs from the defaults, and the state."""
        found = {"state": self.state, "limit": str(self.limit)}
        for name in ("filter", "sort", "after", "before"):
            value = getattr(self, name)
            found |= {name: value} if value else {}
        found |= {"end": "true"} if self.end else {}
        return found | ({} if self.ids is None else {"ids": ",".join(self.ids)})


class JobPage(Wire):
    """One page of a selection of jobs.

    Attributes:
        jobs: In the order that was asked for, also where the page was asked for from its end.
        next: The cursor for the page behind this one (`after`); null: there is none.
        previous: The cursor for the page in front of this one (`before`); null: there is none.
        total: The jobs of the selection; null where only opening every title would tell.
        offset: How many jobs of the selection stand in front of this page; null with `ids`, or as `total`.
        searched: With words of titles: how many of `candidates` have been looked at, from the side that the
            page began at. A page of these may hold few jobs or none, and still have a `next`.
        candidates: With words of titles: the jobs that all other terms leave.
    """

    jobs: list[JobSummary]
    next: Cursor | None = None
    previous: Cursor | None = None
    total: int | None = None
    offset: int | None = None
    searched: int | None = None
    candidates: int | None = None
