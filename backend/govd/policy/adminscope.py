"""What is an admin request, as capabilities of the seed's list: read from the action, never from its words.

Pure. Must never take a capability off an intent because of what the agent says of it: a claim only adds.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Final

from govd.contract.actions import Admin, FileWrite, ProcessExec, SecretRead, ToolCall
from govd.policy import adminpaths
from govd.policy.adminprograms import (
    ARGUMENT_KEYS,
    BY_PROGRAM,
    COMMAND_KEYS,
    GIT_READING,
    GIT_WRITING_OPTIONS,
    NAMED_BY_ADDRESS,
    PATH_KEYS,
    READERS,
    RUNNERS,
    SHELL_TOOLS,
)
from govd.policy.blocks import CAPABILITIES
from govd.policy.commands import Commands, unwrap_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from govd.policy.blocks import Capability
    from govd.policy.model import CompiledVoice
    from govd.policy.subject import Subject

    Found = Iterator[tuple[Capability, str]]

SETTLED_BY_PEOPLE: Final = "voice."
"""Operations under this name are made by the service itself and always wait for an operator: enrolling the
first voice cannot need a voice."""

_READ: Final = 16 * 1024
"""Characters of commands among a tool's arguments that are read; more are an admin request unread."""

_NO_LETTERS: Final = re.compile(r"[^a-z]")
_PARTS: Final = re.compile(r"[^A-Za-z]+|(?<=[a-z])(?=[A-Z])")
_WORDS: Final = re.compile(r"[\s;&|()<>\"'`$={}]+")


def admin_scope(subject: Subject, block: CompiledVoice) -> dict[Capability, str]:
    """The capabilities that an intent needs the owner's voice for, each with what shows it; empty: none."""
    found: dict[Capability, str] = {}
    for capability, why in _shown(subject, block):
        if capability in block.scope:
            found.setdefault(capability, why)
    return {name: found[name] for name in CAPABILITIES if name in found}


def _shown(subject: Subject, block: CompiledVoice) -> Found:
    intent, action = subject.intent, subject.intent.action
    if isinstance(action, Admin) and action.operation.startswith(SETTLED_BY_PEOPLE):
        return
    claimed = [name for name in CAPABILITIES if name in intent.declared_capabilities]
    yield from ((name, "the agent declares it") for name in claimed)
    match action:
        case SecretRead():
            yield "credentials", f"the secret {action.name}"
        case Admin():
            yield "configuration", action.operation
        case FileWrite():
            yield from adminpaths.written(action.path, block)
        case ToolCall():
            yield from _listed_by_policy(subject.names, block)
            yield from _of_program(action.tool.removeprefix("exec.") if action.tool[:5] == "exec." else "")
            yield from _of_tool(action, block, reads=subject.effect == "read")
        case ProcessExec():
            read = Commands(subject.names, subject.wrappers, subject.opaque, subject.lines, subject.cut_short)
            yield from _of_commands(read, action.cwd, block)


def _listed_by_policy(names: Sequence[str], block: CompiledVoice) -> Found:
    for capability, listed in block.tools.items():
        yield from ((capability, tool) for tool in names if tool in listed)


# -- commands ----------------------------------------------------------------------------------------


def _of_commands(read: Commands, cwd: str, block: CompiledVoice) -> Found:
    """What commands amount to: by the names of their programs, and by what each does."""
    names = (*read.names, *read.wrappers)
    yield from _listed_by_policy(names, block)
    for name in names:
        yield from _of_program(name.removeprefix("exec."))
    if "exec.env" in read.names:
        # By that name only where nothing follows it; otherwise it is a wrapper.
        yield "credentials", "exec.env"
    if read.cut_short:
        yield "privileged", "more commands than can be read"
    for line in read.lines:
        yield from _of_line(line, cwd, block)


def _of_program(name: str) -> Found:
    for row in BY_PROGRAM.get(name, ()):
        if not row.words:
            yield row.capability, f"{name} {row.why}"


def _of_line(line: Sequence[str], cwd: str, block: CompiledVoice) -> Found:
    """What one command is, what it reads of secrets, and what it changes."""
    program, arguments = posixpath.basename(line[0]), line[1:]
    yield from _of_words(program, arguments)
    for word in line:
        for path in adminpaths.places(word, cwd):
            yield from adminpaths.read(path)
    if not _only_looks(program, arguments):
        yield from _of_changes(program, arguments, cwd, block)


