"""release-bot: makes a commit, asks for the push, says what became of it, starts over.

It has a token and the executor's socket and nothing else: it could not push if it wanted to cheat. Runs in
its own process, in its own repository.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from govdemo import bot, content
from govgate.exits import DENIED, EXPIRED, HELD

if TYPE_CHECKING:
    from govdemo.content import Change

NAME: Final = "release-bot"
_MEANING: Final = {
    0: "pushed",
    HELD: "still held; I leave it",
    EXPIRED: "nobody decided in time; not pushed",
    DENIED: "denied; not pushed",
}
_FIRST_DAY: Final = datetime(2026, 1, 5, 9, tzinfo=UTC)


@dataclass
class ReleaseBot:
    """Works in a checkout, one release after another."""

    checkout: Path
    wait: float

    def release(self, number: int, change: Change) -> int:
        """Make a commit and ask for its push; the gate's exit code."""
        version = f"1.{number}.0"
        self._write(version, change)
        self._git("add", "-A")
        # Dates of its own, so that the same seed makes the same objects.
        moment = (_FIRST_DAY + timedelta(days=number)).isoformat()
        dates = {"GIT_AUTHOR_DATE": moment, "GIT_COMMITTER_DATE": moment}
        self._git("commit", "-q", "-m", f"Release {version}: {change.subject}", **dates)
        bot.tell(NAME, f"committed release {version}; asking to push it")
        done = subprocess.run(  # noqa: S603 - our own program by its path, no shell
            [
                _govgate(),
                *("exec", "--title", f"Push release {version}"),
                *("--purpose", f"{change.subject}. {change.purpose}"),
                *("--wait", str(self.wait), "--", "git", "push", "origin", "main"),
            ],
            cwd=self.checkout,
            check=False,
        )
        what = _MEANING.get(done.returncode, f"the gate ended with {done.returncode}")
        mark = bot.LEFT if done.returncode else bot.DONE
        bot.tell(NAME, f"{mark} release {version}: {what}")
        return done.returncode

    def withdraw(self) -> None:
        """After a refusal: the commit is taken back, as a person would."""
        # Fetched first: the executor pushes, and tells this repository nothing of it.
        self._git("fetch", "-q", "origin")
        self._git("reset", "-q", "--hard", "origin/main")

    def _write(self, version: str, change: Change) -> None:
        (self.checkout / "VERSION").write_text(f"{version}\n", encoding="utf-8")
        log = self.checkout / "CHANGELOG.md"
        head, _, rest = log.read_text(encoding="utf-8").partition("\n\n")
        log.write_text(f"{head}\n\n## {version}\n\n- {change.subject}\n\n{rest}", encoding="utf-8")
        file = self.checkout / change.file
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a", encoding="utf-8") as out:
            out.write(change.lines)

    def _git(self, *arguments: str, **variables: str) -> None:
        found = shutil.which("git") or "git"
        subprocess.run(  # noqa: S603 - git by its path, no shell
            [found, *arguments], cwd=self.checkout, env=os.environ | variables, check=True
        )


def _govgate() -> str:
    """The gate beside this Python, else the one on the path."""
    beside = Path(sys.executable).with_name("govgate")
    return str(beside) if beside.is_file() else shutil.which("govgate") or "govgate"


@click.command()
@bot.options
def main(*, seed: int, pause: float, wait: float, once: bool) -> None:
    """Release for ever, or once."""
    bot.leave_on_signals()
    work = ReleaseBot(Path.cwd(), wait)
    for number, change in enumerate(content.releases(seed), start=1):
        code = work.release(number, change)
        if once:
            raise SystemExit(code)
        if code != 0:
            work.withdraw()
        time.sleep(pause)


if __name__ == "__main__":
    main()
