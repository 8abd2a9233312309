"""What a command really runs: wrappers taken off, each inner command as the name of a tool.

Must never call a command line plain when it could run something else: what cannot be read for certain
is reported as opaque, and an opaque command is held whatever the allow list says (threats T7).
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from govd.contract.limits import MAX_NAME
from govd.policy.programs import (
    CARRIERS,
    ENV_HARMLESS,
    ENV_STEERING,
    GIT_COMMANDS,
    GIT_PLAIN_OPTIONS,
    GIT_RUNNING_OPTIONS,
    INTERPRETERS,
    SHELLS,
    TRUSTED_FOLDERS,
    WRAPPERS,
    Wrapper,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from govd.contract.actions import ProcessExec

_MAX_NESTING: Final = 8
_MAX_NAMES: Final = 64
_NAMEABLE: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]*", re.ASCII)
_PLAIN_SHELL: Final = re.compile(r"[A-Za-z0-9_./:@%+, =-]*", re.ASCII)
_ASSIGNMENT: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=", re.ASCII)
_SUBSTITUTED: Final = re.compile(r"\$\(|`|\)")
_OPERATORS: Final = frozenset({";", "&", "|", "&&", "||", ";;", "(", ")", "|&", "<(", ">(", "\n"})
_GIT_COMMAND: Final = re.compile(r"[a-z][a-z0-9-]*", re.ASCII)


@dataclass(frozen=True)
class Commands:
    """What a command line amounts to.

    Attributes:
        names: The tools; each must be allowed.
        wrappers: What only carries them (`env`, `sh -c`, `sudo`): deny and hold rules speak of it too.
        opaque: Why the line cannot be read for certain, where it cannot.
        lines: The arguments of each command that was made out, wrappers taken off.
        cut_short: Whether there were more commands, or deeper ones, than are read.
    """

    names: tuple[str, ...]
    wrappers: tuple[str, ...] = ()
    opaque: tuple[str, ...] = ()
    lines: tuple[tuple[str, ...], ...] = ()
    cut_short: bool = False


@dataclass
class _Found:
    names: dict[str, None] = field(default_factory=dict)
    wrappers: dict[str, None] = field(default_factory=dict)
    opaque: dict[str, None] = field(default_factory=dict)
    lines: list[tuple[str, ...]] = field(default_factory=list)
    cut_short: bool = False

    def name(self, name: str) -> None:
        if len(self.names) < _MAX_NAMES:
            self.names[name] = None
        else:
            self.opaque["it runs more commands than anyone could review"] = None
            self.cut_short = True

    def line(self, argv: Sequence[str]) -> None:
        if len(self.lines) < _MAX_NAMES:
            self.lines.append(tuple(argv))
        else:
            self.cut_short = True

    def unsure(self, why: str) -> None:
        self.opaque[why] = None


def unwrap(action: ProcessExec) -> Commands:
    """The tool names of a command: `exec.NAME` for each program, `exec.git.SUBCOMMAND` for git."""
    found = _Found()
    _outer(action, found)
    _command(action.argv, found, 0)
    pushes = "exec.git.push" in found.names
    if action.git is not None:
        found.name("exec.git.push")
        if not pushes:
            found.unsure("it carries a push that its arguments do not show")
        if "::" in action.git.url.partition("/")[0] or action.git.url.startswith("-"):
            found.unsure("the push goes through a remote helper, which is a program")
    elif pushes:
        found.unsure("the objects of the push are not pinned")
    return _commands(found)


def unwrap_text(text: str) -> Commands:
    """The same for a text that a shell would be given: what can be made out of it, which only tightens."""
    found = _Found()
    _script(text, found, 0)
    return _commands(found)


def _commands(found: _Found) -> Commands:
    return Commands(
        tuple(found.names), tuple(found.wrappers), tuple(found.opaque), tuple(found.lines), found.cut_short
    )


def _outer(action: ProcessExec, found: _Found) -> None:
    """What the pinned files and the environment say, beside the arguments."""
    binary = PurePosixPath(action.binary.path)
    called = PurePosixPath(action.argv[0]).name
    if str(binary.parent) not in TRUSTED_FOLDERS or ".." in binary.parts:
        found.unsure("the program lies outside the system's own folders")
    if {binary.name, called} <= SHELLS:
        found.wrappers[f"exec.{binary.name}"] = None
    elif binary.name != called and _family(binary.name) != _family(called):
        # argv[0] is whatever its sender likes: what runs is the binary.
        _name_of(binary.name, found)
    for script in action.scripts:
        path = PurePosixPath(script.path)
        if str(path.parent) not in TRUSTED_FOLDERS or ".." in path.parts:
            found.unsure("it runs a script from outside the system's own folders")
            break
    if any(_steers(name) for name in action.env):
        found.unsure("it is given an environment variable that changes what a program runs")


def _steers(name: str) -> bool:
    return name.startswith(ENV_STEERING) and not name.startswith(ENV_HARMLESS)


def _family(base: str) -> str:
    """A program without its version: python3.11 is python."""
    return base.rstrip("0123456789.")


def _name_of(base: str, found: _Found) -> None:
    if len(base) <= MAX_NAME - 32 and _NAMEABLE.fullmatch(base):
        found.name(f"exec.{base}")
    else:
        found.unsure("the program has no plain name")


def _command(argv: Sequence[str], found: _Found, depth: int) -> None:
    if depth > _MAX_NESTING:
        found.unsure("commands inside commands, more than eight deep")
        found.cut_short = True
        return
    if not argv or not argv[0]:
        found.unsure("an empty command")
        return
    path = PurePosixPath(argv[0])
    base = path.name
    if "/" in argv[0] and depth and str(path.parent) not in TRUSTED_FOLDERS:
        found.unsure("the program lies outside the system's own folders")
    if base not in WRAPPERS:
        found.line(argv)
    if base == "git":
        _git(argv, found)
        return
    if base in SHELLS:
        _shell(argv, found, depth)
    elif base in WRAPPERS:
        _wrapper(WRAPPERS[base], argv, found, depth)
    else:
        _name_of(base, found)
        if _family(base) in INTERPRETERS:
            _interpreter(argv, found)
        elif base in CARRIERS:
            found.unsure(f"{base} runs what its arguments tell it to")


def _wrapper(wrapper: Wrapper, argv: Sequence[str], found: _Found, depth: int) -> None:
    """Skip the wrapper's own options and operands; the rest is the command."""
    base = PurePosixPath(argv[0]).name
    if wrapper.always:
        found.unsure(wrapper.always)
    at = _past_options(wrapper, argv, found)
    while wrapper.assignments and at < len(argv) and (assigned := _ASSIGNMENT.match(argv[at])):
        if _steers(assigned[1]):
            found.unsure("it sets an environment variable that changes what a program runs")
        at += 1
    at += wrapper.operands
    if at < len(argv):
        found.wrappers[f"exec.{base}"] = None
        _command(argv[at:], found, depth + 1)
        return
    _name_of(base, found)
    if not wrapper.alone:
        found.unsure("a wrapper without a command")


