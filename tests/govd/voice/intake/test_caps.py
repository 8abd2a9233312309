"""What a clip may cost: bytes, decoded seconds, rates, channels, memory, time. More is refused."""

from __future__ import annotations

import io
import os
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile

from govd.contract import voice_limits as limits
from govd.contract.errors import BodyTooLargeError, ClipRefusedError, VoiceUnavailableError
from govd.voice.intake import worker
from govd.voice.intake.pool import ClipIntake
from tests.support import speech

if TYPE_CHECKING:
    from govd.voice.intake.wireform import Answer, Format


def status(pid: int, name: str) -> int:
    """A figure of /proc/PID/status in KiB."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1])


def test_two_hours_of_silence_in_a_small_file_are_refused_while_decoding(clip):
    pool = ClipIntake()
    pool.take(clip)
    before = status(pool.pids()[0], "VmHWM:")
    bomb = speech.flac_of_silence(hours=2)
    assert len(bomb) < 400_000

    with pytest.raises(ClipRefusedError, match="longer than 120 s"):
        pool.take(bomb)
    after = status(pool.pids()[0], "VmHWM:")
    pool.close()

    assert after - before < 32 * 1024, "a block after the other, and no more than 120 s are kept"


def test_a_clip_of_120_seconds_is_taken_and_one_of_121_is_not(intake):
    said = speech.speak("us-m3", speech.TEXTS[2], seconds=120)

    assert intake.take(said).quality.seconds == 120
    with pytest.raises(ClipRefusedError, match="longer than 120 s"):
        intake.take(speech.joined(said, speech.tone(1)))


def test_a_file_over_25_mib_is_not_even_looked_at():
    pool = ClipIntake()

    with pytest.raises(BodyTooLargeError, match="at most 25 MiB"):
        pool.take(b"RIFF\0\0\0\0WAVE" + bytes(limits.MAX_CLIP_BYTES))
    assert pool.pids() == []


def test_the_largest_file_of_the_longest_clip_is_within_the_caps(intake):
    """8 channels at 12 kHz for 120 s, 23 MB: within bytes and seconds, so also within memory and CPU."""
    out = io.BytesIO()
    block = np.random.default_rng(1).integers(-3_000, 3_000, (12_000, 8), np.int16)
    with soundfile.SoundFile(out, "w", 12_000, 8, "PCM_16", format="WAV") as file:
        for _ in range(120):
            file.write(block)
    assert len(out.getvalue()) < limits.MAX_CLIP_BYTES

    assert intake.take(out.getvalue()).quality.seconds == pytest.approx(120, abs=0.01)


@pytest.mark.soak  # the encoder of the test takes eight seconds
def test_the_highest_rate_in_eight_channels_is_within_the_caps(intake):
    """25 MiB of FLAC can hold 120 s of 192 kHz in 8 channels; decoded whole that would be 737 MB."""
    out = io.BytesIO()
    with soundfile.SoundFile(out, "w", 192_000, 8, "PCM_16", format="FLAC") as file:
        for _ in range(30):
            file.write(np.zeros((4 * 192_000, 8), np.int16))

    assert intake.take(out.getvalue()).quality.seconds == pytest.approx(120, abs=0.01)


@pytest.mark.parametrize(("rate", "said"), [(3_000, "3000 Hz"), (1, "1 Hz"), (384_000, "384000 Hz")])
def test_rates_that_no_voice_has_are_refused(intake, rate, said):
    with pytest.raises(ClipRefusedError, match=said):
        intake.take(speech.silence(1, rate=rate))


def test_nine_channels_are_refused(intake, clip):
    with pytest.raises(ClipRefusedError, match="9 channels"):
        intake.take(speech.in_channels(clip, 9))


def test_a_file_without_samples_is_refused(intake):
    with pytest.raises(ClipRefusedError, match="no audio"):
        intake.take(speech.wav([]))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers_are_refused(intake, value):
    data = np.zeros(32_000, np.float32)
    data[20_000] = value
    out = io.BytesIO()
    soundfile.write(out, data, 16_000, format="WAV", subtype="FLOAT")

    with pytest.raises(ClipRefusedError, match="no numbers"):
        intake.take(out.getvalue())


def test_samples_beyond_full_scale_are_cut_to_it(intake):
    out = io.BytesIO()
    soundfile.write(out, np.full(48_000, 1e30, np.float32), 16_000, format="WAV", subtype="FLOAT")

    assert intake.take(out.getvalue()).quality.faults != []


def test_the_process_has_the_limits_that_it_is_said_to_have(intake, clip):
    intake.take(clip)
    rows = Path(f"/proc/{intake.pids()[0]}/limits").read_text(encoding="utf-8").splitlines()
    found = {row[:26].strip(): row[26:].split()[:2] for row in rows}

    for name in ("Max file size", "Max core file size", "Max open files"):
        assert found[name] == ["0", "0"], name
    assert int(found["Max address space"][1]) < worker.MEMORY + 512 * 2**20


def test_a_decoder_that_takes_too_long_is_killed_and_the_next_clip_works(clip):
    pool = ClipIntake(deadline=0.5)
    pool.warm()
    hung = pool.pids()[0]
    os.kill(hung, signal.SIGSTOP)  # as one in an endless loop: it never answers

    with pytest.raises(ClipRefusedError, match="took too long"):
        pool.take(clip)
    assert not Path(f"/proc/{hung}").exists()
    patient = ClipIntake()
    assert patient.take(clip).quality.faults == []
    pool.close()
    patient.close()


class Told(ClipIntake):
    """Tells when a clip has got a decoder."""

    def __init__(self, **limits: Any) -> None:
        super().__init__(**limits)
        self.begun = threading.Event()

    def _answer(self, data: bytes, kind: Format) -> Answer:
        self.begun.set()
        return super()._answer(data, kind)


def test_more_clips_than_decoders_wait_and_then_are_told_to_come_back(clip):
    pool = Told(at_once=1, deadline=60, wait=0.05)
    pool.warm()
    pid = pool.pids()[0]
    os.kill(pid, signal.SIGSTOP)
    first: list[object] = []
    thread = threading.Thread(target=lambda: first.append(pool.take(clip)))
    thread.start()
    try:
        assert pool.begun.wait(30)
        with pytest.raises(VoiceUnavailableError, match="busy"):
            pool.take(clip)
    finally:
        os.kill(pid, signal.SIGCONT)
        thread.join()
    assert len(first) == 1
    pool.close()


def test_many_threads_at_once_each_get_their_own_answer():
    pool = ClipIntake(at_once=2)
    texts = {seconds: speech.tone(seconds) for seconds in (0.5, 0.75, 1.0, 1.25, 1.5, 1.75)}
    answers: dict[float, float] = {}

    def take(seconds: float) -> None:
        answers[seconds] = pool.take(texts[seconds]).quality.seconds

    threads = [threading.Thread(target=take, args=(seconds,)) for seconds in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {seconds: seconds for seconds in texts}
    assert len(pool.pids()) <= 2
    pool.close()
