"""What a process gives up before it touches a model: network, privileges, memory, time.

Must never be called by govd itself: nothing of this can be taken back.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
from typing import Final

_CLONE_NEWUSER: Final = 0x10000000
_CLONE_NEWNET: Final = 0x40000000
_SET_NO_NEW_PRIVS: Final = 38
NOBODY: Final = 65534


def leave_network() -> bool:
    """Move into a network namespace without any interface; False: this system does not allow it.

    An ordinary user gets one inside a user namespace of its own. Root does not: there it could become nobody
    no more, and still own what root owns. To be called before there are threads.
    """
    own = 0 if os.geteuid() == 0 else _CLONE_NEWUSER
    return bool(ctypes.CDLL(None, use_errno=True).unshare(own | _CLONE_NEWNET) == 0)


def gain_nothing() -> None:
    """No program that this process starts has more privileges than it has; no core dumps."""
    ctypes.CDLL(None, use_errno=True).prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def limit(
    *,
    memory: int | None = None,
    files: int | None = None,
    file_size: int | None = None,
    cpu_seconds: int | None = None,
) -> None:
    """Bound this process. None: as it was.

    Args:
        memory: Address space in bytes.
        files: Open descriptors; what is open beyond it stays open.
        file_size: Bytes that it can write into one file.
        cpu_seconds: Time on the processor.
    """
    for what, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_NOFILE, files),
        (resource.RLIMIT_FSIZE, file_size),
        (resource.RLIMIT_CPU, cpu_seconds),
    ):
        if most is not None:
            _lower(what, most)


def _lower(what: int, most: int) -> None:
    hard = resource.getrlimit(what)[1]
    bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(what, (bound, bound))


def become_nobody() -> bool:
    """Give up root for good; False: it was not root.

    Raises:
        OSError: it is root and cannot give it up.
    """
    if os.geteuid() != 0:
        return False
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    return True


def end_within(seconds: int) -> None:
    """The kernel ends this process after so many seconds unless it is told again; 0: not any more.

    No handler: whatever native code hangs in cannot keep the signal from working.
    """
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(seconds)
