"""What a shell is offered for this program's own words: the ids of jobs that wait.

Must never keep a shell waiting, nor hand it words of an agent's: ids, names that are checked, and figures.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from pathlib import Path

    import click

    from govd.contract.jobs import JobSummary

_SECONDS: Final = 1.0
_MOST: Final = 50


def jobs(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The held jobs whose ids begin so, the riskiest first; nothing where no backend answers at once."""
    del param
    try:
        found = asyncio.run(asyncio.wait_for(_held(ctx), _SECONDS))
    except Exception:  # noqa: BLE001 - a shell that completes has no place for an error: it offers nothing
        return []
    return [
        CompletionItem(job.id, help=f"{job.agent} · risk {job.risk}")
        for job in found
        if job.id.startswith(incomplete.lower())
    ]


async def _held(ctx: click.Context) -> list[JobSummary]:
    from govconsole import paths
    from govconsole.session import Session
    from govd.contract.jobs import JobsQuery

    given = ctx.find_root().params
    connect: str | None = given.get("connect")
    state: Path | None = given.get("state")
    home = None if connect else paths.state_dir(state)
    socket = paths.connect_path(connect) if connect else paths.socket_path(paths.state_dir(state))
    operator = paths.find_operator(paths.operator_dir(given.get("operator_dir")), given.get("operator"))
    session = Session.at(operator, socket, state=home)
    try:
        return (await session.backend.jobs(JobsQuery(state="held", limit=_MOST))).jobs
    finally:
        await session.backend.aclose()
