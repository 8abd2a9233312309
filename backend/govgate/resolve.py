"""From a command line to exactly what would run: the one resolution that declarer and executor share.

The executor's must come out as the declarer's did, or the hash differs and nothing runs (threats T7).
Must never run anything, nor look for a program anywhere but on a fixed path.
"""

from __future__ import annotations

import hashlib
import os
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from govd.contract.actions import GitPush, PinnedFile, ProcessExec
from govd.contract.errors import UsageError
from govd.contract.text import visible
from govgate.programs import (
    ASSIGNMENT,
    CARRIERS,
    FIXED_PATH,
    GIT_PLAIN_OPTIONS,
    GIT_VALUED_OPTIONS,
    INTERPRETERS,
    PLAIN_SHELL,
    SHELLS,
    Carrier,
    family,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from govgate.pins import Pin, Pins

_MAX_DEPTH: Final = 8
_SHEBANG_BYTES: Final = 255
_SHOWN: Final = 200
_PUSH_HINT: Final = "govgate exec -- git push REMOTE REF"


@dataclass
class Resolved:
    """What would run.

    Attributes:
        action: As it is declared and hashed.
        executable: The path that is executed; a sealed copy's where others could change the file.
        argv: The arguments, with pinned scripts by their copies.
        cwd: A path that goes on meaning the pinned folder.
        push: Whether it is a git push, which the executor does from a repository of its own.
    """

    action: ProcessExec
    executable: str
    argv: list[str]
    cwd: str
    push: bool = False


def env_hashes(env: Mapping[str, str]) -> dict[str, str]:
    """The SHA-256 of each value."""
    return {name: hashlib.sha256(os.fsencode(value)).hexdigest() for name, value in sorted(env.items())}


def resolve(
    argv: Sequence[str], cwd: str, env: Mapping[str, str], pins: Pins, git: GitPush | None = None
) -> Resolved:
    """Find and pin what the command runs.

    Args:
        argv: The command line.
        cwd: The folder to run it in.
        env: The variables that are passed on, with their values.
        pins: Holds what is pinned; its owner closes it.
        git: For a git push, the objects as the agent's side resolved them.

    Raises:
        UsageError: there is no such command, or it cannot be pinned.
    """
    if not argv or not argv[0]:
        raise UsageError("there is no command to run", hint="govgate exec -- COMMAND ARGUMENT…")
    _check_text(argv, env)
    real_cwd, cwd_path = pins.folder(cwd)
    finder = _Finder(real_cwd, pins)
    executable, words = finder.command(list(argv), 0)
    if finder.push != (git is not None):
        raise UsageError("a git push is declared with its objects, and nothing else is")
    if git is not None and env:
        raise UsageError("a git push takes no variables: it runs in the executor's own environment")
    try:
        action = ProcessExec(
            argv=list(argv),
            cwd=real_cwd,
            env=env_hashes(env),
            binary=finder.pinned[0].file(),
            scripts=_scripts(finder),
            git=git,
        )
    except ValidationError as error:
        place = "/".join(str(part) for part in error.errors()[0]["loc"])
        raise UsageError(f"the command cannot be declared: {place}: {error.errors()[0]['msg']}") from None
    return Resolved(action, executable, words, cwd_path, finder.push)


def is_push(argv: Sequence[str]) -> bool:
    """Whether it reads as a git push. Only says whose turn it is to look closer: `resolve` decides."""
    names = [word for word in argv[1:] if word not in GIT_PLAIN_OPTIONS]
    return bool(argv) and os.path.basename(argv[0]) == "git" and names[:1] == ["push"]  # noqa: PTH119 - as above


def _check_text(argv: Sequence[str], env: Mapping[str, str]) -> None:
    """What no program could be started with, or no JSON could carry."""
    try:
        for word in argv:
            word.encode()
        for value in env.values():
            os.fsencode(value)
    except UnicodeEncodeError:
        raise UsageError("an argument or a variable is no UTF-8 text") from None
    if any("\0" in word for word in (*argv, *env, *env.values())):
        raise UsageError("an argument or a variable holds NUL")


def _scripts(finder: _Finder) -> list[PinnedFile]:
    found = {pin.path: pin.file() for pin in finder.pinned[1:]}
    found.pop(finder.pinned[0].path, None)
    return list(found.values())


def which(name: str, path: str = FIXED_PATH) -> str | None:
    """The program of that name on the path, without a word on where its links lead."""
    for folder in path.split(":"):
        candidate = f"{folder}/{name}"
        # Not os.access: what the executor's rights are is seen when it opens the file.
        if folder.startswith("/") and os.path.isfile(candidate) and os.stat(candidate).st_mode & 0o111:  # noqa: PTH113, PTH116 - raw strings: a path may hold bytes that are no text
            return candidate
    return None


@dataclass
class _Finder:
    """Walks through wrappers, interpreters and `#!` lines, pinning each file on the way."""

    cwd: str
    pins: Pins
    pinned: list[Pin] = field(default_factory=list)
    push: bool = False

    def command(self, argv: list[str | Pin], depth: int, *, passes: bool = True) -> tuple[str, list[str]]:
        """The executable and the arguments of a command, with what was pinned in its place."""
        if depth > _MAX_DEPTH:
            raise UsageError("commands inside commands, more than eight deep")
        first = argv[0]
        pin = self._program(first) if isinstance(first, str) else first
        self._pin(pin)
        interpreter = _shebang(pin)
        if interpreter:
            return self.command([*interpreter, pin, *argv[1:]], depth + 1, passes=passes)
        name = _known(first, pin)
        self._git(name, argv, depth)
        rest = self._rest(name, argv, depth, passes=passes)
        called = first if isinstance(first, str) else pin.run_as
        return pin.run_as, [called, *(_text(word, passes=passes) for word in rest)]

    def _rest(self, name: str, argv: list[str | Pin], depth: int, *, passes: bool) -> list[str | Pin]:
        carrier = CARRIERS.get(name)
        if carrier is not None:
            return self._carried(carrier, argv, depth, passes=passes)
        if family(name) in INTERPRETERS:
            return self._script_of(family(name), argv, depth)
        return argv[1:]

    def _program(self, word: str) -> Pin:
        if "/" in word:
            return self.pins.file(os.path.join(self.cwd, word))  # noqa: PTH118 - as above
        found = which(word)
        if found is None:
            raise UsageError(
                f"{visible(word, _SHOWN)} is not among the system's programs", hint="name it by its path"
            )
        return self.pins.file(found)

    def _pin(self, pin: Pin) -> None:
        if pin not in self.pinned:
            self.pinned.append(pin)

    def _carried(
        self, carrier: Carrier, argv: list[str | Pin], depth: int, *, passes: bool
    ) -> list[str | Pin]:
        """The words behind a wrapper, with the command that it carries pinned."""
        words = argv[1:]
        at = 0
        while at < len(words):
            word = words[at]
            if not isinstance(word, str):
                break
            if word.startswith("-S") and carrier is CARRIERS["env"]:
                _take_apart(words, at)
                continue
            if word == "--":
                at += 1
                break
            if word.startswith("-") and word != "-":
                at += 2 if word in carrier.valued else 1
            elif carrier.assignments and ASSIGNMENT.match(word):
                at += 1
            else:
                break
        at += carrier.operands
        if at >= len(words):
            return words
        executable, inner = self.command(words[at:], depth + 1, passes=passes and carrier.passes)
        return [*words[:at], executable if carrier.passes else inner[0], *inner[1:]]

    def _script_of(self, name: str, argv: list[str | Pin], depth: int) -> list[str | Pin]:
        """The words behind an interpreter, with its script pinned."""
        interpreter = INTERPRETERS[name]
        words = argv[1:]
        at = 0
        while at < len(words):
            word = words[at]
            if not isinstance(word, str):
                return words
            if interpreter.inline.fullmatch(word):
                return self._shell_text(words, at + 1, depth) if name in SHELLS else words
            if word == "--" or not word.startswith(("-", "+")):
                break
            at += 2 if word in interpreter.valued else 1
        at += at < len(words) and words[at] == "--"
        if at < len(words) and isinstance(script := words[at], str):
            path = os.path.join(self.cwd, script)  # noqa: PTH118 - as above
            if os.path.isfile(path):  # noqa: PTH113 - as above
                words[at] = pin = self.pins.file(path)
                self._pin(pin)
        return words

    def _shell_text(self, words: list[str | Pin], at: int, depth: int) -> list[str | Pin]:
        """`sh -c TEXT`: plain words are resolved like a command; of other text, files are pinned."""
        if at >= len(words) or not isinstance(text := words[at], str):
            return words
        if PLAIN_SHELL.fullmatch(text) and text.split() and not ASSIGNMENT.match(text.split()[0]):
            inner = text.split()
            if which(inner[0]) or "/" in inner[0]:
                executable, rest = self.command(list(inner), depth + 1)
                words[at] = shlex.join([executable, *rest[1:]])
            return words
        for word in _split(text):
            path = os.path.join(self.cwd, word.strip(";&|()<>"))  # noqa: PTH118 - as above
            if os.path.isfile(path):  # noqa: PTH113 - as above
                self._pin(self.pins.file(path))
            if word.strip(";&|()<>") == "push" and "git" in text:
                raise UsageError(
                    "a git push inside a shell line cannot be pinned",
                    hint=_PUSH_HINT,
                )
        return words

    def _git(self, name: str, argv: list[str | Pin], depth: int) -> None:
        """Whether it is a git push, and in a form that can be pinned."""
        if name in {"git-push", "git-send-pack", "git-http-push"}:
            raise UsageError(f"{name} cannot be pinned", hint=_PUSH_HINT)
        if name != "git":
            return
        at, plain = 1, True
        while at < len(argv) and isinstance(word := argv[at], str) and word.startswith("-"):
            plain = plain and word in GIT_PLAIN_OPTIONS
            at += 2 if word in GIT_VALUED_OPTIONS else 1
        if at >= len(argv) or argv[at] not in {"push", "send-pack", "http-push"}:
            return
        if depth or not plain or argv[at] != "push" or self.pinned[0].path != _system_git():
            raise UsageError(
                "only a plain git push can be pinned: no wrapper, no option in front of it, the system's git",
                hint=_PUSH_HINT,
            )
        self.push = True


def _known(called: str | Pin, pin: Pin) -> str:
    """The name under which the tables know the program: what it is called by, else what it really is."""
    names = [os.path.basename(pin.path)]  # noqa: PTH119 - as above
    if isinstance(called, str):
        names.insert(0, os.path.basename(called))  # noqa: PTH119 - as above
    for name in names:
        if name in CARRIERS or family(name) in INTERPRETERS or name.startswith("git"):
            return name
    return names[0]


def _system_git() -> str | None:
    found = which("git")
    return os.path.realpath(found) if found is not None else None


def _text(word: str | Pin, *, passes: bool) -> str:
    if isinstance(word, str):
        return word
    return word.run_as if passes else word.path


def _take_apart(words: list[str | Pin], at: int) -> None:
    """`env -S 'python3 -u'` and `env '-Spython3 -u'`: one word that env takes apart, in place."""
    word = words.pop(at)
    text = word[2:] if isinstance(word, str) else ""
    if not text and at < len(words) and isinstance(following := words[at], str):
        text = following
        words.pop(at)
    words[at:at] = _split(text)


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def _shebang(pin: Pin) -> list[str]:
    """The interpreter of a script and its one optional argument, as the kernel reads them."""
    if not pin.head.startswith(b"#!"):
        return []
    line = pin.head[2:_SHEBANG_BYTES].split(b"\n", 1)[0].strip(b" \t\r\0")
    parts = line.split(None, 1)
    if not parts:
        return []
    # The kernel looks for no program by its name: without a slash it is a file of the working folder.
    program = os.fsdecode(parts[0])
    return [program if "/" in program else f"./{program}", *(os.fsdecode(part) for part in parts[1:])]
