"""The command line of a git push, read; nothing here opens a file or runs a program.

Must never take a form whose meaning depends on when, where or with which settings it runs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from govd.contract.errors import UsageError
from govd.contract.text import visible
from govgate.programs import GIT_PLAIN_OPTIONS, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from govd.contract.actions import GitPush

_PASSED_ON: Final = words(
    "-v --verbose -q --quiet --progress --no-progress --porcelain --atomic -n --dry-run"
)
_MEANS_NOTHING_HERE: Final = words(
    "--no-verify --no-signed --no-follow-tags --no-recurse-submodules --thin --no-thin"
)
_REFUSED: Final = {
    "--mirror": "it pushes, and deletes, whatever is there when it runs",
    "--all": "it pushes whatever branches are there when it runs",
    "--branches": "it pushes whatever branches are there when it runs",
    "--tags": "it pushes whatever tags are there when it runs",
    "--follow-tags": "it pushes whatever tags are there when it runs",
    "--force": "it throws away what others pushed",
    "-f": "it throws away what others pushed",
    "--force-with-lease": "it throws away what others pushed",
    "--delete": "it deletes",
    "-d": "it deletes",
    "--prune": "it deletes",
    "--receive-pack": "it names a program to run",
    "--exec": "it names a program to run",
    "--set-upstream": "it writes into a repository that the executor leaves alone: "
    "run git branch --set-upstream-to afterwards",
    "-u": "it writes into a repository that the executor leaves alone: "
    "run git branch --set-upstream-to afterwards",
    "--push-option": "what it means only the other side knows",
    "-o": "what it means only the other side knows",
}
_SCHEMES: Final = frozenset({"https", "http", "ssh", "file"})
SCP_LIKE: Final = re.compile(r"[^/:]+:[^:].*", re.ASCII)
OBJECT: Final = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_MAX_PUSHED: Final = 32
_SHOWN: Final = 200


@dataclass(frozen=True)
class Refspec:
    """`source:target`; the target is "" where the command line leaves it to git."""

    source: str
    target: str


@dataclass(frozen=True)
class PushLine:
    """A push as its command line says it."""

    remote: str
    refspecs: tuple[Refspec, ...]
    options: tuple[str, ...]

    @property
    def dry(self) -> bool:
        """Whether it only says what it would do."""
        return not {"-n", "--dry-run"}.isdisjoint(self.options)


def parse(argv: Sequence[str]) -> PushLine:
    """Read `git push [OPTION…] REMOTE REF…`.

    Raises:
        UsageError: a form that cannot be pinned, with the reason.
    """
    if any(word not in GIT_PLAIN_OPTIONS for word in argv[1 : argv.index("push")]):
        raise UsageError("git push takes no options in front of it here")
    options: list[str] = []
    operands: list[str] = []
    rest = list(argv[argv.index("push") + 1 :])
    while rest:
        word = rest.pop(0)
        if word == "--":
            operands += rest
            break
        if not word.startswith("-"):
            operands.append(word)
        elif word in _PASSED_ON:
            options.append(word)
        elif word not in _MEANS_NOTHING_HERE:
            _refuse_option(word)
    if len(operands) < 2:  # noqa: PLR2004 - a remote and one reference
        raise UsageError(
            "a push says where to and what: its defaults lie in settings that can change",
            hint="git push origin main",
        )
    if len(operands) - 1 > _MAX_PUSHED:
        raise UsageError(f"at most {_MAX_PUSHED} references in one push")
    return PushLine(operands[0], tuple(_refspec(word) for word in operands[1:]), tuple(options))


def _refuse_option(word: str) -> None:
    name = word.partition("=")[0]
    why = _REFUSED.get(name) or _REFUSED.get(word[:2], "it is not known here")
    raise UsageError(f"git push {visible(name, _SHOWN)} is not taken: {why}")


def _refspec(word: str) -> Refspec:
    if word.startswith("+"):
        raise UsageError(f"{visible(word, _SHOWN)} is not taken: by force, it throws away what others pushed")
    source, colon, target = word.partition(":")
    if not source:
        raise UsageError(f"{visible(word, _SHOWN)}: a push that deletes is not taken")
    if source == "tag" and not colon:
        raise UsageError("git push REMOTE tag NAME is not taken", hint="git push REMOTE refs/tags/NAME")
    if colon and not target:
        raise UsageError(f"{visible(word, _SHOWN)} says no reference to push to")
    if source.startswith(("-", "^")) or any(char in word for char in "*?[\\ \t\n"):
        raise UsageError(f"{visible(word, _SHOWN)} is not taken: a pattern is whatever fits it when it runs")
    return Refspec(source, target)


def agrees(line: PushLine, push: GitPush) -> str | None:
    """Why the pinned push is not what its command line says, or None where it is."""
    if len(line.refspecs) != len(push.updates):
        return "it moves another number of references than its command line says"
    for spec, update in zip(line.refspecs, push.updates, strict=True):
        name = spec.target or spec.source
        full = name.startswith("refs/")
        if (full and update.ref != name) or (not full and name != "HEAD" and not _ends(update.ref, name)):
            return f"it moves {visible(update.ref, _SHOWN)}, which its command line does not say"
        if OBJECT.fullmatch(spec.source) and spec.source != update.object:
            return "it pushes another object than its command line says"
    if ("://" in line.remote or line.remote.startswith("/")) and line.remote != push.url:
        return "it goes to another address than its command line says"
    return None


def _ends(ref: str, name: str) -> bool:
    return ref in {f"refs/heads/{name}", f"refs/tags/{name}", f"refs/{name}"}


def check_url(url: str) -> None:
    """Refuse an address that runs a program, holds a password, or has a scheme that is not known here.

    Raises:
        UsageError: with the reason.
    """
    shown = visible(url, _SHOWN)
    if "::" in url.partition("/")[0] or url.startswith("-"):
        raise UsageError(f"{shown}: an address that names a program to run is not taken")
    if "://" in url:
        parts = urlsplit(url)
        if parts.scheme not in _SCHEMES:
            raise UsageError(f"{shown}: pushes go by https, ssh or to a path")
        if parts.password is not None:
            raise UsageError(
                "the address of the push holds a password: everybody who reviews it would read it",
                hint="give the credential to the executor, and take it out of the address",
            )
        if (parts.hostname or "").startswith("-"):
            raise UsageError(f"{shown}: a host's name does not begin with a dash")
    elif not url.startswith("/") and not SCP_LIKE.fullmatch(url):
        raise UsageError(f"{shown} is no address that a push can go to")
