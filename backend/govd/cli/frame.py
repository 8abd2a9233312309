"""What every verb shares: options, errors as exit codes, output, passphrases."""

from __future__ import annotations

import functools
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import click

from govd.contract.errors import GovError, UsageError
from govd.contract.text import ascii_json, visible
from govd.settings import default_operator_dir, default_state

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

P = ParamSpec("P")
R = TypeVar("R")

_FILE = click.Path(path_type=Path, dir_okay=False)
_DIR = click.Path(path_type=Path, file_okay=False)

state_option = click.option(
    "--state",
    type=_DIR,
    default=default_state,
    show_default="your state folder",
    help="State directory of govd.",
)
operator_dir_option = click.option(
    "--operator-dir",
    type=_DIR,
    default=default_operator_dir,
    show_default="your configuration folder",
    help="Where an operator's key and token are.",
)
as_option = click.option(
    "--as", "operator", metavar="OPERATOR", help="Which operator you are, if there are several here."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
passphrase_file_option = click.option(
    "--passphrase-file", type=_FILE, help="File with the vote key's passphrase."
)
passphrase_fd_option = click.option(
    "--passphrase-fd", type=int, help="Open descriptor to read the passphrase from."
)


def signing_options(command: Callable[P, R]) -> Callable[P, R]:
    """Where the state is, who signs, and with which key: of every command that an operator signs."""
    for option in (
        passphrase_fd_option,
        passphrase_file_option,
        as_option,
        operator_dir_option,
        state_option,
    ):
        command = option(command)
    return command


def say(text: str) -> None:
    """A message for a person, on stderr."""
    click.echo(visible(text), err=True)


def show(text: str) -> None:
    """One line of data, on stdout."""
    click.echo(visible(text))


def show_json(value: object) -> None:
    """A JSON document, on stdout."""
    click.echo(ascii_json(value, indent=2))


def table(rows: Iterable[Mapping[str, object]], columns: list[str]) -> None:
    """Rows under their headings, in columns as wide as they need."""
    texts = [
        [visible("" if row.get(name) is None else str(row[name]), 80) for name in columns] for row in rows
    ]
    widths = [max([len(name), *(len(row[i]) for row in texts)]) for i, name in enumerate(columns)]
    for row in [[name.upper() for name in columns], *texts]:
        show("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def failing(function: Callable[P, R]) -> Callable[P, R]:
    """Turn an error of ours into words on stderr and an exit code; with --json, its problem on stdout too."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except GovError as error:
            if kwargs.get("as_json"):
                show_json(error.problem())
            _tell(error)
            sys.exit(error.exit_code)

    return run


def _tell(error: GovError) -> None:
    problems: Any = error.extra.get("problems", [])
    if not problems:
        say(f"error: {error.detail}")
        if error.hint:
            say(f"  try: {error.hint}")
        return
    # The detail and the hint are the first problem's: each is said once.
    say(f"error: {error.title}")
    for item in problems:
        hint = f" ({item['hint']})" if item.get("hint") else ""
        say(f"  line {item['line']}, column {item['column']}: {item['message']}{hint}")
    if unlisted := error.extra.get("unlisted"):
        say(f"  and {unlisted} more")


def passphrase(file: Path | None, descriptor: int | None, prompt: str, *, confirm: bool = False) -> bytes:
    """The passphrase: from a file, a descriptor, or the terminal; never from arguments or the environment.

    Raises:
        UsageError: there is nobody to ask, or no such file.
    """
    if file is not None:
        try:
            return file.read_bytes().rstrip(b"\n")
        except OSError as error:
            raise UsageError(f"{file}: {error.strerror}") from None
    if descriptor is not None:
        with os.fdopen(descriptor, "rb") as stream:
            return stream.read(4096).rstrip(b"\n")
    if not sys.stdin.isatty():
        raise UsageError(
            "the vote key has a passphrase, and there is no terminal to ask at", hint="--passphrase-file"
        )
    answer: str = click.prompt(visible(prompt), hide_input=True, confirmation_prompt=confirm, err=True)
    return answer.encode()


def write_secret(path: Path, text: str, *, commit: bool = True) -> Path:
    """A 0600 file with a secret, replaced as a whole; never through a link.

    Args:
        path: Where it is to be.
        text: The secret.
        commit: False leaves it beside `path`, for the caller to put in its place.

    Returns:
        Where it is.

    Raises:
        UsageError: it cannot be written there.
    """
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text + "\n")
        return fresh.replace(path) if commit else fresh
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None
