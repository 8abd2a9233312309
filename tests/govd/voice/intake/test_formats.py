"""A file is what its first bytes say, and every format that is named comes out as the same speech."""

from __future__ import annotations

import hashlib
import struct

import pytest

from govd.contract.errors import ClipRefusedError
from govd.voice.intake import rules
from govd.voice.intake.pool import ClipIntake
from govd.voice.intake.rules import distance
from govd.voice.intake.wireform import Format
from tests.support import speech


@pytest.mark.parametrize("kind", speech.FORMATS)
def test_every_format_becomes_the_same_speech(intake, clip, kind):
    """Under a name that says another."""
    taken = intake.take(speech.encoded(clip, kind), name="clip.wav" if kind != "wav" else "clip.mp3")

    assert taken.quality.faults == []
    assert taken.quality.seconds == pytest.approx(4, abs=0.15)
    assert taken.quality.net_seconds == pytest.approx(intake.take(clip).quality.net_seconds, abs=0.15)
    assert len(taken.pcm) == pytest.approx(taken.quality.net_seconds * 16_000 * 4, abs=64)


def test_the_samples_that_come_out_are_those_that_went_in():
    sure = speech.speak("flite-slt", speech.TEXTS[2], seconds=2.5)
    pool = ClipIntake()
    taken = pool.take(sure)
    pool.close()

    data = speech.samples(sure)
    data = data - data.mean(dtype="float64").astype("float32")
    assert taken.sha256 == hashlib.sha256(data.astype("<f4").tobytes()).hexdigest()
    middle = taken.pcm[16_000:48_000]
    assert middle in data.astype("<f4").tobytes()


@pytest.mark.parametrize(
    "name", ["clip.txt", "clip.exe", "../../x", "/etc/passwd", "x" * 5_000, "a\0b", "\u202ewav.mp3", "", "-"]
)
def test_a_name_means_nothing(intake, clip, name):
    assert intake.take(clip, name=name) == intake.take(clip, name="clip.wav")


@pytest.mark.parametrize("rate", [11_025, 44_100, 96_000])
def test_every_usual_rate_is_brought_to_sixteen_thousand(intake, clip, rate):
    taken = intake.take(speech.at_rate(clip, rate))

    assert taken.quality.faults == []
    assert taken.quality.seconds == pytest.approx(4, abs=0.01)


def test_a_telephones_rate_is_taken_and_its_bandwidth_told(intake, clip):
    quality = intake.take(speech.at_rate(clip, 8_000)).quality

    assert quality.faults == []
    assert 3_000 < quality.bandwidth_hz < 4_000


@pytest.mark.parametrize("channels", [2, 6, 8])
def test_channels_are_mixed_down(intake, clip, channels):
    many, one = intake.take(speech.in_channels(clip, channels)), intake.take(clip)

    assert many.quality == one.quality
    assert distance(many.fingerprint, one.fingerprint) <= 2


def test_a_constant_offset_is_taken_out(intake, clip):
    with_it, without = intake.take(speech.with_dc(clip, 0.2)), intake.take(clip)

    assert with_it.quality.level_dbfs == pytest.approx(without.quality.level_dbfs, abs=0.1)
    assert distance(with_it.fingerprint, without.fingerprint) <= 8


@pytest.mark.parametrize("subtype", ["PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"])
def test_ways_to_store_a_wav(intake, clip, subtype):
    assert intake.take(speech.wav(speech.samples(clip), subtype=subtype)).quality.faults == []


def test_a_wav_that_was_streamed_and_does_not_know_its_length(intake, clip):
    open_end = (
        clip[:4] + struct.pack("<I", 0xFFFFFFFF) + clip[8:40] + struct.pack("<I", 0xFFFFFFFF) + clip[44:]
    )

    assert intake.take(open_end).quality.seconds == pytest.approx(4, abs=0.01)


@pytest.mark.parametrize("kind", speech.EXTRA)
def test_without_the_extra_a_sentence_names_it(clip, kind):
    pool = ClipIntake(extra=False)

    with pytest.raises(ClipRefusedError, match="pip install 'govconsole\\[formats\\]'"):
        pool.take(speech.encoded(clip, kind))
    assert pool.pids() == []


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0",
        b"hello there, I am no audio at all",
        b"RIFF\0\0\0\0AVI LIST",
        b"#!/bin/sh\nreboot\n",
        b"FORM\0\0\0\x1eAIFF",
        b".snd\0\0\0\x18",
        b"\xff\xf1\x50\x80" + b"\0" * 100,  # AAC in ADTS
        b"#EXTM3U\nfile:///etc/passwd\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b"PK\x03\x04",
    ],
)
def test_what_is_none_of_the_formats_reaches_no_decoder(data):
    pool = ClipIntake()

    with pytest.raises(ClipRefusedError, match="no audio file that is taken here"):
        pool.take(data)
    assert pool.pids() == []


def test_each_format_is_told_by_its_first_bytes(clip):
    kinds = {"opus": Format.OGG} | {kind.name.lower(): kind for kind in Format}

    for name in speech.FORMATS:
        assert rules.format_of(speech.encoded(clip, name)) is kinds[name]
    assert rules.format_of(b"ID3\x04" + b"\0" * 10) is Format.MP3


@pytest.mark.parametrize("kind", ["wav", "flac", "mp3", "ogg", "m4a", "webm", "amr"])
def test_a_head_without_a_body_is_refused(intake, clip, kind):
    with pytest.raises(ClipRefusedError):
        intake.take(speech.encoded(clip, kind)[:24])


def test_one_format_under_the_head_of_another_is_refused(intake, clip):
    flac = speech.encoded(clip, "flac")

    with pytest.raises(ClipRefusedError):
        intake.take(b"ID3\x04\0\0\0\0\0\0" + flac)
    with pytest.raises(ClipRefusedError):
        intake.take(b"fLaC" + clip[4:])


def test_a_video_inside_a_container_is_not_decoded(intake):
    """Only these codecs are asked for; whatever else a container holds is left alone."""
    data = speech.by_pyav(speech.tone(1), "matroska", "pcm_s16le", 16_000)

    with pytest.raises(ClipRefusedError, match="compressed in a way"):
        intake.take(data)
