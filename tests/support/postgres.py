"""A throwaway PostgreSQL cluster: in a temporary directory, on a Unix socket, gone at the end."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from sqlalchemy.engine import make_url

from tests.support import needs

if TYPE_CHECKING:
    from collections.abc import Iterator

_USER = "postgres"


def _binaries() -> Path | None:
    found = shutil.which("initdb")
    if found is not None and Path(found).with_name("pg_ctl").exists():
        return Path(found).parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return versions[-1].parent if versions else None


def _account() -> str | None:
    """The user to run it as: PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return None
    try:
        pwd.getpwnam(_USER)
    except KeyError:
        needs.skip(f"there is no user {_USER} to run PostgreSQL as")
    return _USER


def _run(program: Path, *arguments: str, account: str | None) -> None:
    done = subprocess.run(
        [program, *arguments],
        user=account,
        cwd="/",
        capture_output=True,
        check=False,
        timeout=60,
    )
    if done.returncode != 0:
        needs.skip(f"PostgreSQL does not start: {done.stdout.decode()[-300:]}{done.stderr.decode()[-300:]}")


def cluster() -> Iterator[str]:
    """The URL of a running cluster's own database; it ends with the iterator."""
    given = os.environ.get("GOV_TEST_POSTGRES")
    if given:
        yield make_url(given).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
        return
    binaries = _binaries()
    if binaries is None:
        needs.skip("PostgreSQL is not installed")
        return
    account = _account()
    root = Path(tempfile.mkdtemp(prefix="govpg"))
    try:
        if account is not None:
            shutil.chown(root, account)
        data = root / "data"
        _run(
            binaries / "initdb",
            *("-D", str(data), "-A", "trust", "-U", _USER, "-E", "UTF8", "--no-sync"),
            account=account,
        )
        options = (
            f"-c listen_addresses= -c unix_socket_directories={root} -c fsync=off -c max_connections=200"
        )
        control = ("-D", str(data), "-w", "-t", "50")
        log = root / "log"
        _run(binaries / "pg_ctl", "start", *control, "-l", str(log), "-o", options, account=account)
        try:
            yield f"postgresql+psycopg://{_USER}@/postgres?host={root}"
        finally:
            _run(binaries / "pg_ctl", "stop", *control, "-m", "immediate", account=account)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def fresh_database(url: str, name: str) -> str:
    """Make an empty database in the cluster; its URL."""
    parsed = make_url(url)
    address = parsed.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f'create database "{name}"')
    return parsed.set(database=name).render_as_string(hide_password=False)
