"""What a clip sounds like by its parts: all of it counts, once, and a part in another voice is noticed."""

from __future__ import annotations

import math
import struct
from array import array
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from govd.contract.errors import VoiceUnavailableError
from govd.contract.voice import Fault, Quality
from govd.sealing import StateKey
from govd.voice.hearing import Hearing
from govd.voice.model import SAMPLE_RATE, Clip
from govd.voice.parts import PARTED_FROM_SECONDS, all_of, embedded, halves, together, two_voices
from govd.voice.rules import cosine, vector
from tests.support.voices import OTHER_MODEL, FakeEncoder

RATE: Final = 100
"""Samples a second, where nothing but lengths matters."""

THRESHOLD: Final = 0.7


def pointing(degrees: float) -> bytes:
    """An embedding in that direction."""
    return struct.pack("<2f", math.cos(math.radians(degrees)), math.sin(math.radians(degrees)))


def tone(value: float, samples: int) -> bytes:
    """So many samples of one value."""
    return array("f", [value] * samples).tobytes()


class Directions:
    """Embeds samples by their mean, as a direction in degrees; and keeps what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []

    def __call__(self, pcm: bytes) -> bytes:
        self.asked.append(pcm)
        said = vector(pcm)
        return pointing(math.fsum(said) / len(said))


@given(st.integers(min_value=2 * RATE, max_value=130 * RATE))
def test_every_sample_is_embedded_once_in_equal_parts(samples: int):
    pcm = array("f", range(samples)).tobytes()
    embed = Directions()

    found = embedded(pcm, RATE, embed)

    assert b"".join(embed.asked) == pcm
    lengths = [len(part) // 4 for part in embed.asked]
    assert max(lengths) - min(lengths) <= 1
    assert len(found) == len(lengths)
    if samples < PARTED_FROM_SECONDS * RATE:
        assert lengths == [samples]
    else:
        assert len(lengths) >= 2
        assert min(lengths) >= 2 * RATE
        assert max(lengths) < 5 * RATE


@given(st.lists(st.integers(min_value=-80, max_value=80), min_size=1, max_size=12))
def test_the_whole_is_of_length_one_and_lies_among_its_parts(degrees: list[int]):
    whole = vector(together([pointing(each) for each in degrees]))

    assert math.hypot(*whole) == pytest.approx(1, abs=1e-6)
    angle = math.degrees(math.atan2(whole[1], whole[0]))
    assert min(degrees) - 0.01 <= angle <= max(degrees) + 0.01


def test_a_short_clip_is_what_the_encoder_says_of_it_to_the_last_bit():
    said = tone(0.25, 3 * RATE)

    assert together(embedded(said, RATE, Directions())) == Directions()(said)


@pytest.mark.parametrize(
    ("parts", "seconds", "two"),
    [
        ([0, 0], 6.0, False),
        ([0, 49], 6.0, False),
        ([0, 50], 6.0, True),
        ([0, 56], 5.9, False),
        ([0, 57], 5.9, True),
        ([0, 0, 90], 9.0, True),
        ([0, 90, 90], 9.0, True),
        ([0, 0, 90, 90, 90], 13.0, True),
        ([0, 10, 20, 30, 40], 13.0, False),
        ([60, 0, 0, 0, 0], 13.0, False),
    ],
)
def test_halves_in_two_directions_are_two_voices(parts: list[float], seconds: float, *, two: bool):
    assert two_voices([pointing(part) for part in parts], seconds, THRESHOLD) is two


@pytest.mark.parametrize(
    ("degrees", "seconds", "same"),
    [(53, 3.9, True), (54, 3.9, False), (66, 2.0, True), (67, 2.0, False)],
)
def test_a_half_of_a_short_clip_may_match_less_the_shorter_it_is(
    degrees: float, seconds: float, *, same: bool
):
    parts = [pointing(0), pointing(degrees)]

    assert all_of(parts, seconds, pointing(0), THRESHOLD) is same


@pytest.mark.parametrize(("degrees", "same"), [(45, True), (49, True), (50, False)])
def test_a_part_of_a_longer_clip_may_match_a_little_less_than_all_together(degrees: float, *, same: bool):
    parts = [pointing(0), pointing(0), pointing(degrees)]

    assert all_of(parts, 7.5, pointing(0), THRESHOLD) is same


@pytest.mark.threat("T23")
def test_one_part_in_another_voice_spoils_a_match_of_the_whole():
    """A quarter of a clip is somebody else's order, and the mean of all still sounds like the owner."""
    parts = [pointing(0), pointing(0), pointing(0), pointing(80)]
    assert cosine(vector(together(parts)), vector(pointing(0))) > THRESHOLD

    assert not all_of(parts, 10.0, pointing(0), THRESHOLD)


