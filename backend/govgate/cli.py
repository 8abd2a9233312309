"""The command line of govgate.

Exit codes are part of the interface; whatever is printed of others' words is made visible first (T17).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from govd.contract.errors import GovError
from govd.contract.intents import IntentState
from govd.contract.shells import completion
from govd.contract.text import visible
from govd.contract.verbs import Verbs
from govgate import calls, declare, exits, tokens, wait
from govgate import exec as running
from govgate.service import executor
from govgate.settings import DEFAULT_URL, Settings
from govgate.voicecli import voice

if TYPE_CHECKING:
    from collections.abc import Sequence

_FILE: Final = click.Path(path_type=Path)
_WAIT: Final = 60.0
_INTERRUPTED: Final = 130


def say(text: str) -> None:
    """One line on stderr."""
    click.echo(f"govgate: {visible(text, 4000)}", err=True)


def fail(error: GovError) -> int:
    """Say what is wrong, and what to do; the exit code."""
    say(error.detail + (f". {error.hint}" if error.hint else ""))
    return exits.code_of(error)


_url = click.option(
    "--url", envvar="GOVGATE_URL", default=DEFAULT_URL, show_default=True, show_envvar=True,
    help="The backend: http://…, https://… or unix:/path.",
)  # fmt: skip
_token = click.option(
    "--token-file", envvar="GOVGATE_TOKEN_FILE", type=_FILE, show_envvar=True,
    help="The token's file, mode 0600.",
)  # fmt: skip
_seconds = click.option(
    "--wait", "seconds", type=click.FloatRange(min=0), default=_WAIT, show_default=True,
    help="Seconds to wait while it is held.",
)  # fmt: skip
_json = click.option("--json", "as_json", is_flag=True, help="The intent as JSON on stdout.")


_EXITS: Final = """\b
Exit codes: what the command itself answers, or
  64  usage              69  backend or executor unreachable, or stopped
  75  held: wait on      76  expired: nobody decided
  77  denied, refused, or taken back
"""


class Gate(Verbs):
    """A group whose refusals, click's own too, end with the codes of this interface."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,  # noqa: FBT001, FBT002 - click's own signature
        **extra: Any,  # noqa: ANN401 - click's own signature
    ) -> Any:  # noqa: ANN401 - click's own signature
        """Run one command line; ends the process where click's would."""
        try:
            answer = super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            answer = exits.USAGE
        except click.ClickException as error:
            say(error.format_message())
            answer = exits.USAGE
        except click.Abort:
            answer = _INTERRUPTED
        except GovError as error:
            answer = fail(error)
        code = answer if isinstance(answer, int) else 0
        if standalone_mode:
            sys.exit(code)
        return code


@click.group(cls=Gate, context_settings={"help_option_names": ["-h", "--help"]}, epilog=_EXITS)
@click.version_option(package_name="govconsole", prog_name="govgate")
def main() -> None:
    """The agent's side: declare an action, wait for its decision, have it run once."""


