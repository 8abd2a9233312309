"""Whose socket is at the other end: asked of the kernel, over real connections of other users."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from govd.api import whose
from tests.support import needs

if TYPE_CHECKING:
    from collections.abc import Iterator

NOBODY = 65_534
CALLER = """
import os, socket, sys
port, uid, stay = map(int, sys.argv[1:])
if uid >= 0:
    os.setuid(uid)
caller = socket.socket()
caller.connect(("127.0.0.1", port))
if stay:
    sys.stdin.read()
"""


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A server of ours on loopback."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def caller(listener: socket.socket, *, uid: int = -1, stay: bool = True) -> subprocess.Popen[bytes]:
    """A process that connects, as another user where one is named."""
    argv = [sys.executable, "-c", CALLER, str(listener.getsockname()[1]), str(uid), str(int(stay))]
    return subprocess.Popen(argv, stdin=subprocess.PIPE)


@contextlib.contextmanager
def called(listener: socket.socket, uid: int) -> Iterator[socket.socket]:
    """Our end of a connection that another user holds open."""
    with caller(listener, uid=uid) as process:
        connection, _ = listener.accept()
        with connection:
            yield connection
        process.communicate()


def ends(connection: socket.socket) -> tuple[whose.End, whose.End]:
    """(theirs, ours)."""
    return connection.getpeername()[:2], connection.getsockname()[:2]


@pytest.mark.parametrize("uid", [0, NOBODY])
def test_the_user_at_the_other_end_is_told_by_the_kernel(listener: socket.socket, uid: int):
    needs.root()
    with called(listener, uid) as connection:
        assert whose.uid_of_loopback(*ends(connection)) == uid


def test_the_table_in_proc_tells_the_same(listener: socket.socket):
    with called(listener, -1) as connection:
        theirs, ours = ((ipaddress.ip_address(host), port) for host, port in ends(connection))
        assert whose.looked_up(theirs, ours) == whose.asked(theirs, ours)
        assert whose.looked_up(theirs, ours)[0] == os.getuid()


@pytest.mark.threat("T3")
def test_who_has_hung_up_is_nobody_and_not_root(listener: socket.socket):
    """A client that leaves early would seem to be root, and its token to have been shown by two users."""
    with caller(listener, stay=False) as process:
        process.communicate()
    connection, _ = listener.accept()
    with connection, pytest.raises(whose.LeftError):
        whose.uid_of_loopback(*ends(connection))


def test_the_same_port_towards_another_place_is_another_connection(listener: socket.socket):
    with called(listener, -1) as connection:
        theirs, (host, port) = ends(connection)
        with pytest.raises(whose.LeftError):
            whose.uid_of_loopback(theirs, (host, port ^ 1))


def test_an_ipv6_caller_is_known_and_an_ipv4_one_at_its_listener_too():
    if not socket.has_dualstack_ipv6():
        needs.skip("there is no IPv6 with IPv4 beside it")
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as server:
        for host in ("::1", "127.0.0.1"):
            with socket.create_connection((host, server.getsockname()[1])):
                connection, _ = server.accept()
                with connection:
                    assert whose.uid_of_loopback(*ends(connection)) == os.getuid()


@pytest.mark.parametrize("address", ["192.0.2.1", "fe80::1%eth0", "no address"])
def test_beyond_loopback_there_is_an_address_and_nothing_more(address: str):
    assert whose.uid_of_loopback((address, 1), ("192.0.2.2", 2)) is None
