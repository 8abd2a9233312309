"""What is sealed of an intent, and the views that open it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import orjson

from govd.contract.actions import ACTIONS
from govd.contract.decisions import DecisionView
from govd.contract.intents import Input, IntentDetail, IntentState, IntentView, Model
from govd.contract.wire import iso
from govd.intents.model import Declared
from govd.times import instant, maybe_instant

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import RowMapping

    from govd.contract.evidence import EvidenceHead
    from govd.sealing import JobKey


@dataclass(frozen=True)
class Content:
    """The sealed part of an intent. `salt` (hex) opens the commitment that the log holds (threats T16)."""

    declared: Declared
    decision: DecisionView
    salt: str
    guidance: str | None = None

    @cached_property
    def decision_json(self) -> bytes:
        """The decision as it is sealed, and as it is answered."""
        return self.decision.model_dump_json().encode()

    def seal(self, key: JobKey) -> bytes:
        """The blob of the column."""
        item = self.declared
        value: dict[str, Any] = {
            "intent_sha256": item.intent_sha256,
            "origin": item.origin,
            "origin_verified": item.origin_verified,
            "purpose": item.purpose,
            "inputs": [entry.model_dump(mode="json") for entry in item.inputs],
            "model": None if item.model is None else item.model.model_dump(mode="json"),
            "capabilities": item.declared_capabilities,
            "salt": self.salt,
            "guidance": self.guidance,
        }
        # Pydantic writes its own models as text at once: half the time of a detour over dictionaries.
        value["action"] = orjson.Fragment(item.action.model_dump_json(by_alias=True))
        value["decision"] = orjson.Fragment(self.decision_json)
        return key.seal_json(orjson.dumps(value), f"intent:{item.id}")


def open_content(row: RowMapping, key: JobKey) -> Content:
    """The content of a row."""
    value = key.open(row["sealed"], f"intent:{row['id']}")
    model = value["model"]
    declared = Declared(
        id=row["id"],
        agent=row["agent"],
        job=row["job"],
        kind=row["kind"],
        action=ACTIONS[row["kind"]].model_validate(value["action"]),
        origin=value["origin"],
        intent_sha256=value["intent_sha256"],
        purpose=value["purpose"],
        inputs=tuple(Input.model_validate(item) for item in value["inputs"]),
        model=None if model is None else Model.model_validate(model),
        origin_verified=value["origin_verified"],
        declared_capabilities=tuple(value["capabilities"]),
    )
    return Content(declared, DecisionView.model_validate(value["decision"]), value["salt"], value["guidance"])


def _common(row: Mapping[Any, Any], content: Content, held_until: int | None) -> dict[str, Any]:
    state = IntentState(row["state"])
    return {
        "id": row["id"],
        "agent": row["agent"],
        "job": row["job"],
        "kind": row["kind"],
        "state": state,
        "intent_sha256": content.declared.intent_sha256,
        "decision": content.decision,
        "origin": content.declared.origin,
        "decided_at": instant(row["decided_at"]),
        "held_until": maybe_instant(held_until) if state is IntentState.HELD else None,
        "approved_until": maybe_instant(row["approved_until"]),
        "guidance": content.guidance,
        "supersedes": row["supersedes"],
    }


def view(row: Mapping[Any, Any], content: Content, held_until: int | None) -> IntentView:
    """As the agent sees it."""
    return IntentView(**_common(row, content, held_until))


@dataclass(frozen=True, slots=True)
class IntentAnswer:
    """An intent as its agent is told of it. `held_until` is in microseconds, None where nothing is held."""

    row: Mapping[Any, Any]
    content: Content
    held_until: int | None

    def view(self) -> IntentView:
        """As a model."""
        return view(self.row, self.content, self.held_until)

    def json(self) -> bytes:
        """What the model is on the wire, byte for byte, without making one: a test holds the two equal."""
        shown = _common(self.row, self.content, self.held_until)
        shown["decision"] = orjson.Fragment(self.content.decision_json)
        for name in ("decided_at", "held_until", "approved_until"):
            shown[name] = None if shown[name] is None else iso(shown[name])
        return orjson.dumps(shown)


def detail(
    row: Mapping[Any, Any], content: Content, held_until: int | None, evidence: Sequence[EvidenceHead] = ()
) -> IntentDetail:
    """As an operator sees it, or without the evidence an executor."""
    item = content.declared
    return IntentDetail(
        **_common(row, content, held_until),
        action=item.action,
        inputs=list(item.inputs),
        purpose=item.purpose,
        model=item.model,
        origin_verified=item.origin_verified,
        declared_capabilities=list(item.declared_capabilities),
        redeemed_at=maybe_instant(row["redeemed_at"]),
        redeemed_by=row["redeemed_by"],
        exit_code=row["exit_code"],
        evidence=list(evidence),
    )
