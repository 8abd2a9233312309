"""A decoder may crash, be killed, hang or lie: that clip is refused, and the next one works."""

from __future__ import annotations

import math
import os
import select
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from govd.contract.errors import TYPE_PREFIX, ClipRefusedError, VoiceUnavailableError
from govd.voice.intake import wireform
from govd.voice.intake.pool import ClipIntake
from govd.voice.intake.wireform import Measures, NotAnAnswerError, Outcome
from tests.support.operator import answer
from tests.support.speech import TEXTS, speak

if TYPE_CHECKING:
    from tests.support.voices import VoiceHouse


CRAFTED = b"crafted"
FRAGILE = f"""
import ctypes, importlib.machinery, importlib.util, os, sys

here = os.path.dirname(__file__)
spec = importlib.machinery.PathFinder.find_spec("soundfile", [path for path in sys.path if path != here])
real = importlib.util.module_from_spec(spec)
sys.modules["soundfile"] = real
spec.loader.exec_module(real)

class SoundFile(real.SoundFile):
    def __init__(self, file, *more, **named):
        if {CRAFTED!r} in file.getvalue()[:64]:
            ctypes.string_at(0)
        super().__init__(file, *more, **named)

real.SoundFile = SoundFile
"""
"""The library itself, behind a look at a file's head."""


def running(pid: int) -> bool:
    """Whether there is such a process, and it is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def confined(pid: int) -> bool | None:
    """Whether a process gave up its system calls, as a child does when its clip comes; None: it is gone."""
    try:
        return "\nSeccomp:\t2\n" in Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return None


def next_child_of(pid: int) -> int:
    """The process that will hear the next clip, as soon as there is one."""
    while True:
        for entry in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = entry.read_text(encoding="utf-8").rsplit(")", 1)[1].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            child = int(entry.parent.name)
            if int(fields[1]) == pid and confined(child) is False:
                return child


def heard_by(child: int) -> int:
    """That process, once it hears its clip."""
    while confined(child) is False:
        pass
    return child


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGXCPU])
def test_a_crash_in_the_middle_of_a_clip_costs_that_clip_alone(clip, number):
    """SIGSEGV is what libsndfile was seen to end by, SIGXCPU what the limit on CPU ends it by."""
    pool = ClipIntake(at_once=1)
    pool.take(clip)
    waiting = pool.pids()[0]
    long = speak("us-m3", TEXTS[2], seconds=119)
    child = next_child_of(waiting)
    refused: list[str] = []

    def take() -> None:
        try:
            pool.take(long)
        except ClipRefusedError as error:
            refused.append(error.detail)

    thread = threading.Thread(target=take)
    thread.start()
    os.kill(heard_by(child), number)
    thread.join()

    assert [f"ended with signal {int(number)} on this clip" in said for said in refused] == [True]
    assert not running(waiting)
    assert len(pool.pids()) == 1, "a spare is there before the next clip asks"
    assert pool.take(clip).quality.faults == []
    pool.close()


@pytest.fixture
def fragile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """A file at whose first bytes the decoder's library reads address 0; of any other it does its work."""
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "soundfile.py").write_text(FRAGILE, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "library"))
    return b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0" + CRAFTED + bytes(8_000)


@pytest.mark.threat("T18")
def test_a_crafted_file_that_crashes_the_decoder_costs_itself_alone(clip: bytes, fragile: bytes):
    """A file made for a hole in libsndfile: the same again and again, beside the clips of others."""
    pool = ClipIntake(at_once=1)
    for _ in range(2):
        with pytest.raises(ClipRefusedError, match=f"ended with signal {int(signal.SIGSEGV)} on this clip"):
            pool.take(fragile)
        assert pool.take(clip).quality.faults == []
    pool.close()


@pytest.mark.threat("T18")
def test_an_agent_that_sends_such_a_file_is_told_and_the_next_is_served(
    house: VoiceHouse, clip: bytes, fragile: bytes
):
    """The same by `/verify`: no other agent's clip, and nothing else of govd, is the worse for it."""
    house.enroll("owner")
    house.intake = ClipIntake(at_once=1)
    house.restart()

    refused = house.verify(fragile)
    taken = answer(house.verify(clip, agent="other"))

    assert refused.status_code == 422
    assert refused.json()["type"] == TYPE_PREFIX + "clip-refused"
    assert f"signal {int(signal.SIGSEGV)}" in refused.json()["detail"]
    assert (taken["verified"], taken["quality"]["faults"]) == (False, [])
    assert house.agent().ask("GET", "/health").json()["status"] == "ok"


