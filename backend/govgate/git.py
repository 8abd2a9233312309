"""A git push on the agent's side: the objects and the address resolved, the pack made.

Runs git with the agent's own rights in the agent's own repository. An executor must never use it.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from govd.contract.actions import GitPush, RefUpdate
from govd.contract.errors import UsageError
from govd.contract.text import visible
from govgate.pushline import OBJECT, SCP_LIKE, check_url
from govgate.resolve import which

if TYPE_CHECKING:
    from govgate.pushline import PushLine, Refspec

_SHOWN: Final = 200
_SECONDS: Final = 600


class Repository:
    """The agent's repository, as git finds it from a folder."""

    def __init__(self, cwd: str) -> None:
        program = which("git")
        if program is None:
            raise UsageError("git is not installed")
        self._program = program
        self._cwd = cwd

    def _git(self, *arguments: str, why: str) -> str:
        """The first line that git prints; see `_lines`."""
        return next(iter(self._lines(*arguments, why=why)), "")

    def _lines(self, *arguments: str, why: str) -> list[str]:
        """What git prints.

        Raises:
            UsageError: git refused; `why` says what was asked.
        """
        try:
            done = subprocess.run(  # noqa: S603 - the system's git, with arguments that are checked
                [self._program, *arguments],
                cwd=self._cwd,
                env={**os.environ, "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise UsageError(f"{why}: {type(error).__name__}") from None
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().splitlines()
            raise UsageError(f"{why}: {visible(said[-1], 300)}" if said else why)
        return os.fsdecode(done.stdout).splitlines()

    def resolve(self, line: PushLine) -> GitPush:
        """The push with its address and its objects.

        Raises:
            UsageError: there is no such remote or reference, or it cannot be pinned.
        """
        top = self._git("rev-parse", "--absolute-git-dir", why="not in a git repository")
        if self._git("rev-parse", "--is-shallow-repository", why="git") == "true":
            raise UsageError("a shallow repository cannot be pushed from here", hint="git fetch --unshallow")
        updates = [self._update(spec) for spec in line.refspecs]
        try:
            return GitPush(repository=os.path.realpath(top), url=self._url(line.remote), updates=updates)
        except ValidationError as error:
            raise UsageError(f"the push cannot be declared: {error.errors()[0]['msg']}") from None

    def _url(self, remote: str) -> str:
        named = "/" not in remote and ":" not in remote
        url = remote
        if named:
            shown = visible(remote, _SHOWN)
            found = self._lines(
                "remote", "get-url", "--push", "--all", "--", remote, why=f"there is no remote {shown}"
            )
            if len(found) != 1:
                raise UsageError(f"the remote {shown} has {len(found)} push addresses: name the one")
            url = found[0]
        if "://" not in url and "::" not in url and not SCP_LIKE.fullmatch(url):
            url = os.path.realpath(os.path.join(self._top(), url))  # noqa: PTH118 - a raw string
        check_url(url)
        return url

    def _top(self) -> str:
        """Relative addresses start at the top of the working tree."""
        if self._git("rev-parse", "--is-bare-repository", why="git") == "true":
            return self._git("rev-parse", "--absolute-git-dir", why="git")
        return self._git("rev-parse", "--show-toplevel", why="git")

    def _update(self, spec: Refspec) -> RefUpdate:
        shown = visible(spec.source, _SHOWN)
        digest = self._git(
            "rev-parse", "--verify", "--quiet", "--end-of-options", spec.source, why=f"there is no {shown}"
        )
        if not OBJECT.fullmatch(digest):
            raise UsageError(f"there is no {shown}")
        full = self._git("rev-parse", "--symbolic-full-name", spec.source, why="git")
        full = full if full.startswith("refs/") else ""
        target = spec.target
        if not target:
            target = full
        elif not target.startswith("refs/"):
            prefix = "refs/tags/" if full.startswith("refs/tags/") else "refs/heads/" if full else ""
            target = prefix + target if prefix else ""
        if not target:
            raise UsageError(
                f"it is not clear which reference {shown} goes to", hint="SOURCE:refs/heads/NAME"
            )
        try:
            return RefUpdate(ref=target, object=digest)
        except ValidationError:
            raise UsageError(f"{visible(target, _SHOWN)} is no reference that can be pushed to") from None

    def pack(self, push: GitPush) -> int:
        """A file without a name that holds what the push needs, rewound. The caller closes it.

        Raises:
            UsageError: git could not pack it.
        """
        wanted = "".join(f"{update.object}\n" for update in push.updates)
        with tempfile.TemporaryFile() as file:
            done = subprocess.run(  # noqa: S603 - as above
                [self._program, "pack-objects", "--revs", "--stdout", "--quiet"],
                cwd=self._cwd,
                input=wanted.encode(),
                stdout=file,
                stderr=subprocess.PIPE,
                timeout=_SECONDS,
                check=False,
            )
            if done.returncode:
                said = done.stderr.decode(errors="replace").strip()
                raise UsageError(f"the objects of the push cannot be packed: {visible(said, 300)}")
            os.lseek(file.fileno(), 0, os.SEEK_SET)
            return os.dup(file.fileno())
