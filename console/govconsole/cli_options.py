"""`--json`, as every listing verb has it: what went wrong comes as JSON too."""

from __future__ import annotations

from typing import Final

import click

_ASKED: Final = "govconsole.json"
_WRITTEN: Final = "govconsole.written"


def _remember(ctx: click.Context, param: click.Parameter, value: bool) -> bool:  # noqa: FBT001 - click's signature
    del param
    ctx.meta[_ASKED] = value
    return value


json_option = click.option(
    "--json", "as_json", is_flag=True, callback=_remember, is_eager=True, help="For programs; a refusal too."
)


def written() -> None:
    """Something stands on stdout: another document behind it would make neither of them readable."""
    if (context := click.get_current_context(silent=True)) is not None:
        context.meta[_WRITTEN] = True


def wants_json(ctx: click.Context) -> bool:
    """Whether what went wrong is to be told as JSON on stdout, beside the sentence on stderr."""
    return bool(ctx.meta.get(_ASKED)) and not ctx.meta.get(_WRITTEN)
