"""The operator's token goes to his own door alone: another user's socket gets no byte of a request."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from typing import IO, TYPE_CHECKING

import pytest

from govconsole.client.door import Door
from govconsole.embedded import knock
from govconsole.session import Session
from govd.contract.errors import ForbiddenError
from tests.govconsole.test_connect import run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from govconsole.paths import Operator
    from tests.govconsole.fake_backend import FakeBackend

NOBODY = 65_534
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")

# The file is of the operator's user, in a folder of his; who listens behind it is another.
LISTEN = f"""
import os, socket, sys
door = socket.socket(socket.AF_UNIX)
door.bind(sys.argv[1])
os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})
door.listen(1)
print("listening", flush=True)
caller, _ = door.accept()
print(len(caller.recv(65536)), flush=True)
"""


@pytest.mark.parametrize("mode", [0o770, 0o777, 0o1777])
def test_a_folder_that_others_may_write_is_none_for_a_door(
    backend: FakeBackend, operator: Operator, mode: int
) -> None:
    """Where another user could have put the socket, nothing is sent to it, in a sticky folder neither."""
    backend.path.parent.chmod(mode)
    found = run(operator, "--connect", f"unix:{backend.path}", "jobs", "list")
    assert found.exit_code != 0
    assert "your token is not sent" in found.stderr
    assert "mkdir -m 700" in found.stderr
    assert not backend.heads_received


def test_a_link_to_a_door_in_such_a_folder_is_none_either(
    backend: FakeBackend, operator: Operator, tmp_path: Path
) -> None:
    """Both places are looked at, where the link lies and where it leads."""
    near, far = tmp_path / "near", tmp_path / "far.sock"
    near.mkdir(mode=0o700)
    (near / "link.sock").symlink_to(backend.path)
    backend.path.parent.chmod(0o777)
    assert "not sent" in run(operator, "--connect", f"unix:{near}/link.sock", "jobs", "list").stderr
    backend.path.parent.chmod(0o700)
    assert run(operator, "--connect", f"unix:{near}/link.sock", "jobs", "list").exit_code == 0
    near.chmod(0o777)
    assert "not sent" in run(operator, "--connect", f"unix:{near}/link.sock", "jobs", "list").stderr
    far.symlink_to(backend.path)
    assert run(operator, "--connect", f"unix:{far}", "jobs", "list").exit_code == 0


@needs_root
def test_another_users_socket_gets_no_token(backend: FakeBackend, operator: Operator) -> None:
    """Also in a folder of one's own; whose it is is named."""
    os.chown(backend.path, NOBODY, NOBODY)
    found = run(operator, "--connect", f"unix:{backend.path}", "jobs", "list")
    assert found.exit_code != 0
    assert "keeps the socket" in found.stderr
    assert not backend.heads_received


@pytest.fixture
def stranger(tmp_path: Path) -> Iterator[tuple[Path, IO[str]]]:
    """A door that another user listens at, and what he says: how many bytes his first caller sent."""
    door = tmp_path / "other.sock"
    command = [sys.executable, "-I", "-c", LISTEN, str(door)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "listening\n"
        yield door, other.stdout
        other.kill()


@needs_root
async def test_who_listens_is_asked_of_the_kernel_before_anything_is_sent(
    operator: Operator, stranger: tuple[Path, IO[str]]
) -> None:
    """A file can be put there between a look and a call; the peer of the connection cannot."""
    door, heard = stranger
    session = Session.at(operator, door)
    with pytest.raises(ForbiddenError, match="keeps the socket"):
        await session.backend.overview()
    assert heard.readline() == "0\n"
    await session.backend.aclose()


@needs_root
async def test_the_event_stream_asks_too(operator: Operator, stranger: tuple[Path, IO[str]]) -> None:
    """It is a connection of its own, with the same token on it."""
    door, heard = stranger
    session = Session.at(operator, door)
    with pytest.raises(ForbiddenError, match="keeps the socket"):
        await anext(session.backend.events(0))
    assert heard.readline() == "0\n"
    await session.backend.aclose()


@needs_root
async def test_the_owner_of_the_state_may_keep_its_door(
    backend: FakeBackend, operator: Operator, state: Path
) -> None:
    """Where govd has a user of its own, an operator names the state, and that names who keeps the door."""
    for path in (state, backend.path.parent, backend.path):
        os.chown(path, NOBODY, NOBODY)
    session = Session.open(operator, state)
    assert (await session.backend.overview()).status == "ok"
    await session.backend.aclose()
    elsewhere = Session.at(operator, backend.path)
    with pytest.raises(ForbiddenError):
        await elsewhere.backend.overview()
    await elsewhere.backend.aclose()


def test_the_app_does_not_open_on_a_door_of_others(backend: FakeBackend) -> None:
    knock(backend.path, Door(backend.path))
    backend.path.parent.chmod(0o777)
    with pytest.raises(ForbiddenError, match="not sent"):
        knock(backend.path, Door(backend.path))


async def test_without_a_look_at_the_peer_nothing_is_sent(tmp_path: Path) -> None:
    """Should the client ever tell of its connections by other names, the door stays shut."""
    with pytest.raises(ForbiddenError, match="nobody looked"):
        await Door(tmp_path / "far.sock").trace("http11.send_request_headers.started", {})
    one, other = socket.socketpair()
    with one, other:
        door = Door(tmp_path / "far.sock")
        door.meet(one)
        await door.trace("http11.send_request_headers.started", {})
