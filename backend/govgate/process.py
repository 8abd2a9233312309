"""Starts the approved process and stays with it to its end.

Must never leave a process of the command's group behind, nor signal one that is not its child.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
from typing import TYPE_CHECKING, Final

from govd.contract.errors import MalformedBodyError
from govgate.protocol import Lines, send_line

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator, Sequence

    from govgate.runner import Launch

PASSED_ON: Final = frozenset(
    {
        signal.SIGHUP,
        signal.SIGINT,
        signal.SIGQUIT,
        signal.SIGTERM,
        signal.SIGUSR1,
        signal.SIGUSR2,
        signal.SIGWINCH,
    }
)
"""The signals that a gate passes on to its command."""

SANDBOX: Final = "unsandboxed"
_CHUNK: Final = 65_536
_SEND_SECONDS: Final = 5.0


def popen(launch: Launch, stdio: Sequence[int | None], *, session: bool) -> subprocess.Popen[bytes]:
    """Start it, with exactly the environment and the descriptors that were said.

    Raises:
        OSError: it could not be started.
    """
    try:
        return subprocess.Popen(  # noqa: S603 - running what was approved is what this is for
            list(launch.argv),
            executable=launch.executable,
            cwd=launch.cwd,
            env=dict(launch.env),
            stdin=stdio[0],
            stdout=stdio[1],
            stderr=stdio[2],
            pass_fds=tuple(launch.pass_fds),
            start_new_session=session,
        )
    except (ValueError, subprocess.SubprocessError) as error:
        raise OSError(0, f"{type(error).__name__}") from error


def exit_code(code: int) -> int:
    """What a shell would say: 128 and the signal's number for a command that a signal ended."""
    return 128 - code if code < 0 else code


class Supervised:
    """A command of an executor's: a session of its own, signals from its gate, an end when the gate is gone.

    Args:
        connection: To the gate.
        stdio: The gate's stdin, stdout and stderr.
        rest: What had been received after the request.
        grace: Seconds between SIGTERM and SIGKILL once the gate is gone.
    """

    def __init__(
        self, connection: socket.socket, stdio: Sequence[int], rest: bytes = b"", grace: float = 5.0
    ) -> None:
        self._connection = connection
        self._stdio = stdio
        self._lines = Lines(rest)
        self._grace = grace

    def run(self, launch: Launch) -> int:
        """Start it and wait for its end.

        Raises:
            OSError: it was not started: it could not be, or the gate was gone already.
        """
        self._connection.settimeout(_SEND_SECONDS)
        send_line(self._connection, {"running": {"assurance": launch.assurance, "sandbox": SANDBOX}})
        process = popen(launch, self._stdio, session=True)
        try:
            self._follow(process)
        finally:
            # Before its leader is reaped the group's number cannot be anyone else's.
            _signal_group(process, signal.SIGKILL)
            process.wait()
        return process.returncode

    def _follow(self, process: subprocess.Popen[bytes]) -> None:
        pidfd = os.pidfd_open(process.pid)
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(pidfd, selectors.EVENT_READ, "end")
                selector.register(self._connection, selectors.EVENT_READ, "gate")
                patience: float | None = None
                while True:
                    ready = {key.data for key, _ in selector.select(patience)}
                    if "end" in ready:
                        return
                    if not ready:
                        _signal_group(process, signal.SIGKILL)
                        patience = None
                    elif not self._obey(process):
                        selector.unregister(self._connection)
                        _signal_group(process, signal.SIGTERM)
                        patience = self._grace
        finally:
            os.close(pidfd)

    def _obey(self, process: subprocess.Popen[bytes]) -> bool:
        """Pass on the signals that came; False once the gate is gone or talks nonsense."""
        try:
            data = self._connection.recv(_CHUNK)
            for number in self._signals(data):
                _signal_group(process, number)
        except (OSError, MalformedBodyError):
            return False
        return bool(data)

    def _signals(self, data: bytes) -> Iterator[int]:
        for message in self._lines.feed(data):
            number = message.get("signal")
            if isinstance(number, int) and number in PASSED_ON:
                yield number


def _signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    """Only before the leader is reaped. A group of another user's (sudo) is out of reach."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def run_here(launch: Launch) -> int:
    """Run it in place, with this process's own terminal; signals to us go to it."""
    process = popen(launch, (None, None, None), session=False)
    # The terminal sends SIGINT and SIGQUIT to both; the command's answer to them is the one that counts.
    waiting = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGQUIT)}
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
        waiting[number] = signal.signal(number, lambda got, _: process.send_signal(got))
    try:
        return process.wait()
    finally:
        for number, before in waiting.items():
            signal.signal(number, before)
