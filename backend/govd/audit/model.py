"""What may be written to the log, as types that refuse free text.

Must never let through what an agent or a person wrote: codes, counts, ids, names of ours and hashes only,
and a hash only where its key says that nothing guessable is under it (threats T16).
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from datetime import datetime

SCHEMA: Final = "govd.audit/1"

GENESIS: Final = "0" * 64
"""`prev_hash` of the first entry."""

MAX_LINE: Final = 64 * 1024
"""One line of the log, in bytes without its line feed."""

_MAX_DEPTH: Final = 4
_MAX_VALUES: Final = 2048
_MAX_INTEGER: Final = 2**63
_HASH: Final = re.compile(r"[0-9a-f]{64}")
_PATTERNS: Final = {
    "type": re.compile(r"[a-z][a-z_]*(?:\.[a-z][a-z_]*)+"),
    "name": re.compile(r"[a-z0-9][a-z0-9._-]{0,63}"),
    "id": re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    "hash": _HASH,
    "code": re.compile(r"(?=[^a-z]*[a-z])[a-z0-9][a-z0-9._:/-]*"),
    "key": re.compile(r"[a-z][a-z0-9_]{0,63}"),
    "known": re.compile(r"[!#-\[\]-~]{1,128}"),
    "origin": re.compile(r"[a-z]+(?::[A-Za-z0-9._-]+)?"),
    "hex": re.compile(r"(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{128})"),
    "time": re.compile(r"\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\d(?:\.\d{1,6})?Z)?"),
}
_SHORT: Final = re.compile("|".join(_PATTERNS[form].pattern for form in ("code", "id", "time", "hex")))
"""What stands for itself: one expression, because every entry asks it many times."""

_HASH_LENGTH: Final = 64
_MAX_CODE: Final = 128
_MAX_TYPE: Final = 64

PUBLIC_DIGESTS: Final = frozenset(
    {
        "policy_sha256",
        "draft_sha256",
        "from_sha256",
        "to_sha256",
        "base_sha256",
        "previous_sha256",
        "torn_sha256",
        "note_sha256",
        "vote_sha256",
        "review_token",
        "statement_sha256",
        "model_sha256",
        "digest",
        "public_key",
    }
)
"""Details that may hold a plain SHA-256: of the operator's files, of the log, or of what a nonce salts."""

_OUTCOMES: Final = frozenset({"APPROVED", "PENDING", "DENIED"})
_SALTED_ENDINGS: Final = ("_commitment", "_keyed")


class Known(str):
    """A name of the operator's own (policy, registry): it may have capitals, slashes and stars."""

    __slots__ = ()

    @classmethod
    def of(cls, name: str) -> str:
        """The operator's name as the log takes it; `other` where it takes no such characters."""
        return cls(name) if _PATTERNS["known"].fullmatch(name) else "other"


def log_name(name: str, registry: Container[str], key: bytes) -> str:
    """How a name that an agent chose appears in the log: itself when known, else a keyed hash.

    Args:
        name: As the agent sent it.
        registry: The names that the operator's policy or settings list.
        key: A secret of this backend, so that names are not guessed from the log.
    """
    if name in registry and _PATTERNS["known"].fullmatch(name) is not None:
        return Known(name)
    return "keyed:h" + hmac.digest(key, b"govconsole/log-name/v1\n" + name.encode(), "sha256").hex()[:40]


_NAMES: Final = (Known, StrEnum)
_MAPPINGS: Final = (dict, Mapping)
"""The usual one first: asking an abstract class is slow."""


class _RefusedError(ValueError):
    """Says which part of an entry is refused; never what stands there."""

    def __init__(self, where: str, why: str) -> None:
        super().__init__(f"audit entry, {where}: {why}")


def _check_plain(where: str, value: str | None, pattern: str) -> None:
    if value is not None and not _PATTERNS[pattern].fullmatch(value):
        raise _RefusedError(where, f"not a {pattern}")


def _check_code(where: str, value: str) -> None:
    """A short code, an id, a time, a name of the operator's, a member of an enumeration."""
    if isinstance(value, _NAMES):
        if not _PATTERNS["known"].fullmatch(value):
            raise _RefusedError(where, "not a name that the log takes")
        return
    if len(value) == _HASH_LENGTH and _HASH.fullmatch(value):
        raise _RefusedError(where, "a hash, under a key that does not say that it is salted")
    if len(value) <= _MAX_CODE and _SHORT.fullmatch(value):
        return
    raise _RefusedError(where, "free text")


def _check_maybe(where: str, value: str | None) -> None:
    if value is not None:
        _check_code(where, value)


