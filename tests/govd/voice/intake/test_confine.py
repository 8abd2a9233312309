"""What a decoder cannot do any more, whoever started it: no file, no socket, no process, no neighbour."""

from __future__ import annotations

import os
import platform
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from govd.voice.intake import wireform
from govd.voice.intake.wireform import Format, Outcome
from tests.support import needs

ESCAPES = {
    "open": "open('/proc/self/status')",
    "write": "open('/tmp/escaped', 'w')",
    "socket": "__import__('socket').socket()",
    "unix": "__import__('socket').socketpair()",
    "pipe": "os.pipe()",
    "duplicate": "os.dup(0)",
    "fork": "os.fork()",
    "thread": "threading.Thread(target=print).start()",
    "exec": "os.execv('/bin/true', ['true'])",
    "chroot": "os.chroot('/')",
    "unshare": "denied(libc.unshare(0x10000000))",
    "memory": "bytearray(1 << 30)",
    "memfd": "os.memfd_create('x')",
    "root": "os.setuid(0)",
    "limits": "resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))",
    "outlive govd": "signal.signal(signal.SIGIO, signal.SIG_IGN)",
    "let go of the lifeline": "denied(libc.close(0))",
    "its neighbour's limits": "resource.prlimit(neighbour, resource.RLIMIT_NOFILE, (0, 0))",
    "its neighbour's limits, to read": "resource.prlimit(neighbour, resource.RLIMIT_NOFILE)",
    "its CPUs": "os.sched_setaffinity(neighbour, {0})",
    "its scheduling": "os.sched_setscheduler(neighbour, os.SCHED_IDLE, os.sched_param(0))",
    "its attributes": "call(314, 274, neighbour, 0, 0)",  # sched_setattr
    "its priority": "os.setpriority(os.PRIO_PROCESS, neighbour, 19)",
    "its share of the disk": "call(251, 30, 1, neighbour, 3 << 13)",  # ioprio_set
    "its group": "os.setpgid(neighbour, 0)",
    "kill": "os.kill(neighbour, 9)",
    "kill a thread": "call(200, 130, neighbour, 9)",
    "kill a thread of it": "call(234, 131, neighbour, neighbour, 9)",
    "queue a signal": "call(129, 138, neighbour, 9, ctypes.create_string_buffer(128))",
    "a signal by a pipe": "fcntl.fcntl(0, fcntl.F_SETOWN, neighbour)",
    "a handle of it": "os.pidfd_open(neighbour)",
    "ptrace": "denied(libc.ptrace(16, neighbour, 0, 0))",
    "read it": "denied(libc.process_vm_readv(neighbour, 0, 0, 0, 0, 0))",
    "write it": "denied(libc.process_vm_writev(neighbour, 0, 0, 0, 0, 0))",
    "shared memory": "denied(libc.shmget(0, 4096, 0o1600))",
    "somebody's shared memory": "denied(libc.shmat(0, 0, 0))",
    "semaphores": "denied(libc.semget(0, 1, 0o1600))",
    "messages": "denied(libc.msgget(0, 0o1600))",
    "io_uring": "call(425, 425, 1, ctypes.create_string_buffer(256))",
    "perf": "call(298, 241, ctypes.create_string_buffer(128), 0, -1, -1, 0)",
    "bpf": "call(321, 280, 0, ctypes.create_string_buffer(128), 128)",
    "keys": "call(250, 219, 0, -3, 0)",
}
"""System calls without a function of their own: their numbers on x86-64 and on arm64."""
PROGRAM = """
import ctypes, fcntl, os, platform, resource, signal, socket, subprocess, sys, threading
from govd.voice.intake import confine
libc = ctypes.CDLL(None, use_errno=True)
passes = confine.allowed(platform.machine())
column = ("x86_64", "aarch64").index(platform.machine())
def denied(result):
    if result == -1:
        raise OSError(ctypes.get_errno(), "denied")
def call(x86, arm, *arguments):
    denied(libc.syscall((x86, arm)[column], *arguments))
if sys.argv[1] == "user":
    os.setgroups([]); os.setgid(12345); os.setuid(12345)
as_nobody = {} if os.getuid() else {"user": 65534, "group": 65534, "extra_groups": []}
neighbour = subprocess.Popen(["sleep", "600"], stdin=-3, stdout=-3, stderr=-3, **as_nobody).pid
confine.confine(memory=64 << 20)
print(neighbour, os.getuid(), flush=True)
confine.alone(cpu_seconds=60)
for name, escape in ESCAPES.items():
    try:
        eval(escape)
    except (OSError, RuntimeError, MemoryError, ValueError):
        os.write(1, f"{name}: no\\n".encode())
    else:
        os.write(1, f"{name}: ESCAPED\\n".encode())
probes = {335, 336} if platform.machine() == "x86_64" else set()  # SIGILL from the kernel, past any filter
for number in {*range(600), 2**30, 2**30 + 41} - probes:
    if number not in passes:
        ctypes.set_errno(0)
        if (libc.syscall(number, 0, 0, 0, 0, 0, 0), ctypes.get_errno()) != (-1, 1):
            os.write(1, f"{number} passes\\n".encode())
os.write(1, b"done\\n")
os.read(0, 1)
os._exit(0)
"""


