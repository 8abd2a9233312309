"""The agents' door as a gate speaks it, over http, https or a Unix socket; sync and async.

Must never send a request twice that could act twice, nor trust a backend whose log went back.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

import httpx

from govd.contract.errors import UnreachableError, UsageError
from govd.contract.heads import HEADER
from govd.contract.plain import no_authorities
from govd.contract.text import visible

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pydantic import BaseModel

    from govd.contract.headmemory import HeadMemory
    from govgate.calls import Call

    M = TypeVar("M", bound=BaseModel)

_TIMEOUT: Final = 15.0
_CONNECT: Final = 5.0
_BRIEFLY: Final = 3.0
_BACKOFF: Final = (0.1, 0.3, 0.9, 2.0)


def address(url: str) -> tuple[str, str | None]:
    """A base URL for httpx, and the Unix socket behind it where `url` is `unix:/path`.

    Raises:
        UsageError: another scheme.
    """
    if url.startswith("unix:"):
        path = url.removeprefix("unix:")
        path = path.removeprefix("//")
        if not path.startswith("/"):
            raise UsageError(f"{visible(url, 200)} names no absolute path", hint="unix:/run/govd/agents.sock")
        return "http://govd", path
    if url.startswith(("http://", "https://")):
        return url.rstrip("/"), None
    raise UsageError(
        f"{visible(url, 200)} is no address of a backend", hint="http://, https:// or unix:/path"
    )


class _Base:
    """What both clients share: headers, and what an answer or a failure means."""

    def __init__(self, url: str, token: Callable[[], str] | None, heads: HeadMemory) -> None:
        self.url = url
        self._token = token
        self._heads = heads
        self._hurried = False

    def hurry(self) -> None:
        """From now on nothing is tried twice, and no answer is waited for long: the program is ending."""
        self._hurried = True

    def _request(self, call: Call[M]) -> tuple[dict[str, Any], str | None]:
        sent = self._heads.current
        headers = {"Accept": "application/json"}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token()}"
        if sent is not None:
            headers[HEADER] = sent
        content = call.content()
        if content is not None:
            headers["Content-Type"] = content[1]
        timeout = httpx.Timeout(_TIMEOUT + call.wait, connect=_CONNECT)
        if self._hurried:
            timeout = httpx.Timeout(_BRIEFLY)
        arguments = {
            "method": call.method,
            "url": call.path,
            "headers": headers,
            "content": None if content is None else content[0],
            "timeout": timeout,
        }
        return arguments, sent

    def _answer(self, call: Call[M], response: httpx.Response, sent: str | None) -> M:
        self._heads.received(response.headers.get(HEADER), sent)
        return call.taken(response.status_code, response.content)

    def _failed(self, call: Call[M], error: httpx.HTTPError | OSError) -> UnreachableError:
        unsure = "" if self._again(call, error) else " (it may have arrived, and is not sent again)"
        return UnreachableError(
            f"no answer from the backend at {visible(self.url, 200)}: {type(error).__name__}{unsure}",
            hint="is govd running? govd serve",
            sent=not _never_sent(error),
        )

    @staticmethod
    def _again(call: Call[M], error: Exception) -> bool:
        return call.repeatable or _never_sent(error)


def _never_sent(error: Exception) -> bool:
    return isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)


class Client(_Base):
    """A connection to one govd. Safe to use from several threads.

    Args:
        url: `http://…`, `https://…` or `unix:/path`.
        token: Reads the bearer token, at each request, so that a renewed one is taken up.
        heads: What is remembered of the log.
        sleep: Between tries, in seconds.
    """

    def __init__(
        self,
        url: str,
        token: Callable[[], str] | None,
        heads: HeadMemory,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(url, token, heads)
        base, socket = address(url)
        verify = True if base.startswith("https:") else no_authorities()
        transport = httpx.HTTPTransport(uds=socket, verify=verify) if socket else None
        # The environment's proxies are not for a backend that holds tokens.
        self._http = httpx.Client(base_url=base, transport=transport, trust_env=False, verify=verify)
        self._sleep = sleep

    def send(self, call: Call[M]) -> M:
        """Send a request; one that may be repeated is, after a failed connection.

        Raises:
            GovError: what the backend refused, by its code; UnreachableError where none answered.
        """
        for delay in (*_BACKOFF, None):
            arguments, sent = self._request(call)
            try:
                response = self._http.request(**arguments)
            except (httpx.HTTPError, OSError) as error:
                if delay is None or self._hurried or not self._again(call, error):
                    raise self._failed(call, error) from None
                self._sleep(delay)
            else:
                return self._answer(call, response, sent)
        raise AssertionError("the last try returns or raises")

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncClient(_Base):
    """`Client` for asyncio."""

    def __init__(
        self,
        url: str,
        token: Callable[[], str] | None,
        heads: HeadMemory,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        super().__init__(url, token, heads)
        base, socket = address(url)
        verify = True if base.startswith("https:") else no_authorities()
        transport = httpx.AsyncHTTPTransport(uds=socket, verify=verify) if socket else None
        self._http = httpx.AsyncClient(base_url=base, transport=transport, trust_env=False, verify=verify)
        self._sleep = sleep

    async def send(self, call: Call[M]) -> M:
        """See `Client.send`."""
        for delay in (*_BACKOFF, None):
            arguments, sent = self._request(call)
            try:
                response = await self._http.request(**arguments)
            except (httpx.HTTPError, OSError) as error:
                if delay is None or self._hurried or not self._again(call, error):
                    raise self._failed(call, error) from None
                await self._sleep(delay)
            else:
                return self._answer(call, response, sent)
        raise AssertionError("the last try returns or raises")

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
