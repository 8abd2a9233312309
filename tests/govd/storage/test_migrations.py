"""Migrations: they make what the schema says, back up first, and leave a newer database alone."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from govd.contract.errors import IntegrityError
from govd.intents.store import Waiting, waiting
from govd.jobs.store import note_held
from govd.policy.store import spend
from govd.storage.engine import make_engine, parse_url
from govd.storage.migrate import SCRIPTS, migrate, revision_of
from govd.storage.schema import NEVER, REVISION, metadata

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

    from tests.conftest import Database

NEXT = """
from alembic import op
import sqlalchemy as sa
revision = "0007"
down_revision = "0006"
def upgrade():
    op.add_column("jobs", sa.Column("colour", sa.String()))
    {then}
"""


_JOB = "insert into jobs (id, agent, state, origin, implicit, opened_at, updated_at, risk, assurance) values "
_HOLD = "insert into holds (id, job, state, opened_at, expires_at, quorum, policy_sha256) values "
_INTENT = (
    "insert into intents (id, job, hold, agent, kind, state, outcome, effect, risk, policy_sha256,"
    " decided_at, updated_at) values "
)
HELD_AT_0001 = (
    _JOB + "('held', 'bot', 'held', 'user', 0, 1, 1, 60, 'advisory')",
    _JOB + "('done', 'bot', 'delivered', 'user', 0, 1, 1, 0, 'advisory')",
    _HOLD + "('h1', 'held', 'closed', 1, 70, 1, 'p')",
    _HOLD + "('h2', 'held', 'open', 2, 90, 1, 'p')",
    _INTENT + "('i1', 'held', 'h1', 'bot', 'tool_call', 'held', 'PENDING', 'read', 10, 'p', 1, 1)",
    _INTENT + "('i2', 'held', 'h2', 'bot', 'process_exec', 'held', 'PENDING', 'draft', 60, 'p', 1, 1)",
    _INTENT + "('i3', 'held', null, 'bot', 'tool_call', 'approved', 'APPROVED', 'write', 0, 'p', 1, 1)",
)


@pytest.fixture
def writer(database: Database) -> Iterator[Engine]:
    engine = make_engine(parse_url(database.url), writer=True)
    yield engine
    engine.dispose()


def scripts_with_another(tmp_path: Path, then: str = "pass") -> Path:
    scripts = tmp_path / "scripts"
    shutil.copytree(SCRIPTS, scripts, ignore=shutil.ignore_patterns("__pycache__"))
    (scripts / "versions" / "r0007_next.py").write_text(NEXT.format(then=then))
    return scripts


def test_the_program_and_the_scripts_name_the_same_revision():
    assert ScriptDirectory(str(SCRIPTS)).get_heads() == [REVISION]


def test_an_empty_database_becomes_what_the_schema_says(database: Database, writer: Engine):
    backup = migrate(parse_url(database.url), backups=database.state / "backups")

    assert backup is None
    with writer.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        assert revision_of(connection) == REVISION


def test_a_database_that_is_up_to_date_is_left_alone(database: Database):
    for _ in range(2):
        assert migrate(parse_url(database.url), backups=database.state / "backups") is None

    assert not (database.state / "backups").exists()


def test_an_older_database_is_backed_up_and_then_migrated(database: Database, writer: Engine, tmp_path: Path):
    url, backups = parse_url(database.url), database.state / "backups"
    migrate(url, backups=backups)

    backup = migrate(url, backups=backups, scripts=scripts_with_another(tmp_path), target="0007")

    assert backup is not None
    assert backup.stat().st_mode & 0o777 == 0o600
    assert backup.stat().st_size > 0
    if database.kind == "sqlite":
        copy = sqlite3.connect(backup)
        assert copy.execute("select version_num from alembic_version").fetchone() == (REVISION,)
        copy.close()
    else:
        # A dump cannot be changed: what is deleted later would stay in it.
        assert b"COPY public.jobs " in backup.read_bytes()
        assert b"COPY public.speakers " not in backup.read_bytes()
    with writer.connect() as connection:
        assert revision_of(connection) == "0007"
        assert "colour" in {column["name"] for column in inspect(connection).get_columns("jobs")}


def test_a_migration_that_fails_changes_nothing(database: Database, writer: Engine, tmp_path: Path):
    url = parse_url(database.url)
    migrate(url, backups=database.state / "backups")
    scripts = scripts_with_another(tmp_path, then="1 / 0")

    with pytest.raises(ZeroDivisionError):
        migrate(url, backups=database.state / "backups", scripts=scripts, target="0007")

    with writer.connect() as connection:
        assert revision_of(connection) == REVISION
        assert "colour" not in {column["name"] for column in inspect(connection).get_columns("jobs")}


def test_a_database_that_is_newer_than_the_program_is_refused(database: Database, writer: Engine):
    url = parse_url(database.url)
    migrate(url, backups=database.state / "backups")
    with writer.connect() as connection:
        connection.execute(text("update alembic_version set version_num = '9999'"))

    with pytest.raises(IntegrityError, match="newer"):
        migrate(url, backups=database.state / "backups")

    with writer.connect() as connection:
        assert revision_of(connection) == "9999"


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_new_database_is_for_its_owner_alone(database: Database):
    migrate(parse_url(database.url), backups=database.state / "backups")

    assert Path(str(parse_url(database.url).database)).stat().st_mode & 0o777 == 0o600


def test_what_was_held_before_the_queue_was_long_stands_in_it_as_if_it_had_been_held_today(
    database: Database, writer: Engine
):
    url, backups = parse_url(database.url), database.state / "backups"
    migrate(url, backups=backups, target="0001")
    with writer.connect() as connection:
        for statement in HELD_AT_0001:
            connection.execute(text(statement))

    migrate(url, backups=backups)

    with writer.connect() as connection:
        query = "select calm, held_until, effect, kinds from jobs where id = :id"
        migrated = {job: connection.execute(text(query), {"id": job}).one() for job in ("held", "done")}
        assert migrated["held"] == (40, 70, "draft", ",process_exec,tool_call,")
        assert migrated["done"] == (100, NEVER, "", "")
        note_held(connection, "held")
        assert connection.execute(text(query), {"id": "held"}).one() == migrated["held"]


def test_what_an_older_program_has_waiting_is_counted_too(database: Database, writer: Engine):
    url, backups = parse_url(database.url), database.state / "backups"
    migrate(url, backups=backups, target="0001")
    with writer.connect() as connection:
        for statement in HELD_AT_0001:
            connection.execute(text(statement))
        sealed = {"blob": b"x" * 40}
        connection.execute(text("update intents set sealed = :blob where id in ('i1', 'i3')"), sealed)

    migrate(url, backups=backups)

    with writer.connect() as connection:
        assert waiting(connection, "bot") == Waiting(intents=2, size=40)


@pytest.mark.threat("T11")
def test_a_policy_change_that_an_older_program_made_is_good_once_too(database: Database, writer: Engine):
    """It is sent again to the program that followed."""
    url, backups = parse_url(database.url), database.state / "backups"
    migrate(url, backups=backups, target="0005")
    statement = '{"type":"policy"}'
    made = {"source": b"version: 1", "statement": statement}
    with writer.connect() as connection:
        connection.execute(
            text(
                "insert into policies (sha256, name, source, state, found_at, applied_at, statement)"
                " values ('p', 'loose', :source, 'past', 1, 2, :statement),"
                " ('q', 'base', :source, 'in_force', 1, 3, null)"
            ),
            made,
        )

    migrate(url, backups=backups)

    with writer.connect() as connection:
        digest = hashlib.sha256(statement.encode()).hexdigest()
        assert not spend(connection, digest, 4)
        assert spend(connection, "0" * 64, 4)
        assert not spend(connection, "0" * 64, 5)
