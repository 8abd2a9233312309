"""Sets up where release-bot works: a bare remote, and a clone of it with a first commit, pushed.

Runs before the agent may act, as whoever sets up the demo.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

import click

from govd.contract.actions import GitPush, RefUpdate
from govdemo.content import FIRST_FILES
from govgate.pushed import Pushed

_FIRST: Final = "2026-01-05T08:00:00+00:00"
_FOLDER: Final = click.Path(path_type=Path)


@click.command()
@click.option("--remote", type=_FOLDER, required=True, help="The bare repository to make.")
@click.option("--checkout", type=_FOLDER, required=True, help="The agent's clone to make.")
@click.option("--pushed", type=_FOLDER, required=True, help="The executor's memory of what was pushed where.")
def main(*, remote: Path, checkout: Path, pushed: Path) -> None:
    """Make both, and let the executor know what stands there."""
    _git(remote.parent, "init", "-q", "--bare", "-b", "main", str(remote))
    _git(checkout.parent, "init", "-q", "-b", "main", str(checkout))
    _git(checkout, "config", "user.name", "release-bot")
    _git(checkout, "config", "user.email", "release-bot@example.org")
    _git(checkout, "remote", "add", "origin", str(remote))
    for name, text in FIRST_FILES.items():
        path = checkout / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    _git(checkout, "add", "-A")
    _git(checkout, "commit", "-q", "-m", "Release 1.0.0")
    _git(checkout, "push", "-q", "origin", "main")
    first = RefUpdate(ref="refs/heads/main", object=_git(checkout, "rev-parse", "HEAD").strip())
    # So that it compares the agent's very first push with this one, not with nothing.
    Pushed(pushed).remember(GitPush(repository=str(checkout), url=str(remote), updates=[first]))


def _git(where: Path, *arguments: str) -> str:
    found = shutil.which("git")
    if found is None:
        raise click.ClickException("the demo needs git: install it")
    dates = {"GIT_AUTHOR_DATE": _FIRST, "GIT_COMMITTER_DATE": _FIRST}
    done = subprocess.run(  # noqa: S603 - git by its path, no shell
        [found, *arguments], cwd=where, env=os.environ | dates, check=True, stdout=subprocess.PIPE
    )
    return done.stdout.decode()


if __name__ == "__main__":
    main()
