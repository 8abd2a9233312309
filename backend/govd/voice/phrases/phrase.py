"""What a phrase to be said aloud is, and whether a transcription has it. Pure.

Must never take a phrase for said because its words stand somewhere in a longer text, or in another order.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

from govd.voice.phrases.words import FILLERS, REFUSALS, WORDS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LENGTH: Final = 6
"""Words of a phrase, all different: log2(256 * 255 * … * 251) = 47.9 bits."""

MISSED: Final = 1
"""So many of its words may come out as something like it, or not at all."""

PIECES: Final = 3
"""In so many words a word of it may have been heard: "water melon", "sachs of phone"."""

EXTRA: Final = 2
"""So many of `FILLERS` may stand around or between them. With any other word it is no phrase: "never mind" is
two."""

_SLIP: Final = 1
"""Letters by which a transcriber may differ in a word. Two words of the list are four apart, so nothing that
counts for one of them is within two letters of another."""

_MOST: Final = 4_000
"""Characters of a transcription that are looked at; no phrase is as long."""

_OTHER: Final = "?" * 32
"""In the place of what has other letters or digits: it may be a no, and is like no word of ours."""

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
    return Phrase(tuple(opening), tuple(sample(WORDS, LENGTH)))


def said(phrase: Phrase, text: str) -> bool:
    """Whether a transcription is this phrase: all that it opens, its words in order, and nothing else."""
    heard = _words(text)
    expected = (*phrase.opening, *phrase.words)
    if len(heard) > PIECES * len(expected) + EXTRA or not REFUSALS.isdisjoint(heard):
        return False
    fewest = _fewest_extra(expected, len(phrase.opening), heard)
    return fewest is not None and fewest <= EXTRA


def _words(text: str) -> list[str]:
    """Its words: small letters without accents. Digits and other scripts are words that fit nothing."""
    plain = unicodedata.normalize("NFKD", text[: _MOST + 1])
    if len(text) > _MOST:
        return [_OTHER] * _MOST
    found: list[str] = []
    for part in plain.casefold().replace("'", "").replace("\N{RIGHT SINGLE QUOTATION MARK}", "").split():
        kept = "".join(letter for letter in part if not unicodedata.combining(letter))
        found += _LETTERS.findall(kept) if kept.isascii() and not any(map(str.isdigit, kept)) else [_OTHER]
    return found


def _fewest_extra(expected: Sequence[str], certain: int, heard: Sequence[str]) -> int | None:
    """The fewest fillers around the phrase, over all ways to align it; None: there is none.

    `certain`: how many of the first must not be missed.
    """

    @cache
    def best(at: int, place: int, missed: int) -> int | None:
        if at == len(expected):
            rest = heard[place:]
            return len(rest) if FILLERS.issuperset(rest) else None
        may_miss = at >= certain and missed < MISSED
        ways = [best(at + 1, place, missed + 1)] if may_miss else []
        for width in range(1, min(PIECES, len(heard) - place) + 1):
            pieces = heard[place : place + width]
            if _same(expected[at], "".join(pieces)):
                ways.append(best(at + 1, place + width, missed))
            elif may_miss and _alike(expected[at], pieces):
                ways.append(best(at + 1, place + width, missed + 1))
        if place < len(heard) and heard[place] in FILLERS:
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


def _alike(word: str, pieces: Sequence[str]) -> bool:
    """Whether it may have been heard so: about half of its letters are there (Levenshtein).

    Where some of the pieces are the word, the others are something that was said beside it.
    """
    runs = (pieces[start:end] for start in range(len(pieces)) for end in range(start + 1, len(pieces) + 1))
    if any(len(run) < len(pieces) and _same(word, "".join(run)) for run in runs):
        return False
    heard = "".join(pieces)
    row = list(range(len(heard) + 1))
    for at, letter in enumerate(word, 1):
        before, row = row, [at]
        for place, other in enumerate(heard, 1):
            row.append(min(before[place] + 1, row[-1] + 1, before[place - 1] + (letter != other)))
    return row[-1] <= (len(word) + 1) // 2
