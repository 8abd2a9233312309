"""What every room's tests may ask for: a database of each kind."""

from __future__ import annotations

import signal
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import pytest

from tests.support import postgres, programs
from tests.support.fixtures import govd_at, running  # noqa: F401 - fixtures are found by their names
from tests.support.govd_process import forget_founded

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


# A shell starts what runs in the background with SIGINT ignored, and so would every program that we start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_sessionstart() -> None:
    """Start our programs the cheap way."""
    programs.fork_from_now_on()


def pytest_sessionfinish() -> None:
    """Leave nothing behind."""
    programs.end()
    forget_founded()


@dataclass(frozen=True)
class Database:
    """An empty database, and the directory of the state that it belongs to."""

    kind: Literal["sqlite", "postgresql"]
    url: str
    state: Path

    @property
    def audit(self) -> Path:
        """Where the log's files go."""
        return self.state / "audit"


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL cluster for this run; GOV_TEST_POSTGRES names another one."""
    yield from postgres.cluster()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    """The same test on both kinds of storage."""
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    if request.param == "sqlite":
        return Database("sqlite", f"sqlite:///{state / 'govd.db'}", state)
    url = request.getfixturevalue("postgres_url")
    return Database("postgresql", postgres.fresh_database(url, f"t{uuid.uuid4().hex}"), state)
