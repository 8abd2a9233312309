"""What is known of programs that carry others, so that what they carry is pinned too.

Only for pinning: whether a command may run is judged by govd's policy, which knows more programs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

FIXED_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where a name without a slash is looked for, and the PATH of what is run."""

ASSIGNMENT: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=", re.ASCII)
PLAIN_SHELL: Final = re.compile(r"[A-Za-z0-9_./:@%+, =-]*", re.ASCII)


@dataclass(frozen=True)
class Carrier:
    """How to find the command that a program runs.

    Attributes:
        valued: Options whose value is the next word.
        operands: Words of its own in front of the command.
        assignments: Whether NAME=VALUE may stand in front of the command.
        passes: Whether it passes open descriptors on, so that a sealed copy can be named to it.
    """

    valued: frozenset[str] = frozenset()
    operands: int = 0
    assignments: bool = False
    passes: bool = True


def words(text: str) -> frozenset[str]:
    """The words of a line, as a set."""
    return frozenset(text.split())


_RIGHTS: Final = Carrier(
    words("-u -g -h -p -r -t -D -R -C --user --group --host --prompt --chdir"),
    assignments=True,
    passes=False,
)

CARRIERS: Final[dict[str, Carrier]] = {
    "env": Carrier(words("-u --unset -C --chdir"), assignments=True),
    "sudo": _RIGHTS,
    "doas": _RIGHTS,
    "nice": Carrier(words("-n --adjustment")),
    "ionice": Carrier(words("-c -n --class --classdata")),
    "nohup": Carrier(),
    "setsid": Carrier(),
    "stdbuf": Carrier(words("-i -o -e --input --output --error")),
    "time": Carrier(words("-f -o --format --output")),
    "timeout": Carrier(words("-k -s --kill-after --signal"), operands=1),
    "chrt": Carrier(operands=1),
    "taskset": Carrier(operands=1),
    "xargs": Carrier(
        words("-n -P -I -L -d -a -s -E --max-args --max-procs --replace --delimiter --arg-file"),
        passes=True,
    ),
}

SHELLS: Final = words("sh bash dash zsh ksh ash mksh yash")


@dataclass(frozen=True)
class Interpreter:
    """How to find the script of an interpreter.

    Attributes:
        valued: Options whose value is the next word.
        inline: Options with which the program is no file among the arguments.
    """

    valued: frozenset[str] = frozenset()
    inline: re.Pattern[str] = re.compile(r"-|-c|-e|-r|--eval|--print|-m|-p")


_SHELL: Final = Interpreter(words("-o +o -O +O --rcfile --init-file"), re.compile(r"-[a-z]*c|-s|-"))
_NODE: Final = Interpreter(
    words("-r --require --import --loader"), re.compile(r"-|-e|-p|-pe|--eval.*|--print.*")
)

INTERPRETERS: Final[dict[str, Interpreter]] = {
    **dict.fromkeys(SHELLS, _SHELL),
    **dict.fromkeys(("python", "pypy"), Interpreter(words("-W -X"), re.compile(r"-|-[A-Za-z]*[cm].*"))),
    **dict.fromkeys(("node", "nodejs", "deno", "bun"), _NODE),
    "ruby": Interpreter(words("-I -r -C -E"), re.compile(r"-|-[a-z]*e.*")),
    "perl": Interpreter(inline=re.compile(r"-|-[A-Za-z0-9]*[eE].*")),
    **dict.fromkeys(("php", "lua", "luajit", "tclsh", "Rscript", "julia", "guile"), Interpreter()),
}

GIT_PLAIN_OPTIONS: Final = words("--no-pager --no-optional-locks --no-replace-objects --literal-pathspecs")
GIT_VALUED_OPTIONS: Final = words("-c -C --git-dir --work-tree --namespace --config-env --exec-path")


def family(name: str) -> str:
    """A program without its version: python3.11 is python."""
    return name.rstrip("0123456789.") or name
