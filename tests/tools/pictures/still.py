"""A real govd whose time stands still and whose ids are counted: pictures of it are the same each time.

Founds a state and serves it until it is ended. Must never serve a state that anybody relies on.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import itertools
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import uvloop

from govd.cli.logs import set_up_logging
from govd.founding import Founding, found
from govd.ids import SOURCE
from govd.lock import StateLock
from govd.policy import places
from govd.service import Govd
from govd.serving import serve
from govd.settings import Layout, read_settings
from tests.support.clocks import Times

if TYPE_CHECKING:
    from collections.abc import Callable

_FIRST = 0x019F << 112 | 0x7 << 76 | 0x8 << 60


def count_everything() -> None:
    """From now on ids and nonces are counted."""
    ids, nonces = itertools.count(1), itertools.count(1)

    def digest(what: str, number: int) -> bytes:
        return hashlib.sha256(f"{what} {number}".encode()).digest()

    def new_id() -> UUID:
        # UUIDv7 in form: they sort as they were made, and differ where people look at them.
        number = next(ids)
        return UUID(int=_FIRST | number << 80 | int.from_bytes(digest("id", number)[:7]))

    def random(size: int) -> bytes:
        return digest("nonce", next(nonces))[:size]

    SOURCE.new_id, SOURCE.random = new_id, random


async def _obey(commands: dict[str, Callable[[str], object]]) -> None:
    """Do what each line on stdin says, and say on stdout that it is done."""
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    while line := await reader.readline():
        name, argument = json.loads(line)
        commands[name](argument)
        sys.stdout.write("done\n")
        sys.stdout.flush()


async def _serve(govd: Govd, lock: StateLock, times: Times) -> None:
    def say_address(url: str) -> None:
        # What consoles show. The port that really is open is whichever was free.
        govd.agent_url = url

    commands: dict[str, Callable[[str], object]] = {
        "go_on": lambda seconds: times.go_on(float(seconds)),
        "step": lambda seconds: times.step(float(seconds)),
        "address": say_address,
    }
    obeying = asyncio.create_task(_obey(commands))
    try:
        await serve(govd, lock)
    finally:
        obeying.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await obeying


def main() -> None:
    """Found, and serve."""
    state, operator_dir, operator, passphrase_file = sys.argv[1:]
    set_up_logging()
    times = Times()
    count_everything()
    wanted = Founding(
        state=Path(state),
        operator=operator,
        operator_dir=Path(operator_dir),
        passphrase=Path(passphrase_file).read_bytes(),
        policy=places.default(),
        policy_path=None,
        agent_port=0,
        database=None,
        rounds=1,
    )
    found(wanted, times.clock())
    lock = StateLock(Layout(wanted.state).lock)
    govd = Govd(wanted.state, read_settings(wanted.state), clock=times.clock())
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(govd, lock, times))
    finally:
        govd.close()
        lock.release()


if __name__ == "__main__":
    main()
