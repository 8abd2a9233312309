"""Globs over tool names and origins: `*` is any run of characters, also none; nothing else is special.

Matching is linear in the name, so that no pattern can make a hostile name expensive (threats T18).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_NO_LETTER = "\x00"
"""Stands for "some text" when one glob is held against another: no pattern contains it."""


@lru_cache(maxsize=8192)
def matches(pattern: str, name: str) -> bool:
    """Whether the glob matches the whole name."""
    if "*" not in pattern:
        return pattern == name
    first, *middle, last = pattern.split("*")
    if len(name) < len(first) + len(last) or not name.startswith(first) or not name.endswith(last):
        return False
    at, end = len(first), len(name) - len(last)
    for part in middle:
        found = name.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


def covers(wide: str, narrow: str) -> bool:
    """Whether every name that `narrow` matches is matched by `wide` too. Exact for single globs."""
    return matches(wide, narrow.replace("*", _NO_LETTER))


def covered(narrow: str, wide: Iterable[str]) -> bool:
    """Whether one of the globs covers `narrow`. A union that covers it only together is not seen."""
    return any(covers(pattern, narrow) for pattern in wide)


def overlaps(one: str, other: str) -> bool:
    """Whether some name matches both."""
    if "*" not in one:
        return matches(other, one)
    if "*" not in other:
        return matches(one, other)
    if not _ends_agree(one, other):
        return False
    # reachable[j]: the part of `one` read so far and other[:j] can spell the same text.
    reachable = [True] + [False] * len(other)
    for at, letter in enumerate(other, 1):
        reachable[at] = reachable[at - 1] and letter == "*"
    for letter in one:
        row = [reachable[0] and letter == "*"]
        for at, opposite in enumerate(other, 1):
            if "*" in (letter, opposite):
                row.append(reachable[at] or row[at - 1] or (letter == opposite and reachable[at - 1]))
            else:
                row.append(letter == opposite and reachable[at - 1])
        reachable = row
    return reachable[-1]


def _ends_agree(one: str, other: str) -> bool:
    """A cheap look first: the literal beginnings and endings must fit."""
    head, tail = one.partition("*")[0], one.rpartition("*")[2]
    their_head, their_tail = other.partition("*")[0], other.rpartition("*")[2]
    shared, shared_tail = min(len(head), len(their_head)), min(len(tail), len(their_tail))
    return head[:shared] == their_head[:shared] and (
        shared_tail == 0 or tail[-shared_tail:] == their_tail[-shared_tail:]
    )


@dataclass(frozen=True)
class Patterns:
    """A block's globs, prepared once: literals in a set, the others behind one prefix test."""

    patterns: tuple[str, ...]
    _literals: frozenset[str] = field(init=False, repr=False)
    _globs: tuple[str, ...] = field(init=False, repr=False)
    _heads: tuple[str, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        globs = tuple(pattern for pattern in self.patterns if "*" in pattern)
        object.__setattr__(self, "_literals", frozenset(self.patterns) - frozenset(globs))
        object.__setattr__(self, "_globs", globs)
        object.__setattr__(self, "_heads", tuple({pattern.partition("*")[0] for pattern in globs}))

    def matching(self, name: str) -> list[str]:
        """Every pattern that matches: the literal one first, then the globs in their order."""
        found = [name] if name in self._literals else []
        if self._heads and name.startswith(self._heads):
            found.extend(pattern for pattern in self._globs if matches(pattern, name))
        return found

    def __contains__(self, name: str) -> bool:
        if name in self._literals:
            return True
        if not self._heads or not name.startswith(self._heads):
            return False
        for pattern in self._globs:  # noqa: SIM110 - a generator costs more than most lists here
            if matches(pattern, name):
                return True
        return False
