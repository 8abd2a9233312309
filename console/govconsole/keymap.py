"""Which keys an action has: those of the registry, or those of the operator's keymap over them.

Must never accept what it does not know: Textual takes unknown names silently, and lets two actions fight.
"""

from __future__ import annotations

import string
import unicodedata
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import combinations
from typing import TYPE_CHECKING, Final

from govconsole.actions.registry import ALL, SCOPES, find, named
from govd.contract.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from govconsole.actions.model import Action
    from govconsole.actions.registry import Scope

_RENAMED: Final = {
    "solidus": "slash",
    "reverse_solidus": "backslash",
    "commercial_at": "at",
    "hyphen_minus": "minus",
    "plus_sign": "plus",
    "low_line": "underscore",
}
_ALIASES: Final = {
    "esc": "escape",
    "return": "enter",
    "del": "delete",
    "ins": "insert",
    "pgup": "pageup",
    "pgdn": "pagedown",
}
_MOVES: Final = ("up", "down", "left", "right", "home", "end", "pageup", "pagedown")
_OTHERS: Final = ("insert", "delete", "backspace", "tab", "enter", "escape", "space")
_NAMED: Final = frozenset((*_MOVES, *_OTHERS, *(f"f{number}" for number in range(1, 13))))
_LETTERS: Final = frozenset(string.ascii_lowercase)
_SAME: Final = {"ctrl+i": "tab", "ctrl+m": "enter", "ctrl+h": "backspace", "ctrl+j": "enter"}
_SHOWN: Final = {"escape": "esc", "down": "↓", "up": "↑", "left": "←", "right": "→", "pageup": "pgup"} | {
    "pagedown": "pgdn"
}
_OPENERS: Final = ("queue.approve", "queue.deny", "queue.guide")


def _long_name(char: str) -> str:
    name = unicodedata.name(char, "").lower().replace("-", "_").replace(" ", "_")
    return char if char.isalnum() else _RENAMED.get(name, name)


_SIGNS: Final = {_long_name(char): char for char in string.punctuation}
_TYPED: Final = {char: name for name, char in _SIGNS.items()} | {" ": "space"}


class KeyNameError(ValueError):
    """No terminal sends such a key, or not so that it can be told from another."""


def key_name(written: str) -> str:
    """A key as Textual names it, from how a person writes it (`?`, `esc`, `ctrl+S`).

    Raises:
        KeyNameError: there is no such key.
    """
    if len(written) == 1 and (written.isalnum() or written in _TYPED):
        return _TYPED.get(written, written)
    *modifiers, key = written.lower().split("+") if not written.endswith("+") else [written]
    key = _ALIASES.get(key, key)
    known = key in _NAMED or key in _SIGNS or key in _LETTERS or (len(key) == 1 and key.isdigit())
    if not known or set(modifiers) - {"ctrl", "alt", "shift"} or len(set(modifiers)) < len(modifiers):
        raise KeyNameError(f"there is no key {written!r}")
    if "shift" in modifiers and (key in _LETTERS or key in _SIGNS):
        raise KeyNameError(f"write {written!r} as the character that it types")
    found = "+".join([*(one for one in ("alt", "ctrl", "shift") if one in modifiers), key])
    if found in _SAME:
        raise KeyNameError(f"a terminal does not tell {found} from {_SAME[found]}")
    return found


def key_label(key: str) -> str:
    """A key as it is printed on a keyboard."""
    *modifiers, last = key.split("+")
    return "+".join([*modifiers, _SHOWN.get(last) or _SIGNS.get(last, last)])


@dataclass(frozen=True)
class Keymap:
    """The operator's keys by full action name (`queue.approve`)."""

    changed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def keys(self, scope: str, action: str) -> tuple[str, ...]:
        """The keys of an action."""
        return self.changed.get(f"{scope}.{action}") or find(scope, action).keys

    def label(self, scope: str, action: str) -> str:
        """All keys of an action as they are printed on a keyboard."""
        return " ".join(key_label(key) for key in self.keys(scope, action))

    def first(self, scope: str, action: str) -> str:
        """The first key of an action as it is printed on a keyboard."""
        return key_label(self.keys(scope, action)[0])

    def textual(self) -> dict[str, str]:
        """What Textual takes: only what differs from the registry."""
        return {name: ",".join(keys) for name, keys in self.changed.items()}


@dataclass(frozen=True)
class Fight:
    """Something wrong with a keymap, and the names of the actions that it is about."""

    words: str
    names: tuple[str, ...]


def unknown(name: str) -> str | None:
    """What is wrong with the name of an action, or None."""
    names = [one for one, _ in named()]
    if name in names:
        return None
    near = get_close_matches(name, names, 1)
    hint = f": is it {near[0]}?" if near else ": `govconsole config show` lists them"
    return f"there is no action {visible(name)}{hint}"


def fights(keymap: Keymap) -> Iterator[Fight]:
    """Keys that would mean two things at once, and keys that would make a dialog unsafe."""
    for scope in ALL:
        together = [(scope, action) for action in scope.actions]
        if scope.id != "app":
            app = SCOPES["app"]
            together += [(app, one) for one in app.actions if one.first or not (scope.modal or scope.pane)]
        for one, other in combinations(together, 2):
            yield from _both(keymap, one, other)
    for opener in _OPENERS:
        yield from _unsafe(keymap, opener, "vote.confirm", "open a vote and sign it")
    yield from _unsafe(keymap, "enroll.next", "vote.confirm", "ask for an enrollment's signature and sign it")
    yield from _unsafe(keymap, "voices.delete", "vote.confirm", "ask to forget a voice and sign it")
    yield from _unsafe(keymap, "voices.enroll", "enroll.accept", "open an enrollment and accept its consent")
    for scope in ALL:
        if scope.typing:
            yield from _typed(keymap, scope)


def _unsafe(keymap: Keymap, opener: str, confirms: str, what: str) -> Iterator[Fight]:
    """Keys by which leaning on what opens a dialog would confirm it."""
    for key in keymap.keys(*confirms.split(".")):
        if key in keymap.keys(*opener.split(".")):
            words = f"{key_label(key)} would {what}: {confirms} needs another key"
            yield Fight(f"{words} than {opener}", (confirms, opener))


def _typed(keymap: Keymap, scope: Scope) -> Iterator[Fight]:
    for action in scope.actions:
        for key in keymap.keys(scope.id, action.id):
            if key == "space" or ("+" not in key and (len(key) == 1 or key in _SIGNS)):
                name = f"{scope.id}.{action.id}"
                yield Fight(f"{name}: {key_label(key)} is typed as text there", (name,))


def _both(keymap: Keymap, one: tuple[Scope, Action], other: tuple[Scope, Action]) -> Iterator[Fight]:
    names = tuple(f"{scope.id}.{action.id}" for scope, action in (one, other))
    if names[0] == names[1]:
        return
    for key in keymap.keys(*names[0].split(".")):
        if key in keymap.keys(*names[1].split(".")):
            yield Fight(f"{key_label(key)} is the key of both {names[0]} and {names[1]}", names)