def _past_options(wrapper: Wrapper, argv: Sequence[str], found: _Found) -> int:
    """Where the wrapper's options end."""
    at = 1
    while at < len(argv) and argv[at].startswith("-") and argv[at] != "-":
        option = argv[at]
        at += 1
        if option == "--":
            break
        name, joined, _ = option.partition("=")
        if option in wrapper.flags or (joined and name in wrapper.valued and name.startswith("--")):
            continue
        if option in wrapper.valued:
            at += 1
        elif not (wrapper.short is not None and wrapper.short.fullmatch(option)):
            found.unsure("a wrapper with an option that is not known here")
    return at


def _shell(argv: Sequence[str], found: _Found, depth: int) -> None:
    base = PurePosixPath(argv[0]).name
    at = 1
    while at < len(argv) and argv[at].startswith(("-", "+")):
        option = argv[at]
        at += 1
        if option in {"-c", "-ec", "-ce", "-lc", "-xc", "-euc"}:
            if option == "-lc" or at + 1 < len(argv):
                found.unsure("a shell that reads its profile, or is given arguments for its script")
            found.wrappers[f"exec.{base}"] = None
            _script(argv[at] if at < len(argv) else "", found, depth)
            return
        if option not in {"-e", "-u", "-x", "-eu", "-ex", "-eux"}:
            found.unsure("a shell with an option that is not known here")
    _name_of(base, found)
    if at >= len(argv):
        found.unsure("a shell that reads its commands from its input")


