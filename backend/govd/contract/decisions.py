"""What became of an intent, and every reason for it."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from govd.contract.wire import Sha256, Wire


class Outcome(StrEnum):
    """The three answers. The strictest finding wins: DENIED > PENDING > APPROVED."""

    APPROVED = "APPROVED"
    PENDING = "PENDING"
    DENIED = "DENIED"


STRICTNESS: dict[Outcome, int] = {Outcome.APPROVED: 0, Outcome.PENDING: 1, Outcome.DENIED: 2}


class Gauge(Wire):
    """A cap, and what this intent does to it. Amounts are decimals: USD with six places, or a count.

    `used` is what stood booked when the finding was made, `adds` what this intent adds.
    """

    cap: str
    subject: str
    window: str
    metric: Literal["usd", "count"]
    used: str
    limit: str
    adds: str


class Finding(Wire):
    """One reason. `code` is of a closed set (docs/reference/reasons.md); the message names the figure."""

    block: str
    rule: str
    code: str
    outcome: Outcome
    message: str
    evidence: dict[str, str] = Field(default_factory=dict)
    gauge: Gauge | None = None


class RiskPart(Wire):
    """One contribution to the risk, in points."""

    name: str
    points: int


class Risk(Wire):
    """0 (nothing to see) to 100, as the sum of its named parts."""

    score: int = 0
    parts: list[RiskPart] = Field(default_factory=list)


class Reservation(Wire):
    """What an approval of this intent books against a cap."""

    cap: str
    subject: str
    window: str
    metric: Literal["usd", "count"]
    amount: str
    limit: str


class DecisionView(Wire):
    """The decision as it is recorded: outcome, all findings, risk, and under which policy."""

    outcome: Outcome
    findings: list[Finding]
    risk: Risk
    policy_sha256: Sha256
    autonomy_level: int | None = None
    effect: Literal["read", "draft", "write", "irreversible"] = "write"
    reservations: list[Reservation] = Field(default_factory=list)
    quorum: int = 1
    voice: bool = False
    """Whether a vote that approves it needs the operator's own voice too (`voice: required`)."""
    decided_by: str = "policy"
