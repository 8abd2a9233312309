"""Saves what the screen shows as SVG, where the operator's pictures go, and says where.

Must never write over a file, nor let others read it: a job's arguments may be in the picture.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from govconsole.screens.view import View
from govconsole.widgets.capture import capture
from govd.contract.text import visible

if TYPE_CHECKING:
    from textual.app import App

    from govconsole.shell import Shell

_TRIES = 100


def save(app: App[None], shell: Shell) -> None:
    """Save a picture, and say where it is or why there is none."""
    view = next((one for one in reversed(app.screen_stack) if isinstance(one, View)), None)
    name = view.spec.id if view is not None else "console"
    drawn = capture(app, title=f"govconsole: {name}")
    stamp = shell.session.clock.now().strftime("%Y%m%d-%H%M%SZ")
    try:
        path = write(folder(shell), f"govconsole-{name}-{stamp}", drawn)
    except OSError as error:
        app.notify(visible(f"no picture: {error.strerror}: {error.filename}"), severity="error", markup=False)
    else:
        app.notify(visible(f"picture saved: {path}"), markup=False)


def folder(shell: Shell) -> Path:
    """Where pictures go: the setting, or the user's own folder for them."""
    if shell.settings.pictures is not None:
        return Path(shell.settings.pictures).expanduser().absolute()
    import platformdirs

    return platformdirs.user_pictures_path()


def write(where: Path, stem: str, drawn: str) -> Path:
    """Write a file that was not there, for its owner alone.

    Raises:
        OSError: the folder cannot be made or written to.
    """
    where.mkdir(parents=True, exist_ok=True)
    for number in range(1, _TRIES):
        path = where / (f"{stem}.svg" if number == 1 else f"{stem}-{number}.svg")
        try:
            made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        except FileExistsError:
            continue
        with os.fdopen(made, "w", encoding="utf-8") as file:
            file.write(drawn)
        return path
    raise FileExistsError(17, "too many pictures of this second", str(where / stem))
