"""The supervisor: what becomes of a clip when the worker crashes, hangs, lies, is killed or is idle."""

from __future__ import annotations

import os
import signal
import struct
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from govd.contract.errors import ClipRefusedError, VoiceUnavailableError
from govd.voice.encoder.frames import MAX_REQUEST
from govd.voice.encoder.pool import EncoderPool
from tests.govd.voice.encoder.conftest import choice_of, noise
from tests.support import onnxmodel, voice_worker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from govd.voice.encoder.model import Choice
    from tests.govd.voice.encoder.conftest import HandTimers

WORKER = Path(voice_worker.__file__)


class Faulty:
    """A pool over a worker that misbehaves, and how often that one was started."""

    def __init__(
        self, choice: Choice, folder: Path, mode: str, deadline_s: float, timers: HandTimers
    ) -> None:
        view = choice.view.model_copy(update={"dimension": voice_worker.DIMENSION})
        self._starts = folder / "starts"
        argv = [sys.executable, "-I", str(WORKER), mode, str(self._starts)]
        self.pool = EncoderPool(
            lambda: replace(choice, view=view),
            deadline_s=deadline_s,
            timers=timers,
            command=lambda _choice, _deadline: argv,
        )

    @property
    def pids(self) -> list[int]:
        return [int(line) for line in self._starts.read_text(encoding="ascii").splitlines()]


@pytest.fixture
def faulty(
    request: pytest.FixtureRequest, choice: Choice, tmp_path: Path, timers: HandTimers
) -> Iterator[Faulty]:
    slow = request.param in {"hang", "deaf"}
    made = Faulty(choice, tmp_path, request.param, deadline_s=0.2 if slow else 30, timers=timers)
    yield made
    made.pool.close()


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_clip_is_embedded_by_a_process_that_starts_when_it_is_needed(pool):
    assert pool.pid is None

    vector = struct.unpack(f"<{onnxmodel.DIMENSION}f", pool.embed(noise()))

    assert sum(number**2 for number in vector) == pytest.approx(1.0)
    assert pool.pid is not None
    assert pool.degraded is None
    assert pool.model.id == "tiny"


def test_the_same_worker_answers_the_next_clip(pool):
    first = pool.embed(noise())
    pid = pool.pid

    assert pool.embed(noise()) == first
    assert pool.embed(noise(seed=2)) != first
    assert pool.pid == pid


def test_a_worker_that_was_killed_between_clips_is_replaced(pool):
    first = pool.embed(noise())
    killed = pool.pid
    os.kill(killed, signal.SIGKILL)

    assert pool.embed(noise()) == first
    assert pool.pid != killed


@pytest.mark.parametrize("faulty", ["crash-once"], indirect=True)
def test_a_worker_that_crashes_over_a_clip_is_started_once_more(faulty):
    assert faulty.pool.embed(noise()) == voice_worker.GOOD
    assert len(faulty.pids) == 2
    assert faulty.pool.degraded is None


@pytest.mark.parametrize(
    "faulty", ["crash", "short", "long", "nan", "noise", "twice", "endless"], indirect=True
)
def test_a_clip_over_which_the_worker_fails_twice_is_not_verified_and_harms_no_other(faulty):
    with pytest.raises(VoiceUnavailableError, match="2 times in a row") as refused:
        faulty.pool.embed(noise())

    assert refused.value.hint == "govd voice model list"
    assert len(faulty.pids) == 2
    assert all(gone(pid) for pid in faulty.pids)
    assert faulty.pool.degraded is None


@pytest.mark.parametrize("faulty", ["stillborn", "unready"], indirect=True)
def test_a_worker_that_does_not_start_is_said_until_it_is_tried_again(faulty, timers: HandTimers):
    with pytest.raises(VoiceUnavailableError, match="does not start") as refused:
        faulty.pool.embed(noise())

    assert len(faulty.pids) == 2
    assert all(gone(pid) for pid in faulty.pids)
    assert faulty.pool.degraded == (refused.value.detail, "govd voice model list")
    assert [seconds for seconds, _ in timers.waiting] == [15.0]
    timers.go_off()
    assert faulty.pool.degraded is None


@pytest.mark.parametrize("faulty", ["hang", "deaf"], indirect=True)
def test_a_worker_that_is_too_slow_is_ended_and_not_asked_again(faulty):
    # More than a pipe holds, so that the one that does not listen blocks whoever writes.
    clip = noise(seconds=10)

    with pytest.raises(VoiceUnavailableError, match=r"no answer within 0\.2 s"):
        faulty.pool.embed(clip)

    assert len(faulty.pids) == 1
    assert gone(faulty.pids[0])


@pytest.mark.parametrize("faulty", ["refused"], indirect=True)
def test_a_clip_that_the_worker_refuses_is_the_clips_fault(faulty):
    with pytest.raises(ClipRefusedError, match="too short"):
        faulty.pool.embed(noise())

    assert len(faulty.pids) == 1
    assert faulty.pool.degraded is None


