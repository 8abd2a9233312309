"""How many bytes an intent takes, so that what an agent has waiting can be bounded.

What is written here stays as it is: it must never follow the schema of a later program.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

HELD = sa.text("state = 'held'")


def upgrade() -> None:
    """The new column, filled for what is held: of the rest nobody asks."""
    op.add_column("intents", sa.Column("size", sa.Integer(), server_default="0", nullable=False))
    op.execute("UPDATE intents SET size = coalesce(length(sealed), 0) WHERE state = 'held'")
    op.drop_index("intents_held", "intents")
    columns = ["agent", "size", "state"]
    op.create_index("intents_held", "intents", columns, sqlite_where=HELD, postgresql_where=HELD)