@main.command("exec", context_settings={"allow_interspersed_args": False})
@_url
@_token
@click.option("--intent", "intent_file", type=_FILE, help="A JSON file with more members of the intent.")
@click.option("--intent-id", help="Take up an intent that was declared before, with the same command.")
@click.option("--job", help="The job that the action belongs to.")
@click.option("--title", help="Open a job of this title for the action.")
@click.option("--purpose", default="", help="Why, in your words. A reviewer reads it.")
@click.option("--origin", help="Who set this in motion: user, schedule, channel:NAME, agent:NAME.")
@click.option("--env", "names", multiple=True, metavar="NAME", help="Pass a variable on; its value is bound.")
@_seconds
@click.option(
    "--executor",
    "executor_socket",
    type=_FILE,
    envvar="GOVGATE_EXECUTOR",
    show_envvar=True,
    help="The executor's socket.",
)
@click.option(
    "--local-executor-token", type=_FILE, metavar="FILE",
    help="Run in place with an executor's token: ADVISORY, nothing enforces it.",
)  # fmt: skip
@click.argument(
    "argv",
    nargs=-1,
    required=True,
    type=click.UNPROCESSED,
    metavar="-- COMMAND [ARGUMENT]…",
    help="What is run, as it would be typed.",
)
def exec_(  # noqa: PLR0913 - one argument an option
    *,
    url: str,
    token_file: Path | None,
    intent_file: Path | None,
    intent_id: str | None,
    job: str | None,
    title: str | None,
    purpose: str,
    origin: str | None,
    names: tuple[str, ...],
    seconds: float,
    executor_socket: Path | None,
    local_executor_token: Path | None,
    argv: tuple[str, ...],
) -> int:
    """Run a command once it is approved, exactly as it was approved, at most once.

    A program's file, its script, the values of the variables that are passed on and the folder are bound; for
    `git push REMOTE REF…` the objects and the address. No sandbox yet: it runs unsandboxed.
    """
    base = declare.read_file(intent_file) if intent_file is not None else {}
    local = local_executor_token
    options = running.Options(
        target=running.Target(None if local else executor_socket, local),
        words=declare.Words(job, purpose, origin, base),
        title=title,
        intent=intent_id,
        wait=seconds,
    )
    options.target.check()
    command = declare.command(argv, os.getcwd(), names)  # noqa: PTH109 - a raw string
    try:
        return running.run(Settings(url, token_file), command, options, say)
    except GovError as error:
        if error.code == "intent-held":
            return _held(error, argv)
        raise


def _held(error: GovError, argv: tuple[str, ...]) -> int:
    code = fail(error)
    intent = (error.hint or "").rpartition(" ")[2]
    say(f"to run it then: govgate exec --intent-id {intent} -- {argv[0]} …")
    return code


@main.command("wait")
@_url
@_token
@_seconds
@_json
@click.argument("intent", help="Its id, as `exec` and `intent` said it.")
def wait_(*, url: str, token_file: Path | None, seconds: float, as_json: bool, intent: str) -> int:
    """Wait for a held intent's decision. It can be broken off and taken up again."""
    with Settings(url, token_file).client() as client:
        return _told(wait.settled(client, intent, seconds), as_json=as_json)


@main.command("intent")
@_url
@_token
@_seconds
@_json
@click.argument("file", type=_FILE, help="JSON: a body of `POST /v1/intents`.")
def intent_(*, url: str, token_file: Path | None, seconds: float, as_json: bool, file: Path) -> int:
    """Declare the intent in a JSON file, and run nothing."""
    body = declare.validated(declare.read_file(file))
    with Settings(url, token_file).client() as client:
        view = client.send(calls.submit(body))
        if view.state is IntentState.HELD and seconds > 0:
            view = wait.settled(client, view.id, seconds)
        return _told(view, as_json=as_json)


def _told(view: Any, *, as_json: bool) -> int:  # noqa: ANN401 - an IntentView
    if as_json:
        # ASCII, every control character escaped: what agents wrote cannot reach the terminal as itself.
        click.echo(tokens.ascii_json(view))
    if view.state in {IntentState.APPROVED, IntentState.REDEEMED, IntentState.SUCCEEDED}:
        say(f"intent {view.id} is {view.state.value}")
        return 0
    return fail_of(view)


def fail_of(view: Any) -> int:  # noqa: ANN401 - an IntentView
    """Say why the intent does not run; the exit code."""
    try:
        wait.approved(view)
    except GovError as error:
        return fail(error)
    return 0


@main.group()
def token() -> None:
    """The agent's own token."""


@token.command("renew")
@_url
@_token
def renew(*, url: str, token_file: Path | None) -> int:
    """Put a fresh token into the token's file, while the present one is good."""
    until = tokens.renew(Settings(url, token_file))
    say(f"renewed: good until {until}")
    return 0


main.add_command(executor)
main.add_command(voice)
main.add_command(completion("govgate", main))
