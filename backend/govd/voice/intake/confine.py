"""A decoder's cell: what a process gives up before it looks at anybody's file.

Each step may be refused by the machine, and then the others hold; none may be undone later. Must be called
after everything is imported: no file can be opened any more. `confine` is for the process that waits,
`alone` for the child that it makes for one clip.

- No new file descriptor (RLIMIT_NOFILE 0): no file, no socket, no pipe, so no network either.
- No new process or thread, no file growth, no core, a cap on memory and CPU seconds.
- As root: a network and IPC of its own, then the user and group of nobody.
- seccomp, on x86-64 and arm64: a short list of system calls passes, and every other gives EPERM. It is all
  that keeps a child from its neighbours (their limits, CPUs, signals) where govd is an ordinary user.
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
from functools import cache
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
_ALLOWED: Final[dict[str, tuple[int | None, int | None]]] = {
    "read": (0, 63),
    "write": (1, 64),
    "mmap": (9, 222),
    "mprotect": (10, 226),
    "munmap": (11, 215),
    "brk": (12, 214),
    "mremap": (25, 216),
    "madvise": (28, 233),
    "futex": (202, 98),
    "rt_sigreturn": (15, 139),
    "restart_syscall": (219, 128),
    "getpid": (39, 172),
    "gettid": (186, 178),
    "sched_yield": (24, 124),
    "clock_gettime": (228, 113),
    "gettimeofday": (96, 169),
    "time": (201, None),
    "getrandom": (318, 278),
    "exit": (60, 93),
    "exit_group": (231, 94),
}
"""All that a child may ask the kernel for once it reads a file, by the numbers of x86-64 and arm64, which
never change. Seen of every format: read, write, brk, madvise, futex and exit_group; the others are what a C
library may take instead. Nothing of it names another process, or a signal's fate: so the lifeline holds."""
_COLUMN: Final = {"x86_64": 0, "aarch64": 1}


def allowed(machine: str) -> frozenset[int]:
    """The numbers that pass the filter on this kind of machine (`platform.machine()`); empty: it has none."""
    if machine not in _COLUMN:
        return frozenset()
    numbers = (pair[_COLUMN[machine]] for pair in _ALLOWED.values())
    return frozenset(number for number in numbers if number is not None)


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
    libc, program = cell()
    if program is not None:
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        libc.prctl(_PR_SET_SECCOMP, _SECCOMP_FILTER, program, 0, 0)


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


@cache
def cell() -> tuple[ctypes.CDLL, ctypes.Array[ctypes.c_char] | None]:
    """What `alone` needs, made once and before: the C library, and the filter where this machine has one.

    The filter (seccomp(2), classic BPF): another architecture's numbers, or none of the list, give EPERM.
    """
    libc, machine = ctypes.CDLL(None, use_errno=True), platform.machine()
    numbers = sorted(allowed(machine))
    if not numbers or ctypes.sizeof(ctypes.c_void_p) != 8:  # noqa: PLR2004 - a 64-bit process
        return libc, None
    load, equal, give = 0x20, 0x15, 0x06
    program = [
        (load, 0, 0, 4),
        (equal, 0, len(numbers) + 1, _AUDIT_ARCH[machine]),
        (load, 0, 0, 0),
        *((equal, len(numbers) - at, 0, number) for at, number in enumerate(numbers)),
        (give, 0, 0, 0x00050001),
        (give, 0, 0, 0x7FFF0000),
    ]
    # One buffer, the head before the lines that it points to: they live as long as it does.
    head, step = struct.Struct("=HxxxxxxQ"), struct.Struct("=HBBI")
    whole = ctypes.create_string_buffer(head.size + step.size * len(program))
    head.pack_into(whole, 0, len(program), ctypes.addressof(whole) + head.size)
    for at, line in enumerate(program):
        step.pack_into(whole, head.size + step.size * at, *line)
    return libc, whole
