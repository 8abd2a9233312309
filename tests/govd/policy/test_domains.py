"""One host, one spelling: whatever an agent writes, the same rule speaks of it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govd.contract.errors import InvalidRequestError
from govd.policy import domains


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("Example.COM", "example.com"),
        ("example.com.", "example.com"),
        ("example.com:443", "example.com:443"),
        ("https://user:pass@Example.com/path?q#f", "example.com:443"),
        ("https://example.com:8443", "example.com:8443"),
        ("http://a.example.com", "a.example.com:80"),
        ("good.example.com@evil.net", "evil.net"),
        ("https://good.example.com@evil.net/", "evil.net:443"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("example。com", "example.com"),
        ("\uff45\uff58ample.com", "example.com"),
        ("127.0.0.1", "127.0.0.1"),
        ("0x7f.1", "127.0.0.1"),
        ("0x7f000001", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("0177.0.0.01", "127.0.0.1"),
        ("017700000001", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("127.0.1", "127.0.0.1"),
        ("127.0.0.1.", "127.0.0.1"),
        ("\uff11\uff12\uff17.0.0.1", "127.0.0.1"),
        ("[::ffff:127.0.0.1]", "127.0.0.1"),
        ("::ffff:127.0.0.1", "127.0.0.1"),
        ("[::ffff:7f00:1]:80", "127.0.0.1:80"),
        ("64:ff9b::7f00:1", "127.0.0.1"),
        ("2002:7f00:1::", "127.0.0.1"),
        ("::127.0.0.1", "127.0.0.1"),
        ("http://[::1]/", "[::1]:80"),
        ("[0:0:0:0:0:0:0:1]", "[::1]"),
        ("fe80::1%eth0", "[fe80::1]"),
        ("localhost", "localhost"),
    ],
)
def test_every_spelling_of_a_host_is_one_host(text: str, canonical: str) -> None:
    assert str(domains.canonical(text)) == canonical


@pytest.mark.parametrize(
    "text",
    [
        "", ".", "a..b", "-a.com", "a-.com", "a b", "a\tb", "a\nb", "a\\b.com", "http://a%2eb", "host:0",
        "host:65536", "host:x", "[::1", "[::1]x", "1.2.3.4.5", "256.1.1.1", "1.2.3.256", "09.1.1.1",
        "4294967296", "a.123", "a" * 64 + ".com", "a." * 127 + "com", "a/b", "a?b", "*.example.com",
        "a\u200bb.com" * 1 + "\u0000", "☃\ud800",
    ],
)  # fmt: skip
def test_what_is_no_host_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequestError, match="not a domain"):
        domains.canonical(text)


@pytest.mark.parametrize(
    ("rule", "host", "matches"),
    [
        ("*.example.com", "a.example.com", True),
        ("*.example.com", "a.b.example.com", True),
        ("*.example.com", "example.com", False),
        ("*.example.com", "badexample.com", False),
        ("*.example.com", "example.com.evil.net", False),
        ("example.com", "a.example.com", False),
        ("EXAMPLE.com.", "example.com", True),
        ("*.1", "127.0.0.1", False),
        ("127.0.0.1", "0x7f.1", True),
        ("example.com:443", "example.com:443", True),
        ("example.com:443", "example.com:80", False),
        ("example.com", "example.com:80", True),
    ],
)
def test_wildcards_cover_labels_and_never_the_apex(rule: str, host: str, matches: bool) -> None:  # noqa: FBT001 - a table's column
    if rule == "*.1":
        with pytest.raises(InvalidRequestError):
            domains.rule(rule)
        return
    assert domains.rule(rule).matches(domains.canonical(host), strict=False) is matches


def test_a_host_without_a_port_is_on_no_allowed_port_and_on_every_denied_one() -> None:
    entry = domains.rule("example.com:443")
    assert not entry.matches(domains.canonical("example.com"), strict=False)
    assert entry.matches(domains.canonical("example.com"), strict=True)


@pytest.mark.parametrize("text", ["a.*.com", "*", "http://a.com", "u@a.com", "*.127.0.0.1", "*example.com"])
def test_a_rule_that_names_no_host_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequestError):
        domains.rule(text)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("/srv/remote.git", None),
        ("../remote.git", None),
        ("file:///srv/remote.git", None),
        ("git@github.com:a/b.git", "github.com:22"),
        ("GitHub.com:a/b.git", "github.com:22"),
        ("ssh://git@github.com:2222/a/b.git", "github.com:2222"),
        ("https://github.com/a/b.git", "github.com:443"),
        ("[::1]:a/b.git", "[::1]:22"),
        ("file://host/share", "host"),
    ],
)
def test_the_host_of_a_repository(url: str, host: str | None) -> None:
    found = domains.of_repository(url)
    assert (None if found is None else str(found)) == host


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=30))
def test_any_text_has_one_canonical_form_or_none(text: str) -> None:
    try:
        found = domains.canonical(text)
    except InvalidRequestError:
        return
    assert domains.canonical(str(found)) == found
    assert str(found).isascii()


@settings(max_examples=200, deadline=None)
@given(
    st.integers(min_value=0, max_value=2**32 - 1),
    st.sampled_from(["dec", "hex", "oct", "mapped", "nat64", "two"]),
)
def test_every_ipv4_address_in_every_spelling(number: int, spelling: str) -> None:
    dotted = ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0))
    text = {
        "dec": str(number),
        "hex": f"0x{number:X}",
        "oct": f"0{number:o}",
        "mapped": f"::ffff:{dotted}",
        "nat64": f"64:ff9b::{number >> 16:x}:{number & 0xFFFF:x}",
        "two": f"{number >> 24}.0x{number & 0xFFFFFF:x}",
    }[spelling]
    assert str(domains.canonical(text)) == dotted
