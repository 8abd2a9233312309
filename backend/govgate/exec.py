"""`govgate exec`: declare, wait, hand over to an executor, and pass its answer on.

Must never run a command by itself that an executor could run, nor call an advisory run an enforced one.
"""

from __future__ import annotations

import contextlib
import os
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from govd.contract.errors import (
    GovError,
    IntegrityError,
    MalformedBodyError,
    UnreachableError,
    UsageError,
)
from govd.contract.headmemory import HeadMemory
from govd.contract.intents import IntentState
from govd.contract.jobs import JobSubmission
from govgate import calls, declare, handing, wait
from govgate.client import Client
from govgate.git import Repository
from govgate.journal import Journal
from govgate.process import PASSED_ON, SANDBOX, exit_code, run_here
from govgate.protocol import Lines, RunRequest, connect, send_line, send_request
from govgate.redemption import Redeemer
from govgate.runner import Request, Runner
from govgate.settings import heads_dir, state_dir, token_reader

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from govd.contract.intents import IntentView
    from govgate.settings import Settings

_CHUNK: Final = 65_536


@dataclass(frozen=True)
class Target:
    """Where the command is to run: an executor's socket, or here with an executor's token."""

    socket: Path | None = None
    local_token: Path | None = None

    def check(self) -> None:
        """Refuse none and both, before anything is declared."""
        if self.socket is None and self.local_token is None:
            raise UsageError(
                "no executor is named",
                hint="--executor SOCKET, or GOVGATE_EXECUTOR; advisory: --local-executor-token",
            )


@dataclass(frozen=True)
class Options:
    """What the command line says beside the command."""

    target: Target
    words: declare.Words
    title: str | None = None
    intent: str | None = None
    wait: float = 60


def run(settings: Settings, command: declare.Command, options: Options, say: Callable[[str], None]) -> int:
    """The command's exit code.

    Args:
        settings: The agent's way to the backend.
        command: What to run, resolved.
        options: The rest of the command line.
        say: Takes one line for the person or agent who waits; raw.

    Raises:
        GovError: it was not run.
    """
    options.target.check()
    with settings.client() as client:
        view, opened = _declared(client, command, options)
        if view.state is IntentState.HELD and command.git is not None:
            _show(settings, command, view, options.target, say)
        if view.state is IntentState.HELD and options.wait > 0:
            say(f"held as intent {view.id} of job {view.job}. {wait.reasons(view)}")
            view = wait.settled(client, view.id, options.wait)
        wait.approved(view)
        code = _hand_over(settings, command, view, options.target, say)
        if opened and code == 0:
            with contextlib.suppress(GovError):  # the command ran: its answer is what counts
                client.send(calls.deliver(view.job))
    return code


def _declared(client: Client, command: declare.Command, options: Options) -> tuple[IntentView, bool]:
    """The intent, and whether its job was opened here."""
    if options.intent is not None:
        return client.send(calls.intent(options.intent)), False
    words = options.words
    opened = options.title is not None and words.job is None
    if opened:
        submission = JobSubmission(title=options.title or "", purpose=words.purpose, origin=words.origin)
        job = client.send(calls.open_job(submission))
        words = declare.Words(job.id, words.purpose, words.origin, words.base)
    return client.send(calls.submit(declare.submission(command.action, words))), opened


def _show(
    settings: Settings,
    command: declare.Command,
    view: IntentView,
    target: Target,
    say: Callable[[str], None],
) -> None:
    """Have an executor find out what a held push would change. Whether it can or not, the push waits."""
    why = handing.evidence(settings, command, view, target.socket, target.local_token)
    if why:
        say(f"the reviewer sees no diff: {why}")


def _hand_over(
    settings: Settings,
    command: declare.Command,
    view: IntentView,
    target: Target,
    say: Callable[[str], None],
) -> int:
    pack = Repository(command.cwd).pack(command.git) if command.git is not None else None
    try:
        if target.socket is not None:
            return _at_executor(command, view, target.socket, pack, say)
        if target.local_token is None:
            raise UsageError("no executor is named")
        return _here(settings, command, view, target.local_token, pack, say)
    finally:
        if pack is not None:
            os.close(pack)


def _here(
    settings: Settings,
    command: declare.Command,
    view: IntentView,
    token: Path,
    pack: int | None,
    say: Callable[[str], None],
) -> int:
    say(
        f"ADVISORY, {SANDBOX}: the command runs in place, and this user could read the executor's token. "
        "Nothing enforces what is approved"
    )
    with Client(settings.url, token_reader(token), HeadMemory(heads_dir())) as client:
        name = client.send(calls.me()).name
        redeemer = Redeemer(client, name, Journal(state_dir() / "journal"))
        git = handing.own_git()
        runner = Runner(redeemer, home=git.home, git_config=git.config, pushed=handing.own_memory())
        runner.recover()
        request = Request(view.id, command.argv, command.cwd, command.env, command.git, pack)
        ran = runner.run(request, view.agent, run_here)
    if not ran.reported:
        say("the outcome could not be reported yet: the next run here reports it")
    return exit_code(ran.code)


def _at_executor(
    command: declare.Command, view: IntentView, path: Path, pack: int | None, say: Callable[[str], None]
) -> int:
    request = RunRequest(
        intent_id=view.id, argv=command.argv, cwd=command.cwd, env=command.env, git=command.git
    )
    with connect(path) as connection:
        try:
            send_request(connection, request, [0, 1, 2, *([pack] if pack is not None else [])])
        except OSError as error:
            raise UnreachableError(f"the executor at {path} took nothing: {error.strerror}") from None
        connection.settimeout(None)
        with _signals_passed_on(connection):
            return _followed(connection, say)


def _followed(connection: socket.socket, say: Callable[[str], None]) -> int:
    """What the executor says, to the end."""
    lines = Lines()
    started = False
    while True:
        try:
            data = connection.recv(_CHUNK)
            messages = list(lines.feed(data))
        except (OSError, MalformedBodyError):
            data, messages = b"", []
        for message in messages:
            if "refused" in message:
                raise calls.from_problem(message["refused"] if isinstance(message["refused"], dict) else {})
            if isinstance(message.get("running"), dict):
                started = True
                _say_assurance(message["running"], say)
            if isinstance(message.get("exit"), int):
                if message.get("reported") is False:
                    say("the executor could not report the outcome yet; it goes on trying")
                return int(message["exit"])
        if not data:
            raise IntegrityError(
                "the executor went away while the command ran: how it ended is not known"
                if started
                else "the executor went away before it said whether it ran the command",
                hint="look at what happened before you ask for it again",
            )


def _say_assurance(running: dict[str, Any], say: Callable[[str], None]) -> None:
    if running.get("assurance") == "enforced":
        say(f"approved; running {SANDBOX}")
    else:
        say(f"approved; ADVISORY, {SANDBOX}: agent and executor are not separate users")


@contextlib.contextmanager
def _signals_passed_on(connection: socket.socket) -> Iterator[None]:
    def passed(number: int, _: object) -> None:
        with contextlib.suppress(OSError):
            send_line(connection, {"signal": number})

    before = {number: signal.signal(number, passed) for number in PASSED_ON}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
