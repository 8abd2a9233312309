"""The process that has our programs loaded, and becomes one of them for each that a test starts.

Started by tests/support/programs.py, which says why. Reads requests from the socket whose descriptor is its
argument, one message each: a JSON object, and the descriptors for 0, 1, 2 and of a pipe that is told the
child's pid, and then how it ended. Must never use what a child would then share with its
siblings: no thread, no random number, no open file of govd's.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import struct
import sys
from pathlib import Path
from typing import Any, Final

_MOST: Final = 200_000
_STREAMS: Final = 3
_NUMBER: Final = struct.Struct("=i")
# What each program has loaded by the time that it does something.
_LOADED: Final = ("uvloop", "govd.cli", "govd.service", "govd.serving", "govgate.cli", "govconsole.cli")


class ForkServer:
    """Forks at each request, and tells how each child ended."""

    def __init__(self, requests: socket.socket) -> None:
        self._requests = requests
        self._woken, self._wake = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(self._wake, False)
        self._told: dict[int, int] = {}
        """By the pid of each child, the pipe that is told of its end."""

    def serve(self) -> str | None:
        """Work until nobody can ask any more; in a child: return the program that it has become."""
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        while True:
            ready, _, _ = select.select([self._requests.fileno(), self._woken], [], [])
            if self._woken in ready:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._woken, 4096)
                self._reap()
            if self._requests.fileno() in ready:
                data, descriptors, _, _ = socket.recv_fds(self._requests, _MOST, _STREAMS + 1)
                if not data:
                    return None
                asked = json.loads(data)
                pid = os.fork()
                if pid == 0:
                    self._requests.close()
                    if asked["session"]:
                        os.setsid()
                    # Not by its parent: who hears the pid may signal the group, which is there from here on.
                    _tell(descriptors[_STREAMS], os.getpid())
                    _become(asked, descriptors[:_STREAMS])
                    return str(asked["program"])
                self._told[pid] = descriptors.pop()
                for descriptor in descriptors:
                    os.close(descriptor)

    def _reap(self) -> None:
        while self._told:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            told = self._told.pop(pid)
            _tell(told, os.waitstatus_to_exitcode(status))
            os.close(told)


def _tell(pipe: int, number: int) -> None:
    with contextlib.suppress(BrokenPipeError):  # whoever asked has gone
        os.write(pipe, _NUMBER.pack(number))


def _become(asked: dict[str, Any], streams: list[int]) -> None:
    """Take over what the request says; nothing of the server's own stays open."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["env"])
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.closerange(_STREAMS, max(int(entry.name) for entry in Path("/proc/self/fd").iterdir()) + 1)
    sys.argv = [str(Path(sys.executable).parent / asked["program"]), *asked["arguments"]]


def main() -> None:
    """Load, serve, and in a child: run."""
    sys.path.insert(0, str(Path(sys.executable).parent))  # as the programs themselves have it
    requests = socket.socket(fileno=int(sys.argv[1]))
    gc.disable()
    for name in _LOADED:
        importlib.import_module(name)
    gc.freeze()
    gc.enable()
    program = ForkServer(requests).serve()
    if program is not None:
        importlib.import_module(f"{program}.__main__").main()


if __name__ == "__main__":
    main()
