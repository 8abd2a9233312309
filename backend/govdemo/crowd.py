"""The demo's crowd: very many jobs, each declared for real by one of many agents through the agents' door.

Every agent keeps to what it may have waiting. Says on stdout how far it is, a JSON line at a time. Must never
go on after SIGTERM, nor take more than its quota.
"""

from __future__ import annotations

import asyncio
import json
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
import uvloop

from govd.contract.errors import GovError, QuotaError, UnreachableError
from govd.contract.text import visible
from govdemo import bot
from govdemo.crowd_content import asks
from govdemo.line import Line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from govdemo.crowd_content import Ask

NAME: Final = "crowd"
_AT_ONCE: Final = 64
_TELL_SECONDS: Final = 0.5
_PAUSE: Final = 1.0
_TRIES: Final = 30


class Crowd:
    """Shares the jobs out among the agents, and lets some of them declare at a time.

    Args:
        url: The backend.
        agents: (name, token) of each.
        jobs: How many in all.
        seed: What they ask for is made from this.
    """

    def __init__(self, url: str, agents: Sequence[tuple[str, str]], jobs: int, seed: int) -> None:
        self._url = url
        self._agents = agents
        self._jobs = jobs
        self._seed = seed
        self._started = time.monotonic()
        self.done = 0

    async def run(self) -> None:
        """Declare everything; returns when it is done."""
        share, rest = divmod(self._jobs, len(self._agents))
        waiting = iter([(name, token, share + (at < rest)) for at, (name, token) in enumerate(self._agents)])

        async def work() -> None:
            for name, token, count in waiting:
                async with Line(self._url, token) as line:
                    for number, ask in enumerate(asks(self._seed, name, count)):
                        await self._declare(line, f"{name}-{number}", ask)
                        self.done += 1

        async with asyncio.TaskGroup() as group:
            teller = group.create_task(self._tell())
            workers = [group.create_task(work()) for _ in range(_AT_ONCE)]
            await asyncio.gather(*workers)
            teller.cancel()
        self._say()

    async def _declare(self, line: Line, key: str, ask: Ask) -> None:
        job = {}
        if ask.title is not None:
            opened = await self._post(line, "/v1/jobs", {"title": ask.title, "purpose": ask.purpose})
            job = {"job": opened["id"]}
        for number, intent in enumerate(ask.intents):
            body = {**intent, **job, "purpose": ask.purpose, "idempotency_key": f"{key}-{number}"}
            await self._post(line, "/v1/intents", body)

    @staticmethod
    async def _post(line: Line, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Sent again after a lost connection: an intent has its key, and an empty job asks for nothing."""
        for _ in range(_TRIES):
            try:
                return await line.post(path, body)
            except (QuotaError, UnreachableError) as error:
                await asyncio.sleep(error.retry_after or _PAUSE)
        return await line.post(path, body)

    async def _tell(self) -> None:
        while True:
            self._say()
            await asyncio.sleep(_TELL_SECONDS)

    def _say(self) -> None:
        seconds = round(time.monotonic() - self._started, 2)
        click.echo(visible(json.dumps({"done": self.done, "of": self._jobs, "seconds": seconds})))


@click.command()
@click.option("--url", required=True, help="The backend.")
@click.option(
    "--tokens", type=click.Path(path_type=Path), required=True, help="The folder of NAME.token files."
)
@click.option("--jobs", type=int, required=True, help="How many in all.")
@click.option("--seed", type=int, default=1, help="What they ask for is made up from this.")
def main(*, url: str, tokens: Path, jobs: int, seed: int) -> None:
    """Declare very many jobs."""
    files = sorted(tokens.glob("*.token"))
    agents = [(file.stem, file.read_text(encoding="ascii").strip()) for file in files]
    try:
        uvloop.run(_until_told(Crowd(url, agents, jobs, seed)))
    except* GovError as group:
        for error in group.exceptions:
            bot.tell(NAME, str(error))
        raise SystemExit(1) from None


async def _until_told(crowd: Crowd) -> None:
    work = asyncio.ensure_future(crowd.run())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, work.cancel)
    try:
        await work
    except asyncio.CancelledError:
        raise SystemExit(128 + signal.SIGTERM) from None


if __name__ == "__main__":
    main()
