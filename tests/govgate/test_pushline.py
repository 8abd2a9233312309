"""The command line of a push: taken where it says everything, refused with a reason where it does not."""

from __future__ import annotations

import pytest

from govd.contract.actions import GitPush, RefUpdate
from govd.contract.errors import UsageError
from govgate.pushline import Refspec, agrees, check_url, parse

ONE, TWO = "1" * 40, "2" * 40


def push(*updates, url="https://example.org/x.git"):
    return GitPush(repository="/r", url=url, updates=[RefUpdate(ref=ref, object=obj) for ref, obj in updates])


def test_a_plain_push_is_read():
    line = parse(["git", "--no-pager", "push", "-v", "--atomic", "origin", "main", "HEAD~1:refs/heads/x"])

    assert line.remote == "origin"
    assert line.refspecs == (Refspec("main", ""), Refspec("HEAD~1", "refs/heads/x"))
    assert line.options == ("-v", "--atomic")


@pytest.mark.threat("T7")
@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("--mirror origin", "whatever is there"),
        ("--all origin", "whatever branches"),
        ("--tags origin main", "whatever tags"),
        ("--force origin main", "throws away"),
        ("-f origin main", "throws away"),
        ("-fv origin main", "throws away"),
        ("--force-with-lease=main origin main", "throws away"),
        ("--delete origin main", "deletes"),
        ("--prune origin main", "deletes"),
        ("--receive-pack=evil origin main", "a program to run"),
        ("--exec=evil origin main", "a program to run"),
        ("--forc origin main", "not known here"),
        ("-u origin main", "leaves alone"),
        ("-o ci.skip origin main", "the other side"),
        ("--repo=x origin main", "not known here"),
        ("origin +main", "by force"),
        ("origin :main", "deletes"),
        ("origin main:", "no reference"),
        ("origin refs/heads/*:refs/heads/*", "pattern"),
        ("origin tag v1", "not taken"),
        ("origin", "where to and what"),
        ("", "where to and what"),
        ("origin -- -x", "pattern"),
    ],
)
def test_a_form_that_pins_nothing_is_refused_with_its_reason(words, why):
    """A push by force, by pattern, by defaults or through a program of the agent's own."""
    with pytest.raises(UsageError, match=why):
        parse(["git", "push", *words.split()])


def test_options_in_front_of_push_are_refused():
    with pytest.raises(UsageError, match="in front"):
        parse(["git", "-c", "a=b", "push", "origin", "main"])


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/x.git",
        "ssh://git@example.org/x.git",
        "git@example.org:x.git",
        "/srv/x.git",
        "file:///srv/x.git",
    ],
)
def test_addresses_that_pushes_go_to(url):
    check_url(url)


@pytest.mark.threat("T7")
@pytest.mark.parametrize(
    "url",
    [
        "ext::sh -c evil",
        "fd::7",
        "ftp://example.org/x",
        "git://example.org/x",
        "--upload-pack=evil",
        "https://user:password@example.org/x",
        "ssh://-oProxyCommand=evil/x",
        "relative/path",
        "",
    ],
)
def test_addresses_that_run_programs_or_hold_passwords_are_refused(url):
    """A push goes through a remote helper, which is a program that the agent names."""
    with pytest.raises(UsageError):
        check_url(url)


@pytest.mark.threat("T7")
@pytest.mark.parametrize(
    ("words", "pinned"),
    [
        ("origin main", push(("refs/heads/other", ONE))),
        ("origin main", push(("refs/heads/main", ONE), ("refs/heads/other", ONE))),
        ("origin main:refs/heads/a", push(("refs/heads/b", ONE))),
        (f"origin {ONE}:refs/heads/a", push(("refs/heads/a", TWO))),
        ("https://example.org/y.git main", push(("refs/heads/main", ONE))),
        ("/srv/y.git main", push(("refs/heads/main", ONE))),
    ],
)
def test_a_declared_push_that_its_command_line_does_not_say_is_seen(words, pinned):
    """A hostile gate declares `git push origin main` and pins another reference or address to it."""
    assert agrees(parse(["git", "push", *words.split()]), pinned)


@pytest.mark.parametrize(
    ("words", "pinned"),
    [
        ("origin main", push(("refs/heads/main", ONE))),
        ("origin v1", push(("refs/tags/v1", ONE))),
        ("origin HEAD", push(("refs/heads/main", ONE))),
        (f"origin {ONE}:refs/heads/a b:c", push(("refs/heads/a", ONE), ("refs/heads/c", TWO))),
    ],
)
def test_a_declared_push_that_its_command_line_says_agrees(words, pinned):
    assert agrees(parse(["git", "push", *words.split()]), pinned) is None
