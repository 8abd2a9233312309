"""Bringing a database to the schema of this program: backup first, never back, never past what we know.

Must never touch a database that a newer program has written.
"""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import inspect, text

from govd.contract.errors import IntegrityError
from govd.storage.engine import make_engine, sqlite_path
from govd.storage.locks import advisory_lock
from govd.storage.schema import REVISION

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy.engine import URL

SCRIPTS: Final = Path(__file__).parent / "migrations"


def revision_of(connection: Connection) -> str | None:
    """The revision that the database is at; None where it is empty."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("select version_num from alembic_version")).scalar()
    return None if found is None else str(found)


def migrate(url: URL, *, backups: Path, scripts: Path = SCRIPTS, target: str = REVISION) -> Path | None:
    """Bring the database to `target`.

    Args:
        url: Of the database; a new SQLite file is made with mode 0600.
        backups: Where the backup goes that is taken before a migration; made where it is missing.
        scripts: The migrations; a seam for tests.
        target: The revision of this program.

    Returns:
        The backup that was taken; None where none was needed.

    Raises:
        IntegrityError: the database is newer than this program, or the backup could not be taken.
    """
    path = sqlite_path(url)
    if path is not None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
    engine = make_engine(url, writer=True)
    try:
        with engine.connect() as connection:
            current = revision_of(connection)
            if current == target:
                return None
            advisory_lock(connection)
            return _upgrade(url, connection, current, backups=backups, scripts=scripts, target=target)
    finally:
        engine.dispose()


def _upgrade(
    url: URL, connection: Connection, current: str | None, *, backups: Path, scripts: Path, target: str
) -> Path | None:
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(scripts))
    directory = ScriptDirectory.from_config(config)
    known = {script.revision for script in directory.walk_revisions()}
    if current is not None and current not in known:
        raise IntegrityError(
            f"the database is at revision {current[:40]}, which this program does not know: it is newer",
            hint="install the newer govconsole; there is no way back",
        )
    backup = None if current is None else _backup(url, backups, current)

    def steps(at: str, _context: object) -> object:
        return directory._upgrade_revs(target, at)  # noqa: SLF001 - alembic's own command does the same

    connection.execute(text("BEGIN IMMEDIATE" if connection.dialect.name == "sqlite" else "BEGIN"))
    try:
        with EnvironmentContext(config, directory, fn=steps, destination_rev=target) as context:
            context.configure(connection=connection, transactional_ddl=False)
            context.run_migrations()
    except BaseException:
        connection.execute(text("ROLLBACK"))
        raise
    connection.execute(text("COMMIT"))
    return backup


def _backup(url: URL, backups: Path, current: str) -> Path:
    """A copy of the database as it is, before it is changed."""
    backups.mkdir(mode=0o700, parents=True, exist_ok=True)
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    path = sqlite_path(url)
    if path is None:
        return _dump(url, backups / f"govd-{current}-{stamp}.dump")
    target = backups / f"{path.name}-{current}-{stamp}"
    target.touch(mode=0o600)
    source, copy = sqlite3.connect(path), sqlite3.connect(target)
    try:
        source.backup(copy)
    finally:
        source.close()
        copy.close()
    return target


def _dump(url: URL, target: Path) -> Path:
    program = shutil.which("pg_dump")
    if program is None:
        raise IntegrityError(
            "the database must be migrated, and there is no pg_dump to take a backup first",
            hint="install the PostgreSQL client programs",
        )
    target.touch(mode=0o600)
    address = url.set(drivername="postgresql", password=None).render_as_string(hide_password=False)
    environment = {"PATH": "/usr/bin:/bin", "PGPASSWORD": str(url.password or "")}
    done = subprocess.run(  # noqa: S603 - our own arguments
        [
            program,
            "--format=custom",
            # A dump cannot be changed: what is deleted later would stay in it, with its key.
            "--exclude-table-data=speakers",
            f"--file={target}",
            f"--dbname={address}",
        ],
        capture_output=True,
        check=False,
        env=environment,
    )
    if done.returncode != 0:
        raise IntegrityError(
            f"no backup, so no migration: {done.stderr.decode(errors='replace').strip()[:200]}"
        )
    return target
