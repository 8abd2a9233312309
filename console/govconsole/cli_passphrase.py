"""Where a command takes the passphrase of the vote key from: a file of its owner's, or the keyboard.

Must never take it from an argument or the environment, nor from a file that others may read.
"""

from __future__ import annotations

import getpass
import stat
import sys
from pathlib import Path
from typing import Final

import click

from govd.contract.errors import ForbiddenError, UsageError

option: Final = click.option(
    "--passphrase-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Holds your vote key's passphrase; mode 0600.",
)
_ASKED: Final = "Passphrase of your vote key"


def _nobody() -> UsageError:
    return UsageError("the vote key has a passphrase", hint="name its file: --passphrase-file F")


def passphrase(file: Path | None, *, piped: bool = False) -> str:
    """The passphrase.

    Args:
        file: Which only its owner may read; None: it is asked for.
        piped: Something else comes on stdin: it is asked for at the terminal behind that.

    Raises:
        UsageError: there is nobody to ask, or the file cannot be read.
        ForbiddenError: others may read the file.
    """
    if file is not None:
        return _read(file)
    if not piped:
        if not sys.stdin.isatty():
            raise _nobody()
        return str(click.prompt(_ASKED, hide_input=True, err=True))
    try:
        with Path("/dev/tty").open("r+", encoding="utf-8", buffering=1):
            # It asks at that same terminal; without one it would read from the pipe.
            return getpass.getpass(f"{_ASKED}: ")
    except OSError:
        raise _nobody() from None


def _read(file: Path) -> str:
    try:
        if file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise ForbiddenError(f"{file} may be read by others", hint=f"chmod 600 {file}")
        return file.read_text(encoding="utf-8").removesuffix("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read: {type(error).__name__}") from None
