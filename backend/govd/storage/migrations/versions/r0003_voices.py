"""Voices: speakers, what agents ask for, who has listened, sessions, locks, and what was heard before.

What is written here stays as it is: it must never follow the schema of a later program.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def _text(name: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=null)


def _big(name: str, *, null: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=null)


def _small(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _blob(name: str, *, null: bool = False) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(), nullable=null)


def upgrade() -> None:
    """The new tables; nothing that was there changes."""
    _speakers()
    _requests()
    _standing()


def _speakers() -> None:
    op.create_table(
        "speakers",
        _text("name"),
        _text("enrolment"),
        _blob("wrapped_key"),
        _blob("sealed"),
        _small("samples"),
        _big("net_ms"),
        _small("agreement"),
        _small("heard"),
        _text("model"),
        _text("model_sha256"),
        _text("operator", null=True),
        _text("consent_version"),
        _big("consent_at"),
        _big("enrolled_at"),
        _big("changed_at"),
        _text("enrolled_by"),
        _big("last_verified_at", null=True),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_index("speakers_by_operator", "speakers", ["operator"])


def _requests() -> None:
    op.create_table(
        "voice_requests",
        _text("id"),
        _text("intent"),
        _text("job"),
        _text("agent"),
        _text("speaker"),
        _text("operation"),
        _blob("sealed", null=True),
        _blob("audio", null=True),
        _small("size"),
        _big("seconds_ms"),
        _big("net_ms"),
        _big("asked_at"),
        _big("expires_at"),
        sa.ForeignKeyConstraint(["intent"], ["intents.id"]),
        sa.ForeignKeyConstraint(["job"], ["jobs.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("intent", name="voice_requests_once"),
    )
    op.create_index("voice_requests_by_speaker", "voice_requests", ["agent", "speaker"])
    waiting = sa.text("sealed IS NOT NULL")
    op.create_index(
        "voice_requests_waiting",
        "voice_requests",
        ["intent"],
        sqlite_where=waiting,
        postgresql_where=waiting,
    )
    op.create_table(
        "voice_heard",
        _text("request"),
        _text("operator"),
        _big("heard_at"),
        sa.ForeignKeyConstraint(["request"], ["voice_requests.id"]),
        sa.PrimaryKeyConstraint("request", "operator"),
    )


def _standing() -> None:
    op.create_table(
        "voice_sessions",
        _text("agent"),
        _text("chat"),
        _text("operator"),
        _text("id"),
        _text("speaker"),
        _text("enrolment"),
        _small("confidence"),
        _small("low"),
        _big("verified_at"),
        _big("expires_at"),
        _big("ended_at", null=True),
        sa.PrimaryKeyConstraint("agent", "chat", "operator"),
        sa.UniqueConstraint("id", name="voice_sessions_id"),
    )
    op.create_index("voice_sessions_by_speaker", "voice_sessions", ["speaker"])
    op.create_table(
        "voice_locks",
        _text("agent"),
        _text("chat"),
        _text("operator"),
        _small("failures"),
        _big("until", null=True),
        _small("locked"),
        _big("changed_at"),
        sa.PrimaryKeyConstraint("agent", "chat", "operator"),
    )
    op.create_table(
        "voice_replays",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        _text("clip"),
        _blob("fingerprint"),
        _text("whose"),
        _big("heard_at"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("clip", name="voice_replays_once"),
    )
    op.create_index("voice_replays_whose", "voice_replays", ["whose", "id"])
