"""Tickets on a clock that moves, over real sockets: what is over is over, and a clip is handed over once."""

from __future__ import annotations

import os
import socket
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from govd.contract.errors import ConflictError, NotFoundError, QuotaError
from govd.identities.model import Identity
from govd.pages.captures import LIFETIME, MOST, MOST_OF_ONE
from tests.govd.pages.conftest import clip

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.govd.pages.conftest import Alone, Browser

    Browse = Callable[[str], Browser]

SECONDS = LIFETIME.total_seconds()


def test_the_clip_goes_once_to_whoever_asked_for_it(alone: Alone, browse: Browse):
    issued, url = alone.issue()
    browser = browse(url)
    with pytest.raises(ConflictError, match="nothing was recorded"):
        alone.captures.take(issued.id, "ana")
    browser.open()
    browser.send(clip(0.3))

    with pytest.raises(NotFoundError):
        alone.captures.take(issued.id, "ben")
    assert alone.captures.take(issued.id, "ana") == clip(0.3)
    with pytest.raises(ConflictError, match="taken already"):
        alone.captures.take(issued.id, "ana")
    assert alone.captures.state(issued.id, "ana").done, "it still says what became of it"


def test_of_many_who_take_at_once_one_gets_it(alone: Alone, browse: Browse):
    issued, url = alone.issue()
    browser = browse(url)
    browser.open()
    browser.send(clip())
    start, got = threading.Barrier(8), []

    def take() -> None:
        start.wait(30)
        try:
            got.append(alone.captures.take(issued.id, "ana"))
        except ConflictError:
            got.append(None)

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(item is None for item in got) == [False] + 7 * [True]


@pytest.mark.parametrize("opened", [False, True])
def test_a_ticket_that_is_over_is_as_if_it_had_never_been(alone: Alone, browse: Browse, *, opened: bool):
    issued, url = alone.issue()
    alone.issue("ben")  # keeps the door open a little longer
    alone.times.go_on(1)
    _, later = alone.issue("cyd")
    browser = browse(url)
    if opened:
        browser.open()
    alone.times.go_on(SECONDS - 1)

    assert browser.open().status_code == 404
    assert browser.send(clip()).status_code == 404
    for ask in (alone.captures.state, alone.captures.take):
        with pytest.raises(NotFoundError):
            ask(issued.id, "ana")
    assert browse(later).open().status_code == 200


def test_a_clip_that_nobody_took_is_forgotten(alone: Alone, browse: Browse):
    issued, url = alone.issue()
    browser = browse(url)
    browser.open()
    browser.send(clip())
    alone.times.go_on(SECONDS)

    assert alone.captures.sweep() == 0
    with pytest.raises(NotFoundError):
        alone.captures.take(issued.id, "ana")


def test_the_door_closes_with_its_last_ticket_and_opens_again(alone: Alone, browse: Browse):
    _, url = alone.issue()
    address = browse(url).http.base_url
    with socket.create_connection((address.host, address.port), timeout=30) as waiting:
        alone.times.go_on(SECONDS)
        assert waiting.recv(1) == b"", "hung up on when the door closes"

    _, again = alone.issue()

    assert browse(again).open().status_code == 200


def test_a_door_with_a_port_of_its_own_keeps_it(alone: Alone, browse: Browse):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        pages = alone.with_port(port)
        with pytest.raises(ConflictError) as refused:
            alone.do(pages.issue("ana", None, ""))
        assert "pages_port" in str(refused.value.hint)
        assert alone.captures.sweep() == 0, "a ticket without a door is none"

    for _ in range(2):
        issued, url = alone.do(pages.issue("ana", None, ""))
        assert url == f"http://127.0.0.1:{port}/capture/{issued.id}#{issued.token}"
        assert browse(url).open().status_code == 200
        alone.do(pages.close())


@pytest.mark.threat("T1")
@pytest.mark.parametrize("what", ["open", "send"])
def test_a_page_is_for_its_operators_own_browser(alone: Alone, browse: Browse, what: str):
    """A local user, or an agent under a user of its own, has got hold of the address of a capture page."""
    me = os.getuid()
    _, url = alone.issue(uid=me + 1)
    alone.agents.append(Identity("agent", "bot", "active", datetime.now(UTC), uid=me))
    browser = browse(url)

    answer = browser.open() if what == "open" else browser.send(clip())

    assert answer.status_code == 403
    assert "another user's" in answer.json()["detail"]


@pytest.mark.threat("T18")
def test_clips_that_wait_take_only_so_much_memory(alone: Alone):
    """Consoles ask for page after page and take nothing."""
    mine = [alone.issue()[0] for _ in range(MOST_OF_ONE + 2)]
    with pytest.raises(NotFoundError):
        alone.captures.state(mine[1].id, "ana")
    assert [alone.captures.state(one.id, "ana").opened for one in mine[2:]] == [False] * MOST_OF_ONE

    for number in range(MOST - MOST_OF_ONE):
        alone.issue(f"op-{number}")
    with pytest.raises(QuotaError):
        alone.issue("zoe")
    assert alone.issue()[0].id, "who has tickets gets another in the place of his oldest"


def test_a_page_whose_ticket_is_over_when_its_clip_arrives_is_told(alone: Alone, browse: Browse):
    _, url = alone.issue()
    alone.issue("ben")
    browser = browse(url)
    browser.open()

    def late():
        yield clip()[:50]
        alone.times.go_on(SECONDS - 1)
        alone.issue("cyd")  # before the others are over: with the last of them the door would close
        alone.times.go_on(1)
        yield clip()[50:]

    assert browser.send(late()).status_code == 404


def test_no_secret_is_in_a_representation(alone: Alone, browse: Browse):
    issued, url = alone.issue()
    browser = browse(url)
    cookie = browser.open().cookies["govd-capture"]
    browser.send(clip())

    shown = repr(issued) + repr(vars(alone.captures))

    assert issued.token not in shown
    assert cookie not in shown
    assert "RIFF" not in shown
