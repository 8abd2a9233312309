"""A clip in parts: what it sounds like as a whole, and whether one voice says all of it.

Must never call one voice what two people say, as far as the parts tell.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from govd.voice.rules import cosine, mean, vector

if TYPE_CHECKING:
    from array import array
    from collections.abc import Callable, Sequence

PARTED_FROM_SECONDS: Final = 4.0
"""From so much speech on, a clip is embedded in parts. A shorter one is embedded whole: below two seconds a
part says less than the whole that it is taken from."""

PART_SECONDS: Final = 2.5
"""Equal parts of so much speech or more, two at least: as much as speaker models learn from."""

HALVES_MARGIN: Final = 0.05
SHORT_HALVES_MARGIN: Final = 0.1
LONG_HALVES_SECONDS: Final = 6.0
"""By the first of these the halves of a clip may differ more than a clip from its speaker: neither of them is
a mean of several. By the second as well where the clip has less speech than the third. Measured: ADR 25."""

PART_MARGIN: Final = 0.05
"""A single part may match by so much less than all of them on average."""

SURE_PART_SECONDS: Final = 2.25
SHORT_PART_MARGIN: Final = 0.2
"""And so much less again for each second of speech that it lacks of the former: one second tells little."""

_SAMPLE_BYTES: Final = 4


def embedded(pcm: bytes, rate: int, embed: Callable[[bytes], bytes]) -> tuple[bytes, ...]:
    """The embeddings of a clip's parts, in their order; the one of the whole where it is short.

    Args:
        pcm: Speech: little-endian float32, mono.
        rate: Samples a second.
        embed: What makes an embedding of such samples: little-endian float32 of length 1.
    """
    seconds = len(pcm) / _SAMPLE_BYTES / rate
    if seconds < PARTED_FROM_SECONDS:
        return (embed(pcm),)
    return tuple(embed(part) for part in _cut(pcm, max(2, int(seconds / PART_SECONDS))))


def together(parts: Sequence[bytes]) -> bytes:
    """What the whole sounds like: the mean of its parts, of length 1, in their form."""
    return parts[0] if len(parts) == 1 else _mean(parts).tobytes()


def halves(pcm: bytes) -> list[bytes]:
    """Samples cut in the middle."""
    return _cut(pcm, 2)


def two_voices(parts: Sequence[bytes], seconds: float, threshold: float) -> bool:
    """Whether the halves of a clip sound like two people.

    Args:
        parts: The embeddings of its parts, two at least; of an odd count the one in the middle is held
            against either side.
        seconds: Speech in all of them.
        threshold: The model's.
    """
    middles = {len(parts) // 2, (len(parts) + 1) // 2}
    found = min(cosine(_mean(parts[:middle]), _mean(parts[middle:])) for middle in middles)
    short = SHORT_HALVES_MARGIN if seconds < LONG_HALVES_SECONDS else 0.0
    return found < threshold - HALVES_MARGIN - short


def all_of(parts: Sequence[bytes], seconds: float, centroid: bytes, threshold: float) -> bool:
    """Whether each part of a clip sounds like the same person.

    That their mean does is not enough: the mean of several strangers who each sound a little like somebody
    sounds more like him than any of them does, for what tells them from him differs, and cancels out. So the
    parts by which a clip was matched are to match on average as well.

    Args:
        parts: Their embeddings, two at least.
        seconds: Speech in all of them.
        centroid: Of that person.
        threshold: The model's.
    """
    person = vector(centroid)
    scores = [cosine(vector(part), person) for part in parts]
    short = max(0.0, SURE_PART_SECONDS - seconds / len(parts))
    if min(scores) < threshold - PART_MARGIN - SHORT_PART_MARGIN * short:
        return False
    return seconds < PARTED_FROM_SECONDS or math.fsum(scores) / len(scores) >= threshold


def _cut(pcm: bytes, count: int) -> list[bytes]:
    samples = len(pcm) // _SAMPLE_BYTES
    cuts = [_SAMPLE_BYTES * (samples * place // count) for place in range(count + 1)]
    return [pcm[start:end] for start, end in pairwise(cuts)]


def _mean(parts: Sequence[bytes]) -> array[float]:
    return mean([vector(part) for part in parts])
