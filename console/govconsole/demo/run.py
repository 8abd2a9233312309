"""`govconsole demo`: sets the stage, lets the agents work, opens the console on it, takes everything down."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

import click

from govconsole import paths
from govconsole.demo.stage import OPERATOR, Stage, Wishes
from govconsole.state.tour import Tour
from govd.contract.errors import UsageError
from govd.contract.text import visible, visible_lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from govconsole.app import ConsoleApp
    from govconsole.session import Session
    from govconsole.settings import Settings

_QUIET_SECONDS: Final = 5.0
_SIGNALS: Final = (signal.SIGTERM, signal.SIGHUP)


def run_demo(directory: Path | None, wishes: Wishes, settings: Settings, *, ui: bool) -> int:
    """The demo; its exit code.

    Args:
        directory: Where to build; left in place afterwards. None: a temporary one, taken away.
        wishes: What the agents are to do.
        settings: The operator's own.
        ui: Open the console; without it, say on stdout where everything is and wait for the agents.

    Raises:
        UsageError: the directory is not empty, or there is no terminal for the console.
        GovError: somebody did not start.
    """
    if ui and not (sys.stdout.isatty() and sys.stdin.isatty()):
        raise UsageError("the demo's console needs a terminal", hint="without one: govconsole demo --no-ui")
    with _taken_down_by_signals():
        root = _root(directory)
        try:
            tour = Tour()
            if not wishes.tour:
                tour.end()
            with _stage(root, wishes, tour if ui else None) as stage:
                return _with_console(stage, tour, settings) if ui else _without(stage)
        except KeyboardInterrupt:
            return 130
        finally:
            if directory is None:
                Stage.remove(root)


@contextlib.contextmanager
def _taken_down_by_signals() -> Iterator[None]:
    """A signal leaves by the same way as the quit key."""
    before = {number: signal.signal(number, _leave) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _stage(root: Path, wishes: Wishes, tour: Tour | None) -> Iterator[Stage]:
    stage = Stage(root, wishes, tour.tell, tour.heard) if tour else Stage(root, wishes, _Stderr())
    try:
        stage.start()
        yield stage
    finally:
        # Whoever is in a hurry twice does not leave half of it behind.
        for number in (*_SIGNALS, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        stage.close()


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    del frame
    raise SystemExit(128 + number)


def _root(directory: Path | None) -> Path:
    if directory is None:
        return Path(tempfile.mkdtemp(prefix="govconsole-demo-"))
    root = directory.absolute()
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(root.iterdir()):
        raise UsageError(f"{root} is not empty", hint="name a new directory, or leave --dir out")
    root.chmod(0o700)
    return root


def _with_console(stage: Stage, tour: Tour, settings: Settings) -> int:
    from govconsole.app import ConsoleApp

    def opened() -> Session:
        # In a thread, behind the first frame: the console is there before its backend is.
        from govconsole.session import Session

        stage.wait_for_operator()
        session = Session.open(paths.Operator(OPERATOR, stage.operator_dir), stage.state)
        stage.unlock(session.keys)
        stage.wait_for_backend()
        return session

    app = ConsoleApp(opened, settings=settings, tour=tour)
    asyncio.run(_until_left(app, stage, mouse=settings.mouse))
    if app.failed is not None:
        raise app.failed
    with contextlib.suppress(OSError):  # where the terminal is gone there is nobody to tell
        for words in tour.errands:
            click.echo(visible(words))
        click.echo("The demo is being taken down.")
    return app.return_code or 0


async def _until_left(app: ConsoleApp, stage: Stage, *, mouse: bool) -> None:
    """Run the app; a signal closes it like its quit key, so that the terminal is as it was."""
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, _exit, app, 128 + number)
    try:
        await app.run_async(mouse=mouse)
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
            signal.signal(number, _leave)
        stage.give_up()


def _exit(app: ConsoleApp, code: int) -> None:
    app.exit(return_code=code)


def _without(stage: Stage) -> int:
    stage.wait_for_everybody()
    click.echo(visible(stage.facts()))
    sys.stdout.flush()
    code = stage.wait_for_agents()
    for name in stage.wishes.only:
        for line in visible_lines(stage.log(name).read_text(encoding="utf-8", errors="replace").rstrip("\n")):
            click.echo(line, err=True)
    return code


class _Stderr:
    """Says on stderr how far the stage is: on a terminal in one line, else now and then."""

    def __init__(self) -> None:
        self._said = 0.0

    def __call__(self, words: str) -> None:
        if not words:
            return
        if sys.stderr.isatty():
            click.echo(f"\r{visible(words):<79}", err=True, nl=False)
        elif time.monotonic() - self._said > _QUIET_SECONDS or "were declared" in words:
            self._said = time.monotonic()
            click.echo(visible(words), err=True)
