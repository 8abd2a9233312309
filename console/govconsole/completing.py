"""What a shell is offered for this program's own words: the ids of jobs that wait, and of alarms.

Must never keep a shell waiting, nor hand it words of an agent's: ids, names that are checked, and figures.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    import click

    from govconsole.client.backend import Backend

_SECONDS: Final = 1.0
_MOST: Final = 50


def jobs(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The held jobs whose ids begin so, the riskiest first; nothing where no backend answers at once."""
    del param
    from govd.contract.jobs import JobsQuery

    async def held(backend: Backend) -> list[CompletionItem]:
        found = (await backend.jobs(JobsQuery(state="held", limit=_MOST))).jobs
        return [CompletionItem(job.id, help=f"{job.agent} · risk {job.risk}") for job in found]

    return _offered(ctx, held, incomplete)


def alarms(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The alarms that nobody has seen and whose ids begin so; nothing where no backend answers at once."""
    del param

    async def unseen(backend: Backend) -> list[CompletionItem]:
        found = await backend.alarms()
        return [CompletionItem(alarm.id, help=alarm.kind) for alarm in found if not alarm.seen_by]

    return _offered(ctx, unseen, incomplete)


def _offered(
    ctx: click.Context, ask: Callable[[Backend], Awaitable[list[CompletionItem]]], incomplete: str
) -> list[CompletionItem]:
    try:
        found = asyncio.run(asyncio.wait_for(_answered(ctx, ask), _SECONDS))
    except Exception:  # noqa: BLE001 - a shell that completes has no place for an error: it offers nothing
        return []
    return [item for item in found if item.value.startswith(incomplete.lower())]


async def _answered(
    ctx: click.Context, ask: Callable[[Backend], Awaitable[list[CompletionItem]]]
) -> list[CompletionItem]:
    from govconsole import paths
    from govconsole.session import Session

    given = ctx.find_root().params
    connect: str | None = given.get("connect")
    state: Path | None = given.get("state")
    home = None if connect else paths.state_dir(state)
    socket = paths.connect_path(connect) if connect else paths.socket_path(paths.state_dir(state))
    operator = paths.find_operator(paths.operator_dir(given.get("operator_dir")), given.get("operator"))
    session = Session.at(operator, socket, state=home)
    try:
        return await ask(session.backend)
    finally:
        await session.backend.aclose()
