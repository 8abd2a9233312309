"""A decoder's cell: what a process gives up before it looks at anybody's file.

Each step may be refused by the machine, and then the others hold; none may be undone later. Must be called
after everything is imported: no file can be opened any more. `confine` is for the process that waits,
`alone` for the child that it makes for one clip.

- No new file descriptor (RLIMIT_NOFILE 0): no file, no socket, no pipe, so no network either.
- No new process or thread, no file growth, no core, a cap on memory and CPU seconds.
- As root: a network and IPC of its own, then the user and group of nobody.
- seccomp: neither other processes nor programs, keys, tracing or namespaces (EPERM), on x86-64 and arm64.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import platform
import resource
import select
import signal
import struct
import sys
from pathlib import Path
from typing import Final

_NOBODY: Final = 65534
_CLONE_NEWNET: Final = 0x40000000
_CLONE_NEWIPC: Final = 0x08000000
_PR_SET_DUMPABLE: Final = 4
_PR_SET_SECCOMP: Final = 22
_PR_SET_NO_NEW_PRIVS: Final = 38
_SECCOMP_FILTER: Final = 2

_WITHOUT_PROC: Final = 2**30

_AUDIT_ARCH: Final = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_DENIED: Final[dict[str, tuple[int, ...]]] = {
    # open, sockets, clone, fork, vfork, execve, kill, ptrace, mount, chroot, tkill, openat, unshare, setns,
    # process_vm_*, memfd, execveat, bpf, userfaultfd, perf, io_uring, keys, tgkill, pidfd_*, clone3, openat2
    "x86_64": (
        *(
            2,
            85,
            *range(41, 44),
            53,
            56,
            57,
            58,
            59,
            62,
            101,
            129,
            155,
            161,
            165,
            166,
            200,
            234,
            248,
            249,
            250,
        ),
        *(257, 272, 288, 297, 298, 308, 310, 311, 319, 321, 322, 323, *range(424, 428), 434, 435, 437, 438),
    ),
    "aarch64": (
        *(
            39,
            40,
            41,
            51,
            56,
            97,
            117,
            129,
            130,
            131,
            138,
            *range(198, 204),
            217,
            218,
            219,
            220,
            221,
            240,
            241,
        ),
        *(242, 268, 270, 271, 279, 280, 281, 282, *range(424, 428), 434, 435, 437, 438),
    ),
}
"""System calls by their numbers, which never change."""


def die_with(lifeline: int) -> None:
    """End when the other end of this pipe closes, which govd alone holds.

    By a signal, so that a decoder in an endless loop ends too; PR_SET_PDEATHSIG would end with the thread
    that started us, and govd's threads come and go.
    """
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGIO])
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)
    if select.select([lifeline], [], [], 0)[0]:  # it had closed before
        sys.exit(0)


def confine(*, memory: int) -> None:
    """Give up everything but the making of a child for each clip; for ever.

    Args:
        memory: Bytes of address space beyond what is mapped now, here and in each child.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    mapped = _mapped()
    if os.geteuid() == 0:
        _as_nobody(libc)
    libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    _limit(resource.RLIMIT_AS, mapped + memory)
    for kind in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE):
        _limit(kind, 0)


def alone(*, cpu_seconds: int) -> None:
    """Give up the rest, in the child, before it reads a byte of somebody's file.

    Args:
        cpu_seconds: Then SIGXCPU ends it.
    """
    _limit(resource.RLIMIT_CPU, cpu_seconds)
    _limit(resource.RLIMIT_NPROC, 0)
    _no_syscalls(ctypes.CDLL(None, use_errno=True))


def _as_nobody(libc: ctypes.CDLL) -> None:
    libc.unshare(_CLONE_NEWNET | _CLONE_NEWIPC)
    with contextlib.suppress(OSError):
        os.setgroups([])
    with contextlib.suppress(OSError):
        os.setresgid(_NOBODY, _NOBODY, _NOBODY)
        os.setresuid(_NOBODY, _NOBODY, _NOBODY)


def _mapped() -> int:
    """Bytes of address space; without a /proc, what the libraries of a large extra would take."""
    try:
        return int(Path("/proc/self/statm").read_bytes().split()[0]) * resource.getpagesize()
    except OSError:
        return _WITHOUT_PROC


def _limit(kind: int, value: int) -> None:
    most = resource.getrlimit(kind)[1]
    if most != resource.RLIM_INFINITY:
        value = min(value, most)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(kind, (value, value))


def _no_syscalls(libc: ctypes.CDLL) -> None:
    """A filter (seccomp(2), classic BPF): another architecture's numbers, or one of the list, give EPERM."""
    machine = platform.machine()
    if machine not in _DENIED or ctypes.sizeof(ctypes.c_void_p) != 8:  # noqa: PLR2004 - a 64-bit process
        return
    denied = _DENIED[machine]
    load, equal, at_least, give = 0x20, 0x15, 0x35, 0x06
    program = [
        (load, 0, 0, 4),
        (equal, 0, len(denied) + 3, _AUDIT_ARCH[machine]),
        (load, 0, 0, 0),
        (at_least, len(denied) + 1, 0, 0x40000000),  # x32's numbers on x86-64
        *((equal, len(denied) - at, 0, number) for at, number in enumerate(denied)),
        (give, 0, 0, 0x7FFF0000),
        (give, 0, 0, 0x00050001),
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in program))
    filters = ctypes.create_string_buffer(struct.pack("=HxxxxxxQ", len(program), ctypes.addressof(code)))
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    libc.prctl(_PR_SET_SECCOMP, _SECCOMP_FILTER, filters, 0, 0)