@lru_cache(maxsize=4096, typed=True)  # the same codes come again and again: 3 µs an entry
def _check_text(key: str, value: str) -> None:
    if (
        len(value) == _HASH_LENGTH
        and _HASH.fullmatch(value)
        and (key in PUBLIC_DIGESTS or key.endswith(_SALTED_ENDINGS))
    ):
        return
    if value in _OUTCOMES:
        return
    if key == "origin" and len(value) <= _MAX_CODE and _PATTERNS["origin"].fullmatch(value):
        return
    _check_code(f"details.{key}", value)


def _check_value(key: str, value: object, depth: int, budget: list[int]) -> None:
    """One value of `details`. `budget` counts values down over the whole entry."""
    budget[0] -= 1
    if budget[0] < 0 or depth > _MAX_DEPTH:
        raise _RefusedError(f"details.{key}", "too much of it")
    if isinstance(value, str):
        _check_text(key, value)
    elif isinstance(value, int):
        if not -_MAX_INTEGER <= value < _MAX_INTEGER:
            raise _RefusedError(f"details.{key}", "an integer beyond 64 bits")
    elif isinstance(value, _MAPPINGS):
        _check_keys(key, value)
        for inner_key, inner in value.items():
            _check_value(inner_key, inner, depth + 1, budget)
    elif isinstance(value, list | tuple):
        for inner in value:
            _check_value(key, inner, depth + 1, budget)
    elif value is not None:
        raise _RefusedError(f"details.{key}", f"a {type(value).__name__}")


@lru_cache(maxsize=1024)
def _is_key(key: str) -> bool:
    return _PATTERNS["key"].fullmatch(key) is not None


def _check_keys(where: str, value: Mapping[Any, Any]) -> None:
    for key in value:
        if not isinstance(key, str) or not _is_key(key):
            raise _RefusedError(f"details.{where}", "a key that is no code")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry as its author hands it over; the ledger adds `seq`, `event_id`, `time` and `prev_hash`.

    Args:
        type: What happened, `noun.verb`: `intent.decided`.
        actor: Who did it: `agent:NAME`, `operator:NAME`, `executor:NAME`, `policy`, `govd`.
        source_event_id: The sender's own id of the event, against doubles.
        capability: The tool or capability concerned; through `log_name` where an agent chose it.
        routing: Where it was sent.
        payload_commitment: Salted (`contract.canonical.commitment`).
        details: Booleans, integers, codes, ids, times, and hashes under the keys that may hold them.

    Raises:
        ValueError: a part is free text. The message names the part and never quotes it.
    """

    type: str
    actor: str | None = None
    agent: str | None = None
    job_id: str | None = None
    parent_job_id: str | None = None
    intent_id: str | None = None
    source_event_id: str | None = None
    capability: str | None = None
    level: int | None = None
    decision: str | None = None
    routing: str | None = None
    policy_sha256: str | None = None
    context_requested: tuple[str, ...] = ()
    context_released: tuple[str, ...] = ()
    redactions: tuple[str, ...] = ()
    target_model: str | None = None
    packager_rules: str | None = None
    payload_commitment: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.type) > _MAX_TYPE:
            raise _RefusedError("type", "too long")
        _check_plain("type", self.type, "type")
        _check_plain("agent", self.agent, "name")
        _check_plain("job_id", self.job_id, "id")
        _check_plain("parent_job_id", self.parent_job_id, "id")
        _check_plain("intent_id", self.intent_id, "id")
        _check_plain("policy_sha256", self.policy_sha256, "hash")
        _check_plain("payload_commitment", self.payload_commitment, "hash")
        if self.level is not None and type(self.level) is not int:
            raise _RefusedError("level", "not an integer")
        if self.decision is not None and self.decision not in _OUTCOMES:
            raise _RefusedError("decision", "not one of the three")
        _check_maybe("actor", self.actor)
        _check_maybe("source_event_id", self.source_event_id)
        _check_maybe("capability", self.capability)
        _check_maybe("routing", self.routing)
        _check_maybe("target_model", self.target_model)
        if self.packager_rules is not None and not _HASH.fullmatch(self.packager_rules):
            _check_code("packager_rules", self.packager_rules)
        for where in ("context_requested", "context_released", "redactions"):
            for code in getattr(self, where):
                _check_code(where, code)
        if self.details:
            _check_value("details", self.details, 0, [_MAX_VALUES])


@dataclass(frozen=True, slots=True)
class RecordedEntry:
    """An entry with its place in the log. `digest`: SHA-256 of its raw line, in hex."""

    seq: int
    time: datetime
    digest: str
    entry: Entry
