"""`govconsole demo`: sets the stage, lets the agent work, opens the console on it, takes everything down."""

from __future__ import annotations

import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from govconsole import paths
from govconsole.demo.stage import OPERATOR, Stage
from govd.contract.errors import UsageError
from govd.contract.text import visible, visible_lines

if TYPE_CHECKING:
    import subprocess
    from types import FrameType

_PAUSE = 20.0


def run_demo(directory: Path | None, *, ui: bool, once: bool) -> int:
    """The demo; its exit code.

    Args:
        directory: Where to build; left in place afterwards. None: a temporary one, taken away.
        ui: Open the console; without it, say on stdout where everything is and wait for the agent.
        once: One release only.

    Raises:
        UsageError: the directory is not empty, or there is no terminal for the console.
    """
    if ui and not (sys.stdout.isatty() and sys.stdin.isatty()):
        raise UsageError("the demo's console needs a terminal", hint="without one: govconsole demo --no-ui")
    # A signal must take the stage down too, not only the quit key.
    before = {number: signal.signal(number, _leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    stage = Stage(_root(directory))
    try:
        with stage:
            agent = stage.start_agent(once=once, pause=_PAUSE)
            return _with_console(stage) if ui else _without(stage, agent)
    except KeyboardInterrupt:
        return 130
    finally:
        if directory is None:
            stage.remove()
        for number, handler in before.items():
            signal.signal(number, handler)


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


def _with_console(stage: Stage) -> int:
    from govconsole.app import ConsoleApp
    from govconsole.session import Session

    session = Session.open(paths.Operator(OPERATOR, stage.operator_dir), stage.state)
    stage.unlock(session.keys)
    notice = (
        f"Demo: release-bot wants to push to {stage.remote}. a approves, d denies, ? helps, q ends it all."
    )
    ConsoleApp(session, notice=notice).run()
    return 0


def _without(stage: Stage, agent: subprocess.Popen[bytes]) -> int:
    click.echo(visible(stage.facts()))
    sys.stdout.flush()
    code = agent.wait()
    for line in visible_lines(stage.log.read_text(encoding="utf-8", errors="replace").rstrip("\n")):
        click.echo(line, err=True)
    return code
