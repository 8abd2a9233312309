"""What a decoder cannot do any more, whoever started it: no file, no socket, no process, no neighbour."""

from __future__ import annotations

import os
import subprocess
import sys

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
    "fork": "os.fork()",
    "thread": "__import__('threading').Thread(target=print).start()",
    "exec": "os.execv('/bin/true', ['true'])",
    "kill": "os.kill(os.getppid(), 0)",
    "chroot": "os.chroot('/')",
    "memory": "bytearray(1 << 30)",
    "limits": "resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))",
    "root": "os.setuid(0) if os.getuid() else os.kill(os.getppid(), 0)",
    "ptrace": "denied(libc.ptrace(16, os.getppid(), 0, 0))",
    "memfd": "os.memfd_create('x')",
    "unshare": "denied(libc.unshare(0x10000000))",
    "read another": "denied(libc.process_vm_readv(os.getppid(), 0, 0, 0, 0, 0))",
}
PROGRAM = """
import ctypes, os, resource, socket, sys, threading
from govd.voice.intake import confine
libc = ctypes.CDLL(None, use_errno=True)
def denied(result):
    if result == -1:
        raise OSError(ctypes.get_errno(), "denied")
if sys.argv[1] == "user":
    os.setgroups([]); os.setgid(12345); os.setuid(12345)
confine.confine(memory=64 << 20)
confine.alone(cpu_seconds=60)
for name, escape in ESCAPES.items():
    try:
        eval(escape)
    except (OSError, RuntimeError, MemoryError, ValueError):
        os.write(1, f"{name}: no\\n".encode())
    else:
        os.write(1, f"{name}: ESCAPED\\n".encode())
os.write(1, f"uid {os.getuid()} cpu {resource.getrlimit(resource.RLIMIT_CPU)}\\n".encode())
"""


@pytest.mark.parametrize("who", ["root", "user"])
def test_nothing_of_the_machine_can_be_reached_from_a_decoder(who):
    if os.geteuid() != 0 and who == "root":
        needs.root()
    mode = "user" if who == "user" and os.geteuid() == 0 else "as-is"
    done = subprocess.run(
        [sys.executable, "-c", f"ESCAPES = {ESCAPES!r}\n{PROGRAM}", mode],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 0, done.stderr
    *lines, last = done.stdout.splitlines()
    assert lines == [f"{name}: no" for name in ESCAPES]
    assert not last.startswith("uid 0 ")
    assert last.endswith("cpu (60, 60)")


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