def test_a_process_that_somebody_killed_while_it_waited_is_no_clips_fault(clip):
    pool = ClipIntake(at_once=1)
    pool.take(clip)
    os.kill(pool.pids()[0], signal.SIGKILL)
    os.waitid(os.P_PID, pool.pids()[0], os.WEXITED | os.WNOWAIT)

    assert pool.take(clip).quality.faults == []
    pool.close()


def test_each_clip_has_a_child_of_its_own_which_is_gone_before_the_next(clip):
    """What a file's author may have got hold of hears no other clip, and answers none."""
    pool = ClipIntake(at_once=1)
    long = speak("us-m3", TEXTS[2], seconds=119)
    pool.take(clip)
    (waiting,) = pool.pids()
    children = []
    for _ in range(2):
        child = next_child_of(waiting)
        thread = threading.Thread(target=pool.take, args=(long,))
        thread.start()
        children.append(heard_by(child))
        thread.join()
    pool.take(clip)

    assert len(set(children)) == 2
    assert not any(map(running, children))
    assert pool.pids() == [waiting]
    pool.close()


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL])
def test_a_child_that_ends_while_it_waits_is_no_clips_fault(clip, number):
    """The machine runs out of memory, and the child is what it ends."""
    pool = ClipIntake(at_once=1)
    pool.take(clip)
    (before,) = pool.pids()
    os.kill(next_child_of(before), number)
    os.waitid(os.P_PID, before, os.WEXITED | os.WNOWAIT)

    assert pool.take(clip).quality.faults == []
    pool.close()


def test_what_makes_children_and_its_child_are_gone_when_the_pool_is_closed(clip):
    pool = ClipIntake(at_once=1)
    pool.take(clip)
    (before,) = pool.pids()
    child = os.pidfd_open(next_child_of(before))
    pool.close()

    assert select.select([child], [], [], 30)[0]
    os.close(child)


def test_the_same_process_takes_many_clips(intake, clip):
    intake.take(clip)
    before = intake.pids()

    for _ in range(3):
        intake.take(clip)
    with pytest.raises(ClipRefusedError):
        intake.take(b"fLaC" + clip[4:])
    assert intake.pids() == before


def test_a_process_is_replaced_after_its_share_of_clips(clip):
    pool = ClipIntake(at_once=1, clips=2)
    pool.take(clip)
    first = pool.pids()
    pool.take(clip)

    assert not set(pool.pids()) & set(first)
    assert pool.take(clip).quality.faults == []
    pool.close()


def test_a_decoder_that_had_ended_for_want_of_work_is_no_clips_fault(clip):
    pool = ClipIntake(at_once=1, idle=0.01)
    pool.warm()
    first = pool.pids()[0]
    os.waitid(os.P_PID, first, os.WEXITED | os.WNOWAIT)

    assert pool.take(clip).quality.faults == []
    assert first not in pool.pids()
    pool.close()


