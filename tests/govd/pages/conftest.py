"""The page's door: of a real govd, and alone over real sockets with a clock that a test moves."""

from __future__ import annotations

import asyncio
import contextlib
import io
import logging
import threading
import wave
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from govd.contract.plain import no_authorities
from govd.pages.captures import Captures
from govd.pages.listener import Pages
from tests.support.clocks import Times
from tests.support.govd_process import GovdProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from govd.identities.model import Identity
    from govd.pages.captures import Issued


def clip(seconds: float = 0.1, rate: int = 16_000, fill: bytes = b"\x01\x02") -> bytes:
    """A WAV file as the page makes it."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(fill * int(seconds * rate))
    return file.getvalue()


class Browser:
    """What a browser sends from the page of one ticket: its cookies, its origin, its site."""

    def __init__(self, url: str) -> None:
        self.page, _, self.token = url.partition("#")
        self.base = self.page.rsplit("/capture/", 1)[0]
        self.id = self.page.rsplit("/", 1)[1]
        self.http = httpx.Client(
            base_url=self.base,
            headers={"Origin": self.base, "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"},
            timeout=30,
            verify=no_authorities(),
        )

    def open(self, token: str | None = None, **more: Any) -> httpx.Response:
        """The exchange of the token."""
        body = {"token": self.token if token is None else token}
        return self.http.post(f"{self.page}/open", json=body, **more)

    def send(self, content: Any, kind: str = "audio/wav", **more: Any) -> httpx.Response:
        """The clip."""
        headers = {"Content-Type": kind, **more.pop("headers", {})}
        return self.http.post(f"{self.page}/clip", content=content, headers=headers, **more)


@pytest.fixture
def browse() -> Iterator[Callable[[str], Browser]]:
    """Open browsers on addresses, and close them at the end."""
    with contextlib.ExitStack() as stack:

        def start(url: str) -> Browser:
            browser = Browser(url)
            stack.callback(browser.http.close)
            return browser

        yield start


@pytest.fixture(scope="module")
def govd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GovdProcess]:
    """A running govd for a module."""
    with GovdProcess(tmp_path_factory.mktemp("pages")) as govd:
        yield govd


@dataclass
class Alone:
    """The page's door in this process, on a clock that the test moves, and a loop of its own."""

    agents: list[Identity] = field(default_factory=list)

    def __post_init__(self) -> None:
        # As govd itself sets it: left alone, uvicorn formats a peer that is no address.
        logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
        self.times = Times()
        self.captures = Captures(self.times.clock().now)
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._thread.start()
        self.pages = self.with_port(0)

    def with_port(self, port: int) -> Pages:
        """Another door for the same tickets."""
        return Pages(self.captures, lambda: self.agents, port)

    def do(self, work: Any) -> Any:
        """Run a coroutine in the loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    def issue(self, operator: str = "ana", uid: int | None = None, prompt: str = "") -> tuple[Issued, str]:
        """A ticket and its address."""
        issued: tuple[Issued, str] = self.do(self.pages.issue(operator, uid, prompt))
        return issued

    def close(self) -> None:
        """End."""
        self.do(self.pages.close())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(30)
        self.loop.close()


@pytest.fixture
def alone() -> Iterator[Alone]:
    """The door alone."""
    made = Alone()
    yield made
    made.close()