@pytest.mark.threat("T23")
@given(st.integers(min_value=2, max_value=12), st.floats(min_value=0.66, max_value=0.69))
def test_strangers_who_each_almost_match_do_not_match_together(count: int, near: float):
    """Pieces of several people who each sound a little like the owner are joined: their mean is nearer."""
    aside = math.sqrt(1 - near**2)
    parts = [
        struct.pack(f"<{count + 1}f", near, *(aside if place == number else 0.0 for place in range(count)))
        for number in range(count)
    ]
    owner = struct.pack(f"<{count + 1}f", 1.0, *([0.0] * count))
    assert cosine(vector(together(parts)), vector(owner)) > THRESHOLD

    assert not all_of(parts, 2.5 * count, owner, THRESHOLD)


class _Taken:
    """An intake that finds so many seconds of a voice, then so many of another."""

    def __init__(self, *said: tuple[float, float]) -> None:
        self._pcm = b"".join(tone(value, round(seconds * SAMPLE_RATE)) for value, seconds in said)
        self._seconds = sum(seconds for _, seconds in said)

    def take(self, data: bytes, *, name: str = "") -> Clip:
        del data, name
        quality = Quality(
            seconds=self._seconds,
            net_seconds=self._seconds,
            level_dbfs=-20,
            snr_db=30,
            clipped=0,
            bandwidth_hz=7000,
            faults=[],
        )
        return Clip(self._pcm, quality, bytes(32), "c" * 64)

    def close(self) -> None:
        pass


class _Turned(FakeEncoder):
    """An encoder that hears directions."""

    def __init__(self) -> None:
        super().__init__()
        self.embed_ = Directions()

    def embed(self, pcm: bytes) -> bytes:
        super().embed(pcm)
        return self.embed_(pcm)


@pytest.mark.parametrize("seconds", [4.0, 5.0, 9.0, 120.0])
def test_a_match_of_a_longer_clip_has_the_encoder_hear_it_once(seconds: float):
    encoder = _Turned()
    hearing = Hearing(_Taken((0, seconds)), encoder, StateKey(bytes(32)))

    found = hearing.of_one_voice(hearing.listen(b"", one_voice=True), pointing(0))

    assert found.quality.faults == []
    assert sum(map(len, encoder.embed_.asked)) == round(seconds * SAMPLE_RATE) * 4


@pytest.mark.threat("T23")
@pytest.mark.parametrize("said", [((0, 1.5), (80, 1.5)), ((0, 2.5), (80, 2.5)), ((0, 6.0), (80, 3.0))])
def test_somebody_else_in_a_part_is_heard_in_short_clips_and_in_long_ones(
    said: tuple[tuple[float, float], ...],
):
    """A clip matches as a whole, and a part of it is somebody else's order."""
    hearing = Hearing(_Taken(*said), _Turned(), StateKey(bytes(32)))

    found = hearing.of_one_voice(hearing.listen(b""), pointing(0))

    assert found.quality.faults == [Fault.SEVERAL_VOICES]


@pytest.mark.parametrize("seconds", [2.0, 4.0])
def test_the_halves_of_a_clip_to_enroll_with_are_one_voice(seconds: float):
    hearing = Hearing(_Taken((0, seconds), (80, seconds)), _Turned(), StateKey(bytes(32)))

    found = hearing.listen(b"", one_voice=True)

    assert (found.quality.faults, found.embedding, found.pcm) == ([Fault.SEVERAL_VOICES], b"", b"")


class _Swapping(_Turned):
    """Another model is put into use behind the first part; what it makes has another length."""

    def embed(self, pcm: bytes) -> bytes:
        if self.embed_.asked:
            self.model = OTHER_MODEL
            return super().embed(pcm) + bytes(4)
        return super().embed(pcm)


@pytest.mark.parametrize("seconds", [3.0, 8.0])
@pytest.mark.parametrize("one_voice", [False, True])
def test_a_model_that_is_changed_between_two_parts_is_told_as_that(seconds: float, *, one_voice: bool):
    hearing = Hearing(_Taken((0, seconds)), _Swapping(), StateKey(bytes(32)))

    with pytest.raises(VoiceUnavailableError, match="the model was changed"):
        hearing.of_one_voice(hearing.listen(b"", one_voice=one_voice), pointing(0))


@pytest.mark.threat("T18")
def test_a_long_clip_has_no_more_time_than_others():
    """A clip of two minutes keeps a slow encoder, and its lane, for each of its parts anew."""
    times = iter(range(0, 10_000, 11))
    encoder = _Turned()
    hearing = Hearing(_Taken((0, 120.0)), encoder, StateKey(bytes(32)), now=lambda: float(next(times)))

    with pytest.raises(VoiceUnavailableError, match="more than 30 s for one clip"):
        hearing.listen(b"")
    assert len(encoder.embed_.asked) < 6


def test_halves_are_all_of_a_clip():
    pcm = tone(1, 7)

    assert b"".join(halves(pcm)) == pcm
