"""The palette: every action that has words, found by a few letters. Fed from the registry.

Must never run an action past the registry: it runs them as a key would.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from textual.command import CommandPalette, DiscoveryHit, Hit, Provider

from govconsole.actions.registry import SCOPES
from govconsole.shell import shell_of
from govconsole.widgets.paint import words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from textual.command import Hits
    from textual.screen import Screen
    from textual.style import Style

    from govconsole.screens.view import View

_LEFT_OUT: Final = frozenset({"palette", "command", "quit_now"})


class Actions(Provider):
    """The actions of the view in front, and those of everywhere."""

    def __init__(self, screen: Screen[Any], match_style: Style | None = None) -> None:
        super().__init__(screen, match_style)
        self._view = cast("View", screen)

    def _all(self) -> Iterator[tuple[str, str, str, Callable[[], None]]]:
        """Name, keys, words, and what runs it."""
        now, keymap = self._view.now(), shell_of(self.app).keymap
        for scope in (self._view.spec, SCOPES["app"]):
            for action in scope.actions:
                if action.id in _LEFT_OUT or (action.quiet and not action.command):
                    continue
                why = action.blocked(now)
                note = action.help + (f" Not now: {why}." if why else "")
                name = f"{action.label}  :{action.command}" if action.command else action.label
                yield name, keymap.label(scope.id, action.id), note, self._run(scope.id, action.id)

    def _run(self, scope: str, action: str) -> Callable[[], None]:
        name = f"app.act({action!r})" if scope == "app" else f"act({action!r})"
        view = self._view

        def run() -> None:
            view.call_later(view.run_action, name)

        return run

    async def discover(self) -> Hits:
        """All of them, before anything is typed."""
        for name, keys, note, run in self._all():
            yield DiscoveryHit(words(f"{name}   {keys}"), run, text=name, help=note)

    async def search(self, query: str) -> Hits:
        """Those that fit."""
        matcher = self.matcher(query)
        for name, keys, note, run in self._all():
            score = max(matcher.match(name), matcher.match(note) * 0.5)
            if score > 0:
                # A key may be a bracket: names go through the matcher, which reads markup; keys do not.
                yield Hit(score, matcher.highlight(name) + words(f"   {keys}"), run, text=name, help=note)


class Palette(CommandPalette):
    """Textual's palette, in colours that can be read, on a terminal of any size."""

    DEFAULT_CSS = """
    Palette { background: $background 60%; }
    Palette > Vertical { margin-top: 1; background: $surface; max-width: 100; }
    Palette #--input { border: none; border-bottom: solid $line; background: $surface; }
    Palette #--input.--list-visible { border-bottom: solid $line; }
    Palette SearchIcon { display: none; }
    Palette CommandInput, Palette CommandInput:focus {
        height: 1; border: none; padding: 0 1; background: $surface; color: $role-plain;
    }
    Palette CommandInput > .input--placeholder { color: $role-dim; }
    Palette CommandList { max-height: 80vh; border: none; background: $surface; scrollbar-size-vertical: 1; }
    Palette CommandList:focus { border: none; }
    Palette CommandList > .option-list--option { color: $role-plain; padding: 0 1; }
    Palette CommandList > .option-list--option-highlighted {
        color: $role-plain; background: $ground-cursor; text-style: bold;
    }
    Palette CommandList:nocolor > .option-list--option-highlighted { text-style: reverse; }
    Palette > .command-palette--help-text { color: $role-dim; text-style: not bold; }
    Palette > .command-palette--highlight { color: $role-accent; text-style: bold underline; }
    """

    def __init__(self) -> None:
        super().__init__(providers=[Actions], placeholder="What do you want to do?")
