"""The sanitiser, against any text at all."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from govd.contract.text import ascii_json, mixed_scripts, visible, visible_lines

ZERO_WIDTH = (
    "\u200b\u200c\u200d\u2060\ufeff\u00ad\u034f\u115f\u1160\u3164\uffa0\ufe0f\U000e0100\U000e0041\u2800\u180e"
)
BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
C1 = "".join(chr(code) for code in range(0x80, 0xA0))

any_text = st.text(st.characters(exclude_categories=()), max_size=200)
hostile = st.text(
    st.sampled_from(ZERO_WIDTH + BIDI + C1 + "\x1b\x07\r\n\t\x00a[31m\u0301\U0001f600"), max_size=80
)


@pytest.mark.threat("T17")
@given(any_text | hostile)
def test_no_hidden_character_ever_leaves(text):
    """An agent's text smuggles control, C1, bidi, zero-width or line-separating characters to a terminal."""
    shown = visible(text)

    categories = {unicodedata.category(char) for char in shown}
    assert not categories & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    assert not set(shown) & set(ZERO_WIDTH + BIDI + C1)
    assert "\n" not in shown
    shown.encode("utf-8")


@given(any_text | hostile, st.none() | st.integers(0, 60))
def test_a_second_pass_changes_nothing(text, limit):
    once = visible(text, limit)

    assert visible(once, limit) == once
    assert visible(once) == once


@given(any_text, st.integers(1, 60))
def test_the_limit_is_kept_and_a_cut_is_shown(text, limit):
    cut = visible(text, limit)

    assert len(cut) <= limit
    assert cut == visible(text) or cut.endswith("…")


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E)))
def test_printable_ascii_stays_as_it_is(text):
    assert visible(text) == text


@given(any_text)
def test_lines_are_split_at_line_feeds_alone_and_hold_none(text):
    lines = visible_lines(text)

    assert len(lines) == text.count("\n") + 1
    assert all("\n" not in line for line in lines)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31mb", "a\\x1b[31mb"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("line\nnext\tcell\rback", "line\\nnext\\tcell\\rback"),
        ("\x9b31m", "\\x9b31m"),
        ("a\U000e0041", "a\\U000e0041"),
        ("no\u00a0break", "no\\xa0break"),
        ("Grüße, 日本, emoji 🙂", "Grüße, 日本, emoji 🙂"),
    ],
)
def test_what_is_hidden_becomes_a_readable_escape(text, shown):
    assert visible(text) == shown


def test_stacked_marks_are_cut_down_so_that_no_line_is_painted_over():
    assert visible("a" + "\u0301" * 40).count("\u0301") == 2


@pytest.mark.threat("T17")
@given(st.dictionaries(any_text, any_text, max_size=4))
def test_json_for_a_terminal_is_printable_ascii_and_loses_nothing(value):
    """An agent's text in `--json` output reaches the terminal of whoever looks at it, DEL and C1 included."""
    shown = ascii_json(value)

    assert shown.isascii()
    assert shown.isprintable()
    assert json.loads(shown) == value


@pytest.mark.threat("T17")
def test_a_word_of_two_alphabets_is_flagged():
    """A look-alike letter from another script makes one name pass for another."""
    assert mixed_scripts("p\u0430ypal")
    assert not mixed_scripts("paypal и ещё")
