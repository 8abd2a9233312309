"""How each program lists its verbs: every sentence whole, wrapped to the terminal.

Must never cut what a verb does: the end of a sentence is often what tells two of them apart.
"""

from __future__ import annotations

from typing import Final

import click

_WHOLE: Final = 1000
"""Characters of a sentence: more than any has."""


class Verbs(click.Group):
    """A group of verbs. click cuts what it lists to one line each."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the verbs, each with its first sentence."""
        rows = [
            (name, command.get_short_help_str(_WHOLE))
            for name in self.list_commands(ctx)
            if (command := self.get_command(ctx, name)) is not None and not command.hidden
        ]
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)


Verbs.group_class = Verbs
