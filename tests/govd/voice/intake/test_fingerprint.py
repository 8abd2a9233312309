"""A replay is told from a new recording: by the bits in which their fingerprints differ."""

from __future__ import annotations

import itertools

import pytest

from govd.contract.voice_limits import NEAR_DUPLICATE_BITS
from govd.voice.intake.rules import FINGERPRINT_BYTES, distance
from tests.support import speech

VOICES = ("us-m3", "gb-f4", "flite-slt", "flite-rms")
WAYS = {
    "mp3": lambda clip: speech.encoded(clip, "mp3"),
    "opus": lambda clip: speech.encoded(clip, "opus"),
    "ogg": lambda clip: speech.encoded(clip, "ogg"),
    "m4a": lambda clip: speech.encoded(clip, "m4a"),
    "quieter": lambda clip: speech.louder(clip, -12),
    "telephone's rate": lambda clip: speech.at_rate(clip, 8_000),
    "little noise": lambda clip: speech.with_noise(clip, 30),
    "3 ms later": lambda clip: speech.shifted(clip, 3),
    "50 ms later": lambda clip: speech.shifted(clip, 50),
    "100 ms cut off": lambda clip: speech.shifted(clip, -100),
    "300 ms cut off": lambda clip: speech.shifted(clip, -300),
    "stereo": speech.in_channels,
    "offset": speech.with_dc,
}


@pytest.mark.parametrize("way", list(WAYS))
def test_the_same_recording_by_another_way_is_near(intake, way):
    for voice in VOICES:
        clip = speech.speak(voice, speech.TEXTS[4])
        one, other = intake.take(clip), intake.take(WAYS[way](clip))

        assert distance(one.fingerprint, other.fingerprint) <= NEAR_DUPLICATE_BITS * 2 / 3, voice


def test_other_words_of_the_same_voice_are_far(intake):
    for voice in VOICES:
        prints = [intake.take(speech.speak(voice, text)).fingerprint for text in speech.TEXTS[:6]]

        assert min(distance(*pair) for pair in itertools.combinations(prints, 2)) > NEAR_DUPLICATE_BITS + 8


def test_other_voices_with_other_words_are_far(intake):
    prints = [
        intake.take(speech.speak(voice, text)).fingerprint
        for voice, text in zip(speech.VOICES, speech.TEXTS, strict=True)
    ]

    assert min(distance(*pair) for pair in itertools.combinations(prints, 2)) > NEAR_DUPLICATE_BITS + 8


def test_the_same_file_has_the_same_fingerprint_in_every_process(clip):
    from govd.voice.intake.pool import ClipIntake

    taken = []
    for _ in range(2):
        pool = ClipIntake(at_once=1)
        taken.append(pool.take(clip))
        pool.close()

    assert taken[0] == taken[1]
    assert len(taken[0].fingerprint) == FINGERPRINT_BYTES


def test_clips_without_speech_have_a_fingerprint_too(intake):
    """None of them is ever verified; but their fingerprints have their length."""
    assert len(intake.take(speech.silence(3)).fingerprint) == FINGERPRINT_BYTES
    assert len(intake.take(speech.tone(0.01)).fingerprint) == FINGERPRINT_BYTES


def test_distance_counts_bits():
    assert distance(bytes(32), bytes(32)) == 0
    assert distance(bytes(32), b"\xff" * 32) == 256
    assert distance(b"\x01" + bytes(31), b"\x80" + bytes(31)) == 2
    with pytest.raises(ValueError, match="32 bytes"):
        distance(b"", bytes(32))
