"""The meter: levels in dB of full scale, which moments are speech, how much of it there was."""

from __future__ import annotations

import math

import pytest

from govconsole.client.document import plain
from govconsole.state.meter import RATE, SILENCE_DBFS, WIDTH, Heard, Meter
from govconsole.state.meterview import level_word, meter_lines
from tests.govconsole.studio import silence, tone


def fed(pcm: bytes, size: int = 3200) -> Heard:
    meter = Meter()
    for at in range(0, len(pcm), size):
        meter.feed(pcm[at : at + size])
    return meter.now


def test_a_tone_has_the_level_that_its_amplitude_says() -> None:
    heard = fed(tone(1.0, amplitude=16384.0, hertz=250.0))
    assert heard.level == pytest.approx(20 * math.log10(0.5 / math.sqrt(2)), abs=0.1)
    assert heard.peak == pytest.approx(20 * math.log10(0.5), abs=0.1)
    assert heard.seconds == pytest.approx(1.0)
    assert heard.clipped == 0.0


def test_digital_silence_is_the_lowest_level_and_no_speech() -> None:
    heard = fed(bytes(RATE * WIDTH))
    assert (heard.level, heard.peak, heard.net) == (SILENCE_DBFS, SILENCE_DBFS, 0.0)
    assert level_word(heard) == ("no signal", "bad")


def test_speech_is_counted_and_pauses_are_not() -> None:
    heard = fed(silence(1.0) + tone(2.0) + silence(1.0) + tone(1.0) + silence(1.0))
    assert heard.seconds == pytest.approx(6.0)
    assert heard.net == pytest.approx(3.0, abs=0.4)
    assert heard.hushed == pytest.approx(1.0, abs=0.1)
    spoken = [one for _, one in heard.lane]
    assert len(spoken) == 60
    assert not any(spoken[:10])
    assert all(spoken[11:29])
    assert not any(spoken[33:40])


def test_speech_that_begins_at_once_counts_before_there_was_a_pause() -> None:
    assert fed(tone(1.0)).net == pytest.approx(1.0, abs=0.1)


def test_what_touches_full_scale_is_told() -> None:
    heard = fed(tone(1.0, amplitude=32767.0))
    assert heard.clipped > 0.01
    assert level_word(heard) == ("too loud", "bad")


@pytest.mark.parametrize("size", [1, 7, 640, 4001])
def test_the_size_of_the_pieces_changes_nothing(size: int) -> None:
    pcm = silence(0.2) + tone(0.5)
    assert fed(pcm, size) == fed(pcm, len(pcm))


def test_the_lane_forgets_what_no_screen_shows() -> None:
    assert len(fed(silence(60.0)).lane) == 400


@pytest.mark.parametrize("room", [40, 76, 116, 300])
def test_the_rows_fit_and_say_in_words_what_the_bars_show(room: int) -> None:
    rows = meter_lines(fed(silence(0.5) + tone(2.0)), room, 6.0)
    assert len(rows) == 3
    assert all(len(row.text) <= room for row in rows)
    text = plain(rows)
    assert "dBFS good" in text
    assert "of 6 s" in text
