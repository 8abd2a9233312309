"""`govconsole`: the app, and its headless twin. Data on stdout, messages on stderr, exit codes kept.

0 done, 1 refused or not valid, 2 usage, 3 unreachable, 5 denied, 6 expired.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from govconsole import cli_afterwards, cli_alarms, cli_config, cli_passphrase, cli_voices, completing, paths
from govconsole.cli_options import json_option, wants_json, written
from govconsole.demo.command import demo
from govd.contract.errors import GovError, NotFoundError, UsageError
from govd.contract.shells import completion
from govd.contract.text import ascii_json, visible, visible_lines
from govd.contract.verbs import Verbs

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from govconsole.session import Session
    from govd.contract.jobs import Order, Selection
    from govd.contract.votes import Verdict

_DIRECTORY = click.Path(file_okay=False, path_type=Path)
_FILE = click.Path(dir_okay=False, path_type=Path)
_PIPE_WIDTH = 100
LOCATED = ("config", "state", "socket", "operator_dir", "operator", "token", "key", "heads")

SELECTIONS = ("held", "open", "settled", "all")
ORDERS = ("risk", "left", "newest", "oldest", "agent", "changed")
"""The contract's own words; loading it for a screen of help would be most of the time that takes."""


class Guarded(Verbs):
    """A group whose commands end with one sentence on stderr and the exit code of the error.

    With --json the error's problem (RFC 9457) stands on stdout too.
    """

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's signature
        """Run, and turn an error of ours into words and a code."""
        try:
            return super().invoke(ctx)
        except GovError as error:
            if wants_json(ctx):
                click.echo(ascii_json(error.problem(), indent=2))
            say(error.detail)
            if error.hint is not None:
                say(f"  {error.hint}")
            ctx.exit(getattr(error, "exit", error.exit_code))


def say(words: str) -> None:
    """A message, on stderr."""
    click.echo(f"govconsole: {visible(words)}", err=True)


def data(text: str) -> None:
    """What was asked for, on stdout; whoever wrote it, no line carries what a terminal obeys."""
    written()
    click.echo("\n".join(visible_lines(text)))


def show(text: str) -> None:
    """What somebody is about to sign, on stderr; as safe as what is printed."""
    click.echo("\n".join(visible_lines(text)), err=True)


@dataclass(frozen=True)
class Places:
    """Where this invocation works."""

    state: Path
    operator_dir: Path
    name: str | None
    remote: Path | None = None

    @property
    def socket(self) -> Path:
        """The operators' door."""
        return self.remote or paths.socket_path(self.state)

    @property
    def home(self) -> Path | None:
        """The state that the door belongs to; None: it is elsewhere."""
        return None if self.remote else self.state

    def operator(self) -> paths.Operator:
        """Who works."""
        return paths.find_operator(self.operator_dir, self.name)

    def run(self, work: Callable[[Session], Awaitable[str]]) -> str:
        """One piece of work with a session of its own."""
        from govconsole.session import Session

        async def _run() -> str:
            session = Session.at(self.operator(), self.socket, state=self.home)
            try:
                return await work(session)
            finally:
                await session.backend.aclose()

        return asyncio.run(_run())


