"""`govconsole demo` on the command line. Must never import more than its help needs before it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

_DIRECTORY: Final = click.Path(file_okay=False, path_type=Path)
_BOTS: Final = ("release-bot", "mail-bot", "finance-bot")
_MAX_JOBS: Final = 100_000
PAUSE: Final = 20.0
"""Seconds between two errands of an agent, unless told otherwise."""

FAST_PAUSE: Final = 2.0
"""The same in a hurry."""


@click.command()
@click.option("--dir", "directory", type=_DIRECTORY, help="Build it here and leave it there afterwards.")
@click.option("--no-ui", is_flag=True, help="No console: say on stdout where everything is.")
@click.option(
    "--once",
    is_flag=True,
    help="Each agent ends after its first errands; without a console the worst exit code is passed on.",
)
@click.option("--only", type=click.Choice(_BOTS), multiple=True, help="Only this agent; repeatable.")
@click.option(
    "--seed", type=int, default=1, show_default=True, help="What the agents ask for is made from this."
)
@click.option("--fast", is_flag=True, help="Short pauses between what an agent asks for.")
@click.option(
    "--jobs",
    type=click.IntRange(0, _MAX_JOBS),
    default=0,
    help="So many more held jobs, declared one by one by a crowd of agents.",
)
@click.option("--tour/--no-tour", default=True, help="Guide me through the first minute (esc ends it).")
@click.pass_context
def demo(  # noqa: PLR0913 - its options
    ctx: click.Context,
    directory: Path | None,
    *,
    no_ui: bool,
    once: bool,
    only: tuple[str, ...],
    seed: int,
    fast: bool,
    jobs: int,
    tour: bool,
) -> None:
    """Watch agents ask before they act: backend, executors, mail and money in a temporary place, all real."""
    from govconsole.demo.run import run_demo
    from govconsole.demo.stage import Wishes
    from govconsole.settings import load, settings_path

    settings = load(settings_path(ctx.obj.operator_dir))
    wishes = Wishes(
        seed=seed, pause=FAST_PAUSE if fast else PAUSE, once=once, only=only or _BOTS, jobs=jobs, tour=tour
    )
    ctx.exit(run_demo(directory, wishes, settings, ui=not no_ui))
