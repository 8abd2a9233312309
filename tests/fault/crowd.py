"""Sixty-four clients that send at the same moment: their connections are open before the signal is given."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, TypeVar

import httpx

from govd.contract.plain import no_authorities

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

T = TypeVar("T")
R = TypeVar("R")

CLIENTS: Final = 64


def at_once(url: str, token: str, requests: Iterable[tuple[str, dict[str, Any]]]) -> list[httpx.Response]:
    """Post each (path, body) from a client of its own, all of them released together."""
    wanted = list(requests)
    barrier = threading.Barrier(len(wanted))
    unused = no_authorities()

    def send(request: tuple[str, dict[str, Any]]) -> httpx.Response:
        path, content = request
        headers = {"Authorization": f"Bearer {token}"}
        with httpx.Client(base_url=url, headers=headers, timeout=180, verify=unused) as client:
            client.get("/health")
            barrier.wait(180)
            return client.post(path, json=content)

    return side_by_side(send, wanted)


def side_by_side(work: Callable[[T], R], items: list[T]) -> list[R]:
    """Run a thread for each item; the results in the same order."""
    with ThreadPoolExecutor(len(items)) as pool:
        return list(pool.map(work, items))
