"""Domains in one canonical spelling, whatever the agent wrote, and how rules match them.

Must never let two spellings of one host fall under different rules: case, IDNA, trailing dots, ports,
userinfo and every way to write an IP address end in the same form.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

import idna

from govd.contract.errors import InvalidRequestError

_MAX_HOST: Final = 253
_MAX_PORT: Final = 65_535
_MAX_PARTS: Final = 4
_DEFAULT_PORTS: Final = {
    "http": 80, "ws": 80, "https": 443, "wss": 443, "ssh": 22, "git": 9418, "ftp": 21
}  # fmt: skip
_NUMBER: Final = re.compile(r"0[xX][0-9a-fA-F]*|[0-9]+", re.ASCII)
_PORT: Final = re.compile(r"[0-9]{1,5}", re.ASCII)
_LABEL: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.ASCII)
_SCP: Final = re.compile(r"(?:[^@/:\s]+@)?(\[[0-9a-fA-F:.]+\]|[^@/:\s\[\]]+):(?!//)")
_DOTS: Final = str.maketrans({"\u3002": ".", "\uff0e": ".", "\uff61": "."})
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE: Final = ipaddress.IPv6Network("::/96")


@dataclass(frozen=True)
class Host:
    """A canonical host: a name in lower-case ASCII or an address; `port` is None where none was said."""

    name: str
    port: int | None = None
    address: bool = False

    def __str__(self) -> str:
        shown = f"[{self.name}]" if ":" in self.name else self.name
        return shown if self.port is None else f"{shown}:{self.port}"


@dataclass(frozen=True)
class Rule:
    """An entry of a domain list. `wildcard`: one or more labels in front of `host`, never the apex."""

    text: str
    host: Host
    wildcard: bool = False

    def matches(self, host: Host, *, strict: bool) -> bool:
        """Whether the entry speaks of this host.

        Args:
            host: The canonical host.
            strict: True for a deny list: a host without a port may then be on the entry's port.
        """
        if self.host.port is not None and self.host.port != host.port and not (strict and host.port is None):
            return False
        if self.wildcard:
            return not host.address and host.name.endswith("." + self.host.name)
        return host.name == self.host.name

    def covers(self, other: Rule) -> bool:
        """Whether every host that `other` matches is matched by this entry too."""
        if self.host.port not in {None, other.host.port}:
            return False
        if self.wildcard:
            return (not other.host.address and other.host.name.endswith("." + self.host.name)) or (
                other.wildcard and other.host.name == self.host.name
            )
        return not other.wildcard and self.host.name == other.host.name


def _refuse(why: str) -> InvalidRequestError:
    return InvalidRequestError(f"not a domain: {why}")


def _ipv4(text: str) -> ipaddress.IPv4Address | None:
    """The address in any spelling that resolvers take: `127.1`, `0x7f.1`, `2130706433`, `0177.0.0.1`."""
    parts = text.split(".")
    if len(parts) > _MAX_PARTS or not all(_NUMBER.fullmatch(part) for part in parts):
        return None
    numbers = []
    for part in parts:
        if part[:2] in {"0x", "0X"}:
            numbers.append(int(part[2:] or "0", 16))
        elif len(part) > 1 and part[0] == "0":
            # Octal where it can be, as inet_aton has it; 08 is an address in no reading.
            if set(part) - set("01234567"):
                raise _refuse("a number with a leading zero that is not octal")
            numbers.append(int(part, 8))
        else:
            numbers.append(int(part[:20]))
    value = numbers[-1]
    rest = 4 - len(numbers) + 1
    if any(number > 0xFF for number in numbers[:-1]) or value >= 256**rest:  # noqa: PLR2004 - a byte
        raise _refuse("a number too large for an address")
    for place, number in enumerate(numbers[:-1]):
        value += number << (8 * (3 - place))
    return ipaddress.IPv4Address(value)


def _ipv6(text: str) -> str:
    """The canonical address, with IPv4 addresses inside IPv6 taken out: they reach the same host."""
    try:
        address = ipaddress.IPv6Address(text.partition("%")[0])
    except ValueError:
        raise _refuse("brackets hold no IPv6 address") from None
    inner = address.ipv4_mapped or address.sixtofour
    if inner is None and address in _NAT64:
        inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if inner is None and address in _COMPATIBLE and int(address) > 1:
        inner = ipaddress.IPv4Address(int(address))
    return str(inner or address)


def _name(text: str) -> str:
    """The name in lower-case ASCII (IDNA 2008 with UTS 46 mapping)."""
    if not text.isascii():
        try:
            text = idna.encode(text, uts46=True, std3_rules=True).decode("ascii")
        except (idna.IDNAError, UnicodeError, ValueError):
            raise _refuse("IDNA does not take it") from None
    text = text.lower()
    labels = text.split(".")
    if len(text) > _MAX_HOST or not all(_LABEL.fullmatch(label) for label in labels):
        raise _refuse("labels are letters, digits and hyphens, 63 at most, 253 in all")
    return text


def _port(text: str) -> int:
    if not _PORT.fullmatch(text) or not 0 < (port := int(text)) <= _MAX_PORT:
        raise _refuse("the port is no number from 1 to 65535")
    return port


def _host(text: str) -> tuple[str, bool]:
    """A host without a port: its canonical form, and whether it is an address."""
    text = text.translate(_DOTS)
    text = text.removesuffix(".")
    if not text:
        raise _refuse("it is empty")
    if not text.isascii():
        # Full-width digits are digits to a resolver: map first, look for an address then.
        try:
            text = idna.uts46_remap(text, std3_rules=False)
        except (idna.IDNAError, UnicodeError, ValueError):
            raise _refuse("IDNA does not take it") from None
        text = text.removesuffix(".")
    four = _ipv4(text)
    if four is not None:
        return str(four), True
    last = text.rpartition(".")[2]
    if _NUMBER.fullmatch(last):
        raise _refuse("the last label is a number, and the whole is no address")
    return _name(text), False


@lru_cache(maxsize=1024)
def canonical(text: str) -> Host:
    """The canonical host of `host`, `host:port`, an IP literal, or a whole URL.

    Raises:
        InvalidRequestError: it is none of these, or two readings of it are possible.
    """
    if any(char <= " " or char == "\x7f" or char.isspace() for char in text) or "\\" in text:
        raise _refuse("white space, control characters and backslashes have no place in it")
    if "://" in text:
        return _of_url(text)
    if "/" in text or "?" in text or "#" in text:
        raise _refuse("a path needs a scheme in front of the host")
    # Userinfo: what stands before the last "@" is no part of the host.
    return _authority(text.rpartition("@")[2], None)


def _authority(text: str, default_port: int | None) -> Host:
    if text.startswith("["):
        inner, closed, after = text[1:].partition("]")
        if not closed or (after and not after.startswith(":")):
            raise _refuse("brackets do not close")
        return Host(_ipv6(inner), _port(after[1:]) if len(after) > 1 else default_port, address=True)
    if text.count(":") > 1:
        return Host(_ipv6(text), default_port, address=True)
    host, colon, port = text.partition(":")
    name, address = _host(host)
    return Host(name, _port(port) if colon and port else default_port, address)


def _of_url(text: str) -> Host:
    try:
        parts = urlsplit(text)
    except ValueError:
        raise _refuse("the URL does not parse") from None
    # "%2e" and the like are taken for a host's letters by some clients and refused by others.
    if "%" in parts.netloc.rpartition("@")[2]:
        raise _refuse("percent signs in a host")
    return _authority(parts.netloc.rpartition("@")[2], _DEFAULT_PORTS.get(parts.scheme.lower()))


def of_repository(url: str) -> Host | None:
    """The host that a git URL reaches; None for a path on this machine.

    Raises:
        InvalidRequestError: the host is not one.
    """
    if "://" in url:
        return None if url.lower().startswith("file:///") else _of_url(url)
    found = _SCP.match(url)
    return None if found is None or url.startswith(("/", "./", "../")) else _authority(found[1], 22)


def rule(text: str) -> Rule:
    """An entry of a policy's domain list: `example.com`, `*.example.com`, `host:port`, an IP literal.

    Raises:
        InvalidRequestError: it is no such entry.
    """
    if "://" in text or "@" in text:
        raise _refuse("a rule names a host, without scheme and user")
    if text.startswith("*."):
        host = canonical(text[2:])
        if host.address:
            raise _refuse("a wildcard in front of an address")
        return Rule(text, host, wildcard=True)
    if "*" in text:
        raise _refuse("a wildcard stands in front, as *.example.com")
    return Rule(text, canonical(text))
