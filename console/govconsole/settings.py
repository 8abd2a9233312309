"""The console's own settings, from `console.toml` in the operator's directory: look, keys, where pictures go.

Must never start with half a file: whatever is wrong in it is told with its line, and nothing of it is taken.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Final, Literal

from govconsole.actions.everywhere import THEMES
from govconsole.keymap import Keymap, KeyNameError, fights, key_name, unknown
from govd.contract.errors import InvalidRequestError
from govd.contract.text import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

NAME: Final = "console.toml"
_MAX_BYTES: Final = 16 * 1024
_MAX_KEYS: Final = 8
_OTHERS: Final = stat.S_IWGRP | stat.S_IWOTH

ThemeName = Literal["dark", "light", "high-contrast", "colour-blind"]


def _one_of(*words: str) -> Callable[[object], str | None]:
    def check(value: object) -> str | None:
        return None if value in words and isinstance(value, str) else f"it is one of {', '.join(words)}"

    return check


def _whole(least: int, most: int) -> Callable[[object], str | None]:
    def check(value: object) -> str | None:
        good = isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
        return None if good else f"it is a whole number from {least} to {most}"

    return check


def _path(value: object) -> str | None:
    good = isinstance(value, str) and "\0" not in value and value.startswith(("/", "~"))
    return None if good else "it is a path from / or ~ on"


def _yes_or_no(value: object) -> str | None:
    return None if isinstance(value, bool) else "it is true or false"


def _says(words: str, check: Callable[[object], str | None]) -> dict[str, Any]:
    return {"help": words, "check": check}


@dataclass(frozen=True)
class Settings:
    """What `console.toml` may say. `help` in a field's metadata says what it is for.

    No pydantic here: the console draws its first frame before it loads what is heavy.
    """

    theme: ThemeName = field(
        default="dark",
        metadata=_says("The colours. `:theme` changes them for as long as it runs.", _one_of(*THEMES)),
    )
    passphrase_minutes: int = field(
        default=30,
        metadata=_says("After so many minutes without a key press the vote key locks again.", _whole(1, 720)),
    )
    pictures: str | None = field(
        default=None,
        metadata=_says("Where `ctrl+s` saves. Unset: the user's folder for pictures.", _path),
    )
    mouse: bool = field(
        default=True,
        metadata=_says("Whether the mouse is listened to; false leaves it to the terminal.", _yes_or_no),
    )
    keys: dict[str, tuple[str, ...]] = field(
        default_factory=dict,
        metadata={"help": 'Keys by action, in place of its own: `queue.approve = ["A"]`.'},
    )

    @property
    def keymap(self) -> Keymap:
        """The keys, over those of the registry."""
        return Keymap(self.keys)


@dataclass(frozen=True)
class Problem:
    """Something wrong in the file. `line` counts from 1; 0: it is about the file as a whole."""

    line: int
    words: str


class SettingsError(InvalidRequestError):
    """The settings are not taken; `problems` are all that was found."""

    def __init__(self, path: Path, problems: list[Problem]) -> None:
        first = problems[0]
        place = f"{path}:{first.line}" if first.line else str(path)
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        super().__init__(f"{place}: {first.words}{more}", hint="see all of it with: govconsole config check")
        self.problems = problems


def settings_path(operator_dir: Path) -> Path:
    """Where the settings of an operator are, if he has made any."""
    return operator_dir / NAME


def load(path: Path) -> Settings:
    """The settings, or those that hold without a file.

    Raises:
        SettingsError: something in the file is wrong.
    """
    settings, problems = read(path)
    if problems:
        raise SettingsError(path, problems)
    return settings


def read(path: Path) -> tuple[Settings, list[Problem]]:
    """The settings, and everything that is wrong with them."""
    try:
        text = _text(path)
    except FileNotFoundError:
        return Settings(), []
    except OSError as error:
        return Settings(), [Problem(0, f"cannot be read: {type(error).__name__}")]
    except ValueError as error:
        return Settings(), [Problem(0, str(error))]
    return parse(text)


def _text(path: Path) -> str:
    # Not waiting: a pipe in its place would hold up the start until somebody writes into it.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
        _trust(path, os.fstat(file.fileno()))
        data = file.read(_MAX_BYTES + 1)
    if len(data) > _MAX_BYTES:
        raise ValueError(f"is longer than {_MAX_BYTES // 1024} KiB")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8") from None


def _trust(path: Path, found: os.stat_result) -> None:
    """See that nobody else wrote it, or can: he could swap the keys of approve and deny."""
    if not stat.S_ISREG(found.st_mode):
        raise ValueError("is no file")
    if found.st_mode & _OTHERS:
        raise ValueError(f"may be written by others; chmod 600 {path}")
    folders = {folder: folder.stat() for folder in (path.parent, path.resolve().parent)}
    for place, held in ((path, found), *folders.items()):
        if held.st_uid not in {0, os.geteuid()}:
            raise ValueError(f"is not taken: {place} belongs to another user (uid {held.st_uid})")
    for folder, held in folders.items():
        if held.st_mode & _OTHERS:
            raise ValueError(f"may be replaced by others; chmod 700 {folder}")


def parse(text: str) -> tuple[Settings, list[Problem]]:
    """The settings that a text says, and everything that is wrong with it."""
    import tomllib

    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return Settings(), [_syntax(str(error))]
    lines = _Lines(text)
    problems: list[Problem] = []
    keys = _keys(raw.pop("keys", {}), lines, problems)
    known = {one.name: one.metadata["check"] for one in fields(Settings) if "check" in one.metadata}
    for name, value in raw.items():
        if name not in known:
            problems.append(Problem(lines.of((name,)), f"there is no setting {visible(name)}"))
        elif (why := known[name](value)) is not None:
            problems.append(Problem(lines.of((name,)), f"{name}: {why}"))
    if problems:
        return Settings(keys=keys), sorted(problems, key=lambda one: one.line)
    settings = Settings(**raw, keys=keys)
    for fight in fights(settings.keymap):
        at = max(lines.of(("keys", *name.split("."))) for name in fight.names)
        problems.append(Problem(at, fight.words))
    return settings, sorted(set(problems), key=lambda one: one.line)


def _syntax(words: str) -> Problem:
    """The parser says the place behind its sentence."""
    sentence, _, place = words.partition(" (at line ")
    number = place.partition(",")[0]
    return Problem(int(number) if number.isdigit() else 0, visible(f"is no TOML: {sentence}"))


def _keys(raw: object, lines: _Lines, problems: list[Problem]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    if not isinstance(raw, dict):
        problems.append(Problem(lines.of(("keys",)), "keys is a table: [keys]"))
        return found
    for path, value in _flat(raw):
        name = ".".join(path)
        if (why := unknown(name)) is not None:
            problems.append(Problem(lines.of(("keys", *path)), why))
            continue
        try:
            found[name] = _key_names(value)
        except KeyNameError as error:
            problems.append(Problem(lines.of(("keys", *path)), visible(f"{name}: {error}")))
    return found


def _key_names(value: object) -> tuple[str, ...]:
    written = [value] if isinstance(value, str) else value
    if not isinstance(written, list) or not 1 <= len(written) <= _MAX_KEYS:
        raise KeyNameError(f"it takes a key, or a list of up to {_MAX_KEYS}")
    if not all(isinstance(one, str) for one in written):
        raise KeyNameError("a key is written as text")
    return tuple(dict.fromkeys(key_name(one) for one in written))


def _flat(table: dict[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    """Dotted names, whether they were written in one piece or as tables."""
    for name, value in table.items():
        path = (*above, *name.split("."))
        if isinstance(value, dict):
            yield from _flat(value, path)
        else:
            yield path, value


class _Lines:
    """On which line something was said: the first beginning of the file that says it ends there."""

    def __init__(self, text: str) -> None:
        self._text = text.splitlines(keepends=True)
        self._known: list[tuple[int, dict[str, Any]]] | None = None

    def of(self, path: tuple[str, ...]) -> int:
        """The line, or 0 when the file does not say it."""
        return next((number for number, said in self._beginnings() if _has(said, path)), 0)

    def _beginnings(self) -> list[tuple[int, dict[str, Any]]]:
        import tomllib

        if self._known is None:
            self._known = []
            start = 1
            for number in range(1, len(self._text) + 1):
                try:
                    said = tomllib.loads("".join(self._text[:number]))
                except tomllib.TOMLDecodeError:
                    continue  # in the middle of a value of several lines
                self._known.append((start, said))
                start = number + 1
        return self._known


def _has(said: object, path: tuple[str, ...]) -> bool:
    if not path:
        return True
    if not isinstance(said, dict):
        return False
    names = [(".".join(path[:taken]), path[taken:]) for taken in range(1, len(path) + 1)]
    return any(_has(said[name], rest) for name, rest in names if name in said)
