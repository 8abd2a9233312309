"""What a phrase to be said aloud is, and whether a transcription has it. Pure.

Must never take a phrase for said because its words stand somewhere in a longer text, or in another order.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LENGTH: Final = 6
"""Words of a phrase, all different: log2(256 * 255 * … * 251) = 47.9 bits."""

MISSED: Final = 1
"""So many of its words may come out as something else, or not at all."""

EXTRA: Final = 2
"""So many other words may stand around or between them: a "please", a word that was heard as two."""

_SLIP: Final = 1
"""Letters by which a transcriber may differ in a word. Two words of the list are four apart, so nothing that
counts for one of them is within two letters of another."""

_MOST: Final = 4_000
"""Characters of a transcription that are looked at; no phrase is as long."""

_LETTERS: Final = re.compile(r"[a-z]+")


@dataclass(frozen=True)
class Phrase:
    """What is to be said: first what it is for, where it is for something, then the words.

    Attributes:
        opening: The capabilities that it opens, by their names. None of them may be missed: who says them
            has heard what he allows, whatever he was told.
        words: Drawn at random.
    """

    opening: tuple[str, ...]
    words: tuple[str, ...]

    @property
    def text(self) -> str:
        """As it is shown."""
        words = " ".join(self.words)
        return f"{', '.join(self.opening)}: {words}" if self.opening else words


def drawn(sample: Callable[[Sequence[str], int], Sequence[str]], opening: Sequence[str] = ()) -> Phrase:
    """A phrase. `sample`: draws so many different ones, each as likely as all others, of a secure source."""
    from govd.voice.phrasewords import WORDS

    return Phrase(tuple(opening), tuple(sample(WORDS, LENGTH)))


def said(phrase: Phrase, text: str) -> bool:
    """Whether a transcription is this phrase: all that it opens, its words in order, and little else."""
    heard = _words(text)
    expected = (*phrase.opening, *phrase.words)
    if len(heard) > 2 * len(expected) + EXTRA:
        return False
    fewest = _fewest_extra(expected, len(phrase.opening), heard)
    return fewest is not None and fewest <= EXTRA


def _words(text: str) -> list[str]:
    """Its words: small letters without accents. Digits and other scripts are words that fit nothing."""
    plain = unicodedata.normalize("NFKD", text[: _MOST + 1])
    if len(text) > _MOST:
        return ["?"] * _MOST
    found: list[str] = []
    for part in plain.casefold().replace("'", "").replace("\N{RIGHT SINGLE QUOTATION MARK}", "").split():
        kept = "".join(letter for letter in part if not unicodedata.combining(letter))
        found += _LETTERS.findall(kept) if kept.isascii() and not any(map(str.isdigit, kept)) else ["?"]
    return found


def _fewest_extra(expected: Sequence[str], certain: int, heard: Sequence[str]) -> int | None:
    """The fewest heard words that are none of the phrase, over all ways to align them; None: there is none.

    `certain`: how many of the first must not be missed.
    """

    @cache
    def best(at: int, place: int, missed: int) -> int | None:
        if at == len(expected):
            return len(heard) - place
        ways = [
            best(at + 1, place + width, missed)
            for width in (1, 2)  # a compound may come apart: "water melon"
            if place + width <= len(heard) and _same(expected[at], "".join(heard[place : place + width]))
        ]
        if at >= certain and missed < MISSED:
            ways.append(best(at + 1, place, missed + 1))
            if place < len(heard):  # heard as something else: that word is none too many
                ways.append(best(at + 1, place + 1, missed + 1))
        if place < len(heard) and not any(_same(word, heard[place]) for word in expected):
            # One of its own words at another place is no word too many: it is another phrase.
            after = best(at, place + 1, missed)
            ways.append(None if after is None else after + 1)
        return min((way for way in ways if way is not None), default=None)

    return best(0, 0, 0)


def _same(word: str, heard: str) -> bool:
    """Whether one is the other but for a slip of a letter: put in, left out, or another."""
    if word == heard:
        return True
    short, long = sorted((word, heard), key=len)
    if len(long) - len(short) > _SLIP:
        return False
    at = next((place for place, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short))
    rest = at + (len(short) == len(long))
    return short[rest:] == long[at + 1 :]
