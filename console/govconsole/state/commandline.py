"""The command line: its commands, how they are completed, and what was entered before. Imports no Textual.

Must never guess: a beginning that fits two commands is refused with both names.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from govconsole.actions.registry import SCOPES
from govd.contract.errors import UsageError
from govd.contract.text import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from govconsole.actions.model import Action

_KEPT = 200


@dataclass(frozen=True)
class Command:
    """One command: an action, by the name that is typed."""

    scope: str
    action: Action

    @property
    def name(self) -> str:
        """What is typed."""
        return self.action.command

    @property
    def full_name(self) -> str:
        """The action's name with its scope."""
        return f"{self.scope}.{self.action.id}"


@dataclass(frozen=True)
class Offer:
    """A completion: the whole line that it makes, what is listed, and a note beside it."""

    line: str
    shown: str
    note: str = ""


def commands(view: str) -> list[Command]:
    """The commands that there are in a view, by name."""
    found = [
        Command(scope, action)
        for scope in (view, "app")
        for action in SCOPES[scope].actions
        if action.command
    ]
    return sorted(found, key=lambda one: one.name)


def parse(line: str, known: Iterable[Command]) -> tuple[Command, str]:
    """The command that a line means, and its argument.

    Raises:
        UsageError: there is no such command, or more than one begins so, or it takes no argument.
    """
    name, _, argument = line.strip().partition(" ")
    argument = argument.strip()
    listed = list(known)
    exact = [one for one in listed if name == one.name or name in one.action.aliases]
    near = exact or [one for one in listed if one.name.startswith(name)]
    if not near:
        raise UsageError(f"there is no command {visible(name)}", hint="tab lists them")
    if len(near) > 1:
        raise UsageError(f"{visible(name)} begins {' and '.join(one.name for one in near)}")
    command = near[0]
    if argument and not command.action.argument:
        raise UsageError(f"{command.name} takes nothing behind it")
    return command, argument


def offers(
    line: str, known: Iterable[Command], arguments: Callable[[Command, str], Sequence[str]]
) -> list[Offer]:
    """What a line can be completed to.

    Args:
        line: As far as it was typed.
        known: The commands.
        arguments: What a command's argument can be, for what was typed of it.
    """
    line = line.lstrip()
    name, gap, typed = line.partition(" ")
    listed = list(known)
    if not gap:
        return [
            Offer(one.name + " " * bool(one.action.argument), _form(one), one.action.help)
            for one in listed
            if one.name.startswith(name)
        ]
    fitting = [one for one in listed if name == one.name or name in one.action.aliases]
    if not fitting or not fitting[0].action.argument:
        return []
    found = [Offer(f"{name} {value}", value) for value in arguments(fitting[0], typed.lstrip())]
    # Where nothing can be offered it is at least said what belongs here.
    return found or ([] if typed.strip() else [Offer(line, _form(fitting[0]), fitting[0].action.help)])


def _form(command: Command) -> str:
    return f"{command.name} {command.action.argument}".rstrip()


def beginning(choices: Iterable[str], typed: str) -> list[str]:
    """The choices that begin so."""
    return [one for one in choices if one.startswith(typed)]


@dataclass
class History:
    """The lines that were entered, oldest first, and where one stands in them."""

    lines: list[str] = field(default_factory=list)
    _at: int | None = None
    _typed: str = ""

    def add(self, line: str) -> None:
        """A line was entered."""
        if line.strip():
            self.lines = [*(one for one in self.lines if one != line), line][-_KEPT:]
        self._at = None

    def older(self, typed: str) -> str:
        """The line before. `typed`: what stands there now, kept for the way back."""
        if not self.lines:
            return typed
        if self._at is None:
            self._at, self._typed = len(self.lines), typed
        self._at = max(self._at - 1, 0)
        return self.lines[self._at]

    def newer(self, typed: str) -> str:
        """The line after; behind the last one, what was typed."""
        if self._at is None:
            return typed
        self._at += 1
        if self._at >= len(self.lines):
            self._at = None
            return self._typed
        return self.lines[self._at]