def test_without_its_libraries_no_decoder_starts_and_no_clip_is_blamed(clip, tmp_path, monkeypatch):
    (tmp_path / "soundfile.py").write_text("raise ImportError('gone')", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    pool = ClipIntake()

    with pytest.raises(VoiceUnavailableError, match="does not start"):
        pool.take(clip)
    pool.close()


def test_after_closing_nothing_runs_and_nothing_is_taken(clip):
    pool = ClipIntake(at_once=1)
    pool.take(clip)
    (pid,) = pool.pids()
    pool.close()

    assert not running(pid)
    with pytest.raises(VoiceUnavailableError):
        pool.take(clip)
    pool.warm()
    assert pool.pids() == []


def test_closing_ends_a_clip_that_is_under_way(clip):
    pool = ClipIntake(at_once=1)
    pool.warm()
    os.kill(pool.pids()[0], signal.SIGSTOP)
    ended: list[type] = []

    def take() -> None:
        try:
            pool.take(clip)
        except VoiceUnavailableError as error:
            ended.append(type(error))

    thread = threading.Thread(target=take)
    thread.start()
    pool.close()
    thread.join()
    assert ended == [VoiceUnavailableError]
    assert pool.pids() == []


PARENT = """
import sys, time
from govd.voice.intake import wireform
from govd.voice.intake.pool import ClipIntake
from govd.voice.intake.wireform import Measures, NotAnAnswerError, Outcome
from tests.support.speech import TEXTS, speak
pool = ClipIntake()
pool.take(sys.stdin.buffer.read())
print(*pool.pids(), flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("stopped", [False, True])
def test_a_decoder_dies_with_its_parent(clip, stopped):
    """Also while it hears nothing: it is stopped, the parent dies, and the signal is waiting for it."""
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert parent.stdin is not None
    assert parent.stdout is not None
    parent.stdin.write(clip)
    parent.stdin.close()
    pid = int(parent.stdout.readline())
    parent.stdout.close()
    watched = os.pidfd_open(pid)
    if stopped:
        os.kill(pid, signal.SIGSTOP)
    parent.kill()
    parent.wait()
    if stopped:
        os.kill(pid, signal.SIGCONT)

    assert select.select([watched], [], [], 30)[0]
    os.close(watched)


def test_a_process_that_lies_is_not_believed():
    """A decoder in the hands of a file's author can answer anything; what cannot be is not taken for true."""
    good = Measures(5.0, 2.0, -20.0, 30.0, 0.0, 7_000.0, 0.0, 8.0, 0.0, 0.0)
    frame = wireform.taken(good, b"f" * 32, b"s" * 32, bytes(4 * 32_000))
    size = wireform.ANSWER.size
    assert wireform.head(frame[:size])[1] == 4 * 32_000

    lies = [
        wireform.taken(good, b"f" * 32, b"", bytes(4 * 31_000)),  # fewer samples than it says
        wireform.taken(good, b"f" * 32, b"", bytes(4 * 32_000 + 2)),  # half a sample
        wireform.taken(replace(good, snr_db=math.nan), b"f" * 32, b"", bytes(4 * 32_000)),
        wireform.taken(replace(good, bandwidth_hz=math.inf), b"f" * 32, b"", bytes(4 * 32_000)),
        wireform.taken(
            replace(good, seconds=1.0), b"f" * 32, b"", bytes(4 * 32_000)
        ),  # more speech than sound
        wireform.taken(replace(good, seconds=9e9), b"f" * 32, b"", bytes(4 * 32_000)),
        wireform.taken(replace(good, clipped=2.0), b"f" * 32, b"", bytes(4 * 32_000)),
        wireform.taken(replace(good, hiss=1.1), b"f" * 32, b"", bytes(4 * 32_000)),
        wireform.taken(good, b"", b"s" * 32, bytes(4 * 32_000)),  # no print
        frame[:73] + b"\xff" + frame[74:],  # more prints than there is room for
        b"\x63" + frame[1:],  # no such outcome
        wireform.refusal(Outcome.EMPTY)[:-4] + b"\0\0\0\4",  # a refusal with samples
        frame[: size - 4] + b"\xff\xff\xff\xfc",  # four gigabytes
    ]
    for lie in lies:
        with pytest.raises(NotAnAnswerError):
            wireform.head(lie[:size])


@pytest.mark.parametrize("said", ["b'\\x00' * 4096", "b''"])
def test_a_decoder_that_answers_nonsense_is_replaced(clip, tmp_path, monkeypatch, said):
    """A library of another making, put in the way of ours, that writes what it likes."""
    lying = f"import os\nos.write(1, {said})\nos._exit(9)\n"
    (tmp_path / "soundfile.py").write_text(lying, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    pool = ClipIntake()
    with pytest.raises(ClipRefusedError, match=r"answered|ended with code 9"):
        pool.take(clip)

    liar = pool.pids()
    monkeypatch.undo()
    with pytest.raises(ClipRefusedError):
        pool.take(clip)  # the spare, which was started while the library was in the way
    assert pool.take(clip).quality.faults == []
    assert not set(pool.pids()) & set(liar)
    pool.close()


def test_importing_the_intake_loads_no_decoder_and_no_numbers():
    program = "import sys, govd.voice.intake, govd.voice.intake.pool; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert not set(done.stdout.split()) & {"numpy", "soundfile", "soxr", "webrtcvad", "av", "_cffi_backend"}
