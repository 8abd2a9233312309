"""Where clips come from: files as they are, pipes of the right kind only, programs that may fail."""

from __future__ import annotations

import io
import os
import stat
import struct
import wave
from typing import TYPE_CHECKING

import pytest

from govconsole.capture.arecord import ArecordSource
from govconsole.capture.files import listed, read_take
from govconsole.capture.pipe import StdinSource, split
from govconsole.capture.recorder import Recorder
from govconsole.capture.source import pcm_start, wav_of
from govconsole.capture.studio import keep_as, kept
from govconsole.state.meter import RATE, WIDTH
from govd.contract.errors import InvalidRequestError, NotFoundError, UsageError
from govd.contract.voice_limits import MAX_CLIP_BYTES
from tests.govconsole.studio import ScriptedSource, silence, tone

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def program(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o700)
    return str(path)


def wav(pcm: bytes, *, rate: int = RATE, channels: int = 1, width: int = 2) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(pcm)
    return out.getvalue()


class Trickle(io.RawIOBase):
    """A pipe that gives a few bytes at a time."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self._data = data

    def read(self, size: int = -1) -> bytes:
        piece, self._data = self._data[: min(size, 5)], self._data[min(size, 5) :]
        return piece


# -- recordings ------------------------------------------------------------------------------------------


def test_a_recording_stops_by_the_count_of_its_samples() -> None:
    take = Recorder(ScriptedSource(tone(9.0)), longest=2.0).run()
    with wave.open(io.BytesIO(take.audio)) as file:
        assert (file.getnframes(), file.getframerate(), file.getnchannels()) == (2 * RATE, RATE, 1)


def test_a_recording_that_is_stopped_keeps_what_came() -> None:
    recorder = Recorder(ScriptedSource(tone(1.0), waits=False))
    assert len(recorder.run().audio) == len(wav_of(tone(1.0)))
    assert recorder.heard.seconds == pytest.approx(1.0)


def test_arecord_is_drained_and_ended(tmp_path: Path) -> None:
    source = ArecordSource(program(tmp_path / "arecord", "exec cat /dev/zero"))
    assert len(Recorder(source, longest=1.0).run().audio) == len(wav_of(bytes(RATE * WIDTH)))


def test_what_arecord_says_is_told_and_carries_no_escape(tmp_path: Path) -> None:
    script = "printf 'arecord: \\033[2Jno soundcards found\\n' >&2; exit 1"
    with pytest.raises(NotFoundError, match="no soundcards found") as caught:
        Recorder(ArecordSource(program(tmp_path / "arecord", script))).run()
    assert "\x1b" not in caught.value.detail
    assert caught.value.hint == "arecord -l lists the microphones of this machine"


def test_an_arecord_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="does not start"):
        Recorder(ArecordSource(str(tmp_path / "none"))).run()


# -- files -----------------------------------------------------------------------------------------------


def test_a_file_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a.mp3").write_bytes(b"\xff\xfb whatever")
    assert read_take(tmp_path / "a.mp3").audio == b"\xff\xfb whatever"


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "large").open("wb") as file:
        file.truncate(MAX_CLIP_BYTES + 1)
    for name, why in (
        ("none", "No such file"),
        ("", "s"),
        ("pipe", "is no file"),
        ("large", "more than 25 MiB"),
        ("nul\0byte", "cannot be read"),
    ):
        with pytest.raises(InvalidRequestError, match=why):
            read_take(f"{tmp_path}/{name}")


def test_a_path_is_completed_to_folders_and_to_files_of_sound(tmp_path: Path) -> None:
    for name in ("one.wav", "two.FLAC", "notes.txt", ".hidden.wav"):
        (tmp_path / name).touch()
    (tmp_path / "older").mkdir()
    assert listed(f"{tmp_path}/") == [f"{tmp_path}/older/", f"{tmp_path}/one.wav", f"{tmp_path}/two.FLAC"]
    assert listed(f"{tmp_path}/o") == [f"{tmp_path}/older/", f"{tmp_path}/one.wav"]
    assert listed(f"{tmp_path}/none/") == []


def test_what_is_kept_is_for_its_owner_alone_and_overwrites_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    path = kept(b"RIFF")
    assert path.read_bytes() == b"RIFF"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    with pytest.raises(UsageError, match="File exists"):
        keep_as(path, b"other")


# -- pipes -----------------------------------------------------------------------------------------------


def streamed(data: bytes) -> bytes:
    return b"".join(StdinSource(Trickle(data)).chunks())  # type: ignore[arg-type] # as a pipe is read


def test_raw_sound_and_a_wav_of_the_right_kind_are_the_same_stream() -> None:
    pcm = tone(0.1)
    assert streamed(pcm) == pcm
    assert streamed(wav(pcm)) == pcm


def test_a_wav_that_was_cut_or_has_other_parts_before_its_sound_is_read() -> None:
    pcm, head = tone(0.1), wav(tone(0.1))[:36]
    with_list = head + b"LIST" + struct.pack("<I", 3) + b"abc\0" + b"data" + struct.pack("<I", 0xFFFFFFFF)
    assert streamed(with_list + pcm) == pcm


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (wav(b"\0\0" * 8, rate=44_100), "44100 Hz"),
        (wav(b"\0\0" * 8, channels=2), "2 channels"),
        (wav(b"\0" * 8, width=1), "8 bits"),
        (b"RIFF\0\0\0\0WAVEdata\0\0\0\0", "without a format"),
        (b"RIFF\0\0\0\0WAVE", "no sound"),
        (b"RIFF\0\0\0\0WAVE" + b"JUNK\xff\xff\0\0" + bytes(9000), "no sound"),
        (b"", "no sound"),
    ],
)
def test_a_stream_of_another_kind_is_refused_with_the_command_that_is_right(data: bytes, why: str) -> None:
    with pytest.raises(InvalidRequestError, match=why) as caught:
        streamed(data)
    assert "arecord -f S16_LE -r 16000 -c 1" in str(caught.value.hint)


def test_every_beginning_of_a_wav_is_waited_for_and_never_taken_for_sound() -> None:
    whole = wav(tone(0.01))
    starts = [pcm_start(whole[:size]) for size in range(1, 44)]
    assert set(starts) == {None}
    assert pcm_start(whole[:44]) == 44


def pieces(pcm: bytes, size: int = 3200) -> Iterator[bytes]:
    yield from (pcm[at : at + size] for at in range(0, len(pcm), size))


def test_a_stream_is_split_where_somebody_pauses_after_enough_speech() -> None:
    spoken = silence(0.5) + tone(3.0) + silence(1.0)
    found = list(split(pieces(spoken * 3), 2.0))
    assert len(found) == 3
    assert all(abs(len(one) / RATE / WIDTH - 4.5) < 1.0 for one in found)


def test_nobody_who_never_pauses_goes_on_for_ever() -> None:
    found = list(split(pieces(tone(31.0), 32_000), 2.0))
    assert [len(one) // (RATE * WIDTH) for one in found] == [30, 1]


def test_a_stream_of_silence_has_no_sample() -> None:
    assert list(split(pieces(silence(2.0)), 2.0)) == []
