"""A queue of 100,000 jobs: what it is ordered and filtered by stands in the job's row. And evidence.

What is written here stays as it is: it must never follow the schema of a later program.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

NEVER = "4611686018427387904"
EFFECTS = ("read", "draft", "write", "irreversible")
HELD = "state = 'held'"
OPEN = "state IN ('acknowledged', 'held', 'processing', 'submitted')"
ENDED = "state IN ('cancelled', 'delivered', 'denied', 'expired', 'failed', 'revoked')"


def upgrade() -> None:
    """The new columns, filled from what is held; then the indexes and the new table."""
    op.drop_index("jobs_by_state", "jobs")
    op.add_column("jobs", sa.Column("calm", sa.Integer(), server_default="100", nullable=False))
    op.add_column("jobs", sa.Column("held_until", sa.BigInteger(), server_default=NEVER, nullable=False))
    op.add_column("jobs", sa.Column("effect", sa.String(), server_default="", nullable=False))
    op.add_column("jobs", sa.Column("kinds", sa.String(), server_default="", nullable=False))
    op.execute("UPDATE jobs SET calm = 100 - risk")
    _fill(op.get_bind())
    op.drop_column("jobs", "risk")
    _indexes()
    op.create_table(
        "evidence",
        sa.Column("intent", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("head", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("gathered_by", sa.String(), nullable=False),
        sa.Column("gathered_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["intent"], ["intents.id"]),
        sa.PrimaryKeyConstraint("intent", "kind"),
    )


def _fill(connection: sa.Connection) -> None:
    """What is held now, job by job."""
    ends = connection.execute(
        sa.text("SELECT job, expires_at FROM holds WHERE state IN ('open', 'closed') ORDER BY id DESC")
    )
    held_until = {job: end for job, end in ends}  # noqa: C416 - rows: the oldest hold of a job comes last and stays
    held: dict[str, list[tuple[str, str]]] = {}
    found = connection.execute(sa.text("SELECT job, effect, kind FROM intents WHERE state = 'held'"))
    for job, effect, kind in found:
        held.setdefault(job, []).append((effect, kind))
    for job, end in held_until.items():
        connection.execute(
            sa.text("UPDATE jobs SET held_until = :end WHERE id = :job"), {"end": end, "job": job}
        )
    for job, intents in held.items():
        effect = max((effect for effect, _ in intents), key=EFFECTS.index)
        kinds = ",".join(sorted({kind for _, kind in intents}))
        connection.execute(
            sa.text("UPDATE jobs SET effect = :effect, kinds = :kinds WHERE id = :job"),
            {"effect": effect, "kinds": f",{kinds},", "job": job},
        )


def _indexes() -> None:
    for name, columns, where in (
        ("jobs_open", "calm held_until id state", OPEN),
        ("jobs_ended", "updated_at id state", ENDED),
        ("jobs_held_by_end", "held_until id state", HELD),
        ("jobs_held_by_age", "id state", HELD),
        ("jobs_held_by_agent", "agent calm held_until id state", HELD),
        ("jobs_held_by_risk", "calm held_until id agent opened_at effect kinds origin assurance state", HELD),
    ):
        op.create_index(
            name, "jobs", columns.split(), sqlite_where=sa.text(where), postgresql_where=sa.text(where)
        )
