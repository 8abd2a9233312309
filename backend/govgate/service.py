"""`govgate executor`: the one place where the executor's service is put together."""

from __future__ import annotations

import json
import os
import pwd
from pathlib import Path
from typing import Final

import click

from govd.contract.errors import ForbiddenError, UsageError
from govd.contract.headmemory import HeadMemory
from govd.contract.text import visible
from govgate import calls
from govgate.client import Client
from govgate.evidence import Gatherer, Git
from govgate.executor import MAX_AT_ONCE, Door, Service
from govgate.journal import Journal
from govgate.process import SANDBOX
from govgate.pushed import Pushed
from govgate.redemption import Redeemer
from govgate.runner import Runner
from govgate.settings import DEFAULT_URL, heads_dir, state_dir, token_reader
from govgate.voters import PinnedOperators

_FILE: Final = click.Path(path_type=Path)


@click.command()
@click.option(
    "--url", envvar="GOVGATE_URL", default=DEFAULT_URL, show_default=True, show_envvar=True,
    help="The backend: http://…, https://… or unix:/path.",
)  # fmt: skip
@click.option("--token-file", type=_FILE, required=True, help="The executor's own token, mode 0600.")
@click.option(
    "--agent", "agents", multiple=True, required=True, metavar="NAME[=UID]",
    help="An agent to serve, and the user it runs as (its own where none is named). Repeatable.",
)  # fmt: skip
@click.option("--socket-dir", type=_FILE, required=True, help="Where the sockets go: one NAME.sock an agent.")
@click.option(
    "--pinned-operators", type=_FILE,
    help="Operators' public vote keys (TOML): who approved is then not taken on the backend's word.",
)  # fmt: skip
@click.option("--journal", type=_FILE, help="The folder of what was begun; heads are remembered beside it.")
@click.option("--git-config", type=_FILE, help="git settings for pushes (credentials), the executor's own.")
@click.option(
    "--at-once", type=click.IntRange(1, 1024), default=MAX_AT_ONCE, show_default=True,
    help="Commands of one agent at once.",
)  # fmt: skip
@click.option(
    "--no-evidence", is_flag=True,
    help="Look at no objects of a push before it is approved: reviewers then see no diff.",
)  # fmt: skip
def executor(  # noqa: PLR0913 - one argument an option
    *,
    url: str,
    token_file: Path,
    agents: tuple[str, ...],
    socket_dir: Path,
    pinned_operators: Path | None,
    journal: Path | None,
    git_config: Path | None,
    at_once: int,
    no_evidence: bool,
) -> int:
    """Serve agents as the executor: what is approved is run here, once, exactly as it was approved.

    Run it under a user of its own, with the credentials that the actions need. Commands get the variables
    that were declared, and beside them only PATH, HOME and LANG. There is no sandbox yet: unsandboxed.
    """
    doors = [Door.parse(text) for text in agents]
    if len({door.agent for door in doors}) != len(doors):
        raise UsageError("an agent is named twice")
    voters = PinnedOperators.load(pinned_operators) if pinned_operators is not None else None
    if git_config is not None and not git_config.is_file():
        raise UsageError(f"there is no {git_config}")
    own = state_dir() if journal is None else journal.absolute().parent
    with Client(url, token_reader(token_file), HeadMemory(heads_dir(own), url)) as client:
        name = _identity(client)
        redeemer = Redeemer(client, name, Journal(journal or own / "journal"), voters)
        settings = git_config.resolve() if git_config is not None else None
        git, pushed = Git(_home(), settings), Pushed(own / "pushed.json")
        runner = Runner(redeemer, home=git.home, git_config=settings, pushed=pushed)
        gatherer = None if no_evidence else Gatherer(client, git, pushed)
        service = Service(
            runner, doors, socket_dir, gatherer=gatherer, at_once=at_once, stopping=client.hurry
        )

        def ready() -> None:
            sockets = {door.agent: str(service.path(door)) for door in doors}
            said = {"ready": True, "executor": name, "sandbox": SANDBOX, "sockets": sockets}
            click.echo(visible(json.dumps(said)))

        left = service.serve(ready)
    if left:
        told = f"{left} requests had not ended; what became of them is told at the next start"
        click.echo(visible(told), err=True)
    return 0


def _identity(client: Client) -> str:
    me = client.send(calls.me())
    if me.kind != "executor":
        raise ForbiddenError(f"{me.name} is no executor", hint="govd executors add NAME")
    return me.name


def _home() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_dir
    except KeyError:
        return "/"
