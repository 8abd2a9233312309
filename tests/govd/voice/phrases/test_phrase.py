"""Phrases: drawn from words unlike one another, and told from what else may have been said."""

from __future__ import annotations

import math
import random
import secrets
import string
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from govd.policy.blocks import CAPABILITIES
from govd.voice.phrases.phrase import EXTRA, LENGTH, Phrase, drawn, said
from govd.voice.phrases.words import FILLERS, REFUSALS, WORDS

SIX: Final = Phrase(("credentials",), ("watermelon", "anchor", "kingdom", "tulip", "saxophone", "harvest"))
PLAIN: Final = Phrase((), SIX.words)

phrases = st.lists(st.sampled_from(WORDS), min_size=LENGTH, max_size=LENGTH, unique=True).map(
    lambda words: Phrase((), tuple(words))
)


def distance(one: str, other: str) -> int:
    """Letters put in, left out or changed (Levenshtein), the slow and certain way."""
    row = list(range(len(one) + 1))
    for at, letter in enumerate(other, 1):
        before, row = row, [at]
        for place, other_letter in enumerate(one, 1):
            row.append(min(before[place] + 1, row[-1] + 1, before[place - 1] + (letter != other_letter)))
    return row[-1]


def test_the_words_are_as_many_and_as_unlike_as_is_said_of_them():
    assert len(set(WORDS)) == len(WORDS) == 256
    assert all(word.isascii() and word.isalpha() and word.islower() and len(word) >= 5 for word in WORDS)
    for at, one in enumerate(WORDS):
        for other in WORDS[at + 1 :]:
            assert distance(one, other) >= 4, (one, other)
            assert one not in other
            assert other not in one


def test_a_phrase_has_the_bits_that_are_said_of_it():
    found = drawn(secrets.SystemRandom().sample)

    assert len(set(found.words)) == LENGTH
    assert math.log2(math.perm(len(WORDS), LENGTH)) > 47.9


@pytest.mark.parametrize(
    "text",
    [
        "Credentials: watermelon anchor kingdom tulip saxophone harvest.",
        "CREDENTIALS, WATERMELON, ANCHOR, KINGDOM, TULIP, SAXOPHONE, HARVEST",
        "credential water melon anchor kingdoms tulips saxaphone harvest",
        "Credentials. Watermelon, anchor, kingdom, two lips, saxophone, harvest",
        "um, credentials watermelon anchor kingdom tulip saxophone harvest please",
        "credentials watermelon anchor tulip saxophone harvest",
        "credentials watermelon anchor kingdom tulip sachs of phone harvest",
        "crédentials wäter-melon anchor kingdom tulip saxophone harvest",
        "\x1bcredentials\twatermelon anchor\x00kingdom tulip saxophone\r\n harvest\x07",
    ],
)
def test_a_transcriber_may_slip(text: str):
    assert said(SIX, text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "credentials\x1b[31m watermelon\u202e anchor kingdom tulip saxophone harvest",
        "watermelon anchor kingdom tulip saxophone harvest",
        "configuration watermelon anchor kingdom tulip saxophone harvest",
        "credentials anchor watermelon kingdom tulip saxophone harvest",
        "credentials harvest saxophone tulip kingdom anchor watermelon",
        "credentials watermelon anchor kingdom tulip",
        "credentials watermelon anchor kingdom tulip walrus zipper",
        "Yes, I did say credentials watermelon anchor kingdom tulip saxophone harvest",
        "credentials watermelon anchor kingdom tulip saxophone harvest " * 2,
        "credentials " + " ".join(WORDS),
        "watermelon anchor kingdom tulip saxophone harvest credentials",
        "credentials watermelon anchor kingdom tulip saxophone zipper harvest",
        "credentials watermelon anchor kingdom tulip saxophone zipper",
        "yes credentials watermelon anchor kingdom tulip saxophone harvest",
        "um um um credentials watermelon anchor kingdom tulip saxophone harvest",
        "credentials watermelon off anchor kingdom tulip saxophone harvest",
        "credentials off water melon anchor kingdom tulip saxophone harvest",
        "credentials watermelon anchor kingdom 2 lips saxophone harvest",
        "креденшелс watermelon anchor kingdom tulip saxophone harvest",
        "credentials watermelon anchor kingdom tulip saxophone harvest" + " x" * 100_000,
        "\u0000" * 100,
    ],
)
def test_what_is_not_the_phrase_is_not_taken_for_it(text: str):
    assert not said(SIX, text)


