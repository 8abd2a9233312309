"""Every table, as SQLAlchemy Core knows it. The migrations make them; a test holds the two equal.

Ids and digests are strings, times are microseconds UTC, amounts are whole units: must never hold a float.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

REVISION: Final = "0006"
"""The revision of the schema that this program was written for."""

metadata: Final = MetaData()

NEVER: Final = 2**62
"""In `jobs.held_until`: nothing is held. An order needs no null."""

_SERIAL: Final = BigInteger().with_variant(
    Integer, "sqlite"
)  # SQLite's row id, which appends are cheapest by


def _time(name: str, *, null: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=null)


def _amount(name: str, *, null: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=null)


def _text(name: str, *, null: bool = False, key: bool = False) -> Column[str]:
    return Column(name, String, nullable=null, primary_key=key)


def _blob(name: str, *, null: bool = False) -> Column[bytes]:
    return Column(name, LargeBinary, nullable=null)


def _reference(name: str, target: str, *, null: bool = False, key: bool = False) -> Column[Any]:
    return Column(name, String, ForeignKey(target), nullable=null, primary_key=key)


def _index_where(name: str, *columns: str, where: str) -> Index:
    """An index of some rows: what policy alone decides writes no page of it."""
    condition = text(where)
    return Index(name, *columns, sqlite_where=condition, postgresql_where=condition)


_HELD: Final = "state = 'held'"

OPEN_STATES: Final = "state IN ('acknowledged', 'held', 'processing', 'submitted')"
ENDED_STATES: Final = "state IN ('cancelled', 'delivered', 'denied', 'expired', 'failed', 'revoked')"
"""As conditions, word for word as indexes have them: SQLite compares the two as they are written."""

meta: Final = Table("meta", metadata, _text("key", key=True), Column("value", Text, nullable=False))

identities: Final = Table(
    "identities",
    metadata,
    _text("kind", key=True),
    _text("name", key=True),
    _text("state"),
    _time("created_at"),
    _text("added_by", null=True),
    Column("uid", BigInteger, nullable=True),
    _text("public_key", null=True),
    Column("details", Text, nullable=False, server_default="{}"),
    Column("statement", Text, nullable=True),
    Column("signature", Text, nullable=True),
)

tokens: Final = Table(
    "tokens",
    metadata,
    _text("token_sha256", key=True),
    _text("kind"),
    _text("name"),
    _time("expires_at", null=True),
    _time("created_at"),
    _text("peer", null=True),
    Index("tokens_by_name", "kind", "name"),
)

jobs: Final = Table(
    "jobs",
    metadata,
    _text("id", key=True),
    _text("agent"),
    _text("state"),
    _text("parent", null=True),
    _text("origin"),
    Column("implicit", Integer, nullable=False),
    _blob("wrapped_key", null=True),
    _blob("sealed", null=True),
    _time("opened_at"),
    _time("updated_at"),
    # 100 less the risk: an order's columns all run one way, so that an index leads to its pages.
    Column("calm", Integer, nullable=False, server_default="100"),
    _text("assurance"),
    # Of what is held: what the queue is ordered and filtered by, without a look at its intents.
    Column("held_until", BigInteger, nullable=False, server_default=str(NEVER)),
    Column("effect", String, nullable=False, server_default=""),
    Column("kinds", String, nullable=False, server_default=""),
    _index_where("jobs_open", "calm", "held_until", "id", "state", where=OPEN_STATES),
    _index_where("jobs_ended", "updated_at", "id", "state", where=ENDED_STATES),
    # With the state, which is one and the same: SQLite would look for it in the table.
    _index_where("jobs_held_by_end", "held_until", "id", "state", where=_HELD),
    _index_where("jobs_held_by_age", "id", "state", where=_HELD),
    _index_where("jobs_held_by_agent", "agent", "calm", "held_until", "id", "state", where=_HELD),
    # Wide, so that filtering the queue in its own order reads no row of the table that does not fit.
    _index_where(
        "jobs_held_by_risk",
        *("calm", "held_until", "id"),
        *("agent", "opened_at", "effect", "kinds", "origin", "assurance", "state"),
        where=_HELD,
    ),
)

holds: Final = Table(
    "holds",
    metadata,
    _text("id", key=True),
    _reference("job", "jobs.id"),
    _text("state"),
    _blob("sealed", null=True),
    _time("opened_at"),
    _time("closed_at", null=True),
    _time("expires_at"),
    Column("quorum", Integer, nullable=False),
    _text("policy_sha256"),
    Index("holds_by_job", "job"),
    Index("holds_by_expiry", "state", "expires_at"),
)

intents: Final = Table(
    "intents",
    metadata,
    _text("id", key=True),
    _reference("job", "jobs.id"),
    _reference("hold", "holds.id", null=True),
    _text("agent"),
    _text("kind"),
    _text("state"),
    _text("outcome"),
    _text("effect"),
    Column("risk", Integer, nullable=False, server_default="0"),
    _blob("sealed", null=True),
    _text("idempotency_key", null=True),
    _text("body_sha256", null=True),
    # Of what is sealed, in bytes: what an agent has waiting is counted without a look at any of it.
    Column("size", Integer, nullable=False, server_default="0"),
    _text("policy_sha256"),
    _time("decided_at"),
    Column("decided_by", Text, nullable=False, server_default="policy"),
    _text("supersedes", null=True),
    _time("approved_until", null=True),
    _time("redeemed_at", null=True),
    _text("redeemed_by", null=True),
    _time("settled_at", null=True),
    Column("exit_code", Integer, nullable=True),
    _time("updated_at"),
    UniqueConstraint("agent", "idempotency_key", name="intents_once"),
    Index("intents_by_job", "job"),
    _index_where("intents_by_hold", "hold", where="hold IS NOT NULL"),
    Index("intents_by_state", "state", "approved_until"),
    # With the state, as above: so that counting reads no row of the table.
    _index_where("intents_held", "agent", "size", "state", where="state = 'held'"),
)

evidence: Final = Table(
    "evidence",
    metadata,
    _reference("intent", "intents.id", key=True),
    _text("kind", key=True),
    _blob("head"),
    _blob("sealed"),
    Column("size", Integer, nullable=False),
    _text("gathered_by"),
    _time("gathered_at"),
)

votes: Final = Table(
    "votes",
    metadata,
    _text("id", key=True),
    _reference("job", "jobs.id"),
    _reference("hold", "holds.id"),
    _text("operator"),
    _text("verdict"),
    Column("signed", Text, nullable=False),
    _blob("sealed", null=True),
    _time("cast_at"),
    _time("lapsed_at", null=True),
    _text("sha256"),
    Index("votes_by_job", "job"),
    Index("votes_by_hold", "hold"),
)

totals: Final = Table(
    "totals",
    metadata,
    _text("cap", key=True),
    _text("subject", key=True),
    _text("win", key=True),
    _amount("total"),
    _amount("permitted", null=True),
    sqlite_with_rowid=False,
)

reservations: Final = Table(
    "reservations",
    metadata,
    _reference("intent", "intents.id", key=True),
    _text("cap", key=True),
    _text("subject", key=True),
    _text("win", key=True),
    _amount("amount"),
    _amount("limit_"),
    _text("state"),
    sqlite_with_rowid=False,
)

policies: Final = Table(
    "policies",
    metadata,
    _text("sha256", key=True),
    _text("name"),
    _blob("source"),
    _text("state"),
    _time("found_at"),
    _time("applied_at", null=True),
    _text("applied_by", null=True),
    Column("statement", Text, nullable=True),
    Column("signature", Text, nullable=True),
    _blob("reason", null=True),
)

policy_statements: Final = Table(
    "policy_statements",
    metadata,
    _text("digest", key=True),
    _time("at"),
)
"""The digest of every signed statement that put a policy in force: each is good once."""

alarms: Final = Table(
    "alarms",
    metadata,
    _text("id", key=True),
    _text("kind"),
    _text("subject"),
    Column("message", Text, nullable=False),
    Column("mend", Text, nullable=False),
    _time("raised_at"),
    _text("seen_by", null=True),
    _time("seen_at", null=True),
    _time("cleared_at", null=True),
    Index("alarms_by_kind", "kind", "subject"),
)

speakers: Final = Table(
    "speakers",
    metadata,
    _text("name", key=True),
    # Fresh with every enrollment: what was verified against an earlier one does not stand for a later one.
    _text("enrolment"),
    _blob("wrapped_key"),
    _blob("sealed"),
    Column("samples", Integer, nullable=False),
    Column("net_ms", BigInteger, nullable=False),
    # Millionths of a cosine.
    Column("agreement", Integer, nullable=False),
    # Whether a person has listened to each sample that an agent sent: without it there is no admin scope.
    Column("heard", Integer, nullable=False),
    _text("model"),
    _text("model_sha256"),
    _text("operator", null=True),
    _text("consent_version"),
    _time("consent_at"),
    _time("enrolled_at"),
    _time("changed_at"),
    _text("enrolled_by"),
    _time("last_verified_at", null=True),
    Index("speakers_by_operator", "operator"),
)

voice_requests: Final = Table(
    "voice_requests",
    metadata,
    _text("id", key=True),
    _reference("intent", "intents.id"),
    _reference("job", "jobs.id"),
    _text("agent"),
    _text("speaker"),
    _text("operation"),
    # Under the job's key, and null again once the intent is settled.
    _blob("sealed", null=True),
    _blob("audio", null=True),
    Column("size", Integer, nullable=False),
    Column("seconds_ms", BigInteger, nullable=False),
    Column("net_ms", BigInteger, nullable=False),
    _time("asked_at"),
    _time("expires_at"),
    UniqueConstraint("intent", name="voice_requests_once"),
    Index("voice_requests_by_speaker", "agent", "speaker"),
    _index_where("voice_requests_waiting", "intent", where="sealed IS NOT NULL"),
)

voice_heard: Final = Table(
    "voice_heard",
    metadata,
    _reference("request", "voice_requests.id", key=True),
    _text("operator", key=True),
    _time("heard_at"),
)

voice_sessions: Final = Table(
    "voice_sessions",
    metadata,
    # Of an agent's chat, or of an operator: what does not apply is empty, so that each has one row.
    _text("agent", key=True),
    _text("chat", key=True),
    _text("operator", key=True),
    _text("id"),
    _text("speaker"),
    _text("enrolment"),
    # Millionths of a cosine, and whether that was below what counts as sure.
    Column("confidence", Integer, nullable=False),
    Column("low", Integer, nullable=False),
    _time("verified_at"),
    _time("expires_at"),
    _time("ended_at", null=True),
    # SHA-256 of the channel's key and the sender that vouched for it; empty: none was asked for.
    Column("vouched", String, nullable=False, server_default=""),
    UniqueConstraint("id", name="voice_sessions_id"),
    Index("voice_sessions_by_speaker", "speaker"),
)

voice_locks: Final = Table(
    "voice_locks",
    metadata,
    _text("agent", key=True),
    _text("chat", key=True),
    _text("operator", key=True),
    Column("failures", Integer, nullable=False),
    _time("until", null=True),
    Column("locked", Integer, nullable=False),
    _time("changed_at"),
)

voice_replays: Final = Table(
    "voice_replays",
    metadata,
    Column("id", _SERIAL, primary_key=True),
    # A keyed hash: whoever has the database and a clip cannot tell whether the clip was heard.
    _text("clip"),
    _blob("fingerprint"),
    # Keyed as well: whose voice it was, or which agent sent it. Each of them has a bounded number.
    _text("whose"),
    _time("heard_at"),
    UniqueConstraint("clip", name="voice_replays_once"),
    Index("voice_replays_whose", "whose", "id"),
)

audit: Final = Table(
    "audit",
    metadata,
    Column("seq", _SERIAL, primary_key=True, autoincrement=False),
    _time("time"),
    _text("type"),
    _text("agent", null=True),
    _text("job", null=True),
    _text("intent", null=True),
    _blob("line"),
    _text("digest"),
    Index("audit_by_agent", "agent"),
)
