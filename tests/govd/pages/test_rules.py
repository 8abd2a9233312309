"""The page's WAV and nothing else; this machine's users and no others."""

from __future__ import annotations

import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from govd.pages.rules import stranger, wav_seconds
from tests.govd.pages.conftest import clip

ANA, BOT, ROOT, OTHER = 1000, 1001, 0, 1002
GOOD = clip(0.5)


@given(st.integers(8_000, 192_000), st.integers(1, 400))
def test_what_the_page_makes_is_taken_with_its_length(rate, count):
    file = clip(1, rate)[:44] + bytes(2 * count)
    file = file[:4] + struct.pack("<I", len(file) - 8) + file[8:40] + struct.pack("<I", 2 * count) + file[44:]

    assert wav_seconds(file, 120) == count / rate


@given(st.integers(0, 43), st.integers(0, 255))
def test_no_byte_of_the_head_may_be_another(place, value):
    """But the two that say the rate and the speed together."""
    changed = GOOD[:place] + bytes([value]) + GOOD[place + 1 :]

    assert (wav_seconds(changed, 120) is not None) == (changed == GOOD)


@given(st.binary(max_size=200))
@example(b"")
@example(GOOD[:44])
@example(GOOD[:-1])
@example(GOOD + b"\0\0")
@example(GOOD[:43])
def test_nothing_else_is_a_clip(data):
    assert wav_seconds(data, 120) is None


def test_a_clip_of_exactly_the_longest_is_the_last():
    assert wav_seconds(clip(2, 8_000), 2.0) == 2.0
    assert wav_seconds(clip(2, 8_000), 1.999) is None


@pytest.mark.parametrize(
    ("uid", "asker", "is_stranger"),
    [
        (ANA, ANA, False),
        (OTHER, ANA, True),
        (BOT, ANA, True),
        (ROOT, ANA, False),
        (ANA, ROOT, False),
        (BOT, ROOT, True),
        (BOT, BOT, False),
        (None, ANA, False),
        (ANA, None, False),
    ],
)
def test_whose_browser_may_show_a_page(uid, asker, is_stranger):
    assert stranger(uid, asker, {BOT, None}) == is_stranger
