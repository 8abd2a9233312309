"""`govconsole resolve` and `revoke`: what is signed is shown first, and asked for.

Must never sign what was not shown, nor take an answer from a pipe for the word of a person.
"""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING, Final, Protocol

import click

from govconsole import cli_passphrase, completing
from govd.contract.errors import ForbiddenError, UsageError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from govconsole.client.afterwards import Status
    from govconsole.client.document import Document
    from govconsole.headless import Agreed
    from govconsole.session import Session

_PIPE_WIDTH: Final = 100
_WORD: Final = "yes"
_YES: Final = click.option("--yes", is_flag=True, help="Do not ask: sign what is shown.")


class HasSession(Protocol):
    """What the commands need of this invocation."""

    def run(self, work: Callable[[Session], Awaitable[str]]) -> str:
        """One piece of work with a session of its own."""
        ...


def resolve(say: Callable[[str], None], show: Callable[[str], None]) -> click.Command:
    """`govconsole resolve`. `say`: takes messages; `show`: takes what is about to be signed."""

    @click.command()
    @click.argument("intent", help="The id of the action, from `jobs show`.")
    @click.option(
        "--status",
        required=True,
        type=click.Choice(["succeeded", "failed", "not_run"]),
        help="What became of it.",
    )
    @click.option("--reason", required=True, help="How you know; sealed, its commitment is signed.")
    @_YES
    @cli_passphrase.option
    @click.pass_obj
    def resolve_(
        places: HasSession,
        intent: str,
        status: Status,
        reason: str,
        passphrase_file: Path | None,
        *,
        yes: bool,
    ) -> None:
        """Sign what became of an action whose outcome nobody reported. It is shown first."""
        from govconsole import headless

        agreed = _agreed(show, passphrase_file, yes=yes)
        say(places.run(lambda session: headless.resolve(session, intent, status, reason, agreed)))

    resolve_.name = "resolve"
    return resolve_


def revoke(say: Callable[[str], None], show: Callable[[str], None]) -> click.Command:
    """`govconsole revoke`. `say`: takes messages; `show`: takes what is about to be signed."""

    @click.command()
    @click.argument("job", help="The job's id.", shell_complete=completing.jobs)
    @click.option("--reason", required=True, help="Why; sealed, its commitment is signed.")
    @_YES
    @cli_passphrase.option
    @click.pass_obj
    def revoke_(
        places: HasSession, job: str, reason: str, passphrase_file: Path | None, *, yes: bool
    ) -> None:
        """Sign that whatever of a job has not been redeemed is taken back. What runs already goes on."""
        from govconsole import headless

        agreed = _agreed(show, passphrase_file, yes=yes)
        say(places.run(lambda session: headless.revoke(session, job, reason, agreed)))

    revoke_.name = "revoke"
    return revoke_


def _agreed(show: Callable[[str], None], passphrase_file: Path | None, *, yes: bool) -> Agreed:
    """What shows a statement, has it agreed to, and gives the passphrase of the key that signs it."""

    def agreed(document: Document) -> str:
        from govconsole.client.document import plain, wrap

        width = shutil.get_terminal_size().columns if sys.stderr.isatty() else _PIPE_WIDTH
        show(plain(wrap(document, width)))
        if not yes:
            _ask()
        return cli_passphrase.passphrase(passphrase_file)

    return agreed


def _ask() -> None:
    if not sys.stdin.isatty():
        raise UsageError(
            "nobody is at the terminal to be asked: nothing is signed", hint="--yes signs what is shown"
        )
    if str(click.prompt(f"Type {_WORD} to sign this", err=True)).strip() != _WORD:
        raise ForbiddenError("nothing is signed")