@pytest.mark.parametrize("faulty", ["failed"], indirect=True)
def test_a_model_that_fails_is_said(faulty):
    with pytest.raises(VoiceUnavailableError, match="no direction"):
        faulty.pool.embed(noise())


@pytest.mark.parametrize("pcm", [b"", b"\0" * 7, b"\0" * (MAX_REQUEST + 4)], ids=["none", "odd", "long"])
def test_what_is_no_clip_reaches_no_worker(pool, pcm):
    with pytest.raises(ClipRefusedError):
        pool.embed(pcm)

    assert pool.pid is None


def test_ten_milliseconds_are_too_short(pool):
    with pytest.raises(ClipRefusedError, match="at least 320 samples"):
        pool.embed(noise(seconds=0.01))


def test_weights_that_were_changed_are_not_loaded(choice):
    choice.weights.write_bytes(onnxmodel.model(scale=2.0))
    pool = EncoderPool(lambda: choice)

    with pytest.raises(VoiceUnavailableError, match="SHA-256 differs"):
        pool.embed(noise())

    assert pool.pid is None
    pool.close()


def test_weights_behind_a_link_are_not_loaded(choice, tmp_path):
    link = tmp_path / "link.onnx"
    link.symlink_to(choice.weights)
    pool = EncoderPool(lambda: replace(choice, weights=link))

    with pytest.raises(VoiceUnavailableError, match="cannot be loaded"):
        pool.embed(noise())
    pool.close()


def test_a_model_of_another_dimension_than_its_card_says_is_not_used(choice):
    wrong = replace(choice, view=choice.view.model_copy(update={"dimension": 192}))
    pool = EncoderPool(lambda: wrong)

    with pytest.raises(VoiceUnavailableError, match="gives 32 numbers, and its card says 192"):
        pool.embed(noise())
    pool.close()


def test_a_model_that_was_swapped_answers_from_the_next_clip_on(choice, tmp_path):
    other = tmp_path / "other.onnx"
    other.write_bytes(onnxmodel.model(nodes=(onnxmodel.node("Abs", ["m"], ["unused"]),)))
    in_use = [choice]
    pool = EncoderPool(lambda: in_use[0])
    pool.embed(noise())
    before = pool.pid

    in_use[0] = choice_of(other)
    pool.embed(noise())

    assert pool.model.id == "other"
    assert pool.pid != before
    assert gone(before)
    pool.close()


def test_with_no_model_the_hint_is_the_command_that_mends_it():
    def none() -> Choice:
        raise VoiceUnavailableError("no speaker model is in use", hint="govd voice model use ID")

    pool = EncoderPool(none)

    assert pool.model is None
    assert pool.degraded == ("no speaker model is in use", "govd voice model use ID")
    with pytest.raises(VoiceUnavailableError):
        pool.embed(noise())
    pool.close()


def test_an_idle_worker_ends_and_the_next_clip_starts_another(pool, timers: HandTimers):
    first = pool.embed(noise())
    idle = pool.pid
    assert [seconds for seconds, _ in timers.waiting] == [600.0]

    timers.go_off()

    assert pool.pid is None
    assert gone(idle)
    assert pool.embed(noise()) == first


def test_each_clip_begins_the_idle_time_anew(pool, timers: HandTimers):
    pool.embed(noise())
    late = timers.waiting[0][1]
    pool.embed(noise())

    late()

    assert pool.pid is not None
    assert len(timers.waiting) == 1


def test_a_worker_can_be_started_ahead_of_the_clip(choice):
    started = threading.Event()

    class Watched:
        def after(self, _seconds: float, _action: object):
            started.set()
            return lambda: None

    pool = EncoderPool(lambda: choice, timers=Watched())

    pool.warm()
    assert started.wait(30)
    ahead = pool.pid
    pool.embed(noise())

    assert ahead is not None
    assert pool.pid == ahead
    pool.close()


def test_starting_ahead_with_no_model_is_no_error():
    asked = threading.Event()

    def none() -> Choice:
        asked.set()
        raise VoiceUnavailableError("no speaker model is in use", hint="govd voice model use ID")

    pool = EncoderPool(none)

    pool.warm()

    assert asked.wait(30)
    assert pool.pid is None
    pool.close()


def test_many_at_once_each_get_their_own_answer(pool):
    clips = [noise(seed=seed) for seed in range(6)]
    alone = [pool.embed(clip) for clip in clips]
    found: dict[int, bytes] = {}

    def ask(number: int) -> None:
        found[number] = pool.embed(clips[number])

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(len(clips))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [found[number] for number in range(len(clips))] == alone


def test_a_closed_pool_has_no_worker_and_starts_none(pool, timers: HandTimers):
    pool.embed(noise())
    pid = pool.pid

    pool.close()

    assert gone(pid)
    assert timers.waiting == []
    with pytest.raises(VoiceUnavailableError, match="stopping"):
        pool.embed(noise())
