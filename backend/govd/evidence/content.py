"""What is sealed of evidence, and the views that open it. Head and text apart: lists open heads alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from govd.contract.evidence import Evidence, EvidenceHead
from govd.evidence import store
from govd.times import instant

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

    from govd.contract.evidence import EvidenceSubmission
    from govd.sealing import JobKey

_HEAD: Final = {"kind", "changes", "truncated", "missing"}


def _name(row: Mapping[Any, Any], part: str) -> str:
    return f"evidence-{part}:{row['intent']}:{row['kind']}"


def seal(values: dict[str, Any], body: EvidenceSubmission, salt: str, key: JobKey) -> dict[str, Any]:
    """The row with its two sealed columns."""
    head = body.model_dump(mode="json", include=_HEAD)
    return values | {
        "head": key.seal(head, _name(values, "head")),
        "sealed": key.seal({"text": body.text, "salt": salt}, _name(values, "text")),
    }


def _head(row: Mapping[Any, Any], key: JobKey) -> dict[str, Any]:
    return key.open(row["head"], _name(row, "head")) | {
        "size": row["size"],
        "gathered_by": row["gathered_by"],
        "gathered_at": instant(row["gathered_at"]),
    }


def heads(connection: Connection, intents: Sequence[str], key: JobKey) -> dict[str, list[EvidenceHead]]:
    """What was gathered about these intents of one job, by intent."""
    found: dict[str, list[EvidenceHead]] = {}
    for row in store.heads(connection, intents):
        found.setdefault(row["intent"], []).append(EvidenceHead.model_validate(_head(row, key)))
    return found


def whole(row: Mapping[Any, Any], key: JobKey) -> Evidence:
    """One piece with its text."""
    text = key.open(row["sealed"], _name(row, "text"))["text"]
    return Evidence.model_validate(_head(row, key) | {"text": text})
