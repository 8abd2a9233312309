"""`completion SHELL`, the same command in all three programs: prints what makes a shell complete them.

Must never write into a start-up file: whoever runs it decides where it goes.
"""

from __future__ import annotations

from typing import Final

import click
from click.shell_completion import get_completion_class

SHELLS: Final = ("bash", "zsh", "fish")


def completion(program: str, group: click.Group) -> click.Command:
    """The command for a program whose verbs are those of the group."""

    @click.command(
        "completion", epilog=f'bash and zsh: eval "$({program} completion SHELL)" in the start-up file.'
    )
    @click.argument("shell", type=click.Choice(SHELLS), help="Which shell it is for.")
    def print_script(shell: str) -> None:
        """Print what makes a shell complete verbs, options and their values."""
        found = get_completion_class(shell)
        if found is None:
            raise click.UsageError(f"{shell} is not completed by this version of click")
        click.echo(found(group, {}, program, f"_{program.upper()}_COMPLETE").source())

    return print_script