def _of_words(program: str, arguments: Sequence[str]) -> Found:
    """What a program is told to do, and what it is told to run."""
    for row in BY_PROGRAM.get(program, ()):
        if row.words and any(_is_one_of(word, row.words) for word in arguments):
            yield row.capability, f"{program} {row.why}"
    if program in RUNNERS and not _only_looks(program, arguments):
        for word in arguments:
            for name in _WORDS.split(word):
                yield from _of_program(posixpath.basename(name))


def _of_changes(program: str, arguments: Sequence[str], cwd: str, block: CompiledVoice) -> Found:
    """What a program that may write is given counts as written, and so does the folder where it runs."""
    yield from adminpaths.written(posixpath.join(cwd, "-"), block)
    named = program in NAMED_BY_ADDRESS and _keeps_its_name(program, arguments)
    for word in arguments:
        for path in adminpaths.places(word, cwd):
            yield from adminpaths.written(path, block)
        if named and (name := adminpaths.addressed(word)):
            yield from adminpaths.written(posixpath.join(cwd, name), block)


def _is_one_of(word: str, listed: Sequence[str]) -> bool:
    return any(word == one or (one.startswith("-") and word.startswith(one)) for one in listed)


def _only_looks(program: str, arguments: Sequence[str]) -> bool:
    if program == "git":
        looks = bool(arguments) and arguments[0] in GIT_READING
        return looks and not any(word.startswith(GIT_WRITING_OPTIONS) for word in arguments)
    changing = READERS.get(program)
    if changing is None:
        return False
    clustered = tuple(option[1] for option in changing if len(option) == 2)  # noqa: PLR2004 - a dash, a letter
    return not any(
        word.startswith(changing)
        or (word.startswith("-") and not word.startswith("--") and any(one in word for one in clustered))
        for word in arguments
        if changing
    )


def _keeps_its_name(program: str, arguments: Sequence[str]) -> bool:
    """Whether it writes what it fetches under the name that the address ends in."""
    return program != "curl" or any(
        word.startswith(("--remote-", "--output-dir"))
        or (word.startswith("-") and not word.startswith("--") and ("O" in word or "J" in word))
        for word in arguments
    )


# -- tools -------------------------------------------------------------------------------------------


def _of_tool(call: ToolCall, block: CompiledVoice, *, reads: bool) -> Found:
    """The files and the commands among a tool's arguments."""
    runs = not SHELL_TOOLS.isdisjoint(part.casefold() for part in _PARTS.split(call.tool))
    left = _READ
    for keys, text in _texts(call.arguments):
        if text.startswith(("/", "~/")) or len(text.split()) == 1:
            path = adminpaths.within(text.removeprefix("file://"), "")
            plain_word = adminpaths.folder_name(text) and PATH_KEYS.isdisjoint(keys)
            if not plain_word:
                yield from adminpaths.read(path) if reads else adminpaths.written(path, block)
        if runs or not COMMAND_KEYS.isdisjoint(keys):
            left -= len(text)
            if left < 0:
                yield "privileged", "more commands than can be read"
                return
            yield from _of_commands(unwrap_text(text), "", block)


def _texts(arguments: object) -> Iterator[tuple[frozenset[str], str]]:
    """Every text among a tool's arguments, with the names that it stands under; a list of words is one, too.

    A request has a largest size and a largest depth: so has this.
    """
    waiting: list[tuple[frozenset[str], object]] = [(frozenset(), arguments)]
    while waiting:
        keys, value = waiting.pop()
        if isinstance(value, str):
            yield keys, value
        elif isinstance(value, dict):
            named = [(_NO_LETTERS.sub("", str(key).casefold()), item) for key, item in value.items()]
            waiting.extend((keys | {key}, item) for key, item in named)
            # A program in one argument and its words in another are one command.
            words = [word for key, item in named if key in COMMAND_KEYS for word in _plain(item)]
            more = [word for key, item in named if key in ARGUMENT_KEYS for word in _plain(item)]
            if words and more:
                yield frozenset(COMMAND_KEYS), " ".join(words + more)
        elif isinstance(value, list):
            waiting.extend((keys, item) for item in value)
            words = _plain(value)
            if len(words) > 1:
                yield keys, " ".join(words)


def _plain(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
