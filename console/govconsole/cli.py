"""`govconsole`: the app, and its headless twin. Data on stdout, messages on stderr, exit codes kept.

0 done, 1 refused or not valid, 2 usage, 3 unreachable, 5 denied, 6 expired.
"""

from __future__ import annotations

import asyncio
import shutil
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from govconsole import paths
from govd.contract.errors import ForbiddenError, GovError, UsageError
from govd.contract.text import visible, visible_lines

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from govconsole.session import Session
    from govd.contract.votes import Verdict

_DIRECTORY = click.Path(file_okay=False, path_type=Path)
_FILE = click.Path(dir_okay=False, path_type=Path)
_PIPE_WIDTH = 100


class Guarded(click.Group):
    """A group whose commands end with one sentence on stderr and the exit code of the error."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's signature
        """Run, and turn an error of ours into words and a code."""
        try:
            return super().invoke(ctx)
        except GovError as error:
            say(error.detail)
            if error.hint is not None:
                say(f"  {error.hint}")
            ctx.exit(getattr(error, "exit", error.exit_code))


def say(words: str) -> None:
    """A message, on stderr."""
    click.echo(f"govconsole: {visible(words)}", err=True)


def data(text: str) -> None:
    """What was asked for, on stdout; whoever wrote it, no line carries what a terminal obeys."""
    click.echo("\n".join(visible_lines(text)))


@dataclass(frozen=True)
class Places:
    """Where this invocation works."""

    state: Path
    operator_dir: Path
    name: str | None

    def operator(self) -> paths.Operator:
        """Who works."""
        return paths.find_operator(self.operator_dir, self.name)

    def run(self, work: Callable[[Session], Awaitable[str]]) -> str:
        """One piece of work with a session of its own."""
        from govconsole.session import Session

        async def _run() -> str:
            session = Session.open(self.operator(), self.state)
            try:
                return await work(session)
            finally:
                await session.backend.aclose()

        return asyncio.run(_run())


@click.group(cls=Guarded, invoke_without_command=True)
@click.option("--state", type=_DIRECTORY, help=f"The backend's state directory (or {paths.STATE_VARIABLE}).")
@click.option("--operator-dir", type=_DIRECTORY, help=f"Your own directory (or {paths.OPERATOR_VARIABLE}).")
@click.option("--operator", help="Who you are, where your directory holds several operators.")
@click.version_option(package_name="govconsole")
@click.pass_context
def main(ctx: click.Context, state: Path | None, operator_dir: Path | None, operator: str | None) -> None:
    """Settle what AI agents may not decide by themselves. Without a command: the app."""
    ctx.obj = Places(paths.state_dir(state), paths.operator_dir(operator_dir), operator)
    if ctx.invoked_subcommand is None:
        _open_app(ctx.obj)


def _open_app(places: Places) -> None:
    from govconsole import embedded

    if not sys.stdout.isatty() or not sys.stdin.isatty():
        raise UsageError("the app needs a terminal", hint="without one: govconsole jobs list")
    started = False
    if not embedded.answers(places.state):
        if not embedded.initialised(places.state):
            _first_time(places)
        backend = embedded.serve(places.state)
        started = True
        say(f"started a backend of its own (embedded, pid {backend.pid}) in {places.state}")
        say(embedded.how_to_stop(places.state))
    from govconsole.app import ConsoleApp
    from govconsole.session import Session

    notice = f"Started an embedded backend; {embedded.how_to_stop(places.state)}" if started else ""
    ConsoleApp(Session.open(places.operator(), places.state), notice=notice).run()
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


@main.group()
def jobs() -> None:
    """What agents ask for."""


@jobs.command("list")
@click.option("--state", type=click.Choice(["held", "open", "settled", "all"]), default="held")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def jobs_list(places: Places, state: str, *, as_json: bool) -> None:
    """List jobs: id, state, risk, time left, agent, title."""
    from govconsole import headless

    text = places.run(lambda session: headless.list_jobs(session, state, as_json=as_json))
    if text:
        data(text)
    else:
        say(f"no job is {state}" if state != "all" else "there is no job")


@jobs.command("show")
@click.argument("job")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def jobs_show(places: Places, job: str, *, as_json: bool) -> None:
    """Show one job as it is reviewed, with its review token. Closes its hold for review."""
    from govconsole import headless

    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else _PIPE_WIDTH
    data(places.run(lambda session: headless.show_job(session, job, as_json=as_json, width=width, say=say)))


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

    passphrase = _passphrase(passphrase_file)
    spoken = Words(reason=words[0], guidance=words[1])
    say(places.run(lambda session: headless.vote(session, job, token, verdict, spoken, passphrase)))


def _passphrase(file: Path | None) -> str:
    """The passphrase, from a file that only its owner reads, or from the keyboard."""
    if file is None:
        if not sys.stdin.isatty():
            raise UsageError("the vote key has a passphrase", hint="name its file: --passphrase-file F")
        return str(click.prompt("Passphrase of your vote key", hide_input=True, err=True))
    try:
        if file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise ForbiddenError(f"{file} may be read by others", hint=f"chmod 600 {file}")
        return file.read_text(encoding="utf-8").removesuffix("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read: {type(error).__name__}") from None


_TOKEN = click.option("--token", required=True, help="The review token that `jobs show` printed.")
_REASON = click.option("--reason", required=True, help="Why; sealed, its commitment is signed.")
_PASSPHRASE = click.option(
    "--passphrase-file", type=_FILE, help="Holds your vote key's passphrase; mode 0600."
)


@main.command()
@click.argument("job")
@_TOKEN
@_REASON
@_PASSPHRASE
@click.pass_obj
def approve(places: Places, job: str, token: str, reason: str, passphrase_file: Path | None) -> None:
    """Approve what is held in a job, if it is still what the token names."""
    _vote(places, job, token, "approve", (reason, ""), passphrase_file)


@main.command()
@click.argument("job")
@_TOKEN
@_REASON
@click.option("--guidance", default="", help="What the agent is told to do instead.")
@_PASSPHRASE
@click.pass_obj
def deny(
    places: Places, job: str, token: str, reason: str, guidance: str, passphrase_file: Path | None
) -> None:
    """Deny what is held in a job, if it is still what the token names."""
    verdict: Verdict = "deny_with_guidance" if guidance else "deny"
    _vote(places, job, token, verdict, (reason, guidance), passphrase_file)


@main.command()
@click.argument("intent")
@click.option("--status", required=True, type=click.Choice(["succeeded", "failed", "not_run"]))
@click.option("--reason", required=True, help="How you know.")
@click.pass_obj
def resolve(
    places: Places, intent: str, status: Literal["succeeded", "failed", "not_run"], reason: str
) -> None:
    """Say what became of an action whose outcome nobody reported."""
    from govconsole import headless

    say(places.run(lambda session: headless.resolve(session, intent, status, reason)))


@main.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def locate(places: Places, *, as_json: bool) -> None:
    """Say where the console looks: state, socket, your directory, key and token."""
    from govconsole.headless import machine

    found = {
        "state": str(places.state),
        "socket": str(paths.socket_path(places.state)),
        "operator_dir": str(places.operator_dir),
    }
    try:
        operator = places.operator()
    except GovError as error:
        say(error.detail)
    else:
        found |= {
            "operator": operator.name,
            "token": str(operator.token_path),
            "key": str(operator.key_path),
            "heads": str(operator.heads),
        }
    data(machine(found) if as_json else "\n".join(f"{name:<13}{path}" for name, path in found.items()))


@main.command()
@click.option("--dir", "directory", type=_DIRECTORY, help="Build it here and leave it there afterwards.")
@click.option("--no-ui", is_flag=True, help="No console: say on stdout where everything is.")
@click.option(
    "--once", is_flag=True, help="One release only; without a console the agent's exit code is passed on."
)
@click.pass_context
def demo(ctx: click.Context, directory: Path | None, *, no_ui: bool, once: bool) -> None:
    """Watch an agent ask before it pushes: a real backend, executor and repository in a temporary place."""
    from govconsole.demo.run import run_demo

    ctx.exit(run_demo(directory, ui=not no_ui, once=once))


if __name__ == "__main__":
    main()
