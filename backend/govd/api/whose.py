"""Whose process holds the other end of a loopback TCP connection: the kernel is asked, never the peer.

Must never take a socket that nobody holds any more for one of root's, nor cost the event loop more than
a moment: whoever may connect decides how often it is asked.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
import struct
from pathlib import Path
from typing import Final

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
End = tuple[str, int]
Place = tuple[_Address, int]

_SOCK_DIAG: Final = 4
_BY_FAMILY: Final = 20
_REQUEST: Final = 1
_ERROR: Final = 2
_HEADER: Final = struct.Struct("=IHHII")
_QUERY: Final = struct.Struct("=BBBBI")
_ENDS: Final = struct.Struct(">HH16s16s")
_ANY_STATE: Final = 0xFFFFFFFF
_NO_INTERFACE_NO_COOKIE: Final = struct.pack("=I", 0) + b"\xff" * 8
_OWNER: Final = struct.Struct("=II")
_OWNER_AT: Final = _HEADER.size + 4 + 48 + 12
"""Behind the header: family to retransmissions, the ends, the expiry and two queues; then uid and inode."""

_TABLES: Final = {4: Path("/proc/net/tcp"), 6: Path("/proc/net/tcp6")}
_UID, _INODE = 6, 8


class LeftError(Exception):
    """The process at the other end has closed its socket: the kernel no longer says whose it was."""


def uid_of_loopback(peer: End, here: End) -> int | None:
    """The uid of whoever holds the socket at `peer` that is connected to `here`; None beyond loopback.

    Both ends are asked for: two users may have the same port towards different places.

    Raises:
        LeftError: no process holds it any more. The kernel lists such a one with uid 0, so that whoever
            hangs up early would seem to be root, and a token to have been shown by two users.
    """
    try:
        ends = [(_plain(ipaddress.ip_address(host)), port) for host, port in (peer, here)]
    except ValueError:
        return None
    if not ends[0][0].is_loopback:
        return None
    try:
        uid, inode = asked(ends[0], ends[1])
    except OSError:
        uid, inode = looked_up(ends[0], ends[1])
    if inode == 0:
        raise LeftError
    return uid


def _plain(ip: _Address) -> _Address:
    """An IPv4 address in an IPv6 listener's spelling as what it is: its owner's socket is an IPv4 one."""
    return (ip.ipv4_mapped or ip) if isinstance(ip, ipaddress.IPv6Address) else ip


def asked(peer: Place, here: Place) -> tuple[int, int]:
    """(uid, inode) by sock_diag(7): one socket by its two ends, however many there are. (0, 0): none."""
    family = socket.AF_INET if peer[0].version == 4 else socket.AF_INET6  # noqa: PLR2004 - IPv4
    query = _QUERY.pack(family, socket.IPPROTO_TCP, 0, 0, _ANY_STATE)
    query += _ENDS.pack(peer[1], here[1], peer[0].packed, here[0].packed) + _NO_INTERFACE_NO_COOKIE
    header = _HEADER.pack(_HEADER.size + len(query), _BY_FAMILY, _REQUEST, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _SOCK_DIAG) as kernel:
        kernel.settimeout(0)  # it answers before `send` returns
        kernel.send(header + query)
        heard = kernel.recv(4096)
    if _HEADER.unpack_from(heard)[1] == _ERROR:
        (code,) = struct.unpack_from("=i", heard, _HEADER.size)
        if code == -errno.ENOENT:
            return 0, 0
        raise OSError(-code, os.strerror(-code))
    uid, inode = _OWNER.unpack_from(heard, _OWNER_AT)
    return uid, inode


def looked_up(peer: Place, here: Place) -> tuple[int, int]:
    """The same from /proc, where the kernel has no sock_diag: its time grows with the sockets there are."""
    ends = " ".join(f"{_kernel_form(host)}:{port:04X}" for host, port in (peer, here))
    try:
        table = _TABLES[peer[0].version].read_bytes()
    except OSError:
        return 0, 0
    found = table.find(f": {ends} ".encode())
    if found < 0:
        return 0, 0
    fields = table[found + 2 : table.find(b"\n", found)].split()
    return int(fields[_UID]), int(fields[_INODE])


def _kernel_form(ip: _Address) -> str:
    """The address as /proc/net writes it: each 32-bit word in the machine's own byte order."""
    words = [ip.packed[index : index + 4] for index in range(0, len(ip.packed), 4)]
    return "".join(f"{struct.unpack('=I', word)[0]:08X}" for word in words)