@pytest.mark.parametrize("who", ["root", "user"])
def test_nothing_of_the_machine_and_no_neighbour_can_be_reached_from_a_decoder(who):
    """The neighbour is a process of the decoder's own user, as govd is where it is not root."""
    if os.geteuid() != 0 and who == "root":
        needs.root()
    if platform.machine() not in {"x86_64", "aarch64"}:
        needs.skip("the filter of system calls is for x86-64 and arm64")
    mode = "user" if who == "user" and os.geteuid() == 0 else "as-is"
    with subprocess.Popen(
        [sys.executable, "-c", f"ESCAPES = {ESCAPES!r}\n{PROGRAM}", mode],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as decoder:
        assert decoder.stdin is not None
        assert decoder.stdout is not None
        neighbour, uid = map(int, decoder.stdout.readline().split())
        try:
            lines = []
            while lines[-1:] != ["done"] and (line := decoder.stdout.readline()):
                lines.append(line.rstrip("\n"))
            of_decoder = Path(f"/proc/{decoder.pid}/limits").read_text(encoding="utf-8")
            of_neighbour = Path(f"/proc/{neighbour}/stat").read_text(encoding="utf-8")
        finally:
            decoder.stdin.close()
            os.kill(neighbour, signal.SIGKILL)

    assert lines == [*(f"{name}: no" for name in ESCAPES), "done"]
    assert uid != 0
    assert re.search(r"Max cpu time +60 +60", of_decoder)
    assert of_neighbour.rsplit(")", 1)[1].split()[0] not in {"Z", "X", "T", "t"}, "it lives on"


def test_an_ordinary_users_decoder_takes_clips_too(clip):
    """As somebody else from before it is confined: nothing of it needs root."""
    needs.root()
    program = (
        "import os, sys, numpy, soundfile, soxr, webrtcvad\n"
        "from govd.voice.intake import decoding, fingerprint, measuring, worker\n"
        "os.setgroups([]); os.setgid(12345); os.setuid(12345)\n"
        "worker.main()\n"
    )
    (lifeline, held), (gone, done) = os.pipe(), os.pipe()
    process = subprocess.run(
        [sys.executable, "-c", program, "plain", str(lifeline), str(done), "60"],
        input=wireform.REQUEST.pack(Format.WAV, len(clip)) + clip,
        capture_output=True,
        pass_fds=(lifeline, done),
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},  # as the pool starts it: a child has no threads
        check=False,
        timeout=60,
    )
    assert os.read(gone, 2) == b"\1", "one child, and it is gone"
    for end in (lifeline, held, gone, done):
        os.close(end)

    assert process.returncode == 0, process.stderr
    answer, length = wireform.head(process.stdout[: wireform.ANSWER.size])
    assert answer.outcome is Outcome.TAKEN
    assert len(process.stdout) == wireform.ANSWER.size + length
