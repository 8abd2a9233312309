"""release-bot, the demo's agent: makes a commit, asks for the push, says what became of it, starts over.

It has a token and the executor's socket and nothing else: it could not push if it wanted to cheat. Runs in
its own process, in its own repository.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from govconsole.programs import program
from govd.contract.text import visible

_DONE, _HELD, _EXPIRED, _DENIED = 0, 75, 76, 77
_MEANING: Final = {
    _DONE: "pushed",
    _HELD: "still held; I leave it",
    _EXPIRED: "nobody decided in time; not pushed",
    _DENIED: "denied; not pushed",
}
_CHANGES: Final = (
    ("Fix the rounding of invoices", "The half cent went to us; now it goes to nobody"),
    ("Answer health checks faster", "The load balancer gave up on us at night"),
    ("Update the terms of service", "Legal sent the new text this morning"),
)


@dataclass
class ReleaseBot:
    """Works in a checkout, one release after another."""

    checkout: Path
    wait: int

    def release(self, number: int) -> int:
        """Make a commit and ask for its push; the gate's exit code."""
        subject, why = _CHANGES[number % len(_CHANGES)]
        version = f"1.{number + 1}.0"
        (self.checkout / "VERSION").write_text(f"{version}\n", encoding="utf-8")
        self._git("commit", "-q", "-a", "-m", f"Release {version}: {subject}")
        tell(f"committed release {version}; asking to push it")
        done = subprocess.run(  # noqa: S603 - our own program by its path, no shell
            [
                program("govgate"),
                *("exec", "--title", f"Push release {version}"),
                *("--purpose", f"{subject}. {why}. Tests are green, push it to main."),
                *("--wait", str(self.wait), "--", "git", "push", "origin", "main"),
            ],
            cwd=self.checkout,
            check=False,
        )
        tell(f"release {version}: {_MEANING.get(done.returncode, f'the gate ended with {done.returncode}')}")
        return done.returncode

    def withdraw(self) -> None:
        """After a refusal: the commit is taken back, as a person would."""
        self._git("reset", "-q", "--hard", "origin/main")

    def _git(self, *arguments: str) -> None:
        found = shutil.which("git") or "git"
        subprocess.run([found, *arguments], cwd=self.checkout, check=True)  # noqa: S603 - git by its path


def tell(words: str) -> None:
    """A line for whoever watches."""
    click.echo(f"release-bot: {visible(words)}")


@click.command()
@click.option("--once", is_flag=True, help="One release, then end with the gate's exit code.")
@click.option("--pause", type=float, default=20.0, help="Seconds between two releases.")
@click.option("--wait", type=int, default=86_400, help="Seconds to wait for a decision.")
def main(*, once: bool, pause: float, wait: int) -> None:
    """Release for ever, or once."""
    # Told to end, it ends the gate that it waits for first: nothing stays behind.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    bot = ReleaseBot(Path.cwd(), wait)
    number = 0
    while True:
        code = bot.release(number)
        if once:
            raise SystemExit(code)
        if code == _DENIED:
            bot.withdraw()
        number += 1
        time.sleep(pause)


if __name__ == "__main__":
    main()
