"""A replay is told from a new recording: by how much of one clip's speech is found in another's."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest

from govd.contract.voice_limits import NEAR_DUPLICATE_BITS
from govd.voice.intake.prints import Prints
from govd.voice.intake.rules import distance
from govd.voice.intake.wireform import MAX_PRINTS, PRINT_BYTES
from tests.support import speech

VOICES = ("us-m3", "flite-slt", "flite-awb")
WAYS = {
    "mp3": lambda clip: speech.encoded(clip, "mp3"),
    "opus": lambda clip: speech.encoded(clip, "opus"),
    "ogg": lambda clip: speech.encoded(clip, "ogg"),
    "m4a": lambda clip: speech.encoded(clip, "m4a"),
    "quieter": lambda clip: speech.louder(clip, -12),
    "telephone's rate": lambda clip: speech.at_rate(clip, 8_000),
    "little noise": lambda clip: speech.with_noise(clip, 30),
    "noise": lambda clip: speech.with_noise(clip, 20),
    "50 ms later": lambda clip: speech.shifted(clip, 50),
    "300 ms cut off": lambda clip: speech.shifted(clip, -300),
    "a second cut off": lambda clip: speech.shifted(clip, -1_000),
    "offset": speech.with_dc,
}
WORDS = " ".join(speech.TEXTS).replace(",", "").replace(".", "").lower().split()


def fresh(number: int, count: int) -> str:
    """So many words that make no sentence, and others for each number."""
    return " ".join(random.Random(number).choices(sorted(set(WORDS)), k=count))  # noqa: S311 - no secret


@pytest.fixture(scope="module")
def plain(intake) -> dict[str, bytes]:
    """A fingerprint of each voice, all with the same words."""
    return {voice: intake.take(speech.speak(voice, speech.TEXTS[4])).fingerprint for voice in VOICES}


@pytest.mark.parametrize("way", list(WAYS))
def test_the_same_recording_by_another_way_is_near(intake, plain, way):
    for voice in VOICES:
        other = intake.take(WAYS[way](speech.speak(voice, speech.TEXTS[4])))

        assert distance(plain[voice], other.fingerprint) <= NEAR_DUPLICATE_BITS * 0.95, voice


@pytest.mark.parametrize(
    "way", [lambda clip: speech.encoded(clip, "amr"), lambda clip: speech.with_noise(clip, 10)]
)
def test_through_a_telephone_or_much_noise_most_recordings_are_known(intake, way):
    found = [
        distance(intake.take(clip).fingerprint, intake.take(way(clip)).fingerprint)
        for clip in (speech.speak(voice, text) for voice in VOICES for text in speech.TEXTS[:5])
    ]

    assert sum(bits <= NEAR_DUPLICATE_BITS for bits in found) > 0.6 * len(found)


def test_a_part_of_a_long_recording_is_near_it_and_so_is_a_recording_with_more_around_it(intake):
    clip = speech.speak("flite-awb", fresh(45, 45))
    data = speech.samples(clip)
    whole = intake.take(clip).fingerprint
    for part in (data[: len(data) // 2], data[len(data) // 2 :], data[37_000:140_000]):
        found = intake.take(speech.wav(part)).fingerprint

        assert len(found) < len(whole)
        assert distance(whole, found) <= NEAR_DUPLICATE_BITS
        assert distance(found, whole) <= NEAR_DUPLICATE_BITS


@pytest.mark.parametrize(
    ("voice", "words"),
    [("us-m3", 14), ("flite-slt", 14), ("flite-awb", 45), ("us-m3", 130), ("flite-awb", 130)],
)
def test_other_words_of_the_same_voice_are_far_however_long_the_clips_are(intake, voice, words):
    """5, 15 and 45 s. A mean over a long clip is the voice's and not the words'."""
    one, other = (intake.take(speech.speak(voice, fresh(words + at, words))).fingerprint for at in range(2))

    assert distance(one, other) > NEAR_DUPLICATE_BITS + 8


def test_a_short_clip_is_far_from_a_long_one_with_other_words(intake):
    for voice in ("us-m3", "flite-awb"):
        long = intake.take(speech.speak(voice, fresh(130, 130))).fingerprint
        for text in speech.TEXTS[:4]:
            assert distance(long, intake.take(speech.speak(voice, text)).fingerprint) > NEAR_DUPLICATE_BITS


def test_other_voices_with_other_words_are_far(intake):
    prints = [
        intake.take(speech.speak(voice, text)).fingerprint
        for voice, text in zip(speech.VOICES, speech.TEXTS, strict=True)
    ]

    assert min(distance(*pair) for pair in itertools.combinations(prints, 2)) > NEAR_DUPLICATE_BITS + 8


def test_a_bang_in_each_of_two_recordings_makes_them_no_replay(intake):
    """A key that is struck beside the microphone, 30 dB above the voice: words tell clips apart."""
    at = np.arange(480) / 16_000
    bang = 0.9 * np.sin(2 * np.pi * 300 * at) * np.exp(-100 * at)

    def banged(text: str) -> bytes:
        data = 0.03 * speech.samples(speech.speak("flite-slt", text))
        data[16_000:16_480] += bang
        return speech.wav(data)

    prints = [intake.take(banged(text)).fingerprint for text in speech.TEXTS[:6]]

    assert min(distance(*pair) for pair in itertools.combinations(prints, 2)) > NEAR_DUPLICATE_BITS + 8


def test_an_echo_is_not_known_to_be_a_replay(intake):
    """What is said of it in `intake/fingerprint.py` is so: no reader shall rely on more."""
    clip = speech.speak("us-m3", speech.TEXTS[4])
    data = speech.samples(clip)
    echo = np.concatenate([np.zeros(1_600, np.float32), data[:-1_600]])
    found = intake.take(speech.wav(0.6 * (data + 0.6 * echo))).fingerprint

    assert distance(intake.take(clip).fingerprint, found) > NEAR_DUPLICATE_BITS


def test_the_same_file_has_the_same_fingerprint_in_every_process(intake, clip):
    from govd.voice.intake.pool import ClipIntake

    pool = ClipIntake(at_once=1)
    assert pool.take(clip) == intake.take(clip)
    pool.close()


def test_a_fingerprint_has_a_print_for_each_second_or_two_of_speech(intake, clip):
    """Clips without speech are never verified; but they have a print too."""
    assert len(intake.take(speech.silence(3)).fingerprint) == PRINT_BYTES
    assert len(intake.take(speech.tone(0.01)).fingerprint) == PRINT_BYTES
    assert len(intake.take(clip).fingerprint) == 2 * PRINT_BYTES
    longest = speech.speak("us-m3", speech.TEXTS[2], seconds=119)
    assert len(intake.take(longest).fingerprint) == MAX_PRINTS * PRINT_BYTES


def test_distance_is_that_of_most_prints_to_their_nearest():
    zero, one, full = bytes(32), b"\x01" + bytes(31), b"\xff" * 32
    assert distance(zero, zero) == 0
    assert distance(zero, full) == 256
    assert distance(one, b"\x80" + bytes(31)) == 2
    assert distance(one + full, zero + full) == 1, "both must be found"
    assert distance(one, full * 9 + zero) == 1, "the short one is in the long one"
    assert distance(full * 9 + zero, one) == 1, "whichever comes first"
    for wrong in (b"", bytes(31), bytes(33), bytes(32 * (MAX_PRINTS + 1))):
        with pytest.raises(ValueError, match="32 bytes"):
            distance(wrong, zero)


def test_the_table_of_all_says_what_distance_says():
    draw = random.Random(3)  # noqa: S311 - no secret

    def like(of: bytes) -> bytes:
        return (int.from_bytes(of) ^ (draw.getrandbits(256) & draw.getrandbits(256))).to_bytes(32)

    stock = [draw.randbytes(32) for _ in range(8)]
    clips = [b"".join(map(like, draw.choices(stock, k=draw.randint(1, 7)))) for _ in range(60)]
    table = Prints()
    assert not table.near(clips[0], 256)

    said = []
    for at, clip in enumerate(clips):
        said.append(at > 0 and table.near(clip, 92))
        assert said[-1] == any(distance(clip, other) <= 92 for other in clips[:at])
        table.add([clip])
    assert set(said[1:40]) == {True, False}
