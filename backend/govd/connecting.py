"""Where govd itself connects to: resolved once, each address checked, and only a checked one connected to.

Must never follow a redirect, a proxy of the environment or a second answer of a resolver (threats T19).
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import re
import socket
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from govd.contract.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Address = ipaddress.IPv4Address | ipaddress.IPv6Address
    Resolve = Callable[[str, int], Awaitable[list[str]]]
    """All addresses of a name, as text."""

_METADATA: Final = frozenset(
    map(
        ipaddress.ip_address,
        (
            "169.254.169.254",  # AWS, Google, Azure and their kind
            "169.254.170.2",  # credentials of ECS tasks
            "fd00:ec2::254",
            "fd20:ce::254",
            "100.100.100.200",  # Alibaba
            "168.63.129.16",  # Azure's own host
            "192.0.0.192",  # Oracle
        ),
    )
)
"""Where clouds hand out credentials to whoever asks: never an upstream."""

_EMBEDS: Final = (
    (ipaddress.ip_network("64:ff9b::/96"), 0),
    (ipaddress.ip_network("2002::/16"), 80),
)
"""IPv6 networks whose addresses have an IPv4 address in them (NAT64, 6to4), and how many bits behind it."""

_HOST: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252}[A-Za-z0-9])?|[0-9A-Fa-f:.]{2,45}")
_MOST_ADDRESSES: Final = 8


@dataclass(frozen=True)
class Target:
    """An address of ours to call, taken apart.

    Attributes:
        host: As it is written: what the certificate and the `Host` header name.
        tls: Whether it is `https`. Without TLS it is on this machine.
    """

    host: str
    port: int
    path: str
    tls: bool

    @property
    def authority(self) -> str:
        """What the `Host` header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"

    def at(self, address: str) -> str:
        """The URL with an address in the name's place."""
        host = f"[{address}]" if ":" in address else address
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}{self.path}"


def target(url: str) -> Target:
    """A URL that govd may be told to call.

    Raises:
        InvalidRequestError: it is none, or has what none of ours may have.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InvalidRequestError(f"this is no URL: {error}") from None
    tls = parts.scheme == "https"
    if parts.scheme not in {"http", "https"} or not parts.hostname or not _HOST.fullmatch(parts.hostname):
        raise InvalidRequestError("a URL begins with https:// or http:// and names a host")
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise InvalidRequestError("a URL here has no user, query or fragment: secrets come from files")
    if not url.isascii() or not url.isprintable() or " " in url:
        raise InvalidRequestError("a URL is printable ASCII without spaces")
    found = Target(parts.hostname, port or (443 if tls else 80), parts.path or "/", tls)
    try:
        literal = ipaddress.ip_address(found.host)
    except ValueError:
        if not tls and found.host != "localhost":
            why = "http:// is for this machine alone: https://, or a loopback address"
            raise InvalidRequestError(why) from None
        return found
    why = refusal(literal, tls=tls)
    if why:
        raise InvalidRequestError(f"{found.host} {why}")
    return found


def refusal(address: Address, *, tls: bool) -> str:
    """Why nothing of ours connects to an address; empty: it may."""
    inner = _inner(address)
    for one in (address, inner):
        if one in _METADATA:
            return "is where a cloud hands out credentials"
        if one.is_link_local or one.is_multicast or one.is_unspecified or one == _BROADCAST:
            return "is no address of one machine"
    if not tls and not inner.is_loopback:
        return "is not this machine, and without TLS nothing else is called"
    return ""


_BROADCAST: Final = ipaddress.ip_address("255.255.255.255")


def _inner(address: Address) -> Address:
    """The IPv4 address in an IPv6 one; the address itself where there is none."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    for network, behind in _EMBEDS:
        if address in network:
            return ipaddress.IPv4Address(int(address) >> behind & 0xFFFFFFFF)
    return address


async def addresses(of: Target, resolve: Resolve) -> list[str]:
    """Every address of a target, asked for once, all of them checked.

    Raises:
        InvalidRequestError: it has none, or one that must not be called: then none of them is.
    """
    try:
        found = list(dict.fromkeys(await resolve(of.host, of.port)))[:_MOST_ADDRESSES]
    except OSError:
        found = []
    if not found:
        raise InvalidRequestError(f"{of.host} has no address")
    for text in found:
        try:
            why = refusal(ipaddress.ip_address(text), tls=of.tls)
        except ValueError:
            why = "is no address"
        if why:
            raise InvalidRequestError(f"{of.host} leads to an address that {why}")
    return found


MOST_RESOLVING: Final = 4
"""Names that the system is asked for at the same time."""

_resolving: Final = threading.BoundedSemaphore(MOST_RESOLVING)


async def system_resolve(host: str, port: int) -> list[str]:
    """What the system says, as `getaddrinfo` has it.

    Whoever waits may leave at any time: the thread that asks is one that nobody joins, neither a loop that
    ends nor a process, and a resolver that hangs keeps `MOST_RESOLVING` of them at most.

    Raises:
        OSError: it has no answer.
        InvalidRequestError: so many questions of before have none yet.
    """
    if not _resolving.acquire(blocking=False):
        raise InvalidRequestError(
            f"the system's resolver owes {MOST_RESOLVING} answers, and is not asked more"
        )
    loop = asyncio.get_running_loop()
    answered: asyncio.Future[list[str] | None] = loop.create_future()

    def told(found: list[str] | None) -> None:
        if not answered.done():
            answered.set_result(found)

    def ask() -> None:
        found: list[str] | None = None
        try:
            names = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found = [str(item[4][0]) for item in names]
        except (OSError, UnicodeError):  # a name that cannot be one is none either
            found = None
        finally:
            _resolving.release()
            with contextlib.suppress(RuntimeError):  # nobody waits any more: the loop is closed
                loop.call_soon_threadsafe(told, found)

    try:
        threading.Thread(target=ask, name="resolve", daemon=True).start()
    except RuntimeError:
        _resolving.release()
        raise
    found = await answered
    if found is None:
        raise OSError(f"{host} has no address")
    return found
