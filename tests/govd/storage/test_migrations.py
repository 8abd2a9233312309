"""Migrations: they make what the schema says, back up first, and leave a newer database alone."""

from __future__ import annotations

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
from govd.storage.engine import make_engine, parse_url
from govd.storage.migrate import SCRIPTS, migrate, revision_of
from govd.storage.schema import REVISION, metadata

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

    from tests.conftest import Database

SECOND = """
from alembic import op
import sqlalchemy as sa
revision = "0002"
down_revision = "0001"
def upgrade():
    op.add_column("jobs", sa.Column("colour", sa.String()))
    {then}
"""


@pytest.fixture
def writer(database: Database) -> Iterator[Engine]:
    engine = make_engine(parse_url(database.url), writer=True)
    yield engine
    engine.dispose()


def scripts_with_a_second(tmp_path: Path, then: str = "pass") -> Path:
    scripts = tmp_path / "scripts"
    shutil.copytree(SCRIPTS, scripts, ignore=shutil.ignore_patterns("__pycache__"))
    (scripts / "versions" / "r0002_second.py").write_text(SECOND.format(then=then))
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

    backup = migrate(url, backups=backups, scripts=scripts_with_a_second(tmp_path), target="0002")

    assert backup is not None
    assert backup.stat().st_mode & 0o777 == 0o600
    assert backup.stat().st_size > 0
    if database.kind == "sqlite":
        copy = sqlite3.connect(backup)
        assert copy.execute("select version_num from alembic_version").fetchone() == ("0001",)
        copy.close()
    with writer.connect() as connection:
        assert revision_of(connection) == "0002"
        assert "colour" in {column["name"] for column in inspect(connection).get_columns("jobs")}


def test_a_migration_that_fails_changes_nothing(database: Database, writer: Engine, tmp_path: Path):
    url = parse_url(database.url)
    migrate(url, backups=database.state / "backups")
    scripts = scripts_with_a_second(tmp_path, then="1 / 0")

    with pytest.raises(ZeroDivisionError):
        migrate(url, backups=database.state / "backups", scripts=scripts, target="0002")

    with writer.connect() as connection:
        assert revision_of(connection) == "0001"
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
