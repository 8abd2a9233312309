"""A backend over a real socket, an operator with a vote key, and the app between them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from govconsole.app import ConsoleApp
from govconsole.paths import Operator, socket_path
from govconsole.session import Session
from govd.contract import votekey
from tests.govconsole.fake_backend import TOKEN, FakeBackend
from tests.govconsole.world import NOW

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PASSPHRASE = "correct horse"


class FakeClock:
    """Time that moves when a test says so."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self.waited = 0.0
        """How long ago what is handled now was pressed."""

    def monotonic(self) -> float:
        return self.seconds

    def stamped(self, at: float) -> float:
        del at
        return self.seconds - self.waited

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.seconds - 1000.0)

    def advance(self, seconds: float) -> None:
        self.seconds += seconds


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(scope="session")
def key_material(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, str]:
    """One key file for all tests: its passphrase is slow to turn into a key on purpose."""
    path = tmp_path_factory.mktemp("key") / "anna.key"
    key = votekey.generate()
    votekey.write(path, key, PASSPHRASE.encode(), rounds=1)
    return path.read_bytes(), votekey.public_text(key)


@pytest.fixture
def operator(tmp_path: Path, key_material: tuple[bytes, str]) -> Operator:
    directory = tmp_path / "op"
    directory.mkdir(mode=0o700)
    for name, data in (("anna.key", key_material[0]), ("anna.token", TOKEN.encode())):
        (directory / name).touch(mode=0o600)
        (directory / name).write_bytes(data)
    return Operator("anna", directory)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    socket_path(tmp_path / "s").parent.mkdir(parents=True)
    return tmp_path / "s"


@pytest.fixture
def backend(state: Path, key_material: tuple[bytes, str]) -> Iterator[FakeBackend]:
    with FakeBackend(socket_path(state), key_material[1]) as running:
        yield running


@pytest.fixture
def session(operator: Operator, state: Path, clock: FakeClock) -> Session:
    return Session.open(operator, state, clock)


@pytest.fixture
def app(session: Session) -> ConsoleApp:
    return ConsoleApp(session)


@pytest.fixture
def unlocked(session: Session) -> Callable[[], None]:
    return lambda: session.keys.unlock(PASSPHRASE)
