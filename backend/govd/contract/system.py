"""Health, identity and alarms: what a console's header and an agent's first call are made of."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from govd.contract.jobs import Assurance
from govd.contract.votes import Enrolment, PolicyChange
from govd.contract.wire import Int, Name, Origin, Reason, Sha256, Timestamp, Wire


class Alarm(Wire):
    """Something that does not go away by itself. `mend`: the command that mends it."""

    id: str
    kind: str
    subject: str
    message: str
    mend: str
    raised_at: Timestamp
    seen_by: Name | None = None


class Health(Wire):
    """`status` is the one word that an unauthenticated caller sees.

    `model`, `threshold` and `speakers_enrolled` are of the voice service: without a model it is degraded.
    `phrases`: whether a phrase can be asked for, since a transcription upstream is set.
    """

    status: Literal["ok", "degraded", "halted"]
    version: str | None = None
    mode: Literal["embedded", "service"] | None = None
    storage: Literal["sqlite", "postgresql"] | None = None
    policy_sha256: Sha256 | None = None
    policy_name: str | None = None
    halted: str | None = None
    alarms: int | None = None
    head: str | None = None
    model: str | None = None
    threshold: float | None = None
    speakers_enrolled: int | None = None
    phrases: bool | None = None


class Overview(Health):
    """What the operator's header shows."""

    operator: Name
    assurance: Assurance
    assurance_why: str
    pending: int
    next_expiry: Timestamp | None
    alarm_list: list[Alarm] = Field(default_factory=list)
    draft_sha256: Sha256 | None = None
    log: str
    agent_url: str


class Limit(Wire):
    """What is left of one cap in its present window: decimals, USD with six places or a count."""

    cap: str
    window: str
    metric: Literal["usd", "count"]
    used: str
    limit: str
    left: str


class Me(Wire):
    """`GET /v1/me`: what the holder of this token may do, and what is left today.

    `pending`: how many of its intents wait for a person, and `pending_bytes` what they take.
    """

    name: Name
    kind: Literal["agent", "executor"]
    origins: list[Origin] = Field(default_factory=list)
    token_expires_at: Timestamp | None = None
    assurance: Assurance
    policy_sha256: Sha256
    pending: int = 0
    pending_limit: int = 0
    pending_bytes: int = 0
    pending_bytes_limit: int = 0
    limits: list[Limit] = Field(default_factory=list)


class IdentityView(Wire):
    """An agent, executor or operator, as `govd … list` shows it. Tokens are never shown again."""

    kind: Literal["agent", "executor", "operator"]
    name: Name
    state: Literal["active", "suspended", "removed"]
    created_at: Timestamp
    added_by: Name | None = None
    uid: int | None = None
    public_key: str | None = None
    agents: list[str] = Field(default_factory=list)
    origins: list[str] = Field(default_factory=list)
    advisory: bool = False
    token_expires_at: Timestamp | None = None
    socket: str | None = None


class AgentView(IdentityView):
    """An agent, as `govd agents list` shows it.

    `assurance`: whether it runs as a Unix user of its own, and some executor that serves it as another one
    (`enforced`), or could act without asking; of one that is removed None. Tool by tool is not looked at.
    `assurance_why`: by what it is either.
    """

    assurance: Assurance | None = None
    assurance_why: str = ""


class AgentSubmission(Wire):
    """The body of `POST /v1/agents` (operators' door). `ttl_s`: the token's life in seconds."""

    name: Name
    origins: Annotated[list[Origin], Field(max_length=32)] = Field(default_factory=lambda: ["user"])
    uid: Annotated[Int, Field(ge=0, le=2**32)] | None = None
    ttl_s: Annotated[Int, Field(ge=60, le=366 * 86_400)] = 86_400


class TokenIssued(Wire):
    """A token, said once."""

    identity: IdentityView
    token: str


class EnrolmentSubmission(Wire):
    """The body of `POST /v1/enrolments`: `enrolment` with its signature."""

    enrolment: Enrolment
    signature: str


class PolicyVersion(Wire):
    """A policy version as its history lists it."""

    sha256: Sha256
    name: str
    state: Literal["in_force", "draft", "past", "broken"]
    found_at: Timestamp
    applied_by: str | None = None
    reason: str | None = None
    problems: list[str] = Field(default_factory=list)
    changes: list[str] = Field(default_factory=list)


class PolicyApplication(Wire):
    """The body of `POST /v1/policy`: the source, the signed change, and what its commitment opens to."""

    source: str
    change: PolicyChange
    signature: str
    salt: Annotated[str, Field(pattern=r"^[0-9a-f]{32,64}$")]
    reason: Reason


class TokenRenewed(Wire):
    """The answer to `POST /v1/me/token`: a fresh token for the same agent; the old one ends with its time."""

    token: str
    token_expires_at: Timestamp


class Identities(Wire):
    """A list of executors or operators."""

    identities: list[IdentityView]


class Agents(Wire):
    """`GET /v1/agents`."""

    identities: list[AgentView]


class Versions(Wire):
    """The history of the policy, the latest first."""

    versions: list[PolicyVersion]


class PolicyShown(Wire):
    """`GET /v1/policy`: what is in force, and the draft that waits for a signature.

    `voice_required`: whether putting a looser version in force needs the operator's voice too.
    """

    version: PolicyVersion
    source: str
    draft: PolicyVersion | None
    draft_source: str | None
    voice_required: bool = False


class Alarms(Wire):
    """The alarms that stand."""

    alarms: list[Alarm]


class Rotation(Wire):
    """The body of `POST /v1/agents/{name}/token`: the new token's life in seconds."""

    ttl_s: Annotated[Int, Field(ge=60, le=366 * 86_400)] = 86_400


class Reloaded(Wire):
    """The answer to `POST /v1/reload`: which settings took effect, and which wait for a restart."""

    policy: str
    taken: list[str]
    restart: list[str]
    deciding: bool
