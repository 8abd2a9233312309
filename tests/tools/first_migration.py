"""Writes the first migration from the schema. For the time before the first release only.

Must never be run once a release has gone out: from then on a change of the schema is a new revision.
"""

from __future__ import annotations

import re
from pathlib import Path

from alembic.autogenerate import produce_migrations, render_python_code
from alembic.migration import MigrationContext
from alembic.operations.ops import UpgradeOps
from sqlalchemy import create_engine

import govd.storage
from govd.storage.schema import metadata

TARGET = Path(govd.storage.__file__).parent / "migrations" / "versions" / "r0001_first.py"

HEAD = '''"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make every table, those first that others refer to."""
'''


def main() -> None:
    """Write the file anew."""
    with create_engine("sqlite://").connect() as connection:
        script = produce_migrations(MigrationContext.configure(connection), metadata)
    if script.upgrade_ops is None:
        raise SystemExit("nothing to write")
    parts: list[str] = []
    calls: dict[str, list[str]] = {}
    for operation in script.upgrade_ops.ops:
        text = render_python_code(UpgradeOps([operation]))
        name = re.search(r"'(\w+)'", text)
        table = getattr(operation, "table_name", name[1] if name else "")
        text = text.replace("    # ### end Alembic commands ###", "")
        text = re.sub(r"^\s*# ###.*$", "", text, flags=re.MULTILINE).strip()
        calls.setdefault(table, []).append("    " + text)
    functions = []
    for table in metadata.sorted_tables:
        body = "\n".join(calls[table.name])
        if table.dialect_kwargs.get("sqlite_with_rowid") is False and "sqlite_with_rowid" not in body:
            body = body.replace("\n    )", ",\n    sqlite_with_rowid=False,\n    )", 1)
        functions.append(f"def _{table.name}() -> None:\n{body}\n")
        parts.append(f"    _{table.name}()")
    TARGET.write_text(HEAD + "\n".join(parts) + "\n\n\n" + "\n\n".join(functions), encoding="utf-8")


if __name__ == "__main__":
    main()
