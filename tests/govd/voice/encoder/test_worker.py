"""The worker process: what it gives up, what it is not given, and that it does not outlive its supervisor."""

from __future__ import annotations

import io
import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

from govd.contract.errors import ClipRefusedError
from govd.voice.encoder import frames, process
from govd.voice.encoder.frames import Kind
from govd.voice.encoder.pool import EncoderPool
from tests.govd.voice.encoder.conftest import noise
from tests.support import needs, onnxmodel


def test_it_ends_when_its_supervisor_is_killed(choice):
    # The supervisor's supervisor: it embeds once, says its worker's pid, and waits to be killed.
    program = f"""
import sys
from govd.voice.encoder.process import Worker
worker = Worker({process.command(choice, 30)!r}, 60)
print(worker.pid, flush=True)
sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as supervisor:
        worker = int(supervisor.stdout.readline())
        watched = os.pidfd_open(worker)
        supervisor.kill()

    assert select.select([watched], [], [], 30)[0]
    os.close(watched)


def test_it_is_given_neither_tokens_nor_proxies(monkeypatch, pool):
    for name in ("GOVD_STATE", "HTTPS_PROXY", "AWS_SECRET_ACCESS_KEY", "PYTHONPATH"):
        monkeypatch.setenv(name, "mine")

    pool.embed(noise())

    assert b"mine" not in Path(f"/proc/{pool.pid}/environ").read_bytes()


def test_it_runs_apart_bounded_and_without_more_privileges(pool):
    pool.embed(noise())

    said = Path(f"/proc/{pool.pid}/status").read_text(encoding="ascii").splitlines()
    status = dict(line.split(":\t", 1) for line in said if ":\t" in line)
    bounds = Path(f"/proc/{pool.pid}/limits").read_text(encoding="ascii").splitlines()
    limits = {line[:25].strip(): line[26:].split()[0] for line in bounds}
    assert status["NoNewPrivs"] == "1"
    assert int(status["Threads"]) <= 4
    assert os.getsid(pool.pid) == pool.pid
    assert limits["Max file size"] == "0"
    assert limits["Max core file size"] == "0"
    # It has what it needs: nothing can be opened any more, neither files nor sockets.
    assert limits["Max open files"] == "0"


@pytest.mark.threat(25)
def test_where_govd_is_root_it_is_nobody(pool):
    """Whoever gets hold of the encoder through a model acts with the rights of govd, root's."""
    needs.root()

    pool.embed(noise())

    said = Path(f"/proc/{pool.pid}/status").read_text(encoding="ascii").splitlines()
    status = dict(line.split(":", 1) for line in said)
    assert status["Uid"].split() == status["Gid"].split() == ["65534"] * 4
    assert status["Groups"].split() == []
    assert {int(status[name], 16) for name in ("CapEff", "CapPrm", "CapInh", "CapAmb")} == {0}


WATCHED = """
import os, sys
from govd.voice.encoder import worker

def watch(event, arguments):
    if event in {"open", "os.listdir", "socket.__new__"} and os.getuid() == 65534:
        # Where nobody may read, this would fail.
        os._exit(77)

sys.addaudithook(watch)
raise SystemExit(worker.main())
"""


@pytest.mark.threat(25)
def test_as_nobody_it_opens_nothing_not_even_pythons_own_files(choice, timers):
    """A worker that has given up its rights opens a file that was put in its way."""
    needs.root()

    def watched(chosen, deadline):
        argv = process.command(chosen, deadline)
        return [argv[0], "-I", "-c", WATCHED, *argv[argv.index("govd.voice.encoder.worker") + 1 :]]

    pool = EncoderPool(lambda: choice, timers=timers, command=watched)
    try:
        with pytest.raises(ClipRefusedError):
            pool.embed(noise(0.001))
        assert len(pool.embed(noise())) == onnxmodel.DIMENSION * 4
    finally:
        pool.close()


@pytest.mark.threat(25)
def test_for_an_ordinary_user_it_embeds_too(choice):
    """Without root the limits are left out, and a model's code opens files and sockets."""
    program = f"""
from pathlib import Path
from tests.support.ordinary import become_ordinary
become_ordinary()
# Not before: numpy has threads, and those keep a process in its namespace.
from tests.govd.voice.encoder.conftest import choice_of, noise
from govd.voice.encoder.pool import EncoderPool
pool = EncoderPool(lambda: choice_of(Path({str(choice.weights)!r})))
vector = pool.embed(noise())
limits = Path(f"/proc/{{pool.pid}}/limits").read_text().splitlines()
pool.close()
print(len(vector), next(line.split()[3] for line in limits if line.startswith("Max open files")))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False, timeout=60)

    if b"not permitted" in done.stderr:
        needs.skip("this system allows no user namespace")
    assert done.stdout.split() == [b"%d" % (onnxmodel.DIMENSION * 4), b"0"], done.stderr


def test_it_has_no_network_where_the_system_allows_that(pool):
    allowed = subprocess.run(
        [sys.executable, "-c", "from govd.voice.encoder import confine; print(confine.leave_network())"],
        capture_output=True,
        check=True,
        timeout=60,
    ).stdout.strip()

    pool.embed(noise())

    apart = Path(f"/proc/{pool.pid}/ns/net").readlink() != Path("/proc/self/ns/net").readlink()
    assert apart is (allowed == b"True")


@pytest.mark.parametrize("data", [b"E", b"E\x01\0\0\0", b"Z\0\0\0\0", b"E\xff\xff\xff\xff"])
def test_a_frame_that_is_none_is_not_read(data):
    with pytest.raises(ValueError, match=r"frame|Kind"):
        frames.read(io.BytesIO(data), 100)


def test_a_frame_is_read_as_it_was_written():
    stream = io.BytesIO(frames.pack(Kind.EMBED, b"abcd") + frames.pack(Kind.REFUSED, b""))

    assert frames.read(stream, 100) == (Kind.EMBED, b"abcd")
    assert frames.read(stream, 100) == (Kind.REFUSED, b"")
    assert frames.read(stream, 100) is None
