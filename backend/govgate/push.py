"""A git push on the executor's side: from a repository of its own that holds nothing but the pinned objects.

Must never read the agent's repository, its settings or its hooks: what comes from the agent is one pack,
and each object in it is known by the hash of what it holds (threats T7).
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from govd.contract.errors import RedeemRefusedError, UsageError
from govd.contract.text import visible
from govgate.bounded import Bounds, Done, Program, run
from govgate.programs import FIXED_PATH
from govgate.pushline import agrees, check_url, parse
from govgate.resolve import which

if TYPE_CHECKING:
    from collections.abc import Sequence

    from govd.contract.actions import GitPush

MAX_PACK_BYTES: Final = 4 * 1024 * 1024 * 1024
"""The pack of one push, in bytes."""

_SECONDS: Final = 600
_SHA256_DIGITS: Final = 64
_SETTINGS: Final = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "credential.interactive=false",
    "http.followRedirects=false",
    "push.gpgSign=false",
    "push.followTags=false",
    "push.recurseSubmodules=no",
    "protocol.ext.allow=never",
    "submodule.recurse=false",
    "gc.auto=0",
    "maintenance.auto=false",
)


def git_environment(home: str, git_config: Path | None) -> dict[str, str]:
    """The environment of every git that an executor starts: nobody's settings but the executor's own."""
    return {
        "PATH": FIXED_PATH,
        "HOME": home,
        "LANG": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": str(git_config) if git_config is not None else "/dev/null",
        "GIT_ALLOW_PROTOCOL": "https:http:ssh:file",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "/bin/false",
        "SSH_ASKPASS": "/bin/false",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_PROTOCOL_FROM_USER": "0",
        "GIT_ATTR_NOSYSTEM": "1",
    }


def check(argv: Sequence[str], push: GitPush) -> None:
    """Refuse a push that is not what its command line says, or goes where none may go.

    Raises:
        UsageError, RedeemRefusedError: with the reason.
    """
    check_url(push.url)
    why = agrees(parse(argv), push)
    if why is not None:
        raise RedeemRefusedError(f"the declared push does not fit its command line: {why}")


class Staging:
    """A bare repository of the executor's own, for one push; gone afterwards.

    Args:
        environment: See `git_environment`.
        folder: Where to make it; the system's folder for temporary files where it is left out.
        most: Of the pack, in bytes.
    """

    def __init__(
        self, environment: dict[str, str], folder: Path | None = None, most: int = MAX_PACK_BYTES
    ) -> None:
        program = which("git")
        if program is None:
            raise UsageError("git is not installed where the executor runs")
        self._program = os.path.realpath(program)
        self._environment = environment
        self._most = most
        self.path = Path(tempfile.mkdtemp(prefix="govgate-push-", dir=folder))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.path, ignore_errors=True)

    def fill(self, push: GitPush, pack: int, bounds: Bounds | None = None) -> None:
        """Take the objects in, and see that what is to be pushed is whole.

        Raises:
            RedeemRefusedError: the pack is damaged, too large, too slow, or lacks what is pushed.
        """
        # Within bounds of the caller's it is not approved yet: one core, and one thread's memory, have to do.
        threads = () if bounds is None else ("--threads=1",)
        bounds = bounds or Bounds.within(_SECONDS)
        found = os.fstat(pack)
        if not stat.S_ISREG(found.st_mode):
            raise RedeemRefusedError("the objects of the push are in no file")
        if found.st_size > self._most:
            raise RedeemRefusedError(f"the objects of the push are more than {self._most} bytes")
        self.make("sha256" if len(push.updates[0].object) == _SHA256_DIGITS else "sha1", bounds)
        limits = (f"--max-input-size={self._most}", *threads)
        self._whole(bounds, "index-pack", "--stdin", "--strict", *limits, stdin=pack)
        for update in push.updates:
            # Each object was hashed from its content just now; this sees that none is missing.
            self._whole(bounds, "rev-list", "--objects", "--quiet", update.object, "--")

    def command(self, argv: Sequence[str], push: GitPush) -> list[str]:
        """The push itself: object to reference, at an address that no setting rewrites."""
        line = parse(argv)
        return [
            *self._start(),
            "push",
            "--no-verify",
            "--no-signed",
            *line.options,
            "--",
            push.url,
            *(f"{update.object}:{update.ref}" for update in push.updates),
        ]

    @property
    def program(self) -> str:
        """The git that is run."""
        return self._program

    def _start(self) -> list[str]:
        settings = [word for setting in _SETTINGS for word in ("-c", setting)]
        return ["git", *settings, f"--git-dir={self.path}"]

    def make(self, form: str, bounds: Bounds) -> None:
        """Make it, empty, for objects of that form."""
        words = ("init", "--quiet", "--bare", f"--object-format={form}", "--template=", str(self.path))
        _good(self._run(["git", *words], bounds), "init")

    def git(self, bounds: Bounds, *arguments: str, stdin: int | bytes = b"") -> Done:
        """Run a git command in it."""
        return self._run([*self._start(), *arguments], bounds, stdin)

    def _run(self, argv: Sequence[str], bounds: Bounds, stdin: int | bytes = b"") -> Done:
        return run(Program(self._program, str(self.path), self._environment), argv, bounds, stdin)

    def _whole(self, bounds: Bounds, *arguments: str, stdin: int | bytes = b"") -> None:
        _good(self.git(bounds, *arguments, stdin=stdin), arguments[0])


def _good(done: Done, what: str) -> None:
    if done.code:
        said = done.err.decode(errors="replace").strip().splitlines()
        raise RedeemRefusedError(
            f"the objects of the push are not whole: {visible(said[-1] if said else what, 300)}"
        )