def _script(text: str, found: _Found, depth: int) -> None:
    """The argument of `sh -c`: read where it is plain words, named as far as can be where it is not."""
    if _PLAIN_SHELL.fullmatch(text):
        words = text.split()
        if words and not _ASSIGNMENT.match(words[0]):
            _command(words, found, depth + 1)
            return
    found.unsure("shell syntax that only a shell can read")
    # Names only tighten: what can be made out is named, so that a deny rule still speaks.
    words = _shell_words(text)
    part: list[str] = []
    for before, word in zip(["", *words], [*words, ";"], strict=True):
        if ">" in before and set(before) <= set("<>&|"):
            found.line((">", word))
        if word in _OPERATORS or set(word) <= set("();<>|&"):
            while part and _ASSIGNMENT.match(part[0]):
                part.pop(0)
            if part:
                _command(part, found, depth + 1)
            part = []
        else:
            part.append(word)
        if "`" in word or "$(" in word:
            # Within quotes too: a shell runs it wherever it stands.
            _inner(_SUBSTITUTED.sub(" ; ", word), found, depth)


def _inner(text: str, found: _Found, depth: int) -> None:
    if depth > _MAX_NESTING:
        found.cut_short = True
        return
    _script(text, found, depth + 1)


def _shell_words(text: str) -> list[str]:
    """The words and operators of a script; of one that no shell would read, whatever stands between blanks.

    A comment is read like the rest: where it ends is for a shell to say.
    """
    try:
        lexer = shlex.shlex(text.replace("\n", " ; "), posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        lexer.commenters = ""
        return list(lexer)
    except ValueError:
        bare = re.sub(r"[\"'\\`]", "", text).replace("\n", ";")
        return re.sub(r"([;&|()<>]+)", r" \1 ", bare).split()


def _interpreter(argv: Sequence[str], found: _Found) -> None:
    """An interpreter runs a pinned script and nothing else; every other way is opaque."""
    first = next((word for word in argv[1:] if word not in {"-u", "-B", "-E", "-s", "-I", "-W", "--"}), None)
    if first is None:
        found.unsure("an interpreter that reads its program from its input")
    elif first.startswith("-"):
        found.unsure("an interpreter with its program, or an option, among its arguments")


def _git(argv: Sequence[str], found: _Found) -> None:
    at = 1
    while at < len(argv) and argv[at].startswith("-"):
        option = argv[at]
        at += 1
        if option not in GIT_PLAIN_OPTIONS:
            found.unsure("git with an option in front of its command that changes what it runs")
            if option in {
                "-c",
                "-C",
                "--git-dir",
                "--work-tree",
                "--namespace",
                "--config-env",
                "--exec-path",
            }:
                at += 1
    if at >= len(argv):
        found.name("exec.git")
        return
    command = argv[at]
    if not _GIT_COMMAND.fullmatch(command) or len(command) > MAX_NAME - 32:
        found.name("exec.git")
        found.unsure("git with a command that has no plain name")
        return
    found.name(f"exec.git.{command}")
    if command not in GIT_COMMANDS:
        found.unsure("a git command that is not built in: an alias or a program of someone's own")
    running = GIT_RUNNING_OPTIONS[""] + GIT_RUNNING_OPTIONS.get(command, ())
    for word in argv[at + 1 :]:
        if word == "--":
            break
        if word.startswith(running) or word in GIT_RUNNING_OPTIONS.get(f"{command} words", ()):
            found.unsure(f"git {command} with an option that runs a program or writes a file")
            break
