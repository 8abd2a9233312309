"""Makes this process an ordinary user's: in a user namespace where root has another number."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

_CLONE_NEWUSER = 0x10000000
_UID = 1000


def become_ordinary() -> None:
    """Give root up; nothing where there is no root to give up.

    Raises:
        OSError: this system allows no user namespace.
    """
    if os.geteuid() != 0:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"{_UID} 0 1", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"{_UID} 0 1", encoding="ascii")