@click.group(
    cls=Guarded, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.option("--state", type=_DIRECTORY, help=f"The backend's state directory (or {paths.STATE_VARIABLE}).")
@click.option(
    "--connect", envvar=paths.CONNECT_VARIABLE, metavar="unix:/PATH",
    help=f"A backend elsewhere, by its operators' socket (or {paths.CONNECT_VARIABLE}).",
)  # fmt: skip
@click.option("--operator-dir", type=_DIRECTORY, help=f"Your own directory (or {paths.OPERATOR_VARIABLE}).")
@click.option("--operator", help="Who you are, where your directory holds several operators.")
@click.option("--pictures", type=_DIRECTORY, help="Where ctrl+s saves, in place of the setting.")
@click.version_option(package_name="govconsole")
@click.pass_context
def main(
    ctx: click.Context,
    state: Path | None,
    connect: str | None,
    operator_dir: Path | None,
    operator: str | None,
    pictures: Path | None,
) -> None:
    """Settle what AI agents may not decide by themselves. Without a command: the app.

    Exit codes: 0 done, 1 refused or not valid, 2 usage, 3 backend unreachable, 5 denied, 6 expired.
    """
    if connect and state is not None:
        raise UsageError("--connect goes to a backend elsewhere: it has no --state here")
    remote = paths.connect_path(connect) if connect else None
    ctx.obj = Places(paths.state_dir(state), paths.operator_dir(operator_dir), operator, remote)
    if ctx.invoked_subcommand is None:
        _open_app(ctx.obj, pictures)


def _open_app(places: Places, pictures: Path | None) -> None:
    from govconsole import embedded
    from govconsole.client.door import Door
    from govconsole.settings import load, settings_path

    settings = load(settings_path(places.operator_dir))
    if pictures is not None:
        settings = replace(settings, pictures=str(pictures.absolute()))
    if not sys.stdout.isatty() or not sys.stdin.isatty():
        raise UsageError("the app needs a terminal", hint="without one: govconsole jobs list")
    started = False
    if places.remote is not None:
        embedded.knock(places.remote, Door(places.remote))
    elif not embedded.answers(places.state):
        if not embedded.initialised(places.state):
            _first_time(places)
        backend = embedded.serve(places.state)
        started = True
        say(f"started a backend of its own (embedded, pid {backend.pid}) in {places.state}")
        say(embedded.how_to_stop(places.state))
    from govconsole.app import ConsoleApp

    operator = places.operator()

    def opened() -> Session:
        from govconsole.session import Session

        return Session.at(operator, places.socket, state=places.home)

    notice = f"Started an embedded backend; {embedded.how_to_stop(places.state)}" if started else ""
    app = ConsoleApp(opened, notice=notice, settings=settings)
    app.run(mouse=settings.mouse)
    if app.failed is not None:
        raise app.failed
    if started:
        say(f"the embedded backend goes on; stop it with: govd stop --state {places.state}")


def _first_time(places: Places) -> None:
    """Ask for what only a person can give, and set everything up."""
    import getpass

    from govconsole import embedded

    say(f"no backend runs and none was set up: one is made in {places.state}")
    say("your votes are signed by a key of your own; its passphrase is asked at the first vote of a session")
    name = places.name or click.prompt("Your name as an operator", default=getpass.getuser(), err=True)
    passphrase = click.prompt(
        "Passphrase of your vote key", hide_input=True, confirmation_prompt=True, err=True
    )
    embedded.initialise(places.state, places.operator_dir, name, passphrase)


_JOB = click.argument("job", help="The job's id.", shell_complete=completing.jobs)


@main.group()
def jobs() -> None:
    """What agents ask for."""


@jobs.command("list")
@click.option("--state", type=click.Choice(SELECTIONS), default="held", show_default=True, help="Which jobs.")
@click.option("--filter", "filter_", default="", metavar="EXPR", help="As in the queue: 'risk>60 left<1h'.")
@click.option("--agent", "agents", multiple=True, metavar="NAME", help="Only of this agent; repeatable.")
@click.option("--sort", type=click.Choice(ORDERS), help="Otherwise as the queue orders that state.")
@click.option("--limit", type=click.IntRange(min=1), help="So many at most; otherwise all.")
@json_option
@click.pass_obj
def jobs_list(
    places: Places,
    state: Selection,
    filter_: str,
    agents: tuple[str, ...],
    sort: Order | None,
    limit: int | None,
    *,
    as_json: bool,
) -> None:
    """List jobs: id, state, risk, time left, agent, title."""
    from govconsole import headless
    from govd.contract import filters
    from govd.contract.jobs import JobsQuery

    terms = str(filters.parse(filter_))
    if agents:
        terms = f"{terms} agent:{','.join(agents)}".strip()
    query = JobsQuery(state=state, filter=str(filters.parse(terms)), sort=sort)

    async def work(session: Session) -> str:
        count = await headless.list_jobs(session, query, most=limit, as_json=as_json, emit=data)
        return "" if count or as_json else _none(state, terms)

    if words := places.run(work):
        say(words)


def _none(state: str, terms: str) -> str:
    which = "there is no job" if state == "all" else f"no job is {state}"
    return f"{which} that the filter leaves: {terms}" if terms else which


@jobs.command("show")
@_JOB
@json_option
@click.pass_obj
def jobs_show(places: Places, job: str, *, as_json: bool) -> None:
    """Show one job as it is reviewed, with its review token. Closes its hold for review."""
    from govconsole import headless

    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else _PIPE_WIDTH
    data(places.run(lambda session: headless.show_job(session, job, as_json=as_json, width=width, say=say)))


@jobs.command("content")
@_JOB
@click.pass_obj
def jobs_content(places: Places, job: str) -> None:
    """Show what a job would change or send, in full: the diff of a push, a mail as it would arrive."""
    from govconsole import headless

    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else _PIPE_WIDTH
    data(places.run(lambda session: headless.show_content(session, job, width=width)))


def _vote(
    places: Places,
    job: str,
    token: str,
    verdict: Verdict,
    words: tuple[str, str],
    passphrase_file: Path | None,
) -> None:
    from govconsole import headless
    from govconsole.client.review import Words

    passphrase = cli_passphrase.passphrase(passphrase_file)
    spoken = Words(reason=words[0], guidance=words[1])
    say(places.run(lambda session: headless.vote(session, job, token, verdict, spoken, passphrase)))


_TOKEN = click.option("--token", required=True, help="The review token that `jobs show` printed.")
_REASON = click.option("--reason", required=True, help="Why; sealed, its commitment is signed.")


@main.command()
@_JOB
@_TOKEN
@_REASON
@cli_passphrase.option
@click.pass_obj
def approve(places: Places, job: str, token: str, reason: str, passphrase_file: Path | None) -> None:
    """Approve what is held in a job, if it is still what the token names."""
    _vote(places, job, token, "approve", (reason, ""), passphrase_file)


@main.command()
@_JOB
@_TOKEN
@_REASON
@click.option("--guidance", default="", help="What the agent is told to do instead.")
@cli_passphrase.option
@click.pass_obj
def deny(
    places: Places, job: str, token: str, reason: str, guidance: str, passphrase_file: Path | None
) -> None:
    """Deny what is held in a job, if it is still what the token names."""
    verdict: Verdict = "deny_with_guidance" if guidance else "deny"
    _vote(places, job, token, verdict, (reason, guidance), passphrase_file)


main.add_command(cli_afterwards.resolve(say, show))
main.add_command(cli_afterwards.revoke(say, show))
main.add_command(cli_alarms.group(say, data))
main.add_command(cli_config.group(say, data))
main.add_command(cli_voices.group(say, data))
main.add_command(cli_voices.enroll(say))
main.add_command(demo)
main.add_command(completion("govconsole", main))


@main.command()
@click.argument("what", required=False, type=click.Choice(LOCATED), help="Only this one; otherwise all.")
@json_option
@click.pass_obj
def locate(places: Places, what: str | None, *, as_json: bool) -> None:
    """Say where the console looks: state, socket, your directory, settings, key and token; or one of them."""
    from govconsole.headless import machine
    from govconsole.settings import settings_path

    found = {
        "config": str(settings_path(places.operator_dir)),
        "state": str(places.state) if places.remote is None else "elsewhere",
        "socket": str(places.socket),
        "operator_dir": str(places.operator_dir),
    }
    try:
        operator = places.operator() if what not in found else None
    except GovError as error:
        operator = None
        say(error.detail)
    if operator is not None:
        found |= {
            "operator": operator.name,
            "token": str(operator.token_path),
            "key": str(operator.key_path),
            "heads": str(operator.heads),
        }
    if what is not None:
        if what not in found:
            raise NotFoundError(f"there is no {what}", hint="govconsole locate")
        found = {what: found[what]}
    if as_json:
        data(machine(found))
    elif what is not None:
        data(found[what])
    else:
        data("\n".join(f"{name:<13}{path}" for name, path in found.items()))


if __name__ == "__main__":
    main()
