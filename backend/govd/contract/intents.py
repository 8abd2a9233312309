"""An intent: what an agent declares before a consequential action, and what became of it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, ValidationError, field_validator, model_validator

from govd.contract.actions import ACTIONS, Action, Path
from govd.contract.canonical import sha256_hex
from govd.contract.decisions import DecisionView
from govd.contract.evidence import EvidenceHead
from govd.contract.limits import MAX_LIST
from govd.contract.wire import (
    Flag,
    Id,
    Int,
    JsonObject,
    Line,
    Name,
    Origin,
    Purpose,
    Sha256,
    Timestamp,
    Wire,
)
from govd.contract.wording import said

Kind = Literal[
    "model_call",
    "tool_call",
    "evm_transaction",
    "http_request",
    "file_write",
    "process_exec",
    "audio",
    "context_release",
    "secret_read",
    "admin",
]

IdempotencyKey = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,128}$")]


class IntentState(StrEnum):
    """Where an intent stands. The transitions are a table in `govd.intents.rules`."""

    HELD = "held"
    APPROVED = "approved"
    DENIED = "denied"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"
    REVOKED = "revoked"
    REDEEMED = "redeemed"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    NOT_RUN = "not_run"
    UNKNOWN = "unknown"


class Input(Wire):
    """Something that the action reads, pinned."""

    path: Path
    sha256: Sha256


class Model(Wire):
    """What is driving the agent now."""

    provider: Line
    name: Line
    version: Line = ""


def _validated(model: type[Action], data: dict[str, Any]) -> Action:
    """The action of one kind, or pydantic's error with `action` in front of each place."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise ValidationError.from_exception_data(
            error.title,
            [
                {
                    "type": "value_error",
                    "loc": ("action", *item["loc"]),
                    "input": None,
                    "ctx": {"error": ValueError(said(item))},
                }
                for item in error.errors(include_url=False, include_input=False)
            ],
        ) from None


def _typed_action(data: Any) -> Any:  # noqa: ANN401 - pydantic's signature
    """The data with its action validated by its kind alone, so that an error names one model, not ten."""
    if isinstance(data, dict) and isinstance(data.get("action"), dict):
        model = ACTIONS.get(str(data.get("kind")))
        if model is not None:
            return {**data, "action": _validated(model, data["action"])}
    return data


class Submission(Wire):
    """The body of `POST /v1/intents`. The agent is the token's holder, never a member of the body."""

    kind: Kind
    action: Action
    job: Id | None = None
    purpose: Purpose = ""
    idempotency_key: IdempotencyKey | None = None
    model: Model | None = None
    origin: Origin | None = None
    declared_capabilities: Annotated[list[Name], Field(max_length=MAX_LIST)] = Field(default_factory=list)
    inputs: Annotated[list[Input], Field(max_length=MAX_LIST)] = Field(default_factory=list)
    supersedes: Id | None = None

    _by_kind = model_validator(mode="before")(_typed_action)

    @field_validator("declared_capabilities")
    @classmethod
    def _once_each(cls, value: list[str]) -> list[str]:
        if len(set(value)) != len(value):
            raise ValueError("a capability stands twice")
        return value

    @model_validator(mode="after")
    def _kind_fits(self) -> Self:
        if not isinstance(self.action, ACTIONS[self.kind]):
            raise ValueError(f"the action is not a {self.kind}")  # noqa: TRY004 - pydantic wants ValueError
        return self


class IntentBody(Wire):
    """What the hash of an intent covers, and what a reviewer is shown of it."""

    agent: Name
    job: Id
    kind: Kind
    action: Action
    inputs: list[Input]
    origin: str

    _by_kind = model_validator(mode="before")(_typed_action)

    def sha256(self) -> str:
        """`intent_sha256`: SHA-256 over the RFC 8785 form of {agent, job, kind, action, inputs, origin}."""
        return intent_sha256(
            agent=self.agent,
            job=self.job,
            kind=self.kind,
            action=self.action,
            inputs=self.inputs,
            origin=self.origin,
        )


def intent_sha256(
    *, agent: str, job: str, kind: str, action: Action, inputs: list[Input], origin: str
) -> str:
    """SHA-256 over the RFC 8785 form of {agent, job, kind, action, inputs, origin}, in hex."""
    return wire_sha256(
        agent=agent,
        job=job,
        kind=kind,
        action=action.model_dump(mode="json", by_alias=True),
        inputs=[item.model_dump(mode="json") for item in inputs],
        origin=origin,
    )


def wire_sha256(
    *, agent: str, job: str, kind: str, action: JsonObject, inputs: list[JsonObject], origin: str
) -> str:
    """`intent_sha256` of an action and inputs that are in their wire form already."""
    return sha256_hex(
        {"agent": agent, "job": job, "kind": kind, "action": action, "inputs": inputs, "origin": origin}
    )


class IntentView(Wire):
    """An intent as its agent, or an executor bound to that agent, may see it."""

    id: Id
    agent: Name
    job: Id
    kind: Kind
    state: IntentState
    intent_sha256: Sha256
    decision: DecisionView
    origin: str
    decided_at: Timestamp
    held_until: Timestamp | None = None
    approved_until: Timestamp | None = None
    guidance: str | None = None
    supersedes: Id | None = None


class IntentDetail(IntentView):
    """An intent as an operator sees it: with the action itself and the agent's words."""

    action: Action
    inputs: list[Input]
    purpose: Purpose
    model: Model | None = None
    origin_verified: bool = False
    declared_capabilities: list[str] = Field(default_factory=list)
    redeemed_at: Timestamp | None = None
    redeemed_by: Name | None = None
    exit_code: int | None = None
    evidence: list[EvidenceHead] = Field(default_factory=list)

    _by_kind = model_validator(mode="before")(_typed_action)

    def body(self) -> IntentBody:
        """What the hash covers, taken from what is shown."""
        return IntentBody(
            agent=self.agent,
            job=self.job,
            kind=self.kind,
            action=self.action,
            inputs=self.inputs,
            origin=self.origin,
        )


class OutcomeReport(Wire):
    """What an executor says of the run. `not_run`: redeemed, and the action was never started."""

    status: Literal["succeeded", "failed", "not_run", "unknown"]
    exit_code: Annotated[Int, Field(ge=-255, le=255)] | None = None
    sandboxed: Flag = False
