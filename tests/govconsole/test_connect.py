"""`--connect`: a backend elsewhere by its socket alone, and clear words where there is none."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from govconsole.cli import main
from govconsole.embedded import knock
from govconsole.paths import CONNECT_VARIABLE
from govconsole.session import Session
from govd.contract.errors import UnreachableError
from tests.govconsole.driver import running, shows
from tests.govconsole.world import job

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from govconsole.paths import Operator
    from tests.govconsole.conftest import FakeClock
    from tests.govconsole.fake_backend import FakeBackend


def dig_tunnel(path: Path, backend: FakeBackend) -> None:
    path.symlink_to(backend.path)


def end_tunnel(path: Path) -> None:
    path.unlink(missing_ok=True)


@pytest.fixture
def forwarded(backend: FakeBackend, tmp_path: Path) -> Iterator[Path]:
    """The backend's door under another name, as `ssh -L` makes it."""
    path = tmp_path / "far.sock"
    dig_tunnel(path, backend)
    yield path
    end_tunnel(path)


def run(operator: Operator, *arguments: str, env: dict[str, str] | None = None) -> Result:
    places = ("--operator-dir", str(operator.directory))
    return CliRunner().invoke(main, [*places, *arguments], env=env)


def test_a_backend_elsewhere_is_asked_by_its_socket_alone(
    backend: FakeBackend, operator: Operator, forwarded: Path
) -> None:
    backend.put(job("from far away"))
    address = f"unix:{forwarded}"
    assert "from far away" in run(operator, "--connect", address, "jobs", "list").stdout
    assert "from far away" in run(operator, "jobs", "list", env={CONNECT_VARIABLE: address}).stdout
    assert "from far away" in run(operator, "--connect", f"unix://{forwarded}", "jobs", "list").stdout
    assert str(forwarded) in run(operator, "--connect", address, "locate", "socket").stdout
    assert "elsewhere" in run(operator, "--connect", address, "locate", "state").stdout


@pytest.mark.parametrize(
    "address", ["http://host:8200", "/run/operators.sock", "unix:relative", "unix:", "ssh:x"]
)
def test_another_kind_of_address_is_refused_and_says_what_is_meant(operator: Operator, address: str) -> None:
    found = run(operator, "--connect", address, "jobs", "list")
    assert found.exit_code == 2
    assert "is no address of an operators' door" in found.stderr
    assert "ssh -N -L" in found.stderr


def test_elsewhere_there_is_no_state(operator: Operator, tmp_path: Path) -> None:
    found = run(operator, "--connect", "unix:/x", "--state", str(tmp_path), "jobs", "list")
    assert (found.exit_code, "has no --state here" in found.stderr) == (2, True)


def test_nothing_there_says_so_and_starts_nothing(operator: Operator, tmp_path: Path) -> None:
    found = run(operator, "--connect", f"unix:{tmp_path}/none.sock", "jobs", "list")
    assert found.exit_code == 3
    assert "no backend answers" in found.stderr


def test_a_door_that_cannot_be_opened_says_what_mends_it(tmp_path: Path) -> None:
    with pytest.raises(UnreachableError, match="no such socket") as missing:
        knock(tmp_path / "none.sock")
    assert "ssh -N -L" in str(missing.value.hint)
    left = tmp_path / "left.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(left))
    with pytest.raises(UnreachableError, match="nobody listens") as behind:
        knock(left)
    assert f"rm {left}" in str(behind.value.hint)
    with pytest.raises(UnreachableError, match="no backend answers"):
        knock(tmp_path / ("long" * 40))


async def test_the_app_works_through_a_forwarded_socket_and_comes_back_with_it(
    backend: FakeBackend, operator: Operator, forwarded: Path, clock: FakeClock
) -> None:
    from govconsole.app import ConsoleApp

    backend.put(job("from far away"))
    app = ConsoleApp(Session.at(operator, forwarded, clock))
    async with running(app) as pilot:
        await shows(pilot, "from far away", "Why it is held")
        end_tunnel(forwarded)
        backend.close()
        await shows(pilot, "backend lost", "from far away")
        backend.open()
        dig_tunnel(forwarded, backend)
        backend.put(job("the next"))
        await shows(pilot, "1 new, n to show")