@given(phrases)
def test_a_phrase_is_itself(phrase: Phrase):
    assert said(phrase, phrase.text)


@given(phrases, st.data())
def test_one_letter_of_each_word_may_slip(phrase: Phrase, data: st.DataObject):
    words = []
    for word in phrase.words:
        at = data.draw(st.integers(0, len(word)))
        how = data.draw(st.sampled_from(["in", "out", "other"]))
        letter = data.draw(st.sampled_from(string.ascii_lowercase))
        words.append(word[:at] + ("" if how == "out" else letter) + word[at + (how != "in") :])

    assert said(phrase, " ".join(words))


@given(phrases, phrases)
def test_of_two_phrases_one_is_the_other_only_with_five_words_in_common(one: Phrase, other: Phrase):
    if said(one, other.text):
        assert len(set(one.words) & set(other.words)) >= LENGTH - 1


@given(phrases, st.lists(st.sampled_from(WORDS), min_size=1, max_size=9), st.integers(0, LENGTH))
def test_with_any_other_word_it_is_none(phrase: Phrase, others: list[str], at: int):
    words = [*phrase.words[:at], *others, *phrase.words[at:]]

    assert not said(phrase, " ".join(words))


@given(phrases, st.lists(st.sampled_from(sorted(FILLERS)), min_size=1, max_size=4), st.integers(0, LENGTH))
def test_a_few_words_that_mean_nothing_may_stand_anywhere(phrase: Phrase, others: list[str], at: int):
    words = [*phrase.words[:at], *others, *phrase.words[at:]]

    assert said(phrase, " ".join(words)) is (len(others) <= EXTRA)


@pytest.mark.threat("T23")
@pytest.mark.parametrize(
    "text",
    [
        "No! {}.",
        "{} - no, stop!",
        "Don't! {}",
        "Don\N{RIGHT SINGLE QUOTATION MARK}t {}",
        "I refuse {}",
        "{} never mind",
        "not {}",
        "{} off",
        "{} nein",
        "{} later",
        "I will not say {} to you",
    ],
)
@pytest.mark.parametrize("missed", ["", "tulip", "harvest"])
def test_a_refusal_that_repeats_the_phrase_is_none(text: str, missed: str):
    """The owner says no and repeats what he was asked to say; a hijacked agent passes that on as his yes."""
    words = [word for word in SIX.words if word != missed]

    assert said(SIX, " ".join(["credentials", *words]))
    assert not said(SIX, text.format(" ".join(["credentials", *words])))


@pytest.mark.threat("T23")
@given(phrases, st.sampled_from(sorted(REFUSALS)), st.integers(0, LENGTH - 1))
def test_no_word_of_a_refusal_passes_for_one_that_was_missed(phrase: Phrase, no: str, at: int):
    """A transcription has one word less of the phrase and a no in its place."""
    words = [*phrase.words[:at], no, *phrase.words[at + 1 :]]

    assert not said(phrase, " ".join(words))


def test_no_word_of_a_phrase_is_a_refusal_or_says_nothing():
    for word in (*WORDS, *CAPABILITIES):
        assert all(distance(word, other) > 1 for other in REFUSALS | FILLERS), word


@given(phrases, st.text(max_size=300))
def test_no_text_brings_it_down(phrase: Phrase, text: str):
    said(phrase, text)
    said(phrase, f"{phrase.text} {text}")


@pytest.mark.threat("T23")
def test_a_phrase_of_before_passes_for_another_once_in_a_hundred_thousand_million():
    """A hijacked agent plays what the owner once said to another phrase, as often as it is let."""
    # Aligned in any way that counts: all six at their places, or five of them, each word of 256.
    # No word more may stand anywhere, so one that is not said is no further way.
    ways = 1 + LENGTH * (len(WORDS) - 1)  # none wrong; one wrong, though few words of the list are alike
    odds = ways / math.perm(len(WORDS), LENGTH)
    assert odds < 1 / 1e11

    random_ = random.Random(23)  # noqa: S311 - no secret
    few = WORDS[:12]  # so that something is found: with so few words one in some hundreds passes
    passed = sum(
        said(Phrase((), tuple(random_.sample(few, LENGTH))), " ".join(random_.sample(few, LENGTH)))
        for _ in range(4_000)
    )
    assert passed < 4_000 * 3 * (LENGTH**2 * len(few) + 1) / len(few) ** LENGTH + 40
