"""The pages of docs/reference/ about the console: its keys, its actions, its settings, and its filters.

All of it comes from the registry, the settings and the parser themselves; what has no words there is a gap.
"""

from __future__ import annotations

import dataclasses
import typing
from typing import TYPE_CHECKING, Any

from govconsole.actions.registry import ALL
from govconsole.keymap import Keymap
from govconsole.settings import Settings
from govd.contract.filters import FIELDS
from govd.contract.limits import MAX_FILTER, MAX_FILTER_TERMS, MAX_FILTER_VALUES
from tests.tools.meanings import INTRODUCTIONS
from tests.tools.pages import WRITTEN, GapError, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from govconsole.actions.model import Action
    from govconsole.actions.registry import Scope

_SIGNS = {
    "glob": "`:`",
    "choice": "`:`",
    "id": "`:`",
    "number": "`:` `<` `<=` `>` `>=`",
    "span": "`<` `<=` `>` `>=`",
    "text": "`:`",
}
_VALUES = {
    "glob": "names with `*` and `?`, alternatives after a comma",
    "id": "hexadecimal digits and `-`, alternatives after a comma",
    "number": "a whole number",
    "span": "`90s`, `10m`, `1h30m`, `2d`",
    "text": 'a word, or several in `"…"`; case does not matter',
}


def _where(scope: Scope) -> str:
    if scope.number:
        return f"A screen: `{scope.number}` opens it, and so does `:{scope.id}`.\n\n"
    if scope.id == "app":
        return "On every screen.\n\n"
    if scope.modal:
        return "While it is in front, nothing below it sees a key.\n\n"
    return "While it is focused, over the keys of the screen.\n\n"


def each(scopes: Iterable[Scope] = ALL) -> Iterator[tuple[Scope, Action]]:
    """Every action with its scope.

    Raises:
        GapError: one lacks its help, a way to it, or a word on how it is done without a screen.
    """
    for scope in scopes:
        for action in scope.actions:
            name = f"{scope.id}.{action.id}"
            if not action.help:
                raise GapError(f"the action {name} has no help")
            if not (action.keys or action.command):
                raise GapError(f"the action {name} has neither a key nor a command")
            if not (action.twin.command or action.twin.why_none):
                raise GapError(f"the action {name} has no headless twin, and no word on why")
            yield scope, action


def keys() -> str:
    """docs/reference/keys.md."""
    keymap, listed = Keymap(), list(each())
    parts = ["# Keys\n\n", WRITTEN, INTRODUCTIONS["keys"]]
    for scope in ALL:
        rows = [
            (" ".join(f"`{key}`" for key in keymap.label(scope.id, one.id).split(" ")), one.help)
            for owner, one in listed
            if owner is scope and one.keys
        ]
        parts += [f"\n## {scope.title}\n\n", _where(scope), table(("key", "what it does"), rows)]
    return "".join(parts)


def actions() -> str:
    """docs/reference/actions.md."""
    rows = [
        (
            f"`{scope.id}.{one.id}`",
            " ".join(f"`{key}`" for key in one.keys),
            _command(one),
            "yes" if one.danger else "",
            f"`{one.twin.command}`" if one.twin.command else f"none: {one.twin.why_none}",
        )
        for scope, one in each()
    ]
    head = ("name", "keys, as the keymap writes them", "command", "decides", "without a screen")
    return "# Actions\n\n" + WRITTEN + INTRODUCTIONS["actions"] + table(head, rows)


def _command(action: Action) -> str:
    if not action.command:
        return ""
    names = " ".join(f"`:{name}`" for name in (action.command, *action.aliases))
    if not action.argument:
        return names
    choices = f" ({', '.join(action.choices)})" if action.choices else ""
    return f"{names} `{action.argument}`{choices}"


def settings(cls: type[Any] = Settings) -> str:
    """docs/reference/console-settings.md.

    Raises:
        GapError: a setting has no help.
    """
    kinds = typing.get_type_hints(cls)
    rows = []
    for field in dataclasses.fields(cls):
        words = field.metadata.get("help", "")
        if not words:
            raise GapError(f"the setting {field.name} of the console has no help")
        made = field.default_factory
        default: Any = field.default if made is dataclasses.MISSING else made()
        shown = "unset" if default is None else "none" if default == {} else f"`{_toml(default)}`"
        rows.append((f"`{field.name}`", _kind(kinds[field.name]), shown, words))
    head = ("name", "type", "default", "meaning")
    return "# Settings of the console\n\n" + WRITTEN + INTRODUCTIONS["console_settings"] + table(head, rows)


def _toml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _kind(kind: Any) -> str:
    if typing.get_origin(kind) is typing.Literal:
        return ", ".join(f"`{item}`" for item in typing.get_args(kind))
    if typing.get_origin(kind) is dict:
        return "a table"
    parts = [item for item in typing.get_args(kind) or (kind,) if item is not type(None)]
    return " or ".join({str: "text", int: "a whole number", bool: "`true` or `false`"}[one] for one in parts)


def filters() -> str:
    """docs/reference/filters.md."""
    rows = [
        (
            f"`{field.name}`",
            field.meaning,
            _SIGNS[field.sort],
            ", ".join(f"`{one}`" for one in field.values) or _VALUES[field.sort],
            f"`{field.example}`",
        )
        for field in FIELDS.values()
    ]
    limits = (
        f"\nAt most {MAX_FILTER} characters, {MAX_FILTER_TERMS} terms, and {MAX_FILTER_VALUES} alternatives"
        " in a term. What is no filter is refused with the column where it went wrong.\n"
    )
    head = ("field", "what it asks for", "signs", "values", "example")
    return "# Filters\n\n" + WRITTEN + INTRODUCTIONS["filters"] + table(head, rows) + limits
