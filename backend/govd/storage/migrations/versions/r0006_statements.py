"""Every signed statement that put a policy in force is remembered, so that none does so again.

What is written here stays as it is: it must never follow the schema of a later program.
"""

from __future__ import annotations

import hashlib

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """The new table, with the last statement of each version: of those before, nothing is left."""
    made = op.create_table(
        "policy_statements",
        sa.Column("digest", sa.String(), primary_key=True, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
    )
    rows = op.get_bind().execute(
        sa.text("SELECT statement, applied_at FROM policies WHERE statement IS NOT NULL")
    )
    known = {hashlib.sha256(statement.encode()).hexdigest(): at or 0 for statement, at in rows}
    if known:
        op.bulk_insert(made, [{"digest": digest, "at": at} for digest, at in known.items()])
