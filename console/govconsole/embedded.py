"""Starts a backend of the console's own when none runs: embedded, SQLite, in the user's state directory.

Must never make keys without asking for a passphrase, nor start a second backend on a state that is served.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from govconsole.paths import socket_path
from govconsole.programs import program
from govd.contract.errors import ForbiddenError, GovError, HaltedError, UnreachableError
from govd.contract.text import visible

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from govconsole.client.door import Door

_CONNECT_SECONDS: Final = 2.0
_RUN_SECONDS: Final = 60.0
_END_SECONDS: Final = 10.0
_MAX_COMPLAINT: Final = 600
_kept: list[subprocess.Popen[bytes]] = []
"""Backends outlive the console: their handles are kept so that nobody reaps or warns about them."""


@dataclass(frozen=True)
class Started:
    """A backend that this console started."""

    pid: int
    agent_url: str


def answers(state: Path) -> bool:
    """Whether something listens at the operators' door of that state."""
    try:
        knock(socket_path(state))
    except GovError:
        return False
    return True


def knock(door: Path, keeper: Door | None = None) -> None:
    """See that something listens there, and where a keeper is to be looked at, that it is no stranger.

    Raises:
        UnreachableError, ForbiddenError: nothing does, or not for this user; with what mends it.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_CONNECT_SECONDS)
        try:
            probe.connect(str(door))
        except FileNotFoundError:
            why, hint = "there is no such socket", f"ssh -N -L {door}:STATE/run/operators.sock HOST"
        except ConnectionRefusedError:
            why = "the socket is there and nobody listens: what forwarded it has ended"
            hint = f"rm {door}, and forward it again (ssh -o StreamLocalBindUnlink=yes …)"
        except PermissionError:
            raise ForbiddenError(f"{door} is not for this user", hint=f"ls -l {door}") from None
        except OSError as error:
            why, hint = str(error.strerror or error), "a Unix socket's path has at most 107 bytes"
        else:
            if keeper is not None:
                keeper.look()
                keeper.meet(probe)
            return
    raise UnreachableError(f"no backend answers at {door}: {why}", hint=hint)


def initialised(state: Path) -> bool:
    """Whether a backend's state is there."""
    return (state / "govd.toml").exists()


def initialise(state: Path, operator_dir: Path, name: str, passphrase: str, more: Sequence[str] = ()) -> None:
    """Make the state, and the first operator with his vote key.

    Raises:
        GovError: govd refused; the sentence is its own.
    """
    reader, writer = os.pipe()
    try:
        os.write(writer, passphrase.encode())
        os.close(writer)
        run(
            "govd",
            *("init", "--state", str(state), "--operator", name, "--operator-dir", str(operator_dir)),
            *("--passphrase-fd", str(reader), *more),
            pass_fds=(reader,),
        )
    finally:
        os.close(reader)


def run(name: str, *arguments: str, pass_fds: tuple[int, ...] = (), seconds: float = _RUN_SECONDS) -> str:
    """Run one of our programs to its end; what it said on stdout.

    Raises:
        GovError: it ended otherwise than well, or not within so many seconds.
    """
    try:
        done = subprocess.run(  # noqa: S603 - our own program by its path, no shell
            [program(name), *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            pass_fds=pass_fds,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise GovError(f"{name} {arguments[0]} did not end within {seconds:.0f} s") from None
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip()[-_MAX_COMPLAINT:]
        raise GovError(f"{name} {arguments[0]} was refused: {visible(said)}")
    return done.stdout.decode(errors="replace")


def serve(state: Path) -> Started:
    """Start `govd serve --embedded`, detached, and wait until both doors listen.

    Raises:
        HaltedError: it ended instead; the sentence is its own.
    """
    log = state / "embedded.log"
    with os.fdopen(os.open(log, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), "r+b") as complaints:
        process = subprocess.Popen(  # noqa: S603 - our own program by its path, no shell
            [program("govd"), "serve", "--state", str(state), "--embedded"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=complaints,
            start_new_session=True,
            cwd="/",
        )
        _kept.append(process)
        ready = first_line(process)
        if ready is None:
            process.wait()
            complaints.seek(0)
            said = complaints.read().decode(errors="replace").strip()[-_MAX_COMPLAINT:]
            raise HaltedError(f"govd did not start: {visible(said)}", hint=f"govd doctor --state {state}")
    return Started(process.pid, visible(str(ready.get("agent_url", ""))))


def first_line(process: subprocess.Popen[bytes]) -> dict[str, Any] | None:
    """The line by which a service says that it is ready, or None when it ended before. Closes its output."""
    if process.stdout is None:
        raise UnreachableError("the service has no output to read")
    with process.stdout as out:
        for line in out:
            try:
                found = json.loads(line)
            except ValueError:
                continue
            if isinstance(found, dict) and found.get("ready"):
                return found
    return None


def end() -> None:
    """Tell the backends of this process to stop, also one that is starting, and wait until they have."""
    for process in _kept:
        if process.poll() is None:
            process.terminate()
    reap()


def reap() -> None:
    """Wait for the backends of this process that were told to stop; end by its handle one that does not."""
    while _kept:
        process = _kept.pop()
        for end in (process.terminate, process.kill):
            try:
                process.wait(_END_SECONDS)
                break
            except subprocess.TimeoutExpired:
                end()
        process.wait()


def how_to_stop(state: Path) -> str:
    """What the console says of a backend that it started."""
    return f"it goes on when you leave; stop it with: govd stop --state {state}"
