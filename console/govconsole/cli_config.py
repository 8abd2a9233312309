"""`govconsole config`: says what the console's own settings are, and everything that is wrong with them.

Must never write the file: it is the operator's.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Protocol

import click

from govconsole.cli_options import json_option
from govd.contract.verbs import Verbs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from govconsole.settings import Settings


class HasPlaces(Protocol):
    """What the commands need of this invocation."""

    @property
    def operator_dir(self) -> Path:
        """The operator's own directory."""
        ...


def group(say: Callable[[str], None], data: Callable[[str], None]) -> click.Group:
    """The commands. `say`: takes messages; `data`: takes what was asked for."""

    @click.group(cls=Verbs)
    def config() -> None:
        """The console's own settings: theme, keys, where pictures go."""

    @config.command()
    @click.pass_context
    def check(ctx: click.Context) -> None:
        """Say everything that is wrong in console.toml, with its line; exit code 1 if anything is."""
        from govconsole.settings import read, settings_path

        path = settings_path(ctx.obj.operator_dir)
        _, problems = read(path)
        for problem in problems:
            say(f"{path}:{problem.line}: {problem.words}" if problem.line else f"{path}: {problem.words}")
        if problems:
            ctx.exit(1)
        say(f"{path} is good" if path.exists() else f"{path} is not there: everything is as it comes")

    @config.command()
    @json_option
    @click.pass_obj
    def show(places: HasPlaces, *, as_json: bool) -> None:
        """Print the settings as they hold, and the keys of every action."""
        from govconsole.headless import machine
        from govconsole.settings import load, settings_path

        settings = load(settings_path(places.operator_dir))
        data(machine(as_values(settings)) if as_json else as_text(settings))

    return config


def as_values(settings: Settings) -> dict[str, Any]:
    """The settings as they hold, for programs: `keys` has every action."""
    from govconsole.actions.registry import named

    keymap, said = settings.keymap, asdict(settings)
    keys = {name: list(keymap.keys(*name.split("."))) for name, _ in named()}
    return said | {"keys": keys}


def as_text(settings: Settings) -> str:
    """The settings as they hold, as a file that says the same; what was changed is marked."""
    from govconsole.actions.registry import named
    from govd.contract.text import ascii_json

    said = {name: value for name, value in asdict(settings).items() if name != "keys"}
    lines = [f"{name} = {ascii_json(value)}" for name, value in said.items() if value is not None]
    lines += ["", "[keys]"]
    for name, action in named():
        keys = list(settings.keymap.keys(*name.split(".")))
        mark = "changed: " if name in settings.keys else ""
        lines.append(f"{name:<20} = {ascii_json(keys):<28} # {mark}{action.help}")
    return "\n".join(lines)
